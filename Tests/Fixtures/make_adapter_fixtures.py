#!/usr/bin/env python3
"""Makes the adapter fixtures: PEFT adapters on the models of `parity`, and what PEFT computes with them.

    OMP_NUM_THREADS=1 python make_adapter_fixtures.py [OUTPUT [NAME ...]]

Without names it makes all of them. OUTPUT is `adapters` beside this script. Each folder is an adapter as PEFT writes it, with

    expected.json          versions, base, and by storage of the base: loss, five losses and norms of AdamW
    expected.safetensors   tokens, targets, and by storage `STORAGE.logits`, `STORAGE.gradient.NAME`

A base that is stored in few bits is the one that bitsandbytes gives back: the reference computes with it in fp32.
"""

import json
import platform
import sys
import tempfile
from pathlib import Path

import bitsandbytes.functional as bnb
import peft
import torch
import transformers
from bitsandbytes.backends.default.ops import _dequantize_4bit_compute
from peft import AdaLoraConfig, IA3Config, LoraConfig, PeftModel, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
STORAGES = ["float32", "bfloat16", "int8", "nf4", "nf4_nested"]
STEPS = 5
RATE = 1e-2
MAGNITUDES = {}

# name: (base, settings of LoraConfig, or of another kind)
ADAPTERS = {
    "llama-all": ("llama-tiny", dict(r=4, lora_alpha=8, target_modules="all-linear")),
    "llama-rslora": ("llama-bias", dict(r=3, lora_alpha=5, target_modules=["q_proj", "v_proj"], use_rslora=True)),
    "llama-saved": (
        "llama-untied",
        dict(r=2, lora_alpha=16, target_modules=r".*\.(up|down)_proj", modules_to_save=["embed_tokens", "lm_head"]),
    ),
    "gpt2-all": ("gpt2-tiny", dict(r=4, lora_alpha=8, target_modules="all-linear", fan_in_fan_out=True)),
    "gpt2-attention": ("gpt2-odd", dict(r=5, lora_alpha=16, target_modules=["c_attn"], fan_in_fan_out=True)),
    "llama-patterns": (
        "llama-bias",
        dict(
            r=3, lora_alpha=6, target_modules=["q_proj", "o_proj", "up_proj"],
            rank_pattern={"q_proj": 2, r"layers\.1\.mlp\.up_proj": 5}, alpha_pattern={r"model\.layers\.0\..*": 9}),
    ),
    "llama-parted": ("llama-tiny", dict(r=2, lora_alpha=4, target_modules=["v_proj"], modules_to_save=["embed_tokens"])),
    "gpt2-parted": (
        "gpt2-tiny",
        dict(r=2, lora_alpha=4, target_modules=["c_attn"], fan_in_fan_out=True, modules_to_save=["lm_head"]),
    ),
    "llama-dora": ("llama-bias", dict(r=4, lora_alpha=8, target_modules="all-linear", use_dora=True)),
    "gpt2-dora": (
        "gpt2-tiny",
        dict(r=3, lora_alpha=8, target_modules="all-linear", fan_in_fan_out=True, use_dora=True, use_rslora=True),
    ),
    "llama-layers": (
        "llama-bias",
        dict(r=3, lora_alpha=6, target_modules=["q_proj", "down_proj"], layers_to_transform=[1],
             rank_pattern={"down_proj": 2}),
    ),
    "gpt2-layers": (
        "gpt2-tiny",
        dict(r=2, lora_alpha=4, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True, layers_to_transform=0,
             layers_pattern="h"),
    ),
    "llama-fa": ("llama-bias", dict(r=4, lora_alpha=8, target_modules="all-linear")),
    "llama-ia3": ("llama-bias", dict(kind=IA3Config)),
    "gpt2-ia3": ("gpt2-tiny", dict(kind=IA3Config)),
    "opt-ia3": ("opt", dict(kind=IA3Config)),
    "gpt-neox-ia3": ("gpt-neox", dict(kind=IA3Config, modules_to_save=["embed_in"])),
    "llama-pissa": ("llama-bias", dict(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights="pissa")),
    "gpt2-pissa": (
        "gpt2-odd",
        dict(r=3, lora_alpha=9, target_modules="all-linear", fan_in_fan_out=True, init_lora_weights="pissa"),
    ),
    "gemma2-ia3": ("gemma2", dict(kind=IA3Config)),
    "llama-adalora": (
        "llama-bias",
        dict(kind=AdaLoraConfig, init_r=4, target_r=2, lora_alpha=8, target_modules="all-linear", total_step=9,
             orth_reg_weight=0.0),
    ),
    # As it is after ranks were taken away, from one term all of them.
    "gpt2-adalora": (
        "gpt2-tiny",
        dict(kind=AdaLoraConfig, init_r=3, target_r=2, lora_alpha=5, target_modules=["c_attn", "c_fc"], total_step=9,
             orth_reg_weight=0.0, fan_in_fan_out=True,
             pattern={"transformer.h.0.attn.c_attn": [True, False, True], "transformer.h.0.mlp.c_fc": [False] * 3,
                      "transformer.h.1.attn.c_attn": [True] * 3, "transformer.h.1.mlp.c_fc": [False, True, False]}),
    ),
}


