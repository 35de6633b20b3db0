"""Goldens of training: ten steps of AdamW on tiny models, by torch's autograd and torch.optim.

    venv/bin/python export_train.py [CASE...]      # train/ (with transformers==5.24.0 peft==0.21.2)

The forward pass is vlm_model.py, the decoder transformers' own (eager attention, no dropout). Every case runs in
float32 and once more in float64 throughout: the norms too, which transformers computes in float32, and torch's
attention in place of the eager one, whose softmax is float32.

Files in train/
  weights.GROUP.safetensors  BF16 tensors under the names of a real checkpoint. A checkpoint is the union of the groups
                       that a case names: copy the files and write config.json beside them. No group holds a tower.
  inputs.safetensors   ROOM/NAME of room0, room1, room2:
    semantic           BF16 [2,27,27,8]     before mm_projector
    generative         BF16 [2,14,14,6]
    world              F32 [2,14,14,3] m    centres of the 14x14 patches
    boxes              F32 [5,6] m          centre, extents. The fifth has no cell
    selected           U8 [5,2,27,27]       1: the cell is the object's (object_feature_type patch14-pe)
  samples.json         `special` ids and `samples`:
    name, room, task   task: scanqa, scan2cap, scanrefer, multi3drefer
    ids                the text, with one -200 for the visual block
    released, answer   labels of ids by the two maskings: as released (the assistant's whole message, and every newline
                       and message mark anywhere); the answer and its end mark alone
    coords             [n,3] m, places of the coord tokens, in their order
    positives          rows of boxes that the grounding loss takes as right; none: "no such object"
  cases.json           `tolerances`: what a program in float32 must keep. `float32`: how far torch's float32 is from
                       float64, at most, over all cases: loss; norm, relative; gradient and end, as shares (below).
                       `cases`:
    name, config, weights (groups)
    lora               rank and alpha, where the case has LoRA
    trained            of every trained tensor, in float64: name, part, shape; `gradient`: norm, at the start, of the
                       sum over the samples of the first three steps with their weights (all tasks); `end`: norm after
                       the last step; `went`: norm of what the ten steps added. `noise`: the gradient is zero but for
                       rounding (a bias that a softmax takes out), which AdamW makes steps of
    rates              part -> rate at factor 1
    masking            released or answer
    division           token: a target token counts 1 / (targets of the step); released: 1 / (micro-batches of the step
                       x targets of its micro-batch). The grounding loss of a sample counts as one token
    warmup             share of the steps; of factors see `factor`
    steps              of each step:
      samples, micro   names, in order; micro: sizes of the micro-batches
      targets          target tokens of each sample (labels from the second token on; grounding: 1)
      weights          what each target of that sample counts
      losses           mean loss of each sample over its targets
      loss             sum over samples of weight x targets x loss
      norm             of all gradients, before clipping
      factor           of the rates in this step
      loss64, norm64   the float64 run
  results.safetensors  F32, CASE/NAME/WHAT of some trained tensors:
    start              value before step 1 where the checkpoint does not hold it (LoRA, new rows)
    gradient           at the start, of the first three steps' samples (float64, rounded). Its share is norm of the
                       difference / norm of the gradient
    end                value after the last step (float64, rounded). Its share is norm of the difference / went
The rate of a part in step k (from 0) of n is its rate x factor: k / w while k < w = ceil(warmup n), then
(1 + cos(pi (k - w) / (n - w))) / 2. Gradients of more than norm 1 are scaled to 1 (torch.nn.utils.clip_grad_norm_).
AdamW: betas 0.9 and 0.999, eps 1e-8, no decay; a tensor that no loss of a step reaches (the grounding head, and new
rows that no sample names, in a step of words) stays as it is, and so do its moments.
LoRA: y = W x + alpha / rank B (A x), no dropout.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from safetensors.torch import save
from torch import nn
from transformers import get_cosine_schedule_with_warmup
from transformers.models.qwen2 import modeling_qwen2

import export_vlm as E
import vlm_model as M

torch.set_num_threads(1)
torch.set_grad_enabled(True)
OUT = Path(__file__).parent / "train"
H, VOCAB, V, N, C, CG, STEPS = 32, 128, 2, 5, 8, 6, 10
RANK, ALPHA = 4, 8.0
TOLERANCES = {"loss": 1e-5, "norm": 1e-5, "gradient": 5e-5, "end": 1e-2}
NEW_ROWS = "model.embed_tokens.new_rows"
LINEARS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"]
LINEARS += ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]

# ------------------------------------------------------------------------------------- models


def groups():
    fusion = "model.feature_fusion."
    two = E.norm(fusion + "norm1.", H) | E.norm(fusion + "norm2.", H)
    block = fusion + "cross_attn_blocks.0."
    cross = {}
    for name in ("norm1_query.", "norm1_key.", "norm1_value.", "norm2."):
        cross |= E.norm(block + name, H)
    cross |= {block + "cross_attention.in_proj_weight": (3 * H, H), block + "cross_attention.in_proj_bias": (3 * H,)}
    cross |= E.linear(block + "cross_attention.out_proj.", H, H)
    cross |= E.linear(block + "mlp.0.", 4 * H, H) | E.linear(block + "mlp.3.", H, 4 * H)

    def head(name, inner, normed, inp=H, out=None):
        return (
            E.linear(name + ".0.", inner, inp)
            | E.norm(f"{name}.{normed}.", inner)
            | E.linear(name + ".3.", out or inner, inner)
        )

    return {
        "decoder": E.decoder_shapes(H, 2, 2, 1, 16, 48, VOCAB),
        "projector": E.projector_shapes("model.mm_projector.", "mlp2x_gelu", H, C),
        "generative": E.projector_shapes("model.generative_projector.", "mlp2x_gelu", H, CG),
        "fusion_token_gated": two | E.linear(fusion + "gate_projection.0.", 1, 2 * H),
        "fusion_instruction": two
        | E.norm(fusion + "norm_ctx.", H)
        | E.linear(fusion + "gate_projection.", 1, 2 * H)
        | E.linear(fusion + "ctx_projection.0.", H // 2, H)
        | E.linear(fusion + "ctx_projection.2.", 1, H // 2)
        | {fusion + "context_scale": (), fusion + "gate_bias": ()},
        "fusion_cross_attention": cross,
        "ground_infonce": head("ground_head_obj", H, 2) | head("ground_head_query", H, 2)
        | {"ground_head_zero_target": (H,)},
        "ground_score": head("ground_head_obj", 16, 1) | head("ground_head_query", 16, 1)
        | head("ground_head_score", 16, 1, 16, 1),
    }


SIZES = {
    "hidden_size": H,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": VOCAB,
    "mm_hidden_size": C,
}
BASELINE = E.BASELINE | SIZES
VEGA = E.VEGA | SIZES | {"generative_feat_dim": CG, "fusion_attention_heads": 4, "fusion_dropout": 0.0}
INSTRUCTION = VEGA | {
    "feature_fusion_method": "instruction_token_gated",
    "instruction_relation_token_ids": E.RELATION,
    "instruction_template_token_ids": E.TEMPLATE,
}


def part_of(name):
    for key, part in (
        ("lora_", "lora"),
        ("new_rows", "new-tokens"),
        ("feature_fusion", "fusion"),
        ("generative_projector", "generative-projector"),
        ("mm_projector", "projector"),
        ("image_newline", "newline"),
        ("ground_head", "ground-head"),
    ):
        if key in name:
            return part
    return "decoder"


def make_cases():
    gate = ["fusion", "generative-projector"]
    vega = ["decoder", "projector", "generative", "ground_infonce"]
    low = {"fusion": 1e-2, "generative-projector": 3e-3}
    full = {"fusion": 3e-3, "generative-projector": 2e-3, "projector": 2e-3, "newline": 2e-3, "ground-head": 2e-3,
            "decoder": 1e-3}
    return [
        {"name": "gate", "config": VEGA, "weights": [*vega, "fusion_token_gated"], "rates": low, "parts": gate,
         "masking": "released", "division": "token", "warmup": 0.03},
        {"name": "gate.instruction", "config": INSTRUCTION, "weights": [*vega, "fusion_instruction"], "rates": low,
         "parts": gate, "masking": "answer", "division": "released", "warmup": 0.2},
        {"name": "gate.cross_attention", "config": VEGA | {"feature_fusion_method": "cross_attention"},
         "weights": [*vega, "fusion_cross_attention"], "rates": low | {"fusion": 2e-3}, "parts": gate,
         "masking": "answer", "division": "token", "warmup": 0.2},
        {"name": "lora", "config": VEGA, "weights": [*vega, "fusion_token_gated"],
         "rates": low | {"ground-head": 2e-3, "new-tokens": 5e-3, "lora": 4e-3},
         "parts": [*gate, "ground-head", "new-tokens", "lora"], "masking": "answer", "division": "token",
         "warmup": 0.2, "lora": {"rank": RANK, "alpha": ALPHA}},
        {"name": "full", "config": VEGA, "weights": [*vega, "fusion_token_gated"], "rates": full,
         "parts": list(full), "masking": "released", "division": "released", "warmup": 0.03},
        {"name": "full.instruction", "config": INSTRUCTION, "weights": [*vega, "fusion_instruction"], "rates": full,
         "parts": list(full), "masking": "answer", "division": "token", "warmup": 0.2},
        {"name": "baseline", "config": BASELINE | {"ground_head_type": "score"},
         "weights": ["decoder", "projector", "ground_score"],
         "rates": {k: v for k, v in full.items() if k in ("projector", "newline", "ground-head", "decoder")},
         "parts": ["projector", "newline", "ground-head", "decoder"], "masking": "released", "division": "released",
         "warmup": 0.03},
    ]


# ------------------------------------------------------------------------------------- data


def make_inputs():
    """Rooms: a bent sheet of places; an object owns rectangles of cells."""
    out = {}
    for room in range(3):
        name = f"room{room}"
        row, column = torch.meshgrid(torch.arange(14.0), torch.arange(14.0), indexing="ij")
        world = torch.stack(
            [torch.stack([-3 + 0.4 * column + 0.3 * room, 2 * torch.cos(column / 5 + v) + 0.1 * row - room,
                          0.1 + 0.17 * row + 0.1 * torch.sin(column + v)], -1) for v in range(V)]
        )
        world += E.numbers(f"train/{name}/world", *world.shape, scale=0.02)
        selected = torch.zeros(N, V, 27, 27, dtype=torch.uint8)
        boxes = torch.zeros(N, 6)
        pick = torch.Generator().manual_seed(100 + room)
        for n in range(N):
            boxes[n, 3:] = torch.tensor([1.0, 0.75, 0.5]) * (1 + n / 4)
            if n == N - 1:
                boxes[n, :3] = 14.0
                continue
            for v in range(V if n % 2 else 1):
                y, x, h, w = (int(torch.randint(low, high, (), generator=pick))
                              for low, high in ((0, 18), (0, 18), (3, 9), (3, 9)))
                selected[n, v, y : y + h, x : x + w] = 1
            boxes[n, :3] = (world[0, (2 * n + room) % 14, (3 * n + 1) % 14] * 100).round() / 100
        out[name] = {
            "semantic": E.numbers(f"train/{name}/semantic", V, 27, 27, C),
            "generative": E.numbers(f"train/{name}/generative", V, 14, 14, CG),
            "world": world,
            "boxes": boxes,
            "selected": selected,
        }
    return out


def make_samples():
    """Sixteen, at most a third of them of one room."""
    out = []

    def sample(task, room, question, answer, coords=(), positives=()):
        name = f"{task}{len(out)}"
        system = E.turn(E.SYSTEM, [2, 3, 4, 5, 6, 7])
        user = E.turn(E.USER, [M.IMAGE, E.NEWLINE, *question])
        assistant = E.turn(E.ASSISTANT, answer)
        ids = system + user + assistant
        only = [M.IGNORED] * (len(ids) - len(answer) - 2) + answer + [E.END, M.IGNORED]
        out.append({
            "name": name, "room": f"room{room}", "task": task, "ids": ids,
            "released": E.training_labels(ids, assistant), "answer": only,
            "coords": [list(c) for c in coords], "positives": list(positives),
        })
        assert only[-2 - len(answer) : -2] == ids[-2 - len(answer) : -2]

    def words(count):
        return E.words(f"train/{len(out)}/{count}", count)

    for i in range(6):
        template = [50, 51, *words(5 + 2 * i), 30 + i % 2, 52, E.NEWLINE, *words(3)]
        sample("scanqa" if i % 2 else "sqa3d", i % 3, template, words(1 + 2 * i))
    place = [[0.5, 1.0, 0.75], [-1.25, 0.5, 1.5], [2.0, -1.0, 0.25]]
    for i in range(4):
        coords = [place[i % 3]] if i < 3 else [place[0], place[2]]
        question = words(4) + [E.COORD] + words(3) + ([E.COORD] + words(2) if i == 3 else [])
        sample("scan2cap", (i + 1) % 3, question, words(4 + 3 * i), coords)
    for i, positives in enumerate([[1], [3], [0, 2], [], [2], [1, 1, 3]]):
        several = i in (2, 3, 5)
        sample("multi3drefer" if several else "scanrefer", (2 * i) % 3, words(6 + i), [E.GROUND], (), positives)
    return out


def plan(case, samples):
    """Of each step its samples and the sizes of its micro-batches: one group of tasks a step, as released."""
    kinds = [[s for s in samples if s["task"] in tasks]
             for tasks in (("scanqa", "sqa3d"), ("scan2cap",), ("scanrefer", "multi3drefer"))]
    at = [0, 0, 0]
    out = []
    for step in range(STEPS):
        kind = step % 3
        own = [kinds[kind][(at[kind] + i) % len(kinds[kind])] for i in range(4)]
        at[kind] += 4
        out.append((own, [1, 3] if case["name"] == "gate.instruction" else [1] * 4 if step % 2 else [2, 2]))
    return out


# ------------------------------------------------------------------------------------- float64 of transformers


def norm_forward(self, x):
    wide = x if x.dtype == torch.float64 else x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
    return self.weight * wide.to(x.dtype)


modeling_qwen2.Qwen2RMSNorm.forward = norm_forward


class Lora(nn.Module):
    def __init__(self, base, a, b):
        super().__init__()
        self.base, self.a, self.b = base, a, b

    def forward(self, x):
        return self.base(x) + ALPHA / RANK * F.linear(F.linear(x, self.a), self.b)


# ------------------------------------------------------------------------------------- one model in training


def lora_start():
    """B is not zero here, or A would have no gradient."""
    shapes = groups()["decoder"]
    out = {}
    for layer in range(2):
        for linear in LINEARS:
            name = f"model.layers.{layer}.{linear}"
            rows, columns = shapes[name + ".weight"]
            out[name + ".lora_A.weight"] = E.numbers("train/" + name + "/A", RANK, columns, scale=0.2)
            out[name + ".lora_B.weight"] = E.numbers("train/" + name + "/B", rows, RANK, scale=0.1)
    return out


class Model:
    def __init__(self, case, weights, dtype):
        self.case, self.config, self.dtype = case, case["config"], dtype
        weights = {k: v.detach().to(dtype).clone() for k, v in weights.items()}
        self.decoder = M.decoder(self.config, weights, dtype)
        if dtype == torch.float64:
            self.decoder.set_attn_implementation("sdpa")
        for name, parameter in self.decoder.named_parameters():
            weights[name] = parameter
        if "new-tokens" in case["parts"]:
            rows = [E.GROUND, E.COORD]
            weights[NEW_ROWS] = weights["model.embed_tokens.weight"].detach()[rows].clone()
        if "lora" in case["parts"]:
            weights |= {k: v.to(dtype) for k, v in lora_start().items()}
            for layer in range(2):
                for linear in LINEARS:
                    self.adapt(layer, linear, weights)
        self.weights = weights
        self.trained = {}
        for name in sorted(weights):
            wanted = part_of(name) in case["parts"]
            weights[name].requires_grad_(wanted)
            if wanted:
                self.trained[name] = weights[name]

    def adapt(self, layer, linear, weights):
        name = f"model.layers.{layer}.{linear}"
        for which in "AB":
            key = f"{name}.lora_{which}.weight"
            weights[key] = nn.Parameter(weights[key])
        block, leaf = linear.split(".")
        parent = getattr(self.decoder.model.layers[layer], block)
        setattr(parent, leaf,
                Lora(getattr(parent, leaf), weights[name + ".lora_A.weight"], weights[name + ".lora_B.weight"]))

    def seen_weights(self, sample):
        if NEW_ROWS not in self.weights or not {E.GROUND, E.COORD} & set(sample["ids"]):
            return self.weights
        table = self.weights["model.embed_tokens.weight"]
        rows = torch.tensor([E.GROUND, E.COORD])
        return self.weights | {"model.embed_tokens.weight": table.index_copy(0, rows, self.weights[NEW_ROWS])}

    def loss(self, sample, room):
        """Sum over the targets, and their number."""
        finds = sample["task"] in ("scanrefer", "multi3drefer")
        inputs = {"semantic": room["semantic"], "world": room["world"]}
        if self.config.get("use_generative_feature"):
            inputs["generative"] = room["generative"]
        if finds:
            inputs |= {"boxes": room["boxes"], "cells14": room["selected"].int() * 196}
        ids, labels = torch.tensor(sample["ids"]), torch.tensor(sample[self.case["masking"]])
        weights = self.seen_weights(sample)
        coords = sample["coords"]
        if coords:  # vlm_model knows one place for all coord tokens
            inputs["box_input"] = torch.tensor(coords[:1])
        s = M.assemble(self.config, weights, inputs, ids, labels, "fixed", "released" if finds else None, self.dtype)
        embeddings = s["embeddings"]
        if len(coords) > 1:
            place = M.Positions(self.config, weights, "fixed", self.dtype)
            where = [i if i < s["image_start"] else i + s["image_length"] - 1
                     for i, t in enumerate(sample["ids"]) if t == E.COORD]
            own = place.of_place(torch.tensor(coords))
            shift = torch.zeros_like(embeddings).index_copy(0, torch.tensor(where), own - own[:1])
            embeddings = embeddings + shift
        hidden = M.hidden_states(self.decoder, embeddings, s["positions"])
        if finds:
            where = int(sample["ids"].index(E.GROUND)) - 1 + s["image_length"]
            scores = M.ground(self.config, weights, s["objects"], hidden[where])
            return M.ground_loss(self.config, scores, sample["positives"]), 1
        logits = self.decoder.lm_head(hidden)
        right = s["labels"][1:]
        count = int((right != M.IGNORED).sum())
        if self.dtype == torch.float32:
            assert torch.equal(right[right != M.IGNORED], labels[1:][labels[1:] != M.IGNORED])
        return F.cross_entropy(logits[:-1], right, ignore_index=M.IGNORED, reduction="sum"), count


def target_weights(case, targets, micro):
    if case["division"] == "token":
        return [1 / sum(targets)] * len(targets)
    out, at = [], 0
    for size in micro:
        out += [1 / (len(micro) * sum(targets[at : at + size]))] * size
        at += size
    return out


def targets_of(case, sample):
    if sample["task"] in ("scanrefer", "multi3drefer"):
        return 1
    return sum(label != M.IGNORED for label in sample[case["masking"]][1:])


def add_gradients(model, k, rooms, samples):
    """Of step k. Its entry in cases.json so far."""
    own, micro = plan(model.case, samples)[k]
    targets = [targets_of(model.case, s) for s in own]
    shares = target_weights(model.case, targets, micro)
    losses, total = [], 0.0
    for s, share, count in zip(own, shares, targets):
        loss, found = model.loss(s, rooms[s["room"]])
        assert found == count
        (loss * share).backward()
        losses.append(float(loss.detach().double()) / count)
        total += float(loss.detach().double()) * share
    return {"samples": [s["name"] for s in own], "micro": micro, "targets": targets, "weights": shares,
            "losses": losses, "loss": total}


def train(case, weights, rooms, samples, dtype):
    model = Model(case, weights, dtype)
    names = list(model.trained)
    by_part = {p: [model.trained[n] for n in names if part_of(n) == p] for p in case["parts"]}
    optimiser = torch.optim.AdamW(
        [{"params": own, "lr": case["rates"][p]} for p, own in by_part.items()],
        betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    warm = math.ceil(case["warmup"] * STEPS)
    schedule = get_cosine_schedule_with_warmup(optimiser, warm, STEPS)
    start = {n: t.detach().clone() for n, t in model.trained.items()}
    for k in range(3):
        add_gradients(model, k, rooms, samples)
    first = {n: t.grad.detach().clone() for n, t in model.trained.items()}
    steps = []
    for k in range(STEPS):
        optimiser.zero_grad()
        step = add_gradients(model, k, rooms, samples)
        norm = float(torch.nn.utils.clip_grad_norm_(list(model.trained.values()), 1.0))
        factor = k / warm if k < warm else 0.5 * (1 + math.cos(math.pi * (k - warm) / (STEPS - warm)))
        for group, part in zip(optimiser.param_groups, by_part):
            assert abs(group["lr"] - case["rates"][part] * factor) < 1e-12
        optimiser.step()
        schedule.step()
        steps.append(step | {"norm": norm, "factor": factor})
    end = {n: t.detach().clone() for n, t in model.trained.items()}
    return {"steps": steps, "first": first, "start": start, "end": end}


# ------------------------------------------------------------------------------------- second sources


def check_peft(case, weights, rooms, samples, gradients):
    """Gradients of LoRA at the start as peft computes them."""
    model = Model(case, weights, torch.float32)
    plain = M.decoder(case["config"], {k: v.detach() for k, v in weights.items()}, torch.float32)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM",
                        target_modules=[n.split(".")[1] for n in LINEARS])
    adapted = get_peft_model(plain, config)
    start = lora_start()
    found = {}
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            key = name.removeprefix("base_model.model.").replace(".default", "")
            parameter.data = start[key].clone()
            found[key] = parameter
    model.decoder = adapted.base_model.model
    for k in range(3):
        add_gradients(model, k, rooms, samples)
    assert set(found) == {n for n in gradients if "lora_" in n}
    far = max(float((p.grad - gradients[n]).abs().max()) for n, p in found.items())
    assert far < 1e-6, far
    return far


# ------------------------------------------------------------------------------------- what is kept


def kept_whole(name):
    """Tensors of which gradient and end are stored whole: small ones, and one layer of the decoder."""
    shape = {k: v for own in groups().values() for k, v in own.items()}.get(name, ())
    if "cross_attn" in name:
        return len(shape) < 2 or "out_proj" in name
    if "ground_head" in name:
        return "_query.0" in name or "zero" in name or "score.3" in name
    if part_of(name) == "decoder":
        return len(shape) < 2 or name.endswith(("layers.1.self_attn.v_proj.weight", "embed_tokens.weight"))
    if part_of(name) == "lora":
        return "layers.0.self_attn" in name or "layers.1.mlp.down" in name
    return True


def number(x):
    return float(f"{float(x):.9g}")


def record(case, weights, rooms, samples, tensors, worst):
    near, exact = (train(case, weights, rooms, samples, dtype) for dtype in (torch.float32, torch.float64))
    if "lora" in case["parts"]:
        print("peft differs by", check_peft(case, weights, rooms, samples, near["first"]))
    for a, b in zip(near["steps"], exact["steps"]):
        a |= {"loss64": b["loss"], "norm64": b["norm"]}
        worst["loss"] = max(worst.get("loss", 0), abs(a["loss"] - b["loss"]),
                            *(abs(x - y) for x, y in zip(a["losses"], b["losses"])))
        worst["norm"] = max(worst.get("norm", 0), abs(a["norm"] / b["norm"] - 1))
    trained = []
    for name, gradient in near["first"].items():
        size, went = (float(t.norm()) for t in (exact["first"][name], exact["end"][name] - exact["start"][name]))
        noise = size < 1e-12
        entry = {"name": name, "part": part_of(name), "shape": list(gradient.shape), "gradient": number(size),
                 "end": number(exact["end"][name].norm()), "went": number(went)}
        trained.append(entry | {"noise": True} if noise else entry)
        for key, file, whole in (("gradient", "first", size), ("end", "end", went)):
            if noise:
                assert float(gradient.norm()) < 1e-7
                continue
            share = float((near[file][name].double() - exact[file][name]).norm()) / whole
            if share > TOLERANCES[key] / 4:
                print("   ", name, key, share)
            worst[key] = max(worst.get(key, 0), share)
        key = f"{case['name']}/{name}/"
        if part_of(name) in ("lora", "new-tokens"):
            tensors[key + "start"] = near["start"][name].float()
        if kept_whole(name) and not noise:
            tensors[key + "gradient"] = exact["first"][name].float()
            tensors[key + "end"] = exact["end"][name].float()
    for step in near["steps"]:
        for key in ("weights", "losses"):
            step[key] = [number(x) for x in step[key]]
        for key in ("loss", "norm", "factor", "loss64", "norm64"):
            step[key] = number(step[key])
    print(case["name"], "losses", [round(s["loss"], 4) for s in near["steps"]],
          "norms", [round(s["norm"], 3) for s in near["steps"]])
    return {k: v for k, v in case.items() if k != "parts"} | {"trained": trained, "steps": near["steps"]}


def lines(entries):
    return ",\n".join(json.dumps(e) for e in entries)


def case_text(entry):
    """A trained tensor a line and a step a line."""
    lists = {k: entry.pop(k) for k in ("trained", "steps")}
    inner = ",\n".join(f' "{k}": [\n{lines(v)}]' for k, v in lists.items())
    return json.dumps(entry)[:-1] + ",\n" + inner + "}"


def main():
    only = sys.argv[1:]
    OUT.mkdir(exist_ok=True)
    drawn = {g: {n: E.draw("train/" + g, n, s) for n, s in own.items()} for g, own in groups().items()}
    rooms, samples = make_inputs(), make_samples()
    tensors, entries, worst = {}, [], {}
    for case in make_cases():
        if only and case["name"] not in only:
            continue
        weights = {k: v for g in case["weights"] for k, v in drawn[g].items()}
        entries.append(record(case, weights, rooms, samples, tensors, worst))
    print("float32 against float64, at most:", worst)
    if only:
        return
    for group, own in drawn.items():
        E.write(OUT / f"weights.{group}.safetensors", {k: v.bfloat16() for k, v in own.items()})
    narrow = ("semantic", "generative")
    E.write(OUT / "inputs.safetensors",
            {f"{r}/{n}": v.bfloat16() if n in narrow else v for r, own in rooms.items() for n, v in own.items()})
    E.write(OUT / "results.safetensors", tensors)
    special = {"newline": E.NEWLINE, "start": E.START, "end": E.END, "ground": E.GROUND, "coord": E.COORD}
    (OUT / "samples.json").write_text(
        f'{{"special": {json.dumps(special)},\n"samples": [\n{lines(samples)}]}}\n')
    worst = {k: float(f"{v:.2g}") for k, v in worst.items()}
    (OUT / "cases.json").write_text(
        f'{{"tolerances": {json.dumps(TOLERANCES)},\n"float32": {json.dumps(worst)},\n"cases": [\n'
        + ",\n".join(case_text(e) for e in entries) + "]}\n")


if __name__ == "__main__":
    main()
