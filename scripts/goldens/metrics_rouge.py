"""ROUGE by rouge_score on random texts, and NLTK's stems: what src/metrics/rouge.ts and porterStemmer.ts are held against.

Words come from NLTK's own rules (roots with all kinds of suffixes), so nothing of a corpus is copied.
Run: python scripts/goldens/metrics_rouge.py > src/metrics/goldens/rouge.json
"""

import json
import random

from nltk.stem.porter import PorterStemmer
from rouge_score.rouge_scorer import RougeScorer

random.seed(3)
types = ["rouge1", "rouge2", "rouge3", "rougeL", "rougeLsum"]
roots = (
    "a be by tr ty fly sky toy enjo rel at abl iz hop tann fall hiss fizz fail fil agre happ relat condit ration val hesit digit "
    "conform radic differ vil analog vietnam predic oper feud decis hope call form sensit triplic electr good reviv allow infer "
    "airlin gyroscop adjust defens irrit replac depend adopt homolog commun activ angular effect bowdler prob ceas controll roll "
    "yy syzyg yell x10 42 psycho theo log"
).split()
suffixes = (
    "s es ies ied sses ss ed eed ing ings y ly ally fully ational tional ency ancy izer bly ably ically entli eli ously ization ation "
    "ator alism iveness fulness ousness ality ivity bility logy icate ative alize iciti ical ful ness al ance ence er ic able ible ant "
    "ement ment ent sion tion ion ou ism ate iti ous ive ize e ll le iz at bl"
).split()
irregular = "sky skies dying lying tying news innings inning outings outing cannings canning howe proceed exceed succeed".split()
stemmer = PorterStemmer()
words = sorted(set(roots + irregular + [root + suffix for root in roots for suffix in suffixes]))
kept = sorted(set(irregular + random.sample(words, 2600)))

vocabulary = "the The cat cats sat sitting on mats mat, dogs dog's running runs naïve U.S. 3.5 — İ K news dying Relational".split()


def sentence(longest):
    return " ".join(random.choice(vocabulary) for _ in range(random.randint(0, longest)))


def text():
    return random.choice(["\n", "\n", ". ", " \n\n"]).join(sentence(9) for _ in range(random.randint(1, 4)))


def near(value):
    parts = value.split(" ")
    for _ in range(random.randint(0, 4)):
        parts[random.randrange(len(parts))] = random.choice(vocabulary)
    return " ".join(parts)


def row(number):
    references = [text() for _ in range(1 if number % 3 else random.randint(2, 3))]
    prediction = near(random.choice(references)) if random.random() < 0.8 else text()
    scores = {}
    for stem in (False, True):
        best = RougeScorer(types, use_stemmer=stem).score_multi(references, prediction)
        scores["stems" if stem else "words"] = {key: list(map(float, value)) for key, value in best.items()}
    return {"prediction": prediction, "references": references, **scores}


print(
    json.dumps(
        {
            "stems": " ".join(f"{word} {stemmer.stem(word)}" for word in kept),
            "rows": [row(number) for number in range(80)],
        },
        separators=(",", ":"),
    )
)
