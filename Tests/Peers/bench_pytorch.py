#!/usr/bin/env python3
"""What PyTorch does with the same work: full fine-tuning, or LoRA by PEFT, of a GPT-2 or Llama shape on CPUs.

    python bench_pytorch.py --model gpt2 --ranks 2 --threads 1

One process a rank, gradients summed by DistributedDataParallel over gloo; AdamW, clipping at norm 1.
On several hosts, start it once on each, with --ranks, --rank and --master; GLOO_SOCKET_IFNAME names the network:

    launch/hosts on a 0 env GLOO_SOCKET_IFNAME=link0 python bench_pytorch.py --ranks 2 --rank 0 --master 192.0.2.1 &
    launch/hosts on a 1 env GLOO_SOCKET_IFNAME=link0 python bench_pytorch.py --ranks 2 --rank 1 --master 192.0.2.1

Random weights and tokens: the speed does not depend on them. Prints one JSON line; `gflops` is
6 * parameters (tied ones once, embeddings included) * tokens per second, over all ranks.
"""

import argparse
import contextlib
import json
import os
import resource
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch.nn.parallel import DistributedDataParallel


def make_model(flags):
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    if flags.model == "gpt2":
        config = GPT2Config(
            vocab_size=flags.vocabulary or 50257, n_embd=flags.width, n_layer=flags.layers, n_head=flags.heads,
            n_inner=flags.inner, n_positions=max(1024, flags.length), resid_pdrop=0.0, embd_pdrop=0.0,
            attn_pdrop=0.0, use_cache=False,
        )  # fmt: skip
        kind = GPT2LMHeadModel
    else:
        config = LlamaConfig(
            vocab_size=flags.vocabulary or 32000, hidden_size=flags.width, intermediate_size=flags.inner or 2048,
            num_hidden_layers=flags.layers, num_attention_heads=flags.heads,
            num_key_value_heads=flags.kv_heads or flags.heads, tie_word_embeddings=flags.tied,
            max_position_embeddings=max(1024, flags.length), use_cache=False,
        )  # fmt: skip
        kind = LlamaForCausalLM
    config._attn_implementation = flags.attention
    model = kind(config)
    if flags.lora:
        from peft import LoraConfig, get_peft_model

        # All projections but the head, as `swiftdp bench model --method lora`.
        settings = LoraConfig(
            r=flags.lora, lora_alpha=16, target_modules="all-linear", fan_in_fan_out=flags.model == "gpt2",
            task_type="CAUSAL_LM",
        )  # fmt: skip
        model = get_peft_model(model, settings)
    return model


def run(rank, flags, rendezvous, results):
    torch.set_num_threads(flags.threads)
    torch.manual_seed(1)
    if flags.ranks > 1:
        dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=flags.ranks)
    bare = make_model(flags).train()
    count = sum(p.numel() for p in bare.parameters())
    vocabulary = bare.config.vocab_size
    model = DistributedDataParallel(bare, gradient_as_bucket_view=True) if flags.ranks > 1 else bare
    if flags.compile:
        model = torch.compile(model)
    trained = [p for p in bare.parameters() if p.requires_grad]
    rule = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01, fused=flags.fused)
    bf16 = flags.dtype == "bf16"
    generator = torch.Generator().manual_seed(100 + rank)

    def micro_batch():
        tokens = torch.randint(0, vocabulary, (flags.batch, flags.length), generator=generator)
        with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            loss = model(input_ids=tokens, labels=tokens).loss / flags.accumulate
        loss.backward()
        return loss

    def step():
        # Gradients are exchanged once, after the last micro-batch.
        with model.no_sync() if flags.ranks > 1 and not flags.compile else contextlib.nullcontext():
            for _ in range(flags.accumulate - 1):
                micro_batch()
        loss = micro_batch()
        torch.nn.utils.clip_grad_norm_(bare.parameters(), 1.0)
        rule.step()
        rule.zero_grad(set_to_none=True)
        return loss.item()

    for _ in range(flags.warm_up):
        step()
    if flags.ranks > 1:
        dist.barrier()
    start = time.perf_counter()
    for _ in range(flags.steps):
        loss = step()
    if flags.ranks > 1:
        dist.barrier()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results.put((rank, seconds, peak, count, loss * flags.accumulate))
    if flags.ranks > 1:
        dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["gpt2", "llama"], default="gpt2")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="threads a rank")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32", help="bf16 is autocast")
    parser.add_argument("--compile", action="store_true", help="torch.compile (needs a C++ compiler)")
    parser.add_argument("--lora", type=int, metavar="RANK", help="PEFT's LoRA on all projections")
    parser.add_argument("--fused", action="store_true", help="PyTorch's fused AdamW")
    parser.add_argument("--attention", choices=["eager", "sdpa"], default="sdpa")
    parser.add_argument("--batch", type=int, default=4, help="samples a rank")
    parser.add_argument("--accumulate", type=int, default=1, help="micro-batches of --batch samples a rank and step")
    parser.add_argument("--rank", type=int, help="run this rank only; the others are started elsewhere")
    parser.add_argument("--master", help="the address of rank 0's host, with --rank")
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--kv-heads", type=int, help="Llama only; default: as many as heads")
    parser.add_argument("--inner", type=int, help="default: 4 x width for GPT-2, 2048 for Llama")
    parser.add_argument("--vocabulary", type=int, help="default: 50257 for GPT-2, 32000 for Llama")
    parser.add_argument("--tied", action="store_true", help="Llama only; GPT-2 is tied")
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    flags = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(flags.threads)

    # Always child processes, so that a rank's peak memory is its own.
    context = torch.multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    if flags.rank is None:
        with tempfile.TemporaryDirectory() as folder:
            arguments = (flags, f"file://{os.path.join(folder, 'rendezvous')}", results)
            torch.multiprocessing.spawn(run, args=arguments, nprocs=flags.ranks)
        ranks = sorted(results.get() for _ in range(flags.ranks))
    else:
        process = context.Process(target=run, args=(flags.rank, flags, f"tcp://{flags.master}:29500", results))
        process.start()
        ranks = [results.get()]
        process.join()
    seconds = max(seconds for _, seconds, _, _, _ in ranks)
    speed = flags.ranks * flags.batch * flags.accumulate * flags.length * flags.steps / seconds
    print(json.dumps({
        "peer": "pytorch", "model": flags.model, "parameters": ranks[0][3], "dtype": flags.dtype,
        "ranks": flags.ranks, "threads": flags.threads, "batch": flags.batch, "accumulate": flags.accumulate,
        "length": flags.length,
        "compile": flags.compile, "fused": flags.fused, "attention": flags.attention, "steps": flags.steps,
        "seconds": round(seconds / flags.steps, 3), "tokens_per_second": round(speed, 1),
        "gflops": round(6 * ranks[0][3] * speed / 1e9, 1),
        "peak_rss_mb": round(max(peak for _, _, peak, _, _ in ranks)), "last_loss": round(ranks[0][4], 4),
        "torch": torch.__version__,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
