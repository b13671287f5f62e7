"""Merges tiny Llama models by mergekit 0.1.5, for the tests of `swiftdp merge --config`.

    pip install mergekit torch transformers; python3 make_merge_fixtures.py
"""
import json
import pathlib
import shutil
import tempfile

import torch
import yaml
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent / "merges"
CASES = {
    "linear": {
        "merge_method": "linear",
        "models": [
            {"model": "a", "parameters": {"weight": 0.3}},
            {"model": "b", "parameters": {"weight": [{"filter": "mlp", "value": [0.0, 1.0]}, {"value": 0.9}]}},
        ],
    },
    "linear_sum": {
        "merge_method": "linear",
        "models": [{"model": "a", "parameters": {"weight": 0.5}}, {"model": "b", "parameters": {"weight": -0.25}}],
        "parameters": {"normalize": False},
    },
    "slerp": {
        "merge_method": "slerp",
        "base_model": "base",
        "slices": [
            {"sources": [{"model": "base", "layer_range": [0, 4]}, {"model": "a", "layer_range": [0, 4]}]}
        ],
        "parameters": {
            "t": [{"filter": "self_attn", "value": [0, 0.5, 0.3, 0.7, 1]}, {"filter": "mlp", "value": [1, 0]}, {"value": 0.4}]
        },
    },
    "task_arithmetic": {
        "merge_method": "task_arithmetic",
        "base_model": "base",
        "models": [{"model": "a", "parameters": {"weight": 0.7}}, {"model": "b", "parameters": {"weight": 0.6}}],
        "parameters": {"lambda": 0.8},
    },
    "ties": {
        "merge_method": "ties",
        "base_model": "base",
        "models": [
            {"model": "base"},
            {"model": "a", "parameters": {"weight": 0.5, "density": 0.4}},
            {"model": "b", "parameters": {"weight": 0.3, "density": [0.2, 0.9]}},
        ],
        "parameters": {"int8_mask": True},
    },
    "ties_rescaled": {
        "merge_method": "ties",
        "base_model": "base",
        "models": [
            {"model": "a", "parameters": {"weight": 0.5, "density": 0.25}},
            {"model": "b", "parameters": {"weight": -0.3, "density": 0.6}},
        ],
        "parameters": {"normalize": False, "rescale": True},
    },
    "dare_linear": {
        "merge_method": "dare_linear",
        "base_model": "base",
        "models": [{"model": "a", "parameters": {"weight": 0.7}}, {"model": "b", "parameters": {"weight": 0.6}}],
    },
    "dare_ties": {
        "merge_method": "dare_ties",
        "base_model": "base",
        "models": [{"model": "a", "parameters": {"weight": 0.7}}, {"model": "b", "parameters": {"weight": -0.6}}],
    },
    "passthrough": {
        "merge_method": "passthrough",
        "slices": [
            {"sources": [{"model": "a", "layer_range": [0, 3]}]},
            {"sources": [{"model": "b", "layer_range": [1, 4], "parameters": {"scale": [{"filter": "down_proj", "value": 0.5}, {"value": 1.0}]}}]},
        ],
    },
    "half": {
        "merge_method": "linear",
        "models": [{"model": "a", "parameters": {"weight": 1.0}}, {"model": "b", "parameters": {"weight": 2.0}}],
        "dtype": "float32",
        "out_dtype": "bfloat16",
    },
}


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=24, hidden_size=8, intermediate_size=12, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=32, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
    )
    base = LlamaForCausalLM(config)
    for name in ["base", "a", "b"]:
        model = LlamaForCausalLM(config)
        model.load_state_dict(base.state_dict())
        if name != "base":
            for parameter in model.parameters():
                parameter.data += 0.02 * torch.randn_like(parameter)
        model.save_pretrained(HERE / name)
        (HERE / name / "generation_config.json").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            (HERE / f"{name}.yaml").write_text(yaml.safe_dump(case, sort_keys=False))
            given = json.loads(json.dumps(case))
            absolute(given)
            out = pathlib.Path(folder) / name
            run_merge(MergeConfiguration.model_validate(given), str(out), MergeOptions(copy_tokenizer=False))
            tensors = {}
            for file in sorted(out.glob("*.safetensors")):
                tensors |= load_file(file)
            save_file(tensors, HERE / f"{name}.safetensors", {"format": "pt"})


def absolute(value):
    """Names of models become paths."""
    if isinstance(value, dict):
        for key in ["model", "base_model"]:
            if key in value:
                value[key] = str(HERE / value[key])
        for inner in value.values():
            absolute(inner)
    if isinstance(value, list):
        for inner in value:
            absolute(inner)


main()
