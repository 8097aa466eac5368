"""Chunks of joined texts as Hugging Face's run_mlm makes them: src/tasks/goldens/groupTexts.json."""

import json
import pathlib
import tempfile
from itertools import chain

from transformers import BertTokenizerFast

WORDS = "good great fine bad awful poor the a this that film book song day night was is seems looks very quite".split()
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "##ly", "##est", "."]
TEXTS = [
    "The film was good.",
    "This book seems quite bad, greatly bad.",
    "A day",
    "That song looks awful and the night is the greatest night; the finest song was a poorly looks film.",
    "Good.",
    "the the the the the the the the the the the the the the the the the the",
]


def group_texts(examples, length):
    joined = {key: list(chain(*examples[key])) for key in examples}
    total = len(joined["input_ids"]) // length * length
    return {key: [values[i : i + length] for i in range(0, total, length)] for key, values in joined.items()}


with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "vocab.txt")
    path.write_text("\n".join(VOCAB) + "\n")
    tokenizer = BertTokenizerFast(str(path), do_lower_case=True)
    encoded = dict(tokenizer(TEXTS, return_special_tokens_mask=True))
golden = {
    "vocab": VOCAB,
    "texts": TEXTS,
    "chunks": {str(length): group_texts(encoded, length)["input_ids"] for length in (5, 16, 40)},
}
target = pathlib.Path(__file__).parents[2] / "src/tasks/goldens/groupTexts.json"
target.parent.mkdir(exist_ok=True)
target.write_text(json.dumps(golden) + "\n")
