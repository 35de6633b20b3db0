"""train_dit.{json,safetensors}: Wan's transformer in training, and Muon, by diffusers' model, torch's autograd and
torch.optim.

    venv/bin/python export_train_dit.py

The model: width 32, 2 heads of 16, FFN 48, 2 blocks, time sinusoid 16, text 12 x 7 rows; weights by weights.py under
the names "train_dit." + canonical name, with the law of "dit.". Two cases: `text` trains everything, with a prompt of 3
rows; in `silent` the output layers of cross-attention are zero and nothing of the text parts trains. Every case runs in
float32 and once more in float64 throughout (what is stored, rounded).

Ten steps: torch.optim.Muon (adjust_lr_fn="match_rms_adamw", no decay) on the matrices of the blocks' self-attention and
FFN, torch.optim.AdamW (betas 0.9 and 0.95, no decay) on all else that trains, both at RATE; gradients are not clipped.
Step k (from 0) sees the latents, the noise rolled by k along its last axis, and the shares of noise rolled by k. After
each step average = lerp(average, weight, 1 - min(0.998, n / (n + 10))), n = k + 1.
Newton-Schulz runs in the run's own type here (`steps`), and as torch does, in bfloat16 (`steps_bf16`, the float32 run).

Inputs by the same formula, mean 0 and deviation 1: latents and noise [3,16,3,4,6], prompt [3,12], and the matrices
muon.tall [24,10], muon.wide [8,20], muon.square [16,16].

train_dit.safetensors
  CASE/velocity       F32 [3,16,3,4,6] at the shares of step 0
  CASE/block0         F32 [3,18,32]    residual stream after the first block
  CASE/gradient/NAME  F32 of every trained tensor, of step 0, by canonical name (of `silent`: some)
  CASE/end/NAME       F32 of some tensors after ten steps; CASE/average/NAME their averages
  muon/NAME/f32, muon/NAME/bf16   F32: torch's Newton-Schulz of the three matrices, in float32 and as it is
train_dit.json: config, shares of noise, rate; of each case `losses` of the three clips at step 0, `steps` (mean loss of
each step), `steps_bf16`; `float32`: how far torch's float32 is from float64, at most.
"""

import json
from pathlib import Path

import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file

import weights as W
from export_wan import no_float, rel

torch.set_num_threads(1)
HERE = Path(__file__).parent
SIZES = {"dim": 32, "heads": 2, "layers": 2, "ffn": 48, "freq": 16, "text": 12, "text_len": 7, "in": 16}
SHARES = [0.03, 0.41, 0.87]
RATE, STEPS = 2e-3, 10
KEPT = ["blocks.0.self_attn.q.weight", "blocks.1.ffn.0.weight", "blocks.1.ffn.2.weight", "blocks.0.modulation",
        "head.head.weight", "time_projection.1.bias", "patch_embedding.weight"]


def numbers(name, *shape, mean=0.0, std=1.0):
    """Uniform, as weights.py makes weights, under the name "train_dit." + name."""
    count = int(torch.Size(shape).numel())
    t = torch.from_numpy(2 * W.uniforms(W.words("train_dit." + name, count, 42)) - 1)
    return (mean + t * (std * W.SQRT3)).float().reshape(shape)


def values():
    out = {}
    for name, shape in W.dit_shapes(SIZES).items():
        mean, std = W.law("dit." + name, shape)
        out[name] = numbers(name, *shape, mean=mean, std=std)
    return out


def is_text(name):
    return name.startswith("text_embedding") or ".cross_attn." in name or ".norm3." in name


def is_matrix(name):
    return name.startswith("blocks.") and name.endswith(".weight") and "norm" not in name and not is_text(name)


class Exact(torch.nn.Module):
    """The sinusoid in double, which diffusers computes in float32."""

    def forward(self, t):
        half = SIZES["freq"] // 2
        angle = t.double()[:, None] * 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
        return torch.cat([angle.cos(), angle.sin()], 1).to(t.dtype)


def model(case, dtype):
    p = SIZES
    m = WanTransformer3DModel(
        num_attention_heads=p["heads"], attention_head_dim=p["dim"] // p["heads"], in_channels=16, out_channels=16,
        text_dim=p["text"], freq_dim=p["freq"], ffn_dim=p["ffn"], num_layers=p["layers"], cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=64)
    state = values()
    if case == "silent":
        for name in state:
            if ".cross_attn.o." in name:
                state[name] = torch.zeros_like(state[name])
    m.load_state_dict({W.dit_to_diffusers(k): v for k, v in state.items()}, strict=True)
    m.to(dtype)
    m.condition_embedder.timesteps_proj = Exact()
    parts = []
    for dim in (m.rope.t_dim, m.rope.h_dim, m.rope.w_dim):
        f = 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        parts.append((torch.arange(64)[:, None] * f).repeat_interleave(2, dim=1))
    angle = torch.cat(parts, dim=1)
    m.rope.freqs_cos, m.rope.freqs_sin = angle.cos().to(dtype), angle.sin().to(dtype)
    named = dict(m.named_parameters())
    own = {name: named[W.dit_to_diffusers(name)] for name in state}
    assert len(own) == len(named)
    for name, parameter in own.items():
        parameter.requires_grad_(case == "text" or not is_text(name))
    return m.train(), {k: v for k, v in own.items() if v.requires_grad}


