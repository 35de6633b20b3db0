"""Expected scores of tests/golden/caption_metrics/scores.json: pycocoevalcap 1.2 with its jars (needs java), on hypotheses.jsonl and
references.jsonl, once as they are ("raw") and once through its tokeniser ("ptb").

Usage: python3 export_caption_scores.py            compares with the stored file (exit code 1: a number is off by over 1e-12)
       python3 export_caption_scores.py --remake   writes it anew
"""

import json
import os
import subprocess
import sys

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "caption_metrics")


def lines(name):
    with open(os.path.join(HERE, name), encoding="utf8", newline="\n") as f:
        return [json.loads(line) for line in f.read().split("\n") if line]


ids = [row["id"] for row in lines("hypotheses.jsonl")]
hypotheses = {row["id"]: [row["hypothesis"]] for row in lines("hypotheses.jsonl")}
references = {row["id"]: row["references"] for row in lines("references.jsonl")}


def mode(references, hypotheses, tokens):
    references, hypotheses = ({i: texts[i] for i in ids} for texts in (references, hypotheses))
    items = [{"id": i} for i in ids]
    corpus = {}
    bleu, per_item = Bleu(4).compute_score(references, hypotheses, verbose=0)
    found = {f"bleu{n + 1}": (bleu[n], per_item[n]) for n in range(4)}
    for name, scorer in (("rouge_l", Rouge()), ("cider_d", Cider()), ("meteor", Meteor())):
        found[name] = scorer.compute_score(references, hypotheses)
    for name, (value, values) in found.items():
        corpus[name] = float(value)
        for item, one in zip(items, values):
            item[name] = float(one)
    if tokens:
        for item in items:
            item["tokens"] = hypotheses[item["id"]][0]
            item["reference_tokens"] = references[item["id"]]
    return {"corpus": corpus, "items": items}


def worst(a, b):
    if isinstance(a, dict):
        assert a.keys() == b.keys(), (a.keys(), b.keys())
        return max((worst(a[k], b[k]) for k in a), default=0)
    if isinstance(a, list):
        assert len(a) == len(b)
        return max((worst(x, y) for x, y in zip(a, b)), default=0)
    if isinstance(a, str):
        assert a == b, (a, b)
        return 0
    return abs(a - b)


tokenise = PTBTokenizer().tokenize
captions = [{i: [{"caption": text} for text in texts[i]] for i in ids} for texts in (references, hypotheses)]
modes = {"ptb": mode(*map(tokenise, captions), True), "raw": mode(references, hypotheses, False)}
path = os.path.join(HERE, "scores.json")
if "--remake" in sys.argv[1:]:
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr.splitlines()[0]
    with open(path, "w", encoding="utf8") as f:
        json.dump({"made_with": {"pycocoevalcap": "1.2", "java": java}, "modes": modes}, f, ensure_ascii=False, indent=1)
else:
    with open(path, encoding="utf8") as f:
        off = worst(json.load(f)["modes"], modes)
    print("largest difference", off)
    sys.exit(off > 1e-12)
