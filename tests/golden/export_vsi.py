"""vsi/: small videos, questions about them in the form of VSI-Bench's JSON Lines, and what transformers'
Qwen2_5_VLForConditionalGeneration answers with the whole prompt in one pass: questions.jsonl, DATASET/SCENE.mp4,
answers.jsonl (a line a question: sample_id, prompt, pred_response, in the order of the questions).

The videos are written and read with PyAV; their frames are PNG, so that every decoder gives the same bytes. Frames by
numpy.linspace, prompts from the released evaluation's texts, greedy answers with repetition penalty 1.05 that end at
<|im_end|> or after 16 tokens. The model is the one of export_qwen2_5_vl.py with a tied head.
"""

import io
import json
import os
import struct
from fractions import Fraction

import av
import numpy as np
import torch
from PIL import Image

import export_qwen2_5_vl as Q
import weights as W

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vsi")
BOUNDS = (3136, 20000)   # --max-pixels 20000; the least is that of the tiny checkpoint
NEW = 16


def frame(video, n, width=64, height=48):
    """Bytes (H, W, 3): a coarse grid of colours that slowly changes; small as PNG."""
    cells = (height // 16) * (width // 16) * 3
    a, b = (W.uniforms(W.words("golden.vsi.%s.%d" % (video, k), cells, 42)) for k in (n // 8, n // 8 + 1))
    mix = a + (b - a) * (n % 8) / 8
    rough = (mix * 256).astype(np.uint8).reshape(height // 16, width // 16, 3)
    return rough.repeat(16, 0).repeat(16, 1)


# Name: frames, times of each in 1/90 s, quarter turns of the display matrix (clockwise).
VIDEOS = {
    "scannet/scene0011_00": (40, lambda n: 3 * n, 0),
    "scannet/scene0030_00": (5, lambda n: 3 * n, 0),                       # fewer than 32
    "arkitscenes/41069025": (1, lambda n: 0, 0),                           # one frame
    "scannetpp/09c1414f1b": (35, lambda n: 3 * n + n * n % 3 + n // 9 * 40, 0),   # variable frame rate
    "arkitscenes/41069042": (6, lambda n: 3 * n, 1),                       # stored on its side
}
TURN = {1: (0, 1, -1, 0), 3: (0, -1, 1, 0)}   # a, b, c, d of the matrix


def write(name, count, time, turns):
    path = os.path.join(HERE, name + ".mp4")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    frames = [frame(name, n) for n in range(count)]
    with av.open(path, "w", format="mov") as out:
        stream = out.add_stream("png", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 90)
        for n, pixels in enumerate(frames):
            shot = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            shot.pts, shot.time_base = time(n), Fraction(1, 90)
            for packet in stream.encode(shot):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    if turns:
        turn(path, TURN[turns])


def turn(path, abcd):
    """Puts the matrix into the track's header."""
    data = bytearray(open(path, "rb").read())
    at = data.index(b"tkhd") + 4
    assert data[at] == 0
    matrix = at + 40
    a, b, c, d = (v << 16 for v in abcd)
    data[matrix:matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    open(path, "wb").write(data)


def read(name):
    """All frames as they are shown."""
    with av.open(os.path.join(HERE, name + ".mp4")) as file:
        shots = list(file.decode(video=0))
    out = []
    for shot in shots:
        pixels = shot.to_ndarray(format="rgb24")
        out.append(np.rot90(pixels, shot.rotation // 90))   # rotation: counterclockwise degrees
    return out


QUESTIONS = [
    # scene, type, question, truth, options
    ("scannet/scene0011_00", "object_counting", "How many chair(s) are in this room?", "4", None),
    ("scannet/scene0011_00", "object_rel_distance",
     "Measuring from the closest point of each object, which of these objects (stove, table, door, sofa) is the closest to "
     "the lamp?", "B", ["A. stove", "B. table", "C. door", "D. sofa"]),
    ("scannet/scene0030_00", "room_size_estimation",
     "What is the size of this room (in square meters)? If multiple rooms are shown, estimate the size of the combined "
     "space.", "21.7", None),
    ("scannet/scene0030_00", "object_rel_direction_easy",
     "If I am standing by the bed and facing the window, is the door to the left or the right of the window?", "A",
     ["A. left", "B. right"]),
    ("arkitscenes/41069025", "object_abs_distance",
     "Measuring from the closest point of each object, what is the distance between the sofa and the stove (in meters)?",
     "1.9", None),
    ("scannetpp/09c1414f1b", "obj_appearance_order",
     "What will be the first-time appearance order of the following categories in the video: lamp, door?", "B",
     ["A. lamp, door", "B. door, lamp"]),
    ("arkitscenes/41069042", "object_size_estimation",
     "What is the length of the longest dimension (length, width, or height) of the table, measured in centimeters?", "75",
     None),
    ("arkitscenes/41069042", "route_planning",
     "You are a robot beginning at the door facing the table. You want to navigate to the lamp. You will perform the "
     "following actions (Note: for each [please fill in], choose either 'turn back,' 'turn left,' or 'turn right.'): "
     "1. Go forward until the table 2. [please fill in] 3. Go forward until the lamp. You have reached the final "
     "destination.", "C", ["A. Turn Back", "B. Turn Left", "C. Turn Right"]),
]


def prompt_of(question, options):
    pre = "These are frames of a video."
    if options is None:
        return "\n".join([pre, question, "Please answer the question using a single word or phrase."])
    return "\n".join([pre, question, "Options:"] + options +
                     ["Answer with the option's letter from the given choices directly."])


def places(total):
    return list(range(total)) if total < 32 else np.linspace(0, total - 1, 32).astype(int).tolist()


def wrong_pictures(name, frames):
    """What a reader would show that takes the first 32 frames, one frame less, or forgets to turn them."""
    at = places(len(frames))
    makes = lambda chosen: [Q.processor_input(Q.spatial(Image.fromarray(np.ascontiguousarray(f))), BOUNDS) for f in chosen]
    if len(frames) > 32:
        yield "the first", makes(frames[:32])
        yield "rounded", makes([frames[i] for i in np.rint(np.linspace(0, len(frames) - 1, 32)).astype(int)])
    if len(frames) > 1:
        yield "without the last", makes([frames[i] for i in at[:-1]])
    if VIDEOS[name][2]:
        yield "not turned", makes([np.rot90(frames[i], VIDEOS[name][2]) for i in at])


def answer(model, prompt, pictures):
    """Ids, their text, and the smallest distance of the two largest logits after the penalty."""
    inputs = Q.inputs_of(prompt, pictures)
    got = model.generate(**inputs, do_sample=False, max_new_tokens=NEW, pad_token_id=Q.ID["endoftext"],
                         eos_token_id=Q.ID["im_end"], repetition_penalty=1.05, output_scores=True,
                         return_dict_in_generate=True)
    tops = torch.stack(got.scores)[:, 0].topk(2).values
    ids = got.sequences[0, inputs["input_ids"].shape[1]:].tolist()
    return ids, bytes(i for i in ids if i < Q.BYTES).decode("utf-8", "replace"), float((tops[:, 0] - tops[:, 1]).min())


def main():
    torch.set_num_threads(1)
    os.makedirs(HERE, exist_ok=True)
    model = Q.make_model(True)
    shown = {}
    for name, (count, time, turns) in VIDEOS.items():
        write(name, count, time, turns)
        frames = read(name)
        assert len(frames) == count, name
        for n in range(count):   # lossless; stored clockwise a quarter turn less
            assert np.array_equal(frames[n], np.rot90(frame(name, n), -turns)), (name, n)
        at = places(count)
        pictures = [Q.processor_input(Q.spatial(Image.fromarray(np.ascontiguousarray(frames[n]))), BOUNDS) for n in at]
        shown[name] = (at, pictures, list(wrong_pictures(name, frames)), set())
        print(name, count, frames[0].shape, pictures[0].shape, os.path.getsize(os.path.join(HERE, name + ".mp4")))
    lines, answers = [], []
    for number, (scene, kind, question, truth, options) in enumerate(QUESTIONS):
        data_set, scene_name = scene.split("/")
        prompt = prompt_of(question, options)
        _, pictures, wrong, told = shown[scene]
        ids, text, margin = answer(model, prompt, pictures)
        told.update(what for what, other in wrong if answer(model, prompt, other)[1] != text)
        print(number, scene, "margin %.4f" % margin, ids, repr(text), "told from", sorted(told), flush=True)
        assert margin > 1e-3
        lines.append({"id": number, "dataset": data_set, "scene_name": scene_name, "question_type": kind,
                      "question": question, "ground_truth": truth, "options": options})
        answers.append({"sample_id": number, "prompt": "<image>" + prompt, "pred_response": text})
    for name, (_, _, wrong, told) in shown.items():
        assert told == {what for what, _ in wrong}, name
    for name, rows in (("questions.jsonl", lines), ("answers.jsonl", answers)):
        with io.open(os.path.join(HERE, name), "w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
