"""pictures/: small pictures, questions about them in the forms of CV-Bench and BLINK, what transformers' Qwen2.5-VL
answers, and what the released scorers make of answers.

    python3 export_pictures.py VEGA_3D      a checkout of H-EmbodVis/VEGA-3D, branch spatial-reasoning

Prompts, the choice and cutting of pictures, letters and scores come from the functions of that checkout
(src/lmms_eval/tasks/{cvbench,blink}/utils.py); pictures then go through Pillow's JPEG as in src/lmms_eval/models/vgllm.py
and through the steps of export_qwen2_5_vl.py. The model and the way of answering are those of export_vsi.py.

cvbench.jsonl, blink.jsonl, img/...                   questions, pictures
cvbench_answers.jsonl, blink_answers.jsonl            sample_id, prompt, pred_response
scores.json    letters: [answer, letter]; of each benchmark lines of answers with what they are worth together; recoded:
               formula images (export_images.py) before and after Pillow's JPEG of quality 75, by fnv1a64 of their bytes
"""

import ast
import importlib.util
import io
import json
import os
import random
import sys

import numpy as np
import PIL
import torch
from PIL import Image, features

import export_images as I
import export_qwen2_5_vl as Q
import export_vsi as V
import weights as W

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pictures")


def module(root, name):
    path = os.path.join(root, "src/lmms_eval/tasks", name, "utils.py")
    spec = importlib.util.spec_from_file_location("released_" + name, path)
    out = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(out)
    return out


