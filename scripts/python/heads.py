"""transformers' heads as the other side of a test.

Requests (benchmarks/python/protocol.py has the protocol):
    answer {directory, auto, inputs}: loads a model through the Auto class of that name, and answers its class, the keys
           that did not fit, what the library warned of, and its outputs for the inputs (Python's names, nested lists)
"""

import logging

import protocol

import torch
import transformers

warned = []


class Collector(logging.Handler):
    def emit(self, record):
        warned.append(record.getMessage())


logging.getLogger("transformers").addHandler(Collector(logging.WARNING))


def answer(request):
    warned.clear()
    auto = getattr(transformers, request["auto"])
    model, info = auto.from_pretrained(request["directory"], output_loading_info=True)
    model.eval()
    with torch.no_grad():
        outputs = model(**{name: torch.tensor(values) for name, values in request["inputs"].items()})
    return {
        "modelClass": type(model).__name__,
        "misfits": {key: [str(item) for item in items] for key, items in info.items() if len(items) > 0},
        "warnings": list(warned),
        "outputs": {name: values.tolist() for name, values in outputs.items()},
    }


if __name__ == "__main__":
    protocol.serve({"answer": answer})
