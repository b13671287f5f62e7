"""Trains a classifier of sentences or of words with transformers' Trainer, at the settings of docs/tasks.md.

    python train_task.py sst2 --model all-MiniLM-L6-v2 --train train.tsv --validation dev.tsv --seed 0
    python train_task.py wnut17 --model all-MiniLM-L6-v2 --train train.conll --validation dev.conll --seed 0

In a virtual environment with torch, transformers, accelerate, datasets, seqeval. Prints one JSON object: accuracy or
entity F1 on the validation file, samples/s of training, and the peak resident memory.
"""
import argparse
import json
import resource
import time

import numpy as np
import torch
from seqeval.metrics import f1_score
from torch.utils.data import Dataset
from transformers import (AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer,
                          DataCollatorForTokenClassification, DataCollatorWithPadding, Trainer, TrainingArguments)


class Rows(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def sentences(path, tokenizer, length, padding):
    rows = []
    for line in open(path, encoding="utf-8"):
        text, label = line.rstrip("\n").split("\t")
        rows.append(dict(tokenizer(text, truncation=True, max_length=length, padding=padding), labels=int(label)))
    return rows


def words(path):
    """Sentences as lists of (word, label)."""
    sentence, all = [], []
    for line in open(path, encoding="utf-8"):
        if line.strip():
            columns = line.split()
            sentence.append((columns[0], columns[-1]))
        elif sentence:
            all.append(sentence)
            sentence = []
    return all + ([sentence] if sentence else [])


def word_rows(path, tokenizer, length, padding, labels):
    rows = []
    for sentence in words(path):
        row = tokenizer([word for word, _ in sentence], is_split_into_words=True, truncation=True, max_length=length,
                        padding=padding)
        before, targets = None, []
        for place in row.word_ids():
            targets.append(-100 if place is None or place == before else labels.index(sentence[place][1]))
            before = place
        rows.append(dict(row, labels=targets))
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["sst2", "wnut17"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--validation", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--lora", type=int, default=0, help="train LoRA of this rank by PEFT, and the head")
    parser.add_argument("--steps", type=int, default=-1, help="instead of epochs")
    parser.add_argument("--warm-up", type=int, default=40)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--pad", choices=["longest", "max_length"], default="longest",
                        help="of a batch, or all to --length as run_glue.py does by default")
    parser.add_argument("--sampling", choices=["random", "group_by_length"], default="random",
                        help="the Trainer's train_sampling_strategy; swiftdp groups by length")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    padding = "max_length" if options.pad == "max_length" else False
    if options.task == "sst2":
        read = lambda path: sentences(path, tokenizer, options.length, padding)
        model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2)
        collator = DataCollatorWithPadding(tokenizer)
        measure = lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())}
    else:
        labels = sorted({label for path in (options.train, options.validation) for sentence in words(path)
                         for _, label in sentence})
        read = lambda path: word_rows(path, tokenizer, options.length, padding, labels)
        model = AutoModelForTokenClassification.from_pretrained(options.model, num_labels=len(labels))
        collator = DataCollatorForTokenClassification(tokenizer)

        def measure(p):
            best = p.predictions.argmax(-1)
            true = [[labels[t] for t in row if t >= 0] for row in p.label_ids]
            found = [[labels[b] for b, t in zip(row, targets) if t >= 0] for row, targets in zip(best, p.label_ids)]
            return {"entity_f1": float(f1_score(true, found))}

    if options.lora:
        from peft import LoraConfig, get_peft_model
        model = get_peft_model(model, LoraConfig(
            r=options.lora, lora_alpha=options.lora, target_modules=["query", "key", "value", "dense"],
            exclude_modules=".*pooler.*", modules_to_save=["classifier"]))
    arguments = TrainingArguments(
        output_dir="/tmp/trainer", per_device_train_batch_size=32, per_device_eval_batch_size=64,
        num_train_epochs=options.epochs, max_steps=options.steps, learning_rate=options.rate, lr_scheduler_type="linear",
        warmup_steps=options.warm_up, weight_decay=0.01, seed=options.seed, save_strategy="no", report_to=[], use_cpu=True,
        logging_strategy="no", disable_tqdm=True, train_sampling_strategy=options.sampling)
    trainer = Trainer(model=model, args=arguments, train_dataset=Rows(read(options.train)),
                      eval_dataset=Rows(read(options.validation)), data_collator=collator, compute_metrics=measure,
                      processing_class=tokenizer)
    begin = time.time()
    result = trainer.train()
    seconds = time.time() - begin
    scores = trainer.evaluate()
    print(json.dumps({
        "task": options.task, "seed": options.seed, "pad": options.pad, "sampling": options.sampling,
        **{name[5:]: value for name, value in scores.items() if name in ("eval_loss", "eval_accuracy", "eval_entity_f1")},
        "samples_per_second": result.global_step * 32 / seconds,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }))


if __name__ == "__main__":
    main()
