#!/usr/bin/env python3
"""Makes released_decoders.json: the sizes of released models, with their published numbers of parameters.

    python make_released_decoders.py [OUTPUT]

Sizes and numbers are those of the models' config.json files and pages. Each number is checked with the model that
transformers makes of the sizes, a tied head counted once.
"""

import copy
import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

KEYS = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size"]


def sizes(model_type, *values, **others):
    named = {key: value for key, value in zip(KEYS, values) if value is not None}
    return {"model_type": model_type, **named, **others}


def qwen3(*values, tied):
    return sizes("qwen3", *values, 151936, head_dim=128, max_position_embeddings=40960, rope_theta=1000000, tie_word_embeddings=tied)


def qwen2(*values, tied):
    return sizes("qwen2", *values, max_position_embeddings=32768, rope_theta=1000000.0, sliding_window=32768,
                 use_sliding_window=False, max_window_layers=21, tie_word_embeddings=tied)  # fmt: skip


def gemma3(*values, vocabulary=262144, **others):
    return sizes("gemma3_text", *values, vocabulary, head_dim=256, sliding_window=512, rope_theta=1000000,
                 rope_local_base_freq=10000, query_pre_attn_scalar=256, sliding_window_pattern=6, **others)  # fmt: skip


def pythia(width, layers, heads, vocabulary=50304, **others):
    return sizes("gpt_neox", width, 4 * width, layers, heads, None, vocabulary, rotary_pct=0.25, rotary_emb_base=10000,
                 use_parallel_residual=True, tie_word_embeddings=False, **others)  # fmt: skip


def opt(width, layers, heads, **others):
    return sizes("opt", width, None, layers, heads, None, 50272, **{"ffn_dim": 4 * width, "word_embed_proj_dim": width, **others})


def phi3(*values, **others):
    return sizes("phi3", *values, **{"sliding_window": 2047, "rope_scaling": None, **others})


def olmo2(*values):
    return sizes("olmo2", *values, 100352, rope_theta=500000, max_position_embeddings=4096, rms_norm_eps=1e-06)


