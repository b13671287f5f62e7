"""What the gguf package says of tensors and of blocks, for the tests of `swiftdp export`.

    pip install gguf numpy
    python make_export_fixtures.py        writes export.json beside this file

The names are those that llama.cpp's converter gives to the modules of transformers; the blocks are those of its
reference in Python.
"""
import json
import pathlib

import gguf
import numpy

OUTER = ["model.embed_tokens", "model.norm", "lm_head"]
PROJECTIONS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
    "mlp.down_proj"]
LLAMA_LIKE = OUTER + ["model.layers.1." + part for part in ["input_layernorm", "post_attention_layernorm"] + PROJECTIONS]
MODULES = {
    "llama": ["model.embed_tokens", "model.norm", "lm_head"] + ["model.layers.1." + part for part in [
        "input_layernorm", "post_attention_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
        "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]],
    "gpt2": ["transformer.wte", "transformer.wpe", "transformer.ln_f", "lm_head"] + ["transformer.h.1." + part for part in [
        "ln_1", "ln_2", "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]],
    "gemma3": LLAMA_LIKE + ["model.layers.1." + part for part in [
        "pre_feedforward_layernorm", "post_feedforward_layernorm", "self_attn.q_norm", "self_attn.k_norm"]],
    "phi3": OUTER + ["model.layers.1." + part for part in [
        "input_layernorm", "post_attention_layernorm", "self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj",
        "mlp.down_proj"]],
    "olmo2": OUTER + ["model.layers.1." + part for part in [
        "post_attention_layernorm", "post_feedforward_layernorm", "self_attn.q_norm", "self_attn.k_norm"] + PROJECTIONS],
    "smollm3": LLAMA_LIKE,
    "gptneox": ["gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out"] + ["gpt_neox.layers.1." + part for part in [
        "input_layernorm", "post_attention_layernorm", "attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h",
        "mlp.dense_4h_to_h"]],
}


def names(architecture, modules):
    kind = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == architecture)
    table = gguf.get_tensor_name_map(kind, 2)
    return {module: table.get_name(module) for module in modules}


def blocks(kind):
    values = numpy.sin(numpy.arange(64, dtype=numpy.float32) * numpy.float32(0.7)) * numpy.float32(3)
    data = gguf.quantize(values.reshape(1, -1), kind)
    return {"values": [float(v) for v in values], "bytes": data.tobytes().hex()}


fixture = {
    "names": {architecture: names(architecture, modules) for architecture, modules in MODULES.items()},
    "blocks": {
        kind.name.lower(): blocks(kind)
        for kind in [gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0, gguf.GGMLQuantizationType.BF16]
    },
}
path = pathlib.Path(__file__).with_name("export.json")
path.write_text(json.dumps(fixture, indent=1) + "\n")
