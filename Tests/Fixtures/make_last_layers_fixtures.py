#!/usr/bin/env python3
"""Makes the fixtures of `method: last_layers`: models of `parity` whose last layers alone are trained.

    OMP_NUM_THREADS=1 python make_last_layers_fixtures.py [OUTPUT]

OUTPUT is `last_layers` beside this script. Each folder has `expected.json` and `expected.safetensors` as those of
`adapters`, but with gradients under the names of the model. Projections of the frozen part are what bitsandbytes gives
back of them.
"""

import json
import platform
import sys
from pathlib import Path

import torch
import transformers
from make_adapter_fixtures import HERE, RATE, STEPS, STORAGES, loss_of, projections, stored
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

# name: (base, layers)
CASES = {"gpt2-last": ("gpt2-tiny", 1), "llama-last": ("llama-untied", 1), "llama-head": ("llama-untied", 0)}


def partial(base, layers, storage):
    model = AutoModelForCausalLM.from_pretrained(
        HERE / "parity" / base, dtype=torch.float32, attn_implementation="eager")
    count = model.config.num_hidden_layers
    kept = [f".{layer}." for layer in range(count - layers, count)]
    for name, parameter in model.named_parameters():
        is_last = any(part in name for part in kept)
        parameter.requires_grad = is_last or name.startswith(("lm_head", "transformer.ln_f", "model.norm"))
    with torch.no_grad():
        for _, module in projections(model):
            if not module.weight.requires_grad:
                module.weight.copy_(stored(module.weight.detach(), storage))
    return model.train()


def trained(model):
    return {name: p for name, p in sorted(model.named_parameters()) if p.requires_grad}


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "last_layers"
    for number, (name, (base, layers)) in enumerate(CASES.items()):
        tensors, results = {}, {}
        generator = torch.Generator().manual_seed(200 + number)
        for storage in STORAGES:
            model = partial(base, layers, storage)
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
            optimizer = torch.optim.AdamW(
                [{"params": [p for p in parameters if p.dim() > 1]},
                 {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}], lr=RATE, weight_decay=0.01)
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
            "script": "Tests/Fixtures/make_last_layers_fixtures.py",
        }
        (folder / "expected.json").write_text(json.dumps(
            {"base": base, "layers": layers, "learning_rate": RATE, "storages": results, "versions": versions},
            indent=1) + "\n")
        print(name, {k: round(v["losses"][0], 5) for k, v in results.items()}, len(trained(model)))


main()
