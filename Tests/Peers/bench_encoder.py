"""Texts that sentence-transformers encodes a second on all cores, to compare with `swiftdp index build`, which says the same.

    python bench_encoder.py ENCODER passages.jsonl [--batch-size 32] [--repeat 2]
"""
import argparse
import json
import time

from sentence_transformers import SentenceTransformer

parser = argparse.ArgumentParser()
parser.add_argument("encoder")
parser.add_argument("passages")
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--repeat", type=int, default=2)
options = parser.parse_args()

with open(options.passages, encoding="utf-8") as file:
    texts = [json.loads(line)["text"] for line in file]
model = SentenceTransformer(options.encoder, device="cpu")
best = 0.0
for _ in range(options.repeat):
    start, used = time.monotonic(), time.process_time()
    model.encode(texts, batch_size=options.batch_size, normalize_embeddings=True)
    best = max(best, len(texts) / (time.monotonic() - start))
    used = time.process_time() - used
print(f"{len(texts)} texts, {best:.1f} texts/s; the last time {1000 * used / len(texts):.1f} processor seconds for 1,000 texts")
