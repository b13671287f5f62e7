"""Writes the expected values of TokenizerTests, made with the `tokenizers` package.

  tokenizers.json    small synthetic tokenizers (shared models, and what stands around them) and, for these and
                     the real ones under ../shared/data, the ids and decoded text of tricky strings; for some, pairs
                     of strings, cut to lengths, lists of words, long texts in windows behind a question, the parts
                     of a text that tokens stand for, and one hash over a text of all code points
  corpus_hashes.json one hash a real file over the ids of all its lines; and for GPT-2's vocabulary with the splits of
                     other models, one over the lines of text/ and one over generated texts

Run from anywhere: python Tests/Fixtures/make_tokenizer_fixtures.py
"""

import base64
import json
import os
import pathlib
import random
import struct

os.environ["TOKENIZERS_PARALLELISM"] = "true"

import tiktoken
import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
DATA = HERE.parents[2] / "shared/data"
REAL = {
    "gpt2": "tokenizers/gpt2/tokenizer.json", "stories260K": "stories260K-hf/tokenizer.json",
    "bert-base-uncased": "tokenizers/bert-base-uncased/tokenizer.json",
    "all-MiniLM-L6-v2": "all-MiniLM-L6-v2/tokenizer.json", "t5": "tokenizers/t5/tokenizer.json",
}
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
    "\u00dcn\u00efc\u00f6d\u00e9 \u00c0\u00c9\u00ce \u0141\u00d8 \u00df\u1e9e\u017f \u0130I\u0131i \u1fb7 \u0390 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
    "\u65e5\u672c\u8a9e \u304c\u304e\u3050 \u30d1\u30d4 \ud55c\uad6d\uc5b4 \uf900\u6f22\u5b57kanji\u4e00b \U00020000\U0002b820\U0002b920",
    "a\x00b\ufffdc\u200bd\u00ade\ue000f\U000e0041g\x85h\u3000i\u2028j\x0bk\x7fl",
    "\u302e\u302f\u302a a\u302f\u302e\u0323 \U0001d165\U0001d158\U0001d16d e\u0301\u0323\u0f71\u0f74\u0f72 \u0323\u3099\u05b0",
    "x" * 100 + " " + "y" * 101 + " thethe" + "\u00e9" * 100 + " " + "\u00e9" * 50 + "e\u0301" * 51,
    "[MASK]  [MASK]x[UNK]the [CLS]a[SEP] \t[MASK]\n[mask] [PAD] ##the the##the @@the 'the' do not . don't n't 's",
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
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
QWEN35 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + SPACES
DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*" + SPACES
)


def cased(ending, count):
    start, upper, lower = r"[^\r\n\p{L}\p{N}]?", r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    return (
        f"{start}{upper}*{lower}+{ending}|{start}{upper}+{lower}*{ending}"
        rf"|\p{{N}}{count}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*" + SPACES
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


def word_piece(prefix="##", longest=100, **options):
    """A model of letters, marks, and the beginnings and ends of some words."""
    vocabulary = {}
    words = "the then other an and do not don hello yes yesterday cat catch un uni unicode kanji esc \u4e16 cafe caf\u00e9 mask"
    for piece in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words.split(), *"'.,!?#@[]()-:;<>",
                  *"\u4f60\u597d\u6f22\u304b\u304c\u1112\u1161\u11ab\u03c3\u03c2\u00e9\u00c9\u0301", "'s", "n't", "##the", "@@the"]:
        vocabulary.setdefault(piece, len(vocabulary))
    for piece in [*"abcdefghijklmnopqrstuvwxyzTHEABC0123456789\u00e9\u0301\u1161\u11ab\u0438", "the", "he", "code", "day", "her", "ee"]:
        vocabulary.setdefault(piece, len(vocabulary))
        vocabulary.setdefault(prefix + piece, len(vocabulary))
    return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": prefix,
            "max_input_chars_per_word": longest, "vocab": vocabulary, **options}


def unigram(pieces, unk=0, fallback=False):
    return {"type": "Unigram", "unk_id": unk, "byte_fallback": fallback, "vocab": pieces}


