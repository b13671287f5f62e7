"""Writes Sources/Tokenizers/CharacterClassRanges.swift: which class each code point belongs to.

The `tokenizers` package itself is asked, code point by code point, so that splits are the same whatever
Unicode version its parts were built with. Run: python Tests/Fixtures/make_character_classes.py
"""

import pathlib

import tokenizers
from tokenizers import Regex
from tokenizers.pre_tokenizers import Digits, Punctuation, Split, WhitespaceSplit

OUT = pathlib.Path(__file__).parents[2] / "Sources/Tokenizers/CharacterClassRanges.swift"

# Each is set up so that the code points of its class are taken away, or at least stand alone.
CLASSES = [
    ("letter", Split(Regex(r"\p{L}"), "removed", False)),
    ("number", Split(Regex(r"\p{N}"), "removed", False)),
    ("space", Split(Regex(r"\s"), "removed", False)),
    ("word", None),
    ("whitespace", WhitespaceSplit()),
    ("punctuation", Punctuation("removed")),
    ("numeric", None),
]


def members(name, splitter, points):
    if name == "word":  # Whitespace is `\w+|[^\w\s]+`: beside a word character nothing else joins it
        from tokenizers.pre_tokenizers import Whitespace

        white = Whitespace()
        return {p for p in points if white.pre_tokenize_str("a" + chr(p)) == [("a" + chr(p), (0, 2))]}
    if name == "numeric":  # a run of digits stands apart from the letter before it
        digits = Digits(individual_digits=False)
        return {p for p in points if len(digits.pre_tokenize_str("a" + chr(p))) == 2}
    text = "".join(map(chr, points))
    left = set()
    for _, (start, end) in splitter.pre_tokenize_str(text):
        left.update(points[start:end])
    return set(points) - left


def main():
    mask = [0] * 0x110000
    for start in range(0, 0x110000, 0x1000):
        points = [p for p in range(start, start + 0x1000) if not 0xD800 <= p < 0xE000]
        if not points:
            continue
        for bit, (name, splitter) in enumerate(CLASSES):
            for point in members(name, splitter, points):
                mask[point] |= 1 << bit
    runs = [(p, mask[p]) for p in range(0x110000) if p == 0 or mask[p] != mask[p - 1]]
    lines = [
        "// Made by Tests/Fixtures/make_character_classes.py: the class of every code point, as runs.",
        f"// tokenizers {tokenizers.__version__}.",
        "",
        "/// Each number is the first code point of a run times 256, plus the run's `CharacterClasses` bits.",
        "let characterClassRuns: [UInt32] = [",
    ]
    line = " "
    for point, bits in runs:
        word = f" {point << 8 | bits:#x},"
        if len(line) + len(word) > 108:
            lines.append(line)
            line = " "
        line += word
    lines += [line, "]", ""]
    OUT.write_text("\n".join(lines))
    print(len(runs), "runs;", {n: sum(m >> b & 1 for m in mask) for b, (n, _) in enumerate(CLASSES)})


main()
