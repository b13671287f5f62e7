"""Makes reranker/: two small cross-encoders with random weights, one that gives a number and one with two labels, and what
transformers gives for every query and passage of retrieval.json.

Run in this folder with torch, transformers and tokenizers: python make_reranker_fixtures.py
"""

import json
import os
import shutil

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "reranker")
LONGEST = 48


def tokenizer():
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + list(letters) + ["##" + letter for letter in letters]
    pieces += ["the", "of", "is", "capital", "##er", "##in"]
    tokens = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokens.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokens.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokens.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokens.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=LONGEST)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    with open(os.path.join(HERE, "retrieval.json"), encoding="utf-8") as file:
        data = json.load(file)
    tokens = tokenizer()
    scores = {}
    for labels in [1, 2]:
        torch.manual_seed(labels)
        config = BertConfig(
            vocab_size=len(tokens), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
            max_position_embeddings=LONGEST, num_labels=labels, initializer_range=0.3,
            problem_type="regression" if labels == 1 else None)
        model = BertForSequenceClassification(config).eval()
        name = ["number", "labels"][labels - 1]
        path = os.path.join(FOLDER, name)
        model.save_pretrained(path)
        tokens.save_pretrained(path)
        scores[name] = []
        with torch.no_grad():
            for query in data["queries"]:
                # The longer text of a pair loses its end first, as transformers' usual truncation has it.
                batch = tokens(
                    [query] * len(data["passages"]), [row["text"] for row in data["passages"]], padding=True,
                    truncation=True, max_length=LONGEST, return_token_type_ids=True, return_tensors="pt")
                logits = model(**batch).logits
                scores[name].append((logits[:, 0] if labels == 1 else logits.softmax(-1)[:, -1]).tolist())
    with open(os.path.join(FOLDER, "expected.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(scores) + "\n")


main()
