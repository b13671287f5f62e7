"""Makes distillation.json: what a few steps of AdamW in PyTorch log when the policy of make_preference_fixtures.py learns
from the reference there, on the rows of make_keep_fixtures.py.

    pip install torch transformers; python3 make_distillation_fixtures.py
"""

import json

import torch
from make_keep_fixtures import BATCH, END, HERE, MODEL, OUTPUT, RATE, STEPS, loss_sum
from transformers import AutoTokenizer, LlamaForCausalLM

CASES = [
    {"loss": "kl", "alpha": 0.7, "temperature": 2.0},
    {"loss": "reverse_kl", "alpha": 0.4, "temperature": 1.5},
    {"loss": "mse", "alpha": 0.2},
    {"loss": "hidden", "alpha": 0.6},
    {"loss": "jsd", "alpha": 0.8, "temperature": 0.9, "beta": 0.3},
]


def logits(model, tokens):
    return model(torch.tensor([tokens])).logits[0, :-1].double()


def hidden(model, tokens):
    return model.model(torch.tensor([tokens])).last_hidden_state[0, :-1].double()


def divergence(case, student, teacher):
    if case["loss"] in ("mse", "hidden"):
        return ((student - teacher) ** 2).mean(-1).sum(), 1
    temperature = case["temperature"]
    p, q = (student / temperature).log_softmax(-1), (teacher / temperature).log_softmax(-1)
    if case["loss"] == "jsd":
        beta = torch.tensor(case["beta"], dtype=torch.float64)
        m = torch.logsumexp(torch.stack([p + torch.log1p(-beta), q + torch.log(beta)]), 0)
        terms = beta * q.exp() * (q - m) + (1 - beta) * p.exp() * (p - m)
        return terms.sum(), temperature**2
    terms = q.exp() * (q - p) if case["loss"] == "kl" else p.exp() * (p - q)
    return terms.sum(), temperature**2


def run(case, sequences):
    load = lambda folder: LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    model, teacher = load(MODEL), load(HERE / "preferences" / "reference")
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    compared = hidden if case["loss"] == "hidden" else logits
    steps = []
    for step in range(STEPS):
        batch = sequences[step * BATCH : (step + 1) * BATCH]
        count = sum(len(sequence) - 1 for sequence in batch)
        hard = sum(loss_sum(model, sequence) for sequence in batch) / count
        soft = 0
        for sequence in batch:
            with torch.no_grad():
                wanted = compared(teacher, sequence)
            value, scale = divergence(case, compared(model, sequence), wanted)
            soft = soft + value / count
        total = (1 - case["alpha"]) * hard + case["alpha"] * scale * soft
        optimizer.zero_grad()
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9).item()
        optimizer.step()
        steps.append({"loss": total.item(), "hard_loss": hard.item(), "soft_loss": soft.item(), "grad_norm": norm})
    return {"settings": case, "steps": steps}


tokenizer = AutoTokenizer.from_pretrained(MODEL)
rows = [json.loads(line)["text"] for line in (OUTPUT / "train.jsonl").read_text().splitlines()]
sequences = [tokenizer(text)["input_ids"] + [END] for text in rows]
(HERE / "distillation.json").write_text(json.dumps([run(case, sequences) for case in CASES], indent=1) + "\n")
