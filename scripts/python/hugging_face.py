"""transformers as the other side of a test: loads what Fettle saved, saves what Fettle loads.

Requests (benchmarks/python/protocol.py has the protocol):
    create   {directory, config, seed}: saves a two-label classifier of random weights; config has Python's names
    save     {model, directory, seed}: loads a model with a new two-label head and its tokenizer, and saves both
    classify {directory, pairs}: loads model and tokenizer through the Auto classes, and answers the token ids and logits
             of each pair alone, the keys that did not fit, and what the libraries warned of
    train    {directory, pairs, labels, steps}: Python's Trainer on the pairs in their order, the tutorial's arguments;
             answers loss, gradient norm and learning rate of each step
"""

import logging
import tempfile
import warnings

import protocol

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

warned = []


class Collector(logging.Handler):
    def emit(self, record):
        warned.append(record.getMessage())


logging.getLogger("transformers").addHandler(Collector(logging.WARNING))
warnings.showwarning = lambda message, *rest, **more: warned.append(str(message))


def create(request):
    torch.manual_seed(request["seed"])
    model = BertForSequenceClassification(BertConfig(**request["config"], num_labels=2))
    model.save_pretrained(request["directory"])


def save(request):
    torch.manual_seed(request["seed"])
    model = AutoModelForSequenceClassification.from_pretrained(request["model"], num_labels=2)
    model.save_pretrained(request["directory"])
    AutoTokenizer.from_pretrained(request["model"]).save_pretrained(request["directory"])


def classify(request):
    warned.clear()
    model, info = AutoModelForSequenceClassification.from_pretrained(request["directory"], output_loading_info=True)
    tokenizer = AutoTokenizer.from_pretrained(request["directory"])
    model.eval()
    ids, logits = [], []
    with torch.no_grad():
        for first, second in request["pairs"]:
            inputs = tokenizer(first, second, truncation=True, return_tensors="pt")
            ids.append(inputs["input_ids"][0].tolist())
            logits.append(model(**inputs).logits[0].tolist())
    return {
        "modelClass": type(model).__name__,
        "labels": model.config.num_labels,
        "misfits": {key: [str(item) for item in items] for key, items in info.items() if len(items) > 0},
        "warnings": list(warned),
        "ids": ids,
        "logits": logits,
    }


class InOrder(Trainer):
    def _get_train_sampler(self, *arguments):
        return torch.utils.data.SequentialSampler(self.train_dataset)


class Steps(TrainerCallback):
    def __init__(self):
        self.steps = []

    def on_log(self, arguments, state, control, logs=None, **kwargs):
        if "loss" in logs:
            self.steps.append([logs["loss"], logs["grad_norm"], logs["learning_rate"]])


def train(request):
    tokenizer = AutoTokenizer.from_pretrained(request["directory"])
    encoded = tokenizer(*[list(texts) for texts in zip(*request["pairs"])], truncation=True)
    rows = [
        {**{key: encoded[key][i] for key in encoded}, "labels": label} for i, label in enumerate(request["labels"])
    ]
    seen = Steps()
    with tempfile.TemporaryDirectory() as output:
        InOrder(
            model=AutoModelForSequenceClassification.from_pretrained(request["directory"]),
            args=TrainingArguments(
                output_dir=output,
                max_steps=request["steps"],
                per_device_train_batch_size=8,
                warmup_steps=500,
                weight_decay=0.01,
                logging_steps=1,
                save_strategy="no",
                use_cpu=True,
                disable_tqdm=True,
            ),
            train_dataset=rows,
            data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[seen],
        ).train()
    return {"steps": seen.steps}


if __name__ == "__main__":
    protocol.serve({"create": create, "save": save, "classify": classify, "train": train})
