#!/usr/bin/env python3
"""Goldens of `vega-eval prepare`: annotations made here, converted by Video-3D-LLM's own scripts.

    python3 export_prepare.py VIDEO_3D_LLM FOLDER      FOLDER: tests/golden/prepare

VIDEO_3D_LLM is a checkout of LaVi-Lab/Video-3D-LLM (written with commit 3ff70e8). Needs numpy, scipy, torch, tqdm. The
scripts run as they are, in a folder laid out as they expect it; only torch.load is told to read pickles.
"""
import functools
import json
import os
import runpy
import shutil
import sys
import tempfile
import types

import numpy as np
import torch
from scipy import sparse

SCENES = {"train": ["scene0001_00", "scene0002_00"], "val": ["scene0003_00", "scene0004_00"], "test": []}
LABELS = {"chair": 5, "office chair": 5, "coffee table": 7, "lamp": 35, "wall": 1, "picture": 11}
TEXTS = [
    "this is a RED Chair. It stands Left of the table.",
    "\u00c9cole table; it's next to the \"blue\" one\n",
    "\ufb01rst lamp, \u0391\u03a3 on top",
    "<ground> a chair <image> behind <coord>",
    " the {desc} of a picture \\ wall \U0001f600",
    "The   Lamp",
    "x",
]


def corners(rng, objects):
    low = rng.uniform(-3, 3, (objects, 3)).astype(np.float32)
    size = rng.uniform(0.2, 1.5, (objects, 3)).astype(np.float32)
    unit = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], dtype=np.float32)
    return (low[:, None] + size[:, None] * unit).astype(np.float32)


def write_scene(rng, split, scene, objects):
    """Point cloud with a corner a vertex, and masks that are objects, shifted objects and rests."""
    boxes = corners(rng, objects)
    shifted = boxes + rng.uniform(0, 0.25, (objects, 1, 3)).astype(np.float32)
    far = corners(rng, 60) + 10
    xyz = np.concatenate([boxes, shifted, far]).reshape(-1, 3)
    folder = f"data/scannet/pcd_with_object_aabbs/{split}"
    os.makedirs(folder, exist_ok=True)
    torch.save(
        {
            "xyz": xyz,
            "rgb": np.zeros((len(xyz), 3), np.uint8),
            "aabb_obj_ids": np.arange(objects, dtype=np.int16),
            "aabb_corner_xyz": boxes,
        },
        f"{folder}/{scene}.pth",
    )
    groups = len(xyz) // 8
    order = [objects + i for i in range(objects - 2)] + list(range(2 * objects, 2 * objects + 48))
    order += [objects - 2, objects - 1]  # the exact boxes of the last two objects come too late: row 50 and on
    masks = np.zeros((len(order), len(xyz)), np.uint8)
    for row, group in enumerate(order):
        assert group < groups
        masks[row, group * 8 : group * 8 + 8] = 1
    os.makedirs("data/scannet/mask", exist_ok=True)
    sparse.save_npz(f"data/scannet/mask/{scene}.mask.npz", sparse.csr_matrix(masks))


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f, indent=0)


def annotations(rng, split):
    names = ["chair", "office_chair", "coffee_table", "lamp", "wall", "unheard_of", "picture"]
    refer, multi, qa, questions, answers = [], [], [], [], []
    for scene in SCENES[split]:
        for i in range(10):
            k = i % 6
            # One object goes by two names: the first one counts.
            name = "coffee_table" if i == 7 else names[k]
            refer.append(
                {"scene_id": scene, "object_id": str(k), "object_name": name, "ann_id": str(i // 6),
                 "description": TEXTS[i % len(TEXTS)], "token": TEXTS[i % len(TEXTS)].split()}
            )
            ids = [[], [k], [k, (k + 1) % 6]][i % 3]
            multi.append(
                {"scene_id": scene, "object_ids": ids, "object_name": name, "ann_id": i,
                 "eval_type": ["zt_wo_d", "st_w_d", "mt"][i % 3], "description": TEXTS[(i + 1) % len(TEXTS)],
                 "spatial": bool(i % 2)}
            )
            qa.append(
                {"scene_id": scene, "question_id": f"{split}-{scene}-{i}", "question": f"What is {TEXTS[i % 6]}?",
                 "answers": ["brown", "\u00e9 \"tan\"", "2"][: 1 + i % 3], "object_ids": [k], "object_names": [name]}
            )
    for scene in SCENES[split] or ["scene0005_00"]:
        for i, q in enumerate(["What is it?", "  IS it?", "how many?", "Can I?", "WHICH one?", "On which side?", "\u00a0isn't it"]):
            number = 220602000000 + len(questions)
            questions.append(
                {"scene_id": scene, "situation": TEXTS[i % 6], "alternative_situation": [f"I sit {i}.", "I stand."],
                 "question": q, "question_id": number}
            )
            answers.append({"scene_id": scene, "question_id": number, "answers": [{"answer": TEXTS[i % 5]}]})
    if SCENES[split]:
        write(f"data/benchmark/scanrefer/ScanRefer_filtered_{split}.json", refer)
        write(f"data/benchmark/multi3drefer/multi3drefer_{split}.json", multi)
        write(f"data/benchmark/scanqa/ScanQA_v1.0_{split}.json", qa)
    folder = "data/benchmark/sqa_task/balanced"
    write(f"{folder}/v1_balanced_questions_{split}_scannetv2.json", {"info": {}, "questions": questions[::-1]})
    write(f"{folder}/v1_balanced_sqa_annotations_{split}_scannetv2.json", {"annotations": answers})


def run_script(name):
    sys.argv = [name]
    runpy.run_path(f"scripts/3d/preprocessing/{name}.py", run_name="__main__")


def main():
    release, out = (os.path.abspath(p) for p in sys.argv[1:3])
    torch.load = functools.partial(torch.load, weights_only=False)
    # The converters import two small files of a package that is large.
    for package in ("llava", "llava.eval"):
        module = types.ModuleType(package)
        module.__path__ = [os.path.join(release, package.replace(".", "/"))]
        sys.modules[package] = module
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shutil.copytree(f"{release}/scripts/3d/preprocessing", "scripts/3d/preprocessing")
        rng = np.random.default_rng(82)
        meta = "scripts/3d/preprocessing/scannet_metadata"
        table = ["id\traw_category\tcategory\tcount\tnyu40id"]
        table += [f"{i}\t{name}\t{name}\t1\t{label}" for i, (name, label) in enumerate(LABELS.items())]
        os.makedirs("data", exist_ok=True)
        for path in (f"{meta}/scannetv2-labels.combined.tsv", "data/scannetv2-labels.combined.tsv"):
            with open(path, "w") as f:
                f.write("\n".join(table) + "\n")
        for split, scenes in SCENES.items():
            with open(f"{meta}/scannetv2_{split}.txt", "w") as f:
                f.write("".join(scene + "\n" for scene in scenes))
            for scene in scenes:
                write_scene(rng, split, scene, 6)
            annotations(rng, split)
        shutil.copytree("data/benchmark", "given")  # before the scripts add eval_type
        for name in ("process_scanrefer", "process_multi3drefer", "process_scan2cap", "process_scanqa",
                     "process_sqa3d", "extract_gt_box", "extract_pred_box"):
            run_script(name)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree("given", f"{out}/data/benchmark")
        shutil.copytree("data/metadata", f"{out}/data/metadata")
        shutil.copy("data/scannetv2-labels.combined.tsv", f"{out}/data")
        shutil.copytree("data/processed", f"{out}/processed")


if __name__ == "__main__":
    main()
