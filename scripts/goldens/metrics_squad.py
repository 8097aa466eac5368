"""SQuAD's scores by transformers' port of the official script, on random answers: what src/metrics/squad*.ts are held against.

The port left transformers with version 5: give the path of squad_metrics.py of a release of version 4.
Run: python scripts/goldens/metrics_squad.py squad_metrics.py > src/metrics/goldens/squad.json
"""

import json
import random
import sys
import types

source = open(sys.argv[1], encoding="utf-8").read()
# Of the package around it only the tokenizer and the logger are imported, and neither is used here.
source = source.replace("from ...models.bert import BasicTokenizer", "").replace("from ...utils import logging", "import logging")
source = source.replace("logging.get_logger", "logging.getLogger")
port = types.ModuleType("squad_metrics")
exec(compile(source, "squad_metrics.py", "exec"), port.__dict__)

random.seed(11)
words = [
    "the", "The", "a", "An", "cat", "Cat's", "cat's", "sat.", "on", "mat", "U.S.", "$1,000", "1,000", "naïve", "É", "é",
    "l'a", "a-b", "ä", "aß", "İstanbul", "ΟΔΟΣ", "theá", "the_", "\u00a0", "\u3000", "\u2028", "\ufeff", "\x1c", "\x85",
    "a\u0301", "—", "“a”", "不", "a不", "½a", "...", "!", "", "the,cat", "ⅷ", "\u200b", "The-the",
]


def answer(longest=5):
    return " ".join(random.choice(words) for _ in range(random.randint(0, longest)))


def near(text):
    parts = text.split(" ")
    if random.random() < 0.4:
        return text
    if random.random() < 0.5:
        parts.insert(random.randint(0, len(parts)), random.choice(words))
    elif len(parts) > 1:
        parts.pop(random.randrange(len(parts)))
    return " ".join(parts)


class Example:
    def __init__(self, qas_id, texts):
        self.qas_id = qas_id
        self.answers = [{"text": text} for text in texts]


def rows(count, unanswerable):
    table = []
    for number in range(count):
        texts = [] if random.random() < unanswerable else [answer() for _ in range(random.randint(1, 3))]
        prediction = near(random.choice(texts)) if texts and random.random() < 0.8 else answer(2)
        table.append({"id": f"q{number}", "prediction": prediction, "answers": texts})
    return table


def f1_v1(gold, prediction):
    """evaluate-v1.1.py: no shared words, no score, also where both sides are empty."""
    gold, prediction = port.normalize_answer(gold).split(), port.normalize_answer(prediction).split()
    return port.compute_f1(" ".join(gold), " ".join(prediction)) if gold and prediction else 0


def v1(table):
    exact = sum(max(port.compute_exact(a, row["prediction"]) for a in row["answers"]) for row in table)
    f1 = sum(max(f1_v1(a, row["prediction"]) for a in row["answers"]) for row in table)
    return {"exact_match": 100 * exact / len(table), "f1": 100 * f1 / len(table)}


def v2(name, table, probability=None, threshold=1.0):
    examples = [Example(row["id"], row["answers"]) for row in table]
    predictions = {row["id"]: row["prediction"] for row in table}
    probabilities = None
    if probability:
        for row in table:
            row["probability"] = probability(row)
        probabilities = {row["id"]: row["probability"] for row in table}
    scores = port.squad_evaluate(examples, predictions, probabilities, threshold)
    if probabilities is None:
        # The official script gives these only where probabilities are given; the port makes up zeros.
        scores = {key: value for key, value in scores.items() if not key.startswith("best")}
    return {"name": name, "threshold": threshold, "rows": table, "scores": scores}


def noisy(row):
    return round(min(1, max(0, (0.3 if row["answers"] else 0.6) + random.gauss(0, 0.3))), 6)


texts = [answer(6) for _ in range(150)] + words
print(
    json.dumps(
        {
            "normalized": [[text, port.normalize_answer(text)] for text in texts],
            "v1": [{"rows": table, "scores": v1(table)} for table in (rows(40, 0), rows(1, 0), rows(80, 0))],
            "v2": [
                v2("no probabilities", rows(40, 0.4)),
                v2("probabilities, threshold 1", rows(60, 0.4), noisy),
                v2("threshold 0.5", rows(60, 0.4), noisy, 0.5),
                v2("threshold 0, ties", rows(60, 0.4), lambda row: round(noisy(row), 1), 0.0),
                v2("all answerable", rows(20, 0), noisy, 0.5),
                v2("none answerable", rows(20, 1), noisy, 0.5),
                v2("scores below zero", rows(40, 0.5), lambda row: round(noisy(row) * 8 - 4, 6), 0.0),
            ],
        },
        separators=(",", ":"),
    )
)
