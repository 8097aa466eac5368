"""Twenty steps of PyTorch's optimizers on three small parameters: src/engine/goldens/optimizers.json.

    benchmarks/.python/bin/python scripts/goldens/optimizers.py

Weights and gradients are fractions of whole numbers, so that the test makes the same bits: see `fractions`.
"""
import json
from pathlib import Path

import numpy as np
import torch

STEPS, NORM = 20, 0.25
SHAPES = {"matrix": (8, 6), "bias": (6,), "table": (10, 4)}
RATES = {"matrix": 1.0, "bias": 0.5, "table": 2.0}


def fractions(count, salt):
    return (((np.arange(count) * 7919 + salt * 104729) % 1009) / 1009 - 0.5).astype(np.float32)


def gradients(step):
    """Of the table only two rows have a gradient; they may be the same, and then add up."""
    made = {name: fractions(int(np.prod(shape)), 10 * step + k).reshape(shape) for k, (name, shape) in enumerate(SHAPES.items())}
    table = np.zeros(SHAPES["table"], np.float32)
    for i, row in enumerate(((3 * step) % 10, (7 * step + 1) % 10)):
        table[row] += made["table"][i]
    return {**made, "table": table}


CASES = [
    ("adamw", {}, 0.0),
    ("adamw", {}, 0.1),
    ("adamw", {"betas": (0.8, 0.95), "eps": 1e-6}, 0.1),
    ("sgd", {}, 0.0),
    ("sgd", {}, 0.1),
    ("sgd", {"momentum": 0.9}, 0.0),
    ("sgd", {"momentum": 0.9}, 0.1),
    ("sgd", {"momentum": 0.9, "dampening": 0.3}, 0.1),
    ("sgd", {"momentum": 0.9, "nesterov": True}, 0.0),
    ("sgd", {"momentum": 0.8, "nesterov": True}, 0.1),
]


def run(name, kwargs, decay):
    weights = {k: torch.nn.Parameter(torch.tensor(fractions(int(np.prod(s)), 1000 + i).reshape(s))) for i, (k, s) in enumerate(SHAPES.items())}
    rate = 0.01
    groups = [
        {"params": [weight], "lr": rate * RATES[k], "weight_decay": 0.0 if k == "bias" else decay} for k, weight in weights.items()
    ]
    make = torch.optim.AdamW if name == "adamw" else torch.optim.SGD
    optimizer = make(groups, **kwargs)
    norms = []
    for step in range(1, STEPS + 1):
        for k, gradient in gradients(step).items():
            weights[k].grad = torch.tensor(gradient)
        norms.append(float(torch.nn.utils.clip_grad_norm_(weights.values(), NORM)))
        optimizer.step()
    state = {
        k: {key: value.flatten().tolist() for key, value in optimizer.state[weight].items() if key != "step" and value is not None}
        for k, weight in weights.items()
    }
    return {"name": name, "kwargs": kwargs, "weightDecay": decay, "norms": norms, "weights": {k: w.detach().flatten().tolist() for k, w in weights.items()}, "state": state}


def rounded(value):
    """Nine digits tell float32 numbers apart."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, (list, tuple)) else value


target = Path(__file__).parents[2] / "src/engine/goldens/optimizers.json"
target.parent.mkdir(exist_ok=True)
cases = [rounded(run(*case)) for case in CASES]
target.write_text(json.dumps({"steps": STEPS, "norm": NORM, "rate": 0.01, "cases": cases}) + "\n")
print(len(cases), "cases")
