#!/usr/bin/env python3
"""Makes the parity fixtures: tiny models, and what PyTorch and transformers compute with them.

    OMP_NUM_THREADS=1 python make_parity_fixtures.py SHARED_DATA [OUTPUT] [--only NAME ...]

SHARED_DATA holds stories260K-hf. OUTPUT is `parity` beside this script. README.md there says what the
files hold. `--only` makes some of them. Everything is seeded; the versions that made the committed files stand
in each expected.json.
"""

import argparse
import json
import math
import platform
import shutil
from pathlib import Path

import safetensors
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForMultipleChoice, AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, AutoModelForTokenClassification, BartConfig, BertConfig,
    DebertaV2Config, DistilBertConfig, ElectraConfig, Gemma2Config, Gemma3TextConfig, GemmaConfig, GPT2Config,
    GPTNeoXConfig, LlamaConfig, MistralConfig, ModernBertConfig, MT5Config, Olmo2Config, OPTConfig, Phi3Config,
    Qwen2Config, Qwen3Config, RobertaConfig, SmolLM3Config, T5Config, XLMRobertaConfig,
)  # fmt: skip

IGNORED = -100
BATCHES = 4
STEPS = 20
ADAMW = {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}
CLIP = 1.0

GPT2 = dict(
    vocab_size=96, n_positions=64, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0.0, embd_pdrop=0.0,
    attn_pdrop=0.0, summary_first_dropout=0.0, bos_token_id=0, eos_token_id=0,
)  # fmt: skip
LLAMA = dict(
    vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=True,
    bos_token_id=1, eos_token_id=2,
)  # fmt: skip
LLAMA3_ROPE = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
}  # fmt: skip

