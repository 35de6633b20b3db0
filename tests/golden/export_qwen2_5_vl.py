"""qwen2_5_vl.safetensors and qwen2_5_vl.json, from transformers' Qwen2_5_VLForConditionalGeneration
and its image processor on Pillow.

The model is the preset qwen2.5-vl-tiny of vega-synth (weights.py), with its tied head and with a
head of its own. Stored: prepared pictures in two ways, patches, tokens of the tower, positions,
logits, greedy continuations, sizes of smart_resize and windows.
"""

import json
import os

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (Qwen2VLImageProcessorPil,
                                                                        smart_resize)

import weights as W

HERE = os.path.dirname(os.path.abspath(__file__))
BYTES = 256
WORDS = ["endoftext", "im_start", "im_end", "object_ref_start", "object_ref_end", "box_start", "box_end",
         "quad_start", "quad_end", "vision_start", "vision_end", "vision_pad", "image_pad", "video_pad"]
ID = {word: BYTES + n for n, word in enumerate(WORDS)}
NEW = 64
QUESTIONS = ["What is on the table?", "How many chairs are there?", "Is the door open?", "Where is the lamp?",
             "What color is the sofa?", "Which object is the largest?", "Is there a window?", "What is red?"]


def config(tied):
    return Qwen2_5_VLConfig(
        vision_config=dict(depth=4, hidden_size=160, intermediate_size=428, num_heads=2, out_hidden_size=256,
                           fullatt_block_indexes=[1, 3], window_size=112, tokens_per_second=2, in_channels=3,
                           patch_size=14, spatial_merge_size=2, temporal_patch_size=2, hidden_act="silu"),
        text_config=dict(hidden_size=256, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
                         intermediate_size=512, vocab_size=BYTES + len(WORDS), rms_norm_eps=1e-6,
                         max_position_embeddings=128000, use_sliding_window=False, tie_word_embeddings=tied,
                         rope_parameters={"rope_type": "default", "rope_theta": 1e6,
                                          "mrope_section": [16, 24, 24]}),
        image_token_id=ID["image_pad"], video_token_id=ID["video_pad"],
        vision_start_token_id=ID["vision_start"], vision_end_token_id=ID["vision_end"],
        tie_word_embeddings=tied)


def original_name(name):
    """Of a parameter of the class in memory: as Hugging Face's releases call it."""
    for new, old in (("model.visual.", "visual."), ("model.language_model.", "model.")):
        if name.startswith(new):
            return old + name[len(new):]
    return name


def make_model(tied, dtype=torch.float32):
    model = Qwen2_5_VLForConditionalGeneration._from_config(config(tied), attn_implementation="eager")
    with torch.no_grad():
        for name, value in model.named_parameters():
            drawn = W.tensor("qwen2_5_vl." + original_name(name), tuple(value.shape))
            value.copy_(torch.from_numpy(drawn))
    return model.eval().requires_grad_(False).to(dtype)


def picture(name, width, height):
    """Bytes (H, W, 3) with large and small structure: noise of a coarse grid, enlarged, and fine noise."""
    rough_h, rough_w = height // 16 + 2, width // 16 + 2
    u = W.uniforms(W.words("golden.qwen2_5_vl." + name, rough_h * rough_w * 3, 42))
    rough = (u * 256).astype(np.uint8).reshape(rough_h, rough_w, 3)
    large = rough.repeat(16, 0).repeat(16, 1)[:height, :width].astype(np.int64)
    fine = W.words("golden.qwen2_5_vl.fine." + name, height * width * 3, 42).astype(np.int64) % 64
    return np.clip(large + fine.reshape(height, width, 3) - 32, 0, 255).astype(np.uint8)


# ---------------------------------------------------------------- pictures

