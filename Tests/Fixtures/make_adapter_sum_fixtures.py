#!/usr/bin/env python3
"""Makes adapter_sum/: two adapters of LoRA on the policy of make_preference_fixtures.py, and what PEFT's
add_weighted_adapter makes of them.

    pip install torch transformers peft; python3 make_adapter_sum_fixtures.py
"""

import json
import pathlib
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
MODEL = HERE / "preferences" / "policy"
OUTPUT = HERE / "adapter_sum"
CONFIGS = {
    "a": LoraConfig(r=4, lora_alpha=6, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM"),
    "b": LoraConfig(r=3, lora_alpha=5, use_rslora=True, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM"),
}
WEIGHTS = [0.7, -0.4]


def base():
    return LlamaForCausalLM.from_pretrained(MODEL, dtype=torch.float32)


def main():
    shutil.rmtree(OUTPUT, ignore_errors=True)
    generator = torch.Generator().manual_seed(3)
    for name, config in CONFIGS.items():
        model = get_peft_model(base(), config)
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                parameter.data = torch.randn(parameter.shape, generator=generator)
        model.save_pretrained(OUTPUT / name)
        (OUTPUT / name / "README.md").unlink()
        file = OUTPUT / name / "adapter_config.json"
        settings = json.loads(file.read_text())
        settings["base_model_name_or_path"] = "../../preferences/policy"
        file.write_text(json.dumps(settings, indent=1) + "\n")
    model = PeftModel.from_pretrained(base(), OUTPUT / "a", adapter_name="a")
    model.load_adapter(OUTPUT / "b", adapter_name="b")
    model.add_weighted_adapter(["a", "b"], WEIGHTS, "cat", combination_type="cat")
    model.add_weighted_adapter(["a", "b"], WEIGHTS, "svd", combination_type="svd", svd_rank=2)
    expected = {}
    for kind in ("cat", "svd"):
        deltas = {}
        for name, module in model.named_modules():
            if hasattr(module, "lora_A") and kind in module.lora_A:
                deltas[name.removeprefix("base_model.model.")] = module.get_delta_weight(kind).flatten().tolist()
        expected[kind] = deltas
    (OUTPUT / "expected.json").write_text(json.dumps({"weights": WEIGHTS, **expected}) + "\n")


if __name__ == "__main__":
    main()
