"""vlm_prompts.json: conversations of every task to ids and labels.

    venv/bin/python export_vlm_prompts.py TOKENIZER_JSON     # with tokenizers==0.23.3

TOKENIZER_JSON is one of Qwen2 to Qwen3: of its added tokens the first three stay, and <image>, <ground>, <coord> follow
them. Each entry of `prompts`:
  task, user, answer    as an annotation file has them
  form                  train              the spatial instruction stands before the question
                        train_plain        it does not: the turn is taken as it is
                        evaluate           one newline after <image>, no instruction, ends with the assistant's header
                        evaluate_ground    the same with the answer <ground>
                        evaluate_instruction  chosen here: the ids of `train` up to and with the assistant's header
  control               `text` where control words inside the question stay text (absent: they become control ids, as
                        released; there are such words in the last conversation only)
  ids                   -200 stands for <image>
  labels                train*: the assistant's turn, and 198, 151644 and 151645 anywhere; evaluate_ground: of
                        each turn its first id, <|im_end|>, the last newline and the assistant's answer; else absent
"""

import hashlib
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

IMAGE, IGNORED = -200, -100
START, END, NEWLINE = 151644, 151645, 198
INSTRUCTION = (
    "The video captures 3D spatial information of a scene. Please focus on the spatial relationships in the "
    "video and answer the following questions."
)
IDENTIFY = "<image>Identify the object according to the following description.\n"
SEVERAL = "\nThere may be no corresponding object, or there may be one or more objects."
DESCRIBE = "<image> Given an object located at <coord> , describe the object in detail."
CONVERSATIONS = [
    ("scanrefer", IDENTIFY + "A chair", "<ground>"),
    ("scanrefer", IDENTIFY + "This is a brown, wooden door. it's to the right of the 2 windows.", "<ground>"),
    ("multi3drefer", IDENTIFY + "The two grey chairs behind the table." + SEVERAL, "<ground>"),
    ("multi3drefer", IDENTIFY + "Every caf\u00e9 table without a lamp on it" + SEVERAL, "<ground>"),
    ("scan2cap", DESCRIBE, "This is a black office chair. it is in front of the desk."),
    ("scan2cap", DESCRIBE, "The t.v. on the wall; 24 inches (or so)"),
    ("scanqa", "<image> What color is the chair? Answer the question simply.", "brown"),
    ("scanqa", "<image> How many monitors are on the desk?  Answer the question simply.", "2 monitors"),
    (
        "sqa3d",
        "<image> I am facing a window and there is a desk on my right. What is behind me? "
        "Answer the question using a single word or phrase.",
        "bookshelf",
    ),
    (
        "sqa3d",
        "<image> Standing beside the sofa\nI'd turn left. Can I see the door? "
        "Answer the question using a single word or phrase.",
        "no",
    ),
    (
        "sqa3d",
        "<image> I see a<|im_end|>b on the <coord>. What is it? Answer the question using a single word or phrase.",
        "box",
    ),
]


class Words:
    def __init__(self, text):
        data = json.loads(text)
        data["added_tokens"] = [t for t in data["added_tokens"] if t["id"] <= END]
        for i, word in enumerate(("<image>", "<ground>", "<coord>")):
            data["added_tokens"].append(
                data["added_tokens"][0] | {"id": END + 1 + i, "content": word, "special": i == 0, "normalized": i > 0}
            )
        self.tokenizer = Tokenizer.from_str(json.dumps(data))
        self.plain = Tokenizer.from_str(json.dumps(data | {"added_tokens": []}))

    def __call__(self, text):
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return [IMAGE if i == END + 1 else i for i in ids]

    def as_text(self, text):
        return self.plain.encode(text, add_special_tokens=False).ids


def trained(words, user, answer, instruction):
    if instruction:
        user = f"<image>\n{INSTRUCTION}\n" + user.replace("<image>", "")
    turns = [
        words(f"<|im_start|>{role}\n{text}<|im_end|>\n")
        for role, text in (("system", "You are a helpful assistant."), ("user", user), ("assistant", answer))
    ]
    ids = sum(turns, [])
    first = len(ids) - len(turns[2])
    return ids, [t if i >= first or t in (NEWLINE, START, END) else IGNORED for i, t in enumerate(ids)]


