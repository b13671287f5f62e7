"""Makes the fixtures of measures against forgetting: rows of text, and what a few steps of AdamW in PyTorch log with each
measure, on the policy of make_preference_fixtures.py.

    pip install torch transformers; python3 make_keep_fixtures.py
"""

import json
import pathlib

import torch
from transformers import AutoTokenizer, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
OUTPUT = HERE / "keep"
MODEL = HERE / "preferences" / "policy"
STEPS, BATCH, RATE, END = 4, 4, 1e-2, 1
CASES = {
    "ewc": {"ewc": 40.0},
    "l2_sp": {"l2_sp": 3.0},
    "kl_to_base": {"kl_to_base": 0.7},
    "all": {"ewc": 15.0, "l2_sp": 0.5, "kl_to_base": 0.3},
}


def rows(seed, count):
    generator = torch.Generator().manual_seed(seed)
    texts = []
    for _ in range(count):
        length = int(torch.randint(3, 12, (1,), generator=generator))
        texts.append(" ".join(f"w{int(token)}" for token in torch.randint(3, 40, (length,), generator=generator)))
    return texts


def logs(model, tokens):
    """The log-probabilities of all next tokens, [T - 1, V]."""
    return model(torch.tensor([tokens])).logits[0, :-1].double().log_softmax(-1)


def loss_sum(model, tokens):
    targets = torch.tensor(tokens[1:])
    return -logs(model, tokens).gather(1, targets[:, None]).sum()


def main():
    OUTPUT.mkdir(exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    texts = {"train": rows(1, STEPS * BATCH), "general": rows(2, 9)}
    tokens = {
        name: [tokenizer(text)["input_ids"] + [END] for text in all] for name, all in texts.items()
    }
    for name, all in texts.items():
        (OUTPUT / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in all))
    expected = {name: run(case, tokens) for name, case in CASES.items()}
    (OUTPUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def run(case, tokens):
    model = LlamaForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="eager")
    base = LlamaForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="eager")
    starts = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    fisher = {name: torch.zeros_like(parameter) for name, parameter in model.named_parameters()}
    for sequence in tokens["general"]:
        model.zero_grad()
        loss_sum(model, sequence).backward()
        for name, parameter in model.named_parameters():
            fisher[name] += parameter.grad**2 / len(tokens["general"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    steps = []
    for step in range(STEPS):
        batch = tokens["train"][step * BATCH : (step + 1) * BATCH]
        count = sum(len(sequence) - 1 for sequence in batch)
        data = sum(loss_sum(model, sequence) for sequence in batch) / count
        log = {"loss": data.item()}
        total = data
        if "kl_to_base" in case:
            divergence = 0
            for sequence in batch:
                with torch.no_grad():
                    wanted = logs(base, sequence)
                divergence = divergence + (wanted.exp() * (wanted - logs(model, sequence))).sum()
            divergence = divergence / count
            log["kl_to_base"] = divergence.item()
            total = total + case["kl_to_base"] * divergence
        differences = {name: parameter - starts[name] for name, parameter in model.named_parameters()}
        if "ewc" in case:
            penalty = case["ewc"] / 2 * sum((fisher[name] * d**2).sum() for name, d in differences.items())
            log["ewc"] = penalty.item()
            total = total + penalty
        if "l2_sp" in case:
            penalty = case["l2_sp"] / 2 * sum((d**2).sum() for d in differences.values())
            log["l2_sp"] = penalty.item()
            total = total + penalty
        optimizer.zero_grad()
        total.backward()
        log["grad_norm"] = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9).item()
        optimizer.step()
        steps.append(log)
    with torch.no_grad():
        general = sum(loss_sum(model, sequence).item() for sequence in tokens["general"])
        count = sum(len(sequence) - 1 for sequence in tokens["general"])
    return {"settings": case, "steps": steps, "general_loss": general / count}


if __name__ == "__main__":
    main()
