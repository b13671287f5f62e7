#!/usr/bin/env python3
"""What `generate` of transformers does with the work of `swiftdp bench generate`: greedy, no early stop, fp32.

    python bench_generate.py --batch 64 --threads 2

A GPT-2 of 124M parameters with random weights; prompts of random tokens. Prints one JSON line.
"""

import argparse
import json
import os
import resource
import time


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=2)
    flags = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(flags.threads)

    import torch
    import transformers
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_num_threads(flags.threads)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config()).eval()
    model.generation_config.eos_token_id = None
    prompts = torch.randint(0, 50257, (flags.batch, flags.length))

    def generate(count):
        start = time.monotonic()
        with torch.inference_mode():
            result = model.generate(
                prompts, attention_mask=torch.ones_like(prompts), do_sample=False, min_new_tokens=count,
                max_new_tokens=count, pad_token_id=0,
            )  # fmt: skip
        assert result.shape == (flags.batch, flags.length + count)
        return time.monotonic() - start

    generate(2)
    seconds = [generate(flags.new) for _ in range(flags.repetitions)]
    print(json.dumps({
        "peer": "transformers", "batch": flags.batch, "length": flags.length, "new": flags.new,
        "threads": flags.threads, "seconds": [round(s, 2) for s in seconds],
        "tokens_per_second": round(flags.batch * flags.new / min(seconds), 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "torch": torch.__version__, "transformers": transformers.__version__,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
