#!/usr/bin/env python3
"""Makes configs.json: config.json files, and what transformers reads in each.

    python make_config_fixtures.py [OUTPUT]

Every key that a model family reads comes absent, null, and as values of every type; keys that belong together come in
the combinations that files have them in. A case whose `expected` is null is one that transformers refuses, or whose
model cannot run. `unsupported` says why swiftdp refuses what transformers takes.
"""

import argparse
import json
import math
import os
import tempfile
import warnings
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
warnings.filterwarnings("ignore")

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.activations import ACT2FN

ABSENT = "absent"
VALUES = [ABSENT, None, "8", 8, 8.0, 8.5, 0, 0.0, 1, True, False, [8], [8, 9], [], {}]

LLAMA = {
    "model_type": "llama", "vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 64,
}  # fmt: skip
GPT2 = {"model_type": "gpt2", "vocab_size": 96, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 4}
BASES = {"llama": LLAMA, "gpt2": GPT2}

INTEGERS = {
    "llama": ["vocab_size", "max_position_embeddings", "hidden_size", "intermediate_size", "num_hidden_layers",
              "num_attention_heads", "num_key_value_heads", "head_dim"],
    "gpt2": ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner"],
}  # fmt: skip
EPSILONS = {"llama": ["rms_norm_eps"], "gpt2": ["layer_norm_epsilon"]}
DROPOUTS = {"llama": ["attention_dropout"], "gpt2": ["embd_pdrop", "resid_pdrop", "attn_pdrop"]}
FLAGS = {
    "llama": ["attention_bias", "mlp_bias", "tie_word_embeddings"],
    "gpt2": ["tie_word_embeddings", "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "add_cross_attention"],
}
ACTIVATIONS = {"llama": ("hidden_act", "silu"), "gpt2": ("activation_function", "gelu_new")}
# What swiftdp computes; the other values of these flags are other models.
COMPUTED = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False}

LLAMA3 = {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}
ORIGINAL = "original_max_position_embeddings"
LONGROPE = {"short_factor": [1.0, 1.25, 1.5, 2], "long_factor": [1.0, 4.0, 8.0, 16.0]}


def without(values, key):
    return {k: v for k, v in values.items() if k != key}


