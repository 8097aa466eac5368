"""Recorded answers of Hugging Face's data collators, for src/tasks/collators.test.ts.

python scripts/goldens/collators.py > src/tasks/goldens/collators.json
"""
import json
import tempfile
from pathlib import Path

from transformers import BertTokenizer, DataCollatorForTokenClassification, DataCollatorWithPadding

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"]
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "vocab.txt").write_text("\n".join(words) + "\n")
    tokenizer = BertTokenizer(str(Path(folder) / "vocab.txt"), model_max_length=12)

rows = [[2, 5, 6, 7, 3], [2, 5, 3], [2, 6, 7, 3]]
types = [[0, 0, 0, 1, 1], [0, 0, 0], [0, 0, 1, 1]]


def plain(batch):
    return {name: tensor.tolist() for name, tensor in batch.items()}


def features(labels):
    return [
        {"input_ids": ids, "token_type_ids": kinds, "attention_mask": [1] * len(ids), **extra}
        for ids, kinds, extra in zip(rows, types, labels)
    ]


classes = [{"label": label} for label in (1, 0, 2)]
scores = [{"label": label} for label in (1.5, 0.0, 2.0)]
tags = [{"labels": [-100] + [i % 3 for i in range(len(ids) - 2)] + [-100]} for ids in rows]
print(
    json.dumps(
        {
            "words": words,
            "rows": rows,
            "types": types,
            "tags": [each["labels"] for each in tags],
            "longest": plain(DataCollatorWithPadding(tokenizer)(features(classes))),
            "multiple": plain(DataCollatorWithPadding(tokenizer, pad_to_multiple_of=4)(features(scores))),
            "maxLength": plain(DataCollatorWithPadding(tokenizer, padding="max_length", max_length=10)(features(classes))),
            "tokens": plain(DataCollatorForTokenClassification(tokenizer, pad_to_multiple_of=4)(features(tags))),
        }
    )
)