def make_unigrams():
    """Many sums are equal, so that it shows which of two paths wins."""
    words = "\u2581the \u2581th the he t h e \u2581 \u2581a an and nd d a n \u2581hello hell hello o l lo ell x y z i s u r w \u2581w or ld".split()
    letters = [c for c in "bcfgjkmpqv0123456789.,!?'-THE\u00e9\u00e0\u4f60\u3042\u0438" if c not in words]
    plain = [["<unk>", 0.0], ["<s>", 0.0], ["</s>", 0.0], ["<pad>", 0.0], ["<mask>", 0.0]]
    plain += [[word, -1.0 - len(word) % 3] for word in words] + [[letter, -4.0] for letter in letters]
    plain += [["the", -2.5], ["\u00a4x\u00a4", -9.0], ["123", -6.5], ["12", -5.0], ["(c)", -3.0]]  # one stands twice
    byte_pieces = [[f"<0x{b:02X}>", -7.0] for b in range(256)]
    positive = [[piece, 21.0 if piece in ("\u00a4\u00a4", "zz") else 30.0 + len(piece)] for piece, _ in plain if piece not in ("z", "zz")]
    positive += [["\u00a4\u00a4", 21.0], ["zz", 21.0]]  # together, unknown characters are a piece
    few = [piece for piece in byte_pieces if piece[0] not in ("<0xC2>", "<0xE4>")]
    return {
        "unigram": unigram(plain), "unigram-bytes": unigram(plain[:60] + byte_pieces, fallback=True),
        "unigram-few-bytes": unigram(plain[:60] + few, fallback=True), "unigram-positive": unigram(positive),
    }


def charsmap(mapping):
    """SentencePiece's map of characters: a double array of the keys, and the texts."""
    texts, offsets, root = b"", {}, {}
    for key, text in mapping.items():
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        if text not in offsets:
            offsets[text] = len(texts)
            texts += text.encode() + b"\0"
        node[0] = offsets[text]
    units, used = {0: 0}, {0}

    def place(node, at, label):
        base = next(b for b in range(1, 1 << 20) if not any(b ^ byte in used for byte in node))
        used.update(base ^ byte for byte in node)
        units[at] = label | (0 in node) << 8 | (at ^ base) << 10
        for byte, child in node.items():
            if byte == 0:
                units[base] = 1 << 31 | child
            else:
                place(child, base ^ byte, byte)

    place(root, 0, 0)
    array = [units.get(i, 0) for i in range((max(units) | 255) + 1)]
    return base64.b64encode(struct.pack(f"<I{len(array)}I", 4 * len(array), *array) + texts).decode()


# A key may begin another, take the marks behind it with it, grow, or vanish.
CHARSMAP = charsmap({
    **{c: " " for c in "\t\n\r\u00a0\u2003\u3000"}, **{c: "" for c in "\x01\x1b\u200b\u00ad\ufeff"},
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(60)}, "\ufb01": "fi", "\u00bd": "1\u20442", "e\u0301": "\u00e9",
    "a\u0300": "\u00e0", "a\u0300\u0323": "a", "A": "a", "\u00fc": "ue", "\u00a9": "(c)", "\u2122": "tm", "\u0915": "k",
    "\u1100": "g", "\u1161": "a", "\u0600": "x", "\u0600a": "y", "\ufdfa": "the other " * 3, "\u0301": "'", "\r\n": "!",
    "\u00a4": "\u00a4\u00a4", "\U0001f600": ":)", "\u0441\u044a": "s",
})


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
        **make_unigrams(),
        "pieces": word_piece(), "few-pieces": word_piece("@@", 6), "bare-pieces": word_piece(""),
    }


def added(models_, name, *tokens):
    vocabulary = models_[name]["vocab"]
    next_id = len(vocabulary)
    if isinstance(vocabulary, list):
        vocabulary = {piece: i for i, (piece, _) in enumerate(vocabulary)}
    result = []
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


def replace_runs(pattern, new):
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": new}


def bert(clean=True, chinese=True, accents=None, lower=True):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
            "strip_accents": accents, "lowercase": lower}


