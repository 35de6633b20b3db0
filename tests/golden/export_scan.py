"""Writes scan/: a tiny ScanNet scan with its objects and proposals, as numpy and SciPy see them.

The rules are those of Video-3D-LLM (read in extract_scannet_pcd.py, extract_gt_box.py and
extract_pred_box.py), written anew with numpy arrays.
"""
import json
import struct
from pathlib import Path

import numpy as np
from scipy import sparse

HERE = Path(__file__).resolve().parent / "scan"
NAME = "scene9999_00"
P = 90


def plys(xyz, rgb, faces):
    def header(fmt, real):
        return (f"ply\nformat {fmt} 1.0\ncomment made by export_scan.py\nobj_info none\nelement camera 1\nproperty double f\n"
                f"element vertex {P}\nproperty uchar red\nproperty {real} x\nproperty list uchar short tags\n"
                f"property {real} y\nproperty uchar green\nproperty int extra\nproperty {real} z\nproperty uchar blue\n"
                f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n").encode()

    for fmt, mark in (("binary_little_endian", "<"), ("binary_big_endian", ">")):
        out = header(fmt, "float") + struct.pack(mark + "d", 525.5)
        for i in range(P):
            tags = range(i % 3)
            out += struct.pack(mark + "Bf", rgb[i, 0], xyz[i, 0])
            out += struct.pack(mark + f"B{len(tags)}h", len(tags), *tags)
            out += struct.pack(mark + "fBifB", xyz[i, 1], rgb[i, 1], -i, xyz[i, 2], rgb[i, 2])
        for face in faces:
            out += struct.pack(mark + f"B{len(face)}i", len(face), *face)
        (HERE / f"{fmt.split('_')[1]}.ply").write_bytes(out)
    lines = ["525.5"]
    for i in range(P):
        tags = " ".join(map(str, [i % 3, *range(i % 3)]))
        x, y, z = (repr(float(v)) for v in xyz[i])  # shortest text of the double: reads back to the same float32
        lines.append(f"{rgb[i, 0]} {x} {tags} {y} {rgb[i, 1]} {-i} {z} {rgb[i, 2]}")
    lines += [" ".join(map(str, [len(f), *f])) for f in faces]
    (HERE / "ascii.ply").write_bytes(header("ascii", "double") + ("\r\n".join(lines) + "\r\n").encode())


def main():
    HERE.mkdir(exist_ok=True)
    rng = np.random.default_rng(20)
    xyz = rng.uniform(-4, 4, (P, 3)).astype(np.float32)
    rgb = rng.integers(0, 256, (P, 3), dtype=np.uint8)
    faces = [[0, 1, 2], [3, 4, 5, 6], [P - 3, P - 2, P - 1]]
    plys(xyz, rgb, faces)

    angle = 0.7
    align = np.eye(4)
    align[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    align[:3, 3] = [-5.38439, 2.81878, -0.203117]
    printed = " ".join(f"{v:.6f}" for v in align.ravel())
    align = np.array([float(v) for v in printed.split(" ")]).reshape(4, 4)
    (HERE / f"{NAME}.txt").write_text(f"colorHeight = 968\naxisAlignment = {printed} \nsceneType = Office\n")

    # Row by row in the order of the text, so that no BLAS decides about the last bit.
    d = xyz.astype(np.float64)
    rows = [((align[r, 0] * d[:, 0] + align[r, 1] * d[:, 1]) + align[r, 2] * d[:, 2]) + align[r, 3] for r in range(3)]
    aligned = np.stack(rows, 1).astype(np.float32)

    segments = (np.arange(P) // 6) * 7 + 3  # 15 segments with gaps in their numbers
    (HERE / f"{NAME}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(
        {"params": {"kThresh": "0.01"}, "sceneId": NAME, "segIndices": segments.tolist()}))
    groups = [(0, "chair", [3, 10, 17]), (1, "wall", [17, 24, 31]), (2, "no such label", [38, 45]), (3, "ghost", [10]),
              (5, "desk", [52, 59]), (0, "office chair", [3, 10]), (4, "sofa", [66])]
    (HERE / f"{NAME}.aggregation.json").write_text(json.dumps(
        {"sceneId": f"scannet.{NAME}",
         "segGroups": [{"id": i, "objectId": o, "segments": s, "label": label} for i, (o, label, s) in enumerate(groups)]}))
    header = "id\traw_category\tcategory\tcount\tnyu40id\teigen13id"
    table = {"wall": 1, "chair": 5, "office chair": 5, "case": 40, "desk": 14, "sofa": 6}
    (HERE / "labels.tsv").write_text("\n".join([header] + [
        f"{i + 1}\t{k}\t{k}\t9\t{v}\t0" for i, (k, v) in enumerate(table.items())]) + "\n")

    merged = {}
    for o, label, s in groups:
        merged[o] = (label, s)
    instance = np.full(P, -1)
    for o, (_, segs) in merged.items():
        for s in segs:
            instance[segments == s] = o
    objects = []
    missed = 0
    for o in np.unique(instance[instance >= 0]):
        pts = aligned[instance == o]
        lo, hi = pts.min(0), pts.max(0)
        up = lo + (hi - lo)
        assert up.dtype == np.float32
        missed += int((up != hi).sum())
        lo, up = lo.astype(np.float64), up.astype(np.float64)
        label = merged[int(o)][0]
        objects.append({"id": int(o), "label": label, "nyu40": table.get(label, table["case"]),
                        "vertices": int((instance == o).sum()), "box": [*((lo + up) / 2), *(up - lo)]})
    assert missed > 0  # the upper corner that misses its maximum is in the data

    dense = (rng.uniform(size=(55, P)) < 0.15).astype(np.int64)
    dense[7] = 0
    dense[9, 5] = 2  # not 1: outside the mask
    boxes = []
    for i in range(50):
        pts = aligned[dense[i] == 1].astype(np.float64)
        boxes.append(None if len(pts) == 0 else [*((pts.min(0) + pts.max(0)) / 2), *(pts.max(0) - pts.min(0))])
    sparse.save_npz(HERE / "csr.npz", sparse.csr_matrix(dense.astype(np.uint8)), compressed=True)
    sparse.save_npz(HERE / "csc.npz", sparse.csc_matrix(dense.astype(np.float32)), compressed=True)
    coo = sparse.coo_matrix(dense.astype(np.int64))
    order = rng.permutation(coo.nnz)
    coo = sparse.coo_matrix((coo.data[order], (coo.row[order], coo.col[order])), shape=dense.shape)
    sparse.save_npz(HERE / "coo.npz", coo, compressed=True)
    sparse.save_npz(HERE / "bool.npz", sparse.csr_array(dense[:4] == 1), compressed=False)
    twice = sparse.coo_matrix((np.array([1, 1, 0.5, 0.5, 1]), (np.zeros(5, int), np.array([3, 3, 8, 8, 4]))), shape=(1, P))
    sparse.save_npz(HERE / "twice.npz", twice, compressed=True)  # 3: 2, 8: 1, 4: 1
    sparse.save_npz(HERE / "bsr.npz", sparse.bsr_matrix(dense[:4]), compressed=True)

    (HERE / "expected.json").write_text(json.dumps({
        "vertices": xyz.view(np.uint32).tolist(), "colors": rgb.tolist(), "axis_align": align.ravel().tolist(),
        "aligned": aligned.view(np.uint32).tolist(), "instance_ids": instance.tolist(), "objects": objects,
        "masks": [np.flatnonzero(row == 1).tolist() for row in dense[:50]],
        "masks_bool": [np.flatnonzero(row == 1).tolist() for row in dense[:4]],
        "masks_twice": [np.flatnonzero(twice.toarray()[0] == 1).tolist()], "boxes": boxes}))


if __name__ == "__main__":
    main()
