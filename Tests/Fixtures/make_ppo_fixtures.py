"""Writes ppo.json: advantages, returns, losses and gradients of the PPOTrainer of TRL 0.11 on fixed rollouts.

    pip install torch transformers trl==0.11.4 tyro
    python Tests/Fixtures/make_ppo_fixtures.py
"""

import json
import os
from types import SimpleNamespace

import torch
from trl.trainer.ppo_trainer import PPOTrainer

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(11)
answers, longest = 6, 7
lengths = torch.tensor([7, 3, 1, 5, 2, 7])


def draw(scale, offset=0.0):
    # What the program keeps of a rollout is fp32.
    return (torch.randn(answers, longest, generator=generator) * scale + offset).float().double()


old, reference, values = draw(0.8, -1.5), draw(0.8, -1.6), draw(0.4)
now, predicted = old + draw(0.3), values + draw(0.4)
rewards = torch.tensor([1.0, 0.0, 0.5, 1.0, 0.0, -0.3])


def run(settings):
    # With whitened rewards, TRL's padding earns something too, which flows back into shorter answers.
    own_lengths = torch.full_like(lengths, longest) if settings.get("whiten_rewards") else lengths
    mask = (torch.arange(longest)[None] < own_lengths[:, None]).double()
    config = SimpleNamespace(
        whiten_rewards=settings.get("whiten_rewards", False), gamma=settings.get("gamma", 1.0),
        lam=settings.get("lam", 0.95), cliprange=settings.get("cliprange", 0.2),
        cliprange_value=settings.get("cliprange_value", 0.2), vf_coef=settings.get("vf_coef", 0.1), kl_penalty="kl",
        ratio_threshold=1e9,
    )  # fmt: skip
    trainer = SimpleNamespace(config=config, kl_ctl=SimpleNamespace(value=settings.get("kl_coef", 0.05)))
    trainer._kl_penalty = lambda a, b: PPOTrainer._kl_penalty(trainer, a, b)
    earned, _, _ = PPOTrainer.compute_rewards(trainer, rewards, old, reference, mask)
    own, advantages, returns = PPOTrainer.compute_advantages(trainer, values, earned, mask)
    logs, heads = now.clone().requires_grad_(), predicted.clone().requires_grad_()
    policy, value, stats = PPOTrainer.loss(
        trainer, old, own, torch.randn(answers, longest, 3), heads, logs, mask, advantages, returns
    )
    (policy + value).backward()
    return {
        "settings": settings, "lengths": own_lengths.tolist(), "advantages": (advantages * mask).tolist(), "returns": (returns * mask).tolist(),
        "loss": (policy + value).item(), "value_loss": stats["loss/value"].item(),
        "clipped": stats["policy/clipfrac"].item(), "values_clipped": stats["val/clipfrac"].item(),
        "gradient": logs.grad.tolist(), "value_gradient": heads.grad.tolist(),
    }  # fmt: skip


cases = [
    {},
    {"kl_coef": 0.3, "gamma": 0.9, "lam": 0.5},
    {"whiten_rewards": True, "vf_coef": 0.7, "cliprange": 0.1},
    {"kl_coef": 0.0, "cliprange_value": 0.05, "lam": 1.0},
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ppo.json")
with open(path, "w") as file:
    json.dump(
        {
            "old": old.tolist(), "reference": reference.tolist(),
            "values": values.tolist(), "now": now.tolist(), "predicted": predicted.tolist(),
            "rewards": rewards.tolist(), "cases": [run(case) for case in cases],
        },
        file, indent=1,
    )  # fmt: skip
    file.write("\n")