def clip_losses(m, k, dtype, seen=None):
    x, e = numbers("latents", 3, 16, 3, 4, 6).to(dtype), numbers("noise", 3, 16, 3, 4, 6).to(dtype).roll(k, -1)
    s = torch.tensor(SHARES, dtype=torch.float32).roll(k).to(dtype)
    prompt = torch.zeros(1, SIZES["text_len"], SIZES["text"], dtype=dtype)
    prompt[0, :3] = numbers("prompt", 3, SIZES["text"]).to(dtype)
    z = s.view(3, 1, 1, 1, 1)
    v = m((1 - z) * x + z * e, 1000 * s, prompt.expand(3, -1, -1), return_dict=False)[0]
    if seen is not None:
        seen["velocity"] = v.detach()
    return (v - (e - x)).square().flatten(1).mean(1)


def start(case, dtype):
    m, trained = model(case, dtype)
    seen = {}
    hook = m.blocks[0].register_forward_hook(lambda _, i, o: seen.update(block0=o.detach()))
    losses = clip_losses(m, 0, dtype, seen)
    hook.remove()
    losses.mean().backward()
    seen["losses"] = losses.detach()
    return seen, {k: v.grad for k, v in trained.items()}


def ten_steps(case, dtype):
    m, trained = model(case, dtype)
    muon = torch.optim.Muon([v for k, v in trained.items() if is_matrix(k)], lr=RATE, weight_decay=0.0,
                            adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW([v for k, v in trained.items() if not is_matrix(k)], lr=RATE, betas=(0.9, 0.95),
                              weight_decay=0.0)
    average = {k: v.detach().clone() for k, v in trained.items()}
    losses = []
    for k in range(STEPS):
        loss = clip_losses(m, k, dtype).mean()
        loss.backward()
        for o in (muon, adamw):
            o.step(), o.zero_grad()
        losses.append(float(loss.detach()))
        n = k + 1
        for name, a in average.items():
            a.lerp_(trained[name].detach(), 1 - min(0.998, n / (n + 10)))
    return losses, {k: v.detach() for k, v in trained.items()}, average


class own_type:
    """Newton-Schulz in the matrix's own type."""

    def __enter__(self):
        self.keep = torch.Tensor.bfloat16
        torch.Tensor.bfloat16 = lambda self: self.clone()

    def __exit__(self, *_):
        torch.Tensor.bfloat16 = self.keep


def newton_schulz(matrix):
    from torch.optim._muon import _zeropower_via_newtonschulz as f

    return f(matrix.clone(), (3.4445, -4.775, 2.0315), 5, 1e-7)


def main():
    out, cases, apart = {}, {}, {"velocity": 0.0, "gradient": 0.0, "loss": 0.0, "end": 0.0}
    for case in ("text", "silent"):
        seen32, grad32 = start(case, torch.float32)
        with own_type():
            losses32, end32, average32 = ten_steps(case, torch.float32)
            with no_float():
                seen, grad = start(case, torch.float64)
                losses, end, average = ten_steps(case, torch.float64)
        half, _, _ = ten_steps(case, torch.float32)
        apart["velocity"] = max(apart["velocity"], rel(seen32["velocity"], seen["velocity"]))
        apart["loss"] = max(apart["loss"], *(abs(a / b - 1) for a, b in zip(losses32, losses)))
        for name in grad:
            apart["gradient"] = max(apart["gradient"], rel(grad32[name], grad[name]))
            apart["end"] = max(apart["end"], rel(end32[name], end[name]))
            if case == "text" or name in KEPT:
                out[f"{case}/gradient/{name}"] = grad[name].float()
        for name in KEPT:
            out[f"{case}/end/{name}"], out[f"{case}/average/{name}"] = end[name].float(), average[name].float()
        out[f"{case}/velocity"], out[f"{case}/block0"] = seen["velocity"].float(), seen["block0"].float()
        cases[case] = {"losses": seen["losses"].tolist(), "steps": losses, "steps_bf16": half}
        print(case, losses, half, apart)
    for name, shape in {"tall": (24, 10), "wide": (8, 20), "square": (16, 16)}.items():
        matrix = numbers("muon." + name, *shape)
        out[f"muon/{name}/bf16"] = newton_schulz(matrix).float()
        with own_type():
            out[f"muon/{name}/f32"] = newton_schulz(matrix)
    save_file({k: v.contiguous() for k, v in out.items()}, HERE / "train_dit.safetensors")
    text = json.dumps({"config": SIZES, "shares": SHARES, "rate": RATE, "cases": cases, "float32": apart}, indent=1)
    (HERE / "train_dit.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
