"""Makes the fixtures of preference tuning and reward models: a tiny policy, a reference and a reward model, rows of data, and
the losses, gradients and first steps that the trainers of TRL give for them.

    python make_preference_fixtures.py [--output preferences]
"""

import argparse
import json
import pathlib
import shutil
import tempfile
import warnings

import torch
from datasets import Dataset
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForSequenceClassification, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

SIZES = dict(
    vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
    num_key_value_heads=1, max_position_embeddings=32, pad_token_id=0, bos_token_id=None, eos_token_id=1,
    tie_word_embeddings=False, attn_implementation="eager",
)  # fmt: skip
ROWS, LONGEST, STEPS, RATE = 6, 16, 5, 1e-2


def tokenizer():
    vocabulary = {"[PAD]": 0, "[EOS]": 1, "[UNK]": 2} | {f"w{number}": number for number in range(3, 40)}
    tokens = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokens, pad_token="[PAD]", eos_token="[EOS]", unk_token="[UNK]")


def shaken(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.15)
    return model.float()


def policy():
    torch.manual_seed(1)
    return shaken(LlamaForCausalLM(LlamaConfig(**SIZES)), 1)


def reference():
    return shaken(policy(), 2)


def reward_model():
    torch.manual_seed(3)
    config = LlamaConfig(**SIZES, num_labels=1, problem_type="regression")
    return shaken(AutoModelForSequenceClassification.from_config(config), 3)


def texts(generator, most):
    count = int(torch.randint(1, most, (1,), generator=generator))
    return " ".join(f"w{int(token)}" for token in torch.randint(3, 40, (count,), generator=generator))


def data():
    generator = torch.Generator().manual_seed(7)
    pairs = []
    for row in range(ROWS):
        chosen, rejected = texts(generator, 8), texts(generator, 8)
        pairs.append({"prompt": texts(generator, 6) + " ", "chosen": chosen, "rejected": rejected, "margin": 0.25 * row})
    # One answer is longer than a sequence.
    pairs[2]["rejected"] = " ".join(f"w{3 + number}" for number in range(20))
    labelled = [
        {"prompt": pair["prompt"], "completion": pair["chosen" if row % 3 else "rejected"], "label": row % 3 != 0}
        for row, pair in enumerate(pairs)
    ]
    return pairs, labelled


COMMON = dict(
    per_device_train_batch_size=ROWS, report_to="none", use_cpu=True, bf16=False, gradient_checkpointing=False,
    remove_unused_columns=False, save_strategy="no", train_sampling_strategy="sequential",
)  # fmt: skip


def without(rows, *keys):
    return Dataset.from_list([{key: value for key, value in row.items() if key not in keys} for row in rows])


def dpo(**settings):
    def make(folder, pairs, _):
        arguments = DPOConfig(folder, max_length=LONGEST, **COMMON, **settings)
        return DPOTrainer(
            policy(), ref_model=reference(), args=arguments, train_dataset=without(pairs, "margin"),
            processing_class=tokenizer())  # fmt: skip

    return make


def kto(**settings):
    def make(folder, _, labelled):
        arguments = KTOConfig(folder, max_length=LONGEST, **COMMON, **settings)
        return KTOTrainer(
            policy(), ref_model=reference(), args=arguments, train_dataset=Dataset.from_list(labelled),
            processing_class=tokenizer())  # fmt: skip

    return make


def alone(trainer, config, **settings):
    def make(folder, pairs, _):
        arguments = config(folder, max_length=LONGEST, **COMMON, **settings)
        return trainer(
            policy(), args=arguments, train_dataset=without(pairs, "margin"), processing_class=tokenizer())  # fmt: skip

    return make


def reward(has_margin, **settings):
    def make(folder, pairs, _):
        arguments = RewardConfig(folder, max_length=32, **COMMON, **settings)
        return RewardTrainer(
            reward_model(), args=arguments, train_dataset=without(pairs, *([] if has_margin else ["margin"])),
            processing_class=tokenizer())  # fmt: skip

    return make


def smoothed(trainer, inputs, epsilon=0.2, beta=0.1):
    """DPO with label smoothing, which TRL 1 has no more: its own scores in cDPO's formula."""
    trainer.model.train()
    labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
    given = {name: inputs[name] for name in ["input_ids", "attention_mask"]}

    def logps(model):
        logits = model(**given).logits[:, :-1].log_softmax(-1)
        targets = labels[:, 1:]
        each = logits.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        return (each * (targets != -100)).sum(1)

    with torch.no_grad():
        before = logps(trainer.ref_model)
    chosen, rejected = (logps(trainer.model) - before).chunk(2)
    delta = beta * (chosen - rejected)
    sigmoid = torch.nn.functional.logsigmoid
    return (-(1 - epsilon) * sigmoid(delta) - epsilon * sigmoid(-delta)).mean()


