#!/usr/bin/env python3
"""Makes the fixtures of optimizers and regularisation that have references in Python: what torch.optim.Muon and
schedulefree do with the gradients of make_optimizer_fixtures.py (regularisation.safetensors), the rates of torch's
ReduceLROnPlateau, and what a few steps log with each measure on the policy of make_preference_fixtures.py
(regularisation.json).

    pip install torch transformers schedulefree safetensors; python3 make_regularisation_fixtures.py

Muon's iteration is torch's own program in fp32 where torch rounds to bfloat16.
"""

import inspect
import json
import pathlib

import schedulefree
import torch
import torch.optim._muon as muon_module
from safetensors.torch import save_file
from transformers import AutoTokenizer, LlamaForCausalLM
from transformers.trainer_pt_utils import LabelSmoother

HERE = pathlib.Path(__file__).parent
MODEL = HERE / "preferences" / "policy"
ROWS = HERE / "keep"
STEPS, BATCH, RATE, END = 4, 4, 1e-2, 1

source = inspect.getsource(muon_module._zeropower_via_newtonschulz)
assert "bfloat16()" in source
scope = dict(vars(muon_module))
# A copy, as rounding makes one: the iteration works in place, and without Nesterov it is given the momentum itself.
exec(source.replace("bfloat16()", "float().clone()"), scope)
muon_module._zeropower_via_newtonschulz = scope["_zeropower_via_newtonschulz"]


# Optimizers on fixed gradients, as in make_optimizer_fixtures.py.

OPTIMIZER_STEPS = 12
SHAPES = {"matrix": (72, 64), "small": (9, 50), "vector": (70,)}


def uniform(stream, count):
    mask = (1 << 64) - 1
    values = []
    for index in range(count):
        z = (((stream << 32) + index) * 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
        values.append((z >> 40) / 2**23 - 1)
    return torch.tensor(values, dtype=torch.float32)


def tensors(step):
    made = {}
    for number, (name, shape) in enumerate(SHAPES.items()):
        values = uniform(step * 16 + number, torch.Size(shape).numel())
        if step > 0:
            row = torch.arange(values.numel()) // shape[-1]
            values = values * torch.pow(2.0, -(row * 5 % 17).float())
            values[row % 11 == 7] = 0
        made[name] = values.reshape(shape)
    return made


def run_optimizer(make, base, clip=1.0):
    weights = {name: torch.nn.Parameter(value.clone()) for name, value in tensors(0).items()}
    optimizers = make([weights["matrix"], weights["small"]], [weights["vector"]])
    for optimizer in optimizers:
        if hasattr(optimizer, "train"):
            optimizer.train()
    for step in range(1, OPTIMIZER_STEPS + 1):
        for name, gradient in tensors(step).items():
            weights[name].grad = gradient
        torch.nn.utils.clip_grad_norm_(weights.values(), clip)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                # The rate of schedulefree stays, as its average is weighted by it.
                if not hasattr(optimizer, "train"):
                    group["lr"] = base * (1 - (step - 1) / 24)
            optimizer.step()
    out = {f"weights.{name}": value.detach().clone() for name, value in weights.items()}
    for optimizer in optimizers:
        if hasattr(optimizer, "eval"):
            for name, value in weights.items():
                out[f"point.{name}"] = optimizer.state[value]["z"].clone()
            optimizer.eval()
            for name, value in weights.items():
                out[f"average.{name}"] = value.detach().clone()
    return out


def muon(**settings):
    def make(matrices, others):
        return [
            torch.optim.Muon(matrices, lr=1, weight_decay=0.5, momentum=0.9, **settings),
            torch.optim.AdamW(others, lr=1, betas=(0.9, 0.95), weight_decay=0),
        ]

    return make


def schedule_free(**settings):
    def make(matrices, others):
        groups = [{"params": matrices, "weight_decay": 0.5}, {"params": others, "weight_decay": 0.0}]
        return [schedulefree.AdamWScheduleFree(groups, lr=0.05, betas=(0.9, 0.99), foreach=False, **settings)]

    return make


OPTIMIZERS = {
    "muon": muon(adjust_lr_fn="match_rms_adamw"),
    "muon_original": muon(nesterov=False, adjust_lr_fn="original"),
    "schedule_free": schedule_free(),
    "schedule_free_warm": schedule_free(warmup_steps=5, r=0.5),
}


# Plateaus.


def plateaus():
    generator = torch.Generator().manual_seed(5)
    cases = []
    for settings in [
        {"factor": 0.5, "patience": 2, "threshold": 1e-2, "cooldown": 0, "min_lr": 0.0},
        {"factor": 0.3, "patience": 0, "threshold": 1e-4, "cooldown": 3, "min_lr": 0.02},
        {"factor": 0.1, "patience": 1, "threshold": 0.05, "cooldown": 1, "min_lr": 0.0},
    ]:
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=0.4)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        losses, rates = [], []
        for step in range(40):
            loss = 2 / (1 + min(step, 12)) + 0.05 * float(torch.rand(1, generator=generator))
            scheduler.step(loss)
            losses.append(loss)
            rates.append(optimizer.param_groups[0]["lr"])
        cases.append({"settings": settings, "losses": losses, "rates": rates})
    return cases


# Runs.

