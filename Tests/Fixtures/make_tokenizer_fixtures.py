"""Writes the expected values of TokenizerTests, made with the `tokenizers` package.

  tokenizers.json    small synthetic tokenizers (shared models, and what stands around them) and, for these and
                     the real ones under ../shared/data, the ids and decoded text of tricky strings
  corpus_hashes.json one hash a real file over the ids of all its lines

Run from anywhere: python Tests/Fixtures/make_tokenizer_fixtures.py
"""

import json
import os
import pathlib
import random

os.environ["TOKENIZERS_PARALLELISM"] = "true"

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
DATA = HERE.parents[2] / "shared/data"
REAL = {"gpt2": "tokenizers/gpt2/tokenizer.json", "stories260K": "stories260K-hf/tokenizer.json"}
FOLDERS = ["text", "instruct", "chat", "classification", "preference", "eval", "ner"]

TEXTS = [
    "",
    " ",
    "Hello world",
    " Hello  world ",
    "hello hello don't can't we'll they're I've I'm he'd it's",
    "HELLO DON'T WE'LL THEY'RE I'VE it'\u017f 'S 'LL",
    "a\nb\r\nc\n\n\nd  \n  e\t\tf\u00a0g\u2003h\u3000i",
    "   \n\n  leading and trailing   \n ",
    "12345 1234567 3.14159 1,000,000 x1y22z333 \u0661\u0662\u0663 \u00bd \u2167 \u00b2",
    "!!! ... ?!? --- ((())) <html> {\"a\": [1]} $5 #tag @name",
    "!!!\n\nnext ...\r\n end\n",
    "na\u00efve caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m \u212b \ufb01 \u1e9b\u0323",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002 \u3053\u3093\u306b\u3061\u306f \uc548\ub155\ud558\uc138\uc694",
    "\u0421\u044a\u0435\u0448\u044c \u0436\u0435 \u0435\u0449\u0451 \u03a3\u0399\u03a3\u03a5\u03a6\u039f\u03a3 \u0130stanbul",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd \u2764\ufe0f",
    "z\u0300\u0301\u0302\u0303 a\u200bb\u200cc\ufeffd\u00ade",
    "\x00\x01\x1b[0m\x7f\x85\u2028\u2029",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "                                                                     x",
    "the the the thethethe theretherethere and other and another",
    "supercalifragilisticexpialidocious antidisestablishmentarianism " * 2,
    "\u2581a \u2581\u2581b\u2581 c \u2581",
    "\U00010000\U0010ffff\ufffd\uffff",
    "one<|endoftext|>two <|endoftext|> three<|endoftext|><|endoftext|>",
    "<s>one</s> two <s> <unk> <0x41> </s",
    "a [MASK] b[MASK]c  [MASK]  d",
    "say Yesterday yesterday xyesterdayx YESTERDAY, yesterday",
    "<left>  <left> a <left>b  <right>  c<right> d <word> e<word>f,<word>. \u00e9<word> <word>",
    "  <left>\n\t<right>  \u00a0<both> x  <both>  ",
    "<a><a<ab><abc><ab <abcd>",
    "hello unknown \u00a4\u00a4\u00a4 \u00a4x\u00a4 end\u00a4",
    "The quick brown fox jumps over the lazy dog. 0123456789",
    "\U00010059\u0323 \u01c4\u0323 \u0385\u0323 \u1112\u1161\u11ab \ud55c \u0915\u093c \uf900 \ufdfa \u0344",
    "o\u0308\u0323\u0301 o\u0323\u0308 \u1e69 \u03d3 \u2126 \u0b47\u0b3e \U00011938 \u07fd\u0323 \U0001d15e \uff21",
]

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
ASCII3 = LLAMA3.replace(
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)", "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
)
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

CORPUS = [
    "the cat and the dog and another dog went to the other house where they said hello world",
    "there is nothing other than another thing; the weather is the thing they thought of",
    "hello hello yesterday don't can't won't 123 456 na\u00efve caf\u00e9 the end of the day",
    "aaaa aaaaaaaa bbbb abababab !!! ... 0123456789 The Quick Brown FOX.",
]


