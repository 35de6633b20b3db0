"""spatial_train.json: training of Qwen2.5-VL with VEGA-3D's generative branch, and marks on pictures.

    venv/bin/python export_spatial_train.py      # with transformers==5.24.0 torch==2.15.0 pillow==13.0.0

The model is that of export_spatial.py: transformers' decoder in float64, merger and fusion written out in torch, the
features of its literal Wan. Two conversations about the same three pictures; the loss is the mean over them of the mean
cross-entropy of each. Fields:
  frames, size     three pictures of export_qwen2_5_vl.picture, and how many tokens each becomes (rows, columns)
  conversations    turns as an annotation has them; `ids`, `labels` as the released data loader makes them, a run of
                   image_pad being one -200; `loss`
  gradients        of every tensor that trains: [norm, dot product with W.tensor("spatial.direction." + name)]
  float32          how far torch's float32 is: loss; gradients, norm of the difference over the norm, the largest
  without          the loss without the branch, and without pictures' own order
  frames_of        (frames of a video, frames a second) -> which are shown
  marks            spar_info, sizes of the pictures, and the FNV-1a-64 of the bytes of each after drawing with Pillow
"""

import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

import export_qwen2_5_vl as Q
import export_spatial as S
import weights as W

HERE = os.path.dirname(os.path.abspath(__file__))
CONVERSATIONS = [
    [["human", "<image>\n<image>\n<image>\nHow many chairs are there?"], ["gpt", "3"],
     ["human", "Is one of them red?\n"], ["gpt", "\nYes, the one at the <image> wall."]],
    [["gpt", "Hello."], ["human", "<image><image>\n<image>Which is nearer, A or B?"], ["gpt", "B"]],
]


# ---------------------------------------------------------------- conversations

def encode(text):
    """A tokeniser of bytes that knows the marks of Qwen2.5-VL."""
    out = []
    while text:
        for word, number in Q.ID.items():
            mark = "<|%s|>" % word
            if text.startswith(mark):
                out.append(number)
                text = text[len(mark):]
                break
        else:
            out += text[0].encode()
            text = text[1:]
    return out


def preprocess(turns, cells):
    """(ids, labels) with every image_pad, from the description of the data loader."""
    turns = [list(turn) for turn in turns]
    turns[0][1] = turns[0][1].replace("<image>\n", "<image>")
    if turns[0][0] != "human":
        turns = turns[1:]
        # The loader replaces within the first turn of the record alone.
    ids = encode("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n")
    labels = [-100] * len(ids)
    number = 0
    for who, text in turns:
        if who == "human":
            parts = text.split("<image>")
            text = parts[0]
            for part in parts[1:]:
                text += "<|vision_start|>" + "<|image_pad|>" * cells[number] + "<|vision_end|>" + part
                number += 1
        role = {"human": "user", "gpt": "assistant"}[who]
        turn = encode("<|im_start|>%s\n%s<|im_end|>\n" % (role, text))
        ids += turn
        labels += [-100] * len(turn) if who == "human" else [-100] * 3 + turn[3:]
    return ids, labels


def folded(ids, labels):
    """A run of image_pad as one -200."""
    out, kept = [], []
    for i, number in enumerate(ids):
        if number == Q.ID["image_pad"]:
            if out and out[-1] == -200:
                continue
            number = -200
        out.append(number)
        kept.append(labels[i])
    return out, kept


# ---------------------------------------------------------------- losses and gradients

class Leaves:
    """Parameters of merger and fusion as leaves, in place of S.drawn."""

    def __init__(self, dtype):
        self.dtype, self.all = dtype, {}

    def __call__(self, name, *shape):
        if name not in self.all:
            value = torch.from_numpy(W.tensor("spatial." + name, shape)).to(self.dtype)
            self.all[name] = value.clone().requires_grad_(True)
        return self.all[name]