ROPE = [
    {}, {"rope_theta": 500}, {"rope_theta": 500.0}, {"rope_theta": None}, {"rope_theta": "500"}, {"rope_theta": 0},
    *[{"rope_theta": 500, name: value} for name in ("rope_scaling", "rope_parameters") for value in (None, {})],
    # The angle's base inside and outside, under either name.
    *[
        {name: {"rope_theta": 500, **kind}, **outside}
        for name in ("rope_scaling", "rope_parameters")
        for kind in ({}, {"rope_type": "default"}, {"rope_type": "linear", "factor": 2}, {"type": "linear", "factor": 2},
                     LLAMA3, {**LLAMA3, ORIGINAL: 16})
        for outside in ({}, {"rope_theta": 10})
    ],
    *[
        {name: {**kind}, "rope_theta": 10}
        for name in ("rope_scaling", "rope_parameters")
        for kind in ({"rope_type": "default"}, {"rope_type": "linear", "factor": 2}, {"type": "linear", "factor": 2.5},
                     {**LLAMA3, ORIGINAL: 16}, LLAMA3, {"factor": 2}, {"rope_theta": None}, {"rope_theta": "500"})
    ],
    # Both names.
    {"rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "default", "rope_theta": 500}},
    {"rope_scaling": {"rope_type": "default"},
     "rope_parameters": {"rope_type": "linear", "factor": 2, "rope_theta": 500}},
    {"rope_scaling": {}, "rope_parameters": {"rope_type": "linear", "factor": 2, "rope_theta": 500}},
    {"rope_scaling": None, "rope_parameters": {"rope_type": "linear", "factor": 2, "rope_theta": 500}},
    {"rope_scaling": {"rope_theta": 50}, "rope_parameters": {"rope_theta": 500}, "rope_theta": 10},
    # Both names of the kind.
    {"rope_scaling": {"type": "linear", "rope_type": "default", "factor": 2}},
    {"rope_scaling": {"type": "default", "rope_type": "linear", "factor": 2}},
    {"rope_scaling": {"type": "linear", "rope_type": None, "factor": 2}},
    {"rope_scaling": {"rope_type": None}}, {"rope_scaling": {"type": None}},
    {"rope_scaling": {"rope_type": 3}}, {"rope_scaling": {"rope_type": "nothing"}}, {"rope_scaling": {"rope_type": "Linear", "factor": 2}},
    {"rope_scaling": "linear"}, {"rope_scaling": [1]}, {"rope_scaling": 2}, {"rope_parameters": "linear"},
    {"rope_parameters": "linear", "rope_scaling": {"type": "linear", "factor": 2}},
    # The numbers of each kind.
    *[{"rope_scaling": {"type": "linear", **factor}} for factor in ({}, {"factor": None}, {"factor": "2"}, {"factor": 0}, {"factor": 0.5})],
    *[{"rope_scaling": {**without(LLAMA3, key), ORIGINAL: 16}} for key in ("factor", "low_freq_factor", "high_freq_factor")],
    *[{"rope_scaling": {**LLAMA3, ORIGINAL: 16, key: value}}
      for key in ("factor", "low_freq_factor", "high_freq_factor") for value in (None, "2", 2.5)],
    {"rope_scaling": {**LLAMA3, ORIGINAL: 16, "low_freq_factor": 0}},
    {"rope_scaling": {**LLAMA3, ORIGINAL: 16, "low_freq_factor": 5}},
    {"rope_scaling": {**LLAMA3, ORIGINAL: 16.0}}, {"rope_scaling": {**LLAMA3, ORIGINAL: None}},
    {"rope_scaling": {**LLAMA3, ORIGINAL: "16"}}, {"rope_scaling": LLAMA3, ORIGINAL: 16},
    {"rope_scaling": {**LLAMA3, ORIGINAL: 32}, ORIGINAL: 16}, {"rope_scaling": LLAMA3, ORIGINAL: None},
    {"rope_scaling": LLAMA3, "max_position_embeddings": ABSENT},
    *[{"partial_rotary_factor": 0.5, **kind} for kind in ({}, {"rope_scaling": {"type": "linear", "factor": 2}})],
    {"rope_scaling": {"type": "linear", "factor": 2, "partial_rotary_factor": 0.5}},
    {"rope_scaling": {"type": "linear", "factor": 2, "partial_rotary_factor": 1.0}},
    {"rope_scaling": {"rope_type": "default", "partial_rotary_factor": 0.5}},
    # Dynamic scaling is plain up to the model's length.
    *[{"rope_scaling": {"rope_type": "dynamic", **numbers}} for numbers in ({"factor": 2.0}, {}, {"factor": "2"})],
    *[{"rope_scaling": {"rope_type": "yarn", **numbers}} for numbers in (
        {"factor": 2.0}, {}, {"factor": None}, {"factor": None, ORIGINAL: 16}, {"factor": 4, ORIGINAL: 16},
        {"factor": 4.0, ORIGINAL: 16, "rope_theta": 500.0}, {"factor": 4.0, ORIGINAL: 16, "attention_factor": 1.25},
        {"factor": 4.0, ORIGINAL: 16, "beta_fast": 8.0, "beta_slow": 0.5}, {"factor": 0.5, ORIGINAL: 16},
        {"factor": 4.0, ORIGINAL: 16, "beta_fast": None, "beta_slow": 0},
        {"factor": 4.0, ORIGINAL: 16, "mscale": 0.7, "mscale_all_dim": 0.4}, {"factor": 4.0, ORIGINAL: 16, "mscale": 0.7},
        {"factor": 4.0, ORIGINAL: 16, "truncate": False}, {"factor": 40.0, ORIGINAL: 4096, "rope_theta": 1e6},
    )],
    {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}, ORIGINAL: 8}, {"rope_scaling": {"type": "yarn", "factor": 2}},
    *[{"rope_scaling": {"rope_type": "longrope", **LONGROPE, **numbers}} for numbers in (
        {}, {ORIGINAL: 16}, {ORIGINAL: 16, "factor": 8.0}, {ORIGINAL: 16, "attention_factor": 1.5}, {ORIGINAL: 128},
        {"short_factor": [1.0, 2.0]}, {"short_factor": None}, {"long_factor": "2"},
    )],
    {"rope_theta": 500, "head_dim": 16}, {"rope_theta": 500, "head_dim": 7},
    {"hidden_size": 30}, {"hidden_size": 30, "head_dim": 8}, {"num_attention_heads": 5}, {"num_key_value_heads": 3},
    {"num_key_value_heads": 2},
]  # fmt: skip

OTHER_NAMES = [
    ("n_embd", "hidden_size", 48), ("n_layer", "num_hidden_layers", 3), ("n_head", "num_attention_heads", 8),
    ("n_positions", "max_position_embeddings", 32),
]  # fmt: skip
NAMES = [
    *[{own: kept, other: value} for own, other, value in OTHER_NAMES for kept in (ABSENT, GPT2[own])],
    {own: ABSENT for own, _, _ in OTHER_NAMES} | {other: value for _, other, value in OTHER_NAMES},
    *[{own: ABSENT, other: wrong} for own, other, _ in OTHER_NAMES for wrong in (None, "48")],
    {"n_inner": ABSENT, "intermediate_size": 32}, {"n_positions": ABSENT, "n_ctx": 32}, {"hidden_act": "relu"},
    {"n_embd": 30},
]  # fmt: skip


