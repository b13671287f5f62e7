"""Makes the fixtures of tasks: tiny models with each head, the loss of some rows, and every gradient, as transformers
and sentence-transformers compute them.

    python make_task_fixtures.py [--output tasks]
"""

import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from sentence_transformers import util
from transformers import (
    AutoModel, AutoModelForMultipleChoice, AutoModelForQuestionAnswering, AutoModelForSequenceClassification,
    AutoModelForTokenClassification, BertConfig, LlamaConfig,
)  # fmt: skip

BERT = dict(
    vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
    max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
LLAMA = dict(
    vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
    num_key_value_heads=1, max_position_embeddings=32, pad_token_id=0,
)  # fmt: skip
ROWS, LENGTH = 6, 11


def rows(generator, count=ROWS):
    lengths = torch.randint(4, LENGTH + 1, (count,), generator=generator)
    lengths[0] = LENGTH
    tokens = torch.randint(3, 40, (count, LENGTH), generator=generator)
    mask = (torch.arange(LENGTH).expand(count, LENGTH) < lengths[:, None]).long()
    return {"input_ids": tokens * mask, "attention_mask": mask}


def labels(config, names):
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    return config


def several(generator):
    config = labels(BertConfig(**BERT), ["a", "b", "c"])
    config.problem_type = "multi_label_classification"
    numbers = torch.randint(0, 2, (ROWS, 3), generator=generator).float()
    return AutoModelForSequenceClassification, config, rows(generator), {"labels": numbers}, {"numbers": numbers}, {}


def regression(generator):
    config = labels(BertConfig(**BERT), ["LABEL_0"])
    config.problem_type = "regression"
    numbers = torch.randn(ROWS, 1, generator=generator)
    given = {"labels": numbers[:, 0]}
    return AutoModelForSequenceClassification, config, rows(generator), given, {"numbers": numbers}, {}


def bent(kind):
    """Weights, smoothing and focus, which transformers leaves to its users."""

    def make(generator):
        config = labels(BertConfig(**BERT) if kind != "focal" else LlamaConfig(**LLAMA), ["a", "b", "c"])
        numbers = torch.randint(0, 3, (ROWS,), generator=generator)
        task = {"smooth": {"label_smoothing": 0.1}, "weighted": {"class_weights": {"a": 0.5, "c": 3.0}},
                "both": {"label_smoothing": 0.2, "class_weights": {"b": 2.0}},
                "focal": {"focal_gamma": 1.5}}[kind]  # fmt: skip
        weights = torch.tensor([task.get("class_weights", {}).get(name, 1.0) for name in "abc"])

        def loss(output):
            if kind == "focal":
                p = output.logits.softmax(1)[torch.arange(ROWS), numbers]
                return (-((1 - p) ** 1.5) * p.log()).mean()
            return torch.nn.functional.cross_entropy(
                output.logits, numbers, weight=weights, label_smoothing=task.get("label_smoothing", 0.0),
                reduction="sum") / ROWS  # fmt: skip

        columns = {"numbers": numbers[:, None].float()}
        return AutoModelForSequenceClassification, config, rows(generator), {}, columns, {"task": task, "loss": loss}

    return make


def tokens(generator):
    config = labels(BertConfig(**BERT), ["O", "B-X", "I-X", "B-Y"])
    batch = rows(generator)
    given = torch.randint(0, 4, (ROWS, LENGTH), generator=generator)
    given[torch.rand(ROWS, LENGTH, generator=generator) < 0.4] = -100
    given[batch["attention_mask"] == 0] = -100
    return AutoModelForTokenClassification, config, batch, {"labels": given}, {"targets": given}, {}


def spans(generator):
    # transformers lets padding take part in the softmax: rows without padding are compared.
    batch = {"input_ids": torch.randint(3, 40, (ROWS, LENGTH), generator=generator)}
    batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    places = torch.randint(0, LENGTH, (ROWS, 2), generator=generator)
    given = {"start_positions": places[:, 0], "end_positions": places[:, 1]}
    return AutoModelForQuestionAnswering, BertConfig(**BERT), batch, given, {"numbers": places.float()}, {}


def choices(generator):
    batch = rows(generator, 2 * 3)
    given = torch.randint(0, 3, (2,), generator=generator)
    grouped = {name: value.reshape(2, 3, LENGTH) for name, value in batch.items()}
    columns = {"numbers": given.repeat_interleave(3)[:, None].float()}
    more = {"grouped": grouped, "rows_per_sample": 3}
    return AutoModelForMultipleChoice, BertConfig(**BERT), batch, {"labels": given}, columns, more


def pooled(output, mask, pooling):
    hidden = output.last_hidden_state
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "last":
        return hidden[torch.arange(len(mask)), mask.sum(1) - 1]
    return (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)


def embedding(kind):
    def make(generator):
        config = LlamaConfig(**LLAMA) if kind == "triplets" else BertConfig(**BERT)
        per_sample = 3 if kind == "triplets" else 2
        batch = rows(generator, 4 * per_sample)
        task = {"pairs": {"pooling": "mean", "scale": 20.0}, "triplets": {"pooling": "last", "scale": 7.0},
                "scores": {"pooling": "cls"}, "matryoshka": {"pooling": "mean", "matryoshka_dims": [16, 5]},
                "dots": {"pooling": "mean", "similarity": "dot", "scale": 0.5}}[kind]  # fmt: skip
        scores = torch.rand(4, generator=generator)

        def loss(output):
            z = pooled(output, batch["attention_mask"], task["pooling"]).reshape(4, per_sample, -1)
            total = 0
            for size in task.get("matryoshka_dims", [16]):
                first, second = z[:, 0, :size], z[:, 1, :size]
                if kind == "scores":
                    similarity = torch.cosine_similarity(first, second)
                    total = total + torch.nn.functional.mse_loss(similarity, scores)
                    continue
                others = torch.cat([z[:, place, :size] for place in range(1, per_sample)])
                compare = util.dot_score if task.get("similarity") == "dot" else util.cos_sim
                logits = compare(first, others) * task.get("scale", 20.0)
                total = total + torch.nn.functional.cross_entropy(logits, torch.arange(4))
            return total

        columns = {"numbers": scores.repeat_interleave(2)[:, None]} if kind == "scores" else {}
        more = {"task": task, "loss": loss, "rows_per_sample": per_sample}
        return AutoModel, config, batch, {}, columns, more

    return make


CASES = {
    "several": ("classification", several), "regression": ("regression", regression),
    "smooth": ("classification", bent("smooth")), "weighted": ("classification", bent("weighted")),
    "both": ("classification", bent("both")), "focal": ("classification", bent("focal")),
    "tokens": ("token_classification", tokens), "spans": ("question_answering", spans),
    "choices": ("multiple_choice", choices), "pairs": ("embedding", embedding("pairs")),
    "triplets": ("embedding", embedding("triplets")), "scores": ("embedding", embedding("scores")),
    "matryoshka": ("embedding", embedding("matryoshka")), "dots": ("embedding", embedding("dots")),
}  # fmt: skip


def make(folder, task, builder, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    kind, config, batch, given, columns, more = builder(generator)
    model = kind.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.15)
    model.save_pretrained(folder)
    output = model(**more.get("grouped", batch), **given)
    loss = more["loss"](output) if "loss" in more else output.loss
    loss.backward()
    prefix = "" if hasattr(model, model.base_model_prefix) else model.base_model_prefix + "."
    tensors = {f"gradient.{prefix}{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    tensors["tokens"] = batch["input_ids"].to(torch.int32)
    tensors["lengths"] = batch["attention_mask"].sum(1).to(torch.int32)
    for name, value in columns.items():
        tensors[name] = torch.where(value == -100, -1, value).to(torch.int32 if name == "targets" else torch.float32)
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "expected.safetensors")
    expected = {
        "task": {"name": task, **more.get("task", {})}, "loss": loss.item(),
        "rows_per_sample": more.get("rows_per_sample", 1),
    }  # fmt: skip
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(f"{folder.name}: {loss.item():.5f}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=here / "tasks")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.output, ignore_errors=True)
    for seed, (name, (task, builder)) in enumerate(CASES.items()):
        make(arguments.output / name, task, builder, 50 + seed)
