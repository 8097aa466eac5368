"""Hugging Face's tokenizer (the one in Rust, on one thread) over texts that it is sent once; see protocol.py.

Requests:
    load     {directory}: the tokenizer; answers its library's version
    texts    {texts}: what is to be tokenized
    run      {}: milliseconds of tokenizing all of it by one call, the number of ids and their checksum
"""

import time

import protocol

import tokenizers
from transformers import AutoTokenizer

state = {}


def load(request):
    state["tokenizer"] = AutoTokenizer.from_pretrained(request["directory"])
    return {"version": tokenizers.__version__}


def texts(request):
    state["texts"] = request["texts"]


def run(_):
    start = time.perf_counter()
    encoded = state["tokenizer"](state["texts"], return_attention_mask=False, return_token_type_ids=False)["input_ids"]
    milliseconds = 1000 * (time.perf_counter() - start)
    checksum = 0
    for ids in encoded:
        for token in ids:
            checksum = (checksum * 31 + token) % 4294967296
    return {"milliseconds": milliseconds, "ids": sum(map(len, encoded)), "checksum": checksum}


if __name__ == "__main__":
    protocol.serve({"load": load, "texts": texts, "run": run})