def pairs_of(single, pair, ids):
    """TemplateProcessing of pieces such as A:0."""
    def pieces(text):
        for piece in text.split():
            name, type_id = piece.split(":")
            yield {"Sequence" if name in "AB" else "SpecialToken": {"id": name, "type_id": int(type_id)}}

    return {"type": "TemplateProcessing", "single": list(pieces(single)), "pair": list(pieces(pair)),
            "special_tokens": {p: {"id": p, "ids": [i], "tokens": [p]} for p, i in ids.items()}}


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
    in_pieces = added(m, "pieces", *({"content": t, **special} for t in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]),
                      {"content": "[MASK]", "lstrip": True, **special})
    around_pieces = {"[CLS]": 2, "[SEP]": 3}
    for name, normalizer in {"": bert(), "-cased": bert(lower=False), "-accents": bert(accents=False),
                             "-no-accents": bert(lower=False, accents=True), "-raw": bert(False, False)}.items():
        spec(f"bert{name}", "pieces", normalizer=normalizer, pre_tokenizer={"type": "BertPreTokenizer"},
             added_tokens=in_pieces, decoder={"type": "WordPiece", "prefix": "##", "cleanup": name != "-raw"},
             post_processor=pairs_of("[CLS]:0 A:0 [SEP]:0", "[CLS]:0 A:0 [SEP]:0 B:1 [SEP]:1", around_pieces))
        # Byte by byte, so that the ids tell exactly what became of the text.
        spec(f"bytes-bert{name}", "bytes", normalizer=normalizer, pre_tokenizer=byte_level(), decoder=decode_bytes)
    spec("few-pieces", "few-pieces", pre_tokenizer={"type": "Whitespace"},
         decoder={"type": "WordPiece", "prefix": "@@", "cleanup": True},
         post_processor={"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]})
    spec("bare-pieces", "bare-pieces", pre_tokenizer={"type": "WhitespaceSplit"},
         decoder={"type": "WordPiece", "prefix": "", "cleanup": False}, post_processor={
             "type": "RobertaProcessing", "sep": ["x", 5], "cls": ["y", 6], "trim_offsets": True,
             "add_prefix_space": True})
    spec("pairs-odd", "pieces", pre_tokenizer={"type": "BertPreTokenizer"},
         decoder={"type": "WordPiece", "prefix": "##", "cleanup": True}, post_processor=sequence(
             "processors", byte_level(), pairs_of(
                 "[SEP]:0 A:1 [CLS]:1", "[CLS]:0 [SEP]:0 A:0 [SEP]:1 [SEP]:1 B:1", around_pieces)))
    ends_of = {"<s>": 1, "</s>": 2}
    in_unigram = added(m, "unigram", *({"content": t, **special} for t in ["<unk>", "<s>", "</s>", "<pad>"]),
                       {"content": "<mask>", "lstrip": True, **special})
    precompiled = {"type": "Precompiled", "precompiled_charsmap": CHARSMAP}
    between_spaces = sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace())
    xlm = pairs_of("<s>:0 A:0 </s>:0", "<s>:0 A:0 </s>:0 </s>:0 B:0 </s>:0", ends_of)
    deberta = pairs_of("<s>:0 A:0 </s>:0", "<s>:0 A:0 </s>:0 B:1 </s>:1", ends_of)
    spec("xlm-roberta", "unigram", normalizer=precompiled, pre_tokenizer=between_spaces, added_tokens=in_unigram,
         post_processor=xlm, decoder=metaspace())
    spec("xlm-roberta-old", "unigram-bytes", pre_tokenizer=between_spaces, decoder=metaspace(), normalizer=sequence(
        "normalizers", precompiled, replace_runs(" {2,}", " ")), post_processor=xlm)
    spec("deberta", "unigram-few-bytes", pre_tokenizer=sequence("pretokenizers", metaspace()), decoder=metaspace(),
         normalizer=sequence("normalizers", {"type": "Strip", "strip_left": True, "strip_right": True}, precompiled,
                             replace_runs(" {2,}", " ")), post_processor=deberta)
    spec("deberta-new", "unigram-positive", decoder=metaspace("first"), pre_tokenizer=sequence(
        "pretokenizers", {"type": "Punctuation", "behavior": "Isolated"}, metaspace("first")), normalizer=sequence(
            "normalizers", replace_runs(r"\s{2,}|[\n\r\t]", " "), {"type": "NFC"},
            {"type": "Strip", "strip_left": False, "strip_right": True}), post_processor=deberta)
    spec("unigram-whole", "unigram", normalizer=sequence(
        "normalizers", {"type": "Prepend", "prepend": "\u2581"}, replace_runs(r"\s+", "\u2581")))
    spec("roberta-pairs", "bytes", pre_tokenizer=byte_level(), decoder=decode_bytes, post_processor={
        "type": "RobertaProcessing", "sep": ["x", 5], "cls": ["y", 6], "trim_offsets": True,
        "add_prefix_space": False},
         added_tokens=added(m, "bytes", {"content": "[MASK]", "lstrip": True, **special}))
    spec("neox", "bytes", normalizer={"type": "NFC"}, pre_tokenizer=byte_level(), decoder=decode_bytes,
         added_tokens=added(m, "bytes", {"content": "<|endoftext|>", **special},
                            *({"content": " " * count, "normalized": True} for count in [24, 16, 8, 4, 3, 2]),
                            {"content": "\t\t", "normalized": True}),
         post_processor=pairs_of("A:0", "A:0 B:1", {}))
    spec("phi3", "fallback", normalizer=llama, decoder=unllama, post_processor=ends, added_tokens=added(
        m, "fallback", {"content": "<s>", **special}, {"content": "</s>", "rstrip": True},
        {"content": "<|user|>", "rstrip": True, **special}, {"content": "[MASK]", "rstrip": True, **special}))
    spec("bytes-untrimmed", "bytes", pre_tokenizer=byte_level(), decoder=decode_bytes, post_processor={
        "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True})
    spec("bytes-trimmed", "bytes", pre_tokenizer=byte_level(prefix=True), decoder=decode_bytes, post_processor={
        "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})
    spec("pairs-plain", "pieces", pre_tokenizer={"type": "BertPreTokenizer"}, normalizer={"type": "Lowercase"})
    return specs


def in_bytes(text):
    """How many bytes there are before each character, and in all."""
    counts = [0]
    for character in text:
        counts.append(counts[-1] + len(character.encode()))
    return counts


def places(tokenizer, text):
    """One hash over the parts of a text that its tokens stand for, in bytes."""
    value, before = Hash(), in_bytes(text)
    for start, end in tokenizer.encode(text, add_special_tokens=False).offsets:
        value.mix([before[start], before[end]])
    return str(value)


def words(tokenizer, draw):
    """A list of words, uncut or cut to a length."""
    text = draw.randrange(len(TEXTS))
    longest = draw.choice([None, 4, 9, 20])
    if longest is not None:
        tokenizer.enable_truncation(longest)
    before = tokenizer.pre_tokenizer
    if isinstance(before, pre_tokenizers.ByteLevel):
        # Words of GPT-2's kind are read with a space in front.
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    encoding = tokenizer.encode(TEXTS[text].split(" "), is_pretokenized=True)
    tokenizer.no_truncation()
    if before is not None:
        tokenizer.pre_tokenizer = before
    return {"text": text, "longest": longest, "ids": encoding.ids, "types": encoding.type_ids, "words": encoding.word_ids}


def windows(tokenizer, draw):
    """A long text in windows behind a question, or None if the package refuses it."""
    question, first = draw.randrange(len(TEXTS)), draw.randrange(30)
    longest, stride = draw.choice([16, 33, 64, 100, 400]), draw.choice([0, 1, 5, 12])
    text = "\n".join(TEXTS[first : first + 3])
    tokenizer.enable_truncation(longest, stride=stride, strategy="only_second")
    before = in_bytes(text)
    result = {"question": question, "first": first, "longest": longest, "stride": stride, "windows": None}
    try:
        whole = tokenizer.encode(TEXTS[question], text)
        result["windows"] = []
        for window in [whole, *whole.overflowing]:
            inside = [i for i, of in enumerate(window.sequence_ids) if of == 1]
            offsets = [[before[n] for n in window.offsets[i]] for i in inside]
            # The package leaves the types of later windows as they were before the template.
            types = window.type_ids if any(whole.type_ids) else [0] * len(window.ids)
            result["windows"].append({"ids": window.ids, "types": types, "inside": inside, "places": offsets})
    except BaseException as error:
        if "stride" not in str(error) and "too short" not in str(error):
            raise
    tokenizer.no_truncation()
    return result


# Specs with pairs of texts, lists of words and windows, beside those of WordPiece.
PAIRED = ["xlm-roberta", "deberta", "roberta-pairs", "roberta", "t5"]


def expectations(tokenizer, seed, pairs=False):
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
    result = {"cases": cases, "streams": streams, "pieces": [[i, tokenizer.id_to_token(i)] for i in sample]}
    result["places"] = [places(tokenizer, text) for text in TEXTS]
    if pairs:
        result["pairs"] = [pair(tokenizer, draw) for _ in range(60)]
        result["words"] = [words(tokenizer, draw) for _ in range(12)]
        result["windows"] = [windows(tokenizer, draw) for _ in range(12)]
    return result


def pair(tokenizer, draw):
    """Two texts, or one, uncut or cut to a length."""
    first, second = draw.randrange(len(TEXTS)), draw.choice([None, *range(len(TEXTS))])
    longest = draw.choice([None, 8, 9, 10, 15, 16, 20, 33])
    texts = [TEXTS[i] for i in (first, second) if i is not None]
    if longest is not None:
        tokenizer.enable_truncation(longest, strategy="longest_first")
    encoding = tokenizer.encode(*texts)
    tokenizer.no_truncation()
    return {"first": first, "second": second, "longest": longest, "ids": encoding.ids, "types": encoding.type_ids}


class Hash:
    """FNV-1a, a whole id a step, and the end of a list as 2^32 - 1."""

    def __init__(self):
        self.value = 0xCBF29CE484222325

    def mix(self, ids):
        for id_ in [*ids, 0xFFFFFFFF]:
            self.value = ((self.value ^ id_) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF

    def __str__(self):
        return f"{self.value:016x}"


def all_points(tokenizer):
    """One hash over texts of 256 code points each: one after another, and with an x between them."""
    value = Hash()
    for start in range(0, 0x110000, 256):
        if not 0xD800 <= start < 0xE000:
            for between in "", "x":
                value.mix(tokenizer.encode(between.join(map(chr, range(start, start + 256)))).ids)
    return str(value)


POOLS = [
    (0x20, 0x7E), (0, 0xFF), (0x2B0, 0x36F), (0x370, 0x5FF), (0x600, 0x7FF), (0x900, 0x9FF), (0xE00, 0xEFF), (0x10A0, 0x11FF),
    (0x1C5, 0x1F3), (0x2000, 0x206F), (0x20A0, 0x218F), (0x3000, 0x30FF), (0x4E00, 0x4E7F), (0xAC00, 0xAC7F), (0xFB00, 0xFEFF),
    (0xFF00, 0xFFEF), (0x1F1E6, 0x1F1FF), (0x1F300, 0x1F64F), (0, 0x10FFFF), (0x27, 0x2F), (0x09, 0x0D),
]


def generated():
    """1,500 texts, each from three ranges of code points."""
    state = 20

    def draw(count):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        return (state >> 33) % count

    for _ in range(1500):
        pools = [POOLS[draw(len(POOLS))] for _ in range(3)]
        text = ""
        for _ in range(1 + draw(40)):
            first, last = pools[draw(3)]
            point = first + draw(last - first + 1)
            if not 0xD800 <= point < 0xE000:
                text += chr(point)
        yield text


def hash_of(tokenizer, texts):
    value = Hash()
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=True):
        value.mix(encoding.ids)
    return str(value)


LATIN_RANGES = "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u1e00-\u1f15\U00010400-\U0001044f"


def split_steps():
    def isolated(*patterns):
        return [split({"Regex": pattern}) for pattern in patterns]

    digits, bytes_ = {"type": "Digits", "individual_digits": True}, byte_level(regex=False)
    return {
        "llama3": [*isolated(LLAMA3), bytes_], "qwen2": [*isolated(QWEN2), bytes_], "qwen3.5": [*isolated(QWEN35), bytes_],
        "gpt-4o": [*isolated(cased(CONTRACTIONS + "?", "{1,3}")), bytes_], "tekken": [*isolated(cased("", "")), bytes_],
        "deepseek-v3": [*isolated(r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", DEEPSEEK3), bytes_],
        "deepseek-v2": [*isolated("[\r\n]", rf"\s?[{LATIN_RANGES}]+", "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", r"\s+$",
                                  "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"), digits, bytes_],
        "deepseek-coder": [*isolated(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"), digits, bytes_],
        "falcon": [{"type": "Punctuation", "behavior": "Contiguous"}, byte_level(), {**digits, "individual_digits": False},
                   *isolated("[0-9][0-9][0-9]")],
        "smollm": [digits, byte_level()],
        "trailing": [*isolated(r"\s+$"), bytes_],
        "runs-inverted": [split({"Regex": r"\s?\p{N}{1,2}"}, "MergedWithNext", True), split({"Regex": r"\p{S}"}, "Removed"), bytes_],
    }


def split_hashes():
    lines = [line for path in sorted((DATA / "text").glob("*")) if path.is_file()
             for line in path.read_bytes().decode("utf-8", errors="replace").split("\n")]
    base = json.loads((DATA / REAL["gpt2"]).read_text())
    result = {}
    for name, steps in split_steps().items():
        file = {**base, "pre_tokenizer": sequence("pretokenizers", *steps)}
        tokenizer = Tokenizer.from_str(json.dumps(file))
        result[name] = {"pre_tokenizer": file["pre_tokenizer"], "text": hash_of(tokenizer, lines),
                        "generated": hash_of(tokenizer, generated())}
    return result


def tiktoken_ids(model):
    """A file of tiktoken's with the pieces of a byte-level model, and the ids of the texts."""
    byte_of = {piece: byte for byte, piece in enumerate(BYTE_PIECES)}
    tokens = [bytes([byte]) for byte in reversed(range(256))]
    for left, right in model["merges"]:
        token = bytes(byte_of[c] for c in left + right)
        if token not in tokens:
            tokens.append(token)
    tokens += [b"quick", b" quick", b"zz q"]  # that no merges lead to
    ranks = {token: rank for rank, token in enumerate(tokens)}
    result = {"file": "\n".join(f"{base64.b64encode(t).decode()} {r}" for t, r in ranks.items()) + "\n"}
    for name, pattern in {"llama": LLAMA3, "qwen": QWEN2}.items():
        special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] if name == "qwen" else []
        encoding = tiktoken.Encoding(
            name, pat_str=pattern, mergeable_ranks=ranks,
            special_tokens={token: len(ranks) + i for i, token in enumerate(special)})
        compose = normalizers.NFC().normalize_str if name == "qwen" else str  # as Qwen's own class does
        result[name] = [encoding.encode(compose(text), allowed_special="all") for text in TEXTS]
    return result


# The characters of the bytes in byte-level models.
BYTE_PIECES = [chr(b) if b in {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)} else None for b in range(256)]
for number, byte in enumerate([b for b in range(256) if BYTE_PIECES[b] is None]):
    BYTE_PIECES[byte] = chr(0x100 + number)


def decode(tokenizer, ids, skip):
    # The package's BPEDecoder cannot decode an empty list.
    return tokenizer.decode(ids, skip_special_tokens=skip) if ids else ""


def real(path):
    tokenizer = Tokenizer.from_file(str(DATA / path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def corpus_hashes():
    result = []
    loaded = {name: real(path) for name, path in REAL.items()}
    for folder in FOLDERS:
        for path in sorted((DATA / folder).rglob("*")):
            if not path.is_file():
                continue
            lines = path.read_bytes().decode("utf-8", errors="replace").split("\n")
            entry = {"file": str(path.relative_to(DATA)), "lines": len(lines)}
            for name, tokenizer in loaded.items():
                value = Hash()
                for encoding in tokenizer.encode_batch(lines, add_special_tokens=True):
                    value.mix(encoding.ids)
                entry[name] = str(value)
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
        entry = {"model": model, "file": whole,
                 **expectations(tokenizer, seed, "WordPiece" == m[model]["type"] or name in PAIRED)}
        if name.startswith("bytes-bert") or name in ("bert", "xlm-roberta"):
            entry["points"] = all_points(tokenizer)
        result["tokenizers"][name] = entry
    for name, path in REAL.items():
        result["real"][name] = {"file": path, **expectations(real(path), 1000, name not in ("gpt2", "stories260K")),
                                  "generated": hash_of(real(path), generated())}
    result["tiktoken"] = tiktoken_ids(m["bytes"])
    write("tokenizers.json", result)
    write("corpus_hashes.json", {"versions": versions, "files": corpus_hashes(), "splits": split_hashes()})


if __name__ == "__main__":
    main()
