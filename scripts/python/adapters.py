"""Loads adapters that Fettle wrote through Python's peft, and writes some for Fettle, for test/real/lora.test.ts.

Requests (benchmarks/python/protocol.py has the protocol):
    load {base, adapter, labels, inputs}: puts the adapter on the base model; answers what peft warned of, the logits, and
         the logits after merge_and_unload
    train {base, adapter, labels, options, inputs, targets}: a new adapter (LoraConfig's options), one large step of
         AdamW, saved; answers its logits
    has {}: whether peft is there
"""

import importlib.util
import warnings

import protocol

import torch
from transformers import AutoModelForSequenceClassification


def base_of(request):
    torch.manual_seed(1)
    return AutoModelForSequenceClassification.from_pretrained(request["base"], num_labels=request["labels"])


def tensors(inputs):
    return {name: torch.tensor(values) for name, values in inputs.items()}


def load(request):
    from peft import PeftModel

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base_of(request), request["adapter"]).eval()
    with torch.no_grad():
        logits = model(**tensors(request["inputs"])).logits
        merged = model.merge_and_unload()(**tensors(request["inputs"])).logits
    said = [str(warning.message) for warning in caught if "peft" in str(warning.filename)]
    return {"warnings": said, "logits": logits.tolist(), "merged": merged.tolist()}


def train(request):
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(base_of(request), LoraConfig(**request["options"]))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(2):
        model(**tensors(request["inputs"]), labels=torch.tensor(request["targets"])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    model.save_pretrained(request["adapter"])
    with torch.no_grad():
        return {"logits": model(**tensors(request["inputs"])).logits.tolist()}


if __name__ == "__main__":
    has = {"has": lambda request: importlib.util.find_spec("peft") is not None}
    protocol.serve({"load": load, "train": train, **has})
