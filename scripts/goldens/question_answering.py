"""Windows, answer positions and answers of question answering as run_qa.py makes them.

src/tasks/goldens/questionAnswering.json: over texts of our own, in full.
test/real/goldens/squad.json: over rows of ../shared/data/squad, texts left out (tokens and offsets as checksums).
`npx biome format --write` both after a run.
"""

import hashlib
import json
import pathlib
import sys
import tempfile

import numpy
from transformers import AutoTokenizer, BertTokenizerFast

root = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(root / "benchmarks/python"))
import qa_reference

VOCAB = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *"the a in of to and is was who what where when wrote lives song book king queen ada bo city river north south".split(),
    *"sea house old new big red blue green 1 9 0 5 . , ? ! ' - 한 국".split(),
    *"##s ##ly ##0 ##5 ##9 ##ing ##er ##국".split(),
    # What is left of a Korean syllable whose letters stand apart.
    *"ᄒ ##ᅡ ##ᆫ ##ᄀ ##ᅮ ##ᆨ".split(),
]
# Some characters here are two UTF-16 units long.
CONTEXTS = [
    "Ada 😀 lives in the old house, north of the river 🌊 and south of the sea. Bo lives in the big red city.",
    "The king wrote a song in 1905.",
    "𝒳 The queen wrote the blue book in 1909, and the king wrote the new green song. 😀😀 The song was old, "
    "the book was new, the city was big, the river was blue, the sea was green, and the house was red. Ada "
    "and Bo live in the house; the queen lives in the city; the king lives in the north.",
    "한국 is in the north. 국 is a city.",
    "  The river, the sea and the city  ",
]
ROWS = [
    ("Where lives Ada?", 0, ["in the old house"]),
    ("Who lives in the city?", 0, ["Bo"]),
    ("What is north?", 0, ["river", "the river"]),
    ("When was the song?", 1, ["1905"]),
    ("When was the song", 1, ["1905."]),
    ("Who wrote the book?", 2, ["queen", "The queen"]),
    ("Where lives the king?", 2, ["in the north"]),
    ("Who lives in the house?", 2, ["Ada and Bo"]),
    ("Who was the queen of the north?", 2, []),
    ("Where is 한국?", 3, ["한국"]),
    ("What is a city?", 3, ["국"]),
    ("Who wrote?", 4, ["city"]),
    ("What is the?", 1, []),
]


def logits(window, length):
    """Start and end logits that any language makes alike: two lists of float32."""
    token = numpy.arange(length, dtype=numpy.uint64)
    result = []
    for which in (0, 1):
        mixed = (window * 73856093) ^ (token * 19349663) ^ (which * 83492791)
        mixed = (mixed * 2654435761) % 2**32
        mixed = ((mixed ^ (mixed >> numpy.uint64(15))) * 2246822519) % 2**32
        values = (mixed >> numpy.uint64(8)).astype(numpy.float64) / 2**24 * 12 - 6
        # Now and then a window has much to say for "no answer".
        values[0] += window % 3 * 4
        result.append(values.astype(numpy.float32))
    return result


def rounded(value):
    return round(float(value), 6)


def golden(tokenizer, rows, max_length, doc_stride, full, best_kept):
    windows = qa_reference.windows(tokenizer, rows, max_length, doc_stride)
    features = []
    for number, window in enumerate(windows):
        start, end = qa_reference.positions(window, rows[window["row"]]["answers"])
        flat = [unit for pair in window["offsets"] for unit in pair]
        text = ",".join(map(str, window["input_ids"])) + "|" + ",".join(map(str, flat))
        features.append(
            {
                "row": window["row"],
                **(
                    {"ids": window["input_ids"], "typeIds": window["token_type_ids"], "offsets": flat}
                    if full
                    else {"sum": hashlib.sha1(text.encode()).hexdigest()[:16], "tokens": len(window["input_ids"])}
                ),
                "start": start,
                "end": end,
                # Where run_qa walks past the end of the context; the text's last token is meant.
                **({"start": window["context"][-1], "walkedOn": True} if start > window["context"][-1] else {}),
            }
        )
    scores = [logits(number, len(window["input_ids"])) for number, window in enumerate(windows)]
    versions = {}
    for version in ("v1", "v2"):
        answers = []
        for index, row in enumerate(rows):
            own = [number for number, window in enumerate(windows) if window["row"] == index]
            result = qa_reference.answer(
                row, [windows[number] for number in own], [scores[number] for number in own], version == "v2"
            )
            chosen = next((one for one in result["best"] if one["text"] == result["text"]), None)
            answers.append(
                {
                    "answer": list(chosen["offsets"] or []),
                    **({"text": result["text"]} if full else {}),
                    **({} if result["difference"] is None else {"difference": rounded(result["difference"])}),
                    "options": len([one for one in result["best"] if one["offsets"] is not None]),
                    "best": [
                        [*one["offsets"], *(rounded(one[key]) for key in ("start_logit", "end_logit", "probability"))]
                        for one in result["best"][:best_kept]
                        if one["offsets"] is not None
                    ],
                }
            )
        versions[version] = answers
    return {"maxLength": max_length, "docStride": doc_stride, "features": features, **versions}


def own():
    rows = [
        {
            "id": f"q{number}",
            "question": question,
            "context": CONTEXTS[context],
            "answers": {"text": texts, "answer_start": [CONTEXTS[context].index(text) for text in texts]},
        }
        for number, (question, context, texts) in enumerate(ROWS)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "vocab.txt")
        path.write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
        tokenizer = BertTokenizerFast(str(path), do_lower_case=True)
        return {
            "vocab": VOCAB,
            "rows": rows,
            "cases": [golden(tokenizer, rows, *sizes, True, 5) for sizes in ((384, 128), (32, 10), (24, 4))],
        }


def squad():
    tokenizer = AutoTokenizer.from_pretrained(root.parent / "shared/models/all-MiniLM-L6-v2")
    every = 80
    rows = qa_reference.squad_rows(root.parent / "shared/data/squad/dev-v1.1.json")[::every]
    for index, row in enumerate(rows):
        if index % 4 == 3:
            row["answers"] = {"text": [], "answer_start": []}
    return {
        "every": every,
        "withoutAnswer": "every fourth, from the fourth",
        "cases": [golden(tokenizer, rows, *sizes, False, 1) for sizes in ((384, 128), (128, 48))],
    }


for target, content in ((root / "src/tasks/goldens/questionAnswering.json", own()), (root / "test/real/goldens/squad.json", squad())):
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
