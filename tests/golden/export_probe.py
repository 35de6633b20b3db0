"""Ridge regression by scikit-learn, for vega-eval probe. probe.safetensors.

    python tests/golden/export_probe.py

Rows of 12 columns: three one-hot ones as a cell's place, one that is constant, one far from 0, seven that depend on
the truths; five targets (depth, height, normal) and labels of four classes, some rows without one. Fitted with
StandardScaler and Ridge (alpha = strength * rows, Cholesky, float64), on all columns and on the first three; a class
is a column of 0 and 1. Scores by sklearn.metrics.
"""
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, balanced_accuracy_score, r2_score
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(17)
FIT, TEST, CLASSES, STRENGTH = 400, 120, 4, 1e-3


def rows(n):
    label = rng.choice(CLASSES + 1, n, p=[0.45, 0.25, 0.12, 0.08, 0.1]) % (CLASSES + 1)  # the last: none
    place = np.eye(3)[rng.integers(0, 3, n)]
    normal = rng.normal(size=(n, 3)) + np.eye(5)[label][:, :3] * 2
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    normal[rng.random(n) < 0.15] = 0
    depth = 2 + place @ [0.5, 1, 2] + rng.normal(size=n) * 0.3
    height = 1 + 0.5 * normal[:, 2] + rng.normal(size=n) * 0.2
    y = np.column_stack([depth, height, normal])
    hidden = np.column_stack([y, np.eye(CLASSES + 1)[label][:, :2]])
    feature = hidden @ np.linspace(-1, 1, 49).reshape(7, 7) ** 3 + rng.normal(size=(n, 7)) * 0.4
    x = np.column_stack([place, np.full(n, 0.7), 1000 + rng.normal(size=n) + depth, feature])
    return x.astype(np.float32), y.astype(np.float32), np.where(label == CLASSES, -1, label).astype(np.int32)


x, y, label = rows(FIT)
tx, ty, tlabel = rows(TEST)
hot = np.stack([label == c for c in range(CLASSES)], 1).astype(np.float64)
out = {"fit.x": x, "fit.y": y, "fit.label": label, "test.x": tx, "test.y": ty, "test.label": tlabel}
for name, columns in (("all", 12), ("place", 3)):
    scaler = StandardScaler().fit(x[:, :columns].astype(np.float64))
    ridge = Ridge(alpha=STRENGTH * FIT, solver="cholesky")
    ridge.fit(scaler.transform(x[:, :columns].astype(np.float64)), np.column_stack([y.astype(np.float64), hot]))
    found = ridge.predict(scaler.transform(tx[:, :columns].astype(np.float64)))
    found[:, 5:] /= np.sqrt(hot.sum(0))
    answer, some, flat = found[:, 5:].argmax(1), tlabel >= 0, (ty[:, 2:] != 0).any(1)
    cosine = (found[:, 2:5] * ty[:, 2:]).sum(1) / np.linalg.norm(found[:, 2:5], axis=1)
    out[f"{name}.found"] = found.astype(np.float32)
    out[f"{name}.scores"] = np.array([
        r2_score(ty[:, 0], found[:, 0]), r2_score(ty[:, 1], found[:, 1]),
        np.degrees(np.arccos(np.clip(cosine[flat], -1, 1))).mean(),
        balanced_accuracy_score(tlabel[some], answer[some]), accuracy_score(tlabel[some], answer[some])])
    print(name, out[f"{name}.scores"])
save_file(out, str(Path(__file__).with_name("probe.safetensors")))
