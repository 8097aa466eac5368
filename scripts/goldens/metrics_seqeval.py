"""seqeval's scores on random tags of every scheme: what src/metrics/seqeval.ts is held against.

Run: python scripts/goldens/metrics_seqeval.py > src/metrics/goldens/seqeval.json
"""

import json
import random
import warnings

from seqeval import metrics, scheme
from seqeval.metrics.sequence_labeling import get_entities, precision_recall_fscore_support
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_scores

warnings.simplefilter("ignore")
random.seed(5)
types = ["PER", "LOC", "creative-work"]
prefixes = {"IOB1": "IB", "IOB2": "IB", "IOE1": "IE", "IOE2": "IE", "IOBES": "IBES", "BILOU": "BILU"}


def tags(length, letters, suffix):
    """A walk that often stays in its type, so that whole entities occur, and malformed ones too."""
    sentence, kind = [], random.choice(types)
    for _ in range(length):
        if random.random() < 0.35:
            sentence.append("O")
            continue
        if random.random() < 0.3:
            kind = random.choice(types)
        letter = random.choice(letters)
        if random.random() < 0.03:
            sentence.append(letter)
        else:
            sentence.append(f"{kind}-{letter}" if suffix else f"{letter}-{kind}")
    return sentence


def changed(sentence, letters, suffix):
    return [tags(1, letters, suffix)[0] if random.random() < 0.2 else tag for tag in sentence]


def scores(values):
    return [float(value) for value in values]


def case(name, letters, sentences=12, suffix=False, zero=0, references=None, predictions=None):
    references = references or [tags(random.randint(1, 12), letters, suffix) for _ in range(sentences)]
    predictions = predictions or [changed(sentence, letters, suffix) for sentence in references]
    strict = getattr(scheme, name, None)
    table = {"name": name, "suffix": suffix, "zeroDivision": zero, "references": references, "predictions": predictions}
    table["accuracy"] = metrics.accuracy_score(references, predictions)
    modes = {}
    # BILOU's letters mean nothing to the default mode.
    if name != "BILOU":
        modes["default"] = lambda average: precision_recall_fscore_support(
            references, predictions, average=average, suffix=suffix, zero_division=zero
        )
    if strict:
        modes["strict"] = lambda average: strict_scores(
            references, predictions, average=average, scheme=strict, suffix=suffix, zero_division=zero
        )
    for mode, score in modes.items():
        if mode == "strict":
            names = scheme.Entities(references, strict, suffix).unique_tags | scheme.Entities(predictions, strict, suffix).unique_tags
        else:
            names = {entity[0] for sentence in references + predictions for entity in get_entities(sentence, suffix)}
        precision, recall, f1, support = score(None)
        each = {
            key: scores([p, r, f, s]) for key, p, r, f, s in zip(sorted(names), precision, recall, f1, support)
        }
        averages = {average: scores(score(average)) for average in ("micro", "macro", "weighted")}
        table[mode] = {"types": each, **averages}
    return table


cases = []
for name, letters in prefixes.items():
    for zero in (0, 1):
        cases.append(case(name, letters, zero=zero))
    cases.append(case(name, letters, sentences=6, suffix=True))
cases += [
    case("mixed", "IBES"),
    case("IOB2", "IB", references=[["O", "O"], ["B-PER"]], predictions=[["B-LOC", "O"], ["O"]], zero=1),
    case("IOB2", "IB", references=[["O", "O"]], predictions=[["B-LOC", "O"]], zero=1),
    case("IOB2", "IB", references=[["O", "O"]], predictions=[["B-LOC", "O"]]),
    case("IOB2", "IB", references=[["B-PER", "I-PER", "O"], ["B-LOC"]], predictions=[["B-PER", "I-PER", "O"], ["B-LOC"]]),
]
print(json.dumps(cases, separators=(",", ":")))