def spatial(image):
    """The steps before the processor, written from their description."""
    width, height = image.size
    new_h = round(height * (518 / width) / 14) * 14
    out = np.asarray(image.resize((518, new_h), Image.Resampling.BICUBIC)).astype(np.float32) / 255
    if new_h > 518:
        top = (new_h - 518) // 2
        out = out[top:top + 518]
    return out[:out.shape[0] // 28 * 28, :out.shape[1] // 28 * 28]


def processor_input(unit, bounds):
    """What the processor of 4.50 resized: numbers in 0..1 to bytes, Pillow, and back."""
    h, w = unit.shape[:2]
    rh, rw = smart_resize(h, w, 28, *bounds)
    if (rh, rw) == (h, w):
        return unit
    whole = np.allclose(unit, unit.astype(int))
    scaled = unit if whole else (unit.astype(np.float64) * 255).astype(np.float32)
    back = np.asarray(Image.fromarray(scaled.astype(np.uint8)).resize((rw, rh), Image.Resampling.BICUBIC))
    return back.astype(np.float32) if whole else (back * (1 / 255)).astype(np.float32)


TRAINED, TESTED = (12544, 451584), (200704, 1605632)
FRAMES = {  # name: width, height
    "wide": (640, 480), "film": (192, 108), "scan": (162, 121), "tall": (120, 160), "square": (100, 100),
    "photo": (146, 97),
}


def pictures(out, notes):
    rows = []
    for name, (w, h) in FRAMES.items():
        source = picture(name, w, h)
        image = Image.fromarray(source)
        unit = spatial(image)
        for kind, bounds in (("trained", TRAINED), ("tested", TESTED)):
            got = processor_input(unit, bounds)
            codes = np.ascontiguousarray(got, dtype=np.float32).view(np.uint32).astype(np.uint64)
            rows.append({"frame": name, "preparation": "spatial", "bounds": list(bounds),
                         "size": [got.shape[1], got.shape[0]], "hash": fingerprint(got)})
            assert codes.size == got.size
        for bounds in ((3136, 12845056), (3136, 20000), (60000, 12845056)):
            size = smart_resize(h, w, 28, *bounds)
            got = np.asarray(image.resize(size[::-1], Image.Resampling.BICUBIC))
            got = (got * (1 / 255)).astype(np.float32)
            rows.append({"frame": name, "preparation": "transformers", "bounds": list(bounds),
                         "size": [size[1], size[0]], "hash": fingerprint(got)})
    # Black and white alone, resized.
    bits = (picture("bits", 640, 480) > 127).astype(np.uint8) * 255
    unit = (bits[:392, :504] / 255).astype(np.float32)
    got = processor_input(unit, TESTED)
    rows.append({"frame": "bits", "preparation": "resize", "bounds": list(TESTED),
                 "size": [got.shape[1], got.shape[0]], "hash": fingerprint(got)})
    notes["pictures"] = rows

    # The processor itself, on a small picture: patches with its own normalisation.
    source = picture("patches", 90, 60)
    processor = Qwen2VLImageProcessorPil(min_pixels=3136, max_pixels=12845056)
    made = processor(images=[Image.fromarray(source)], return_tensors="pt")
    values = made["pixel_values"].view(-1, 3, 2, 14, 14)
    assert torch.equal(values[:, :, 0], values[:, :, 1])
    out["patches"] = values[:, :, 0].flatten(1)[::3].contiguous()
    notes["patches"] = {"grid": made["image_grid_thw"][0].tolist()}


def fingerprint(unit):
    """XXH-free: FNV-1a-64 of the float32 bits, channels first."""
    h = 0xCBF29CE484222325
    data = np.ascontiguousarray(unit.transpose(2, 0, 1), dtype="<f4").view(np.uint32).reshape(-1)
    # A word at a time: h = (h ^ word) * prime.
    for word in data.tolist():
        h = ((h ^ word) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return "%016x" % h


def sizes(notes):
    rows = []
    for h, w in ((480, 640), (392, 504), (280, 504), (504, 504), (968, 1296), (28, 28), (14, 14), (42, 70), (30, 5000),
                 (1920, 1080), (2160, 3840), (7, 300)):
        for bounds in (TRAINED, TESTED, (3136, 12845056), (3136, 100352)):
            got = smart_resize(h, w, 28, *bounds)
            rows.append({"from": [w, h], "bounds": list(bounds), "to": [got[1], got[0]]})
    notes["smart_resize"] = rows


# ---------------------------------------------------------------- tower

GRIDS = {"even": (4, 4, 2), "ragged": (5, 6, 1), "long": (2, 9, 1), "five": (5, 5, 1), "one": (1, 1, 1)}


def drawn_patches(name, count, rows):
    u = W.uniforms(W.words("golden.qwen2_5_vl.%s" % name, count * rows * 588, 42))
    return torch.from_numpy((4 * u - 2).astype(np.float32).reshape(count, rows, 588))


def tower(out, notes):
    model = make_model(True).model.visual
    exact = make_model(True, torch.float64).model.visual
    rows = {}
    for name, (gh, gw, count) in GRIDS.items():
        patches = drawn_patches(name, count, 4 * gh * gw)
        twice = patches.view(-1, 3, 1, 14, 14).expand(-1, 3, 2, 14, 14).reshape(-1, 1176)
        grid = torch.tensor([[1, 2 * gh, 2 * gw]] * count)
        got = model(twice, grid_thw=grid).pooler_output
        true = exact(twice.double(), grid_thw=grid).pooler_output
        half = make_model(True, torch.bfloat16).model.visual(twice.bfloat16(), grid_thw=grid).pooler_output
        out["tower." + name] = true.float().view(count, gh * gw, -1)[:, :, ::3].contiguous()
        far = lambda a: float((a.double() - true).norm() / true.norm())
        rows[name] = {"grid": [gh, gw], "count": count, "float32": far(got), "bfloat16": far(half)}
        print("tower", name, rows[name], flush=True)
    notes["tower"] = rows


# ---------------------------------------------------------------- the whole model

def chat(question, grids):
    def mark(word):
        return [ID[word]]
    def text(t):
        return list(t.encode())
    ids = mark("im_start") + text("system\nYou are a helpful assistant.") + mark("im_end") + text("\n")
    ids += mark("im_start") + text("user\n")
    for gh, gw in grids:
        ids += mark("vision_start") + mark("image_pad") * (gh * gw) + mark("vision_end")
    ids += text(question) + mark("im_end") + text("\n") + mark("im_start") + text("assistant\n")
    return ids


def inputs_of(question, frames):
    grids, parts = [], []
    for unit in frames:
        h, w = unit.shape[:2]
        mean = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
        std = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
        x = ((unit - mean) / std).transpose(2, 0, 1)
        gh, gw = h // 28, w // 28
        p = x.reshape(3, gh, 2, 14, gw, 2, 14).transpose(1, 4, 2, 5, 0, 3, 6)
        p = np.broadcast_to(p[:, :, :, :, :, None], (gh, gw, 2, 2, 3, 2, 14, 14)).reshape(-1, 1176)
        grids.append((gh, gw))
        parts.append(torch.from_numpy(np.ascontiguousarray(p)))
    ids = torch.tensor([chat(question, grids)])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": torch.cat(parts),
            "image_grid_thw": torch.tensor([[1, 2 * a, 2 * b] for a, b in grids]),
            "mm_token_type_ids": (ids == ID["image_pad"]).int()}


def positions_of(model, inputs):
    got = model.model.get_rope_index(inputs["input_ids"], mm_token_type_ids=inputs["mm_token_type_ids"],
                                     image_grid_thw=inputs["image_grid_thw"],
                                     attention_mask=inputs["attention_mask"])
    return got[0][:, 0], int(got[1])


def answers(out, notes):
    # Three frames of one size and one of another, so that grids differ within a prompt.
    frames = [processor_input(spatial(Image.fromarray(picture("room%d" % n, 96, 40))), (3136, 30000)) for n in range(3)]
    frames.append(processor_input(spatial(Image.fromarray(picture("room3", 40, 50))), (3136, 30000)))
    for tied in (True, False):
        model, exact = make_model(tied), make_model(tied, torch.float64)
        kind, kept = "tied" if tied else "own", []
        for question in QUESTIONS:
            if len(kept) == 2:
                break
            inputs = inputs_of(question, frames)
            (greedy, m1), (punished, m2) = answer(model, inputs, 1.0), answer(model, inputs, 1.05)
            margins = [m1, m2]
            print(kind, question, "margins", margins, "different", len(set(greedy)), flush=True)
            if min(margins) > 1e-3:
                kept.append({"question": question, "greedy": greedy, "penalised": punished, "margins": margins})
        assert len(kept) == 2
        question = kept[0]["question"]
        inputs = inputs_of(question, frames)
        logits = model(**inputs).logits[0]
        true = exact(**{**inputs, "pixel_values": inputs["pixel_values"].double()}).logits[0]
        half = make_model(tied, torch.bfloat16)(**{**inputs, "pixel_values": inputs["pixel_values"].bfloat16()}).logits[0]
        far = lambda a: float((a.double() - true).abs().max())
        print(kind, "|logits|", float(true.abs().max()), "fp32", far(logits), "bf16", far(half),
              float((half.double() - true).norm() / true.norm()))
        out["logits." + kind] = true.float()[-60:, ::5].contiguous()
        ids = inputs["input_ids"][0].tolist()
        where, delta = positions_of(model, inputs)
        notes[kind] = {"answers": kept, "tokens": len(ids), "prompt_tail": ids[-40:],
                       "positions": where.tolist(), "delta": delta,
                       "grids": (inputs["image_grid_thw"][:, 1:] // 2).tolist(), "float32": far(logits),
                       "bfloat16": float((half.double() - true).norm() / true.norm())}


def answer(model, inputs, penalty):
    """Greedy ids, and the smallest distance of the two largest logits after the penalty."""
    got = model.generate(**inputs, do_sample=False, max_new_tokens=NEW, min_new_tokens=NEW, pad_token_id=0,
                         eos_token_id=None, repetition_penalty=penalty, output_scores=True,
                         return_dict_in_generate=True)
    tops = torch.stack(got.scores)[:, 0].topk(2).values
    ids = got.sequences[0, inputs["input_ids"].shape[1]:].tolist()
    return ids, float((tops[:, 0] - tops[:, 1]).min())


def main():
    torch.set_num_threads(1)
    out, notes = {}, {}
    sizes(notes)
    pictures(out, notes)
    tower(out, notes)
    answers(out, notes)
    save_file(out, os.path.join(HERE, "qwen2_5_vl.safetensors"))
    with open(os.path.join(HERE, "qwen2_5_vl.json"), "w") as file:
        lines = []
        for key, value in notes.items():
            if isinstance(value, list):
                inner = ",\n  ".join(json.dumps(one) for one in value)
                lines.append(json.dumps(key) + ": [\n  " + inner + "]")
            else:
                lines.append(json.dumps(key) + ": " + json.dumps(value))
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