def run(dtype, native, shown, branch=True):
    """(losses, gradients by their names in checkpoints)."""
    S.drawn = leaves = Leaves(dtype)
    model = Q.make_model(True, dtype)
    names = {}
    for name, value in model.named_parameters():
        if name.startswith("model.language_model."):
            value.requires_grad_(True)
            names[Q.original_name(name)] = value
    model.model.visual.requires_grad_(False)
    grids = [(one.shape[0] // 28, one.shape[1] // 28) for one in shown]
    visual = model.model.visual
    plain = visual.forward

    def forward(*args, **more):
        out = plain(*args, **more)
        if not branch:
            return out
        fused, at = [], 0
        for x, (gh, gw) in zip(native, grids):
            g = S.merge(S.to_patches(x.to(dtype), 2 * gh, 2 * gw))
            s = out.pooler_output[at:at + gh * gw].to(dtype).reshape(gh, gw, S.H)
            fused.append(S.residual(s, g).reshape(gh * gw, S.H))
            at += gh * gw
        out.pooler_output = torch.cat(fused)
        return out
    visual.forward = forward
    losses = []
    for turns in CONVERSATIONS:
        ids, labels = preprocess(turns, [a * b for a, b in grids])
        inputs = Q.inputs_of("", shown)
        inputs["input_ids"] = torch.tensor([ids])
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        inputs["mm_token_type_ids"] = (inputs["input_ids"] == Q.ID["image_pad"]).int()
        inputs["pixel_values"] = inputs["pixel_values"].to(dtype)
        logits = model(**inputs).logits[0]
        losses.append(F.cross_entropy(logits[:-1], torch.tensor(labels[1:]), ignore_index=-100))
    (sum(losses) / len(losses)).backward()
    names.update(leaves.all)
    return [float(one) for one in losses], {name: one.grad for name, one in names.items() if one.grad is not None}


# ---------------------------------------------------------------- marks

def fnv(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return "%016x" % h


def disc(image, place, color):
    x, y = int(place[0] / 1000 * image.width), int(place[1] / 1000 * image.height)
    ImageDraw.Draw(image).ellipse([x - 20, y - 20, x + 20, y + 20], fill=color)


def box(image, place, color):
    w, h = image.width, image.height
    x0, y0, x1, y1 = place[0] / 1000 * w, place[1] / 1000 * h, place[2] / 1000 * w, place[3] / 1000 * h
    corners = tuple(int(v) for v in (x0 - 17.5, y0 - 17.5, x1 + 17.5, y1 + 17.5))
    ImageDraw.Draw(image).rectangle(corners, outline=color, width=20)


# type, sizes of the pictures, places, indices, what is drawn: (picture, how, which, colour) in this order.
A, B, C, D = [[500, 300]], [[10, 990]], [[33.3, 66.7]], [[1000, 0]]
BOX, EDGE, TINY = [[200, 250, 600, 700]], [[0, 0, 999, 400]], [[455, 451, 460, 453]]
MARKS = [
    ("depth_prediction_oo", [(200, 150)], {"red_point": A, "blue_point": B, "green_point": C}, {},
     [(0, disc, "red_point", "red"), (0, disc, "blue_point", "blue"), (0, disc, "green_point", "green")]),
    ("distance_prediction_oo_mv", [(131, 97), (90, 61), (75, 55)], {"red_point": D, "blue_point": A},
     {"point_img_idx": [[2, 0]]}, [(2, disc, "red_point", "red"), (0, disc, "blue_point", "blue")]),
    ("distance_infer_center_oo_mv", [(64, 48), (60, 44), (70, 40)],
     {"red_point": A, "blue_point": C, "green_point": B}, {"point_img_idx": [[0, 1, 2]]},
     [(0, disc, "red_point", "red"), (1, disc, "green_point", "green"), (2, disc, "blue_point", "blue")]),
    ("spatial_imagination_oo", [(201, 149)],
     {"red_bbox": BOX, "blue_bbox": EDGE, "green_bbox": TINY, "yellow_bbox": [[300, 300, 900, 1000]]}, {},
     [(0, box, "red_bbox", "red"), (0, box, "blue_bbox", "blue"), (0, box, "green_bbox", "green"),
      (0, box, "yellow_bbox", "yellow")]),
    ("position_matching", [(99, 80), (99, 80)], {"red_bbox": BOX}, {"bbox_img_idx": [[1]]},
     [(0, box, "red_bbox", "red")]),
    ("obj_spatial_relation_oo_mv", [(99, 80), (120, 90)], {"blue_bbox": BOX, "green_bbox": EDGE},
     {"bbox_img_idx": [[1, 0]]}, [(1, box, "blue_bbox", "blue"), (0, box, "green_bbox", "green")]),
    ("obj_spatial_relation_oc_mv", [(99, 80), (120, 90)], {"green_bbox": BOX, "red_bbox": EDGE},
     {"bbox_img_idx": [[1]]}, [(1, box, "red_bbox", "red"), (1, box, "green_bbox", "green")]),
    ("spatial_imagination_oc_mv", [(99, 80), (120, 90), (88, 66)],
     {"green_bbox": BOX, "red_bbox": EDGE, "blue_bbox": TINY}, {"bbox_img_idx": [[0, 1, 2]]},
     [(2, box, "red_bbox", "red"), (0, box, "green_bbox", "green"), (1, box, "blue_bbox", "blue")]),
    ("camera_motion_infer", [(50, 40), (50, 40)], {}, {}, []),
]


def marks():
    out = []
    for kind, sizes, places, indices, drawn in MARKS:
        images = [Image.fromarray(Q.picture("marks%d" % n, w, h)) for n, (w, h) in enumerate(sizes)]
        for picture, how, which, color in drawn:
            how(images[picture], places[which][0], color)
        out.append({"spar_info": json.dumps({"type": kind, **places, **indices}), "sizes": [list(one) for one in sizes],
                    "hashes": [fnv(np.asarray(one).tobytes()) for one in images]})
    return out


def shown_frames(total, rate):
    wanted = min(max(round(total / rate / 2), 4), 8)
    return np.unique(np.linspace(0, total - 1, wanted, dtype=int)).tolist()


def main():
    torch.set_num_threads(1)
    units = S.frames()[:3]
    native = S.features(S.frames())[:3]
    shown = [Q.processor_input(unit, S.BOUNDS) for unit in units]
    grids = [(one.shape[0] // 28, one.shape[1] // 28) for one in shown]
    cells = [a * b for a, b in grids]
    true, gradients = run(torch.float64, native, shown)
    single, rough = run(torch.float32, native.float().double(), shown)
    far = max(float((rough[n].double() - g).norm() / g.norm()) for n, g in gradients.items() if float(g.norm()) > 1e-9)
    without, _ = run(torch.float64, native, shown, branch=False)
    notes = {"frames": ["room0", "room1", "room2"], "size": [96, 40], "grid": list(grids[0]),
             "ids_of_frames": S.IDS[:3], "conversations": [],
             "float32": {"loss": max(abs(a - b) for a, b in zip(single, true)), "gradient": far}, "without": without}
    for turns, loss in zip(CONVERSATIONS, true):
        ids, labels = folded(*preprocess(turns, cells))
        notes["conversations"].append({"turns": turns, "ids": ids, "labels": labels, "loss": loss})
    notes["gradients"] = {}
    for name, g in sorted(gradients.items()):
        along = torch.from_numpy(W.tensor("spatial.direction." + name, tuple(g.shape))).double()
        notes["gradients"][name] = [float(g.norm()), float((g * along).sum())]
    notes["frames_of"] = [[total, rate, shown_frames(total, rate)] for total, rate in
                          ((1, 30), (3, 1), (11, 1), (9, 1), (13, 1), (16, 1), (300, 25), (400, 29.97), (150, 30), (97, 6.1),
                           (250, 25), (4000, 60))]
    notes["marks"] = marks()
    print("losses", true, "float32", notes["float32"], "without the branch", without)
    with open(os.path.join(HERE, "spatial_train.json"), "w") as file:
        lines = []
        for key, value in notes.items():
            if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
                lines.append(json.dumps(key) + ": [\n  " + ",\n  ".join(json.dumps(one) for one in value) + "]")
            elif key == "gradients":
                lines.append(json.dumps(key) + ": {\n  " + ",\n  ".join(
                    json.dumps(k) + ": " + json.dumps(v) for k, v in value.items()) + "}")
            else:
                lines.append(json.dumps(key) + ": " + json.dumps(value))
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
