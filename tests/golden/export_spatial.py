"""spatial.safetensors and spatial.json: Qwen2.5-VL with VEGA-3D's generative branch, from its
description: transformers' Qwen2_5_VLForConditionalGeneration, the literal Wan of literal.py, and
the steps between them written out in torch.

The model is the preset spatial-tiny of vega-synth (weights.py) beside wan-tiny. Stored: features of
Wan, what they become, fused tokens of every method and both mergers, logits, greedy continuations.
"""

import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

import export_qwen2_5_vl as Q
import literal
import weights as W

HERE = os.path.dirname(os.path.abspath(__file__))
H, C, HIDDEN = 256, 256, 96
WIDTH, HEIGHT, BLOCK = 96, 64, 29
SIGMA, T = 0.29992383718490601, 299
SCENE, IDS = "room", [0, 3, 4, 9]
BOUNDS = (3136, 30000)


def drawn(name, *shape):
    return torch.from_numpy(W.tensor("spatial." + name, shape)).double()


# ---------------------------------------------------------------- Wan

def frames():
    """(source picture, unit picture before the bounds), the four of export_qwen2_5_vl.answers."""
    images = [Q.picture("room%d" % n, 96, 40) for n in range(3)] + [Q.picture("room3", 40, 50)]
    return [Q.spatial(Image.fromarray(one)) for one in images]


def pixels_of(unit):
    """(3, HEIGHT, WIDTH): made to cover the size, the middle of it."""
    x = torch.from_numpy(unit.transpose(2, 0, 1).copy()) * 2 - 1
    h, w = x.shape[1:]
    scale = max(HEIGHT / h, WIDTH / w)
    nh, nw = max(1, round(h * scale)), max(1, round(w * scale))
    x = F.interpolate(x[None], size=(nh, nw), mode="bilinear", align_corners=False)[0]
    top, left = (nh - HEIGHT) // 2, (nw - WIDTH) // 2
    return x[:, top:top + HEIGHT, left:left + WIDTH]


def time_vector(t):
    half = 128
    f = 10000.0 ** (-np.arange(half, dtype=np.float64) / half)
    return np.concatenate([np.cos(t * f), np.sin(t * f)]).astype(np.float32)


MEAN = [-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
        0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921]
STD = [2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
       3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160]


