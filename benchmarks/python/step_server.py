"""Training steps of BertForSequenceClassification as transformers' Trainer makes them, one a request (see protocol.py).

A timed step is what Trainer does for one batch on a CPU, without the Trainer's own bookkeeping: forward in training
mode (dropout on, sdpa attention), backward, clip_grad_norm_ to 1, fused AdamW with decay 0.01 not on biases and
LayerNorm, the linear schedule with warm-up, zero_grad. Making tensors of the batch is not timed.

Requests:
    hello    {threads}
    create   {directory, config, seed, numLabels}: a model of random weights of that shape, saved
    load     {directory, numLabels, seed}: a model with its optimizer; a head that is not there is made from the seed
    save     {directory}
    step     {batch, precision}: milliseconds of the step and its parts, loss, norm of the gradient before the clip
    infer    {batch, precision}: milliseconds of the forward pass, logits; bf16 has the weights themselves in bfloat16
    check    {batch, precision}: loss, logits and gradient norm without dropout; nothing is changed
    memory   the peak in MB
Precisions: default (float32), medium (float32 storage, products as set_float32_matmul_precision('medium') allows),
bf16 (autocast, as Trainer's bf16=True). A batch has ragged inputIds and tokenTypeIds, and labels; it is padded to its
longest row, as DataCollatorWithPadding does.
"""

import contextlib
import copy
import math
import time

import protocol

import torch
import transformers
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification
from transformers.trainer_pt_utils import get_parameter_names

transformers.utils.logging.set_verbosity_error()

LEARNING_RATE = 5e-5
WARMUP_STEPS = 500
TOTAL_STEPS = 1377
WEIGHT_DECAY = 0.01
MAX_GRAD_NORM = 1.0

state = {}


def hello(request):
    torch.set_num_threads(request["threads"])
    return {"versions": protocol.versions(), "threads": torch.get_num_threads()}


def create(request):
    torch.manual_seed(request["seed"])
    model = BertForSequenceClassification(BertConfig(**request["config"], num_labels=request["numLabels"]))
    model.save_pretrained(request["directory"])


def load(request):
    state.clear()
    torch.manual_seed(request["seed"])
    model = AutoModelForSequenceClassification.from_pretrained(
        request["directory"], num_labels=request["numLabels"]
    )
    # Trainer.get_decay_parameter_names
    decayed = set(
        get_parameter_names(
            model,
            [torch.nn.LayerNorm],
            [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"],
        )
    )
    named = list(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for name, p in named if name in decayed], "weight_decay": WEIGHT_DECAY},
            {"params": [p for name, p in named if name not in decayed], "weight_decay": 0.0},
        ],
        lr=LEARNING_RATE,
        betas=(0.9, 0.999),
        eps=1e-8,
        fused=True,
    )
    state["model"] = model
    state["optimizer"] = optimizer
    state["scheduler"] = transformers.get_linear_schedule_with_warmup(optimizer, WARMUP_STEPS, TOTAL_STEPS)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "attention": model.config._attn_implementation,
    }


def save(request):
    state["model"].save_pretrained(request["directory"])


def tensors(batch):
    rows = batch["inputIds"]
    longest = max(len(row) for row in rows)

    def pad(lists):
        return torch.tensor([row + [0] * (longest - len(row)) for row in lists])

    return {
        "input_ids": pad(rows),
        "token_type_ids": pad(batch["tokenTypeIds"]),
        "attention_mask": pad([[1] * len(row) for row in rows]),
        "labels": torch.tensor(batch["labels"]),
    }


def set_precision(precision):
    torch.set_float32_matmul_precision("medium" if precision == "medium" else "highest")
    if precision == "bf16":
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def step(request):
    model, optimizer, scheduler = state["model"], state["optimizer"], state["scheduler"]
    inputs = tensors(request["batch"])
    autocast = set_precision(request["precision"])
    model.train()
    start = time.perf_counter()
    with autocast:
        loss = model(**inputs).loss
    forward = time.perf_counter()
    loss.backward()
    backward = time.perf_counter()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
    optimizer.step()
    scheduler.step()
    model.zero_grad()
    end = time.perf_counter()
    return {
        "milliseconds": (end - start) * 1e3,
        "forwardBackward": (backward - start) * 1e3,
        "forward": (forward - start) * 1e3,
        "update": (end - backward) * 1e3,
        "loss": loss.item(),
        "gradientNorm": norm.item(),
    }


def infer(request):
    inputs = tensors(request["batch"])
    del inputs["labels"]
    precision = request["precision"]
    set_precision(precision)
    model = state["model"]
    if precision == "bf16":
        if "half" not in state:
            state["half"] = copy.deepcopy(model).to(torch.bfloat16)
        model = state["half"]
    model.eval()
    with torch.inference_mode():
        start = time.perf_counter()
        logits = model(**inputs).logits
        end = time.perf_counter()
    return {"milliseconds": (end - start) * 1e3, "logits": logits.float().tolist()}


def check(request):
    model = state["model"]
    autocast = set_precision(request.get("precision", "default"))
    model.eval()
    with autocast:
        outputs = model(**tensors(request["batch"]))
    outputs.loss.backward()
    # In float64: over millions of elements the float32 norm is off in the fifth digit.
    norm = math.sqrt(sum(p.grad.double().square().sum().item() for p in model.parameters() if p.grad is not None))
    model.zero_grad()
    return {
        "loss": outputs.loss.item(),
        "gradientNorm": norm,
        "logits": outputs.logits.detach().float().tolist(),
    }


if __name__ == "__main__":
    protocol.serve(
        {
            "hello": hello,
            "create": create,
            "load": load,
            "save": save,
            "step": step,
            "check": check,
            "infer": infer,
            "memory": lambda _: protocol.peak_memory_mb(),
        }
    )
