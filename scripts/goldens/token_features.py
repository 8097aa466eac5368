"""Features of words with tags as Hugging Face's run_ner makes them (its tokenize_and_align_labels).

Without arguments: src/tasks/goldens/tokenFeatures.json, made-up words on a made-up vocabulary.
With `../shared/data/wnut17 ../shared/models/all-MiniLM-L6-v2`: digests of the features of the first 200 sentences of WNUT-17's
test part, test/real/goldens/wnutFeatures.json.
"""

import hashlib
import json
import pathlib
import sys
import tempfile

from transformers import AutoTokenizer, BertTokenizerFast

ROOT = pathlib.Path(__file__).parents[2]
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "new", "york", "ange", "##la", "##s", "in", "city", "hall", "'", ".", "un", "##even"]
LABELS = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]
ROWS = [
    (["Angela", "in", "New", "York's", "City", "Hall", "."], ["B-PER", "O", "B-LOC", "I-LOC", "I-LOC", "I-LOC", "O"]),
    (["uneven", "Angelas"], ["O", "I-PER"]),
    (["zzz", "\u200b", "city"], ["O", "O", "B-LOC"]),
    (["York"] * 12, ["B-LOC"] * 12),
    ([], []),
]


def label_list(tags):
    return sorted({tag for row in tags for tag in row})


def align(tokenizer, rows, labels, length, label_all_tokens):
    label_to_id = {label: i for i, label in enumerate(labels)}
    b_to_i = [
        labels.index(label.replace("B-", "I-")) if label.startswith("B-") and label.replace("B-", "I-") in labels else i
        for i, label in enumerate(labels)
    ]
    encoded = tokenizer([words for words, _ in rows], max_length=length, truncation=True, is_split_into_words=True)
    features = []
    for i, (_, tags) in enumerate(rows):
        previous = None
        aligned = []
        for word in encoded.word_ids(batch_index=i):
            if word is None:
                aligned.append(-100)
            elif word != previous:
                aligned.append(label_to_id[tags[word]])
            elif label_all_tokens:
                aligned.append(b_to_i[label_to_id[tags[word]]])
            else:
                aligned.append(-100)
            previous = word
        features.append({"ids": encoded["input_ids"][i], "labels": aligned})
    return features


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content) + "\n")


def made_up():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "vocab.txt")
        path.write_text("\n".join(VOCAB) + "\n")
        tokenizer = BertTokenizerFast(str(path), do_lower_case=True)
        write(
            ROOT / "src/tasks/goldens/tokenFeatures.json",
            {
                "vocab": VOCAB,
                "labels": LABELS,
                "rows": [{"tokens": words, "ner_tags": tags} for words, tags in ROWS],
                "first": align(tokenizer, ROWS, LABELS, 10, False),
                "all": align(tokenizer, ROWS, LABELS, 10, True),
            },
        )


def read_conll(path):
    rows = [([], [])]
    for line in pathlib.Path(path).read_text(encoding="utf-8").split("\n"):
        if line.strip() == "":
            if rows[-1][0]:
                rows.append(([], []))
        else:
            word, tag = line.split("\t")
            rows[-1][0].append(word)
            rows[-1][1].append(tag)
    return [row for row in rows if row[0]]


def wnut(data, model):
    tokenizer = AutoTokenizer.from_pretrained(model)
    rows = read_conll(pathlib.Path(data, "emerging.test.annotated"))[:200]
    labels = label_list([tags for _, tags in rows])
    golden = {"labels": labels}
    for name, length, every in (("first", 128, False), ("all", 128, True), ("cut", 16, False)):
        golden[name] = [
            hashlib.sha256(" ".join(map(str, [*feature["ids"], *feature["labels"]])).encode()).hexdigest()[:16]
            for feature in align(tokenizer, rows, labels, length, every)
        ]
    write(ROOT / "test/real/goldens/wnutFeatures.json", golden)


if len(sys.argv) == 3:
    wnut(*sys.argv[1:])
else:
    made_up()
