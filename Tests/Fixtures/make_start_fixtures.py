#!/usr/bin/env python3
"""Makes starts.safetensors: what PEFT's PiSSA and LoftQ add to each projection at first, scale * B A.

    OMP_NUM_THREADS=1 python make_start_fixtures.py [OUTPUT]

    pissa.BASE.MODULE             of the weight
    loftq.BASE.STORAGE.MODULE     of the error of its storage, by PEFT's own decomposition

Both are [outputs, inputs], and free of the signs of singular vectors. PEFT's `loftq_init` itself needs a GPU.
"""

import sys
from pathlib import Path

import torch
from make_adapter_fixtures import load, projections, stored
from peft import LoraConfig, get_peft_model
from peft.utils.loftq_utils import _low_rank_decomposition
from safetensors.torch import save_file

RANK = 4


def main():
    tensors = {}
    for base in ["llama-bias", "gpt2-odd"]:
        transposed = base.startswith("gpt2")
        model = get_peft_model(
            load(base, "float32"),
            LoraConfig(
                task_type="CAUSAL_LM", r=RANK, lora_alpha=12, target_modules="all-linear",
                init_lora_weights="pissa", fan_in_fan_out=transposed))
        for name, module in model.named_modules():
            if hasattr(module, "lora_A"):
                key = name.removeprefix("base_model.model.")
                tensors[f"pissa.{base}.{key}"] = module.scaling["default"] * (
                    module.lora_B["default"].weight @ module.lora_A["default"].weight).detach()
        for storage in ["int8", "nf4"]:
            for name, module in projections(load(base, "float32")):
                weight = module.weight.detach()
                error = weight - stored(weight, storage)
                parts = _low_rank_decomposition(error.T if transposed else error, reduced_rank=RANK)
                tensors[f"loftq.{base}.{storage}.{name}"] = parts["L"] @ parts["R"]
    save_file(
        {key: value.contiguous() for key, value in tensors.items()},
        sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "starts.safetensors")
    print(len(tensors))


main()
