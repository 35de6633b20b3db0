"""frames/: questions about posed frames in the forms of the spatial-reasoning release, and what its scorers make of answers.

    python3 export_frames.py VEGA_3D [--scores]      a checkout of H-EmbodVis/VEGA-3D, branch spatial-reasoning

The scorers are the functions of that checkout (src/lmms_eval/tasks/{scanrefer,threedod}/utils.py,
scripts/evaluation/eval_scanrefer.py) with the box overlap of its pytorch3d folder, of which the one C++ file is compiled
here. A second source of every overlap is SciPy's half-space intersection in float64.

boxes.json       pairs: [box, box, shared volume (SciPy), IoU (SciPy, small faces refused as released), IoU (pytorch3d)];
                 moved: [pose, box, the released box in the world]; answers: [text, frames, {frame, bbox_3d} or null]
scanrefer.json   questions as scripts/preprocess/convert_scanrefer.py writes them, without conversations' pictures
scanrefer_log.jsonl   the log of the harness for answers to them, with the scorer's own values
scan2cap_log.jsonl    likewise of captions
scores.json      iou25 and iou50 of that log, and CIDEr, BLEU-4 and ROUGE-L of the captions; the same after the best proposal, of proposals.json
proposals.json   boxes of a detector by scan
asked_scanrefer.json, asked_scan2cap.json, media/...   questions about small pictures, likewise
scanrefer_answers.jsonl, scan2cap_answers.jsonl        sample_id, prompt, pred_response: transformers' Qwen2.5-VL, 16 tokens at
                 most; pictures as in src/lmms_eval/models/vgllm.py, model and steps those of export_pictures.py
"""

import importlib.util
import io
import json
import os
import sys
import tempfile
import types

import numpy as np
import torch
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, HalfspaceIntersection
from scipy.spatial.transform import Rotation
from PIL import Image
from torch.utils import cpp_extension

import export_pictures as P
import export_qwen2_5_vl as Q
import export_vsi as V

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frames")
BIND = """#include <torch/extension.h>
std::tuple<at::Tensor, at::Tensor> IoUBox3DCpu(const at::Tensor& a, const at::Tensor& b);
PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("iou_box3d", &IoUBox3DCpu); }
"""


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    out = importlib.util.module_from_spec(spec)
    sys.modules[name] = out
    spec.loader.exec_module(out)
    return out


