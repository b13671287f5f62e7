#!/usr/bin/env python3
"""Makes the fixtures of bottleneck adapters: folders on the models of `parity`, and what AdapterHub's `adapters` computes.

    OMP_NUM_THREADS=1 python make_bottleneck_fixtures.py [--swiftdp BINARY] [NAME ...]

It needs `adapters`, and the packages of make_adapter_fixtures.py. Without names it makes all. Each folder of `bottlenecks` is
an adapter as save_adapter writes it or, if its name begins with `swiftdp`, as BINARY does after three steps of training,
which load_adapter then reads. Beside it are

    expected.json          versions, base, and by storage of the base: losses and norms of five steps of AdamW
    expected.safetensors   by storage `STORAGE.logits`, `STORAGE.gradient.NAME`; inputs are those of the base's fixture
"""

import argparse
import json
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import adapters
import torch
import transformers
from make_adapter_fixtures import STORAGES, projections, stored
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
STEPS = 5
NAME = "mine"

# name: (base, configuration, what of it differs), by default with the base in fp32 only
CASES = {
    "bert-pfeiffer": ("bert-labels", "pfeiffer", dict(reduction_factor=4)),
    "bert-houlsby": ("bert-labels", "houlsby", dict(reduction_factor=6)),
    "bert-parallel": ("bert-labels", "parallel", {}),
    "bert-post-add": (
        "bert-labels", "seq_bn",
        dict(residual_before_ln="post_add", reduction_factor={"0": 4, "default": 10}, non_linearity="gelu", scaling=0.5)),
    "bert-input": (
        "bert-labels", "double_seq_bn",
        dict(original_ln_before=True, original_ln_after=False, residual_before_ln=False, leave_out=[0])),
    "llama-pfeiffer": ("llama-tiny", "pfeiffer", {}),
    "llama-houlsby": ("llama-tiny", "houlsby", dict(reduction_factor=4)),
    "llama-parallel": ("llama-tiny", "parallel", {}),
    "mistral-pfeiffer": ("mistral", "pfeiffer", dict(reduction_factor=3, non_linearity="tanh")),
    "gpt2-pfeiffer": ("gpt2-tiny", "pfeiffer", dict(reduction_factor=0.5)),
    "gpt2-houlsby": ("gpt2-tiny", "houlsby", dict(reduction_factor=5.5)),
    "gpt2-parallel": ("gpt2-tiny", "parallel", dict(mh_adapter=True)),
    "roberta-houlsby": ("roberta-labels", "houlsby", dict(reduction_factor=4)),
    "xlm-roberta-pfeiffer": ("xlm-roberta-token-labels", "pfeiffer", dict(reduction_factor=4)),
    "distilbert-pfeiffer": ("distilbert-labels", "pfeiffer", dict(reduction_factor=4)),
    "distilbert-houlsby": ("distilbert-token-labels", "houlsby", dict(reduction_factor=4)),
    "electra-pfeiffer": ("electra-labels", "pfeiffer", dict(reduction_factor=4, non_linearity="gelu_new")),
    "deberta-houlsby": ("deberta-labels", "houlsby", dict(reduction_factor=4)),
    "t5-houlsby": ("t5", "houlsby", dict(reduction_factor=4, cross_adapter=True)),
    "t5-parallel": ("t5", "parallel", {}),
    "bart-houlsby": ("bart", "houlsby", dict(reduction_factor=4, cross_adapter=True)),
    "bart-pfeiffer": ("bart", "pfeiffer", dict(reduction_factor=4, leave_out=[1, 4])),
    "swiftdp-bert": ("bert-labels", "pfeiffer", dict(reduction_factor=4)),
    "swiftdp-llama": ("llama-tiny", "houlsby", dict(reduction_factor=4)),
}
ALL_STORAGES = ["bert-pfeiffer", "llama-houlsby", "llama-parallel", "gpt2-pfeiffer"]


def load(base, storage):
    folder = HERE / "parity" / base
    name = json.loads((folder / "config.json").read_text())["architectures"][0]
    model = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        for module_name, module in projections(model):
            if not module_name.startswith("classifier"):
                module.weight.copy_(stored(module.weight.detach(), storage))
    adapters.init(model)
    return model


def inputs(base):
    """What the model reads, and what its logits are compared with; a label of -100 counts for nothing."""
    tensors = load_file(HERE / "parity" / base / "expected.safetensors")
    tensors = {key: value.long() for key, value in tensors.items() if not value.is_floating_point()}
    tokens = tensors["tokens"]

    def mask(name, like):
        return (torch.arange(like.shape[1]).expand_as(like) < tensors[name].reshape(-1)[:, None]).long()

    if "source.tokens" in tensors:
        given = {
            "input_ids": tensors["source.tokens"], "attention_mask": mask("source.lengths", tensors["source.tokens"]),
            "decoder_input_ids": tokens}
    elif "lengths" in tensors:
        given = {"input_ids": tokens, "attention_mask": mask("lengths", tokens)}
        if "types" in tensors and not base.startswith("distilbert"):
            given["token_type_ids"] = tensors["types"]
    else:
        given = {"input_ids": tokens}
    targets = tensors["row_labels"].reshape(-1) if "row_labels" in tensors else tensors["targets"]
    return given, torch.where(targets < 0, -100, targets)