def features(units):
    """(N, HEIGHT / 16, WIDTH / 16, C) float64."""
    vae = {k: torch.from_numpy(v).double() for k, v in W.weights("vae.", W.vae_shapes()).items()}
    dit = {k: torch.from_numpy(v).double() for k, v in W.weights("dit.", W.dit_shapes()).items()}
    prompt = torch.from_numpy(W.tensor("prompt.context", (1, 4096))).double()
    mean = torch.tensor(MEAN, dtype=torch.float32).double()[:, None, None]
    std = torch.tensor(STD, dtype=torch.float32).double()[:, None, None]
    time = torch.from_numpy(time_vector(T)).double()
    out = []
    for number, unit in zip(IDS, units):
        z = (literal.vae_mean(vae, pixels_of(unit).double()) - mean) / std
        eps = torch.from_numpy(W.noise_v1(SCENE, number, tuple(z.shape))).double()
        z = (1 - SIGMA) * z + SIGMA * eps
        tokens, _ = literal.dit_tokens(dit, z, time, prompt, {BLOCK}, 30, 2)
        out.append(tokens[BLOCK].reshape(HEIGHT // 16, WIDTH // 16, C))
    return torch.stack(out)


# ---------------------------------------------------------------- between Wan and the decoder

def to_patches(x, rows, columns):
    """(h, w, C) to (rows, columns, C), bilinear in float32, as they are where the grids are equal."""
    if tuple(x.shape[:2]) == (rows, columns):
        return x
    y = F.interpolate(x.permute(2, 0, 1)[None].to(x.dtype), size=(rows, columns), mode="bilinear",
                      align_corners=False)
    return y[0].permute(1, 2, 0)


def merge(x, kind="mlp"):
    """(2 gh, 2 gw, C) to (gh, gw, H)."""
    gh, gw = x.shape[0] // 2, x.shape[1] // 2
    x = x.reshape(gh, 2, gw, 2, C).permute(0, 2, 1, 3, 4)
    if kind == "mlp":
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * drawn("generative_merger.ln_q.weight", C)
        x, wide, name = x.reshape(gh, gw, 4 * C), 4 * C, "generative_merger."
    else:
        x, wide, name = x.mean((2, 3)), C, "avg.generative_merger."
    x = x @ drawn(name + "mlp.0.weight", HIDDEN, wide).T + drawn(name + "mlp.0.bias", HIDDEN)
    return F.gelu(x) @ drawn(name + "mlp.2.weight", H, HIDDEN).T + drawn(name + "mlp.2.bias", H)


def norm(x, name):
    return F.layer_norm(x, (H,), drawn(name + ".weight", H), drawn(name + ".bias", H), 1e-5)


def joined(s, g, p):
    n1, n2 = norm(s, p + "norm1"), norm(g, p + "norm2")
    return n1, n2, torch.cat([n1, n2], -1)


def linear(x, name, out, wide):
    return x @ drawn(name + ".weight", out, wide).T + drawn(name + ".bias", out)


def residual(s, g):
    p = "generative_fusion."
    _, _, both = joined(s, g, p)
    gate = torch.sigmoid(linear(both, p + "gate_projection.0", 1, 2 * H))
    mixed = gate * s + (1 - gate) * g
    return s + drawn(p + "residual_scale") * (mixed - s)


def token_gated(s, g):
    p = "token_gated.generative_fusion."
    n1, n2, both = joined(s, g, p)
    gate = torch.sigmoid(linear(both, p + "gate_projection.0", 1, 2 * H))
    return gate * n1 + (1 - gate) * n2


def gated(s, g):
    p = "gated.generative_fusion."
    n1, n2, both = joined(s, g, p)
    gate = torch.sigmoid(linear(both, p + "gate_projection.0", H, 2 * H))
    return gate * n1 + (1 - gate) * n2


def concat(s, g):
    p = "concat.generative_fusion."
    return linear(joined(s, g, p)[2], p + "projection", H, 2 * H)


def weighted(s, g):
    a, c = drawn("weighted.generative_fusion.weight_2d"), drawn("weighted.generative_fusion.weight_3d")
    return (a * s + c * g) / (a + c)


def sines(count, width):
    f = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-np.log(10000.0) / width))
    a = torch.arange(count, dtype=torch.float64)[:, None] * f
    return torch.cat([a.sin(), a.cos()], -1)


