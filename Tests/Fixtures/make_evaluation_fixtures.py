"""Makes evaluation/: tasks with rows of their own, and what lm-evaluation-harness gives for them on the shipped base.

Run in this folder with lm-eval (0.4.13), torch and transformers: python make_evaluation_fixtures.py
"""

import json
import os

os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["DISABLE_MULTIPROC"] = "1"

import lm_eval
import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.utils import handle_non_serializable, sanitize_list

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "evaluation")
ROOT = os.path.join(HERE, "..", "..")
BASE = os.path.join(ROOT, "Sources", "swiftdp", "Shipped", "base")


def write(name, text):
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
        file.write(text)


def rows(name, rows):
    write(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def choices():
    names = ["Mia", "Zoë", "Li", "Ömer", "Ana"]
    for i in range(12):
        a, b = 2 + i % 5, 3 + i % 4
        right = i % 3
        texts = [str(a + b + k - right) for k in range(3)]
        if i % 4 == 0:
            texts.append("many more than that")
        yield {
            "question": f"{names[i % 5]} has {a} apples and gets {b}. How many are there?",
            "choices": {"text": texts, "label": ["A", "B", "C", "D"][: len(texts)]},
            "answerKey": "ABCD"[right],
            "subject": "apples" if i % 2 else "fruit",
        }


def write_tasks():
    rows("choices.jsonl", list(choices())[:8])
    rows("examples.jsonl", list(choices())[6:])
    rows(
        "texts.jsonl",
        [
            {"text": "The cat sat on the mat and looked at the moon"},
            {"text": " = A title =\n\nIt had  two lines, and \"quotes\" too.\n"},
            {"text": "Größe und Farbe: 3,5 m² – naïve café, 東京 🙂"},
            {"text": ("It was a long day, and the road went on. " * 9).strip()},
        ],
    )
    rows(
        "sums.jsonl",
        [{"question": f"{a} + {b}", "answer": f"we add\n#### {a + b}"} for a, b in [(1, 2), (7, 5), (30, 4), (9, 9)]],
    )
    rows(
        "gaps.jsonl",
        [
            {"sentence": "Ann thanked Bo because _ had helped.", "option1": "Ann", "option2": "Bo", "answer": "2"},
            {"sentence": "The key did not fit the lock, so _ was changed.", "option1": "the key", "option2": "the lock", "answer": "1"},
        ],
    )
    data = "Tests/Fixtures/evaluation/"
    common = f"dataset_path: json\ndataset_kwargs:\n  data_files:\n    test: {data}choices.jsonl\n    train: {data}examples.jsonl\n"
    write(
        "choice.yaml",
        "task: choice\n" + common + "output_type: multiple_choice\ntraining_split: train\ntest_split: test\n"
        'doc_to_text: "Question: {{question}}\\nAnswer:"\n'
        'doc_to_target: "{{choices.label.index(answerKey)}}"\ndoc_to_choice: "{{choices.text}}"\n'
        "metric_list:\n" + "".join(f"  - metric: {m}\n" for m in ["acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match"])
        + "metadata:\n  version: 1.5\n",
    )
    write(
        "choice_shots.yaml",
        "include: choice.yaml\ntask: choice_shots\ntask_alias: with examples\n"
        'description: "Sums of {{subject}}.\\n\\n"\nnum_fewshot: 2\n'
        "metric_list:\n  - metric: acc\n    aggregation: mean\n    higher_is_better: true\n  - metric: mcc\n",
    )
    write(
        "choice_first.yaml",
        "include: choice.yaml\ntask: choice_first\nfewshot_config:\n  sampler: first_n\nnum_fewshot: 1\n"
        'target_delimiter: " -> "\nfewshot_delimiter: "\\n***\\n"\nmetric_list:\n  - metric: acc\n',
    )
    write(
        "gap.yaml",
        f"task: gap\ndataset_path: json\ndataset_kwargs:\n  data_files:\n    validation: {data}gaps.jsonl\n"
        "output_type: multiple_choice\nvalidation_split: validation\n"
        "doc_to_text: \"{{answer|int - 1}}\"\ndoc_to_target: \"{{sentence.split('_')[1]|trim}}\"\n"
        "doc_to_choice: \"{{[sentence.split('_')[0] + option1, sentence.split('_')[0] + option2]}}\"\n"
        "metric_list:\n  - metric: acc\n",
    )
    write(
        "word.yaml",
        f"task: word\ndataset_path: json\ndataset_kwargs:\n  data_files: {{test: {data}texts.jsonl}}\n"
        "output_type: loglikelihood\ntest_split: test\n"
        "doc_to_text: \"{{text.strip().split(' ')[:-1]|join(' ')}} \"\ndoc_to_target: \"{{text.strip().split(' ')[-1]}}\"\n"
        "metric_list:\n  - metric: perplexity\n    aggregation: perplexity\n    higher_is_better: false\n  - metric: acc\n",
    )
    write(
        "text.yaml",
        f"task: text\ndataset_path: json\ndataset_kwargs:\n  data_files: {{test: {data}texts.jsonl}}\n"
        'output_type: loglikelihood_rolling\ntest_split: test\ndoc_to_text: ""\ndoc_to_target: "{{text}}"\n',
    )
    write(
        "sum.yaml",
        f"task: sum\ndataset_path: json\ndataset_kwargs:\n  data_files: {{test: {data}sums.jsonl, train: {data}sums.jsonl}}\n"
        "output_type: generate_until\ntest_split: test\ntraining_split: train\nfewshot_split: test\nnum_fewshot: 1\n"
        'doc_to_text: "Question: {{question}}\\nAnswer:"\ndoc_to_target: "{{answer}}"\n'
        'generation_kwargs:\n  until: ["\\n\\n", "Question:"]\n  max_gen_toks: 24\n'
        "metric_list:\n  - metric: exact_match\n    ignore_case: true\n    regexes_to_ignore: [\",\", \"(?s).*#### \"]\n"
        "filter_list:\n  - name: strict\n    filter:\n      - function: regex\n        regex_pattern: '#### (\\-?[0-9\\.\\,]+)'\n      - function: take_first\n"
        "  - name: last\n    filter:\n      - function: regex\n        group_select: -1\n        regex_pattern: '(-?[$0-9.,]{2,})|(-?[0-9]+)'\n"
        "      - function: take_first\n",
    )
    write(
        "both.yaml",
        "group: both\ngroup_alias: all of them\ntask:\n  - choice\n  - choice_shots\n"
        "aggregate_metric_list:\n  - metric: acc\n    weight_by_size: true\n  - metric: acc\n    weight_by_size: false\n    filter_list: none\n",
    )


def main():
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    write_tasks()
    os.chdir(ROOT)
    names = ["both", "choice_first", "gap", "word", "text", "sum"]
    manager = TaskManager(include_path=FOLDER, include_defaults=False)
    model = HFLM(pretrained=BASE, device="cpu", dtype="float32", batch_size=8)
    result = lm_eval.simple_evaluate(model=model, tasks=names, task_manager=manager, bootstrap_iters=100_000)
    expected = {"lm_eval": lm_eval.__version__, "torch": torch.__version__, "samples": {}}
    for key in ["results", "groups", "group_subtasks", "versions", "n-shot", "higher_is_better", "n-samples"]:
        expected[key] = result[key]
    for task, samples in result["samples"].items():
        for sample in samples:
            sample["resps"] = sanitize_list(sample["resps"])
            sample["filtered_resps"] = sanitize_list(sample["filtered_resps"])
            sample["arguments"] = {
                f"gen_args_{i}": {f"arg_{j}": value for j, value in enumerate(arguments)}
                for i, arguments in enumerate(sample["arguments"])
            }
            sample["target"] = str(sample["target"])
        expected["samples"][task] = samples
    write("expected.json", json.dumps(expected, default=handle_non_serializable, ensure_ascii=False, indent=1) + "\n")


main()
