#!/usr/bin/env python3
"""Whether transformers reads a folder of `swiftdp export --quantize` as swiftdp does.

    swiftdp export --model MODEL --output packed --quantize int4 --group-size 32
    swiftdp evaluate --json --model packed --data rows.jsonl --no-packing > ours.json
    python check_compressed.py packed rows.jsonl ours.json

In a virtual environment with torch, transformers and compressed-tensors. Rows are {"prompt", "completion"}. Prints the loss
of all completions by transformers and by swiftdp, and their difference.
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, rows, ours = sys.argv[1:4]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
print(type(model.model.layers[0].self_attn.q_proj).__name__, model.config.quantization_config.quant_method)
total, count = 0.0, 0
with torch.no_grad():
    for line in open(rows, encoding="utf-8"):
        row = json.loads(line)
        prompt = tokenizer(row["prompt"])["input_ids"]
        whole = prompt + tokenizer(row["completion"], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        logits = model(torch.tensor([whole])).logits[0, :-1].double()
        targets = torch.tensor(whole[1:])
        losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")[len(prompt) - 1:]
        total += float(losses.sum())
        count += len(losses)
mine = json.load(open(ours, encoding="utf-8"))["loss"]
print(f"{count} targets: transformers {total / count:.6f}, swiftdp {mine:.6f}, difference {mine - total / count:+.1e}")