def released(root):
    """The modules of the scanrefer task, of threedod and of the proposals' script."""
    p3d = os.path.join(root, "pytorch3d/pytorch3d")
    build = os.environ.get("EXPORT_BUILD") or tempfile.mkdtemp()   # kept, where it is named
    native = os.path.join(build, "iou3d.so")
    if not os.path.exists(native):
        bind = os.path.join(build, "bind.cpp")
        with open(bind, "w") as file:
            file.write(BIND)
        cpp_extension.load(name="iou3d", sources=[os.path.join(p3d, "csrc/iou_box3d/iou_box3d_cpu.cpp"), bind],
                           extra_include_paths=[os.path.join(p3d, "csrc")], build_directory=build, with_cuda=False)
    native = load("iou3d", native)
    for name in ("pytorch3d", "pytorch3d.common", "pytorch3d.common.datatypes", "pytorch3d.transforms", "ray"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["pytorch3d"]._C = native
    sys.modules["pytorch3d.common.datatypes"].Device = object
    sys.modules["ray"].remote = lambda function: function
    sys.modules["pytorch3d.ops"] = load("pytorch3d.ops", os.path.join(p3d, "ops/iou_box3d.py"))
    turns = load("pytorch3d.transforms.rotation_conversions", os.path.join(p3d, "transforms/rotation_conversions.py"))
    sys.modules["pytorch3d.transforms"].euler_angles_to_matrix = turns.euler_angles_to_matrix
    sys.path.insert(0, os.path.join(root, "src"))   # lmms_eval.tasks.threedod as a namespace package
    from lmms_eval.tasks.scanrefer import utils as scanrefer
    from lmms_eval.tasks.threedod import utils as threedod
    return scanrefer, threedod, load("eval_scanrefer", os.path.join(root, "scripts/evaluation/eval_scanrefer.py"))


def halfspaces(box):
    turn, out = Rotation.from_euler("ZXY", box[6:]).as_matrix(), []
    for axis in range(3):
        for side in (1, -1):
            normal = side * turn[:, axis]
            out.append(np.append(normal, -(normal @ box[:3] + abs(box[3 + axis]) / 2)))
    return np.array(out)


def shared(a, b):
    """The volume of both, float64."""
    sides = np.vstack([halfspaces(np.array(a)), halfspaces(np.array(b))])
    inner = linprog([0, 0, 0, -1], A_ub=np.hstack([sides[:, :3], np.ones((12, 1))]), b_ub=-sides[:, 3],
                    bounds=[(None, None)] * 3 + [(0, None)])
    if inner.status != 0 or inner.x[3] < 1e-9:
        return 0.0
    return float(ConvexHull(HalfspaceIntersection(sides, inner.x[:3]).intersections).volume)


def small(box):
    x, y, _ = sorted(abs(v) for v in box[3:6])
    return x * y / 2 < 1e-4


def exact(a, b):
    if small(a) or small(b):
        return 0.0
    both = shared(a, b)
    return both / (abs(np.prod(a[3:6])) + abs(np.prod(b[3:6])) - both)


def overlap(threedod, a, b):
    boxes = threedod.EulerDepthInstance3DBoxes
    try:
        return boxes.overlaps(boxes(torch.tensor([a]), convention="ZXY"), boxes(torch.tensor([b]), convention="ZXY")).item()
    except ValueError:   # a face without area
        return 0.0


def draw_box(draw, turned=True):
    angles = draw.uniform(-3, 3, 3) if turned else np.zeros(3)
    return [float(v) for v in np.concatenate([draw.uniform(-.4, .4, 3), draw.uniform(.1, 1.5, 3), angles])]


def pairs(threedod):
    """Boxes anyhow, turned alike, upright, a quarter turn apart, equal, within each other, apart, thin, mirrored."""
    draw, out, worst = np.random.default_rng(7), [], {}
    for n in range(117):
        kind = ("any", "any", "any", "alike", "upright", "yaw", "quarter", "equal", "within", "apart", "thin", "mirrored",
                "level")[n % 13]
        a, b = draw_box(draw, kind not in ("upright", "quarter")), draw_box(draw, kind not in ("upright", "quarter"))
        if kind == "alike":
            b[6:] = a[6:]
        elif kind == "yaw":
            a[7:] = b[7:] = [0.0, 0.0]
        elif kind == "quarter":
            b[6:] = [float(np.pi / 2 * draw.integers(1, 4)), 0.0, 0.0]
        elif kind == "equal":
            b = list(a)
        elif kind == "within":
            b[:3], b[6:], b[3:6] = a[:3], a[6:], [v * float(draw.uniform(.3, .9)) for v in a[3:6]]
        elif kind == "apart":
            b[0] += 9
        elif kind == "thin":
            b[3:5] = [.002, .05]
        elif kind == "mirrored":
            b[3] = -b[3]
        elif kind == "level":     # a common bottom
            a[6:], b[6:] = [a[6], 0.0, 0.0], [b[6], 0.0, 0.0]
            b[2] = a[2] - a[5] / 2 + b[5] / 2
        told, ours = overlap(threedod, a, b), exact(a, b)
        worst[kind] = max(worst.get(kind, 0), abs(told - ours))
        out.append([a, b, shared(a, b), ours, told])
    print("pytorch3d and SciPy apart by at most", {kind: "%.1e" % value for kind, value in worst.items()})
    return out


def pose(draw, metres=2.0):
    out = np.eye(4)
    out[:3, :3] = Rotation.random(random_state=draw).as_matrix()
    out[:3, 3] = draw.uniform(-metres, metres, 3)
    return out


def moves(scanrefer):
    draw, out = np.random.default_rng(11), []
    for n in range(12):
        where, box = pose(draw), draw_box(draw)
        if n == 10:
            where[:3, :3] = np.eye(3)
        if n == 11:
            box[6:] = [0.0, 0.0, 0.0]
        out.append([where.tolist(), box, scanrefer.scanrefer_bbox_to_9dof(list(box), "ZXY", where)])
    return out


NINE = [0.1, -0.2, 1.5, 0.4, 0.5, 0.6, 0.1, 0.2, 0.3]


def texts():
    """Answers in every shape; the released reader's verdict is found below."""
    one = json.dumps({"frame": 3, "bbox_3d": NINE})
    box = json.dumps(NINE)
    return ["```json\n\t" + one + "\n```", one, "\n\n" + one + "\n", "```json " + one + "```", "json\n" + one, "Sure:\n" + one,
            "Sure: " + one, one + ",", "[" + one + "]", one.replace('"', "'"), "{'frame': 3, 'bbox_3d': " + box + ", }",
            "{'frame': 3.0, 'bbox_3d': " + box + "}", "{'frame': '3', 'bbox_3d': " + box + "}",
            "{'frame': 32, 'bbox_3d': " + box + "}", "{'frame': -1, 'bbox_3d': " + box + "}", "{'bbox_3d': " + box + "}",
            "{'frame': 3, 'bbox_3d': " + json.dumps(NINE[:8]) + "}", "{'frame': 3, 'bbox_3d': " + json.dumps(NINE + [1]) + "}",
            "{'frame': 3, 'bbox_3d': (" + box[1:-1] + ")}", "{'frame': 3, 'bbox_3d': ['a'" + box[4:] + "}",
            "{'frame': 3, 'bbox_3d': " + box.replace("0.1", ".1") + "}", "{'frame': 3, 'bbox_3d': " + box.replace("0.1", "1e-1") + "}",
            "{'frame': 3, 'bbox_3d': " + box.replace("0.1", "+0.1") + "}", "{'frame': 3, 'bbox_3d': " + box[:-1] + ",]}",
            "{'frame': 03, 'bbox_3d': " + box + "}", "{'frame': 0, 'frame': 3, 'bbox_3d': " + box + "}",
            "{\n'frame': 3,\n'bbox_3d': " + box + "\n}", "", "no box", "bbox_3d\n" + one, "{'frame': 3}\n" + one, one + "\n" + one,
            one.replace("3,", "4,") + "\nbbox_3d", "```\n" + one + "\n```\nThat is it.", "```json\n\t" + one, one[:-3],
            "{'frame': 3, 'label': 'a \"chair\"', 'bbox_3d': " + box + "}", "{'frame': 3, 'label': 'it\\'s', 'bbox_3d': " + box + "}",
            "{'frame': 3, 'bbox_3d': " + box + ", 'more': {'a': [1, None, True, false_]}}",
            "{'frame': 3, 'bbox_3d': " + box + ", 'more': {'a': [1, None, True, -2]}}", "  " + one + "\t", "{\"frame\":3,\"bbox_3d\":[1,2,3,4,5,6,0,0,0]}",
            "{'frame': 3, 'bbox_3d': [1, 2, 3, 1e999, 5, 6, 0, 0, 0]}", "{'frame': 3, 'bbox_3d': [1, 2, 3, nan, 5, 6, 0, 0, 0]}",
            "{'frame': 1_0, 'bbox_3d': " + box + "}", "{'frame': 3, 'bbox_3d': " + box + "} # sure", "\"bbox_3d\""]


def readings(scanrefer):
    """What the released scorer reads: the pose of frame k only shifts by k, so that the result tells the frame."""
    out = []
    for text in texts():
        poses = []
        for k in range(32):
            where = np.eye(4)
            where[0, 3] = 100 * k
            poses.append(where.tolist())
        doc = {"gt_bbox": [0, 0, 0, 1, 1, 1, 0, 0, 0], "cam2global": poses, "axis_align_matrix": np.eye(4).tolist(), "images": []}
        box = scanrefer.scanrefer_process_results(doc, [text])["scanrefer_score"]["pred_bbox"]
        if box is not None and not np.isfinite(box).all():
            box = None   # nothing agrees with it
        frame = None if box is None else int(round(box[0] / 100))
        out.append([text, 32, None if box is None else {"frame": frame, "bbox_3d": [box[0] - 100 * frame] + box[1:]}])
    return out


def questions(draw):
    """Six scans with four frames a question, in the members of the release."""
    out = []
    for n in range(36):
        scan = "scene%04d_00" % (11 + n % 6)
        box = draw_box(draw, False)[:6]
        if n == 35:
            box[3:5] = [.01, .01]    # a face below 2 cm2
        prompt = ("Localize the first clear frame in the video showing the object described in the text.\nText: Object %d.\n"
                  "Output a JSON dictionary with the frame index in \"frame\" and its 3D bounding box in \"bbox_3d\" in the "
                  "frame's coordinates.\n" % n)
        out.append({
            "images": ["scannet/posed_images/%s/%05d.jpg" % (scan, 10 * k) for k in range(4)],
            "conversations": [{"value": "".join("Frame-%d: <image>" % k for k in range(4)) + "\n" + prompt, "from": "human"},
                              {"value": "", "from": "gpt"}],
            "metadata": {"dataset": "scanrefer", "question_type": "unique" if n % 3 == 0 else "multiple", "ann_id": str(n % 5),
                         "object_id": str(n)},
            "target": None, "gt_bbox": box + [0, 0, 0], "prompt": prompt, "cam2img": np.eye(4).tolist(),
            "cam2global": [pose(draw).round(6).tolist() for _ in range(4)],
            "axis_align_matrix": pose(draw, 1.0).round(6).tolist()})
    return out


def said(draw, n, doc):
    """The object's box in a frame, more or less right, or what cannot be read."""
    odd = {5: "I cannot see it.", 11: "```json\n{\"frame\": 4, \"bbox_3d\": [0,0,0,1,1,1,0,0,0]}\n```", 17: "", 23: "{'frame': 1}"}
    if n in odd:
        return odd[n]
    frame = int(draw.integers(0, 4))
    into = np.linalg.inv(np.array(doc["axis_align_matrix"]) @ np.array(doc["cam2global"][frame]))
    box = np.array(doc["gt_bbox"], float)
    center = into[:3, :3] @ box[:3] + into[:3, 3]
    angles = Rotation.from_matrix(into[:3, :3]).as_euler("ZXY")
    step = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5)[n // 6]
    numbers = np.concatenate([center + draw.uniform(-step, step, 3), box[3:6] * draw.uniform(1 - step, 1 + step, 3),
                              angles + draw.uniform(-step, step, 3)])
    text = json.dumps({"frame": frame, "bbox_3d": [round(float(v), 2) for v in numbers]})
    return "```json\n\t%s\n```" % text if n % 2 == 0 else text


def log(scanrefer, docs):
    draw, lines, results = np.random.default_rng(13), [], []
    for n, doc in enumerate(docs):
        text = said(draw, n, doc)
        result = scanrefer.scanrefer_process_results(doc, [text])["scanrefer_score"]
        results.append(result)
        # The harness leaves members with "image" in their names out of doc.
        kept = {name: value for name, value in doc.items() if "image" not in name}
        lines.append({"doc_id": n, "doc": kept, "target": "answer", "resps": [[text]], "filtered_resps": [text],
                      "scanrefer_score": result})
        margin = min(abs(result["iou"] - least) for least in (0.25, 0.5))
        assert margin > 1e-3, (n, result["iou"])
    told = []
    scanrefer.eval_logger = types.SimpleNamespace(info=told.append)
    scanrefer.scanrefer_aggregate_results(results)
    return lines, {name: float(value) for name, value in
                   eval(told[0][told[0].index("{"):], {"np": np}).items()}


def with_proposals(script, threedod, docs, lines):
    draw, boxes = np.random.default_rng(17), {}
    for doc in docs:
        scan = doc["images"][0].split("/")[-2]
        box = np.array(doc["gt_bbox"][:6])
        near = np.concatenate([box[:3] + draw.uniform(-.1, .1, 3), box[3:] * draw.uniform(.8, 1.2, 3)]).round(4)
        boxes.setdefault("scannet/" + scan, []).append([float(v) for v in near])
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "metadata"))
        with open(os.path.join(folder, "metadata", "scannet_val_pred_box.json"), "w") as file:
            json.dump(boxes, file)
        got = script.main(lines, types.SimpleNamespace(scannet_dir=folder))
    return boxes, {name[-5:]: 100 * float(np.mean(values)) for name, values in got.items()}