LONG = {"type": "longrope", "short_factor": [1.0] * 48, "long_factor": [2.0] * 48}
MODELS = {
    "Mistral-7B-v0.1": (sizes("mistral", 4096, 14336, 32, 32, 8, 32000, sliding_window=4096), 7_241_732_096),
    "Mistral-7B-v0.3": (sizes("mistral", 4096, 14336, 32, 32, 8, 32768, sliding_window=None, rope_theta=1000000.0), 7_248_023_552),
    "Mistral-Nemo-Base-2407": (
        sizes("mistral", 5120, 14336, 40, 32, 8, 131072, head_dim=128, sliding_window=None), 12_247_782_400,
    ),
    "Mistral-Small-24B-Base-2501": (
        sizes("mistral", 5120, 32768, 40, 32, 8, 131072, head_dim=128, sliding_window=None), 23_572_403_200,
    ),
    "Qwen2.5-0.5B": (qwen2(896, 4864, 24, 14, 2, 151936, tied=True), 494_032_768),
    "Qwen2.5-1.5B": (qwen2(1536, 8960, 28, 12, 2, 151936, tied=True), 1_543_714_304),
    "Qwen2.5-3B": (qwen2(2048, 11008, 36, 16, 2, 151936, tied=True), 3_085_938_688),
    "Qwen2.5-7B": (qwen2(3584, 18944, 28, 28, 4, 152064, tied=False), 7_615_616_512),
    "Qwen2.5-14B": (qwen2(5120, 13824, 48, 40, 8, 152064, tied=False), 14_770_033_664),
    "Qwen2.5-32B": (qwen2(5120, 27648, 64, 40, 8, 152064, tied=False), 32_763_876_352),
    "Qwen2.5-72B": (qwen2(8192, 29568, 80, 64, 8, 152064, tied=False), 72_706_203_648),
    "Qwen3-0.6B": (qwen3(1024, 3072, 28, 16, 8, tied=True), 596_049_920),
    "Qwen3-1.7B": (qwen3(2048, 6144, 28, 16, 8, tied=True), 1_720_574_976),
    "Qwen3-4B": (qwen3(2560, 9728, 36, 32, 8, tied=True), 4_022_468_096),
    "Qwen3-8B": (qwen3(4096, 12288, 36, 32, 8, tied=False), 8_190_735_360),
    "Qwen3-14B": (qwen3(5120, 17408, 40, 40, 8, tied=False), 14_768_307_200),
    "Qwen3-32B": (qwen3(5120, 25600, 64, 64, 8, tied=False), 32_762_123_264),
    "gemma-2b": (sizes("gemma", 2048, 16384, 18, 8, 1, 256000, head_dim=256, hidden_act="gelu"), 2_506_172_416),
    "gemma-7b": (sizes("gemma", 3072, 24576, 28, 16, 16, 256000, head_dim=256, hidden_act="gelu"), 8_537_680_896),
    "gemma-2-2b": (sizes("gemma2", 2304, 9216, 26, 8, 4, 256000, head_dim=256), 2_614_341_888),
    "gemma-2-9b": (sizes("gemma2", 3584, 14336, 42, 16, 8, 256000, head_dim=256), 9_241_705_984),
    "gemma-2-27b": (
        sizes("gemma2", 4608, 36864, 46, 32, 16, 256000, head_dim=128, query_pre_attn_scalar=144), 27_227_128_320,
    ),
    "gemma-3-270m": (gemma3(640, 2048, 18, 4, 1), 268_098_176),
    "gemma-3-1b-pt": (gemma3(1152, 6912, 26, 4, 1), 999_885_952),
    "gemma-3-4b-pt, text": (
        gemma3(2560, 10240, 34, 8, 4, vocabulary=262208, rope_scaling={"rope_type": "linear", "factor": 8.0}), 3_880_263_168,
    ),
    "Phi-3-mini-4k-instruct": (phi3(3072, 8192, 32, 32, 32, 32064), 3_821_079_552),
    "Phi-3-mini-128k-instruct": (
        phi3(3072, 8192, 32, 32, 32, 32064, sliding_window=262144, max_position_embeddings=131072,
             original_max_position_embeddings=4096, rope_scaling=LONG), 3_821_079_552,
    ),
    "Phi-3-medium-4k-instruct": (phi3(5120, 17920, 40, 40, 10, 32064), 13_960_238_080),
    "phi-4": (phi3(5120, 17920, 40, 40, 10, 100352, max_position_embeddings=16384, original_max_position_embeddings=16384,
                   rope_theta=250000, sliding_window=None), 14_659_507_200),  # fmt: skip
    "Phi-4-mini-instruct": (
        phi3(3072, 8192, 32, 24, 8, 200064, partial_rotary_factor=0.75, tie_word_embeddings=True, sliding_window=262144,
             max_position_embeddings=131072, original_max_position_embeddings=4096, rope_scaling=LONG), 3_836_021_760,
    ),
    "pythia-70m": (pythia(512, 6, 8), 70_426_624),
    "pythia-160m": (pythia(768, 12, 12), 162_322_944),
    "pythia-410m": (pythia(1024, 24, 16), 405_334_016),
    "pythia-1b": (pythia(2048, 16, 8), 1_011_781_632),
    "pythia-1.4b": (pythia(2048, 24, 16), 1_414_647_808),
    "pythia-2.8b": (pythia(2560, 32, 32), 2_775_208_960),
    "pythia-6.9b": (pythia(4096, 32, 32, 50432), 6_857_302_016),
    "pythia-12b": (pythia(5120, 36, 40, 50688), 11_846_072_320),
    "gpt-neox-20b": (pythia(6144, 44, 64, 50432, hidden_act="gelu_fast"), 20_554_567_680),
    "OLMo-2-0425-1B": (olmo2(2048, 8192, 16, 16, 16), 1_484_916_736),
    "OLMo-2-1124-7B": (olmo2(4096, 11008, 32, 32, 32), 7_298_617_344),
    "OLMo-2-1124-13B": (olmo2(5120, 13824, 40, 40, 40), 13_716_198_400),
    "OLMo-2-0325-32B": (olmo2(5120, 27648, 64, 40, 8), 32_234_279_936),
    "SmolLM3-3B": (
        sizes("smollm3", 2048, 11008, 36, 16, 4, 128256, max_position_embeddings=65536, rope_theta=5000000.0,
              no_rope_layer_interval=4, tie_word_embeddings=True), 3_075_098_624,
    ),
    "opt-125m": (opt(768, 12, 12), 125_239_296),
    "opt-350m": (opt(1024, 24, 16, word_embed_proj_dim=512, do_layer_norm_before=False), 331_196_416),
    "opt-1.3b": (opt(2048, 24, 32), 1_315_758_080),
    "opt-2.7b": (opt(2560, 32, 32), 2_651_596_800),
    "opt-6.7b": (opt(4096, 32, 32), 6_658_473_984),
    "opt-13b": (opt(5120, 40, 40), 12_853_473_280),
    "opt-30b": (opt(7168, 48, 56), 29_974_540_288),
}  # fmt: skip


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "released_decoders.json"
    wrong = 0
    for name, (config, published) in MODELS.items():
        read = AutoConfig.for_model(**copy.deepcopy(config))
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(read)
        count = sum(parameter.numel() for parameter in model.parameters())
        if count != published:
            print(f"{name}: {count:,} and {published:,}")
            wrong += 1
    rows = [json.dumps({"name": name, "parameters": count, "config": config}) for name, (config, count) in MODELS.items()]
    output.write_text(f'{{"transformers": "{transformers.__version__}", "models": [\n' + ",\n".join(rows) + "\n]}\n")
    sys.exit(f"{wrong} numbers differ" if wrong else 0)


if __name__ == "__main__":
    main()
