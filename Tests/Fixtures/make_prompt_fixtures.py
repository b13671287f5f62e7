#!/usr/bin/env python3
"""Makes the fixtures of methods with virtual tokens: PEFT adapters on the models of `parity`, and what PEFT computes with them.

    OMP_NUM_THREADS=1 python make_prompt_fixtures.py [OUTPUT [NAME ...]]

Without names it makes all of them. OUTPUT is `prompts` beside this script. Each folder is an adapter as PEFT writes it, with

    expected.json          versions, base, settings, and by storage of the base: five losses and norms of AdamW
    expected.safetensors   tokens, targets or labels, `parameter.NAME` where the adapter holds only what an encoder made,
                           `generated`: the likeliest tokens behind nine of the first row, and by storage `STORAGE.logits`, `STORAGE.gradient.NAME`

Targets stand beside all rows of the model, virtual ones included.
"""

import json
import platform
import sys
from pathlib import Path

import peft
import torch
import transformers
from peft import PeftModel, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from make_adapter_fixtures import HERE, RATE, STORAGES, projections, steps, stored

# name: (base, kind, settings)
PROMPTS = {
    "gpt2-prompt": ("gpt2-tiny", PromptTuningConfig, dict(num_virtual_tokens=5)),
    "llama-prompt": ("llama-bias", PromptTuningConfig, dict(num_virtual_tokens=7)),
    "gemma2-prompt": ("gemma2", PromptTuningConfig, dict(num_virtual_tokens=3)),
    "gpt2-labels-prompt": ("gpt2-labels", PromptTuningConfig, dict(num_virtual_tokens=4, task_type="SEQ_CLS")),
    "llama-labels-prompt": ("llama-labels", PromptTuningConfig, dict(num_virtual_tokens=4, task_type="SEQ_CLS")),
    "bert-labels-prompt": ("bert-labels", PromptTuningConfig, dict(num_virtual_tokens=4, task_type="SEQ_CLS")),
    "gpt2-prefix": ("gpt2-tiny", PrefixTuningConfig, dict(num_virtual_tokens=5)),
    "llama-prefix": ("llama-bias", PrefixTuningConfig, dict(num_virtual_tokens=7)),
    "mistral-prefix": ("mistral", PrefixTuningConfig, dict(num_virtual_tokens=3)),
    "gpt-neox-prefix": ("gpt-neox", PrefixTuningConfig, dict(num_virtual_tokens=6)),
    "qwen3-prefix": ("qwen3", PrefixTuningConfig, dict(num_virtual_tokens=4)),
    "gpt2-projected": (
        "gpt2-odd", PrefixTuningConfig, dict(num_virtual_tokens=4, prefix_projection=True, encoder_hidden_size=11)),
    "llama-projected": ("llama-bias", PrefixTuningConfig, dict(num_virtual_tokens=3, prefix_projection=True)),
    "gpt2-mlp": ("gpt2-tiny", PromptEncoderConfig, dict(num_virtual_tokens=5, encoder_hidden_size=13)),
    "llama-mlp": ("llama-bias", PromptEncoderConfig, dict(num_virtual_tokens=4)),
    "bert-labels-mlp": (
        "bert-labels", PromptEncoderConfig, dict(num_virtual_tokens=4, encoder_hidden_size=9, task_type="SEQ_CLS")),
    "gpt2-lstm": (
        "gpt2-tiny", PromptEncoderConfig,
        dict(num_virtual_tokens=5, encoder_hidden_size=13, encoder_reparameterization_type="LSTM")),
    "llama-lstm": (
        "llama-bias", PromptEncoderConfig,
        dict(num_virtual_tokens=6, encoder_hidden_size=8, encoder_reparameterization_type="LSTM",
             encoder_num_layers=3)),
}


