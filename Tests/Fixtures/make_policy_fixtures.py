"""Writes policies.json: losses and gradients of TRL's GRPOTrainer and RLOOTrainer on fixed log-probabilities, and
advantages of fixed rewards.

    pip install torch transformers trl
    python Tests/Fixtures/make_policy_fixtures.py
"""

import json
import os
from types import SimpleNamespace

import torch
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.rloo_trainer import RLOOTrainer
from trl.trainer.utils import nanstd

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(7)
answers, longest, limit = 6, 5, 9
lengths = torch.tensor([5, 3, 1, 4, 2, 5])
mask = (torch.arange(longest)[None] < lengths[:, None]).double()
now = -torch.rand(answers, longest, generator=generator) * 3
# Some ratios lie far outside of the range on either side.
old = now + torch.randn(answers, longest, generator=generator) * 0.4
reference = now + torch.randn(answers, longest, generator=generator) * 0.5
advantages = torch.tensor([1.3, -0.7, 0.4, -1.9, 0.0, 0.8])


class Accelerator:
    num_processes = 1
    sync_gradients = True

    def reduce(self, x, reduction):
        return x

    def gather(self, x):
        return x


def run(trainer, old, **settings):
    logs = now.clone().requires_grad_(True)
    usual = dict(
        beta=0.0, epsilon_low=0.2, epsilon_high=0.2, loss_type="dapo", importance_sampling_level="token",
        max_completion_length=limit, top_entropy_quantile=1.0, off_policy_mask_threshold=None, use_vllm=False,
        aux_loss_enabled=False, _entropy_bonus_enabled=False, current_gradient_accumulation_steps=1,
        accelerator=Accelerator(), model=SimpleNamespace(training=True),
    )
    delta, corrects = settings.pop("delta", None), settings.pop("use_bias_correction_kl", True)
    this = SimpleNamespace(**{**usual, **settings})
    this.args = SimpleNamespace(delta=delta, use_bias_correction_kl=corrects, steps_per_generation=1)
    from collections import defaultdict

    this._metrics = {"train": defaultdict(list)}
    this._get_per_token_logps_and_entropies = lambda *a, **k: (logs, torch.zeros_like(logs), None)
    inputs = dict(
        prompt_ids=torch.zeros(answers, 1), prompt_mask=torch.ones(answers, 1), completion_mask=mask,
        completion_ids=torch.zeros(answers, longest), advantages=advantages, ref_per_token_logps=reference,
        num_items_in_batch=mask.sum(),
    )
    if old is not None:
        inputs["old_per_token_logps"] = old
        inputs["old_logps"] = (old * mask).sum(1)
    loss = trainer._compute_loss(this, this.model, inputs)
    loss.backward()
    metrics = {key: value[-1] for key, value in this._metrics["train"].items()}
    return {"loss": loss.item(), "gradient": logs.grad.tolist(), "kl": metrics.get("kl"),
            "clip_ratio": metrics.get("clip_ratio/region_mean")}


cases = []
for settings in [
    {"loss_type": "dapo"}, {"loss_type": "grpo"}, {"loss_type": "dr_grpo"}, {"loss_type": "bnpo"},
    {"loss_type": "dapo", "beta": 0.1}, {"loss_type": "grpo", "beta": 0.2, "use_bias_correction_kl": False},
    {"loss_type": "dapo", "epsilon_low": 0.1, "epsilon_high": 0.3}, {"loss_type": "dapo", "delta": 1.5},
    {"loss_type": "grpo", "importance_sampling_level": "sequence"},
    {"loss_type": "dapo", "importance_sampling_level": "sequence", "beta": 0.1},
]:
    for has_old in [True, False]:
        cases.append({"task": "grpo", **settings, "old": has_old,
                      **run(GRPOTrainer, old if has_old else None, **dict(settings))})
cases.append({"task": "rloo", "old": True, **run(RLOOTrainer, old)})

# As _generate_and_score_completions of both computes them.
rewards = torch.tensor([1.0, 0.0, 0.5, 2.0, 2.0, 2.0, -1.0, 0.25, 0.0])
divergence = torch.rand(9, generator=generator)
size = 3
groups = rewards.view(-1, size)
means = groups.mean(1).repeat_interleave(size)
expected = {
    "group": (rewards - means) / (nanstd(groups, dim=1).repeat_interleave(size) + 1e-4),
    "batch": (rewards - means) / (nanstd(rewards) + 1e-4), "none": rewards - means,
}
clipped = rewards.clamp(-0.5, 1.5) - 0.05 * divergence
groups = clipped.view(-1, size)
leave_one_out = clipped - ((groups.sum(1, keepdim=True) - groups) / (size - 1)).view(-1)
expected["rloo"] = leave_one_out
expected["rloo_normalized"] = (leave_one_out - leave_one_out.mean()) / (nanstd(leave_one_out) + 1e-4)

with open(os.path.join(os.path.dirname(__file__), "policies.json"), "w") as file:
    json.dump({
        "limit": limit, "lengths": lengths.tolist(), "now": now.tolist(), "old": old.tolist(),
        "reference": reference.tolist(), "advantages": advantages.tolist(), "cases": cases,
        "rewards": rewards.tolist(), "divergence": divergence.tolist(), "size": size,
        "expected": {key: value.tolist() for key, value in expected.items()},
    }, file, indent=1)
    file.write("\n")