def cases():
    """Family, what is changed of its base, and why swiftdp need not take it."""
    for family in BASES:
        for key in INTEGERS[family]:
            for value in VALUES:
                zero = type(value) is int and value == 0
                yield family, {key: value}, "a size of 0" if zero else None
        for key in EPSILONS[family]:
            for value in [*VALUES, 1e-3, 1e-5]:
                yield family, {key: value}, "an epsilon above 1" if type(value) is float and value > 1 else None
        for key in DROPOUTS[family]:
            for value in [*VALUES, 0.25]:
                number = type(value) in (int, float)
                yield family, {key: value}, "everything is dropped" if number and value >= 1 else None
        for key in FLAGS[family]:
            for value in VALUES:
                other = type(value) is bool and value != COMPUTED.get(key, value)
                yield family, {key: value}, "another model" if other else None
        key, computed = ACTIVATIONS[family]
        for value in [*VALUES, *ACT2FN]:
            differs = type(value) is str and value in ACT2FN and not same_function(value, computed)
            yield family, {key: value}, "another function" if differs else None
        for value in [*VALUES, -1, 95, 96, [8, 96], [8, "9"], [8, 9.0], [None], [True]]:
            yield family, {"eos_token_id": value}, None
    for change in ROPE:
        yield "llama", change, rope_beyond(change)
    for change in NAMES:
        yield "gpt2", change, None


def rope_beyond(change):
    rope = change.get("rope_scaling")
    if not isinstance(rope, dict):
        return None
    low, high = rope.get("low_freq_factor"), rope.get("high_freq_factor")
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low >= high:
        return "transformers warns of it"
    return None


def same_function(name, other):
    x = torch.linspace(-6, 6, 4001)
    try:
        return bool((ACT2FN[name](x) - ACT2FN[other](x)).abs().max() < 1e-5)
    except (RuntimeError, TypeError, NotImplementedError):
        return False


def read(config):
    """What transformers makes of a file, or None where it cannot run the model."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        try:
            read = AutoConfig.from_pretrained(folder)
            # Angles that depend on the length of a text need numbers.
            rope = getattr(read, "rope_parameters", None) or {}
            with torch.device("cpu" if rope.get("rope_type") in ("dynamic", "longrope") else "meta"):
                model = AutoModelForCausalLM.from_config(read).eval()
                model(torch.zeros(1, 4, dtype=torch.int64))
        except Exception:
            return None
    values = {"vocab_size": read.vocab_size, "tie_word_embeddings": read.tie_word_embeddings,
              "eos_token_id": read.eos_token_id}  # fmt: skip
    family = config["model_type"]
    for key in INTEGERS[family] + EPSILONS[family] + DROPOUTS[family] + FLAGS[family]:
        values[key] = getattr(read, key)
    if family == "llama":
        rotary = type(model.model.rotary_emb)(read)
        values["inv_freq"] = rotary.inv_freq.tolist()
        values["attention_scaling"] = rotary.attention_scaling
        if read.rope_parameters["rope_type"] == "longrope":
            # swiftdp reads as far as the short factors go.
            length = min(read.max_position_embeddings, read.rope_parameters[ORIGINAL])
            values["max_position_embeddings"] = length
        if not all(map(math.isfinite, values["inv_freq"])):
            return None
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, nargs="?", default=Path(__file__).parent / "configs.json")
    output = parser.parse_args().output
    rows = {}
    for family, change, unsupported in cases():
        config = {k: v for k, v in {**BASES[family], **change}.items() if v != ABSENT}
        row = {"config": config, "expected": read(config)}
        if row["expected"] and row["expected"].get("head_dim", 0) % 2 != 0:
            unsupported = "an odd head"
        if unsupported and row["expected"]:
            row["unsupported"] = unsupported
        # By its text: to Python 8 and 8.0 are the same.
        rows[json.dumps(config)] = row
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    lines = ",\n".join(json.dumps(row) for row in rows.values())
    output.write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}\n')
    refused = sum(row["expected"] is None for row in rows.values())
    unsupported = sum("unsupported" in row for row in rows.values())
    print(f"{len(rows)} cases, {refused} refused, {unsupported} not supported")


if __name__ == "__main__":
    main()