# By name: the task as a recipe has it, the trainer, and the loss where that is not the trainer's.
CASES = {
    "dpo": ({"loss": "dpo"}, dpo(beta=0.1), None),
    "smoothed": ({"loss": "dpo", "label_smoothing": 0.2}, dpo(beta=0.1), smoothed),
    "normalised": ({"loss": "dpo", "beta": 2.0, "length_normalised": True}, dpo(beta=2.0, loss_type="sigmoid_norm"), None),
    "sft": ({"loss": "dpo", "sft_weight": 0.5}, dpo(loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.5]), None),
    "ipo": ({"loss": "ipo"}, dpo(loss_type="ipo"), None),
    "hinge": ({"loss": "hinge", "beta": 0.5}, dpo(loss_type="hinge", beta=0.5), None),
    "robust": ({"loss": "robust", "label_smoothing": 0.1}, dpo(loss_type="robust", label_smoothing=0.1), None),
    "kto": ({"loss": "kto", "desirable_weight": 1.5, "undesirable_weight": 0.75},
            kto(desirable_weight=1.5, undesirable_weight=0.75), None),
    "orpo": ({"loss": "orpo"}, alone(ORPOTrainer, ORPOConfig), None),
    "simpo": ({"loss": "simpo", "beta": 2.0, "simpo_gamma": 1.0},
              alone(CPOTrainer, CPOConfig, loss_type="simpo", cpo_alpha=0.0, beta=2.0, simpo_gamma=1.0), None),
    "cpo": ({"loss": "cpo", "label_smoothing": 0.1}, alone(CPOTrainer, CPOConfig, label_smoothing=0.1), None),
    "reward": ({"name": "reward"}, reward(False), None),
    "margin": ({"name": "reward", "center_rewards_coefficient": 0.01},
               reward(True, center_rewards_coefficient=0.01), None),
}  # fmt: skip
SCALARS = [
    "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected",
    "kl", "margin", "accuracy",
]  # fmt: skip


def gradients(model):
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def rewards(model, inputs):
    """Of the better answers, and then of the worse ones."""
    with torch.no_grad():
        return model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[:, 0].tolist()


def rewards_padded_by_end(pairs):
    """The same where padding is the end of a text, so that transformers reads the token before it."""
    model = reward_model()
    model.config.pad_token_id = 1
    tokens = tokenizer()
    tokens.pad_token = "[EOS]"
    texts = [pair["prompt"] + pair[key] + "[EOS]" for key in ["chosen", "rejected"] for pair in pairs]
    return rewards(model, tokens(texts, padding=True, return_tensors="pt"))


def run(name, task, make, loss_of, rows, tensors):
    with tempfile.TemporaryDirectory() as folder:
        trainer = make(folder, *rows)
        inputs = next(iter(trainer.get_train_dataloader()))
        loss_of = loss_of or (lambda trainer, inputs: trainer.compute_loss(trainer.model, dict(inputs)))
        model = trainer.model
        model.train()
        loss = loss_of(trainer, inputs)
        loss.backward()
        expected = {"task": {"name": "preference", **task}, "loss": loss.item()}
        for key, value in gradients(model).items():
            tensors[f"{name}.{key}"] = value
        metrics = getattr(trainer, "_metrics", None) or getattr(trainer, "_stored_metrics", {})
        found = {key: values[-1] for key, values in metrics.get("train", {}).items() if key in SCALARS}
        expected["scalars"] = {key: float(value) for key, value in found.items()}
        if "completion_mask" in inputs:
            tensors[f"{name}:tokens"] = inputs["input_ids"].to(torch.int32)
            tensors[f"{name}:answers"] = inputs["completion_mask"].to(torch.int32)
        if name == "reward":
            expected |= {"rewards": rewards(model, inputs), "rewards_padded_by_end": rewards_padded_by_end(rows[0])}
        if name in ["dpo", "kto", "orpo", "reward"]:
            model.zero_grad()
            parameters = list(model.parameters())
            optimizer = torch.optim.AdamW(
                [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.01},
                 {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}], lr=RATE)  # fmt: skip
            losses, norms = [], []
            for _ in range(STEPS):
                optimizer.zero_grad()
                loss = loss_of(trainer, inputs)
                loss.backward()
                norms.append(torch.nn.utils.clip_grad_norm_(parameters, 1.0).item())
                losses.append(loss.item())
                optimizer.step()
            expected |= {"losses": losses, "norms": norms, "learning_rate": RATE}
        print(f"{name}: {expected['loss']:.6f} {expected['scalars']}")
        return expected


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=here / "preferences")
    output = parser.parse_args().output
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    shutil.rmtree(output, ignore_errors=True)
    for name, model in [("policy", policy()), ("reference", reference()), ("reward", reward_model())]:
        model.save_pretrained(output / name)
        tokenizer().backend_tokenizer.save(str(output / name / "tokenizer.json"))
    rows = data()
    plain = [{key: value for key, value in row.items() if key != "margin"} for row in rows[0]]
    for name, part in [("pairs", plain), ("margins", rows[0]), ("labelled", rows[1])]:
        (output / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    tensors = {}
    cases = {name: run(name, *case, rows, tensors) for name, case in CASES.items()}
    save_file({name: value.contiguous() for name, value in tensors.items()}, output / "expected.safetensors")
    (output / "expected.json").write_text(json.dumps({"sequence_length": LONGEST, "cases": cases}, indent=1) + "\n")
