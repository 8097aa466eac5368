"""What Python's peft makes of LoRA on a tiny BERT: its files, logits, loss and the gradients of all that is trained. Prints the
JSON that src/models/goldens/lora.json holds. Weights are a formula of their place, which the test knows too, so none are stored
but those in the adapter's own file.

Run: python scripts/goldens/lora.py > src/models/goldens/lora.json
"""

import base64
import json
import pathlib
import tempfile
import warnings

import torch
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertForSequenceClassification, BertModel

warnings.filterwarnings("ignore")

CONFIG = dict(
    vocab_size=20,
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=16,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
ROWS = [[2, 7, 9, 14, 3], [2, 5, 3], [2, 11, 6, 19, 8, 4, 3]]
LABELS = [1, 0, 1]

CASES = {
    "query and value": (
        BertForSequenceClassification,
        dict(task_type="SEQ_CLS", r=4, lora_alpha=8, lora_dropout=0.1),
    ),
    "everything that can be said": (
        BertForSequenceClassification,
        dict(
            task_type="SEQ_CLS",
            r=3,
            lora_alpha=6,
            use_rslora=True,
            bias="lora_only",
            target_modules=["query", "key", "attention.output.dense"],
            rank_pattern={"layer.1.attention.self.query": 5},
            alpha_pattern={"key": 10},
            modules_to_save=["pooler"],
        ),
    ),
    "one layer by an expression, all biases": (
        BertForSequenceClassification,
        dict(task_type="SEQ_CLS", r=2, bias="all", target_modules=r".*layer\.1\..*(intermediate|output)\.dense"),
    ),
    "no head": (BertModel, dict(task_type="FEATURE_EXTRACTION", r=2, target_modules="all-linear")),
    "one layer by its number": (
        BertForSequenceClassification,
        dict(task_type="SEQ_CLS", r=2, target_modules=["dense"], layers_to_transform=[0], bias="none"),
    ),
}


def element(name, k):
    """The test's formula: a number of [-0.25, 0.25), and about 1 for LayerNorm's weights."""
    place = sum((i + 1) * ord(c) for i, c in enumerate(name))
    number = ((k * 7919 + place * 104729) % 2003) / 4006 - 0.25
    return 1 + number if name.endswith("LayerNorm.weight") else number


def fill(parameter, name):
    values = [element(name, k) for k in range(parameter.numel())]
    parameter.data.copy_(torch.tensor(values, dtype=torch.float32).view_as(parameter))


def full_name(model, name):
    return name if hasattr(model, "bert") else f"bert.{name}"


def main():
    cases = []
    for title, (model_class, options) in CASES.items():
        model = model_class(BertConfig(**CONFIG))
        for name, parameter in model.named_parameters():
            fill(parameter, full_name(model, name))
        adapted = get_peft_model(model, LoraConfig(**options))
        trained = {}
        for name, parameter in adapted.named_parameters():
            if not parameter.requires_grad:
                continue
            own = name.removeprefix("base_model.model.").replace(".default", "")
            own = own.replace(".base_layer", "").replace(".modules_to_save", "")
            own = full_name(model, own)
            # Beginning as zeros, B would leave A without a gradient.
            fill(parameter, own)
            trained[own] = parameter
        with tempfile.TemporaryDirectory() as folder:
            adapted.eval()
            adapted.save_pretrained(folder)
            config = json.loads(pathlib.Path(folder, "adapter_config.json").read_text())
            weights = pathlib.Path(folder, "adapter_model.safetensors").read_bytes()
        config["target_modules"] = (
            sorted(config["target_modules"]) if isinstance(config["target_modules"], list) else config["target_modules"]
        )
        longest = max(map(len, ROWS))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in ROWS])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ROWS])
        case = {"title": title, "modelClass": model_class.__name__, "config": config}
        case["weights"] = base64.b64encode(weights).decode()
        if model_class is BertModel:
            output = adapted(input_ids=ids, attention_mask=mask)
            case["pooler"] = output.pooler_output.tolist()
        else:
            output = adapted(input_ids=ids, attention_mask=mask, labels=torch.tensor(LABELS))
            output.loss.backward()
            case["logits"] = output.logits.tolist()
            case["loss"] = output.loss.item()
            case["gradients"] = {
                name: [float(f"{x:.7g}") for x in p.grad.flatten().tolist()] for name, p in trained.items() if p.grad is not None
            }
        cases.append(case)
    print(json.dumps({"config": CONFIG, "rows": ROWS, "labels": LABELS, "cases": cases}))


main()
