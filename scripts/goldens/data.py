"""Row counts, label counts and text hashes of the corpora beside the checkout. GLUE's folders are read with Python's csv
module exactly as Hugging Face's glue.py does (tab-separated, no quoting); CSV, Parquet, JSON and text by `datasets` itself
(SQuAD's rows and WNUT-17's sentences are made as its squad.py and wnut_17.py did). Prints the tables that
test/real/data.test.ts holds.

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


def with_datasets(root):
    """The same by Hugging Face's `datasets`: each cell as JSON with sorted keys and ASCII alone, a NUL behind; a line end a row."""
    import tempfile

    from datasets import Dataset, load_dataset

    def hashed(dataset):
        digest = hashlib.sha256()
        for row in dataset:
            for name in dataset.column_names:
                digest.update(json.dumps(row[name], sort_keys=True).encode() + b"\0")
            digest.update(b"\n")
        return {"rows": len(dataset), "columns": dataset.column_names, "sha256": digest.hexdigest()}

    def squad(path):
        for article in json.load(open(path, encoding="utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                for qa in paragraph["qas"]:
                    yield {
                        "id": qa["id"],
                        "title": article.get("title", ""),
                        "context": paragraph["context"],
                        "question": qa["question"],
                        "answers": {
                            "text": [answer["text"] for answer in qa["answers"]],
                            "answer_start": [answer["answer_start"] for answer in qa["answers"]],
                        },
                    }

    def wnut(path):
        tokens, tags = [], []
        for line in open(path, encoding="utf-8"):
            if line.strip():
                word, tag = line.rstrip("\n").split("\t")[:2]
                tokens.append(word)
                tags.append(tag)
            elif tokens:
                yield {"tokens": tokens, "ner_tags": tags}
                tokens, tags = [], []
        if tokens:
            yield {"tokens": tokens, "ner_tags": tags}

    with tempfile.TemporaryDirectory() as cache:
        load = lambda kind, path, **more: load_dataset(
            kind, data_files=f"{root}/{path}", split="train", cache_dir=cache, **more
        )
        names = {"column_names": ["label", "title", "description"]}
        table = {
            "ag_news/test.csv": load("csv", "ag_news/test.csv", keep_default_na=False, **names),
            "parquet/sst2/validation.parquet": load("parquet", "parquet/sst2/validation.parquet"),
            "squad/dev-v1.1.json": Dataset.from_generator(squad, gen_kwargs={"path": f"{root}/squad/dev-v1.1.json"}, cache_dir=cache),
        }
        for split in ["train", "validation", "test"]:
            path = f"parquet/derived-mrpc/{split}-snappy.parquet"
            table[path] = load("parquet", path)
        for name in ["wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"]:
            path = f"{root}/wnut17/{name}"
            table[f"wnut17/{name}"] = Dataset.from_generator(wnut, gen_kwargs={"path": path}, cache_dir=cache)
        return {name: hashed(dataset) for name, dataset in table.items()}


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
    print(json.dumps(with_datasets(root), indent=2))


main(sys.argv[1])
