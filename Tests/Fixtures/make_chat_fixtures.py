"""Makes templates/chats.json: the texts, or their hashes, that transformers' apply_chat_template gives for every chat template of
../../../shared/data/chat_templates and of ../../Sources/Templates/Shipped, with the conversations of templates/conversations.jsonl.

    python make_chat_fixtures.py [--templates FOLDER] [--output templates/chats.json]
"""

import argparse
import datetime
import json
import pathlib

import transformers.utils.chat_template_utils as utils
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
SHARED = HERE.parents[2] / "shared/data/chat_templates"
SHIPPED = HERE.parents[1] / "Sources/Templates/Shipped"


class Then(datetime.datetime):
    """The time that templates see."""

    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, 5)


def render(template, tokens, row, prompt):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), **tokens)
    try:
        text = tokenizer.apply_chat_template(
            row["messages"], tools=row.get("tools"), chat_template=template, tokenize=False,
            add_generation_prompt=prompt, **row.get("chat_template_kwargs", {}),
        )  # fmt: skip
        return {"text": text}
    except Exception as error:
        return {"error": str(error), "kind": type(error).__name__}


def fnv1a(data):
    """As FNV1a.swift."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def generated(template, tokens, row):
    """The byte ranges of {% generation %} blocks; none where the template raises."""
    try:
        messages = utils._alias_reasoning_fields(utils._normalize_chat_messages(row["messages"]))
        text, spans = utils._render_with_assistant_indices(
            utils._compile_jinja_template(template), messages, row.get("tools"), add_generation_prompt=False,
            **{"documents": None, **tokens, **row.get("chat_template_kwargs", {})},
        )  # fmt: skip
    except Exception:
        return []
    return [[len(text[:start].encode()), len(text[:end].encode())] for start, end in spans]


def templates(folder):
    """Name, source and special tokens of each."""
    tokens = {}
    if (folder / "tokens.json").exists():
        tokens = json.loads((folder / "tokens.json").read_text())
    for path in sorted(folder.glob("*.jinja")):
        own = {k: v for k, v in tokens.get(path.stem, {}).items() if v is not None}
        # As open() of Python reads it.
        yield path.stem, path.read_text(encoding="utf-8"), own or {"bos_token": "<s>", "eos_token": "</s>"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--templates", type=pathlib.Path, action="append")
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "templates/chats.json")
    parser.add_argument("--whole", action="store_true", help="write all texts instead of their hashes")
    arguments = parser.parse_args()
    utils.datetime = Then
    rows = [json.loads(line) for line in (HERE / "templates/conversations.jsonl").read_text().split("\n") if line]
    golden = {}
    for folder in arguments.templates or [SHARED, SHIPPED]:
        for name, source, tokens in templates(folder):
            results = []
            for number, row in enumerate(rows):
                for prompt in (False, True):
                    result = render(source, tokens, row, prompt)
                    if arguments.whole:
                        results.append(result)
                    elif "error" in result:
                        # What a template raises itself is known by its words; Python's own words are not.
                        results.append("!" + (result["error"] if result["kind"] == "TemplateError" else ""))
                    else:
                        results.append(fnv1a(result["text"].encode()))
            golden[name] = {"tokens": tokens, "results": results, "first": render(source, tokens, rows[0], True).get("text")}
            if "endgeneration" in source:
                golden[name]["generated"] = [generated(source, tokens, row) for row in rows]
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in golden.items()]
    arguments.output.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
