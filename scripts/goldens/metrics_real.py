"""Scores of a simple rule (shared words) on real data by scikit-learn and SciPy: what test/real/metrics.test.ts holds.

Run: python scripts/goldens/metrics_real.py ../shared/data
"""

import csv
import sys

from scipy import stats
from sklearn import metrics as sk


def read(path, header=None):
    with open(path, encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, fieldnames=header, delimiter="\t", quoting=csv.QUOTE_NONE))


def overlap(a, b):
    a, b = set(a.split(" ")), set(b.split(" "))
    return len(a & b) / len(a | b)


root = sys.argv[1]
mrpc = read(f"{root}/glue/MRPC/dev.tsv")
labels = [int(row["Quality"]) for row in mrpc]
guesses = [int(overlap(row["#1 String"], row["#2 String"]) > 0.4) for row in mrpc]
print("mrpc", sk.accuracy_score(labels, guesses), sk.f1_score(labels, guesses), sk.confusion_matrix(labels, guesses).tolist())
cola = read(f"{root}/glue/CoLA/dev.tsv", ["source", "label", "mark", "sentence"])
labels = [int(row["label"]) for row in cola]
guesses = [int(len(row["sentence"].split(" ")) < 9) for row in cola]
print("cola", sk.matthews_corrcoef(labels, guesses))
stsb = read(f"{root}/glue/STS-B/dev.tsv")
scores = [float(row["score"]) for row in stsb]
guesses = [overlap(row["sentence1"], row["sentence2"]) * 5 for row in stsb]
print("stsb", stats.pearsonr(guesses, scores)[0], stats.spearmanr(guesses, scores)[0], sk.mean_squared_error(scores, guesses))

# SQuAD 1.1's published answers, by the file that metrics_squad.py speaks of; every question has one answer with words, so that the versions agree.
if len(sys.argv) > 2:
    import json
    import logging
    import types

    source = open(sys.argv[2], encoding="utf-8").read().replace("from ...models.bert import BasicTokenizer", "")
    source = source.replace("from ...utils import logging", "import logging").replace("get_logger", "getLogger")
    port = types.ModuleType("squad_metrics")
    exec(compile(source, "squad_metrics.py", "exec"), port.__dict__)
    answers = json.load(open(f"{root}/squad/predictions-dev-v1.1/match-lstm-ensemble.json", encoding="utf-8"))
    examples = [
        types.SimpleNamespace(qas_id=question["id"], answers=question["answers"])
        for article in json.load(open(f"{root}/squad/dev-v1.1.json", encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    print("squad", port.squad_evaluate(examples, answers))
