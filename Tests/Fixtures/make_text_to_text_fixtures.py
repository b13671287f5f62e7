#!/usr/bin/env python3
"""Makes the fixtures of text_to_text: tiny T5 and BART models with a tokenizer and rows, and what transformers computes.

    OMP_NUM_THREADS=1 python make_text_to_text_fixtures.py [--output text_to_text]

expected.json has the mean loss of all rows, the losses of four AdamW steps of four rows each in the order of the file,
and for each row the answer of greedy and of beam search (three beams, length penalty 2); `gap` is the least distance of
the two largest logits in greedy search, so that it shows whether another order of additions may choose another token.
"""

import argparse
import json
import pathlib
import shutil

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BartConfig, BartForConditionalGeneration, DataCollatorForSeq2Seq, PreTrainedTokenizerFast, T5Config,
    T5ForConditionalGeneration,
)  # fmt: skip

WORDS = "the cat saw a ship and sang of rain slept red blue green one two three four five".split()
LENGTH = 12


def tokenizer(specials, template):
    vocabulary = specials + WORDS + ["##" + w for w in ("s", "ed", "ly")]
    ids = {word: number for number, word in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(ids, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    made.add_special_tokens(specials)
    made.post_processor = processors.TemplateProcessing(
        single=template, pair=template + " $B", special_tokens=[(s, ids[s]) for s in specials]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=64
    )


def t5(size):
    return T5ForConditionalGeneration(T5Config(
        vocab_size=size, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_decoder_layers=1, num_heads=2,
        relative_attention_num_buckets=8, relative_attention_max_distance=10, dropout_rate=0.0,
        feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    ))  # fmt: skip


def bart(size):
    return BartForConditionalGeneration(BartConfig(
        vocab_size=size, d_model=16, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=20, max_position_embeddings=40, dropout=0.0,
        attention_dropout=0.0, activation_dropout=0.0, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        decoder_start_token_id=2, forced_eos_token_id=None, init_std=0.1,
    ))  # fmt: skip


CASES = {
    "t5": (t5, ["<pad>", "</s>", "<unk>"], "$A </s>"),
    "bart": (bart, ["<s>", "<pad>", "</s>", "<unk>"], "<s> $A </s>"),
}


def rows(generator):
    made = []
    for _ in range(16):
        def words(least, most):
            count = int(torch.randint(least, most + 1, (1,), generator=generator))
            return " ".join(WORDS[int(i)] for i in torch.randint(0, len(WORDS), (count,), generator=generator))

        source = words(1, 7)
        # Something to learn, and some of it not.
        made.append({"source": source, "target": " ".join(source.split()[:3][::-1]) + " " + words(1, 1)})
    return made


def answers(model, inputs, **settings):
    result = model.generate(
        **inputs, do_sample=False, max_new_tokens=LENGTH, return_dict_in_generate=True, output_scores=True, **settings
    )
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", default=pathlib.Path(__file__).parent / "text_to_text", type=pathlib.Path)
    output = parser.parse_args().output
    for number, (name, (make, specials, template)) in enumerate(CASES.items()):
        folder = output / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        torch.manual_seed(number)
        tokens = tokenizer(specials, template)
        model = make(len(tokens)).eval()
        model.generation_config.forced_eos_token_id = None
        made = rows(torch.Generator().manual_seed(number))
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))

        def encoded(row):
            return {**{k: v for k, v in tokens("to: " + row["source"]).items() if k != "token_type_ids"},
                    "labels": tokens(row["target"])["input_ids"]}  # fmt: skip

        collate = DataCollatorForSeq2Seq(tokens, model=model)
        whole = collate([encoded(row) for row in made])
        # A model at random would repeat itself.
        learning = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(22 if name == "t5" else 12):
            model(**whole).loss.backward()
            learning.step()
            learning.zero_grad()
        model.save_pretrained(folder)
        tokens.save_pretrained(folder)
        inputs = {"input_ids": whole["input_ids"], "attention_mask": whole["attention_mask"]}
        expected = {}
        with torch.no_grad():
            expected["loss"] = float(model(**whole).loss)
        greedy = answers(model, inputs)
        expected["greedy"] = tokens.batch_decode(greedy.sequences, skip_special_tokens=True)
        ended, gap = [False] * len(made), 1e9
        for step, scores in enumerate(greedy.scores):
            for row in range(len(made)):
                if not ended[row]:
                    top = scores[row].topk(2).values
                    gap = min(gap, float(top[0] - top[1]))
                ended[row] |= int(greedy.sequences[row, step + 1]) == model.config.eos_token_id
        expected["gap"] = gap
        beams = answers(model, inputs, num_beams=3, length_penalty=2.0)
        expected["beams"] = tokens.batch_decode(beams.sequences, skip_special_tokens=True)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, eps=1e-8)
        expected["steps"] = []
        for step in range(4):
            batch = collate([encoded(row) for row in made[4 * step : 4 * step + 4]])
            loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            expected["steps"].append(float(loss.detach()))
        (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
        print(name, expected["loss"], expected["steps"], "gap", gap, expected["greedy"][:4], expected["beams"][:4])


if __name__ == "__main__":
    main()
