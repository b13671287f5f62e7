#!/usr/bin/env python3
"""Makes the fixtures of methods that train parameters of the model's own: models of `parity`, in part frozen.

    OMP_NUM_THREADS=1 python make_last_layers_fixtures.py [OUTPUT]

OUTPUT is `last_layers` beside this script. Each folder has `expected.json` and `expected.safetensors` as those of
`adapters`, but with gradients under the names of the model. Projections of the frozen part are what bitsandbytes gives
back of them. Norms are trained by PEFT's LNTuning.
"""

import json
import platform
import re
import sys
from pathlib import Path

import peft
import torch
import transformers
from make_adapter_fixtures import HERE, RATE, STEPS, STORAGES, loss_of, projections, stored
from peft import LNTuningConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

# name: (base, method of a recipe, expression of the names of what is trained, groups of the optimizer with the
# expressions of the names that they mean)
CASES = {
    "gpt2-last": ("gpt2-tiny", {"name": "last_layers", "layers": 1}, r"transformer\.(h\.1\.|ln_f).*", []),
    "llama-last": (
        "llama-untied", {"name": "last_layers", "layers": 1}, r"lm_head.*|model\.(layers\.1\.|norm).*", []),
    "llama-head": ("llama-untied", {"name": "last_layers", "layers": 0}, r"lm_head.*|model\.norm.*", []),
    "gpt2-bitfit": ("gpt2-tiny", "bitfit", r".*\.bias", []),
    "llama-bitfit": ("llama-bias", "bitfit", r".*\.bias", []),
    "opt-bitfit": ("opt", "bitfit", r".*\.bias", []),
    "gpt2-norms": ("gpt2-tiny", "layernorm", ["ln_1", "ln_2", "ln_f"], []),
    "llama-norms": ("llama-tiny", "layernorm", ["input_layernorm", "post_attention_layernorm", "norm"], []),
    "opt-norms": ("opt", "layernorm", ["self_attn_layer_norm", "final_layer_norm"], []),
    "gpt2-freeze": (
        "gpt2-odd", {"name": "full", "freeze": ["wte", "h.0", "*.bias"]},
        r"(?!transformer\.wte|transformer\.h\.0\.).*(?<!\.bias)", []),
    "llama-train": (
        "llama-bias", {"name": "full", "train": r".*\.layers\.1\.(self_attn|mlp\.up_proj)"},
        r"model\.layers\.1\.(self_attn\.|mlp\.up_proj).*",
        [({"match": ["q_proj.weight"], "learning_rate": 0.03}, r".*q_proj\.weight")]),
    "llama-groups": (
        "llama-untied", "full", ".*",
        [({"match": ["norm", "*layernorm"], "learning_rate": 0.03, "weight_decay": 0.5}, r".*norm\.weight"),
         ({"match": r"model\.embed_tokens|lm_head", "learning_rate": 0.001}, r".*embed_tokens.*|lm_head.*"),
         ({"match": ["layers.0"], "weight_decay": 0}, r".*\.layers\.0\..*")]),
}


def partial(base, trains, storage):
    model = AutoModelForCausalLM.from_pretrained(
        HERE / "parity" / base, dtype=torch.float32, attn_implementation="eager")
    if isinstance(trains, str):
        for name, parameter in model.named_parameters():
            parameter.requires_grad = re.fullmatch(trains, name) is not None
    else:
        model = get_peft_model(model, LNTuningConfig(task_type="CAUSAL_LM", target_modules=trains))
    with torch.no_grad():
        for _, module in projections(model):
            if not module.weight.requires_grad:
                module.weight.copy_(stored(module.weight.detach(), storage))
    return model.train()


def trained(model):
    """Parameters under the names of the model."""
    return {
        name.replace("base_model.model.", "").replace("ln_tuning_layers.default.", ""): parameter
        for name, parameter in sorted(model.named_parameters())
        if parameter.requires_grad
    }


def groups_of(parameters, groups):
    """As swiftdp has them: the first group that means a parameter counts, and one dimension alone does not decay."""
    for name, parameter in parameters.items():
        given = next((group for group, means in groups if re.fullmatch(means, name)), {})
        usual = 0.01 if parameter.dim() > 1 else 0.0
        yield {
            "params": [parameter], "lr": given.get("learning_rate", RATE),
            "weight_decay": given.get("weight_decay", usual),
        }


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "last_layers"
    for number, (name, (base, method, trains, groups)) in enumerate(CASES.items()):
        tensors, results = {}, {}
        generator = torch.Generator().manual_seed(200 + number)
        for storage in STORAGES:
            model = partial(base, trains, storage)
            if storage == "float32":
                tokens = torch.randint(0, model.config.vocab_size, (3, 21), generator=generator)
                labels = tokens.clone()
                labels[torch.rand(tokens.shape, generator=generator) < 0.2] = -100
                targets = torch.cat([labels[:, 1:], torch.full((3, 1), -100)], 1)
                tensors["tokens"] = tokens.to(torch.int32)
                tensors["targets"] = torch.where(targets < 0, -1, targets).to(torch.int32)
            tensors[f"{storage}.logits"] = model(input_ids=tokens).logits.detach()
            loss_of(model, tokens, labels).backward()
            for key, parameter in trained(model).items():
                tensors[f"{storage}.gradient.{key}"] = parameter.grad.clone()
            parameters = list(trained(model).values())
            optimizer = torch.optim.AdamW(list(groups_of(trained(model), groups)), lr=RATE)
            losses, norms = [], []
            for _ in range(STEPS):
                loss = loss_of(model, tokens, labels)
                optimizer.zero_grad()
                loss.backward()
                norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, 1.0)))
                optimizer.step()
                losses.append(float(loss))
            results[storage] = {"losses": losses, "gradient_norms": norms}
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / "expected.safetensors")
        versions = {
            "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
            "peft": peft.__version__,
            "script": "Tests/Fixtures/make_last_layers_fixtures.py",
        }
        (folder / "expected.json").write_text(json.dumps(
            {"base": base, "method": method, "learning_rate": RATE, "trained": len(trained(model)),
             "optimizer": {"learning_rate": RATE, "groups": [group for group, _ in groups]} if groups else {},
             "storages": results, "versions": versions},
            indent=1) + "\n")
        print(name, {k: round(v["losses"][0], 5) for k, v in results.items()}, len(trained(model)))


main()
