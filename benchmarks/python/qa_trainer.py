"""transformers' Trainer on a part of SQuAD as run_qa.py trains and judges; prints one JSON object.

    python qa_trainer.py --model DIR --dataset dev-v1.1.json [--epochs 2] [--seed 42] [--threads 2] [--bf16]

Trained on rows[: share of the rows : step], judged on rows[share :: step]: contexts of the one are none of the other's.
Windows are padded to the longest of a batch (run_qa's --pad_to_max_length False).
"""

import time

begin = time.perf_counter()

import argparse
import json
import sys
import tempfile

import protocol
import qa_reference

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--dataset", required=True)
parser.add_argument("--epochs", type=float, default=2)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--learning-rate", type=float, default=1e-4)
parser.add_argument("--train-step", type=int, default=8)
parser.add_argument("--eval-step", type=int, default=16)
parser.add_argument("--seed", type=int, default=42)
parser.add_argument("--threads", type=int, default=0)
parser.add_argument("--bf16", action="store_true")
options = parser.parse_args()

import numpy
import torch
from transformers import (
    AutoTokenizer,
    BertForQuestionAnswering,
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
rows = qa_reference.squad_rows(options.dataset)
border = len(rows) * 6 // 10
train_rows, eval_rows = rows[: border : options.train_step], rows[border :: options.eval_step]


def columns(window, **more):
    return {key: window[key] for key in ("input_ids", "token_type_ids", "attention_mask")} | more


train_features = []
for window in qa_reference.windows(tokenizer, train_rows, 384, 128):
    start, end = qa_reference.positions(window, train_rows[window["row"]]["answers"])
    train_features.append(columns(window, start_positions=start, end_positions=end))
eval_windows = qa_reference.windows(tokenizer, eval_rows, 384, 128)
tokenized = time.perf_counter()

with tempfile.TemporaryDirectory() as output:
    trainer = Trainer(
        model=BertForQuestionAnswering.from_pretrained(options.model),
        args=TrainingArguments(
            output_dir=output,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch,
            per_device_eval_batch_size=options.batch,
            learning_rate=options.learning_rate,
            warmup_steps=0.1,
            logging_steps=20,
            save_strategy="no",
            seed=options.seed,
            bf16=options.bf16,
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=train_features,
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    # Trainer prints its logs on stdout, which is this program's for its result.
    stdout, sys.stdout = sys.stdout, sys.stderr
    trained = trainer.train()
    after_train = time.perf_counter()
    starts, ends = trainer.predict([columns(window) for window in eval_windows]).predictions
    sys.stdout = stdout
after_predict = time.perf_counter()


def words(text):
    import re
    import string

    bare = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def f1(said, true):
    shared = sum(min(said.count(word), true.count(word)) for word in set(said))
    return 0.0 if shared == 0 else 2 * shared / (len(said) + len(true))


exact, score = 0.0, 0.0
for index, row in enumerate(eval_rows):
    own = [number for number, window in enumerate(eval_windows) if window["row"] == index]
    result = qa_reference.answer(
        row, [eval_windows[number] for number in own], [(starts[number], ends[number]) for number in own], False
    )
    said = words(result["text"])
    exact += max(said == words(text) for text in row["answers"]["text"])
    score += max(f1(said, words(text)) for text in row["answers"]["text"])

print(
    json.dumps(
        {
            "versions": protocol.versions(),
            "threads": torch.get_num_threads(),
            "seed": options.seed,
            "trainRows": len(train_rows),
            "trainWindows": len(train_features),
            "evalRows": len(eval_rows),
            "evalWindows": len(eval_windows),
            "steps": trained.global_step,
            "tokenizeSeconds": tokenized - begin,
            "trainSeconds": after_train - tokenized,
            "predictSeconds": after_predict - after_train,
            "trainLoss": trained.training_loss,
            "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
            "exactMatch": 100 * exact / len(eval_rows),
            "f1": 100 * score / len(eval_rows),
            "peakMemoryMb": protocol.peak_memory_mb(),
        }
    )
)
