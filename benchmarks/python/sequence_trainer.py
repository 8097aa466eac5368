"""transformers' Trainer on texts, or pairs of texts, with labels in JSON Lines; prints one JSON object: metrics, losses.

    python sequence_trainer.py --model DIR --train train.jsonl --validation validation.jsonl --epochs 3 --batch-size 8 \
        --learning-rate 5e-5 --warmup-steps 0.1 --seed 42 [--bf16] [--threads 1]

A row has "text", perhaps "text_pair", and "label": a whole number of a class, or any number with --regression.
"""

import protocol  # before transformers: it sets what that reads

import argparse
import json
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--train", required=True)
parser.add_argument("--validation", required=True)
parser.add_argument("--regression", action="store_true")
parser.add_argument("--epochs", type=float, required=True)
parser.add_argument("--batch-size", type=int, required=True)
parser.add_argument("--learning-rate", type=float, required=True)
parser.add_argument("--warmup-steps", type=float, required=True)
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--threads", type=int, default=0)
parser.add_argument("--bf16", action="store_true")
options = parser.parse_args()

import numpy
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score, matthews_corrcoef
from transformers import (
    AutoTokenizer,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

if options.threads > 0:
    torch.set_num_threads(options.threads)
# The head is made before the Trainer sets the seed.
set_seed(options.seed)
tokenizer = AutoTokenizer.from_pretrained(options.model)


def rows(path):
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    pairs = [line["text_pair"] for line in lines] if "text_pair" in lines[0] else None
    encoded = tokenizer([line["text"] for line in lines], pairs, truncation=True, max_length=512)
    return [
        {name: encoded[name][i] for name in ("input_ids", "token_type_ids", "attention_mask")}
        | {"labels": float(line["label"]) if options.regression else line["label"]}
        for i, line in enumerate(lines)
    ]


train_rows, validation_rows = rows(options.train), rows(options.validation)
classes = 1 if options.regression else 1 + max(row["labels"] for row in train_rows)


def metrics(prediction):
    labels = prediction.label_ids
    if options.regression:
        answers = prediction.predictions.squeeze(-1)
        return {"pearson": pearsonr(answers, labels)[0], "spearmanr": spearmanr(answers, labels)[0]}
    answers = numpy.argmax(prediction.predictions, axis=-1)
    return {
        "accuracy": (answers == labels).mean(),
        "f1": f1_score(labels, answers, average="binary" if classes == 2 else "macro"),
        "matthews_correlation": matthews_corrcoef(labels, answers),
    }


with tempfile.TemporaryDirectory() as output:
    trainer = Trainer(
        model=BertForSequenceClassification.from_pretrained(options.model, num_labels=classes),
        args=TrainingArguments(
            output_dir=output,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch_size,
            per_device_eval_batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            warmup_steps=options.warmup_steps,
            weight_decay=0.01,
            logging_steps=50,
            save_strategy="no",
            eval_strategy="epoch",
            seed=options.seed,
            bf16=options.bf16,
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=train_rows,
        eval_dataset=validation_rows,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=metrics,
    )
    # Trainer prints its logs on stdout, which is this program's for its result.
    stdout, sys.stdout = sys.stdout, sys.stderr
    begin = time.perf_counter()
    trained = trainer.train()
    seconds = time.perf_counter() - begin
    epochs = [line for line in trainer.state.log_history if "eval_loss" in line]
    evaluated = trainer.evaluate()
    sys.stdout = stdout


def scores(line):
    return {
        name.removeprefix("eval_"): float(value)
        for name, value in line.items()
        if name.startswith("eval_") and not name.endswith(("runtime", "per_second"))
    }


print(
    json.dumps(
        {
            "seed": options.seed,
            "steps": trained.global_step,
            "trainSeconds": seconds,
            "trainLoss": trained.training_loss,
            "metrics": scores(evaluated),
            "epochs": [scores(line) for line in epochs],
            "versions": protocol.versions(),
        }
    )
)
