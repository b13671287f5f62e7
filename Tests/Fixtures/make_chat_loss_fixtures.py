"""Losses of the shipped base on chats, by transformers and PyTorch, for ChatLossTests.

    python make_chat_loss_fixtures.py

Masks are those of `return_assistant_tokens_mask` with the shipped templates; the mean is over the tokens that carry a
loss, of each source and of both together.
"""
import json
import os

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

here = os.path.dirname(os.path.abspath(__file__))
base = os.path.join(here, "../../Sources/swiftdp/Shipped/base")
templates = os.path.join(here, "../../Sources/Templates/Shipped")
folder = os.path.join(here, "chat_losses")

dialogues = [
    [("user", "Who is there?"), ("assistant", "A friend to this ground.")],
    [("system", "Answer in one word."), ("user", "What is the king's name?"), ("assistant", "Henry.")],
    [
        ("user", "Give me your hand."), ("assistant", "There, my lord."), ("user", "And your heart?"),
        ("assistant", "That too, with all the “love” that a poor man has – naïve as it is."),
    ],
    [("user", "Speak"), ("assistant", "")],
]
others = [
    [("user", "first letter of dog?"), ("assistant", " d")],
    [("user", "uppercase tin?"), ("assistant", " TIN"), ("user", "and tin?"), ("assistant", " TIN")],
    [("user", "path ends with?"), ("assistant", " h")],
    [("user", "opposite of hot?"), ("assistant", " cold")],
]


def rows(chats):
    return [{"messages": [{"role": r, "content": c} for r, c in chat]} for chat in chats]


tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
sums = {}
for name, template, chats in [("plays", "chatml", dialogues), ("tasks", "zephyr", others)]:
    with open(os.path.join(folder, name + ".jsonl"), "w") as file:
        for row in rows(chats):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    text = open(os.path.join(templates, template + ".jinja")).read()
    total, count = 0.0, 0
    for row in rows(chats):
        encoded = tokenizer.apply_chat_template(
            row["messages"], chat_template=text, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        ids = torch.tensor(encoded["input_ids"]).reshape(1, -1)
        mask = torch.tensor(encoded["assistant_masks"]).reshape(1, -1)
        with torch.no_grad():
            logits = model(ids).logits
        losses = F.cross_entropy(logits[0, :-1].double(), ids[0, 1:], reduction="none")
        total += float((losses * mask[0, 1:]).sum())
        count += int(mask[0, 1:].sum())
    sums[name] = (total, count)
expected = {name: {"loss": total / count, "target_tokens": count} for name, (total, count) in sums.items()}
expected["all"] = sum(t for t, _ in sums.values()) / sum(c for _, c in sums.values())
json.dump(expected, open(os.path.join(folder, "expected.json"), "w"), indent=1)
print(expected)
