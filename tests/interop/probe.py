"""vega-eval probe beside scikit-learn and numpy, on the same files.   probe.py PROBE.json FEATURES... --scenes DIR

Reads the scenes and features with h5py, works out what cells show with numpy (every pixel, planes by numpy.linalg),
fits with sklearn.linear_model.Ridge, scores with sklearn.metrics, and compares every measure of every row with the
record, and every label of a class. FEATURES: the folders of the record's sets, in its order, of 14x14 cells.
"""
import json
import sys
from pathlib import Path

import h5py
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, balanced_accuracy_score, r2_score
from sklearn.preprocessing import StandardScaler

record = json.loads(Path(sys.argv[1]).read_text())
folders, scenes = sys.argv[2:-2], Path(sys.argv[-1])
options = record["options"]
assert options["grid"] == "14x14" and options.get("shuffle") is None
GRID, PLACE = 14, np.vstack([np.hstack([np.eye(14)[r], np.eye(14)[c]]) for r in range(14) for c in range(14)])


def truths(key, folder, tap):
    """A row a cell: target (5), name of the label or None, used, tokens."""
    with h5py.File(scenes / f"{key}.h5") as s, h5py.File(Path(folder) / f"{key}.h5") as f:
        ids = {int(n): i for i, n in reversed(list(enumerate(s["frames/id"][:])))}
        boxes = s["objects/gt/box"][:].astype(np.float64) if "objects/gt" in s else np.zeros((0, 6))
        names = [bytes(x).rstrip(b"\0").decode() for x in s["objects/gt/label"][:]] if len(boxes) else []
        order = [i for i in np.argsort(boxes[:, 3:].astype(np.float32).astype(np.float64).prod(1), kind="stable") if names[i]]
        tap = f["taps"][tap or f.attrs["default_tap"]]
        rows = []
        for v, n in enumerate(f["frames/id"][:]):
            r = ids[int(n)]
            depth, P = s["frames/depth"][r].astype(np.float64) / 1000, s["frames/world_from_cam"][r]
            K, (h, w) = s["frames/K_depth"][r], s["frames/size_color"][r]
            y, x = np.mgrid[:depth.shape[0], :depth.shape[1]].astype(np.float64)
            u, q = (x + 0.5) * w / depth.shape[1] - 0.5, (y + 0.5) * h / depth.shape[0] - 0.5
            m = tap["cell_to_px"][v]
            own = tap["tokens"].shape[1:3]
            inner = np.linalg.inv(m[:, :2])
            at = np.einsum("ij,jhw->ihw", inner, np.stack([u - m[0, 2], q - m[1, 2]]))  # in the file's own cells
            at = np.stack([(at[0] + 0.5) * GRID / own[1] - 0.5, (at[1] + 0.5) * GRID / own[0] - 0.5])
            column, row = np.floor(at[0] + 0.5).astype(int), np.floor(at[1] + 0.5).astype(int)
            inside = (column >= 0) & (column < GRID) & (row >= 0) & (row < GRID)
            cam = np.stack([(x - K[0, 2]) * depth / K[0, 0], (y - K[1, 2]) * depth / K[1, 1], depth], -1)
            world = cam @ P[:3, :3].T + P[:3, 3]
            label = np.full(depth.shape, -1)
            for i in reversed(order):
                lo, hi = boxes[i, :3] - boxes[i, 3:] / 2, boxes[i, :3] + boxes[i, 3:] / 2
                label[((world >= lo - 0.02) & (world <= hi + 0.02)).all(-1)] = i
            cell = np.where(inside, row * GRID + column, -1)
            tokens = tap["tokens"][v].astype(np.float64)
            pool = [np.arange(-(-((i + 1) * own[k]) // GRID) - i * own[k] // GRID) + i * own[k] // GRID for k in (0, 1) for i in range(GRID)]
            for c in range(GRID * GRID):
                here = cell == c
                good = here & (depth > 0)
                token = tokens[np.ix_(pool[c // GRID], pool[GRID + c % GRID])].mean((0, 1))
                if good.sum() == 0 or good.sum() < options["min_valid"] * here.sum():
                    rows.append((np.full(5, np.nan), None, False, token))
                    continue
                points = cam[good]
                value, vector = np.linalg.eigh(np.cov(points.T, bias=True)) if len(points) > 2 else (np.zeros(3), np.eye(3))
                normal = vector[:, 0] * -np.sign(vector[:, 0] @ points.mean(0))
                flat = len(points) > 2 and value[1] > 1e-12 * value[2] and np.sqrt(max(0, value[0]) / value[1]) < options["thickest_plane"]
                counts = {}
                for i in label[good]:
                    if i >= 0:
                        counts[names[i]] = counts.get(names[i], 0) + 1
                best = max(counts, key=lambda k: (counts[k], -names.index(k))) if counts else None
                if best and counts[best] < options["least_label_share"] * good.sum():
                    best = None
                rows.append((np.array([points[:, 2].mean(), world[good][:, 2].mean(), *(normal if flat else (0, 0, 0))]), best, True, token))
        target, name, used, token = (np.array(x, dtype=object if i == 1 else None) for i, x in enumerate(zip(*rows)))
        floor = target[used & (name == "floor"), 1]
        target[:, 1] -= np.median(floor) if len(floor) >= 10 else np.quantile(target[used, 1].astype(np.float32), 0.01)
        place = np.tile(PLACE, (len(target) // 196, 1))
        return np.hstack([place, token])[used], target[used], name[used]


worst = {}
for folder, row in zip(folders, [r for r in record["rows"] if not r["control"]]):
    fit = [truths(k, folder, row["tap"]) for k in record["fit"]]
    test = [truths(k, folder, row["tap"]) for k in record["scored"]]
    x, y, name = (np.concatenate(part) for part in zip(*fit))
    tx, ty, tname = (np.concatenate(part) for part in zip(*test))
    assert len(x) == row["fit_cells"] and len(tx) == row["scored_cells"], (len(x), len(tx), row["fit_cells"], row["scored_cells"])
    classes = [c["name"] for c in record["classes"]]
    counts = [int((name == c).sum()) for c in classes]
    assert counts == [c["fit_cells"] for c in record["classes"]], "cells of classes"
    hot = np.stack([name == c for c in classes], 1).astype(float) if classes else np.zeros((len(x), 0))
    control = next(r for r in record["rows"] if r["control"])
    for this, columns in ((row, x.shape[1]), (control, 28)):
        scaler = StandardScaler().fit(x[:, :columns])
        ridge = Ridge(alpha=options["ridge"] * len(x)).fit(scaler.transform(x[:, :columns]), np.hstack([y, hot]))
        found = ridge.predict(scaler.transform(tx[:, :columns]))
        flat, some = (ty[:, 2:] != 0).any(1), np.isin(tname, classes)
        cosine = (found[:, 2:5] * ty[:, 2:]).sum(1) / np.linalg.norm(found[:, 2:5], axis=1)
        mine = {"depth_r2": r2_score(ty[:, 0], found[:, 0]), "height_r2": r2_score(ty[:, 1], found[:, 1]),
                "normal_deg": np.degrees(np.arccos(np.clip(cosine[flat], -1, 1))).mean()}
        if classes:
            answer = np.array(classes)[(found[:, 5:] / np.sqrt(counts)).argmax(1)]
            mine |= {"label_mean": balanced_accuracy_score(tname[some].astype(str), answer[some]),
                     "label_all": accuracy_score(tname[some].astype(str), answer[some])}
        for measure, value in mine.items():
            got = this["measures"][measure]["value"]
            print(f"{this['name']:12s} {measure:10s} vega {got:.6f}  scikit-learn {value:.6f}")
            scale = 180 if measure == "normal_deg" else 1
            worst[measure] = max(worst.get(measure, 0), abs(got - value) / scale)
print("largest distances:", {k: float(f"{v:.2g}") for k, v in worst.items()})
# float32 features and sums: a class may be another one where two outputs nearly tie.
assert max(worst[m] for m in ("depth_r2", "height_r2", "normal_deg")) < 1e-4, worst
assert max(worst.get("label_mean", 0), worst.get("label_all", 0)) < 2e-3, worst
