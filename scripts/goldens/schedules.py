"""Learning rates of transformers' schedules, step by step: src/training/goldens/schedules.json.

    benchmarks/.python/bin/python scripts/goldens/schedules.py
"""
import json
from pathlib import Path

import torch
from transformers import get_scheduler

LEARNING_RATE, TOTAL = 1e-3, 20

CASES = [
    ("linear", {}),
    ("cosine", {}),
    ("cosine", {"num_cycles": 1.5}),
    ("cosine_with_restarts", {}),
    ("cosine_with_restarts", {"num_cycles": 3}),
    ("polynomial", {}),
    ("polynomial", {"lr_end": 1e-4, "power": 2.5}),
    ("constant", {}),
    ("constant_with_warmup", {}),
    ("inverse_sqrt", {}),
    ("inverse_sqrt", {"timescale": 7}),
    ("cosine_with_min_lr", {"min_lr": 1e-4}),
    ("cosine_with_min_lr", {"min_lr_rate": 0.25, "num_cycles": 1.0}),
    ("cosine_warmup_with_min_lr", {"min_lr": 1e-4}),
    ("cosine_warmup_with_min_lr", {"min_lr_rate": 0.1, "warmup_lr_rate": 0.2}),
    ("warmup_stable_decay", {"num_decay_steps": 5}),
    (
        "warmup_stable_decay",
        {"num_decay_steps": 6, "num_stable_steps": 4, "min_lr_ratio": 0.1, "warmup_type": "cosine", "decay_type": "linear"},
    ),
    ("warmup_stable_decay", {"num_decay_steps": 8, "warmup_type": "1-sqrt", "decay_type": "1-sqrt", "min_lr_ratio": 0.05}),
]


def rates(name, kwargs, warmup):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LEARNING_RATE)
    scheduler = get_scheduler(name, optimizer, warmup, TOTAL, kwargs)
    found = [scheduler.get_last_lr()[0]]
    for _ in range(TOTAL):
        optimizer.step()
        scheduler.step()
        found.append(scheduler.get_last_lr()[0])
    return found


cases = [
    {"name": name, "kwargs": kwargs, "warmup": warmup, "rates": rates(name, kwargs, warmup)}
    for name, kwargs in CASES
    for warmup in (0, 1, 5)
]
target = Path(__file__).parents[2] / "src/training/goldens/schedules.json"
target.parent.mkdir(exist_ok=True)
target.write_text(json.dumps({"learningRate": LEARNING_RATE, "total": TOTAL, "cases": cases}) + "\n")
print(len(cases), "cases")