def numbered(question, grids):
    """The prompt with add_frame_index."""
    def text(t):
        return list(t.encode())
    ids = [Q.ID["im_start"]] + text("system\nYou are a helpful assistant.") + [Q.ID["im_end"]] + text("\n")
    ids += [Q.ID["im_start"]] + text("user\n")
    for n, (gh, gw) in enumerate(grids):
        ids += text("Frame-%d: " % n) + [Q.ID["vision_start"]] + [Q.ID["image_pad"]] * (gh * gw) + [Q.ID["vision_end"]]
    return ids + text(question) + [Q.ID["im_end"]] + text("\n") + [Q.ID["im_start"]] + text("assistant\n")


def opened(docs):
    """The pictures of questions as the release's doc_to_visual opens them."""
    return [[Image.open(os.path.join(HERE, "media", name)).convert("RGB") for name in doc["images"]] for doc in docs]


def asked(docs):
    scan2cap, rows = [], []
    scans = {"scene0011_00": 3, "scene0025_00": 2}
    for scan, count in scans.items():
        for k in range(count):
            name = "scannet/posed_images/%s/%05d.png" % (scan, 10 * k)
            os.makedirs(os.path.dirname(os.path.join(HERE, "media", name)), exist_ok=True)
            Image.fromarray(P.coarse(name, 64, 48)).save(os.path.join(HERE, "media", name), optimize=True)
    for n, (scan, words) in enumerate((("scene0011_00", "The chair beside the door."), ("scene0025_00", "A lamp on the table."),
                                       ("scene0011_00", "This is the largest window."))):
        doc = dict(docs[n])
        doc["images"] = ["scannet/posed_images/%s/%05d.png" % (scan, 10 * k) for k in range(scans[scan])]
        doc["prompt"] = doc["prompt"].replace("Object %d." % n, words)
        doc["conversations"] = [{"value": "".join("Frame-%d: <image>" % k for k in range(scans[scan])) + "\n" + doc["prompt"],
                                 "from": "human"}, {"value": "", "from": "gpt"}]
        doc["cam2global"] = doc["cam2global"][:scans[scan]]
        rows.append(doc)
        place = [0.25 * n, -1.5, 2.75]
        scan2cap.append({
            "conversations": [{"value": "<image>" * scans[scan] + "\nCarefully watch the video and describe the object located "
                               "at %s in detail." % place, "from": "human"}, {"value": words, "from": "gpt"}],
            "images": doc["images"], "input_box": doc["gt_bbox"][:6], "gt_box": doc["gt_bbox"][:6], "iou": (0.75, 0.5, 0.25)[n],
            "metadata": dict(doc["metadata"], dataset="scan2cap"), "annotations": [words, "an object, number %d." % n],
            "cam2img": doc["cam2img"], "cam2global": doc["cam2global"], "axis_align_matrix": doc["axis_align_matrix"]})
    from lmms_eval.tasks.scan2cap import utils as released_scan2cap
    scanrefer = sys.modules["lmms_eval.tasks.scanrefer.utils"]
    model, plain = Q.make_model(True), Q.chat
    for name, docs, words_of in (("scanrefer", rows, scanrefer.scanrefer_doc_to_text),
                                 ("scan2cap", scan2cap, released_scan2cap.scan2cap_doc_to_text)):
        lines, told = [], set()
        for n, (doc, images) in enumerate(zip(docs, opened(docs))):
            prompt = words_of(doc)
            pictures = P.shown([P.recoded(image) for image in images])
            Q.chat = numbered if name == "scanrefer" else plain
            ids, text, margin = V.answer(model, prompt, pictures)
            if V.answer(model, prompt, P.shown(images))[1] != text:
                told.add("not encoded")
            Q.chat = plain if name == "scanrefer" else numbered
            if V.answer(model, prompt, pictures)[1] != text:
                told.add("numbers")
            if n == 2 and name == "scan2cap":
                text = ""    # no proposal stands for it
            print(name, n, "margin %.4f" % margin, ids, repr(text), sorted(told), flush=True)
            assert margin > 1e-3
            lines.append({"sample_id": n, "prompt": "<image>" + prompt, "pred_response": text})
        assert told == {"not encoded", "numbers"}, told
        write("asked_%s.json" % name, docs)
        write("%s_answers.jsonl" % name, lines, True)


