#!/usr/bin/env python3
"""Makes the fixtures of AdaLoRA's allocation of ranks: whole runs of PEFT's `update_and_allocate` on models of `parity`.

    OMP_NUM_THREADS=1 python make_adalora_fixtures.py [OUTPUT]

OUTPUT is `adalora` beside this script. Each folder has

    begin/, end/           the adapter before and after the run, as PEFT writes it; `end` lacks the ranks that were taken away
    expected.json          versions, base, and for each step: loss, norm of the gradient, and which singular values are kept
    expected.safetensors   tokens, targets, and the logits after the run
"""

import json
import platform
import sys
from pathlib import Path

import peft
import torch
import transformers
from make_adapter_fixtures import HERE, load
from peft import AdaLoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

RATE = 1e-2
RUNS = {
    # Ranks go in every second step between a beginning and an end without.
    "llama": (
        "llama-bias",
        dict(init_r=4, target_r=2, tinit=2, tfinal=3, deltaT=2, total_step=12, lora_alpha=8,
             target_modules=["q_proj", "v_proj", "down_proj"]),
    ),
    # They go in every step to the last, and all terms share one budget.
    "gpt2": (
        "gpt2-tiny",
        dict(init_r=3, target_r=1, total_step=8, beta1=0.7, beta2=0.6, orth_reg_weight=0.1, lora_alpha=5,
             target_modules=["c_attn", "c_proj"], fan_in_fan_out=True),
    ),
}


def save(model, folder, base):
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = f"../../../parity/{base}"
    config["target_modules"] = sorted(config["target_modules"])
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "adalora"
    for number, (name, (base, settings)) in enumerate(RUNS.items()):
        folder = output / name
        torch.manual_seed(300 + number)
        model = get_peft_model(load(base, "float32"), AdaLoraConfig(task_type="CAUSAL_LM", **settings)).train()
        save(model, folder / "begin", base)
        generator = torch.Generator().manual_seed(400 + number)
        tokens = torch.randint(0, model.config.vocab_size, (3, 21), generator=generator)
        targets = torch.cat([tokens[:, 1:], torch.full((3, 1), -1)], 1)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
        losses, norms, kept = [], [], []
        for step in range(1, settings["total_step"] + 1):
            loss = model(input_ids=tokens, labels=tokens).loss
            optimizer.zero_grad()
            loss.backward()
            norms.append(float(torch.nn.utils.clip_grad_norm_(trained, 1.0)))
            optimizer.step()
            model.base_model.update_and_allocate(step)
            losses.append(float(loss))
            pattern = model.peft_config["default"].rank_pattern
            kept.append(pattern and {key.replace(".lora_E.default", ""): value for key, value in pattern.items()})
        save(model, folder / "end", base)
        logits = model(input_ids=tokens).logits.detach()
        again = PeftModel.from_pretrained(load(base, "float32"), folder / "end")(input_ids=tokens).logits
        assert (again - logits).abs().max() < 1e-4, "PEFT reads back what it wrote"
        save_file(
            {"tokens": tokens.to(torch.int32), "targets": targets.to(torch.int32), "logits": logits},
            folder / "expected.safetensors")
        versions = {
            "python": platform.python_version(), "torch": torch.__version__, "peft": peft.__version__,
            "transformers": transformers.__version__, "script": "Tests/Fixtures/make_adalora_fixtures.py",
        }
        steps = {"losses": losses, "gradient_norms": norms, "kept": kept}
        (folder / "expected.json").write_text(
            json.dumps({"base": base, "learning_rate": RATE, "steps": steps, "versions": versions}) + "\n")
        print(name, losses, [k and sum(map(sum, k.values())) for k in kept])


if __name__ == "__main__":
    main()