def stored(weight, storage):
    """A matrix as it comes back from its storage."""
    if storage == "float32":
        return weight
    if storage == "bfloat16":
        return weight.to(torch.bfloat16).float()
    if storage == "int8":
        codes, largest, _ = bnb.int8_vectorwise_quant(weight.clone())
        return codes.float() * (largest / 127).unsqueeze(-1)
    packed, state = bnb.quantize_4bit(
        weight, blocksize=64, quant_type="nf4", compress_statistics=storage == "nf4_nested")
    largest = state.absmax
    if state.nested:
        largest = bnb.dequantize_blockwise(state.absmax, state.state2) + state.offset
    # dequantize_4bit of bitsandbytes 0.50 has a kernel for CPUs that gives other numbers for rows of fewer than 64
    # columns than its own formula, which this is.
    return _dequantize_4bit_compute(packed.reshape(-1), largest, state.code, 64, weight.shape, torch.float32)


def projections(model):
    """The matrices that LoRA may stand beside, by name."""
    for name, module in model.named_modules():
        if type(module).__name__ in ("Linear", "Conv1D") and not name.endswith("lm_head"):
            yield name, module


def load(base, storage):
    model = AutoModelForCausalLM.from_pretrained(
        HERE / "parity" / base, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        for _, module in projections(model):
            module.weight.copy_(stored(module.weight.detach(), storage))
    return model


def adapted(base, settings, storage, seed, freezes_a):
    torch.manual_seed(seed)
    # PiSSA takes the original base apart, and what is left is stored.
    is_pissa = settings.get("init_lora_weights") == "pissa"
    settings = dict(settings)
    kind = settings.pop("kind", LoraConfig)
    pattern = settings.pop("pattern", None)
    model = get_peft_model(
        load(base, "float32" if is_pissa else storage), kind(task_type="CAUSAL_LM", **settings))
    if is_pissa:
        with torch.no_grad():
            for name, module in projections(model):
                if hasattr(module, "base_layer") or "lora" in name:
                    continue
                module.weight.copy_(stored(module.weight.detach(), storage))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "lora_magnitude_vector" in name:
                # There is one file of them for all storages.
                moved = parameter * (1 + 0.1 * torch.randn(parameter.shape, generator=generator))
                if storage == "float32":
                    MAGNITUDES.setdefault(name, moved)
                parameter.copy_(MAGNITUDES[name])
            elif parameter.requires_grad and "modules_to_save" in name and seed > 4:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
            elif is_pissa and parameter.requires_grad:
                parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
            elif parameter.requires_grad and "lora_" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
            elif parameter.requires_grad and "ia3_" in name:
                parameter.copy_(1 + 0.3 * torch.randn(parameter.shape, generator=generator))
    for name, parameter in model.named_parameters():
        if freezes_a and "lora_A" in name:
            parameter.requires_grad = False
    if pattern:
        model = without_ranks(model, pattern, load(base, storage))
    return model.train()


def without_ranks(model, pattern, base):
    """The same adapter of AdaLoRA as PEFT writes and reads it when ranks have been taken away."""
    model.peft_config["default"].rank_pattern = {f"{name}.lora_E.default": kept for name, kept in pattern.items()}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = PeftModel.from_pretrained(base, folder, is_trainable=True)
    # It would be cut once more when it is saved.
    return loaded


def trained(model):
    """Parameters under the names of the adapter's file."""
    return {
        name.replace(".default", "").replace(".modules_to_save", "").replace("vector.weight", "vector"): parameter
        for name, parameter in sorted(model.named_parameters())
        if parameter.requires_grad
    }


def loss_of(model, tokens, labels):
    return model(input_ids=tokens, labels=labels).loss


def steps(model, optimizer, tokens, labels):
    losses, norms = [], []
    for _ in range(STEPS):
        loss = loss_of(model, tokens, labels)
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(list(trained(model).values()), 1.0)))
        optimizer.step()
        losses.append(float(loss))
    return {"losses": losses, "gradient_norms": norms}


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "adapters"
    for number, (name, (base, settings)) in enumerate(ADAPTERS.items()):
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        folder = output / name
        tensors, results = {}, {}
        MAGNITUDES.clear()
        for storage in STORAGES:
            model = adapted(base, settings, storage, number, name.endswith("-fa"))
            if storage == "float32":
                model.save_pretrained(folder)
                (folder / "README.md").unlink(missing_ok=True)
                config = json.loads((folder / "adapter_config.json").read_text())
                config["base_model_name_or_path"] = f"../../parity/{base}"
                (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
                loaded = PeftModel.from_pretrained(load(base, storage), folder)
                generator = torch.Generator().manual_seed(100 + number)
                vocabulary = model.config.vocab_size
                tokens = torch.randint(0, vocabulary, (3, 21), generator=generator)
                labels = tokens.clone()
                labels[torch.rand(tokens.shape, generator=generator) < 0.2] = -100
                targets = torch.cat([labels[:, 1:], torch.full((3, 1), -100)], 1)
                tensors["tokens"] = tokens.to(torch.int32)
                tensors["targets"] = torch.where(targets < 0, -1, targets).to(torch.int32)
            tensors[f"{storage}.logits"] = model(input_ids=tokens).logits.detach()
            if storage == "float32":
                again = loaded(input_ids=tokens).logits
                assert (again - tensors["float32.logits"]).abs().max() < 1e-4, "PEFT reads back what it wrote"
            loss = loss_of(model, tokens, labels)
            loss.backward()
            for key, parameter in trained(model).items():
                tensors[f"{storage}.gradient.{key}"] = parameter.grad.clone()
            model.zero_grad()
            optimizer = torch.optim.AdamW(list(trained(model).values()), lr=RATE, weight_decay=0.01)
            results[storage] = steps(model, optimizer, tokens, labels)
        if "kind" not in settings:
            model = adapted(base, settings, "float32", number, name.endswith("-fa"))
            optimizer = create_loraplus_optimizer(
                model, torch.optim.AdamW, lr=RATE / 4, loraplus_lr_ratio=4, loraplus_weight_decay=0.01)
            results["loraplus"] = steps(model, optimizer, tokens, labels)
        save_file(tensors, folder / "expected.safetensors")
        versions = {
            "python": platform.python_version(), "torch": torch.__version__, "peft": peft.__version__,
            "transformers": transformers.__version__, "script": "Tests/Fixtures/make_adapter_fixtures.py",
        }
        (folder / "expected.json").write_text(
            json.dumps({"base": base, "learning_rate": RATE, "storages": results, "versions": versions}, indent=1) + "\n")
        print(name, {k: round(v["losses"][0], 5) for k, v in results.items()}, list(trained(model))[:2])


if __name__ == "__main__":
    main()