def captions():
    """Lines of the harness's log for captions, and the released CIDEr, BLEU-4 and ROUGE-L of them (METEOR needs Java)."""
    base = "lmms_eval.tasks.scan2cap.caption_eval."
    sys.modules[base + "meteor"] = types.ModuleType(base + "meteor")
    sys.modules[base + "meteor.meteor"] = types.SimpleNamespace(Meteor=lambda: types.SimpleNamespace(
        compute_score=lambda gts, res: (0.0, [])))
    from lmms_eval.tasks.scan2cap import utils
    from lmms_eval.tasks.scan2cap.caption_eval.bleu.bleu import Bleu
    from lmms_eval.tasks.scan2cap.caption_eval.cider.cider import Cider
    from lmms_eval.tasks.scan2cap.caption_eval.rouge.rouge import Rouge
    utils.eval_logger = types.SimpleNamespace(info=lambda text: None)
    kept = {}
    for one in (Bleu, Cider, Rouge):
        def compute(self, gts, res, plain=one.compute_score, name=one.__name__):
            kept[name] = plain(self, gts, res)[0]
            return plain(self, gts, res)
        one.compute_score = compute
    said = ["This is a brown chair, near the door.", "It is a Lamp.", "", "the sofa is next to the table.", "A window", "a big bed",
            "This is the desk. It is brown.", "a white cabinet,left of the sink.", "a bin", "The table is round."]
    lines, results = [], []
    for n, text in enumerate(said):
        doc = {"annotations": [text + " It is nice.", "this is a brown object, near the door.", said[(n + 3) % 10]][:1 + n % 3] or [""],
               "iou": (0.9, 0.5, 0.499, 0.7, 0.2)[n % 5], "metadata": {"question_type": "unique" if n % 2 else "multiple"}}
        lines.append({"doc_id": n, "doc": doc, "target": "answer", "resps": [[text]], "filtered_resps": [text],
                      "scan2cap_score": {"images": ["scannet/posed_images/scene%04d_00/00000.jpg" % (n // 2)]}})
        results.append(utils.scan2cap_process_results(dict(doc), [text])["scan2cap_score"])
    cider = utils.scan2cap_aggregate_results(results)
    assert abs(cider - 100 * kept["Cider"]) < 1e-9
    return lines, {"CIDEr": float(cider), "BLEU-4": 100 * float(kept["Bleu"][-1]), "ROUGE-L": 100 * float(kept["Rouge"])}


def write(name, value, lines=False):
    with io.open(os.path.join(HERE, name), "w", encoding="utf-8", newline="\n") as file:
        if lines:
            for row in value:
                file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
        else:
            file.write(json.dumps(value, separators=(",", ":")).replace("],[[", "],\n[[").replace("},{", "},\n{") + "\n")


def main():
    torch.set_num_threads(1)
    os.makedirs(HERE, exist_ok=True)
    scanrefer, threedod, script = released(sys.argv[1])
    threedod.eval_logger = scanrefer.eval_logger = types.SimpleNamespace(error=lambda text: None)
    write("boxes.json", {"pairs": pairs(threedod), "moved": moves(scanrefer), "answers": readings(scanrefer)})
    docs = questions(np.random.default_rng(3))
    scanrefer.eval_logger = types.SimpleNamespace(error=lambda text: None)
    lines, scores = log(scanrefer, docs)
    boxes, best = with_proposals(script, threedod, docs, lines)
    write("scanrefer.json", docs)
    write("scanrefer_log.jsonl", lines, True)
    write("proposals.json", boxes)
    logged, of_captions = captions()
    write("scan2cap_log.jsonl", logged, True)
    write("scores.json", {"scanrefer": scores, "proposals": best, "scan2cap": of_captions, "torch": torch.__version__.split("+")[0]})
    print(scores, best)
    if "--scores" not in sys.argv:
        asked(docs)


if __name__ == "__main__":
    main()
