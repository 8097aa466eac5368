"""Question answering as transformers' example run_qa.py does it: windows, answer positions, n-best answers.

Shared by the goldens (scripts/goldens/question_answering.py) and the benchmark (qa_trainer.py).
"""

import json

import numpy


def squad_rows(path):
    """The questions of a file in SQuAD's form, one after the other."""
    with open(path, encoding="utf-8") as file:
        articles = json.load(file)["data"]
    return [
        {
            "id": qa["id"],
            "question": qa["question"],
            "context": paragraph["context"],
            "answers": {
                "text": [answer["text"] for answer in qa["answers"]],
                "answer_start": [answer["answer_start"] for answer in qa["answers"]],
            },
        }
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def windows(tokenizer, rows, max_length, doc_stride, padding=False):
    """Each row's question with as much of its context as fits, window by window."""
    encoded = tokenizer(
        [row["question"].lstrip() for row in rows],
        [row["context"] for row in rows],
        truncation="only_second",
        max_length=max_length,
        stride=doc_stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding="max_length" if padding else False,
    )
    result = []
    for i, sample in enumerate(encoded["overflow_to_sample_mapping"]):
        sequence_ids = encoded.sequence_ids(i)
        result.append(
            {
                "row": sample,
                "input_ids": encoded["input_ids"][i],
                "token_type_ids": encoded["token_type_ids"][i],
                "attention_mask": encoded["attention_mask"][i],
                "offsets": encoded["offset_mapping"][i],
                "context": [k for k, sequence in enumerate(sequence_ids) if sequence == 1],
            }
        )
    return result


def positions(window, answers):
    """The window's tokens where the first answer starts and ends; [CLS] where it has none or does not hold it all."""
    offsets, context = window["offsets"], window["context"]
    if not answers["answer_start"] or not context:
        return 0, 0
    begin = answers["answer_start"][0]
    end = begin + len(answers["text"][0])
    start_token, end_token = context[0], context[-1]
    if offsets[start_token][0] > begin or offsets[end_token][1] < end:
        return 0, 0
    # As in run_qa this walks on over [SEP] and padding, whose offsets are (0, 0), where the answer starts in the last token.
    while start_token < len(offsets) and offsets[start_token][0] <= begin:
        start_token += 1
    while offsets[end_token][1] >= end:
        end_token -= 1
    return start_token - 1, end_token + 1


def answer(row, row_windows, logits, version_2, n_best_size=20, max_answer_length=30, threshold=0.0):
    """The answer to a row from its windows' start and end logits, with the n best and, for version 2, the score difference."""
    null, found = None, []
    for window, (starts, ends) in zip(row_windows, logits):
        score = starts[0] + ends[0]
        if null is None or score < null["score"]:
            null = {"offsets": (0, 0), "score": score, "start_logit": starts[0], "end_logit": ends[0]}
        inside = set(window["context"])
        for start in numpy.argsort(starts)[::-1][:n_best_size].tolist():
            for end in numpy.argsort(ends)[::-1][:n_best_size].tolist():
                if start not in inside or end not in inside or not 0 < end - start + 1 <= max_answer_length:
                    continue
                found.append(
                    {
                        "offsets": (window["offsets"][start][0], window["offsets"][end][1]),
                        "score": starts[start] + ends[end],
                        "start_logit": starts[start],
                        "end_logit": ends[end],
                    }
                )
    if version_2:
        found.append(null)
    best = sorted(found, key=lambda one: one["score"], reverse=True)[:n_best_size]
    if version_2 and all(one["offsets"] != (0, 0) for one in best):
        best.append(null)
    for one in best:
        one["text"] = row["context"][one["offsets"][0] : one["offsets"][1]]
    if all(one["text"] == "" for one in best):
        best.insert(0, {"offsets": None, "text": "empty", "score": 0.0, "start_logit": 0.0, "end_logit": 0.0})
    scores = numpy.array([one["score"] for one in best])
    weights = numpy.exp(scores - scores.max())
    for one, probability in zip(best, weights / weights.sum()):
        one["probability"] = float(probability)
    if not version_2:
        return {"text": best[0]["text"], "best": best, "difference": None}
    first = next(one for one in best if one["text"] != "")
    difference = null["score"] - first["start_logit"] - first["end_logit"]
    return {
        "text": "" if difference > threshold else first["text"],
        "best": best,
        "difference": float(difference),
    }
