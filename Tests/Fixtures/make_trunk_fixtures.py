"""Makes the fixtures of several tasks over one trunk: tiny models with two heads, the loss of a step and every gradient,
and five steps of AdamW, as PyTorch computes them on transformers' trunks.

    python make_trunk_fixtures.py [--output trunks]
"""

import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import AutoModel, BertConfig, LlamaConfig

BERT = dict(
    vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
    max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
LLAMA = dict(
    vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
    num_key_value_heads=1, max_position_embeddings=32, pad_token_id=0, tie_word_embeddings=True,
)  # fmt: skip
LENGTH, STEPS, RATE = 11, 5, 1e-2
FEW = torch.nn.functional.cross_entropy


def rows(generator, count, full=False):
    lengths = torch.full((count,), LENGTH) if full else torch.randint(4, LENGTH + 1, (count,), generator=generator)
    lengths[0] = LENGTH
    tokens = torch.randint(3, 40, (count, LENGTH), generator=generator)
    mask = (torch.arange(LENGTH).expand(count, LENGTH) < lengths[:, None]).long()
    return {"input_ids": tokens * mask, "attention_mask": mask}


class Topic:
    """Labels of rows: by the pooler, or the last token of a decoder."""

    name, task = "topic", {"name": "classification", "labels": ["a", "b", "c"]}

    def __init__(self, trunk, generator, decoder=False):
        self.decoder = decoder
        self.layer = torch.nn.Linear(16, 3, bias=not decoder)
        self.layers = {"score" if decoder else "classifier": self.layer}

    def sample(self, generator):
        return {**rows(generator, 5), "numbers": torch.randint(0, 3, (5, 1), generator=generator).float()}

    def loss(self, output, sample, trunk):
        if self.decoder:
            last = sample["attention_mask"].sum(1) - 1
            read = output.last_hidden_state[torch.arange(len(last)), last]
        else:
            read = output.pooler_output
        return FEW(self.layer(read), sample["numbers"][:, 0].long())


class Score(Topic):
    """A number of each row."""

    name, task = "score", {"name": "regression"}

    def __init__(self, trunk, generator):
        super().__init__(trunk, generator)
        self.layer = torch.nn.Linear(16, 1)
        self.layers = {"classifier": self.layer}

    def sample(self, generator):
        return {**rows(generator, 5), "numbers": torch.randn(5, 1, generator=generator)}

    def loss(self, output, sample, trunk):
        return torch.nn.functional.mse_loss(self.layer(output.pooler_output), sample["numbers"])


class Entities:
    """Labels of tokens."""

    name, task = "entities", {"name": "token_classification", "labels": ["O", "B-X", "I-X", "B-Y"]}

    def __init__(self, trunk, generator):
        self.layer = torch.nn.Linear(16, 4)
        self.layers = {"classifier": self.layer}

    def sample(self, generator):
        batch = rows(generator, 4)
        targets = torch.randint(0, 4, (4, LENGTH), generator=generator)
        targets[torch.rand(4, LENGTH, generator=generator) < 0.4] = -100
        targets[batch["attention_mask"] == 0] = -100
        return {**batch, "targets": targets}

    def loss(self, output, sample, trunk):
        return FEW(self.layer(output.last_hidden_state).reshape(-1, 4), sample["targets"].reshape(-1))


class Answers:
    """Where answers begin and end; transformers lets padding take part, so that rows have none."""

    name, task = "answers", {"name": "question_answering"}

    def __init__(self, trunk, generator):
        self.layer = torch.nn.Linear(16, 2)
        self.layers = {"qa_outputs": self.layer}

    def sample(self, generator):
        places = torch.randint(0, LENGTH, (4, 2), generator=generator)
        return {**rows(generator, 4, full=True), "numbers": places.float()}

    def loss(self, output, sample, trunk):
        z = self.layer(output.last_hidden_state)
        return (FEW(z[:, :, 0], sample["numbers"][:, 0].long()) + FEW(z[:, :, 1], sample["numbers"][:, 1].long())) / 2


class Text:
    """The next token, by the embedding."""

    name, task = "text", {"name": "language_model"}

    def __init__(self, trunk, generator):
        self.layers = {}

    def sample(self, generator):
        batch = rows(generator, 4)
        targets = torch.full((4, LENGTH), -100)
        targets[:, :-1] = batch["input_ids"][:, 1:]
        targets[:, :-1][batch["attention_mask"][:, 1:] == 0] = -100
        return {**batch, "targets": targets}

    def loss(self, output, sample, trunk):
        z = output.last_hidden_state @ trunk.embed_tokens.weight.T
        return FEW(z.reshape(-1, 40), sample["targets"].reshape(-1))


def labels(config, names):
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    return config


CASES = {
    "topic-entities": (BertConfig, BERT, "BertForSequenceClassification", [Topic, Entities], [1.0, 0.5]),
    "answers-score": (BertConfig, BERT, "BertForQuestionAnswering", [Answers, Score], [1.0, 2.0]),
    "text-topic": (LlamaConfig, LLAMA, "LlamaForCausalLM",
                   [Text, lambda trunk, generator: Topic(trunk, generator, decoder=True)], [0.75, 1.0]),
}  # fmt: skip


def make(folder, kind, settings, architecture, builders, weights, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    config = kind(**settings)
    trunk = AutoModel.from_config(config)
    tasks = [builder(trunk, generator) for builder in builders]
    prefix = "bert." if kind is BertConfig else "model."
    # The pooler belongs to the head that reads it.
    pooled = [task.name for task in tasks if hasattr(task, "decoder") and not task.decoder]
    first = tasks[0].name

    def name_of(parameter):
        if "pooler" in parameter:
            return ("" if pooled[0] == first else f"heads.{pooled[0]}.") + prefix + parameter
        return prefix + parameter

    parameters = {name_of(name): p for name, p in trunk.named_parameters()}
    for task in tasks:
        for module, layer in task.layers.items():
            for name, p in layer.named_parameters():
                parameters[("" if task.name == first else f"heads.{task.name}.") + f"{module}.{name}"] = p
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.15)
    folder.mkdir(parents=True)
    if tasks[0].task.get("labels"):
        labels(config, tasks[0].task["labels"])
    config.architectures = [architecture]
    config.save_pretrained(folder)
    save_file({name: p.detach().clone() for name, p in parameters.items()}, folder / "model.safetensors",
              {"format": "pt"})  # fmt: skip

    tensors = {}
    samples = [[task.sample(generator) for task in tasks] for _ in range(STEPS)]
    for step, of_step in enumerate(samples):
        for task, sample in zip(tasks, of_step):
            key = f"{step}.{task.name}."
            tensors[key + "tokens"] = sample["input_ids"].to(torch.int32)
            tensors[key + "lengths"] = sample["attention_mask"].sum(1).to(torch.int32)
            if "numbers" in sample:
                tensors[key + "numbers"] = sample["numbers"]
            if "targets" in sample:
                targets = sample["targets"]
                tensors[key + "targets"] = torch.where(targets == -100, -1, targets).to(torch.int32)

    decayed = [p for p in parameters.values() if p.dim() > 1]
    others = [p for p in parameters.values() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}], lr=RATE)
    expected = {"tasks": [{"as": t.name, "weight": w, **t.task} for t, w in zip(tasks, weights)], "losses": [],
                "norms": [], "learning_rate": RATE, "task_losses": []}  # fmt: skip
    for step, of_step in enumerate(samples):
        optimizer.zero_grad()
        own = [
            task.loss(trunk(input_ids=sample["input_ids"], attention_mask=sample["attention_mask"]), sample, trunk)
            for task, sample in zip(tasks, of_step)
        ]
        loss = sum(weight * part for weight, part in zip(weights, own))
        loss.backward()
        if step == 0:
            tensors |= {f"gradient.{name}": p.grad.clone() for name, p in parameters.items()}
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        optimizer.step()
        expected["losses"].append(loss.item())
        expected["norms"].append(norm.item())
        expected["task_losses"].append([part.item() for part in own])
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "expected.safetensors")
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(f"{folder.name}: {expected['losses']}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=here / "trunks")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.output, ignore_errors=True)
    for seed, (name, case) in enumerate(CASES.items()):
        make(arguments.output / name, *case, 90 + seed)
