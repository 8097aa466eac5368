"""Scores by scikit-learn and SciPy on random and on degenerate inputs: what src/metrics is held against.

Run: python scripts/goldens/metrics.py > src/metrics/goldens/metrics.json
"""

import json
import math
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics as sk

warnings.simplefilter("ignore")
random = np.random.default_rng(7)


def number(value):
    """JSON has no NaN: null stands for it."""
    value = float(value)
    return None if math.isnan(value) else value


def classification(name, references, predictions):
    references, predictions = np.array(references), np.array(predictions)
    labels = sorted(set(references.tolist()) | set(predictions.tolist()))
    averages = ["micro", "macro", "weighted"] + (["binary"] if set(labels) <= {0, 1} else [])
    case = {
        "name": name,
        "references": references.tolist(),
        "predictions": predictions.tolist(),
        "accuracy": number(sk.accuracy_score(references, predictions)),
        "matthews": number(sk.matthews_corrcoef(references, predictions)),
        "labels": labels,
        "matrix": sk.confusion_matrix(references, predictions, labels=labels).tolist(),
        "averages": [],
    }
    for zero, key in [(0, 0), (1, 1), (np.nan, None)]:
        for average in averages:
            p, r, f, _ = sk.precision_recall_fscore_support(
                references, predictions, average=average, zero_division=zero
            )
            scores = {"precision": number(p), "recall": number(r), "f1": number(f)}
            case["averages"].append({"average": average, "zeroDivision": key, "labels": None, **scores})
        p, r, f, s = sk.precision_recall_fscore_support(
            references, predictions, average=None, labels=labels, zero_division=zero
        )
        each = {"precision": p, "recall": r, "f1": f}
        case["averages"].append(
            {"average": None, "zeroDivision": key, "labels": None, "support": s.tolist()}
            | {key: [number(v) for v in values] for key, values in each.items()}
        )
    # Some classes only, as for entities without "O"; class 9 never occurs.
    for subset in [labels[1:], [labels[0], 9]]:
        if not subset:
            continue
        for average in ["micro", "macro", "weighted"]:
            p, r, f, _ = sk.precision_recall_fscore_support(
                references, predictions, average=average, labels=subset, zero_division=0
            )
            scores = {"precision": number(p), "recall": number(r), "f1": number(f)}
            case["averages"].append({"average": average, "zeroDivision": 0, "labels": subset, **scores})
    return case


def regression(name, references, predictions):
    references, predictions = np.array(references, float), np.array(predictions, float)
    return {
        "name": name,
        "references": references.tolist(),
        "predictions": predictions.tolist(),
        "pearson": number(stats.pearsonr(predictions, references)[0]),
        "spearmanr": number(stats.spearmanr(predictions, references)[0]),
        "mse": number(sk.mean_squared_error(references, predictions)),
        "rmse": number(sk.root_mean_squared_error(references, predictions)),
        "mae": number(sk.mean_absolute_error(references, predictions)),
    }


def classes(count, rows, right):
    references = random.integers(0, count, rows)
    wrong = random.integers(0, count, rows)
    return references, np.where(random.random(rows) < right, references, wrong)


def scores(rows, noise, offset=0.0, digits=6):
    references = random.random(rows) * 5 + offset
    return references.round(digits), (references + noise * random.standard_normal(rows)).round(digits)


table = {
    "classification": [
        classification("two classes", *classes(2, 60, 0.7)),
        classification("two classes, nearly all right", *classes(2, 60, 0.97)),
        classification("five classes", *classes(5, 80, 0.5)),
        classification("one class only, all right", [1, 1, 1], [1, 1, 1]),
        classification("zeros only, all right", [0, 0], [0, 0]),
        classification("one class predicted", [0, 1, 0, 1, 1], [1, 1, 1, 1, 1]),
        classification("one class true", [0, 0, 0], [0, 1, 1]),
        classification("all wrong", [0, 1, 0, 1], [1, 0, 1, 0]),
        classification("one row", [1], [1]),
        classification("a class never predicted, another never true", [0, 1, 2, 2, 1], [0, 1, 1, 3, 1]),
    ],
    "regression": [
        regression("near", *scores(50, 0.5)),
        regression("far", *scores(50, 4.0)),
        regression("ties", *scores(60, 1.0, digits=0)),
        regression("a large offset", *scores(50, 0.5, offset=1e6)),
        regression("equal", [1, 2, 3], [1, 2, 3]),
        regression("opposite", [1, 2, 3], [3, 2, 1]),
        regression("constant predictions", [1, 2, 3], [2, 2, 2]),
        regression("constant references", [2, 2, 2], [1, 2, 3]),
        regression("two rows", [1, 2], [5, 4]),
    ],
}
print(json.dumps(table, separators=(",", ":")))
