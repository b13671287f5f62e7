"""Makes metrics.json: what sacreBLEU, rouge-score, seqeval, SQuAD's script (as evaluate has it), scikit-learn and scipy
say of generated texts, labels and numbers.

    python make_metric_fixtures.py
"""

import collections
import json
import pathlib
import random
import re
import string

import numpy
import sacrebleu
import scipy.stats
from rouge_score import rouge_scorer
from seqeval.metrics import f1_score, precision_score, recall_score
from sklearn.metrics import f1_score as label_f1, matthews_corrcoef

WORDS = """the a an cat dog, sat on 3.14 mat. Mat 1,000 café naïve "quoted" (x) don't well-known 10-12 &amp; $5 e.g. 世界 ЁЖ –
U.S. end! why? [b] a/b A_B c++ 50% I'm ... -- :-) <skipped> &quot; 7- -7""".split()


def text(draw):
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(0, 14)))


def changed(draw, given):
    words = given.split()
    for _ in range(draw.randint(0, 4)):
        if words and draw.random() < 0.5:
            words.pop(draw.randrange(len(words)))
        else:
            words.insert(draw.randint(0, len(words)), draw.choice(WORDS))
    return " ".join(words)


def texts(seed, count):
    draw = random.Random(seed)
    references = [text(draw) for _ in range(count)]
    given = [changed(draw, reference) for reference in references]
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])
    rouge = [scorer.score(reference, own) for reference, own in zip(references, given)]
    return {
        "given": given, "references": references,
        "bleu": sacrebleu.corpus_bleu(given, [references]).score,
        "chrf": sacrebleu.corpus_chrf(given, [references]).score,
        "rouge": [numpy.mean([r[k].fmeasure for r in rouge]) for k in ["rouge1", "rouge2", "rougeL"]],
    }  # fmt: skip


def entities(seed, tags):
    draw = random.Random(seed)
    labels = [[draw.choice(tags) for _ in range(draw.randint(1, 12))] for _ in range(40)]
    given = [[tag if draw.random() < 0.7 else draw.choice(tags) for tag in row] for row in labels]
    return {
        "labels": labels, "given": given, "f1": f1_score(labels, given),
        "precision": precision_score(labels, given), "recall": recall_score(labels, given),
    }  # fmt: skip


def normal(answer):
    answer = "".join(c for c in answer.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", answer).split())


def answer_f1(given, right):
    own, other = normal(given).split(), normal(right).split()
    if not own or not other:
        return float(own == other)
    same = sum((collections.Counter(own) & collections.Counter(other)).values())
    return 2 * same / (len(own) + len(other)) if same else 0.0


def answers(seed):
    draw = random.Random(seed)
    cases = []
    for _ in range(200):
        right = [text(draw) for _ in range(draw.randint(0, 3))]
        given = changed(draw, right[0]) if right else draw.choice(["", "the", text(draw)])
        known = right or [""]
        cases.append({
            "given": given, "right": right, "exact": any(normal(given) == normal(r) for r in known),
            "f1": max(answer_f1(given, r) for r in known),
        })  # fmt: skip
    return cases


def numbers(seed):
    draw = random.Random(seed)
    a = [draw.choice([draw.gauss(0, 1), draw.randint(-2, 2)]) for _ in range(60)]
    b = [x + draw.choice([draw.gauss(0, 1), 0, 1]) for x in a]
    return {
        "a": a, "b": b, "pearson": scipy.stats.pearsonr(a, b)[0], "spearman": scipy.stats.spearmanr(a, b)[0]
    }  # fmt: skip


def labels(seed):
    draw = random.Random(seed)
    have = [draw.randrange(4) for _ in range(80)]
    given = [label if draw.random() < 0.6 else draw.randrange(4) for label in have]
    return {
        "have": have, "given": given, "mcc": matthews_corrcoef(have, given),
        "f1": list(label_f1(have, given, average=None)),
        "f1_macro": label_f1(have, given, average="macro"), "f1_micro": label_f1(have, given, average="micro"),
    }  # fmt: skip


if __name__ == "__main__":
    bio = ["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    fixtures = {
        "texts": [texts(seed, count) for seed, count in [(1, 50), (2, 7), (3, 1), (4, 3)]],
        "entities": [entities(5, bio), entities(6, bio + ["E-PER", "S-PER", "S-LOC"])],
        "answers": answers(7), "numbers": [numbers(8), numbers(9)], "labels": [labels(10), labels(11)],
    }  # fmt: skip
    path = pathlib.Path(__file__).parent / "metrics.json"
    path.write_text(json.dumps(fixtures, indent=1, ensure_ascii=True) + "\n")