def evaluated(words, user, answer):
    before, after = user.split("<image>")
    turns = [
        [START, *words("system"), NEWLINE, *words("You are a helpful assistant."), END, NEWLINE],
        [START, *words("user"), NEWLINE, *words(before), IMAGE, NEWLINE, *words(after), END, NEWLINE],
        [START, *words("assistant"), NEWLINE],
    ]
    if answer is None:
        return sum(turns, []), None
    labels = []
    for ids in turns[:2]:
        labels += [START] + [IGNORED] * (len(ids) - 3) + [END, NEWLINE]
    labels += [START, IGNORED, IGNORED, *words(answer), END, NEWLINE]
    turns[2] += [*words(answer), END, NEWLINE]
    return sum(turns, []), labels


def main():
    text = Path(sys.argv[1]).read_bytes()
    words = Words(text.decode())
    prompts = []

    def add(task, form, user, answer, ids, labels):
        assert labels is None or len(labels) == len(ids)
        entry = {"task": task, "form": form, "user": user, "answer": answer, "ids": ids}
        prompts.append(entry | ({"labels": labels} if labels else {}))

    for task, user, answer in CONVERSATIONS:
        train = trained(words, user, answer, True)
        add(task, "train", user, answer, *train)
        add(task, "train_plain", user, answer, *trained(words, user, answer, False))
        finds = answer == "<ground>"
        add(
            task,
            "evaluate_ground" if finds else "evaluate",
            user,
            answer,
            *evaluated(words, user, answer if finds else None),
        )
        header = len(train[0]) - len(words(f"<|im_start|>assistant\n{answer}<|im_end|>\n")) + 3
        add(task, "evaluate_instruction", user, answer, train[0][:header], None)

    task, user, answer = CONVERSATIONS[-1]
    question = user.removeprefix("<image>")
    system = words("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n")
    tail = [END, NEWLINE, *words(f"<|im_start|>assistant\n{answer}<|im_end|>\n")]
    head = [*system, START, *words("user"), NEWLINE, IMAGE, NEWLINE]
    ids = [*head, *words.as_text(question), *tail[:5]]
    add(task, "evaluate", user, answer, ids, None)
    prompts[-1]["control"] = "text"
    assert {IMAGE, 151648} & set(ids) == {IMAGE} and ids.count(END) == 2
    ids = [*head, *words.as_text(f"{INSTRUCTION}\n{question}"), *tail]
    first = len(ids) - len(tail) + 2
    add(
        task,
        "train",
        user,
        answer,
        ids,
        [t if i >= first or t in (NEWLINE, START, END) else IGNORED for i, t in enumerate(ids)],
    )
    prompts[-1]["control"] = "text"
    assert words.as_text("a<|im_end|>b") == [64, 27, 91, 318, 6213, 91, 29, 65]

    # Ids that were published for these texts.
    head = [151644, 8948, 198, 2610, 525, 264, 10950, 17847, 13, 151645, 198, 151644, 872, 198, IMAGE, 198]
    known = {
        ("scanrefer", "evaluate_ground"): [
            28301, 1437, 279, 1633, 4092, 311, 279, 2701, 4008, 624, 32, 10496, END, 198, START, 77091, 198, 151647,
            END, 198,
        ],
        ("scan2cap", "evaluate"): [
            16246, 458, 1633, 7407, 518, 220, 151648, 1154, 7512, 279, 1633, 304, 7716, 13, END, 198, START, 77091,
            198,
        ],
        ("scanqa", "train"): [
            785, 2766, 40155, 220, 18, 35, 27979, 1995, 315, 264, 6109, 13, 5209, 5244, 389, 279, 27979, 11871, 304,
            279, 2766, 323, 4226, 279, 2701, 4755, 624, 3555, 1894, 374, 279, 10496, 30, 21806, 279, 3405, 4936, 13,
            151645, 198, 151644, 77091, 198, 64461, 151645, 198,
        ],
    }
    for (task, form), rest in known.items():
        assert next(p["ids"] for p in prompts if p["task"] == task and p["form"] == form) == head + rest, (task, form)
    inner = next(p for p in prompts if p["user"].endswith("on it" + SEVERAL) and p["form"] == "train")
    user_turn = inner["ids"].index(IMAGE) + 2
    assert NEWLINE in inner["ids"][user_turn : inner["ids"].index(END, user_turn)]  # a newline of its own: supervised

    rows = ",\n".join(json.dumps(p) for p in prompts)
    digest = hashlib.sha256(text).hexdigest()
    (Path(__file__).parent / "vlm_prompts.json").write_text(
        f'{{"tokenizer_sha256": "{digest}",\n"added": {{"<image>": 151646, "<ground>": 151647, "<coord>": 151648}},\n'
        f'"prompts": [\n{rows}]}}\n'
    )


main()
