"""Learning rates of PyTorch's ReduceLROnPlateau over random metrics: src/training/goldens/plateau.json.

    benchmarks/.python/bin/python scripts/goldens/plateau.py
"""
import json
import random
from pathlib import Path

import torch
from transformers import get_scheduler

LEARNING_RATE, EVALUATIONS, CASES = 1e-3, 50, 40
random.seed(7)


def metrics():
    """A walk that falls or rises, with plateaus, repeated values and now and then no number at all."""
    value, drift = random.uniform(-2, 2), random.uniform(-0.1, 0.1)
    found = []
    for _ in range(EVALUATIONS):
        kind = random.random()
        if kind < 0.05:
            found.append(None)
            continue
        if kind < 0.7:
            value += drift + random.gauss(0, 0.05)
        found.append(round(value, 4))
    return found


def options():
    chosen = {
        "mode": random.choice(["min", "max"]),
        "factor": random.choice([0.0, 0.1, 0.3, 0.5, 0.9]),
        "patience": random.choice([0, 1, 2, 5, 10]),
        "threshold": random.choice([0.0, 1e-4, 0.01, 0.1]),
        "threshold_mode": random.choice(["rel", "abs"]),
        "cooldown": random.choice([0, 1, 3]),
        "min_lr": random.choice([0.0, 1e-5, 2e-4]),
        "eps": random.choice([1e-8, 1e-5, 0.0]),
    }
    return {name: value for name, value in chosen.items() if random.random() < 0.7}


def rates(sequence, kwargs):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LEARNING_RATE)
    scheduler = get_scheduler("reduce_lr_on_plateau", optimizer, scheduler_specific_kwargs=kwargs)
    found = []
    for metric in sequence:
        scheduler.step(float("nan") if metric is None else metric)
        found.append(optimizer.param_groups[0]["lr"])
    return found


cases = []
for _ in range(CASES):
    sequence, kwargs = metrics(), options()
    cases.append({"kwargs": kwargs, "metrics": sequence, "rates": rates(sequence, kwargs)})
target = Path(__file__).parents[2] / "src/training/goldens/plateau.json"
target.write_text(json.dumps({"learningRate": LEARNING_RATE, "cases": cases}) + "\n")
print(len(cases), "cases,", sum(case["rates"][-1] < LEARNING_RATE for case in cases), "with reductions")
