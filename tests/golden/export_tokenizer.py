"""Expected ids and texts of tests/golden/tokenizer: the `tokenizers` package on a small byte-level BPE of its own.

Usage: python3 export_tokenizer.py                          (tokenizers==0.23.3)
       python3 export_tokenizer.py --compare PROGRAM TOKENIZER [COUNT [SEED]]

tokenizer.json: 400 merges that the package's trainer learnt from the texts below, with control words of every kind. cases.json: texts
of many scripts, marks, emoji, white space, numbers and control words, with ids and decoded texts. classes.json: what the package takes
every character for.

--compare draws COUNT (20000) texts and compares a program with the package on TOKENIZER (the tokenizer.json of Qwen2, say). PROGRAM is
build/bin/bench_tokenizer; it reads texts and writes ids, each as a count (uint32, little endian) and what it counts.
"""

import json
import os
import random
import struct
import subprocess
import sys
import zlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizer")
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LESSONS = [
    "The brown chair stands next to the table, by the window. It doesn't have arms; they're low.",
    "a white desk with two monitors on it; the desk is left of the door. There are 12 chairs, 3 of them black.",
    "Identify the object according to the following description.\n", "Answer the question using a single word or phrase.",
    "What is in front of me? Which way do I turn, left or right?\n\n", "def forward(self, x):\n    return self.head(x) + 1\n",
    "Der Stuhl steht neben dem Tisch; die T\u00fcr \u00f6ffnet sich nach au\u00dfen.", "une chaise marron pr\u00e8s de la fen\u00eatre, d\u00e9j\u00e0 l\u00e0",
    "\u041a\u043e\u0440\u0438\u0447\u043d\u0435\u0432\u044b\u0439 \u0441\u0442\u0443\u043b \u0441\u0442\u043e\u0438\u0442 \u0443 \u043e\u043a\u043d\u0430.", "\u623f\u95f4\u91cc\u6709\u4e00\u628a\u68d5\u8272\u7684\u6905\u5b50\u3002\u6905\u5b50\u5728\u7a97\u6237\u65c1\u8fb9\u3002",
    "\u90e8\u5c4b\u306e\u4e2d\u306b\u8336\u8272\u3044\u6905\u5b50\u304c\u3042\u308a\u307e\u3059\u3002", "\uc758\uc790\uac00 \ucc3d\ubb38 \uc606\uc5d0 \uc788\uc2b5\ub2c8\ub2e4.", "\u0627\u0644\u0643\u0631\u0633\u064a \u0628\u062c\u0627\u0646\u0628 \u0627\u0644\u0646\u0627\u0641\u0630\u0629",
    "\u0915\u0941\u0930\u094d\u0938\u0940 \u0916\u093f\u0921\u093c\u0915\u0940 \u0915\u0947 \u092a\u093e\u0938 \u0939\u0948", "\U0001f642\U0001f642 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
]
WORDS = ("the chair next to window is a brown wooden table don't I'll we've they're it's you'd I'm left right 's 'T 'S 'LL '\u017f ' '' "
         "Hello WORLD na\u00efve Stra\u00dfe \u017f \u212a \u0130 \u0131 \u00df \u2126").split()
CODE = ["def f(x):\n\treturn x+1\n", "  \n\n  x", "->", "{}", "http://a.b/c?d=e&f#g", "a_b", "12345.678", "1,000", "\u0663\u0664\u0665", "\u2167",
        "\u00bd", "\u00b2\u00b3", "...", "!!\n", "\r\n", "\u2026", "\n\n\n", "\t\t"]
SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x180E, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F,
                           0x2060, 0x3000, 0xFEFF, 0x1C, 0x1F)]
MARKS = [chr(c) for c in (0x300, 0x301, 0x308, 0x323, 0x327, 0x338, 0x345, 0x5B0, 0x64B, 0x7FD, 0x93C, 0x1DF6, 0xE38, 0x3099, 0x20DD,
                          0x200D, 0xFE0F)]
EMOJI = ["\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f44d\U0001f3fd",
         "\U0001f1e9\U0001f1ea", "1\ufe0f\u20e3", "\u2764\ufe0f", "\U0001f937\u200d\u2640\ufe0f"]
SCRIPTS = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F),
           (0x980, 0x9FF), (0xB80, 0xBFF), (0xE00, 0xE7F), (0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x1E00, 0x1FFF),
           (0x2000, 0x206F), (0x2070, 0x218F), (0x2200, 0x22FF), (0x2460, 0x24FF), (0x2600, 0x27BF), (0x3000, 0x30FF), (0x4E00, 0x9FFF),
           (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x10400, 0x105FF), (0x11380, 0x11FFF), (0x16D40, 0x16D7F),
           (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF), (0x2EBF0, 0x323AF), (0xE000, 0xE0FF), (0xFE00, 0xFE0F),
           (0xE0100, 0xE01EF)]


