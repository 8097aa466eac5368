"""transformers' Trainer on WNUT-17 as run_ner does it, a part of the data; prints one JSON object.

    python token_trainer.py --model DIR --dataset DIR --train 1000 --eval 500 --epochs 2 --learning-rate 3e-4 --seed 42
"""

import argparse
import json
import os
import sys
import tempfile
import time

import protocol

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--dataset", required=True)
parser.add_argument("--train", type=int, required=True)
parser.add_argument("--eval", type=int, required=True)
parser.add_argument("--epochs", type=float, required=True)
parser.add_argument("--learning-rate", type=float, required=True)
parser.add_argument("--seed", type=int, required=True)
options = parser.parse_args()

import numpy
from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from transformers import (
    AutoTokenizer,
    BertForTokenClassification,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
)

tokenizer = AutoTokenizer.from_pretrained(options.model)


def sentences(name, count):
    rows = [([], [])]
    with open(os.path.join(options.dataset, name), encoding="utf-8") as file:
        for line in file.read().split("\n"):
            if line.strip():
                word, tag = line.split("\t")
                rows[-1][0].append(word)
                rows[-1][1].append(tag)
            elif rows[-1][0]:
                rows.append(([], []))
    return [row for row in rows if row[0]][:count]


train, evaluation = sentences("wnut17train.conll", options.train), sentences("emerging.test.annotated", options.eval)
# run_ner takes the labels from the training part.
labels = sorted({tag for _, tags in train for tag in tags})
label_to_id = {label: i for i, label in enumerate(labels)}


def features(rows):
    encoded = tokenizer([words for words, _ in rows], truncation=True, is_split_into_words=True)
    result = []
    for i, (_, tags) in enumerate(rows):
        words = encoded.word_ids(batch_index=i)
        aligned = [
            -100 if word is None or (at > 0 and word == words[at - 1]) else label_to_id[tags[word]]
            for at, word in enumerate(words)
        ]
        result.append({**{name: encoded[name][i] for name in encoded}, "labels": aligned})
    return result


def metrics(prediction):
    predicted = numpy.argmax(prediction.predictions, axis=2)
    pairs = [
        [(labels[p], labels[t]) for p, t in zip(said, truth) if t != -100]
        for said, truth in zip(predicted, prediction.label_ids)
    ]
    said, truth = [[p for p, _ in row] for row in pairs], [[t for _, t in row] for row in pairs]
    return {
        "precision": float(precision_score(truth, said)),
        "recall": float(recall_score(truth, said)),
        "f1": float(f1_score(truth, said)),
        "accuracy": float(accuracy_score(truth, said)),
    }


with tempfile.TemporaryDirectory() as output:
    trainer = Trainer(
        model=BertForTokenClassification.from_pretrained(
            options.model, num_labels=len(labels), id2label=dict(enumerate(labels)), label2id=label_to_id
        ),
        args=TrainingArguments(
            output_dir=output,
            num_train_epochs=options.epochs,
            learning_rate=options.learning_rate,
            per_device_train_batch_size=8,
            per_device_eval_batch_size=8,
            save_strategy="no",
            seed=options.seed,
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=features(train),
        eval_dataset=features(evaluation),
        data_collator=DataCollatorForTokenClassification(tokenizer),
        compute_metrics=metrics,
    )
    # Trainer prints its logs on stdout, which is this program's for its result.
    stdout, sys.stdout = sys.stdout, sys.stderr
    begin = time.perf_counter()
    trained = trainer.train()
    seconds = time.perf_counter() - begin
    evaluated = trainer.evaluate()
    sys.stdout = stdout

print(
    json.dumps(
        {
            "versions": protocol.versions(),
            "seed": options.seed,
            "steps": trained.global_step,
            "trainSeconds": seconds,
            "trainLoss": trained.training_loss,
            "evalLoss": evaluated["eval_loss"],
            **{name: evaluated[f"eval_{name}"] for name in ("precision", "recall", "f1", "accuracy")},
        }
    )
)
