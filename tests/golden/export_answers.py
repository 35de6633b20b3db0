"""Answers of the PyTorch assembly (vlm_model.py, float32, the released settings) to questions about made-up rooms.

    bash answers/inputs.sh BIN INPUTS && venv/bin/python export_answers.py INPUTS     # with h5py==3.16.0, tokenizers

Of vega's files the pictures' tokens, the places of the patches and the cells of the objects are read; places and cells
are checked against the depth maps and poses beside them. Proposals come from the box lists, prompts from the original
annotations and tokenizer.json, texts from transformers' generate(), greedy, by generation_config.json.

Files in answers/
  inputs.sh            makes what the answers were given to
  MODEL-TASK.jsonl     a question a line, in the order of the annotations
    sample_id          as in the processed annotations
    scene
    text               ScanQA, SQA3D, Scan2Cap: at most MOST new tokens, without the one that ends it; empty where
                       Scan2Cap has no proposal
    box                ScanRefer: the chosen proposal, rounded to bfloat16
    object             Nr3D: id of the chosen annotated object
    scores             ScanRefer, Multi3DRefer, Nr3D: of each object, and of "no such object"
  answers.json         versions, settings, counts, and how sure the answers are:
    margin             of texts: the smallest lead of the best token's logit over the next one, over all steps; of
                       boxes and objects: of the best score. An answer may differ between two programs whose numbers
                       agree within half of it. LEAST and LEAST_SCORE are asserted.
    moved              how far logits and scores move, at most, where every value of the features is taken to the next
                       bfloat16 number, up or down at random. Another machine rounds one value in 2,500 that way (code
                       for AVX-512 beside code for AVX2): measured, logits move by 4e-5 then, and scores by 4e-6
"""

import csv
import json
import sys
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import GenerationConfig

import vlm_model as M

torch.set_num_threads(1)
torch.set_grad_enabled(False)
HERE = Path(__file__).parent
OUT = HERE / "answers"
MOST = 24
LEAST_SCORE = 2e-4  # scores agree within 1e-4
LEAST = 5e-4  # logits agree within 1e-4 (export_vlm.py); the penalty of 1.3 and another machine's features do the rest
VIEW = {"vlm-tiny": "mllm", "vlm-tiny-3d": "center_crop"}

# ------------------------------------------------------------------------------------- questions

IDENTIFY = "<image>Identify the object according to the following description.\n"
SEVERAL = "\nThere may be no corresponding object, or there may be one or more objects."
DESCRIBE = "<image> Given an object located at <coord> , describe the object in detail."


def iou(a, b):
    a, b = np.array(a, np.float64), np.array(b, np.float64)
    low = np.maximum(a[:3] - a[3:] / 2, b[:3] - b[3:] / 2)
    high = np.minimum(a[:3] + a[3:] / 2, b[:3] + b[3:] / 2)
    inner = np.prod(np.maximum(high - low, 0))
    return inner / (np.prod(a[3:]) + np.prod(b[3:]) - inner + 1e-8)


