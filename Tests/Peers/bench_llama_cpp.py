#!/usr/bin/env python3
"""What llama.cpp does with the work of `swiftdp bench generate`: greedy, no early stop, one text at a time and many at once.

    pip install llama-cpp-python            # built on the machine that is measured
    swiftdp export --model GPT2_FOLDER --gguf gpt2.gguf --type f16      # or q8_0
    python bench_llama_cpp.py gpt2.gguf --threads 2

Prints one JSON line: tokens/s of one text and of a batch, prompts included and after them, the best of some repetitions.
"""

import argparse
import ctypes
import json
import time

import llama_cpp
import numpy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    flags = parser.parse_args()

    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(
        flags.model.encode(), llama_cpp.llama_model_default_params())
    assert model, "the model cannot be loaded"
    vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    draw = numpy.random.default_rng(0)

    def run(count):
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = count * (flags.length + flags.new)
        parameters.n_batch = parameters.n_ubatch = max(count * flags.length, 32)
        parameters.n_seq_max = count
        parameters.n_threads = parameters.n_threads_batch = flags.threads
        context = llama_cpp.llama_init_from_model(model, parameters)
        assert context, "no context"
        batch = llama_cpp.llama_batch_init(count * flags.length, 0, 1)
        prompts = draw.integers(0, vocabulary, (count, flags.length))

        def decode(tokens, position):
            """tokens: [count, n]; the next token of each."""
            number = 0
            for sequence in range(count):
                for place in range(tokens.shape[1]):
                    batch.token[number] = int(tokens[sequence, place])
                    batch.pos[number] = position + place
                    batch.n_seq_id[number] = 1
                    batch.seq_id[number][0] = sequence
                    batch.logits[number] = place == tokens.shape[1] - 1
                    number += 1
            batch.n_tokens = number
            assert llama_cpp.llama_decode(context, batch) == 0
            found = []
            for sequence in range(count):
                logits = llama_cpp.llama_get_logits_ith(context, (sequence + 1) * tokens.shape[1] - 1)
                found.append(numpy.ctypeslib.as_array(
                    ctypes.cast(logits, ctypes.POINTER(ctypes.c_float)), (vocabulary,)).argmax())
            return numpy.array(found)[:, None]

        start = time.monotonic()
        tokens = decode(prompts, 0)
        first = time.monotonic()
        for step in range(flags.new - 1):
            tokens = decode(tokens, flags.length + step)
        end = time.monotonic()
        llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(context)
        return count * flags.new / (end - start), count * (flags.new - 1) / (end - first)

    run(1)
    single = max(run(1) for _ in range(flags.repetitions))
    many = max(run(flags.batch) for _ in range(flags.repetitions))
    print(json.dumps({
        "peer": "llama.cpp", "model": flags.model, "threads": flags.threads, "batch": flags.batch,
        "length": flags.length, "new": flags.new, "single_tokens_per_second": round(single[0], 1),
        "single_after_prompt": round(single[1], 1), "tokens_per_second": round(many[0], 1),
        "after_prompts": round(many[1], 1), "llama_cpp": llama_cpp.__version__,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