# name: (config, seed, samples, length, how it is stored)
MODELS = {
    "gpt2-tiny": (GPT2Config(**GPT2), 1, 3, 17, {}),
    "gpt2-odd": (GPT2Config(**{**GPT2, "n_embd": 24, "n_head": 3, "n_inner": 40, "vocab_size": 61}), 2, 2, 23, {}),
    # Stored as the original `gpt2` is on the hub: names without `transformer.`, causal masks as tensors.
    "gpt2-hub-f16": (GPT2Config(**GPT2), 3, 2, 9, {"dtype": torch.float16, "hub_names": True}),
    "llama-tiny": (LlamaConfig(**LLAMA), 4, 3, 19, {}),
    "llama-untied": (
        LlamaConfig(**{**LLAMA, "tie_word_embeddings": False, "num_key_value_heads": 4, "head_dim": 16,
                       "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}}),
        5, 2, 33, {"old_rope_keys": True},
    ),
    "llama3-scaling": (LlamaConfig(**{**LLAMA, "rope_parameters": LLAMA3_ROPE}), 6, 2, 40, {"old_rope_keys": True}),
    "llama-bias": (
        LlamaConfig(**{**LLAMA, "attention_bias": True, "mlp_bias": True}), 7, 2, 21, {"shard": "25KB"},
    ),
    "llama-bf16": (LlamaConfig(**LLAMA), 8, 2, 15, {"dtype": torch.bfloat16}),
    # config.json ties the head; the file holds one that differs, or the head alone.
    "gpt2-own-head": (GPT2Config(**GPT2), 9, 2, 11, {"head": "own"}),
    "gpt2-head-only": (GPT2Config(**GPT2), 10, 2, 11, {"head": "only"}),
    "llama-own-head": (LlamaConfig(**LLAMA), 11, 2, 11, {"head": "own"}),
    "llama-head-only": (LlamaConfig(**LLAMA), 12, 2, 11, {"head": "only"}),
}  # fmt: skip

# Odd sizes for the other decoders: a token sees five keys in a window, and heads are wider than C / H.
SMALL = dict(
    vocab_size=37, hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=None,
)  # fmt: skip
WIDE = {**SMALL, "head_dim": 6, "num_key_value_heads": 2}
GEMMA = {**WIDE, "num_key_value_heads": 1, "query_pre_attn_scalar": 11, "sliding_window": 5}
LONGROPE = {
    "rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.5], "long_factor": [2.0, 8.0],
    "original_max_position_embeddings": 32,
}  # fmt: skip
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
LINEAR = {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}
DECODERS = {
    "mistral": (MistralConfig(**{**WIDE, "sliding_window": 5}), 31),
    "qwen2": (
        Qwen2Config(**{**SMALL, "hidden_size": 24, "num_key_value_heads": 2, "use_sliding_window": True,
                       "sliding_window": 5, "max_window_layers": 1, "tie_word_embeddings": True}), 32,
    ),
    "qwen3": (Qwen3Config(**{**WIDE, "attention_bias": True, "rope_parameters": {**YARN, "rope_theta": 1e6}}), 33),
    "gemma": (GemmaConfig(**{k: v for k, v in GEMMA.items() if k in WIDE}), 34),
    "gemma2": (Gemma2Config(**{**GEMMA, "attn_logit_softcapping": 1.5, "final_logit_softcapping": 3.0}), 35),
    "gemma3": (
        Gemma3TextConfig(**{**GEMMA, "layer_types": ["sliding_attention", "full_attention"], "rope_parameters": {
            "full_attention": LINEAR, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}}), 36,
    ),
    "phi3": (
        Phi3Config(**{**SMALL, "hidden_size": 32, "num_key_value_heads": 2, "sliding_window": 5,
                      "original_max_position_embeddings": 32, "partial_rotary_factor": 0.5,
                      "rope_parameters": {**LONGROPE, "partial_rotary_factor": 0.5}}), 37,
    ),
    "gpt-neox": (GPTNeoXConfig(**{**SMALL, "hidden_size": 28, "rotary_pct": 0.6}), 38),
    "gpt-neox-serial": (
        GPTNeoXConfig(**{**SMALL, "hidden_size": 24, "rotary_pct": 1.0, "use_parallel_residual": False,
                         "attention_bias": False, "hidden_act": "gelu_new", "tie_word_embeddings": True}), 39,
    ),
    "olmo2": (Olmo2Config(**{**SMALL, "hidden_size": 24, "num_key_value_heads": 2, "attention_bias": True}), 40),
    "smollm3": (
        SmolLM3Config(**{**SMALL, "hidden_size": 24, "num_key_value_heads": 2, "no_rope_layer_interval": 2,
                         "use_sliding_window": True, "sliding_window": 5, "mlp_bias": True}), 41,
    ),
    "opt": (
        OPTConfig(**{**{k: v for k, v in SMALL.items() if k != "intermediate_size"}, "ffn_dim": 28, "dropout": 0.0}),
        42,
    ),
    "opt-350m": (
        OPTConfig(**{**{k: v for k, v in SMALL.items() if k != "intermediate_size"}, "ffn_dim": 28, "dropout": 0.0,
                     "word_embed_proj_dim": 14, "do_layer_norm_before": False, "tie_word_embeddings": False}), 43,
    ),
}  # fmt: skip
MODELS |= {name: (config, seed, 2, 14, {}) for name, (config, seed) in DECODERS.items()}

BERT = dict(
    vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=64, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
# Small encoders with odd sizes, for all their heads.
SMALL = dict(
    vocab_size=43, hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=3,
    max_position_embeddings=27, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
MODERN = dict(
    vocab_size=43, hidden_size=12, intermediate_size=20, num_hidden_layers=4, num_attention_heads=3,
    max_position_embeddings=27, local_attention=6, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1,
    sep_token_id=2,
)  # fmt: skip
ENCODERS = {
    "bert": (BertConfig, SMALL),
    "roberta": (RobertaConfig, {**SMALL, "type_vocab_size": 1, "layer_norm_eps": 1e-5}),
    "xlm-roberta": (XLMRobertaConfig, {**SMALL, "type_vocab_size": 1, "pad_token_id": 2}),
    "distilbert": (
        DistilBertConfig,
        dict(vocab_size=43, dim=12, hidden_dim=20, n_layers=2, n_heads=3, max_position_embeddings=27, dropout=0.0,
             attention_dropout=0.0, qa_dropout=0.0, seq_classif_dropout=0.0),
    ),
    "electra": (ElectraConfig, {**SMALL, "embedding_size": 7, "summary_last_dropout": 0.0}),
    "modernbert": (ModernBertConfig, MODERN),
    "modernbert-mean": (
        ModernBertConfig,
        {**MODERN, "classifier_pooling": "mean", "norm_bias": True, "attention_bias": True, "mlp_bias": True,
         "classifier_bias": True, "decoder_bias": False, "local_attention": 5},
    ),
    "deberta": (
        DebertaV2Config,
        {**SMALL, "relative_attention": True, "position_buckets": 6, "max_relative_positions": -1, "pos_att_type": "p2c|c2p",
         "share_att_key": True, "norm_rel_ebd": "layer_norm", "position_biased_input": False, "type_vocab_size": 0,
         "pooler_hidden_act": "gelu", "layer_norm_eps": 1e-7},
    ),
    # Distances with projections of their own, without buckets, in one direction, and the newer head.
    "deberta-apart": (
        DebertaV2Config,
        {**SMALL, "relative_attention": True, "max_relative_positions": 9, "pos_att_type": ["c2p"],
         "type_vocab_size": 2, "legacy": False},
    ),
}  # fmt: skip
# What stands on them, and the seed.
HEADS = {
    "labels": (AutoModelForSequenceClassification, 31), "token-labels": (AutoModelForTokenClassification, 41),
    "spans": (AutoModelForQuestionAnswering, 51), "choices": (AutoModelForMultipleChoice, 61),
    "masked": (AutoModelForMaskedLM, 71),
}  # fmt: skip
HEAD_CASES = {
    f"{family}-{head}": (family, head)
    for family in ENCODERS
    for head in HEADS
    if (family, head) != ("bert", "labels") and (family not in ("modernbert-mean", "deberta-apart") or head in ("labels", "masked"))
}

T5 = dict(
    vocab_size=29, d_model=12, d_kv=5, d_ff=20, num_layers=3, num_decoder_layers=2, num_heads=3,
    relative_attention_num_buckets=8, relative_attention_max_distance=12, dropout_rate=0.0, decoder_start_token_id=0,
)  # fmt: skip
BART = dict(
    vocab_size=29, d_model=12, encoder_layers=3, decoder_layers=2, encoder_attention_heads=3, decoder_attention_heads=2,
    encoder_ffn_dim=20, decoder_ffn_dim=14, max_position_embeddings=31, dropout=0.0, attention_dropout=0.0,
    activation_dropout=0.0, forced_eos_token_id=None,
)  # fmt: skip
# Models that read a source. name: (config, seed, whether the head is its own)
SOURCE_READERS = {
    "t5": (T5Config(**T5), 81, False),
    "t5-gated": (T5Config(**{**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}), 82, True),
    "mt5": (MT5Config(**T5), 83, True),
    "bart": (BartConfig(**BART), 84, False),
    "bart-scaled": (BartConfig(**{**BART, "scale_embedding": True, "activation_function": "relu"}), 85, False),
}  # fmt: skip
# How their texts are decoded.
SEARCHES = [
    {"num_beams": 1}, {"num_beams": 2}, {"num_beams": 4}, {"num_beams": 4, "length_penalty": 2.0},
    {"num_beams": 3, "length_penalty": 0.0}, {"num_beams": 4, "early_stopping": True},
    {"num_beams": 5, "length_penalty": -1.0},
]  # fmt: skip

NAMES = ["bad", "middling", "good", "perfect"]

# Models with labels for sequences. name: (config, number of labels, seed, samples, length)
CLASSIFIERS = {
    "bert-labels": (BertConfig(**BERT), 3, 21, 4, 19),
    "bert-odd-labels": (
        BertConfig(**{**BERT, "hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 40,
                      "hidden_act": "gelu_new", "layer_norm_eps": 1e-6, "vocab_size": 61}), 2, 22, 3, 23,
    ),
    "gpt2-labels": (GPT2Config(**{**GPT2, "pad_token_id": 0}), 4, 23, 3, 17),
    "llama-labels": (LlamaConfig(**{**LLAMA, "pad_token_id": 0}), 2, 24, 5, 13),
}  # fmt: skip

STORY = (
    "Once upon a time there was a small grey cat who lived in a house by the sea. Every morning the cat "
    "went down to the sand and looked at the boats. One day a big wave came and took away a little red "
    "ball. The cat was very sad. \"Do not cry,\" said an old bird. \"I can fly, and I will bring it back "
    "to you.\" The bird flew high over the water, found the ball, and they played together all day long."
)
PROMPT = "Once upon a time, there was a little"
STORY_FULL_GRADIENTS = [
    "model.embed_tokens.weight",
    "model.layers.0.input_layernorm.weight",
    "model.layers.2.self_attn.k_proj.weight",
    "model.layers.4.mlp.down_proj.weight",
    "model.norm.weight",
]


def versions():
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "safetensors": safetensors.__version__,
        "tokenizers": tokenizers.__version__,
        "script": "Tests/Fixtures/make_parity_fixtures.py",
    }


def randomise(model, seed, spread=0.2):
    """Weights large enough that every one of them shows in the logits."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            # Gemma stores the difference from 1.
            norm_weight = parameter.dim() == 1 and name.endswith("weight") and "gemma" not in model.config.model_type
            parameter.copy_(1 + spread * noise if norm_weight else spread * noise)


def save(model, folder, dtype=torch.float32, hub_names=False, old_rope_keys=False, shard="1GB", head=None):
    folder.mkdir(parents=True)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if hub_names:
        weights = {k.removeprefix("transformer."): v for k, v in load_file(folder / "model.safetensors").items()}
        positions = model.config.n_positions
        for layer in range(model.config.n_layer):
            weights[f"h.{layer}.attn.bias"] = torch.tril(torch.ones(1, 1, positions, positions, dtype=dtype))
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    if head is not None:
        weights = load_file(folder / "model.safetensors")
        embedding = next(name for name in weights if name.endswith(("wte.weight", "embed_tokens.weight")))
        weights["lm_head.weight"] = weights[embedding].flip(0).contiguous() if head == "own" else weights.pop(embedding)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    if old_rope_keys:
        # Before version 5, transformers wrote `rope_theta` and `rope_scaling`; most of the hub has those.
        config = json.loads((folder / "config.json").read_text())
        rope = config.pop("rope_parameters")
        config["rope_theta"] = rope.pop("rope_theta")
        config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
        config["torch_dtype"] = config.pop("dtype")
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def load(folder, kind=AutoModelForCausalLM):
    """The model as stored, upcast to fp32, and its parameters under the names of the checkpoint."""
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    model.train()
    files = sorted(folder.glob("*.safetensors"))
    stored = {name for file in files if file.name != "expected.safetensors" for name in load_file(file)}
    named = {}
    # A tied parameter has several names, of which the file has one.
    names = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(parameter, []).append(name)
    for parameter, own in names.items():
        candidates = [*own, *(name.removeprefix("transformer.") for name in own), "lm_head.weight",
                      "embed_out.weight"]
        named[next(name for name in candidates if name in stored)] = parameter
    return model, dict(sorted(named.items()))


def batch(generator, vocabulary, samples, length):
    """Tokens, and labels as transformers wants them: the tokens themselves, some of them -100."""
    tokens = torch.randint(0, vocabulary, (samples, length), generator=generator)
    labels = tokens.clone()
    labels[torch.rand(tokens.shape, generator=generator) < 0.15] = IGNORED
    labels[-1, : length // 3] = IGNORED  # a prompt
    labels[0, -2:] = IGNORED  # padding
    return tokens, labels


def shifted(labels):
    """What position t has to predict: the label at t + 1; nothing at the last position."""
    return torch.cat([labels[:, 1:], torch.full_like(labels[:, :1], IGNORED)], dim=1)


def int32(labels):
    return torch.where(labels == IGNORED, -1, labels).to(torch.int32).contiguous()


def loss_of(model, tokens, labels):
    """The logits, and the sum of the targets' cross-entropies over their number."""
    output = model(input_ids=tokens, labels=labels)
    targets = shifted(labels)
    count = int((targets != IGNORED).sum())
    total = torch.nn.functional.cross_entropy(
        output.logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    assert math.isclose(total.item() / count, output.loss.item(), rel_tol=1e-5)
    return output.logits, total / count, count


def total_norm(parameters):
    return math.sqrt(sum(float(p.grad.double().square().sum()) for p in parameters.values()))


def checksums(parameters):
    """Of each parameter the sum, in fp64, of its elements times 1 + (flat index mod 97)."""
    sums = {}
    for name, parameter in parameters.items():
        flat = parameter.detach().double().flatten()
        sums[name] = (flat * (torch.arange(len(flat)) % 97 + 1)).sum().item()
    return sums


def train(model, parameters, batches, learning_rate):
    """STEPS of AdamW over the batches in turn; losses before each update and norms before clipping."""
    decayed = [p for p in parameters.values() if p.dim() >= 2]
    others = [p for p in parameters.values() if p.dim() < 2]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    rule = torch.optim.AdamW(
        groups, lr=learning_rate, betas=ADAMW["betas"], eps=ADAMW["eps"], weight_decay=ADAMW["weight_decay"]
    )
    losses, norms = [], []
    for step in range(STEPS):
        rule.zero_grad()
        _, loss, _ = loss_of(model, *batches[step % len(batches)])
        loss.backward()
        losses.append(loss.item())
        norms.append(total_norm(parameters))
        torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP)
        rule.step()
    return losses, norms


def write(folder, tensors, values):
    save_file({k: v.detach().contiguous() for k, v in sorted(tensors.items())}, folder / "expected.safetensors")
    (folder / "expected.json").write_text(json.dumps({**values, "versions": versions()}, indent=1) + "\n")


def make_tiny(folder, config, seed, samples, length, storage, learning_rate=5e-3):
    model = AutoModelForCausalLM.from_config(config)
    randomise(model, seed)
    save(model, folder, **storage)
    model, parameters = load(folder)
    generator = torch.Generator().manual_seed(1000 + seed)
    batches = [batch(generator, config.vocab_size, samples, length) for _ in range(BATCHES)]

    logits, loss, count = loss_of(model, *batches[0])
    loss.backward()
    tensors = {f"gradient.{name}": p.grad.clone() for name, p in parameters.items()}
    tensors["logits"] = logits
    for key, convert in [("labels", int32), ("targets", lambda x: int32(shifted(x)))]:
        tensors[key] = convert(batches[0][1])
        tensors[f"train.{key}"] = torch.stack([convert(labels) for _, labels in batches])
    tensors["tokens"] = int32(batches[0][0])
    tensors["train.tokens"] = torch.stack([int32(tokens) for tokens, _ in batches])
    gradient_norm = total_norm(parameters)

    stored_checksums = checksums(parameters)
    start = {name: p.detach().double().clone() for name, p in parameters.items()}
    losses, norms = train(model, parameters, batches, learning_rate)
    write(folder, tensors, {
        "loss": loss.item(),
        "target_count": count,
        "gradient_norm": gradient_norm,
        "learning_rate": learning_rate,
        **ADAMW,
        "decays": "parameters of two and more dimensions",
        "clip_norm": CLIP,
        "train_target_counts": [int((shifted(labels) != IGNORED).sum()) for _, labels in batches],
        "losses": losses,
        "gradient_norms": norms,
        "stored_checksums": stored_checksums,
        "final_norms": {name: p.detach().double().norm().item() for name, p in parameters.items()},
        "final_changes": {name: (p.detach().double() - start[name]).norm().item() for name, p in parameters.items()},
    })  # fmt: skip
    print(f"{folder.name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, norm {norms[0]:.3f} -> {norms[-1]:.3f}")


def head_batch(generator, config, head, samples, length):
    """Rows of unequal length, with what the head is trained on; a choice has three rows."""
    rows = 3 * samples if head == "choices" else samples
    lengths = torch.randint(3, length + 1, (rows,), generator=generator)
    lengths[0] = length
    mask = (torch.arange(length).expand(rows, length) < lengths[:, None]).long()
    tokens = torch.randint(4, config.vocab_size, (rows, length), generator=generator)
    types = (torch.arange(length).expand(rows, length) >= (lengths // 2)[:, None]).long() * mask
    batch = {"input_ids": tokens * mask + config.pad_token_id * (1 - mask), "attention_mask": mask}
    if getattr(config, "type_vocab_size", 0) > 1:
        batch["token_type_ids"] = types
    if head in ("token-labels", "masked"):
        kinds = config.num_labels if head == "token-labels" else config.vocab_size
        labels = torch.randint(0, kinds, (rows, length), generator=generator)
        chosen = torch.rand(labels.shape, generator=generator) < (0.7 if head == "token-labels" else 0.3)
        chosen[:, 1] = True
        batch["labels"] = torch.where(chosen & (mask == 1), labels, IGNORED)
    elif head == "spans":
        ends = (torch.rand((2, rows), generator=generator) * lengths).long()
        batch["start_positions"], batch["end_positions"] = ends.min(0).values, ends.max(0).values
    elif head == "choices":
        batch["labels"] = torch.randint(0, 3, (samples,), generator=generator)
        for key in ("input_ids", "attention_mask", "token_type_ids"):
            if key in batch:
                batch[key] = batch[key].view(samples, 3, length)
    else:
        batch["labels"] = torch.randint(0, config.num_labels, (rows,), generator=generator)
    return batch


def head_tensors(batch, head):
    """The batch as swiftdp takes it."""
    tokens = batch["input_ids"].flatten(0, -2)
    tensors = {"tokens": int32(tokens), "lengths": batch["attention_mask"].flatten(0, -2).sum(1).to(torch.int32)}
    tensors["types"] = batch.get("token_type_ids", torch.zeros_like(tokens)).reshape(tokens.shape).to(torch.int32)
    if head in ("token-labels", "masked"):
        tensors["targets"] = int32(batch["labels"])
    elif head == "spans":
        tensors["row_labels"] = torch.stack([batch["start_positions"], batch["end_positions"]], 1).to(torch.int32)
    else:
        tensors["row_labels"] = batch["labels"].to(torch.int32)
    return tensors


def make_head(folder, family, head, samples=3, length=19, learning_rate=5e-3):
    kind, settings = ENCODERS[family]
    config = kind(**settings)
    automatic, seed = HEADS[head]
    if head in ("labels", "token-labels"):
        config.num_labels = 3
        config.id2label = dict(enumerate(NAMES[:3]))
        config.label2id = {name: number for number, name in enumerate(NAMES[:3])}
    seed += list(ENCODERS).index(family)
    model = automatic.from_config(config)
    randomise(model, seed)
    save(model, folder)
    model, parameters = load(folder, automatic)
    generator = torch.Generator().manual_seed(1000 + seed)
    batches = [head_batch(generator, config, head, samples, length) for _ in range(BATCHES)]
    output = model(**batches[0])
    output.loss.backward()
    tensors = {f"gradient.{name}": p.grad.clone() for name, p in parameters.items() if p.grad is not None}
    tensors["logits"] = (
        torch.stack([output.start_logits, output.end_logits], -1) if head == "spans" else output.logits
    )
    tensors |= head_tensors(batches[0], head)
    for key in head_tensors(batches[0], head):
        tensors["train." + key] = torch.stack([head_tensors(batch, head)[key] for batch in batches])
    parameters = {name: p for name, p in parameters.items() if p.grad is not None}
    losses, norms = train_labels(model, parameters, batches, learning_rate)
    write(folder, tensors, {
        "loss": output.loss.item(), "learning_rate": learning_rate, **ADAMW, "losses": losses, "gradient_norms": norms,
    })  # fmt: skip
    print(f"{folder.name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, norm {norms[0]:.3f} -> {norms[-1]:.3f}")


def source_batch(generator, config, samples, source_length, length):
    """Sources of unequal length, and answers of unequal length behind the token that they begin with."""
    source_lengths = torch.randint(2, source_length + 1, (samples,), generator=generator)
    lengths = torch.randint(2, length + 1, (samples,), generator=generator)
    source_lengths[0], lengths[-1] = source_length, length
    mask = (torch.arange(source_length).expand(samples, -1) < source_lengths[:, None]).long()
    source = torch.randint(3, config.vocab_size, (samples, source_length), generator=generator)
    answer = torch.randint(3, config.vocab_size, (samples, length), generator=generator)
    answer[torch.arange(samples), lengths - 1] = config.eos_token_id
    labels = torch.where(torch.arange(length).expand(samples, -1) < lengths[:, None], answer, IGNORED)
    return {
        "input_ids": source * mask + config.pad_token_id * (1 - mask), "attention_mask": mask, "labels": labels,
    }  # fmt: skip


def source_tensors(batch, model):
    """The batch as swiftdp takes it."""
    shift = getattr(model, "_shift_right", None) or model.prepare_decoder_input_ids_from_labels
    return {
        "source.tokens": int32(batch["input_ids"]), "source.lengths": batch["attention_mask"].sum(1).to(torch.int32),
        "tokens": int32(shift(batch["labels"])), "targets": int32(batch["labels"]),
        "lengths": (batch["labels"] != IGNORED).sum(1).to(torch.int32),
    }  # fmt: skip


def make_source_reader(folder, config, seed, has_own_head, samples=3, source_length=17, length=9, learning_rate=5e-4):
    model = AutoModelForSeq2SeqLM.from_config(config)
    if has_own_head:
        model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.lm_head.weight))
    # Texts that do not repeat one token.
    randomise(model, seed, spread=0.6)
    save(model, folder)
    if has_own_head and config.model_type == "t5":
        # As version 1.1 is stored on the hub.
        stored = json.loads((folder / "config.json").read_text())
        stored["tie_word_embeddings"] = False
        (folder / "config.json").write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n")
    model, parameters = load(folder, AutoModelForSeq2SeqLM)
    assert (model.lm_head.weight is not model.get_input_embeddings().weight) == has_own_head
    generator = torch.Generator().manual_seed(1000 + seed)
    batches = [source_batch(generator, config, samples, source_length, length) for _ in range(BATCHES)]
    output = model(**batches[0])
    output.loss.backward()
    tensors = {f"gradient.{name}": p.grad.clone() for name, p in parameters.items()}
    tensors["logits"] = output.logits
    tensors |= source_tensors(batches[0], model)
    for key in source_tensors(batches[0], model):
        tensors["train." + key] = torch.stack([source_tensors(batch, model)[key] for batch in batches])
    sources = [source_batch(generator, config, 1, 7 + 3 * index, 3)["input_ids"] for index in range(6)]
    searches = []
    model.eval()
    for search in SEARCHES:
        answers = []
        for source in sources:
            with torch.no_grad():
                answers.append(model.generate(source, max_new_tokens=14, do_sample=False, **search)[0].tolist())
        searches.append({**search, "answers": answers})
    model.train()
    losses, norms = train_labels(model, parameters, batches, learning_rate)
    write(folder, tensors, {
        "loss": output.loss.item(), "learning_rate": learning_rate, **ADAMW, "losses": losses, "gradient_norms": norms,
        "sources": [source[0].tolist() for source in sources], "max_new_tokens": 14, "searches": searches,
    })  # fmt: skip
    print(f"{folder.name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, norm {norms[0]:.3f} -> {norms[-1]:.3f}")


def label_batch(generator, config, samples, length):
    """Rows of unequal length with their labels; the second part of a row is a second text, for models that tell."""
    lengths = torch.randint(3, length + 1, (samples,), generator=generator)
    lengths[0] = length
    tokens = torch.randint(3, config.vocab_size, (samples, length), generator=generator)
    places = torch.arange(length).expand(samples, length)
    mask = (places < lengths[:, None]).long()
    types = (places >= (lengths // 2)[:, None]).long() * mask
    labels = torch.randint(0, config.num_labels, (samples,), generator=generator)
    return {"input_ids": tokens * mask, "attention_mask": mask, "token_type_ids": types, "labels": labels}


def label_inputs(config, batch):
    takes_types = getattr(config, "type_vocab_size", 0) > 1
    return {k: v for k, v in batch.items() if k != "token_type_ids" or takes_types}


def train_labels(model, parameters, batches, learning_rate):
    groups = [
        {"params": [p for p in parameters.values() if p.dim() >= 2]},
        {"params": [p for p in parameters.values() if p.dim() < 2], "weight_decay": 0.0},
    ]
    rule = torch.optim.AdamW(
        groups, lr=learning_rate, betas=ADAMW["betas"], eps=ADAMW["eps"], weight_decay=ADAMW["weight_decay"]
    )
    losses, norms = [], []
    for step in range(STEPS):
        rule.zero_grad()
        loss = model(**label_inputs(model.config, batches[step % len(batches)])).loss
        loss.backward()
        losses.append(loss.item())
        norms.append(total_norm(parameters))
        torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP)
        rule.step()
    return losses, norms


def make_classifier(folder, config, count, seed, samples, length, learning_rate=5e-3):
    config.num_labels = count
    config.id2label = dict(enumerate(NAMES[:count]))
    config.label2id = {name: number for number, name in enumerate(NAMES[:count])}
    model = AutoModelForSequenceClassification.from_config(config)
    randomise(model, seed)
    save(model, folder)
    model, parameters = load(folder, AutoModelForSequenceClassification)
    generator = torch.Generator().manual_seed(1000 + seed)
    batches = [label_batch(generator, config, samples, length) for _ in range(BATCHES)]
    output = model(**label_inputs(config, batches[0]))
    output.loss.backward()
    tensors = {f"gradient.{name}": p.grad.clone() for name, p in parameters.items()}
    tensors["logits"] = output.logits
    for key, name in [("tokens", "input_ids"), ("types", "token_type_ids")]:
        tensors[key] = batches[0][name].to(torch.int32)
        tensors[f"train.{key}"] = torch.stack([batch[name].to(torch.int32) for batch in batches])
    for prefix, given in [("", batches[:1]), ("train.", batches)]:
        tensors[prefix + "lengths"] = torch.stack([b["attention_mask"].sum(1).to(torch.int32) for b in given])
        tensors[prefix + "row_labels"] = torch.stack([b["labels"].to(torch.int32) for b in given])
    losses, norms = train_labels(model, parameters, batches, learning_rate)
    write(folder, tensors, {
        "loss": output.loss.item(), "labels": NAMES[:count], "learning_rate": learning_rate, **ADAMW,
        "losses": losses, "gradient_norms": norms,
    })  # fmt: skip
    print(f"{folder.name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, norm {norms[0]:.3f} -> {norms[-1]:.3f}")


def make_story(folder, source):
    folder.mkdir(parents=True)
    model, parameters = load(source)
    tokenizer = tokenizers.Tokenizer.from_file(str(source / "tokenizer.json"))
    ids = tokenizer.encode(STORY).ids[:128]
    tokens = torch.tensor(ids).reshape(2, 64)
    logits, loss, count = loss_of(model, tokens, tokens)
    loss.backward()
    tensors = {"tokens": int32(tokens), "targets": int32(shifted(tokens)), "logits": logits}
    tensors |= {f"gradient.{name}": parameters[name].grad for name in STORY_FULL_GRADIENTS}

    prompt = tokenizer.encode(PROMPT).ids
    sequence, margins = list(prompt), []
    with torch.no_grad():
        for _ in range(64):
            best = model(input_ids=torch.tensor([sequence])).logits[0, -1].topk(2)
            margins.append((best.values[0] - best.values[1]).item())
            sequence.append(best.indices[0].item())
    model.eval()
    generated = model.generate(torch.tensor([prompt]), max_new_tokens=64, do_sample=False)[0].tolist()
    assert generated == sequence[: len(generated)]
    write(folder, tensors, {
        "model": "stories260K-hf of the shared data",
        "text": STORY,
        "loss": loss.item(),
        "target_count": count,
        "gradient_norm": total_norm(parameters),
        "parameter_gradient_norms": {name: p.grad.double().norm().item() for name, p in parameters.items()},
        "stored_checksums": checksums(parameters),
        "prompt": PROMPT,
        "prompt_ids": prompt,
        "greedy_ids": sequence[len(prompt):],
        "greedy_smallest_margin": min(margins),
    })  # fmt: skip
    print(f"{folder.name}: loss {loss.item():.4f}, smallest greedy margin {min(margins):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared_data", type=Path)
    parser.add_argument("output", type=Path, nargs="?", default=Path(__file__).parent / "parity")
    names = [*MODELS, *CLASSIFIERS, *HEAD_CASES, *SOURCE_READERS, "stories260K"]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in arguments.only:
        shutil.rmtree(arguments.output / name, ignore_errors=True)
    for name, (config, seed, samples, length, storage) in MODELS.items():
        if name in arguments.only:
            make_tiny(arguments.output / name, config, seed, samples, length, storage)
    for name, details in CLASSIFIERS.items():
        if name in arguments.only:
            make_classifier(arguments.output / name, *details)
    for name, (family, head) in HEAD_CASES.items():
        if name in arguments.only:
            make_head(arguments.output / name, family, head)
    for name, details in SOURCE_READERS.items():
        if name in arguments.only:
            make_source_reader(arguments.output / name, *details)
    if "stories260K" in arguments.only:
        make_story(arguments.output / "stories260K", arguments.shared_data / "stories260K-hf")


if __name__ == "__main__":
    main()
