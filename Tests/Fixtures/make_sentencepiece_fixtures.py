"""Writes what SentencePieceTests reads: small models that the `sentencepiece` package trains on ../shared/data/text, and
what transformers makes of folders with them and no tokenizer.json.

  sentencepiece/NAME.model  the models, of at most 30 KB each
  sentencepiece.json        folders: a model, the small files beside it, and the expected values of TokenizerTests for
                            the `tokenizers` object that transformers converts the model to; for some, one hash over
                            the ids of the lines of ../shared/data/text, and which texts sentencepiece itself gives the
                            same ids

transformers adds no `<s>` where a folder says nothing of `add_bos_token`, against its own documentation; these
expectations have it.

Run from anywhere, with `protobuf` installed: python Tests/Fixtures/make_sentencepiece_fixtures.py
"""

import json
import os
import pathlib
import shutil
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import sentencepiece
import tokenizers
import transformers
from sentencepiece import sentencepiece_model_pb2
from transformers import AutoTokenizer

import make_tokenizer_fixtures as common

HERE = pathlib.Path(__file__).parent
MODELS = HERE / "sentencepiece"
TEXT = common.DATA / "text"
NAMES = {"t5": "spiece.model", "mt5": "spiece.model", "xlm-roberta": "sentencepiece.bpe.model", "deberta-v2": "spm.model"}

# From code points to code points: SentencePiece's own maps have 240 KB.
RULES = ["9\t20", "A\t20", "D\t20", "A0\t20", "2003\t20", "3000\t20", "AD\t", "200B\t", "FB01\t66 69", "BD\t31 2044 32",
         "65 301\tE9", "FF21\t41", "2026\t2E 2E 2E"]


def train(name, **options):
    text = (TEXT / "wikipedia_demo_1mb.txt").read_text()[:200_000] + (TEXT / "the-verdict.txt").read_text()
    lines = [line for line in text.split("\n") if line.strip()]
    if options.pop("maps", False):
        rules = MODELS / "rules.tsv"
        rules.write_text("\n".join(RULES) + "\n")
        options["normalization_rule_tsv"] = str(rules)
    else:
        options["normalization_rule_name"] = "identity"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(MODELS / name), minloglevel=2, num_threads=1,
        character_coverage=0.999, max_sentence_length=20_000, **options)
    (MODELS / f"{name}.vocab").unlink()
    (MODELS / "rules.tsv").unlink(missing_ok=True)
    # Paths of the machine that it was trained on say nothing.
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString((MODELS / f"{name}.model").read_bytes())
    model.trainer_spec.ClearField("input")
    model.trainer_spec.ClearField("model_prefix")
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    (MODELS / f"{name}.model").write_bytes(model.SerializeToString())


def make_models():
    shutil.rmtree(MODELS, ignore_errors=True)
    MODELS.mkdir()
    spaces = {"remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True, "split_digits": True}
    train("llama", model_type="bpe", vocab_size=900, byte_fallback=True, **spaces)
    train("t5", model_type="unigram", vocab_size=900, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, maps=True,
          user_defined_symbols=["<sep>", "hello world"])
    train("xlm-roberta", model_type="unigram", vocab_size=800, maps=True)
    train("deberta", model_type="unigram", vocab_size=800, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]",
          bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]", maps=True, control_symbols=["[X]"],
          user_defined_symbols=["<a>"])
    train("gemma", model_type="bpe", vocab_size=900, byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
          pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", add_dummy_prefix=False, **spaces,
          user_defined_symbols=["<mask>", "<start_of_turn>", "<end_of_turn>", "\n", "\n\n", "\n\n\n", "\u2581\u2581",
                                "\u2581\u2581\u2581", "<ab>", "[MASK]", "e\u0301", "\u00e9"])
    train("unigram-bytes", model_type="unigram", vocab_size=900, byte_fallback=True, maps=True)
    # Pieces that are put behind the others with the best score, as those who extend a vocabulary do; and equal scores.
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString((MODELS / "llama.model").read_bytes())
    for piece in ["the\u2581", "\u2581th", "he", "e\u0301", "\u00e9", "he\u2581c", "\u4f60", "\u4f60\u597d", "\u597d"]:
        if piece not in {p.piece for p in model.pieces}:
            model.pieces.add(piece=piece, score=0)
    for index in range(300, 400):
        model.pieces[index].score = -1.0 - index % 7
    (MODELS / "extended.model").write_bytes(model.SerializeToString())


def token(content, **options):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": True, **options}


def typed(content, **options):
    value = token(content, **options)
    del value["special"]
    return {"__type": "AddedToken", **value}