def coarse(name, width, height):
    """Bytes (H, W, 3): colours in cells of 5 pixels, so that JPEG changes them; small as PNG."""
    h, w = -(-height // 5), -(-width // 5)
    cells = (W.uniforms(W.words("golden.pictures." + name, h * w * 3, 42)) * 256).astype(np.uint8).reshape(h, w, 3)
    return cells.repeat(5, 0).repeat(5, 1)[:height, :width]


PICTURES = {   # name: width, height
    "img/2D/count/ade20k_1.png": (64, 48), "img/2D/relation/coco_2.png": (48, 64), "img/3D/depth/omni3d_3.png": (75, 50),
    "val_1/view_1.png": (64, 48), "val_1/view_2.png": (50, 70), "val_2/one.png": (60, 45), "val_3/grey.png": (48, 48),
}

CVBENCH = [
    # task, source, picture, question, choices, answer
    ("Count", "ADE20K", "img/2D/count/ade20k_1.png", "How many lamps are in the image?", ["3", "2", "1", "0"], "(C)"),
    ("Relation", "COCO", "img/2D/relation/coco_2.png",
     "Considering the relative positions of the cup and the lamp in the image provided, where is the cup located with "
     "respect to the lamp?", ["left", "right"], "(A)"),
    ("Depth", "Omni3D", "img/3D/depth/omni3d_3.png",
     "Which object is closer to the camera taking this photo, the chair (highlighted by a red box) or the table "
     "(highlighted by a blue box)?", ["chair", "table"], "(B)"),
    ("Distance", "Omni3D", "img/3D/depth/omni3d_3.png",
     "Estimate the real-world distances between objects in this image. Which object is closer to the sofa (highlighted by "
     "a red box), the lamp (highlighted by a blue box) or the door (highlighted by a green box)?", ["lamp", "door"], "(A)"),
]
CHOOSE = "\nSelect from the following choices.\n"
BLINK = [
    # sub_task, idx, pictures, prompt, choices, answer
    ("Multi-view_Reasoning", "val_Multi-view_Reasoning_1", ["val_1/view_1.png", "val_1/view_2.png"],
     "The images are frames from a video. The first is from its beginning, the second from its end. Is the camera moving "
     "left or right?" + CHOOSE + "(A) left\n(B) right", ["left", "right"], "(A)"),
    ("Relative_Depth", "val_Relative_Depth_1", ["val_2/one.png"],
     "Two points are circled on the image, labeled by A and B. Which point is closer to the camera?" + CHOOSE +
     "(A) A is closer\n(B) B is closer", ["A is closer", "B is closer"], "(B)"),
    ("Spatial_Relation", "val_Spatial_Relation_1", ["val_3/grey.png"],
     "Is the cup on the table?" + CHOOSE + "(A) yes\n(B) no", ["yes", "no"], "(A)"),
]


def write_pictures():
    for name, (w, h) in PICTURES.items():
        path = os.path.join(HERE, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pixels = coarse(name, w, h)
        image = Image.fromarray(pixels[:, :, 0] if "grey" in name else pixels)
        image.save(path, optimize=True)
        print(name, w, h, os.path.getsize(path))


def opened(name):
    return Image.open(os.path.join(HERE, name))


def recoded(image):
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG")
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def shown(images):
    return [Q.processor_input(Q.spatial(image), V.BOUNDS) for image in images]


def answered(model, prompt, images, uncut):
    """The line's text; asserts that pictures that went another way give another one where they look different."""
    ids, text, margin = V.answer(model, prompt, shown([recoded(image) for image in images]))
    told = []
    for what, other in (("not encoded", [image.convert("RGB") for image in images]),
                        ("not cut", [recoded(image) for image in uncut])):
        pictures = shown(other)
        if len(pictures) == len(images) and V.answer(model, prompt, pictures)[1] != text:
            told.append(what)
    print("margin %.4f" % margin, ids, repr(text), "told from", told, flush=True)
    assert margin > 1e-3
    return text, told


def questions(cvbench, blink, model):
    lines, answers, told = [], [], set()
    for idx, (task, source, picture, question, choices, answer) in enumerate(CVBENCH):
        line = {"idx": idx, "type": "3D" if source == "Omni3D" else "2D", "task": task, "question": question,
                "choices": choices, "answer": answer, "filename": picture, "source": source}
        doc = dict(line, image=opened(picture))
        prompt = cvbench.cvbench_doc_to_text(doc, {})
        images = cvbench.cvbench_doc_to_visual(doc)
        text, what = answered(model, prompt, images, images)
        told.update(what)
        lines.append(line)
        answers.append({"sample_id": idx, "prompt": "<image>" + prompt, "pred_response": text})
    write_lines("cvbench.jsonl", lines)
    write_lines("cvbench_answers.jsonl", answers)
    lines, answers = [], []
    for sub_task, idx, pictures, prompt, choices, answer in BLINK:
        line = {"idx": idx, "sub_task": sub_task, "question": prompt.split("\n")[0], "choices": choices, "answer": answer,
                "prompt": prompt}
        line.update({"image_%d" % (n + 1): pictures[n] if n < len(pictures) else None for n in range(4)})
        doc = dict(line, **{"image_%d" % (n + 1): opened(name) for n, name in enumerate(pictures)})
        asked = blink.blink_doc_to_text(doc, {})
        [images] = blink.blink_doc_to_visual(doc)
        text, what = answered(model, asked, images, [opened(name).convert("RGB") for name in pictures])
        told.update(what)
        lines.append(line)
        answers.append({"sample_id": idx, "prompt": "<image>" + asked, "pred_response": text})
    write_lines("blink.jsonl", lines)
    write_lines("blink_answers.jsonl", answers)
    assert told == {"not encoded", "not cut"}, told


VECTORS = ["Answer: D", "Best answer: E", "The answer is (E) because", "a", "", "B", " B", "(C)", "The answer", "The answer A",
           "The best answer is D.", "The correct answer is b", "The best option is C", "The best option isThe correct option "
           "is E", "Best answer:Best option:D", "The answer isThe answer is F", "The The answer isanswer is A", "G, H or F",
           "one two three four five six seven eight nine ten eleven", "I think it is either A or B", "Based on it, D",
           "\u4e2dB", "\nC\n", "none of them", "THE ANSWER IS A"]
PIECES = ["The best answer is", "The correct answer is", "The answer is", "The answer", "The best option is",
          "The correct option is", "Best answer:", "Best option:", " ", "A", "B.", "(C)", "d", "the", "\n", "x"]


def letters(cvbench, blink):
    draw = random.Random(42)
    texts = VECTORS + ["".join(draw.choice(PIECES) for _ in range(draw.randrange(1, 6))) for _ in range(60)]
    out = []
    for text in texts:
        letter = cvbench.extract_characters_regex(text)
        assert letter == blink.extract_characters_regex(text)
        out.append([text, letter])
    return out


def said(draw, answer):
    return draw.choice([answer[1], answer, "The answer is " + answer, "B", "a", "The answer is C.", "", "Answer: " + answer[1]])


def cvbench_scores(cvbench):
    draw, docs = random.Random(1), []
    for idx in range(60):
        source = draw.choice(["ADE20K", "COCO", "COCO", "Omni3D", "Omni3D", "Omni3D"])
        task = draw.choice(["Depth", "Distance"] if source == "Omni3D" else ["Count", "Relation"])
        answer = "(%s)" % draw.choice("ABCD" if task == "Count" else "AB")
        doc = {"idx": idx, "task": task, "source": source, "answer": answer,
               "choices": list("wxyz")[:4 if task == "Count" else 2]}
        text = said(draw, answer)
        result = cvbench.cvbench_process_results(dict(doc), [text])["cvbench_score"]
        docs.append((dict(doc, prediction=text), result))
    told = []
    cvbench.eval_logger = type("Log", (), {"info": staticmethod(told.append)})
    value = cvbench.cvbench_aggregate_results([result for _, result in docs])
    text = told[0][told[0].index("{"):].replace("np.float64(", "(")
    parts = {name: 100 * part for name, part in ast.literal_eval(text).items()}
    assert abs(parts["combined_accuracy"] - value) < 1e-9
    return {"lines": [line for line, _ in docs], "value": parts}


def blink_scores(blink):
    draw, docs, of_task = random.Random(2), [], {}
    blink.eval_logger = type("Log", (), {"info": staticmethod(lambda text: None)})
    for idx in range(45):
        task = draw.choice(["Multi-view_Reasoning", "Relative_Depth", "Relative_Depth", "Spatial_Relation"])
        answer = "(%s)" % draw.choice("AB")
        doc = {"idx": "val_%s_%d" % (task, idx), "sub_task": task, "answer": answer, "choices": ["x", "y"]}
        text = said(draw, answer)
        of_task.setdefault(task, []).append(blink.blink_process_results(dict(doc), [text])["blink_score"])
        docs.append(dict(doc, prediction=text))
    parts = {task: blink.blink_aggregate_results(results) for task, results in of_task.items()}
    return {"lines": docs, "value": dict(parts, average=sum(parts.values()) / 3)}


def recodings():
    out = []
    for kind, (w, h) in (("noise", (64, 48)), ("mixed", (97, 61)), ("mixed", (33, 17)), ("noise", (5, 3)),
                         ("mixed", (640, 479))):
        name = "golden.image.jpeg.%dx%d" % (w, h)
        pixels = I.noise(w, h, name) if kind == "noise" else I.mixed(w, h, name)
        after = np.asarray(recoded(Image.fromarray(pixels)))
        out.append({"kind": kind, "stream": name, "size": [w, h], "in_fnv1a64": I.fnv_bytes(pixels.tobytes()),
                    "out_fnv1a64": I.fnv_bytes(after.tobytes())})
    return out


def write_lines(name, rows):
    with io.open(os.path.join(HERE, name), "w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    torch.set_num_threads(1)
    os.makedirs(HERE, exist_ok=True)
    cvbench, blink = module(sys.argv[1], "cvbench"), module(sys.argv[1], "blink")
    write_pictures()
    print("Pillow", PIL.__version__, "libjpeg-turbo", features.version("libjpeg_turbo"))
    scores = {"pillow": PIL.__version__, "libjpeg_turbo": features.version("libjpeg_turbo"),
              "letters": letters(cvbench, blink), "cvbench": cvbench_scores(cvbench), "blink": blink_scores(blink),
              "recoded": recodings()}
    with io.open(os.path.join(HERE, "scores.json"), "w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(scores, ensure_ascii=True, separators=(",", ":")).replace("},{", "},\n{") + "\n")
    questions(cvbench, blink, Q.make_model(True))


if __name__ == "__main__":
    main()
