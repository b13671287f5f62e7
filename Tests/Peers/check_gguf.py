"""What llama.cpp makes of files of `swiftdp export`, beside swiftdp itself: the mean loss on a text, and greedy text.

    pip install xllamacpp
    python check_gguf.py .build/release/swiftdp MODEL model.gguf TEXT [--adapter DIR --lora lora.gguf]

Prints both losses, their difference, the ratio of the perplexities less 1, and whether the greedy texts are equal. Exits with
1 where perplexities differ by a share of more than 1e-3, or the texts differ.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import xllamacpp

parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("model")
parser.add_argument("gguf")
parser.add_argument("text")
parser.add_argument("--adapter")
parser.add_argument("--lora")
parser.add_argument("--bytes", type=int, default=240, help="of the text")
parser.add_argument("--tokens", type=int, default=24, help="of the greedy text")
options = parser.parse_args()


def swiftdp(*arguments):
    adapter = ["--adapter", options.adapter] if options.adapter and arguments[0] != "tokenize" else []
    return subprocess.run(
        [options.binary, *arguments, *adapter], check=True, capture_output=True, text=True).stdout


with tempfile.TemporaryDirectory() as folder:
    text = pathlib.Path(options.text).read_text(encoding="utf-8")[: options.bytes]
    file = pathlib.Path(folder) / "text.txt"
    file.write_text(text, encoding="utf-8")
    ids = json.loads(swiftdp("tokenize", "--model", options.model, str(file)))
    result = json.loads(swiftdp("evaluate", "--model", options.model, "--data", str(file), "--sequence-length", "256", "--json"))
    if result["target_tokens"] == len(ids):
        # A document ends with the token that ends texts.
        ids.append(json.loads((pathlib.Path(options.model) / "config.json").read_text())["eos_token_id"])
    prompt = text[: options.bytes // 4]
    own = swiftdp("generate", "--model", options.model, "--prompt", prompt, "--max-tokens", str(options.tokens))

params = xllamacpp.CommonParams()
params.model.path = options.gguf
params.n_ctx = 512
params.n_parallel = 1
params.cpuparams.n_threads = 2
params.warmup = False
if options.lora:
    adapter = xllamacpp.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = options.lora, 1.0
    params.lora_adapters = [adapter]
server = xllamacpp.Server(params)


def completion(**request):
    found = []
    out = server.handle_completions({"stream": False, "cache_prompt": True, **request}, found.append)
    out = out if out is not None else found[-1]
    return out if isinstance(out, dict) else json.loads(out)


loss = 0.0
for place in range(1, len(ids)):
    answer = completion(
        prompt=ids[:place], n_predict=1, temperature=0, n_probs=100000, logprobs=100000, post_sampling_probs=False)
    rows = answer.get("completion_probabilities") or answer["choices"][0]["logprobs"]["content"]
    loss -= next(row["logprob"] for row in rows[0]["top_logprobs"] if row["id"] == ids[place])
loss /= len(ids) - 1
answer = completion(prompt=prompt, n_predict=options.tokens, max_tokens=options.tokens, temperature=0)
theirs = answer.get("content") or answer["choices"][0]["text"]
mine = own[: -1][len(prompt):] if own.startswith(prompt) else own[:-1]
ratio = math.exp(loss - result["loss"]) - 1
print(f"swiftdp {result['loss']:.6f} over {result['target_tokens']} tokens, llama.cpp {loss:.6f} over {len(ids) - 1}")
print(f"difference {loss - result['loss']:.2e}, perplexity {ratio:+.2e}; greedy text equal: {mine == theirs}")
if mine != theirs:
    print(repr(mine), repr(theirs), sep="\n")
sys.exit(0 if abs(ratio) < 1e-3 and mine == theirs else 1)
