"""Writes Sources/Tokenizers/CharacterClassRanges.swift: which class each code point belongs to,
CompositionPairs.swift: which two code points NFC makes one of, BertCharacterRanges.swift: which code points
BertNormalizer removes, GraphemeClassRanges.swift: how code points join into what Precompiled looks up as one, and
LetterClassRanges.swift: which kind of letter or mark each code point is.

The `tokenizers` package itself is asked, code point by code point, so that splits are the same whatever
Unicode version its parts were built with. Run: python Tests/Fixtures/make_character_classes.py
"""

import base64
import json
import pathlib
import struct
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers
from tokenizers.pre_tokenizers import Digits, Punctuation, Split, WhitespaceSplit

OUT = pathlib.Path(__file__).parents[2] / "Sources/Tokenizers"
NFC, NFD = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
POINTS = [p for p in range(0x110000) if not 0xD800 <= p < 0xE000]

# Each is set up so that the code points of its class are taken away, or at least stand alone.
CLASSES = [
    ("letter", Split(Regex(r"\p{L}"), "removed", False)),
    ("number", Split(Regex(r"\p{N}"), "removed", False)),
    ("space", Split(Regex(r"\s"), "removed", False)),
    ("word", None),
    ("whitespace", WhitespaceSplit()),
    ("punctuation", Punctuation("removed")),
    ("numeric", None),
    ("changing", None),
]
# Finer ones; the first three are those of CLASSES.
LETTERS = [
    ("letter", r"\p{L}"), ("number", r"\p{N}"), ("space", r"\s"), ("upper", r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"),
    ("lower", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"), ("mark", r"\p{M}"), ("punctuation", r"\p{P}"), ("symbol", r"\p{S}"),
]


def composition_pairs():
    """(first, second) -> composed, without the Hangul syllables, which are calculated."""
    pairs = {}
    for point in POINTS:
        parts = NFD(chr(point))
        if len(parts) > 1 and NFC(parts) == chr(point) and not 0xAC00 <= point < 0xD7A4:
            first = NFC(parts[:-1])
            assert len(first) == 1
            pairs[ord(first), ord(parts[-1])] = point
    return pairs


PAIRS = composition_pairs()
# What NFC may change, or join with what stands before it. A few too many do no harm.
CHANGING = {p for p in POINTS if NFC(chr(p)) != chr(p) or unicodedata.combining(chr(p))}
CHANGING |= {second for _, second in PAIRS} | {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}


def members(name, splitter, points):
    if name == "word":  # Whitespace is `\w+|[^\w\s]+`: beside a word character nothing else joins it
        from tokenizers.pre_tokenizers import Whitespace

        white = Whitespace()
        return {p for p in points if white.pre_tokenize_str("a" + chr(p)) == [("a" + chr(p), (0, 2))]}
    if name == "numeric":  # a run of digits stands apart from the letter before it
        digits = Digits(individual_digits=False)
        return {p for p in points if len(digits.pre_tokenize_str("a" + chr(p))) == 2}
    if name == "changing":
        return CHANGING & set(points)
    text = "".join(map(chr, points))
    left = set()
    for _, (start, end) in splitter.pre_tokenize_str(text):
        left.update(points[start:end])
    return set(points) - left


def bert_bits():
    """1 for what clean_text drops, 2 for what strip_accents drops when it stands alone."""
    def normalizer(**on):
        options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
        return normalizers.BertNormalizer(**{**options, **on}).normalize_str

    cleaned, stripped = normalizer(clean_text=True), normalizer(strip_accents=True)
    return {p: (not cleaned(chr(p))) | (NFD(chr(p)) == chr(p) and not stripped(chr(p))) << 1 for p in POINTS}


def everything_is_x():
    """A Precompiled normalizer that makes any short cluster, and any character of a long one, an x."""
    units = [0] * (6 * 256)

    def unit(place, label, children, leaf=False):
        units[place] = label | leaf << 8 | (place ^ children * 256) << 10

    unit(0, 0, 1)
    for byte in range(1, 0x80):
        unit(256 ^ byte, byte, 5, True)
    for first, last, children in [(0xC2, 0xDF, 2), (0xE0, 0xEF, 3), (0xF0, 0xF4, 4)]:
        for byte in range(first, last + 1):
            unit(256 ^ byte, byte, children)
    for block in 2, 3, 4:
        for byte in range(0x80, 0xC0):
            unit(block * 256 ^ byte, byte, 5 if block == 2 else block - 1, block == 2)
    units[5 * 256] = 1 << 31  # the text at 0
    blob = struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + b"x\0"
    charsmap = base64.b64encode(blob).decode()
    whole = {"version": "1.0", "added_tokens": [], "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap},
             "model": {"type": "BPE", "vocab": {}, "merges": []}}
    return tokenizers.Tokenizer.from_str(json.dumps(whole)).normalizer.normalize_str


def grapheme_bits():
    """The bits of GraphemeClusters, from how many clusters or characters a text has."""
    count = lambda text: len(everything(text))
    everything = everything_is_x()
    bits = {}
    for point in POINTS:
        c = chr(point)
        joins = point and count("a" + c) == 1
        control = count(c + "\u0301\u0301") == 2 if point else True
        prepended = point >= 0x80 and not joins and not control and count(c + "a") == 1
        linker = joins and count("\u0915" + c + "\u0915\u0301") == 4
        keeps = joins and count("\u0915\u094d" + c + "\u0915\u0301") == 5
        consonant = not joins and not control and (
            point < 0x10000 and count("\u0915\u094d" + c + "\u0301") == 4 or count(c + "\u094d\u0915\u0301") == 4)
        pictograph = not joins and count("\u00a9\u200d" + c) == 3
        flags = [joins, control, prepended, linker, consonant, keeps, pictograph]
        bits[point] = sum(bool(flag) << bit for bit, flag in enumerate(flags))
    return bits


def class_runs(classes):
    """The first code point of each run of equal classes, and the bits of the classes."""
    mask = [0] * 0x110000
    for start in range(0, 0x110000, 0x1000):
        points = [p for p in range(start, start + 0x1000) if not 0xD800 <= p < 0xE000]
        if not points:
            continue
        for bit, (name, splitter) in enumerate(classes):
            for point in members(name, splitter, points):
                mask[point] |= 1 << bit
    return [(p, mask[p]) for p in range(0x110000) if p == 0 or mask[p] != mask[p - 1]]


def main():
    runs = class_runs(CLASSES)
    write("CharacterClassRanges.swift", "the class of every code point, as runs", "characterClassRuns", [
        "Each number is the first code point of a run times 256, plus the run's `CharacterClasses` bits.",
    ], [point << 8 | bits for point, bits in runs])
    write("CompositionPairs.swift", "which two code points NFC makes one of", "compositionPairs", [
        "The first, the second, and what they become; ordered.",
    ], [number for pair, point in sorted(PAIRS.items()) for number in (*pair, point)])
    bits = bert_bits()
    write("BertCharacterRanges.swift", "which code points BertNormalizer removes, as runs", "bertCharacterRuns", [
        "Each number is the first code point of a run times 256, plus the run's `BertCharacters` bits.",
    ], [p << 8 | bits[p] for p in POINTS if p == 0 or bits[p] != bits.get(p - 1, 0)])
    letters = class_runs([(name, Split(Regex(pattern), "removed", False)) for name, pattern in LETTERS])
    write("LetterClassRanges.swift", "which kind of letter or mark each code point is, as runs", "letterClassRuns", [
        "Each number is the first code point of a run times 256, plus the run's `CharacterClasses.Letters` bits.",
    ], [point << 8 | bits for point, bits in letters])
    bits = grapheme_bits()
    write("GraphemeClassRanges.swift", "how code points join into clusters, as runs", "graphemeClassRuns", [
        "Each number is the first code point of a run times 256, plus the run's `GraphemeClusters` bits.",
    ], [p << 8 | bits[p] for p in POINTS if p == 0 or bits[p] != bits.get(p - 1, 0)])
    print(len(runs), len(letters), "runs")


def write(name, what, variable, comment, numbers):
    lines = [
        f"// Made by Tests/Fixtures/make_character_classes.py: {what}.",
        f"// tokenizers {tokenizers.__version__}.",
        "",
        *(f"/// {line}" for line in comment),
        f"let {variable}: [UInt32] = [",
    ]
    line = " "
    for number in numbers:
        word = f" {number:#_x}," if number >= 1 << 28 else f" {number:#x},"
        if len(line) + len(word) > 108:
            lines.append(line)
            line = " "
        line += word
    (OUT / name).write_text("\n".join([*lines, line, "]", ""]))


main()
