"""Optuna's TPESampler and RandomSampler on Branin and Hartmann6: src/training/search/goldens/optuna.json.

    benchmarks/.python/bin/python scripts/goldens/search.py
"""
import json
import math
from pathlib import Path

import numpy
import optuna

SEEDS = range(20)

A = numpy.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P = 1e-4 * numpy.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
ALPHA = numpy.array([1.0, 1.2, 3.0, 3.2])


def branin(trial):
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    b, c, t = 5.1 / (4 * math.pi**2), 5 / math.pi, 1 / (8 * math.pi)
    return (y - b * x * x + c * x - 6) ** 2 + 10 * (1 - t) * math.cos(x) + 10


def hartmann6(trial):
    x = numpy.array([trial.suggest_float(f"x{i}", 0, 1) for i in range(6)])
    return -float(ALPHA @ numpy.exp(-(A * (x - P) ** 2).sum(axis=1)))


def best(objective, trials, sampler):
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=trials)
    return study.best_value


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    result = {"optuna": optuna.__version__, "seeds": len(SEEDS)}
    for name, objective, trials in [("branin", branin, 60), ("hartmann6", hartmann6, 100)]:
        result[name] = {
            "trials": trials,
            "tpe": [best(objective, trials, optuna.samplers.TPESampler(seed=seed)) for seed in SEEDS],
            "random": [best(objective, trials, optuna.samplers.RandomSampler(seed=seed)) for seed in SEEDS],
        }
    path = Path(__file__).resolve().parents[2] / "src/training/search/goldens/optuna.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    for name in ("branin", "hartmann6"):
        print(name, {sampler: round(float(numpy.median(result[name][sampler])), 4) for sampler in ("tpe", "random")})
