"""Makes shipped_tasks/: rows of some data sets as they were published and as the hub has them, and the samples that
lm-evaluation-harness logs for its own task files on them: prompts, targets and hashes. The model is its "dummy".

Run in this folder with lm-eval (0.4.13): python make_shipped_task_fixtures.py
"""

import json
import os
import shutil

os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["DISABLE_MULTIPROC"] = "1"

import lm_eval
import lm_eval.tasks
import yaml
from lm_eval.tasks import TaskManager

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "shipped_tasks")
OWN = os.path.dirname(lm_eval.tasks.__file__)
FILES = {
    "piqa": "piqa/piqa.yaml", "openbookqa": "openbookqa/openbookqa.yaml", "boolq": "super_glue/boolq/default.yaml",
    "lambada_openai": "lambada/lambada_openai.yaml", "gsm8k": "gsm8k/gsm8k.yaml",
}


def write(name, text):
    path = os.path.join(FOLDER, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def rows(name, rows):
    write(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


PIQA = [
    ("How do you keep a door open?", "Put a wedge under it.", "Put a wedge above it.", 0),
    ("To dry wet shoes quickly,", "fill them with sand", "fill them with \"crumpled\" paper", 1),
    ("peel an egg", "Roll it on a table first.", "Freeze it, then heat the café's oven.", 0),
]
BOOKS = [
    ("A plant leans toward a window because it", ["is heavy", "seeks light", "is cold", "fears the wall"], "B"),
    ("What melts first in the sun?", ["ice", "iron", "stone", "wood"], "A"),
    ("Ömer's compass points", ["up", "down", "west", "north"], " D"),
]
BOOLQ = [
    ("is the moon larger than the earth", "Moon", False, "The Moon is a body that goes around the Earth.\nIt is smaller than the Earth."),
    ("do penguins live in the south", "Penguin", True, "Penguins are birds; nearly all of them live in the southern half of the world."),
    ("can a café serve tea", "Café", True, "A café sells coffee, and – as a rule – tea too."),
]
LAMBADA = [
    "He opened the box that she had left and looked for the letter, but there was no letter",
    "\"Where is the dog?\" she asked. Nobody had seen the  dog",
    "The train to Zürich was late; they waited for the train",
]
SUMS = [
    ("Mia has 3 apples and buys 4. How many has she?", "She has 3 + 4 = <<3+4=7>>7 apples.\n#### 7"),
    ("A book costs $12 and a pen $3. What do two books cost?", "Two books cost 2 * 12 = <<2*12=24>>24 dollars.\n#### 24"),
    ("A train goes 1,000 km in 5 hours. How far in one?", "1000 / 5 = <<1000/5=200>>200 km.\n#### 200"),
    ("Li reads 20 pages a day. How many in a week?", "7 * 20 = <<7*20=140>>140 pages.\n#### 140"),
    ("Half of 18 birds fly away. How many stay?", "18 / 2 = <<18/2=9>>9 birds stay.\n#### 9"),
    ("Ann is 4 years older than Bo, who is 9. How old is she?", "9 + 4 = <<9+4=13>>13.\n#### 13"),
    ("There are 6 boxes of 12 eggs. How many eggs?", "6 * 12 = <<6*12=72>>72 eggs.\n#### 72"),
    ("A rope of 30 m is cut into 5. How long is each part?", "30 / 5 = <<30/5=6>>6 m.\n#### 6"),
]


def published():
    """The files as their authors have them."""
    rows("published/piqa/valid.jsonl", [{"goal": g, "sol1": a, "sol2": b} for g, a, b, _ in PIQA])
    write("published/piqa/valid-labels.lst", "".join(f"{label}\n" for *_, label in PIQA))
    rows(
        "published/OpenBookQA-V1-Sep2018/Data/Main/test.jsonl",
        [
            {"id": f"9-{i}", "question": {"stem": stem, "choices": [{"text": t, "label": "ABCD"[k]} for k, t in enumerate(texts)]}, "answerKey": key}
            for i, (stem, texts, key) in enumerate(BOOKS)
        ],
    )
    rows("published/boolq/dev.jsonl", [{"question": q, "title": t, "answer": a, "passage": p} for q, t, a, p in BOOLQ])
    rows("published/lambada_test.jsonl", [{"text": text} for text in LAMBADA])
    rows("published/gsm8k_test.jsonl", [{"question": q, "answer": a} for q, a in SUMS[:2]])
    rows("published/gsm8k_train.jsonl", [{"question": q, "answer": a} for q, a in SUMS[2:]])


def hub():
    """The same rows as the hub's data sets have them. Returns the files by task and split."""
    rows("hub/piqa/validation.jsonl", [{"goal": g, "sol1": a, "sol2": b, "label": label} for g, a, b, label in PIQA])
    rows(
        "hub/openbookqa/main/test.jsonl",
        [
            {"id": f"9-{i}", "question_stem": stem, "choices": {"text": texts, "label": list("ABCD")}, "answerKey": key}
            for i, (stem, texts, key) in enumerate(BOOKS)
        ],
    )
    rows(
        "hub/super_glue/boolq/validation.jsonl",
        [{"question": q, "passage": p, "idx": i, "label": int(a)} for i, (q, _, a, p) in enumerate(BOOLQ)],
    )
    rows("hub/lambada_openai/test.jsonl", [{"text": text} for text in LAMBADA])
    rows("hub/gsm8k/main/test.jsonl", [{"question": q, "answer": a} for q, a in SUMS[:2]])
    rows("hub/gsm8k/main/train.jsonl", [{"question": q, "answer": a} for q, a in SUMS[2:]])
    return {
        "piqa": {"validation": "hub/piqa/validation.jsonl"},
        "openbookqa": {"test": "hub/openbookqa/main/test.jsonl"},
        "boolq": {"validation": "hub/super_glue/boolq/validation.jsonl"},
        "lambada_openai": {"test": "hub/lambada_openai/test.jsonl"},
        "gsm8k": {"test": "hub/gsm8k/main/test.jsonl", "train": "hub/gsm8k/main/train.jsonl"},
    }


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    published()
    tasks = []
    for name, files in hub().items():
        with open(os.path.join(OWN, FILES[name]), encoding="utf-8") as file:
            config = yaml.safe_load(file)
        # Only where the rows are is another place.
        config["dataset_path"], config["dataset_name"] = "json", None
        config["dataset_kwargs"] = {"data_files": {split: os.path.join(FOLDER, path) for split, path in files.items()}}
        for split in ["training_split", "validation_split", "test_split"]:
            kind = {"training_split": "train", "validation_split": "validation", "test_split": "test"}[split]
            if kind not in files:
                config.pop(split, None)
        tasks.append(config)
    manager = TaskManager(include_defaults=False)
    expected = {"lm_eval": lm_eval.__version__, "samples": {}}
    for config in tasks:
        result = lm_eval.simple_evaluate(
            model="dummy", tasks=[config], task_manager=manager, log_samples=True, bootstrap_iters=0)
        for task, samples in result["samples"].items():
            expected["samples"][task] = [
                {
                    "doc_id": sample["doc_id"], "target": str(sample["target"]),
                    "arguments": [list(arguments) for arguments in sample["arguments"]],
                    "doc_hash": sample["doc_hash"], "prompt_hash": sample["prompt_hash"],
                    "target_hash": sample["target_hash"],
                }
                for sample in samples
                if sample["filter"] in ("none", "strict-match")
            ]
    write("expected.json", json.dumps(expected, ensure_ascii=False, indent=1) + "\n")


main()