def by_hand(prefix, suffix, words, **options):
    """A model of all letters and digits, and of words (or their beginnings), each merged from left to right."""
    vocabulary, merges = {"<unk>": 0}, []

    def piece(text):
        vocabulary.setdefault(text, len(vocabulary))
        return text

    def spelled(text, is_first, is_last):
        return piece(("" if is_first else prefix) + text + (suffix if is_last else ""))

    for letter in "abcdefghijklmnopqrstuvwxyzT0123456789.,!'":
        for is_first, is_last in [(True, False), (False, False), (True, True), (False, True)]:
            spelled(letter, is_first, is_last)
    for is_last in [False, True]:
        for start in [0, 1]:  # the word, and what follows its first letter
            for word in words.split():
                letters = word[start:]
                for count in range(2, len(letters) + 1):
                    ends = is_last and count == len(letters)
                    pair = [spelled(letters[: count - 1], not start, False), spelled(letters[count - 1], False, ends)]
                    piece(pair[0] + pair[1].removeprefix(prefix))
                    if pair not in merges:
                        merges.append(pair)
    return {"type": "BPE", "dropout": None, "continuing_subword_prefix": prefix or None,
            "end_of_word_suffix": suffix or None, "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False, "vocab": vocabulary, "merges": merges, **options}


def make_models():
    def trained(model, pre, **options):
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = pre
        trainer = trainers.BpeTrainer(show_progress=False, **options)
        tokenizer.train_from_iterator(CORPUS * 3, trainer)
        return json.loads(tokenizer.to_str())["model"]

    bytes_ = trained(
        models.BPE(), pre_tokenizers.ByteLevel(add_prefix_space=False),
        vocab_size=340, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    marked = trained(
        models.BPE(unk_token="<unk>", fuse_unk=True), pre_tokenizers.Metaspace(),
        vocab_size=130, special_tokens=["<unk>", "<s>", "</s>"],
    )
    fallback = trained(
        models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True), pre_tokenizers.Metaspace(),
        vocab_size=360, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)],
    )
    # The package's trainer numbers affixed characters in another order each time.
    prefixed = by_hand("##", "", "th the ca cat an and he hel hell hello yes day 12 . , ' t n na fo fox", unk_token="<unk>")
    suffixed = by_hand("", "</w>", "th the ca cat an and he hel hell hello yes day 12 . , ' t n na fo fox", unk_token="<unk>")
    whole = json.loads(json.dumps(bytes_))
    whole["ignore_merges"] = True
    for piece in ["\u0120yesterday", "hello", "\u0120quick", "na\u00c3\u00afve"]:  # that no merges lead to
        whole["vocab"].setdefault(piece, len(whole["vocab"]))
    few = json.loads(json.dumps(fallback))  # some byte pieces are missing: falls on to <unk>
    few["vocab"] = {k: v for k, v in few["vocab"].items() if k not in ("<0xA4>", "<0xE4>", "<0x80>")}
    crossing = json.loads(json.dumps(marked))  # merges that reach over the marker
    vocabulary = crossing["vocab"]
    for left, right in [("e", "\u2581"), ("\u2581", "\u2581"), ("e\u2581", "d"), ("\u2581\u2581", "a")]:
        vocabulary.setdefault(left + right, len(vocabulary))
        crossing["merges"].insert(3, [left, right])
    crossing["merges"].sort(key=lambda merge: len(merge[0] + merge[1]))
    legacy = json.loads(json.dumps(marked))
    legacy["merges"] = ["#version: 0.2"] + [" ".join(pair) for pair in legacy["merges"]]
    legacy["fuse_unk"] = False
    return {
        "bytes": bytes_, "whole": whole, "marked": marked, "fallback": fallback, "few": few,
        "crossing": crossing, "legacy": legacy, "prefixed": prefixed, "suffixed": suffixed,
    }


def added(models_, name, *tokens):
    vocabulary = models_[name]["vocab"]
    result, next_id = [], len(vocabulary)
    for token in tokens:
        options = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        content = token if isinstance(token, str) else token.pop("content")
        options.update(token if isinstance(token, dict) else {})
        id_ = vocabulary.get(content)
        if id_ is None:
            id_, next_id = next_id, next_id + 1
        result.append({"id": id_, "content": content, **options})
    return result


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def metaspace(scheme="always", splits=True):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": splits}


