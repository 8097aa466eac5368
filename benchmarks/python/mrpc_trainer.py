"""transformers' Trainer on MRPC with the tutorial's arguments; prints one JSON object: times, peak memory, losses.

    python mrpc_trainer.py --model DIR --dataset DIR --max-steps 200 [--bf16] [--freeze] [--only-first-step] [--threads 2]

--freeze trains the head alone; --only-first-step ends the program right after the first step.
"""

import time

begin = time.perf_counter()

import argparse
import csv
import json
import os
import sys
import tempfile

import protocol

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--dataset", required=True)
parser.add_argument("--max-steps", type=int, default=-1)
parser.add_argument("--epochs", type=float, default=3)
parser.add_argument("--seed", type=int, default=42)
parser.add_argument("--threads", type=int, default=0)
parser.add_argument("--bf16", action="store_true")
parser.add_argument("--freeze", action="store_true")
parser.add_argument("--only-first-step", action="store_true")
options = parser.parse_args()

import numpy
import torch
from sklearn.metrics import f1_score
from transformers import (
    AutoTokenizer,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

if options.threads > 0:
    torch.set_num_threads(options.threads)
imported = time.perf_counter()

tokenizer = AutoTokenizer.from_pretrained(options.model)


def rows(split):
    with open(os.path.join(options.dataset, f"{split}.tsv"), encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    encoded = tokenizer([line[3] for line in lines], [line[4] for line in lines], truncation=True)
    return [
        {
            "input_ids": encoded["input_ids"][i],
            "token_type_ids": encoded["token_type_ids"][i],
            "attention_mask": encoded["attention_mask"][i],
            "labels": int(line[0]),
        }
        for i, line in enumerate(lines)
    ]


train_rows, validation_rows = rows("train"), rows("dev")
tokenized = time.perf_counter()

times = {}
# Trainer prints its logs on stdout, which is this program's for its result.
result = os.dup(sys.stdout.fileno())


class Clock(TrainerCallback):
    def on_step_begin(self, args, state, control, **kwargs):
        times.setdefault("first_step_begins", time.perf_counter())

    def on_step_end(self, args, state, control, **kwargs):
        times.setdefault("first_step", time.perf_counter())
        if options.only_first_step:
            seconds = {"begins": times["first_step_begins"] - begin, "ends": times["first_step"] - begin}
            os.write(result, json.dumps(seconds).encode() + b"\n")
            os._exit(0)


def metrics(prediction):
    predicted = numpy.argmax(prediction.predictions, axis=-1)
    return {
        "accuracy": float((predicted == prediction.label_ids).mean()),
        "f1": float(f1_score(prediction.label_ids, predicted)),
    }


model = BertForSequenceClassification.from_pretrained(options.model, num_labels=2)
if options.freeze:
    model.bert.requires_grad_(False)

with tempfile.TemporaryDirectory() as output:
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=output,
            num_train_epochs=options.epochs,
            max_steps=options.max_steps,
            per_device_train_batch_size=8,
            per_device_eval_batch_size=8,
            warmup_steps=500,
            weight_decay=0.01,
            logging_steps=50,
            save_strategy="no",
            seed=options.seed,
            bf16=options.bf16,
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=train_rows,
        eval_dataset=validation_rows,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=metrics,
        callbacks=[Clock()],
    )
    ready = time.perf_counter()
    stdout, sys.stdout = sys.stdout, sys.stderr
    trained = trainer.train()
    after_train = time.perf_counter()
    evaluated = trainer.evaluate()
    trainer.save_model(output)
    sys.stdout = stdout

print(
    json.dumps(
        {
            "versions": protocol.versions(),
            "threads": torch.get_num_threads(),
            "steps": trained.global_step,
            "importSeconds": imported - begin,
            "tokenizeSeconds": tokenized - imported,
            "firstStepSeconds": times["first_step"] - begin,
            "trainSeconds": after_train - ready,
            "totalSeconds": time.perf_counter() - begin,
            "trainLoss": trained.training_loss,
            "accuracy": evaluated["eval_accuracy"],
            "f1": evaluated["eval_f1"],
            "peakMemoryMb": protocol.peak_memory_mb(),
        }
    )
)
