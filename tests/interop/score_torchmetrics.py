"""vega-eval score beside torchmetrics-ext on made-up answers: ScanRefer, Multi3DRefer, Nr3D's rule, VSI-Bench, ScanQA.

By hand: pip install torch torchmetrics torchmetrics-ext scipy pycocoevalcap, then
    python tests/interop/score_torchmetrics.py build/bin/vega-eval METEOR_DIR
METEOR_DIR: the folder `meteor` of pycocoevalcap. Data sets are not fetched: ground truth is made up, the scorers' loaders are replaced.
torchmetrics-ext strips blanks before it cuts an answer of VSI-Bench, the official scorer does not: no made-up answer begins with one.
It takes the thresholds of torch.linspace, which are not those of numpy.linspace (the official scorer's) in the last bit: numpy's are put in.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import types
from unittest import mock

for name in ("datasets", "gdown", "huggingface_hub", "pandas", "tqdm"):
    sys.modules[name] = mock.MagicMock()
import numpy as np
import torch
from torchmetrics_ext.metrics import visual_grounding, vqa

PROGRAM, METEOR_DIR = sys.argv[1:3]
FOLDER = tempfile.mkdtemp()
random.seed(3)
rng = np.random.default_rng(3)
worst = 0.0


def vega(task, rows, *options):
    answers = os.path.join(FOLDER, task + ".jsonl")
    with open(answers, "w") as f:
        f.writelines(json.dumps(row) + "\n" for row in rows)
    command = [PROGRAM, "score", task, answers, "--partial", "--format", "json", "--log-level", "error", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def same(what, ours, theirs, tolerance=1e-4):
    global worst
    difference = abs(ours - float(theirs))
    worst = max(worst, difference)
    print(f"{what:40} {ours:12.6f} {float(theirs):12.6f}")
    assert difference <= tolerance, what


def corners(box):
    box = np.asarray(box, np.float64).reshape(-1, 6)
    return torch.from_numpy(np.stack([box[:, :3] - box[:, 3:] / 2, box[:, :3] + box[:, 3:] / 2], 1))


def some_box():
    return np.concatenate([rng.uniform(-2, 2, 3), rng.uniform(0.2, 1.5, 3)])


def moved(box):
    return np.concatenate([box[:3] + rng.normal(0, 0.12, 3), np.abs(box[3:] * rng.uniform(0.7, 1.4, 3))])


# ScanRefer
n = 4000
truth = [some_box() for _ in range(n)]
answer = [moved(b) for b in truth]
types_ = [random.choice(["unique", "multiple"]) for _ in range(n)]
ours = vega("scanrefer", [dict(sample_id=i, pred_response=list(answer[i]), gt_response=list(truth[i]), question_type=types_[i]) for i in range(n)])
metric = visual_grounding.ScanReferMetric.__new__(visual_grounding.ScanReferMetric)
with mock.patch.object(visual_grounding.ScanReferMetric, "_load_gt_data", lambda self, **_: None):
    metric.__init__(dataset_file_path="", split="validation")
metric.gt_ids_to_idx = {str(i): i for i in range(n)}
metric.gt_aabbs = torch.cat([corners(b) for b in truth])
metric.gt_eval_types = torch.tensor([metric.eval_types_mapping[t] for t in types_])
metric.update({str(i): corners(answer[i])[0] for i in range(n)})
theirs = metric.compute()
for t in ("0.25", "0.5"):
    same("ScanRefer Acc@" + t, ours["metrics"]["Acc@" + t]["value"], 100 * theirs["all_" + t])
    for group in ("unique", "multiple"):
        same(f"ScanRefer Acc@{t} {group}", ours["breakdown"][group]["Acc@" + t]["value"], 100 * theirs[f"{group}_{t}"])

# Multi3DRefer, boxes chosen by softmax in float32 here
n = 3000
rows, gt, chosen = [], {}, {}
for i in range(n):
    kind = random.choice(["zt_wo_d", "zt_w_d", "st_wo_d", "st_w_d", "mt"])
    count = {"z": 0, "s": 1, "m": random.randint(2, 5)}[kind[0]]
    right = [some_box() for _ in range(count)]
    objects = [moved(b) for b in right] + [some_box() for _ in range(random.randint(1, 6))]
    random.shuffle(objects)
    scores = np.round(rng.uniform(-0.2, 0.6, len(objects) + 1) * 256) / 256
    rows.append(dict(sample_id=i, scores=list(scores), objects=[list(b) for b in objects], gt_response=[list(b) for b in right], question_type=kind))
    picked = []
    if int(np.argmax(scores)) != len(objects):
        p = torch.softmax(torch.tensor(scores, dtype=torch.float32) / 0.07, 0)[:-1]
        total = torch.tensor(0.0)
        for k in torch.sort(p, descending=True, stable=True).indices:
            picked.append(int(k))
            total += p[k]
            if total >= 0.4:
                break
    chosen[str(i)] = corners([objects[k] for k in picked]) if picked else torch.zeros(0, 2, 3)
    gt[str(i)] = dict(gt_aabbs=corners(right).numpy() if right else None, eval_type=kind)
ours = vega("multi3drefer", rows)
with mock.patch.object(visual_grounding.Multi3DReferMetric, "_load_gt_data", lambda self, split: None):
    metric = visual_grounding.Multi3DReferMetric()
metric.gt_data = gt
metric.update(chosen)
theirs = metric.compute()
for t in ("0.25", "0.5"):
    same("Multi3DRefer F1@" + t, ours["metrics"]["F1@" + t]["value"], 100 * theirs["all_" + t])
    for group in ("st_wo_d", "st_w_d", "mt"):
        same(f"Multi3DRefer F1@{t} {group}", ours["breakdown"][group]["F1@" + t]["value"], 100 * theirs[f"{group}_{t}"])
for group in ("zt_wo_d", "zt_w_d"):
    same(f"Multi3DRefer F1 {group}", ours["breakdown"][group]["F1@0.5"]["value"], 100 * theirs[group])

# VSI-Bench
numeric = vqa.VSIBenchMetric.numeric_question_types
choice = vqa.VSIBenchMetric.mcq_question_types
rows, gt, answers = [], {}, {}
for i in range(5130):
    kind = random.choice(numeric + choice)
    if kind in numeric:
        right = random.choice([str(random.randint(1, 12)), f"{random.uniform(0.3, 90):.1f}"])
        said = random.choice([f"{float(right) * random.uniform(0.4, 1.7):.2f}", f"{float(right) * random.choice([0.8, 1.2, 1.5, 0.9]):.2f} m", "three", "inf", "nan", "1e1", ""])
        options = None
    else:
        right, said = random.choice("ABCD"), random.choice(["A", "b", "C.", "D", "(A)", "A, so", "B because", "c.."])
        options = ["A. w", "B. x", "C. y", "D. z"]
    rows.append(dict(id=i, scene_name="s%d" % (i % 288), question_type=kind, ground_truth=right, options=options, prediction=said))
    gt[i] = dict(question_type=kind, ground_truth=right)
    answers[i] = said
ours = vega("vsi", rows)
with mock.patch.object(vqa.VSIBenchMetric, "_load_gt_data", lambda self, **_: None):
    metric = vqa.VSIBenchMetric()
metric.gt_data = gt
with mock.patch.object(torch, "linspace", lambda start, end, steps, dtype: torch.from_numpy(np.linspace(start, end, steps))):
    metric.update(answers)
theirs = metric.compute()
same("VSI-Bench average", ours["metrics"]["average"]["value"], theirs["overall_acc"], 1e-9)
for name, kind in (("object count", "object_counting"), ("absolute distance", "object_abs_distance"), ("object size", "object_size_estimation"),
                   ("room size", "room_size_estimation"), ("relative distance", "object_rel_distance"), ("relative direction", "object_rel_direction"),
                   ("route planning", "route_planning"), ("appearance order", "obj_appearance_order")):
    same("VSI-Bench " + name, ours["metrics"][name]["value"], theirs[kind + "_acc"], 1e-9)

# ScanQA, matcher PTB
words = "a the brown white chair table next to left of window in corner two three door on Bed desk, trash can.".split()
rows, gt, answers = [], {}, {}
for i in range(1500):
    right = [" ".join(random.choices(words, k=random.randint(1, 6))) for _ in range(random.randint(1, 3))]
    said = random.choice(right) if random.random() < 0.3 else " ".join(random.choices(words, k=random.randint(1, 7)))
    rows.append(dict(sample_id=f"q{i}", pred_response=said, gt_response=right))
    gt[f"q{i}"] = dict(answers=right)
    answers[f"q{i}"] = said
ours = vega("scanqa", rows, "--matcher", "PTB", "--meteor-dir", METEOR_DIR)
with mock.patch.object(vqa.ScanQAMetric, "_load_gt_data", lambda self, split: None):
    metric = vqa.ScanQAMetric()
metric.gt_data = gt
metric.update(answers)
theirs = metric.compute()
for a, b in (("BLEU-1", "BLEU_1"), ("BLEU-4", "BLEU_4"), ("meteor-1.5", "METEOR"), ("ROUGE-L", "ROUGE_L"), ("CIDEr", "CIDEr")):
    same("ScanQA " + a, ours["metrics"][a]["value"], theirs[b], 1e-9)
print("largest difference", worst)
