#!/usr/bin/env python3
"""What TRL does with the same work: steps of DPO or GRPO of GPT-2 124M with random weights, on CPUs.

    python bench_trl.py write FOLDER --tokenizer FOLDER_OF_GPT2   # the model, pairs.jsonl and prompts.jsonl, for both sides
    python bench_trl.py dpo FOLDER --threads 2                    # 8 pairs of 64 + 128 tokens a step
    python bench_trl.py grpo FOLDER --threads 2                   # 64 answers of 128 tokens to prompts of 64

    mpirun -np 2 swiftdp train model=FOLDER/model data.train=FOLDER/pairs.jsonl data.sequence_length=192 \\
      task=preference training.batch_size=8 training.micro_batch_size=4 training.steps=4
    mpirun -np 2 swiftdp train model=FOLDER/model data.train=FOLDER/prompts.jsonl data.sequence_length=192 \\
      'task={name: grpo, num_generations: 8, max_completion_length: 128, rewards: [length]}' \\
      training.batch_size=64 training.micro_batch_size=8 training.steps=4

In a virtual environment with torch, transformers and trl. Prints one JSON object: the median of the seconds of a step,
without the first, and the peak resident memory.
"""
import argparse
import json
import os
import random
import resource
import time

WORDS = [" the", " cat", " saw", " a", " ship", " and", " sang", " of", " rain", " while", " old", " men", " slept"]


def write(options):
    import torch
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel
    torch.manual_seed(0)
    config = GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    GPT2LMHeadModel(config).save_pretrained(options.folder + "/model")
    tokenizer = AutoTokenizer.from_pretrained(options.tokenizer)
    tokenizer.save_pretrained(options.folder + "/model")
    draw = random.Random(0)
    text = lambda count: "".join(draw.choice(WORDS) for _ in range(count))
    assert len(tokenizer(text(64))["input_ids"]) == 64
    with open(options.folder + "/pairs.jsonl", "w") as pairs, open(options.folder + "/prompts.jsonl", "w") as prompts:
        for _ in range(256):
            prompt = text(64)
            pairs.write(json.dumps({"prompt": prompt, "chosen": text(127), "rejected": text(127)}) + "\n")
            prompts.write(json.dumps({"prompt": prompt, "completion": text(8)}) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["write", "dpo", "grpo"])
    parser.add_argument("folder")
    parser.add_argument("--tokenizer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    if options.what == "write":
        os.makedirs(options.folder, exist_ok=True)
        return write(options)
    import torch
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer
    torch.set_num_threads(options.threads)

    class Clock(TrainerCallback):
        seconds = []

        def on_step_begin(self, *_, **__):
            self.begin = time.time()

        def on_step_end(self, *_, **__):
            self.seconds.append(time.time() - self.begin)

    model = AutoModelForCausalLM.from_pretrained(options.folder + "/model", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(options.folder + "/model")
    tokenizer.pad_token = tokenizer.eos_token
    common = dict(output_dir="/tmp/trl", max_steps=options.steps, use_cpu=True, bf16=False, report_to=[],
                  save_strategy="no", logging_strategy="no", disable_tqdm=True, gradient_checkpointing=False)
    file = {"dpo": "pairs", "grpo": "prompts"}[options.what]
    rows = load_dataset("json", data_files=f"{options.folder}/{file}.jsonl", split="train")
    if options.what == "dpo":
        trainer = DPOTrainer(model=model, args=DPOConfig(per_device_train_batch_size=8, max_length=192, **common),
                             train_dataset=rows, processing_class=tokenizer, callbacks=[Clock()])
    else:
        trainer = GRPOTrainer(
            model=model, args=GRPOConfig(per_device_train_batch_size=64, num_generations=8, max_completion_length=128,
                                         temperature=1.0, beta=0.0, **common),
            reward_funcs=lambda completions, **_: [float(len(c) % 7) for c in completions],
            train_dataset=rows.remove_columns("completion"), processing_class=tokenizer, callbacks=[Clock()])
    # Generation counts as a part of the step, though it runs before the step is said to begin.
    begin = time.time()
    trainer.train()
    whole = (time.time() - begin) / options.steps
    seconds = sorted(Clock.seconds[1:])
    print(json.dumps({"what": options.what, "seconds_median": seconds[len(seconds) // 2], "seconds_all": whole,
                      "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}))


if __name__ == "__main__":
    main()
