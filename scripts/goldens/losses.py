"""Losses and gradients of PyTorch's cross-entropy with class weights and label smoothing, some labels ignored, and of
transformers' LabelSmoother: src/nn/goldens/losses.json.

    benchmarks/.python/bin/python scripts/goldens/losses.py
"""
import itertools
import json
from pathlib import Path

import torch
from transformers.trainer_pt_utils import LabelSmoother

ROWS, CLASSES = 7, 4
generator = torch.Generator().manual_seed(5)
logits = torch.randn(ROWS, CLASSES, dtype=torch.float64, generator=generator)
labels = torch.tensor([2, 0, -100, 3, 1, 1, -100])
weights = torch.tensor([0.5, 2.0, 1.25, 0.0], dtype=torch.float64)


def case(kind, smoothing, weight, loss_of):
    given = logits.clone().requires_grad_()
    loss = loss_of(given)
    loss.backward()
    return {"kind": kind, "labelSmoothing": smoothing, "classWeights": weight, "loss": loss.item(), "gradient": given.grad.flatten().tolist()}


cases = [
    case(
        "torch", smoothing, None if weight is None else weight.tolist(),
        lambda x: torch.nn.functional.cross_entropy(x, labels, weight=weight, label_smoothing=smoothing),
    )
    for smoothing, weight in itertools.product((0.0, 0.1, 1.0), (None, weights))
]
cases += [
    case("transformers", smoothing, None, lambda x: LabelSmoother(epsilon=smoothing)({"logits": x}, labels))
    for smoothing in (0.1, 0.3)
]
target = Path(__file__).parents[2] / "src/nn/goldens/losses.json"
target.parent.mkdir(exist_ok=True)
target.write_text(json.dumps({"logits": logits.flatten().tolist(), "labels": labels.tolist(), "classes": CLASSES, "cases": cases}) + "\n")
print(len(cases), "cases")