def loss_of(model, given, targets):
    logits = model(**given).logits
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def moved(model, seed):
    """Other numbers than those that bottlenecks begin with, which hide mistakes in zeros."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "adapter_" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
            elif parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


def made_by_swiftdp(binary, base, config, settings, folder):
    """Trains on a copy of the base with a tokenizer of words."""
    source = HERE / "parity" / base
    model_config = json.loads((source / "config.json").read_text())
    words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]"] + [f"w{i}" for i in range(model_config["vocab_size"] - 4)]
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        (scratch / "base").mkdir()
        for name in ["config.json", "model.safetensors"]:
            shutil.copy(source / name, scratch / "base" / name)
        tokenizer = {
            "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": None, "decoder": None,
            "model": {
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": {word: i for i, word in enumerate(words)}}}
        (scratch / "base" / "tokenizer.json").write_text(json.dumps(tokenizer))
        generator = torch.Generator().manual_seed(7)
        rows = torch.randint(4, len(words), (60, 9), generator=generator).tolist()
        texts = [" ".join(words[i] for i in row) for row in rows]
        is_classifier = "id2label" in model_config
        if is_classifier:
            names = list(model_config["id2label"].values())
            data = [f"{text}\t{names[i % 3]}" for i, text in enumerate(texts)]
        else:
            data = texts
        (scratch / "data.tsv" if is_classifier else scratch / "data.txt").write_text("\n".join(data) + "\n")
        method = {"name": "adapters", "config": config, **settings}
        task = ["task=classification", "data.train=data.tsv", "data.columns={text: 0, label: 1}"]
        arguments = [
            "model=base", "output=out", f"method={json.dumps(method)}", "training.steps=3", "training.batch_size=8",
            "data.sequence_length=16", "optimizer.learning_rate=0.05", "parallel.threads=1",
        ] + (task if is_classifier else ["data.train=data.txt"])
        subprocess.run([binary, "train", *arguments], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        for name in sorted((scratch / "out" / "model").iterdir()):
            if name.name.startswith(("adapter", "head_config", "model_head")) and not name.name.endswith("index.json"):
                shutil.copy(name, folder / name.name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--swiftdp")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    for number, (name, (base, config, settings)) in enumerate(CASES.items()):
        if arguments.names and name not in arguments.names:
            continue
        folder = HERE / "bottlenecks" / name
        is_ours = name.startswith("swiftdp")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if is_ours:
            made_by_swiftdp(arguments.swiftdp, base, config, settings, folder)
        given, targets = inputs(base)
        tensors, results = {}, {}
        for storage in STORAGES if name in ALL_STORAGES else ["float32"]:
            model = load(base, storage)
            if storage == "float32" and not is_ours:
                full = adapters.AdapterConfig.load(config, **settings)
                model.add_adapter(NAME, config=full)
                model.train_adapter(NAME)
                moved(model, number)
                model.save_adapter(folder, NAME, use_safetensors=True)
                for file in folder.glob("*.json"):
                    content = json.loads(file.read_text())
                    content["model_name"] = f"../../parity/{base}"
                    file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
                model = load(base, storage)
            loading = {}
            loaded = model.load_adapter(
                str(folder), use_safetensors=True, set_active=True, loading_info=loading,
                with_head=(folder / "model_head.safetensors").exists())
            assert not loading.get("missing_keys"), loading
            ignored = [key for key in loading.get("unexpected_keys", []) if "adapters" in key]
            assert not ignored, ignored
            model.train_adapter(loaded)
            trained = {key: value for key, value in sorted(model.named_parameters()) if value.requires_grad}
            model.train()
            logits = model(**given).logits
            tensors[f"{storage}.logits"] = logits.detach().contiguous()
            loss_of(model, given, targets).backward()
            for key, parameter in trained.items():
                key = key.replace(f".adapters.{loaded}.", ".adapters.")
                tensors[f"{storage}.gradient.{key}"] = parameter.grad.clone()
            # T5's gradients are steep, so that rounding soon shows after larger steps.
            rate = 1e-3 if base == "t5" else 1e-2
            optimizer = torch.optim.AdamW(list(trained.values()), lr=rate, weight_decay=0.01)
            losses, norms = [], []
            for _ in range(STEPS):
                loss = loss_of(model, given, targets)
                optimizer.zero_grad()
                loss.backward()
                norms.append(float(torch.nn.utils.clip_grad_norm_(list(trained.values()), 1.0)))
                optimizer.step()
                losses.append(float(loss))
            results[storage] = {"losses": losses, "gradient_norms": norms}
        save_file(tensors, folder / "expected.safetensors")
        versions = {
            "python": platform.python_version(), "torch": torch.__version__, "adapters": adapters.__version__,
            "transformers": transformers.__version__, "script": "Tests/Fixtures/make_bottleneck_fixtures.py",
        }
        (folder / "expected.json").write_text(
            json.dumps(
                {"base": base, "learning_rate": rate, "trained": len(trained), "storages": results, "versions": versions},
                indent=1) + "\n")
        print(name, {key: round(value["losses"][0], 5) for key, value in results.items()}, len(trained), sorted(trained)[-2:])


if __name__ == "__main__":
    main()