def questions(data):
    """By task: dicts of id, scene, user and, of Scan2Cap, box_input (None: no proposal)."""

    def annotations(path):
        return json.loads((data / "benchmark" / path).read_text())

    truth = json.loads((data / "metadata/scannet_val_gt_box.json").read_text())
    found = json.loads((data / "metadata/scannet_val_pred_box.json").read_text())
    out = {"scanrefer": [], "scan2cap": []}
    said = set()
    for row, a in enumerate(annotations("scanrefer/ScanRefer_filtered_val.json")):
        scene = a["scene_id"]
        out["scanrefer"].append({"id": row, "scene": scene, "user": IDENTIFY + a["description"].capitalize()})
        key = (scene, a["object_id"], a["object_name"])
        if key in said:
            continue
        said.add(key)
        box = truth["scannet/" + scene][int(a["object_id"])]
        best = max(found["scannet/" + scene], key=lambda b: iou(b, box))
        box_input = best if iou(best, box) >= 0.5 else None
        out["scan2cap"].append({"id": row, "scene": scene, "user": DESCRIBE, "box_input": box_input})
    out["multi3drefer"] = [
        {"id": row, "scene": a["scene_id"], "user": IDENTIFY + a["description"].capitalize() + SEVERAL}
        for row, a in enumerate(annotations("multi3drefer/multi3drefer_val.json"))
    ]
    out["scanqa"] = [
        {
            "id": f"scanqa_{a['question_id']}_0",
            "scene": a["scene_id"],
            "user": f"<image> {a['question']} Answer the question simply.",
        }
        for a in annotations("scanqa/ScanQA_v1.0_val.json")
    ]
    for split in ("val", "test"):
        every = annotations(f"sqa_task/balanced/v1_balanced_questions_{split}_scannetv2.json")["questions"]
        out["sqa3d-" + split] = [
            {
                "id": a["question_id"],
                "scene": a["scene_id"],
                "user": f"<image> {a['situation']} {a['question']} Answer the question using a single word or phrase.",
            }
            for a in every
        ]
    scans = set((data / "scannetv2_val.txt").read_text().split())
    with open(data / "benchmark/nr3d/nr3d.csv", newline="") as file:
        out["nr3d"] = [
            {"id": row, "scene": a["scan_id"], "user": IDENTIFY + a["utterance"].capitalize()}
            for row, a in enumerate(csv.DictReader(file))
            if a["scan_id"] in scans
        ]
    return out


# ------------------------------------------------------------------------------------- scenes


def nearest(source, target):
    """Rows or columns that OpenCV's nearest neighbour takes."""
    step = 1 / (target / source)
    return np.minimum((np.arange(target) * step).astype(int), source - 1)


