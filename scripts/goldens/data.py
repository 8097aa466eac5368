"""Row counts, label counts and text hashes of the corpora beside the checkout, read with Python's csv module exactly as
Hugging Face's glue.py does (tab-separated, no quoting). Prints the table that test/real/data.test.ts holds.

Run: python scripts/goldens/data.py ../shared/data
"""

import collections
import csv
import hashlib
import json
import sys


def describe(rows):
    """rows: (texts, label) pairs. The hash is over each text followed by NUL, then the label with three decimals and a line end."""
    digest = hashlib.sha256()
    labels = collections.Counter()
    count = 0
    for texts, label in rows:
        for text in texts:
            digest.update(text.encode() + b"\0")
        digest.update(f"{label:.3f}\n".encode())
        labels[label] += 1
        count += 1
    top = {str(label): n for label, n in sorted(labels.items())} if len(labels) < 10 else {}
    return {"rows": count, "labels": top, "sha256": digest.hexdigest()}


def glue(path, texts, label, header=None):
    with open(path, encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, fieldnames=header, delimiter="\t", quoting=csv.QUOTE_NONE)
        for row in reader:
            yield [row[name] for name in texts], float(row[label]) if row.get(label) is not None else -1.0


def main(root):
    table = {}
    folders = {
        "MRPC": (["#1 String", "#2 String"], "Quality"),
        "SST-2": (["sentence"], "label"),
        "CoLA": (["sentence"], "is_acceptable"),
        "STS-B": (["sentence1", "sentence2"], "score"),
    }
    for folder, (texts, label) in folders.items():
        for split, name in {"train": "train", "validation": "dev", "test": "test"}.items():
            if folder == "SST-2" and split == "test":
                continue
            header = ["source", "is_acceptable", "mark", "sentence"] if folder == "CoLA" and split != "test" else None
            rows = glue(f"{root}/glue/{folder}/{name}.tsv", texts, label, header)
            table[f"{folder} {split}"] = describe(rows)
    with open(f"{root}/ag_news/test.csv", encoding="utf-8", newline="") as file:
        table["AG News"] = describe((row[1:], float(row[0])) for row in csv.reader(file))
    print(json.dumps(table, indent=2))


main(sys.argv[1])
