"""How fast llama.cpp continues one text, beside `swiftdp bench generate`'s texts one by one.

    pip install xllamacpp
    swiftdp export --model gpt2 --gguf gpt2-q8_0.gguf --type q8_0
    python bench_llama_cpp.py gpt2-q8_0.gguf --threads 2

Greedy, `--length` tokens of a prompt and `--max-tokens` new ones, each text anew. Prints tokens/s of the new tokens: the
median of `--texts` texts, the slowest and the fastest.
"""
import argparse
import json
import random
import statistics

import xllamacpp

parser = argparse.ArgumentParser()
parser.add_argument("gguf")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--length", type=int, default=32)
parser.add_argument("--max-tokens", type=int, default=64)
parser.add_argument("--texts", type=int, default=4)
parser.add_argument("--vocabulary", type=int, default=50257, help="prompts are of tokens below this")
options = parser.parse_args()

params = xllamacpp.CommonParams()
params.model.path = options.gguf
params.n_ctx = 512
params.n_parallel = 1
params.cpuparams.n_threads = options.threads
params.cpuparams_batch.n_threads = options.threads
server = xllamacpp.Server(params)


def continuation(prompt):
    found = []
    request = {"stream": False, "cache_prompt": False, "temperature": 0, "ignore_eos": True}
    out = server.handle_completions(
        {**request, "prompt": prompt, "n_predict": options.max_tokens, "max_tokens": options.max_tokens}, found.append)
    out = out if out is not None else found[-1]
    return out if isinstance(out, dict) else json.loads(out)


draw = random.Random(0)
rates = []
for text in range(options.texts + 1):
    prompt = [draw.randrange(options.vocabulary) for _ in range(options.length)]
    times = continuation(prompt)["timings"]
    assert times["predicted_n"] == options.max_tokens, times
    # The first text fills caches.
    if text > 0:
        rates.append(times["predicted_per_second"])
print(f"{options.gguf}: {statistics.median(rates):.1f} tokens/s ({min(rates):.1f} to {max(rates):.1f})")
