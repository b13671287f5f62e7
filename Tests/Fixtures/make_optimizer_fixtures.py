#!/usr/bin/env python3
"""Makes optimizers.safetensors: what the reference optimizers do with the same twelve gradients.

    python make_optimizer_fixtures.py [OUTPUT]

Weights and gradients are whole numbers from SplitMix64 over powers of two, so that tests make the same
without a file. Gradients are clipped to a norm of 1; only matrices decay; the learning rate falls from step to
step. SGD and Adafactor are torch.optim's; Lion is algorithm 2 of Chen et al. 2023 in torch; 8-bit AdamW is the
PyTorch version in bitsandbytes (its quantisation for CPUs is not that of the nearest value for small numbers, and it
has no update there). The versions stand in the file's metadata.
"""

import os
import sys
from pathlib import Path

os.environ["TORCHDYNAMO_DISABLE"] = "1"

import bitsandbytes
import bitsandbytes.functional as bnb
import numpy as np
import torch
from bitsandbytes.backends.triton.kernels_optim import optimizer_update_8bit_blockwise_pytorch
from safetensors.torch import save_file

STEPS = 12
SHAPES = {"matrix": (72, 64), "small": (9, 50), "vector": (70,)}


def uniform(stream, count):
    """Numbers of -1...1 with 24 bits, exact in fp32: SplitMix64 of (stream << 32) + index."""
    with np.errstate(over="ignore"):
        z = (np.uint64(stream) << np.uint64(32)) + np.arange(count, dtype=np.uint64)
        z = z * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32)


def tensors(step):
    """Weights for step 0, gradients after it: rows of very different sizes, some rows 0."""
    made = {}
    for number, (name, shape) in enumerate(SHAPES.items()):
        count = int(np.prod(shape))
        values = uniform(step * 16 + number, count)
        if step > 0:
            row = np.arange(count) // shape[-1]
            values = values * np.float32(2.0) ** -(row * 5 % 17).astype(np.float32)
            values[(row % 11 == 7)] = 0
        made[name] = torch.from_numpy(values.reshape(shape).copy())
    return made


def rate(base, step):
    return base * (1 - (step - 1) / 24)


class Lion(torch.optim.Optimizer):
    def __init__(self, groups, lr, betas, weight_decay=0.0):
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2) = group["lr"], group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - lr * group["weight_decay"])
                p.add_(torch.sign(beta1 * m + (1 - beta1) * p.grad), alpha=-lr)
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


class AdamW8bit(torch.optim.Optimizer):
    """bitsandbytes' update where the parameter has 4,096 numbers or more, else AdamW's."""

    signed, unsigned = bnb.create_dynamic_map(True), bnb.create_dynamic_map(False)

    def __init__(self, groups, lr, betas, eps, weight_decay=0.0):
        super().__init__(groups, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2), eps, decay = group["lr"], group["betas"], group["eps"], group["weight_decay"]
            for p in group["params"]:
                state = self.state[p]
                t = state["step"] = state.get("step", 0) + 1
                if p.numel() < 4096:
                    m = state.setdefault("m", torch.zeros_like(p))
                    v = state.setdefault("v", torch.zeros_like(p))
                    p.mul_(1 - lr * decay)
                    m.mul_(beta1).add_(p.grad, alpha=1 - beta1)
                    v.mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
                    denominator = v.sqrt() / (1 - beta2**t) ** 0.5 + eps
                    p.addcdiv_(m, denominator, value=-lr / (1 - beta1**t))
                    continue
                if t == 1:
                    for k in (1, 2):
                        state[f"codes{k}"] = torch.zeros(p.shape, dtype=torch.uint8)
                        state[f"absmax{k}"] = torch.zeros(-(-p.numel() // 256))
                optimizer_update_8bit_blockwise_pytorch(
                    p, p.grad, state["codes1"], state["codes2"], beta1, beta2, 0.0, 0.0, eps, t, lr, self.signed,
                    self.unsigned, state["absmax1"], state["absmax2"], decay, 1.0, False, optimizer_name="adam",
                )  # fmt: skip
                for name, k, code in (("m", 1, self.signed), ("v", 2, self.unsigned)):
                    state[name] = bnb.dequantize_blockwise(
                        state[f"codes{k}"], absmax=state[f"absmax{k}"], code=code, blocksize=256
                    )


def run(make, base, clip=1.0):
    weights = {name: torch.nn.Parameter(value) for name, value in tensors(0).items()}
    matrices = [p for p in weights.values() if p.dim() > 1]
    others = [p for p in weights.values() if p.dim() == 1]
    optimizer = make(matrices, others)
    for step in range(1, STEPS + 1):
        for name, gradient in tensors(step).items():
            weights[name].grad = gradient
        if clip:
            torch.nn.utils.clip_grad_norm_(weights.values(), clip)
        for group in optimizer.param_groups:
            group["lr"] = rate(base, step)
        optimizer.step()
    return {name: p.detach() for name, p in weights.items()}, {n: optimizer.state[p] for n, p in weights.items()}


def groups(matrices, others, decay):
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


CASES = {
    "sgd": (lambda m, o: torch.optim.SGD(groups(m, o, 0.1), lr=1), 0.5, 1.0, {}),
    "sgd_momentum": (
        lambda m, o: torch.optim.SGD(groups(m, o, 0.1), lr=1, momentum=0.9), 0.1, 1.0,
        {"momentum": "momentum_buffer"},
    ),
    "sgd_nesterov": (
        lambda m, o: torch.optim.SGD(groups(m, o, 0.1), lr=1, momentum=0.8, nesterov=True), 0.1, 1.0,
        {"momentum": "momentum_buffer"},
    ),
    "lion": (lambda m, o: Lion(groups(m, o, 0.5), 1, (0.9, 0.99)), 0.01, 1.0, {"momentum": "m"}),
    "adafactor": (
        lambda m, o: torch.optim.Adafactor(groups(m, o, 0.5), lr=1), 0.01, 1.0,
        {"row_moment": "row_var", "column_moment": "col_var", "second_moment": "variance"},
    ),
    # Not clipped, the RMS of updates allowed to reach 2, and the first epsilon large enough to be felt.
    "adafactor_other": (
        lambda m, o: torch.optim.Adafactor(groups(m, o, 0.1), lr=1, beta2_decay=-0.5, eps=(0.05, 0.3), d=2.0), 0.05,
        None, {"row_moment": "row_var", "column_moment": "col_var", "second_moment": "variance"},
    ),
    "adamw8bit": (
        lambda m, o: AdamW8bit(groups(m, o, 0.5), 1, (0.9, 0.99), 1e-6), 0.01, 1.0,
        {"first_moment": "m", "second_moment": "v"},
    ),
}  # fmt: skip


def main():
    torch.set_num_threads(1)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("optimizers.safetensors")
    out = {"map.signed": AdamW8bit.signed, "map.unsigned": AdamW8bit.unsigned}
    for case, (make, base, clip, names) in CASES.items():
        weights, states = run(make, base, clip)
        for parameter, value in weights.items():
            out[f"{case}.weights.{parameter}"] = value
            for name, key in names.items():
                if states[parameter].get(key) is not None:
                    out[f"{case}.{name}.{parameter}"] = states[parameter][key].flatten()
    versions = {"torch": torch.__version__, "bitsandbytes": bitsandbytes.__version__, "numpy": np.__version__}
    save_file({k: v.contiguous() for k, v in out.items()}, output, metadata={"script": Path(__file__).name, **versions})


main()