MATRICES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
DECAYED = lambda name: "norm" not in name
RUNS = {
    "label_smoothing": ["task={name: language_model, label_smoothing: 0.2}"],
    "ema": ["keep.ema=0.7"],
    "ema_warmup": ["keep.ema={decay: 0.9, warmup: true}"],
    "wise_ft": ["keep.wise_ft=0.3"],
    "layer_decay": ["optimizer.layer_decay=0.5"],
    "freeze_below": ["keep.freeze_below=1"],
    "muon": ["optimizer.name=muon", "optimizer.weight_decay=0.1", "optimizer.beta2=0.95"],
    "schedule_free": ["optimizer.name=schedule_free", "optimizer.weight_decay=0.1", "schedule.warmup_steps=3"],
}


def logs(model, tokens):
    return model(torch.tensor([tokens])).logits[:, :-1]


def loss_sum(model, tokens):
    log = logs(model, tokens)[0].double().log_softmax(-1)
    return -log.gather(1, torch.tensor(tokens[1:])[:, None]).sum()


def smoothed_sum(model, tokens, epsilon):
    """LabelSmoother's mean, times the number of targets."""
    labels = torch.tensor([tokens[1:]])
    return LabelSmoother(epsilon=epsilon)({"logits": logs(model, tokens).double()}, labels) * (len(tokens) - 1)


def optimizers_of(case, model):
    named = list(model.named_parameters())
    if case == "freeze_below":
        for name, parameter in named:
            parameter.requires_grad_("layers." not in name and "embed" not in name)
        named = [(n, p) for n, p in named if p.requires_grad]
    adamw = lambda groups, beta2=0.999: torch.optim.AdamW(groups, lr=RATE, betas=(0.9, beta2), eps=1e-8, weight_decay=0)
    if case == "layer_decay":
        factor = lambda n: 0.25 if "embed" in n else 0.5 if "layers." in n else 1
        return [adamw([{"params": [p], "lr": RATE * factor(n)} for n, p in named])]
    if case == "muon":
        is_matrix = lambda n: any(part in n for part in MATRICES)
        others = [
            {"params": [p for n, p in named if not is_matrix(n) and DECAYED(n) == decays], "weight_decay": 0.1 * decays}
            for decays in (True, False)
        ]
        matrices = [p for n, p in named if is_matrix(n)]
        return [
            torch.optim.Muon(matrices, lr=RATE, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            adamw(others, 0.95),
        ]
    if case == "schedule_free":
        groups = [
            {"params": [p for n, p in named if DECAYED(n) == decays], "weight_decay": 0.1 * decays}
            for decays in (True, False)
        ]
        return [schedulefree.AdamWScheduleFree(groups, lr=RATE, warmup_steps=3, foreach=False)]
    return [adamw([p for _, p in named])]


def run(case, tokens):
    model = LlamaForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="eager")
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    average = {name: value.clone() for name, value in start.items()}
    optimizers = optimizers_of(case, model)
    trained = [p for p in model.parameters() if p.requires_grad]

    def each(name):
        for optimizer in optimizers:
            if hasattr(optimizer, name):
                getattr(optimizer, name)()

    def validation(weights=None):
        each("eval")
        kept = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_((weights or kept)[name])
            total = sum(loss_sum(model, sequence).item() for sequence in tokens["general"])
            for name, parameter in model.named_parameters():
                parameter.copy_(kept[name])
        each("train")
        return total / sum(len(sequence) - 1 for sequence in tokens["general"])

    each("train")
    losses, norms, validations = [], [], []
    for step in range(1, STEPS + 1):
        batch = tokens["train"][(step - 1) * BATCH : step * BATCH]
        count = sum(len(sequence) - 1 for sequence in batch)
        if case == "label_smoothing":
            loss = sum(smoothed_sum(model, sequence, 0.2) for sequence in batch) / count
        else:
            loss = sum(loss_sum(model, sequence) for sequence in batch) / count
        model.zero_grad()
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(trained, 1e9).item())
        for optimizer in optimizers:
            optimizer.step()
        keep = 0.7 if case == "ema" else min(0.9, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            average[name].lerp_(parameter.detach(), 1 - keep)
        if step % 2 == 0:
            validations.append(validation(average if case.startswith("ema") else None))
    result = {"settings": RUNS[case], "loss": losses, "grad_norm": norms, "validation_loss": validations}
    if case == "wise_ft":
        blend = {n: 0.3 * p.detach() + 0.7 * start[n] for n, p in model.named_parameters()}
        result["left_loss"] = validation(blend)
    return result


def main():
    torch.set_num_threads(1)
    out = {}
    for case, make in OPTIMIZERS.items():
        for name, value in run_optimizer(make, 0.01).items():
            out[f"{case}.{name}"] = value.contiguous()
    save_file(out, HERE / "regularisation.safetensors", {"torch": torch.__version__})
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    tokens = {}
    for name in ("train", "general"):
        lines = (ROWS / f"{name}.jsonl").read_text().splitlines()
        tokens[name] = [tokenizer(json.loads(line)["text"])["input_ids"] + [END] for line in lines]
    expected = {"plateaus": plateaus(), "runs": {case: run(case, tokens) for case in RUNS}}
    (HERE / "regularisation.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