def cross_attention(s, g):
    gh, gw, _ = s.shape
    row, col = sines(gh, H // 2), sines(gw, H // 2)
    pos = torch.cat([row[:, None].expand(gh, gw, H // 2), col[None].expand(gh, gw, H // 2)], -1).reshape(-1, H)
    p = "cross_attention.generative_fusion.cross_attn_blocks.0."
    x, y = s.reshape(-1, H), g.reshape(-1, H)
    q, k = norm(x, p + "norm1_query") + pos, norm(y, p + "norm1_key") + pos
    v = norm(y, p + "norm1_value")
    w = drawn(p + "cross_attention.in_proj_weight", 3 * H, H).chunk(3)
    b = drawn(p + "cross_attention.in_proj_bias", 3 * H).chunk(3)
    split = lambda t: t.reshape(-1, 8, H // 8).transpose(0, 1)
    q, k, v = (split(t @ wi.T + bi) for t, wi, bi in zip((q, k, v), w, b))
    a = torch.softmax(q @ k.transpose(1, 2) / np.sqrt(H // 8), -1)
    x = x + linear((a @ v).transpose(0, 1).reshape(-1, H), p + "cross_attention.out_proj", H, H)
    y = F.gelu(linear(norm(x, p + "norm2"), p + "mlp.0", 4 * H, H))
    return (x + linear(y, p + "mlp.3", H, 4 * H)).reshape(gh, gw, H)


METHODS = {"token_gated_residual": residual, "token_gated": token_gated, "gated": gated, "concat": concat,
           "add": lambda s, g: s + g, "weighted": weighted, "cross_attention": cross_attention}


# ---------------------------------------------------------------- the whole model

def with_branch(model, generative):
    """Whose tower gives fused tokens: generative, one (gh, gw, H) a picture."""
    visual = model.model.visual
    plain = visual.forward

    def forward(*args, **more):
        out = plain(*args, **more)
        s, fused, at = out.pooler_output.double(), [], 0
        for g in generative:
            count = g.shape[0] * g.shape[1]
            fused.append(residual(s[at:at + count].reshape(g.shape), g).reshape(count, H))
            at += count
        out.pooler_output = torch.cat(fused).to(out.pooler_output.dtype)
        return out
    visual.forward = forward
    return model


def main():
    torch.set_num_threads(1)
    out, notes = {}, {"ids": IDS, "size": [WIDTH, HEIGHT], "scene": SCENE}
    units = frames()
    native = features(units)
    print("features", tuple(native.shape), "rms", float(native.pow(2).mean().sqrt()))
    out["features"] = native.float()
    shown = [Q.processor_input(unit, BOUNDS) for unit in units]
    grids = [(one.shape[0] // 28, one.shape[1] // 28) for one in shown]
    notes["grids"] = [list(one) for one in grids]
    # What the code that is described does in float32 before it casts: one rounding of the features.
    patches = [to_patches(x, 2 * gh, 2 * gw) for x, (gh, gw) in zip(native, grids)]
    out["patches.0"] = patches[0].float()[:, :, ::8].contiguous()
    for rows, columns in ((4, 6), (3, 5), (9, 6)):
        out["patches.%dx%d" % (rows, columns)] = to_patches(native[0], rows, columns).float()[:, :, ::16].contiguous()
    generative = [merge(x) for x in patches]
    out["generative.0"] = generative[0].float()[:, :, ::3].contiguous()
    out["generative.avg"] = merge(patches[0], "avg").float()[:, :, ::3].contiguous()

    exact = Q.make_model(True, torch.float64)
    inputs = Q.inputs_of(Q.QUESTIONS[0], shown)
    wide = {**inputs, "pixel_values": inputs["pixel_values"].double()}
    semantic = exact.model.visual(wide["pixel_values"], grid_thw=inputs["image_grid_thw"]).pooler_output
    gh, gw = grids[0]
    s = semantic[:gh * gw].reshape(gh, gw, H)
    out["semantic.0"] = s.float()
    for name, method in METHODS.items():
        fused = method(s, generative[0])
        print("%-22s away from the semantic tokens %.3f" % (name, float((fused - s).norm() / s.norm())))
        out["fused." + name] = fused.float()[:, :, ::3].contiguous()

    kept = []
    model = with_branch(Q.make_model(True), generative)
    for question in Q.QUESTIONS:
        if len(kept) == 2:
            break
        asked = Q.inputs_of(question, shown)
        greedy, margin = Q.answer(model, asked, 1.0)
        punished, other = Q.answer(model, asked, 1.05)
        print(question, "margins", margin, other, "different", len(set(greedy)), flush=True)
        if min(margin, other) > 1e-3:
            kept.append({"question": question, "greedy": greedy, "penalised": punished, "margins": [margin, other]})
    assert len(kept) == 2
    notes["answers"] = kept
    asked = Q.inputs_of(kept[0]["question"], shown)
    wide = {**asked, "pixel_values": asked["pixel_values"].double()}
    plain = exact(**wide).logits[0]
    true = with_branch(exact, generative)(**wide).logits[0]
    single = model(**asked).logits[0]
    far = lambda a, b: float((a.double() - b).norm() / b.norm())
    notes["float32"], notes["branch"] = far(single, true), far(plain, true)
    print("logits: float32", notes["float32"], "without the branch", notes["branch"])
    out["logits"] = true.float()[-40:, ::5].contiguous()
    save_file(out, os.path.join(HERE, "spatial.safetensors"))
    with open(os.path.join(HERE, "spatial.json"), "w") as file:
        file.write("{\n" + ",\n".join(json.dumps(k) + ": " + json.dumps(v) for k, v in notes.items()) + "\n}\n")
    print(os.path.getsize(os.path.join(HERE, "spatial.safetensors")), "bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