def world_map(file, view):
    """(V, 384, 384, 3) metres of the aligned room in bfloat16. A pixel without depth is the camera's centre."""
    depth = torch.from_numpy(file["frames/depth"][:].astype(np.float32))
    v, h, w = depth.shape
    k = torch.from_numpy(file["frames/K_depth"][:]).float()
    pose = torch.from_numpy(file["frames/world_from_cam"][:]).float()
    z = depth / 1000
    column, row = torch.arange(w).float(), torch.arange(h).float()[:, None]
    x = (column - k[:, 0, 2, None, None]) * z / k[:, 0, 0, None, None]
    y = (row - k[:, 1, 2, None, None]) * z / k[:, 1, 1, None, None]
    world = torch.stack([x, y, z, torch.ones_like(z)], -1).view(v, -1, 4) @ pose.transpose(1, 2)
    world = (world[..., :3] / world[..., 3:]).view(v, h, w, 3)
    rows = nearest(h, 384)
    columns = nearest(w, 384) if view == "mllm" else nearest(w, w * 384 // h)[w * 384 // h // 2 - 192 :][:384]
    return world[:, rows][:, :, columns].bfloat16()


def patches(world, side):
    g = 378 // side
    return world[:, :378, :378].reshape(-1, g, side, g, side, 3).transpose(2, 3).flatten(3, 4)  # V, g, g, pixels, 3


def counts(world, boxes):
    """(N, V, 27, 27): pixels of a 14-pixel cell in each box, borders included, all in bfloat16."""
    boxes = boxes.bfloat16()
    low, high = boxes[:, :3] - boxes[:, 3:] / 2, boxes[:, :3] + boxes[:, 3:] / 2
    cells = patches(world, 14)
    return torch.stack([((a <= cells) & (cells <= b)).all(-1).sum(-1) for a, b in zip(low, high)])


class Room:
    def __init__(self, inputs, model, scene, boxes):
        folder = inputs / model
        with h5py.File(folder / f"scenes/{scene}.h5") as file:
            world = world_map(file, VIEW[model])
            stored = torch.from_numpy(file["patch/world14"][:])
            ids = file["frames/id"][:].tolist()
            found = torch.tensor(boxes["proposal"]["scannet/" + scene], dtype=torch.float64).float()
            truth = torch.from_numpy(file["objects/gt/box"][:])  # of the mesh; the list has those of the room
            assert (truth - torch.tensor(boxes["gt"]["scannet/" + scene])).abs().max() < 1e-6
            assert file["objects/gt/id"][:].tolist() == list(range(len(truth)))
            self.objects = {}
            for kind, rows in (("proposal", found), ("gt", truth)):
                cells = torch.from_numpy(file[f"objects/{kind}/cells"][:])
                differ = (cells != counts(world, rows)).double().mean()
                assert differ < 1e-4, "more than pixels on a border of the box, by another order of the same sums"
                self.objects[kind] = {"boxes": rows, "cells14": cells}
        place = patches(world, 27).float().mean(3).bfloat16().float()
        assert ((place - stored).abs() < 3e-5 + stored.abs() / 128).all() and (place != stored).double().mean() < 0.02
        self.inputs = {"world": stored}
        for name, tap in (("semantic", "siglip_l26"), ("generative", "b20_t300")):
            path = folder / name / f"{scene}.h5"
            if name == "generative" and model != "vlm-tiny":
                continue
            with h5py.File(path) as file:
                assert file["frames/id"][:].tolist() == ids
                self.inputs[name] = torch.from_numpy(file[f"taps/{tap}/tokens"][:])
                assert (self.inputs[name].bfloat16() == self.inputs[name]).all()


# ------------------------------------------------------------------------------------- answers


class Words:
    """Ids of the released evaluation: role, newline and texts tokenised one by one."""

    def __init__(self, folder, config):
        data = json.loads((folder / "tokenizer.json").read_text())
        for word, ids in (("<ground>", config["ground_token_ids"]), ("<coord>", config["coord_token_ids"])):
            data["added_tokens"].append(
                data["added_tokens"][0] | {"id": ids[0], "content": word, "special": False, "normalized": True}
            )
        self.tokenizer = Tokenizer.from_str(json.dumps(data))
        self.start, self.end, self.ground = (self.id(w) for w in ("<|im_start|>", "<|im_end|>", "<ground>"))

    def id(self, word):
        return self.tokenizer.token_to_id(word)

    def __call__(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def prompt(self, user, answer=None):
        before, after = user.split("<image>")
        line, start, end = self("\n"), [self.start], [self.end]
        ids = start + self("system") + line + self("You are a helpful assistant.") + end + line
        ids += start + self("user") + line + self(before) + [M.IMAGE] + line + self(after) + end + line
        ids += start + self("assistant") + line
        return torch.tensor(ids + (self(answer) + end + line if answer else []))

    def text(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip().removesuffix("<|im_end|>").strip()


class Assistant:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        settings = json.loads((folder / "generation_config.json").read_text())
        self.settings = {k: settings[k] for k in ("eos_token_id", "pad_token_id", "repetition_penalty")}
        self.weights = {}
        for path in sorted(folder.glob("*.safetensors")):
            self.weights |= {k: v.float() for k, v in load_file(path).items()}
        self.words = Words(folder, self.config)
        decoder = self.config | {"vocab_size": self.weights["lm_head.weight"].shape[0]}
        self.decoder = M.decoder(decoder, self.weights, torch.float32)

    def assemble(self, inputs, ids, objects=None):
        return M.assemble(self.config, self.weights, inputs, ids, None, "reference", objects)

    def say(self, inputs, user, box_input=None):
        """Text, and of each step the processed logits."""
        if box_input is not None:
            inputs = inputs | {"box_input": torch.tensor([box_input[:3]], dtype=torch.float64).float()}
        seen = self.assemble(inputs, self.words.prompt(user))["embeddings"]
        out = self.decoder.generate(
            inputs_embeds=seen[None],
            attention_mask=torch.ones(1, seen.shape[0], dtype=torch.long),
            generation_config=GenerationConfig(
                do_sample=False,
                num_beams=1,
                max_new_tokens=MOST,
                return_dict_in_generate=True,
                output_scores=True,
                **self.settings,
            ),
        )
        ids = out.sequences[0]
        said = ids[:-1] if ids[-1] in torch.tensor(self.settings["eos_token_id"]) else ids
        return self.words.text(said.tolist()), torch.cat(out.scores), ids

    def find(self, inputs, user):
        """Scores of the objects, and of none of them."""
        ids = self.words.prompt(user, "<ground>")
        out = self.assemble(inputs, ids, "released")
        states = M.hidden_states(self.decoder, out["embeddings"], out["positions"])
        place = int((ids == self.words.ground).nonzero()[0]) - 1 + out["image_length"]
        return M.ground(self.config, self.weights, out["objects"], states[place])


def next_numbers(x, seed):
    """Every value to the bfloat16 number above or below it."""
    bits = x.bfloat16().view(torch.int16)
    step = torch.randint(0, 2, bits.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.int16) * 2 - 1
    return torch.where(bits & 0x7FFF == 0, bits, bits + step).view(torch.bfloat16).float()


def lead(values):
    best = values.topk(2, -1).values
    return float((best[..., 0] - best[..., 1]).min())


def main():
    inputs = Path(sys.argv[1])
    data = inputs / "data"
    asked = questions(data)
    boxes = {}
    for split in ("val", "test"):
        for kind, name in (("proposal", "pred"), ("gt", "gt")):
            boxes.setdefault(kind, {}).update(
                json.loads((data / f"metadata/scannet_{split}_{name}_box.json").read_text())
            )
    report = {}
    for model in VIEW:
        assistant = Assistant(inputs / "models" / model)
        rooms, moved_rooms = {}, {}
        for scene in (inputs / "scenes.txt").read_text().split():
            room = rooms[scene] = Room(inputs, model, scene, boxes)
            moved_rooms[scene] = {
                k: next_numbers(v, 1) if k in ("semantic", "generative") else v for k, v in room.inputs.items()
            }
        for task, samples in asked.items():
            lines, margins, moved, tokens, stopped = [], [], [], 0, 0
            for s in samples:
                room = rooms[s["scene"]]
                line = {"sample_id": s["id"], "scene": s["scene"]}
                if task in ("scanrefer", "multi3drefer", "nr3d"):
                    objects = room.objects["gt" if task == "nr3d" else "proposal"]
                    scores = assistant.find(room.inputs | objects, s["user"])
                    again = assistant.find(moved_rooms[s["scene"]] | objects, s["user"])
                    moved.append(float((scores - again).abs().max()))
                    best = int(scores[:-1].argmax())
                    margins.append(lead(scores[:-1] if task != "multi3drefer" else scores))
                    if task == "scanrefer":
                        line["box"] = objects["boxes"][best].bfloat16().tolist()
                    if task == "nr3d":
                        line["object"] = best
                    line["scores"] = [round(float(x), 7) for x in scores]
                elif "box_input" in s and s["box_input"] is None:
                    line["text"] = ""
                else:
                    text, logits, ids = assistant.say(room.inputs, s["user"], s.get("box_input"))
                    _, again, others = assistant.say(moved_rooms[s["scene"]], s["user"], s.get("box_input"))
                    # Up to the first token that differs, both have seen the same.
                    same = int((ids[: len(others)] == others[: len(ids)]).long().cumprod(0).sum())
                    upto = min(same + 1, len(ids), len(others))
                    finite = torch.where(logits[:upto].isfinite(), logits[:upto] - again[:upto], torch.zeros(()))
                    moved.append(float(finite.abs().max()))
                    margins.append(lead(logits))
                    tokens += len(ids)
                    stopped += int(ids[-1]) in assistant.settings["eos_token_id"]
                    line["text"] = text
                lines.append(line)
            name = f"{model}-{task}"
            (OUT / f"{name}.jsonl").write_text(
                "".join(json.dumps(x, ensure_ascii=False, separators=(",", ":")) + "\n" for x in lines)
            )
            report[name] = {"questions": len(lines), "margin": min(margins), "moved": max(moved)}
            if tokens:
                report[name] |= {"tokens": tokens, "stopped": stopped}
            print(name, report[name], flush=True)
    for name, r in report.items():
        assert r["margin"] >= (LEAST if "tokens" in r else LEAST_SCORE), f"{name}: choose another seed"
    packages = ("torch", "transformers", "tokenizers", "h5py", "safetensors", "numpy")
    made = {"versions": {k: version(k) for k in packages}}
    made |= {"most_new_tokens": MOST, "data": json.loads((data / "dataset.json").read_text())["recipe"]}
    (OUT / "answers.json").write_text(json.dumps(made | {"answers": report}, indent=1) + "\n")


main()
