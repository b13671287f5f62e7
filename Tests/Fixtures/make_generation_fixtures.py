#!/usr/bin/env python3
"""Makes generation.json: what `generate(do_sample=False)` of transformers answers, for models of `parity` and adapters.

    OMP_NUM_THREADS=1 python make_generation_fixtures.py [OUTPUT]

Prompts are of unequal length, and are answered in one batch, padded on the left. A case has an end of text that some
answers reach; `gap` is the least distance between the two largest logits of all steps, so that it shows whether another
order of additions may choose another token.
"""

import json
import sys
from pathlib import Path

import peft
import torch
import transformers
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
COUNT = 20
CASES = [
    ("gpt2-tiny", None), ("gpt2-odd", None), ("llama-tiny", None), ("llama-bias", None),
    ("llama-tiny", "llama-all"), ("gpt2-tiny", "gpt2-all"),
    ("llama-bias", "llama-dora"), ("gpt2-tiny", "gpt2-dora"),
]  # fmt: skip


def answer(model, prompts, ends):
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    result = model.generate(
        ids, attention_mask=mask, do_sample=False, max_new_tokens=COUNT, pad_token_id=0, eos_token_id=ends or None,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    answers, gaps = [], []
    for row, tokens in enumerate(result.sequences[:, longest:].tolist()):
        kept = []
        for step, token in enumerate(tokens):
            top = result.scores[step][row].topk(2).values
            gaps.append(float(top[0] - top[1]))
            if token in ends:
                break
            kept.append(token)
        answers.append(kept)
    return answers, min(gaps)


def main():
    torch.manual_seed(7)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "generation.json"
    cases = []
    for name, adapter in CASES:
        model = AutoModelForCausalLM.from_pretrained(HERE / "parity" / name, dtype=torch.float32)
        if adapter:
            model = peft.PeftModel.from_pretrained(model, HERE / "adapters" / adapter)
        model.eval()
        model.generation_config.eos_token_id = None
        vocabulary = model.config.vocab_size
        prompts = [torch.randint(3, vocabulary, (count,)).tolist() for count in (1, 7, 3, 12, 2, 7, 5)]
        free, gap = answer(model, prompts, [])
        # A token that ends some answers early and others not.
        ends = [max(set(sum(free, [])), key=lambda t: (sum(t in a[2:] for a in free) % len(free), t))]
        ended, _ = answer(model, prompts, ends)
        assert {len(a) == COUNT for a in ended} == {True, False}, name
        cases.append({
            "model": name, "adapter": adapter, "prompts": prompts, "answers": free, "gap": gap, "ends": ends,
            "ended": ended,
        })  # fmt: skip
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
    lines = ",\n".join(map(json.dumps, cases))
    output.write_text(f'{{"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n]}}\n')
    for case in cases:
        print(case["model"], case["adapter"], case["gap"], [len(a) for a in case["ended"]])


if __name__ == "__main__":
    main()