def specs():
    """name -> (model_type, model, tokenizer_config.json or None, other files)"""
    llama = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "legacy": False}
    listed = {"0": token("<unk>"), "1": token("<s>"), "2": token("</s>", special=False, rstrip=True)}
    sentinels = [f"<extra_id_{i}>" for i in range(3)]
    return {
        "t5": ("t5", "t5", None, {}),
        "t5-listed": ("t5", "t5", {"extra_ids": 3, "additional_special_tokens": sentinels, "tokenizer_class": "T5TokenizerFast"}, {}),
        "mt5": ("mt5", "t5", {"extra_ids": 0, "additional_special_tokens": None, "tokenizer_class": "T5Tokenizer"}, {}),
        "xlm-roberta": ("xlm-roberta", "xlm-roberta", None, {}),
        "xlm-roberta-mask": ("xlm-roberta", "xlm-roberta", {
            "add_prefix_space": False, "mask_token": typed("<mask>", lstrip=True, normalized=True)}, {}),
        "deberta-v2": ("deberta-v2", "deberta", None, {}),
        "deberta-v2-lower": ("deberta-v2", "deberta", {
            "do_lower_case": True, "split_by_punct": True, "add_prefix_space": False,
            "mask_token": typed("[MASK]", lstrip=True)}, {}),
        "llama": ("llama", "llama", llama, {}),
        "llama-legacy": ("llama", "llama", {
            **llama, "legacy": True, "add_eos_token": True, "additional_special_tokens": ["<left>", "[MASK]"]}, {}),
        "llama-no-space": ("llama", "llama", {"tokenizer_class": "LlamaTokenizerFast", "add_prefix_space": False}, {
            "special_tokens_map.json": {"pad_token": "<both>", "eos_token": typed("</s>", normalized=True)},
            "added_tokens.json": {"<word>": 900, "<both>": 901}}),
        "llama-of-gemma": ("llama", "gemma", {**llama, "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": None}, {}),
        "llama-by-id": ("llama", "extended", llama, {}),
        "plain": ("llama", "llama", None, {}),
        "plain-by-score": ("mistral", "extended", {"tokenizer_class": "LlamaTokenizer", "legacy": False}, {}),
        "phi3": ("phi3", "llama", {
            **llama, "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "added_tokens_decoder": {
                **listed, "900": token("<|endoftext|>"), "901": token("[MASK]", rstrip=True),
                "902": token("<word>", special=False, normalized=True, single_word=True)}}, {}),
        "plain-of-gemma": ("mistral", "gemma", {"bos_token": None}, {}),
        "plain-renamed": ("mistral", "gemma", {"legacy": None, "added_tokens_decoder": {
            "4": token("<left>"), "12": token("<both>", special=False, normalized=True)}}, {}),
        "plain-unigram": ("llama", "t5", None, {}),
        "plain-unigram-bytes": ("mistral", "unigram-bytes", {"add_eos_token": True, "legacy": True}, {}),
        "gemma": ("gemma", "gemma", None, {}),
        "gemma-listed": ("gemma2", "gemma", {
            "add_bos_token": True, "additional_special_tokens": ["<start_of_turn>", "<end_of_turn>"], "pad_token": None,
            "added_tokens_decoder": {"0": token("<pad>"), "2": token("<bos>"), "9": token("\n\n\n", special=False)}}, {}),
    }


# One folder for each model and family: its lines are compared too.
LINES = ["t5", "xlm-roberta", "deberta-v2", "llama", "plain", "plain-by-score", "plain-unigram", "plain-unigram-bytes", "gemma"]
PAIRED = ["t5", "xlm-roberta", "deberta-v2", "llama", "gemma"]


def load(family, model, files):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copy(model, folder / NAMES.get(family, "tokenizer.model"))
        for name, value in files.items():
            (folder / name).write_text(json.dumps(value))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        config = files.get("tokenizer_config.json") or {}
        if "add_bos_token" not in config and tokenizer.add_bos_token is False and tokenizer.bos_token:
            if type(tokenizer).__name__ in ("LlamaTokenizer", "GemmaTokenizer", "TokenizersBackend"):
                tokenizer.add_bos_token = True
        return tokenizer.backend_tokenizer


def lines_of_text():
    return [line for path in sorted(TEXT.glob("*")) for line in path.read_bytes().decode("utf-8", errors="replace").split("\n")]


def main():
    make_models()
    lines = lines_of_text()
    folders = {}
    for seed, (name, (family, model, config, others)) in enumerate(specs().items()):
        path = MODELS / f"{model}.model"
        files = {"config.json": {"model_type": family}, **({} if config is None else {"tokenizer_config.json": config}), **others}
        tokenizer = load(family, path, files)
        entry = {"model": model, "as": NAMES.get(family, "tokenizer.model"), "files": files,
                 **common.expectations(tokenizer, seed, name in PAIRED),
                 "generated": common.hash_of(tokenizer, common.generated())}
        for key in ["words", "windows"]:
            entry.pop(key, None)
        if name in LINES:
            entry["lines"] = common.hash_of(tokenizer, lines)
        if name.startswith("plain"):
            own = sentencepiece.SentencePieceProcessor(model_file=str(path))
            entry["sentencepiece"] = [own.encode(text) for text in common.TEXTS]
            for index, text in enumerate(common.TEXTS):
                if own.encode(text) != tokenizer.encode(text, add_special_tokens=False).ids:
                    print(name, "differs from sentencepiece on", index, repr(text))
        folders[name] = entry
    real = load("t5", common.DATA / "tokenizers/t5/spiece.model", {"config.json": {"model_type": "t5"}})
    common.write("sentencepiece.json", {
        "versions": {m.__name__: m.__version__ for m in (transformers, tokenizers, sentencepiece)},
        "folders": folders, "t5": {"lines": common.hash_of(real, lines), "generated": common.hash_of(real, common.generated())}})


if __name__ == "__main__":
    main()