def load(base, storage, task):
    kind = AutoModelForSequenceClassification if task == "SEQ_CLS" else AutoModelForCausalLM
    model = kind.from_pretrained(HERE / "parity" / base, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        for name, module in projections(model):
            if name not in ("score", "classifier"):
                module.weight.copy_(stored(module.weight.detach(), storage))
    return model


def adapted(base, kind, settings, storage, seed):
    torch.manual_seed(seed)
    settings = {"task_type": "CAUSAL_LM", **settings}
    model = get_peft_model(load(base, storage, settings["task_type"]), kind(**settings))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if parameter.requires_grad and "prompt_encoder" in name:
                deviation = 0.5 if "embedding" in name else 0.3
                parameter.copy_(deviation * torch.randn(parameter.shape, generator=generator))
            elif parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.train()


def trained(model, encodes):
    """Parameters under the names of the adapter's file, or of the encoder."""
    names = {}
    for name, parameter in sorted(model.named_parameters()):
        if not parameter.requires_grad:
            continue
        name = name.replace(".default", "").replace(".modules_to_save", "")
        if not encodes and name == "prompt_encoder.embedding.weight":
            name = "prompt_embeddings"
        names[name] = parameter
    return names


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "prompts"
    for number, (name, (base, kind, settings)) in enumerate(PROMPTS.items()):
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        folder = output / name
        tensors, results = {}, {}
        task = settings.get("task_type", "CAUSAL_LM")
        encodes = kind is PromptEncoderConfig or settings.get("prefix_projection", False)
        count = settings["num_virtual_tokens"] if kind is not PrefixTuningConfig else 0
        for storage in STORAGES:
            model = adapted(base, kind, settings, storage, number)
            if storage == "float32":
                model.save_pretrained(folder)
                (folder / "README.md").unlink(missing_ok=True)
                config = json.loads((folder / "adapter_config.json").read_text())
                config["base_model_name_or_path"] = f"../../parity/{base}"
                (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
                loaded = PeftModel.from_pretrained(load(base, storage, task), folder).eval()
                generator = torch.Generator().manual_seed(100 + number)
                tokens = torch.randint(0, model.config.vocab_size, (3, 21), generator=generator)
                tensors["tokens"] = tokens.to(torch.int32)
                if task == "SEQ_CLS":
                    labels = torch.randint(0, model.config.num_labels, (3,), generator=generator)
                    tensors["labels"] = labels.to(torch.int32)
                else:
                    labels = tokens.clone()
                    labels[torch.rand(tokens.shape, generator=generator) < 0.2] = -100
                    whole = torch.cat([torch.full((3, count), -100), labels], 1)
                    targets = torch.cat([whole[:, 1:], torch.full((3, 1), -100)], 1)
                    tensors["targets"] = torch.where(targets < 0, -1, targets).to(torch.int32)
                    text = tokens[:1, :9]
                    with torch.no_grad():
                        for _ in range(12):
                            text = torch.cat([text, loaded(input_ids=text).logits[:, -1:].argmax(-1)], 1)
                    tensors["generated"] = text[0, 9:].to(torch.int32)
                if encodes:
                    for key, parameter in trained(model, encodes).items():
                        tensors[f"parameter.{key}"] = parameter.detach().clone()
            tensors[f"{storage}.logits"] = model(input_ids=tokens).logits.detach()
            if storage == "float32":
                again = loaded(input_ids=tokens).logits
                assert (again - tensors["float32.logits"]).abs().max() < 1e-4, "PEFT reads back what it wrote"
            model(input_ids=tokens, labels=labels).loss.backward()
            for key, parameter in trained(model, encodes).items():
                tensors[f"{storage}.gradient.{key}"] = parameter.grad.clone()
            model.zero_grad()
            optimizer = torch.optim.AdamW(list(trained(model, encodes).values()), lr=RATE, weight_decay=0.01)
            results[storage] = steps(model, optimizer, tokens, labels)
        save_file(tensors, folder / "expected.safetensors")
        versions = {
            "python": platform.python_version(), "torch": torch.__version__, "peft": peft.__version__,
            "transformers": transformers.__version__, "script": "Tests/Fixtures/make_prompt_fixtures.py",
        }
        (folder / "expected.json").write_text(
            json.dumps({"base": base, "learning_rate": RATE, "storages": results, "versions": versions}, indent=1) + "\n")
        print(name, {k: round(v["losses"][0], 5) for k, v in results.items()}, list(trained(model, encodes))[:2])


if __name__ == "__main__":
    main()
