"""ROC-AUC, average precision, log loss and calibration error by scikit-learn on random scores: what src/metrics is held against.

Run: python scripts/goldens/metrics_scores.py > src/metrics/goldens/scores.json
"""

import json
import math
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

warnings.simplefilter("ignore")
random = np.random.default_rng(13)


def number(value):
    """JSON has no NaN: null stands for it."""
    value = float(value)
    return None if math.isnan(value) else value


def calibration(probabilities, truths, bins):
    """The expected and largest calibration error from scikit-learn's curve of (confidence, right)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truths
    accuracy, mean = calibration_curve(right, confidence, n_bins=bins)
    # The curve leaves empty bins out and gives no counts.
    edges = np.linspace(0, 1, bins + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=bins)
    gaps = np.abs(accuracy - mean)
    return {"bins": bins, "ece": number(np.sum(gaps * counts[counts > 0]) / len(truths)), "mce": number(gaps.max())}


def probabilities(rows, classes, truths, skill, digits):
    logits = random.standard_normal((rows, classes))
    logits[np.arange(rows), truths] += skill
    exp = np.exp(logits * 1.5)
    table = (exp / exp.sum(axis=1, keepdims=True)).round(digits)
    largest = np.arange(rows), table.argmax(axis=1)
    table[largest] = (table[largest] + 1 - table.sum(axis=1)).round(digits)
    assert table.min() >= 0 and table.max() <= 1
    return table


def binary(name, rows, skill, digits=6):
    truths = random.integers(0, 2, rows)
    table = probabilities(rows, 2, truths, skill, digits)
    score = table[:, 1]
    return {
        "name": name,
        "truths": truths.tolist(),
        "scores": score.tolist(),
        "roc_auc": number(sk.roc_auc_score(truths, score)),
        "average_precision": number(sk.average_precision_score(truths, score)),
        "log_loss": number(sk.log_loss(truths, table, labels=[0, 1])),
        "calibration": [calibration(np.stack([1 - score, score], 1), truths, bins) for bins in (15, 10, 1)],
    }


def classes(name, rows, count, skill, digits=6, present=None):
    truths = random.integers(0, present or count, rows)
    table = probabilities(rows, count, truths, skill, digits)
    labels = list(range(count))
    onehot = np.eye(count, dtype=int)[truths]
    return {
        "name": name,
        "truths": truths.tolist(),
        "scores": table.tolist(),
        "roc_auc": {
            average: number(sk.roc_auc_score(truths, table, multi_class="ovr", average=average, labels=labels))
            for average in ("macro", "weighted", "micro")
        },
        "average_precision": {
            average: number(sk.average_precision_score(onehot, table, average=average))
            for average in ("macro", "weighted", "micro")
        },
        "log_loss": number(sk.log_loss(truths, table, labels=labels)),
        "calibration": [calibration(table, truths, bins) for bins in (15, 10)],
    }


def labels(name, rows, count, skill, digits=6, share=0.4, empty=None, mixed=False):
    truths = (random.random((rows, count)) < share).astype(int)
    if empty is not None:
        truths[:, empty] = 0
    if mixed:
        truths[:, 0], truths[:, 1] = 1, 0
        truths[: rows // 2, :2] = 1 - truths[: rows // 2, :2]
    scores = (random.standard_normal((rows, count)) + skill * truths).round(digits)
    averages = ("macro", "weighted", "micro", "samples")
    return {
        "name": name,
        "truths": truths.tolist(),
        "scores": scores.tolist(),
        "roc_auc": {average: number(sk.roc_auc_score(truths, scores, average=average)) for average in averages},
        "average_precision": {
            average: number(sk.average_precision_score(truths, scores, average=average)) for average in averages
        },
    }


def several(name, truths, predictions):
    """Precision, recall and F1 of several labels at once."""
    cases = []
    for zero, key in [(0, 0), (1, 1), (np.nan, None)]:
        for average in ("micro", "macro", "weighted", "samples", None):
            for subset in (None, [0, 2]):
                if subset and average is None:
                    continue
                p, r, f, s = sk.precision_recall_fscore_support(
                    truths, predictions, average=average, zero_division=zero, labels=subset
                )
                scores = {"precision": p, "recall": r, "f1": f}
                cases.append(
                    {"average": average, "zeroDivision": key, "labels": subset}
                    | {k: number(v) if average else [number(x) for x in v] for k, v in scores.items()}
                    | ({} if average else {"support": s.tolist()})
                )
    return {
        "name": name,
        "truths": truths.tolist(),
        "predictions": predictions.tolist(),
        "accuracy": number(sk.accuracy_score(truths, predictions)),
        "averages": cases,
    }


def flipped(rows, count, share, flips):
    truths = (random.random((rows, count)) < share).astype(int)
    return truths, np.where(random.random((rows, count)) < flips, 1 - truths, truths)


def with_empty(pair, column):
    truths, predictions = pair
    truths[:, column] = 0
    predictions[:, column] = 0
    return truths, predictions


def intervals():
    """SciPy's percentile intervals of accuracy and of the mean squared error; its draws are others, so only near ours."""
    right = (random.random(150) < 0.8).astype(int)
    differences = random.standard_normal(150).round(6)
    table = {"right": right.tolist(), "differences": differences.tolist()}
    for name, values in (("accuracy", right), ("mse", differences**2)):
        for confidence in (0.9, 0.95):
            result = stats.bootstrap(
                (values,), np.mean, n_resamples=20000, confidence_level=confidence, method="percentile", rng=1
            )
            low, high = result.confidence_interval
            table[f"{name} {confidence}"] = [number(low), number(high), number(result.standard_error)]
    return table


print(
    json.dumps(
        {
            "bootstrap": intervals(),
            "quantiles": [
                [values, share, number(np.quantile(values, share))]
                for values in ([1.0], [1.0, 2.0], [0.5, 1.5, 4.0, 9.0])
                for share in (0, 0.025, 0.3, 0.5, 0.975, 1)
            ],
            "binary": [
                binary("good", 60, 1.5),
                binary("chance", 60, 0.0),
                binary("ties", 80, 1.0, digits=1),
                binary("certain", 40, 30.0, digits=15),
            ],
            "classes": [
                classes("three", 50, 3, 1.0),
                classes("five, ties", 60, 5, 1.0, digits=1),
                classes("one never true", 40, 4, 1.0, present=3),
            ],
            "labels": [
                labels("three", 40, 3, 1.0),
                labels("four, ties", 40, 4, 1.0, digits=0),
                labels("every row has some and lacks some", 30, 4, 1.0, mixed=True),
                labels("one never true", 30, 3, 1.0, empty=1),
            ],
            "several": [
                several("some right", *flipped(40, 4, 0.4, 0.2)),
                several("rare", *flipped(40, 5, 0.1, 0.1)),
                several("a label never there", *with_empty(flipped(20, 3, 0.4, 0.2), 2)),
                several("all right", *flipped(10, 3, 0.5, 0.0)),
            ],
        },
        separators=(",", ":"),
    )
)
