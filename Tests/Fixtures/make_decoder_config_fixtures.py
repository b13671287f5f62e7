#!/usr/bin/env python3
"""Makes decoder_configs.json: keys of the decoders' config.json files, and what transformers reads in each.

    python make_decoder_config_fixtures.py [OUTPUT]

A case is a family, what is changed of its base, and the value that transformers then has under the changed key, in a list;
null where it refuses the file, or cannot run the model. A fourth element says why swiftdp refuses what transformers takes.
make_config_fixtures.py has the keys of Llama and GPT-2, and the scalings of rotary positions.
"""

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
warnings.filterwarnings("ignore")

import torch
from transformers import AutoConfig, AutoModelForCausalLM

ABSENT = "absent"
SIZES = {
    "vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 64,
}  # fmt: skip
KEYED = {**SIZES, "num_key_value_heads": 2}
OPT = {"ffn_dim" if key == "intermediate_size" else key: value for key, value in SIZES.items()}
BASES = {
    "mistral": KEYED, "qwen2": KEYED, "qwen3": {**KEYED, "head_dim": 6}, "gemma": {**KEYED, "head_dim": 6},
    "gemma2": {**KEYED, "head_dim": 6}, "gemma3_text": {**KEYED, "head_dim": 6}, "phi3": KEYED, "gpt_neox": SIZES,
    "olmo2": KEYED, "smollm3": KEYED, "opt": OPT,
}  # fmt: skip
BASES = {family: {"model_type": family, **base, "pad_token_id": None} for family, base in BASES.items()}

INTEGERS = [ABSENT, None, "8", 8, 8.0, True]
FLOATS = [ABSENT, None, "8", 8, 0.5, True]
FLAGS = [ABSENT, None, "true", 1, True, False]
DROPOUTS = [ABSENT, None, "0.5", 0, 0.5]
WINDOWS = [ABSENT, None, "8", 8, 8.0]
CAPS = [ABSENT, None, "8", 8, 8.5]
TYPES = [ABSENT, None, [], "full_attention", ["full_attention"] * 2, ["sliding_attention", "full_attention"],
         ["full_attention"] * 3, ["chunked_attention", "full_attention"]]  # fmt: skip
GATED = {"rms_norm_eps": FLOATS, "attention_dropout": DROPOUTS}
WINDOWED = {"sliding_window": WINDOWS, "layer_types": TYPES}
SECOND = {**WINDOWED, "query_pre_attn_scalar": INTEGERS, "attn_logit_softcapping": CAPS, "final_logit_softcapping": CAPS,
          "hidden_activation": [ABSENT, None, "gelu", "gelu_new", "relu", 8]}  # fmt: skip
BIDIRECTIONAL = {"use_bidirectional_attention": FLAGS, "attention_bias": FLAGS}
KEYS = {
    "mistral": {**GATED, "sliding_window": WINDOWS, "head_dim": INTEGERS, "hidden_act": [None, "gelu", "swish", 8]},
    "qwen2": {**GATED, "use_sliding_window": FLAGS, "max_window_layers": INTEGERS},
    "qwen3": {**GATED, "head_dim": INTEGERS, "attention_bias": FLAGS, "use_sliding_window": FLAGS},
    "gemma": {**GATED, **BIDIRECTIONAL, "head_dim": INTEGERS, "hidden_act": [ABSENT, None, "gelu", "silu", 8]},
    "gemma2": {**GATED, **SECOND, **BIDIRECTIONAL},
    "gemma3_text": {**GATED, **SECOND, **BIDIRECTIONAL},
    "phi3": {**GATED, "sliding_window": WINDOWS, "resid_pdrop": DROPOUTS,
             "partial_rotary_factor": [ABSENT, 0.5, 1.0]},
    "gpt_neox": {"layer_norm_eps": FLOATS, "attention_dropout": DROPOUTS, "hidden_dropout": DROPOUTS, "attention_bias": FLAGS,
                 "use_parallel_residual": FLAGS, "rotary_pct": [ABSENT, 0.25, 0.6, 1.0],
                 "hidden_act": [None, "gelu_fast", "relu", 8]},
    "olmo2": {**GATED, "attention_bias": FLAGS},
    "smollm3": {**GATED, "attention_bias": FLAGS, "mlp_bias": FLAGS, "no_rope_layer_interval": INTEGERS,
                "no_rope_layers": [ABSENT, None, [], [1, 0], [0, 0], [1, 0, 1], "1"]},
    "opt": {"word_embed_proj_dim": INTEGERS, "dropout": DROPOUTS, "attention_dropout": DROPOUTS, "enable_bias": FLAGS,
            "do_layer_norm_before": FLAGS, "_remove_final_layer_norm": FLAGS, "layer_norm_elementwise_affine": FLAGS,
            "layerdrop": [ABSENT, None, 0, 0.5], "activation_function": [None, "gelu", "relu", "silu", 8]},
}  # fmt: skip
OTHER = {"use_bidirectional_attention": [True], "hidden_activation": ["relu"], "layer_norm_elementwise_affine": [False],
         "layerdrop": [0.5], "activation_function": ["silu"], "attention_dropout": [], "layer_types": [TYPES[-1]]}  # fmt: skip
GATES = {"mistral": ["gelu"], "gemma": ["silu"], "gpt_neox": ["relu"]}


def cases():
    for family, base in BASES.items():
        keys = {key: INTEGERS for key in base if key in OPT or key in KEYED} | {"tie_word_embeddings": FLAGS} | KEYS[family]
        for key, values in keys.items():
            for value in values:
                yield family, {key: value}
    yield "qwen2", {"use_sliding_window": True, "layer_types": TYPES[5]}
    yield "qwen2", {"use_sliding_window": True, "sliding_window": None, "layer_types": TYPES[5]}
    yield "qwen3", {"layer_types": TYPES[5]}
    yield "smollm3", {"use_sliding_window": True, "sliding_window": 8}


def read(config):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        try:
            read = AutoConfig.from_pretrained(folder)
            with torch.device("meta"):
                AutoModelForCausalLM.from_config(read).eval()(torch.zeros(1, 4, dtype=torch.int64))
        except Exception:
            return None
    return read


def rotates_nothing_even(read):
    """Whether no even number of a head's numbers can be rotated: swiftdp refuses what is a model in name only."""
    if read.model_type == "opt":
        return False
    width = getattr(read, "head_dim", None) or read.hidden_size // read.num_attention_heads
    rope = read.rope_parameters.get("full_attention", read.rope_parameters)
    rotated = int(width * (rope.get("partial_rotary_factor") or 1.0))
    return rotated == 0 or (rotated + 1) // 2 * 2 > width


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "decoder_configs.json"
    rows = {}
    for family, change in cases():
        config = {key: value for key, value in {**BASES[family], **change}.items() if value != ABSENT}
        result = read(config)
        key, value = next(iter(change.items()))
        found = None if result is None else [getattr(result, key, None)]
        row = [family, change, found]
        other = key == "hidden_act" and value in GATES.get(family, []) or value is not True and value in OTHER.get(key, [])
        if found and (other or key == "use_bidirectional_attention" and value is True):
            row.append("another model")
        elif found and rotates_nothing_even(result):
            row.append("nothing even to rotate")
        rows[json.dumps(row[:2])] = json.dumps(row)
    lines = ",\n".join(rows.values())
    output.write_text(f'{{"bases": {json.dumps(BASES)}, "cases": [\n{lines}\n]}}\n')
    print(f"{len(rows)} cases, {sum(', null]' in row for row in rows.values())} refused")


if __name__ == "__main__":
    main()