class Texts:
    def __init__(self, seed, control):
        self.random = random.Random(seed)
        self.control = control

    def piece(self):
        r, k = self.random, self.random.random()
        if k < 0.25:
            return r.choice(WORDS)
        if k < 0.45:
            low, high = r.choice(SCRIPTS)
            return "".join(chr(r.randint(low, high)) for _ in range(r.randint(1, 8)))
        if k < 0.57:
            return "".join(r.choice(SPACES) for _ in range(r.randint(1, 5)))
        if k < 0.65:
            return r.choice(CODE)
        if k < 0.72:
            return str(r.randint(0, 10 ** r.randint(1, 12)))
        if k < 0.78:
            return "".join(r.choice(MARKS) for _ in range(r.randint(1, 4)))
        if k < 0.83:
            return r.choice(EMOJI)
        if k < 0.90:
            word = r.choice(self.control)
            return word if r.random() < 0.8 else word[: r.randint(1, len(word))]
        if k < 0.93:
            c = r.randint(0x80, 0x10FFFF)
            return "A" if 0xD800 <= c < 0xE000 else chr(c)
        if k < 0.95:
            return r.choice("aA .1-\n\u4e2d") * r.randint(2, 60)
        return r.choice([" ", "  ", "\n", " \n"])

    def text(self):
        return "".join(self.piece() for _ in range(self.random.choice([1, 2, 3, 5, 8, 13, 30])))


def small():
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(LESSONS * 3, trainers.BpeTrainer(
        vocab_size=656, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    made.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>", AddedToken("<|l|>", lstrip=True, special=True),
                             AddedToken("<|im_end|>x", rstrip=True, special=True)])
    made.add_tokens(["<ground>", "<coord>", "<ground>b", AddedToken("\u00e9!", normalized=True), AddedToken("e\u0301x", normalized=False),
                     AddedToken("word", single_word=True, normalized=False), AddedToken("<r>", rstrip=True),
                     AddedToken("<lr>", lstrip=True, rstrip=True, normalized=False)])
    return made


def export():
    os.makedirs(HERE, exist_ok=True)
    path = os.path.join(HERE, "tokenizer.json")
    made = small()
    merges = len(json.loads(made.to_str())["model"]["merges"])
    assert merges == 400, merges
    with open(path, "w", encoding="utf8") as f:
        json.dump(json.loads(made.to_str()), f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")
    control = [t.content for t in made.get_added_tokens_decoder().values()]
    texts = Texts(1, control)
    plain = json.loads(made.to_str())
    plain["added_tokens"] = []
    plain = Tokenizer.from_str(json.dumps(plain))
    with open(os.path.join(HERE, "cases.json"), "w", encoding="ascii") as f:
        rows = []
        for _ in range(130):
            text = texts.text()
            ids = made.encode(text, add_special_tokens=False).ids
            row = {"text": text, "ids": ids}
            as_text = plain.encode(text, add_special_tokens=False).ids
            if as_text != ids:
                row["as_text"] = as_text
            for key, skip in (("decoded", False), ("skipped", True)):
                back = made.decode(ids, skip_special_tokens=skip)
                if back != text:
                    row[key] = back
            rows.append(json.dumps(row, separators=(",", ":")))
        f.write("[\n" + ",\n".join(rows) + "\n]\n")

    classes(os.path.join(HERE, "classes.json"))


# What the package takes every character for, as counts and checksums (CRC-32 of the characters in UTF-8).
def classes(path):
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    found = {}
    for name, pattern in (("letter", r"\p{L}"), ("number", r"\p{N}"), ("space", r"\s")):
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        found[name] = [c for c in every if len(split.pre_tokenize_str("\x01" + c + "\x01")) == 3]
    word = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    word.add_tokens([AddedToken("zz", single_word=True, normalized=False)])
    found["word"] = [c for c in every if word.token_to_id("zz") not in word.encode("zz" + c).ids]
    nfc = normalizers.NFC()
    found["nfc"] = [nfc.normalize_str(t) for c in every for t in (c, "a" + c, c + "\u0323\u0301", "\u0301" + c, "\u0316" + c)]
    with open(path, "w", encoding="ascii") as f:
        json.dump({k: {"count": len(v), "crc32": zlib.crc32("".join(v).encode())} for k, v in found.items()}, f, indent=1)
        f.write("\n")


def compare(program, path, count=20000, seed=1):
    package = Tokenizer.from_file(path)
    control = [t.content for t in package.get_added_tokens_decoder().values()]
    texts = Texts(seed, control)
    texts = [texts.text() for _ in range(count)]
    given = b"".join(struct.pack("<I", len(b)) + b for b in (t.encode() for t in texts))
    out = subprocess.run([program, "--ids", path], input=given, stdout=subprocess.PIPE, check=True).stdout
    at = differ = total = 0
    for text in texts:
        n, = struct.unpack_from("<I", out, at)
        ids = list(struct.unpack_from(f"<{n}i", out, at + 4))
        at += 4 + 4 * n
        total += n
        backs = []
        for _ in range(2):
            n, = struct.unpack_from("<I", out, at)
            backs.append(out[at + 4: at + 4 + n].decode())
            at += 4 + n
        expected = package.encode(text, add_special_tokens=False).ids
        if ids != expected or backs != [package.decode(ids, skip_special_tokens=s) for s in (False, True)]:
            differ += 1
            if differ < 5:
                print(ascii(text), expected, ids, file=sys.stderr)
    print(f"{count} texts, {total} ids, {differ} texts differ")
    return 1 if differ else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compare"]:
        sys.exit(compare(*sys.argv[2:4], *map(int, sys.argv[4:])))
    export()