def replace(old, new):
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def template(*pieces, ids):
    return {
        "type": "TemplateProcessing",
        "single": [
            {"Sequence": {"id": "A", "type_id": 0}} if p == "A" else {"SpecialToken": {"id": p, "type_id": 0}}
            for p in pieces
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {p: {"id": p, "ids": [ids[p]], "tokens": [p]} for p in pieces if p != "A"},
    }


def make_specs(m):
    """name -> (model, the rest of the file)"""
    special = {"special": True}
    decode_bytes = byte_level()
    llama = sequence("normalizers", {"type": "Prepend", "prepend": "\u2581"}, replace(" ", "\u2581"))
    unllama = sequence(
        "decoders", replace("\u2581", " "), {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    )
    around = added(m, "fallback", {"content": "<unk>", **special}, {"content": "<s>", **special},
                   {"content": "</s>", **special})
    ends = template("<s>", "A", "</s>", ids={"<s>": 1, "</s>": 2})
    eot = added(m, "bytes", {"content": "<|endoftext|>", **special})

    specs = {}

    def spec(name, model, **parts):
        specs[name] = (model, parts)

    def regex(pattern, behavior="Isolated", invert=False):
        return sequence("pretokenizers", split({"Regex": pattern}, behavior, invert), byte_level(regex=False))

    spec("llama3", "whole", pre_tokenizer=regex(LLAMA3), decoder=decode_bytes,
         added_tokens=added(m, "whole", {"content": "<|endoftext|>", **special}, "<a>", "<ab", "<abc>"),
         post_processor=sequence("processors", byte_level(), template(
             "<|endoftext|>", "A", ids={"<|endoftext|>": len(m["whole"]["vocab"])})))
    spec("qwen2", "bytes", normalizer={"type": "NFC"}, pre_tokenizer=regex(QWEN2), decoder=decode_bytes,
         added_tokens=eot)
    spec("ascii-contractions", "bytes", pre_tokenizer=regex(ASCII3, "Removed", True), decoder=decode_bytes)
    spec("gpt2-split", "bytes", pre_tokenizer=regex(GPT2), decoder=decode_bytes)
    spec("prefix-space", "bytes", pre_tokenizer=byte_level(prefix=True), decoder=decode_bytes, added_tokens=eot)
    spec("bytes-then-digits", "bytes",
         pre_tokenizer=sequence("pretokenizers", byte_level(), {"type": "Digits", "individual_digits": True}),
         decoder=decode_bytes)
    spec("digits-then-bytes", "bytes",
         pre_tokenizer=sequence("pretokenizers", {"type": "Digits", "individual_digits": False},
                                {"type": "Punctuation", "behavior": "Contiguous"}, byte_level()),
         decoder=decode_bytes)
    spec("bytes-normalizer", "bytes", normalizer={"type": "ByteLevel"}, decoder=decode_bytes,
         added_tokens=added(m, "bytes", {"content": " yesterday", "normalized": True}, {"content": "<word>"}))
    spec("bytes-missing", "legacy", pre_tokenizer=byte_level(), decoder=decode_bytes)
    for scheme in ["always", "first", "never"]:
        for splits in [True, False]:
            spec(f"metaspace-{scheme}-{'split' if splits else 'whole'}", "marked",
                 pre_tokenizer=metaspace(scheme, splits), decoder=metaspace(scheme, splits),
                 added_tokens=added(m, "marked", {"content": "<s>", **special}, {"content": "[MASK]", "lstrip": True}))
    spec("metaspace-after-spaces", "marked", decoder=metaspace(),
         pre_tokenizer=sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace("first")))
    spec("llama2", "fallback", normalizer=llama, decoder=unllama, added_tokens=around, post_processor=ends)
    spec("llama2-few-bytes", "few", normalizer=llama, decoder=unllama)
    spec("llama2-crossing", "crossing", normalizer=llama, decoder=unllama)
    spec("llama2-legacy", "legacy", normalizer=llama, decoder=unllama,
         added_tokens=added(m, "legacy", {"content": "</s>", "normalized": True}))
    spec("gemma", "fallback", normalizer=replace(" ", "\u2581"), added_tokens=around, post_processor=ends,
         pre_tokenizer=split({"String": " "}, "MergedWithPrevious"),
         decoder=sequence("decoders", replace("\u2581", " "), {"type": "ByteFallback"}, {"type": "Fuse"}))
    for behavior in ["Removed", "Isolated", "Contiguous", "MergedWithPrevious", "MergedWithNext"]:
        for invert in [False, True]:
            spec(f"split-{behavior}{'-inverted' if invert else ''}", "legacy",
                 pre_tokenizer=split({"String": "e"}, behavior, invert))
        spec(f"punctuation-{behavior}", "legacy", pre_tokenizer={"type": "Punctuation", "behavior": behavior})
    spec("prefixed", "prefixed", pre_tokenizer={"type": "Whitespace"})
    spec("suffixed", "suffixed", pre_tokenizer={"type": "WhitespaceSplit"},
         decoder={"type": "BPEDecoder", "suffix": "</w>"})
    spec("normalizers", "legacy", pre_tokenizer={"type": "Whitespace"}, normalizer=sequence(
        "normalizers", {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"},
        {"type": "Strip", "strip_left": True, "strip_right": False}, replace("the", "cat")))
    for form in ["NFC", "NFD", "NFKC", "NFKD"]:
        spec(form, "bytes", normalizer={"type": form}, pre_tokenizer=byte_level(), decoder=decode_bytes)
    spec("strip-decoder", "legacy", decoder=sequence(
        "decoders", {"type": "Fuse"}, {"type": "Strip", "content": "l", "start": 1, "stop": 0},
        replace("the", "<>"), {"type": "Strip", "content": "<", "start": 2, "stop": 0}))
    spec("added", "bytes", normalizer={"type": "Lowercase"}, pre_tokenizer=byte_level(), decoder=decode_bytes,
         added_tokens=added(
             m, "bytes", {"content": "<left>", "lstrip": True, **special}, {"content": "<right>", "rstrip": True},
             {"content": "<both>", "lstrip": True, "rstrip": True}, {"content": "<word>", "single_word": True},
             {"content": "[MASK]", "lstrip": True, "normalized": True},
             {"content": "Yesterday", "normalized": True, "single_word": True},
             {"content": "<a>"}, {"content": "<ab>"}, {"content": "<abc>", **special}))
    spec("roberta", "bytes", pre_tokenizer=byte_level(prefix=True), decoder=decode_bytes, post_processor={
        "type": "RobertaProcessing", "sep": ["x", 5], "cls": ["y", 6], "trim_offsets": True,
        "add_prefix_space": True})
    return specs


def expectations(tokenizer, seed):
    draw = random.Random(seed)
    count = tokenizer.get_vocab_size()
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=True).ids
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        case = {"ids": ids}
        if plain != ids:
            case["plain"] = plain
        decoded, skipped = (decode(tokenizer, ids, skip) for skip in (False, True))
        if decoded != text:
            case["decoded"] = decoded
        if skipped != decoded:
            case["skipped"] = skipped
        cases.append(case)
    streams = []
    for length in [1, 5, 40, 60]:
        ids = [draw.randrange(count + 3) for _ in range(length)]
        streams.append({"ids": ids, "decoded": decode(tokenizer, ids, False), "skipped": decode(tokenizer, ids, True)})
    sample = sorted({*range(3), *range(count - 4, count + 2), *(draw.randrange(count) for _ in range(6))})
    return {"cases": cases, "streams": streams, "pieces": [[i, tokenizer.id_to_token(i)] for i in sample]}


def decode(tokenizer, ids, skip):
    # The package's BPEDecoder cannot decode an empty list.
    return tokenizer.decode(ids, skip_special_tokens=skip) if ids else ""


def corpus_hashes():
    result = []
    loaded = {name: Tokenizer.from_file(str(DATA / path)) for name, path in REAL.items()}
    for folder in FOLDERS:
        for path in sorted((DATA / folder).rglob("*")):
            if not path.is_file():
                continue
            lines = path.read_bytes().decode("utf-8", errors="replace").split("\n")
            entry = {"file": str(path.relative_to(DATA)), "lines": len(lines)}
            for name, tokenizer in loaded.items():
                value = 0xCBF29CE484222325  # FNV-1a, a whole id a step, and a line's end as 2^32 - 1
                for encoding in tokenizer.encode_batch(lines, add_special_tokens=True):
                    for id_ in encoding.ids:
                        value = ((value ^ id_) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
                    value = ((value ^ 0xFFFFFFFF) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
                entry[name] = f"{value:016x}"
            result.append(entry)
    return result


def write(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace('},"', '},\n"') + "\n")


def main():
    versions = {"tokenizers": tokenizers.__version__}
    m = make_models()
    specs = make_specs(m)
    result = {"versions": versions, "texts": TEXTS, "models": m, "tokenizers": {}, "real": {}}
    for seed, (name, (model, parts)) in enumerate(sorted(specs.items())):
        whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
                 "pre_tokenizer": None, "post_processor": None, "decoder": None, **parts}
        tokenizer = Tokenizer.from_str(json.dumps({**whole, "model": m[model]}))
        result["tokenizers"][name] = {"model": model, "file": whole, **expectations(tokenizer, seed)}
    for name, path in REAL.items():
        result["real"][name] = {"file": path, **expectations(Tokenizer.from_file(str(DATA / path)), 1000)}
    write("tokenizers.json", result)
    write("corpus_hashes.json", {"versions": versions, "files": corpus_hashes()})


main()
