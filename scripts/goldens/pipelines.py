"""What transformers' pipelines say: reads FOLDER/inputs.json and the models in FOLDER, writes FOLDER/answers.json."""

import json
import sys

import numpy
import transformers
from transformers import AutoTokenizer, pipeline

folder = sys.argv[1]
inputs = json.load(open(f"{folder}/inputs.json", encoding="utf-8"))


def made(task, name):
    return pipeline(task, model=f"{folder}/{name}", tokenizer=AutoTokenizer.from_pretrained(f"{folder}/{name}"), device="cpu")


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    if isinstance(value, (float, numpy.floating)):
        return round(float(value), 7)
    return int(value) if isinstance(value, numpy.integer) else value


text = made("text-classification", "text")
tokens = made("token-classification", "tokens")
questions = made("question-answering", "questions")
masks = made("fill-mask", "masks")
features = made("feature-extraction", "features")
strategies = ["none", "simple", "first", "average", "max"]
answers = {
    "transformers": transformers.__version__,
    "text": [text(one, top_k=None) for one in inputs["text"]],
    "tokens": [
        {"strategy": strategies[i % 5], "entities": tokens(one, aggregation_strategy=strategies[i % 5])}
        for i, one in enumerate(inputs["tokens"])
    ],
    "questions": [
        questions(**one, max_seq_len=48, doc_stride=12, handle_impossible_answer=i % 4 == 3, top_k=1 + i % 2)
        for i, one in enumerate(inputs["questions"])
    ],
    "masks": [masks(one, top_k=2) for one in inputs["masks"]],
    # Of each text: the number of tokens and the mean vector.
    "features": [
        (lambda vectors: {"tokens": len(vectors), "mean": numpy.mean(vectors, axis=0)[:6].tolist()})(features(one)[0])
        for one in inputs["features"]
    ],
}
json.dump(rounded(answers), open(f"{folder}/answers.json", "w", encoding="utf-8"), ensure_ascii=False)
