"""wan_tiny_d.safetensors and umt5_tiny.safetensors, from diffusers and transformers."""

import contextlib
import os

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from safetensors.torch import save_file
from transformers import UMT5Config, UMT5EncoderModel

import literal
import weights as W
from export_small import schedule, select, time_vector

HERE = os.path.dirname(os.path.abspath(__file__))
FRAMES = (0, 7)
TAPS = {299: (0, 1, 10, 20, 29), 700: (10, 20, 29)}


def rel(a, b):
    a, b = a.double(), b.double()
    return float((a - b).norm() / b.norm())


def pixels():
    """Two smooth frames with mild texture, fp32 in [-1,1]."""
    y, x = np.meshgrid((np.arange(64) + 0.5) / 64, (np.arange(96) + 0.5) / 96, indexing="ij")
    frames = []
    for k, frame in enumerate(FRAMES):
        noise = 2.0 * W.uniforms(W.words("golden.pixels.%d" % frame, 3 * 64 * 96, 42)) - 1.0
        noise = noise.reshape(3, 64, 96)
        shift = 0.35 * k
        channels = []
        for c in range(3):
            v = 0.45 * np.sin(2 * np.pi * (1.3 * x + 0.7 * y + 0.21 * c + shift))
            v += 0.25 * np.cos(2 * np.pi * (2.1 * y - 1.1 * x * y + 0.37 * c - shift))
            v += 0.15 * np.sin(2 * np.pi * (9.0 * x + 4.0 * y) + c) * (y > 0.5)
            v += 0.35 * ((x - 0.55 - 0.1 * k) ** 2 + (0.67 * (y - 0.4)) ** 2 < 0.03)
            channels.append(v - 0.1 * c + 0.04 * noise[c])
        frames.append(np.clip(np.stack(channels), -1.0, 1.0))
    return torch.from_numpy(np.stack(frames).astype(np.float32))


@contextlib.contextmanager
def no_float():
    """Within this, Tensor.float() widens to double: fp32 islands become fp64."""
    keep = torch.Tensor.float
    torch.Tensor.float = lambda self, *a, **k: self.double()
    try:
        yield
    finally:
        torch.Tensor.float = keep


def load(model, prefix, shapes, rename, tied=()):
    state = {rename(k): torch.from_numpy(v) for k, v in W.weights(prefix, shapes).items()}
    for new, old in tied:
        state[new] = state[old]
    want = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    assert want == {k: tuple(v.shape) for k, v in state.items()}, "key sets differ"
    model.load_state_dict(state, strict=True)
    return model.eval().requires_grad_(False)


def diffusers_vae():
    return load(AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[],
        temperal_downsample=[False, True, True]), "vae.", W.vae_shapes(), W.vae_to_diffusers)


def diffusers_dit():
    p = W.WAN_TINY
    return load(WanTransformer3DModel(
        num_attention_heads=p["heads"], attention_head_dim=p["dim"] // p["heads"],
        in_channels=16, out_channels=16, text_dim=p["text"], freq_dim=p["freq"], ffn_dim=p["ffn"],
        num_layers=p["layers"], cross_attn_norm=True, qk_norm="rms_norm_across_heads", eps=1e-6,
        rope_max_seq_len=1024), "dit.", W.dit_shapes(), W.dit_to_diffusers)


def keep_first(module, name, seen):
    """Keeps the module's first output. (A hook must return None, or it replaces the output.)"""
    def hook(m, inputs, output):
        if name not in seen:
            seen[name] = output
    return module.register_forward_hook(hook)


def encode(vae, x):
    """Frames N,3,H,W -> mean half N,16,h,w plus two inner activations of frame 0."""
    seen = {}
    hooks = [keep_first(vae.encoder.down_blocks[10], "vae.down10", seen),
             keep_first(vae.encoder.mid_block, "vae.mid", seen)]
    mean = [vae.encode(f[None, :, None]).latent_dist.mean[0, :, 0] for f in x]
    for h in hooks:
        h.remove()
    return torch.stack(mean), {k: v[0, :, 0] for k, v in seen.items()}


def run_dit(dit, z, t, prompt, taps):
    context = torch.zeros(1, 512, prompt.shape[1], dtype=z.dtype)
    context[0, :prompt.shape[0]] = prompt.to(z.dtype)
    tokens = {n: [] for n in taps}
    seen = {}
    hooks = [dit.blocks[n].register_forward_hook(lambda m, i, o, n=n: tokens[n].append(o[0])) for n in taps]
    hooks.append(dit.condition_embedder.register_forward_hook(
        lambda m, i, o: seen.update(e=o[0][0], e6=o[1][0].reshape(6, -1), text=o[2][0][[0, -1]])))
    hooks.append(keep_first(dit.patch_embedding, "embed", seen))
    for f in z:
        dit(f[None, :, None], torch.tensor([t]), context, return_dict=False)
    for h in hooks:
        h.remove()
    seen["embed"] = seen["embed"][0].flatten(1).T
    return {n: torch.stack(v) for n, v in tokens.items()}, seen


def widen(dit):
    """fp64 model: exact time vector and rotary tables, no fp32 inside."""
    dit.double()
    dit.condition_embedder.timesteps_proj.forward = lambda t: torch.from_numpy(
        np.stack([time_vector(int(v)).astype(np.float32).astype(np.float64) for v in t]))
    rope = dit.rope
    parts = []
    for dim in (rope.t_dim, rope.h_dim, rope.w_dim):
        f = 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        parts.append((torch.arange(1024)[:, None] * f).repeat_interleave(2, dim=1))
    angle = torch.cat(parts, dim=1)
    rope.freqs_cos, rope.freqs_sin = angle.cos(), angle.sin()
    return dit


def export_wan():
    out = {"frame_ids": torch.tensor(FRAMES), "timesteps": torch.tensor(list(TAPS))}
    x = pixels()
    prompt = torch.from_numpy(W.tensor("prompt.context", (1, 4096)))
    eps = torch.from_numpy(np.stack([W.noise_v1("golden", f, (16, 8, 12)) for f in FRAMES]))
    sigmas, table = schedule(5)
    sigma = {}
    for target, t in ((300, 299), (700, 700)):
        _, got, s, _ = select(table, sigmas, target)
        assert got == t
        sigma[t] = s
    assert float(sigma[299]) == 0.29992383718490601
    out["sigmas"] = torch.tensor([float(s) for s in sigma.values()], dtype=torch.float32)
    out["pixels"], out["eps"], out["prompt.context"] = x, eps, prompt.bfloat16()
    assert torch.equal(out["prompt.context"].float(), prompt)

    vae = diffusers_vae()
    m = torch.tensor(vae.config.latents_mean, dtype=torch.float32)[:, None, None]
    s = torch.tensor(vae.config.latents_std, dtype=torch.float32)[:, None, None]
    raw32, inner32 = encode(vae, x)
    raw64, inner64 = encode(vae.double(), x.double())
    lat32 = (raw32 - m) * (1.0 / s)
    lat64 = (raw64 - m.double()) / s.double()
    lit = {}
    vae_w = {k: torch.from_numpy(v).double() for k, v in W.weights("vae.", W.vae_shapes()).items()}
    lit_raw = torch.stack([literal.vae_mean(vae_w, f.double(), lit) for f in x])
    print("latents: std %.3f, raw std %.3f" % (float(lat64.std()), float(raw64.std())))
    print("  diffusers fp32 / fp64      raw %.2e  normalised %.2e" % (rel(raw32, raw64), rel(lat32, lat64)))
    print("  literal fp64 / diffusers   raw %.2e" % rel(lit_raw, raw64))
    assert rel(lit_raw, raw64) < 1e-12
    for k, v in inner64.items():
        print("  %s fp32/fp64 %.2e" % (k, rel(inner32[k], v)))
        out[k] = v.float()
    out["latents_raw"], out["latents"] = raw64.float(), lat64.float()

    dit32, dit64 = diffusers_dit(), widen(diffusers_dit())
    dit_w = {k: torch.from_numpy(v).double() for k, v in W.weights("dit.", W.dit_shapes()).items()}
    for t, taps in TAPS.items():
        sig = float(sigma[t])
        z64 = (1.0 - sig) * lat64 + sig * eps.double()
        z = z64.float()
        got32, seen32 = run_dit(dit32, z, t, prompt, taps)
        with no_float():
            got64, seen64 = run_dit(dit64, z.double(), t, prompt, taps)
        assert all(v.dtype == torch.float64 for v in got64.values())
        v = time_vector(t).astype(np.float32)
        lits = [literal.dit_tokens(dit_w, f.double(), torch.from_numpy(v).double(), prompt.double(),
                                   taps, W.WAN_TINY["layers"], W.WAN_TINY["heads"]) for f in z]
        for n in taps:
            lit_n = torch.stack([l[0][n] for l in lits])
            print("tokens t=%d block %2d: rms %.3f  diffusers fp32/fp64 %.2e  literal/diffusers fp64 %.2e" % (
                t, n, float(got64[n].pow(2).mean().sqrt()), rel(got32[n], got64[n]), rel(lit_n, got64[n])))
            assert rel(lit_n, got64[n]) < 1e-11
            out["tokens.t%d.b%02d" % (t, n)] = got64[n].float()
        for k, v64 in seen64.items():
            print("  %s fp32/fp64 %.2e, literal/fp64 %.2e" % (k, rel(seen32[k], v64), rel(lits[0][1][k], v64)))
        out["z.t%d" % t] = z
        out["time.v.t%d" % t] = torch.from_numpy(v)
        out["time.e.t%d" % t] = seen64["e"].float()
        out["time.e6.t%d" % t] = seen64["e6"].float()
        if t == 299:
            out["text"], out["embed.t299"] = seen64["text"].float(), seen64["embed"].float()
            grid = got64[20].transpose(1, 2).reshape(2, 256, 4, 6)
            with no_float():
                pooled = F.adaptive_avg_pool2d(grid, (14, 14))
            out["pooled.t299.b20"] = pooled[:, ::16].float()
            # seven prompt rows: the same stream, so row 0 is the one-row prompt
            long_prompt = torch.from_numpy(W.tensor("prompt.context", (7, 4096)))
            assert torch.equal(long_prompt[:1], prompt)
            with no_float():
                got, _ = run_dit(dit64, z[:1].double(), t, long_prompt, (20,))
            lit_n = literal.dit_tokens(dit_w, z[0].double(), torch.from_numpy(v).double(),
                                       long_prompt.double(), (20,), W.WAN_TINY["layers"], W.WAN_TINY["heads"])[0][20]
            print("  seven prompt rows: literal/fp64 %.2e, away from one row %.2e" % (
                rel(lit_n, got[20][0]), rel(got[20][0], got64[20][0])))
            assert rel(lit_n, got[20][0]) < 1e-11
            out["tokens7.t299.b20"] = got[20][0].float()
            # what the data can tell apart
            wrong, _ = run_dit(dit32, z, 300, prompt, (20,))
            print("  sensitivity at block 20: t = 300 %.2e" % rel(wrong[20], got64[20]), end="")
            wrong, _ = run_dit(dit32, (0.7 * lat64 + 0.3 * eps.double()).float(), t, prompt, (20,))
            print(", sigma 0.3 %.2e" % rel(wrong[20], got64[20]), end="")
            wrong, _ = run_dit(dit32, z, t, torch.zeros_like(prompt), (20,))
            print(", zero prompt %.2e" % rel(wrong[20], got64[20]), end="")
            print(", frame 0 against 7 %.2e" % rel(got64[20][0], got64[20][1]))
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(HERE, "wan_tiny_d.safetensors"))


def export_umt5():
    p = W.UMT5_TINY
    model = load(UMT5EncoderModel(UMT5Config(
        d_model=p["dim"], d_kv=p["kv"], d_ff=p["ffn"], num_layers=p["layers"], num_heads=p["heads"],
        vocab_size=p["vocab"], feed_forward_proj="gated-gelu", dropout_rate=0.0,
        relative_attention_num_buckets=p["buckets"], relative_attention_max_distance=p["max_distance"],
        layer_norm_epsilon=1e-6)), "umt5.", W.umt5_shapes(), W.umt5_to_transformers,
        tied=[("encoder.embed_tokens.weight", "shared.weight")])
    model.set_attn_implementation("eager")
    out = {}
    for name, ids in (("empty", [1]), ("general", [7, 19, 3, 30, 1])):
        tokens = torch.zeros(1, 512, dtype=torch.int64)
        tokens[0, :len(ids)] = torch.tensor(ids)
        mask = (torch.arange(512) < len(ids)).long()[None]
        y32 = model.float()(input_ids=tokens, attention_mask=mask).last_hidden_state[0, :len(ids)].clone()
        with no_float():
            y64 = model.double()(input_ids=tokens, attention_mask=mask).last_hidden_state[0, :len(ids)].clone()
        print("umt5 %s: %s rms %.3f fp32/fp64 %.2e" % (name, y64.dtype, float(y64.pow(2).mean().sqrt()), rel(y32, y64)))
        out[name if name == "empty" else name + ".out"] = y32
        if name == "general":
            out["general.ids"] = torch.tensor(ids)

    # closed form of the one-token case
    w = {k: torch.from_numpy(v).double() for k, v in W.weights("umt5.", W.umt5_shapes()).items()}
    rms = lambda x, g: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * g
    x = w["token_embedding.weight"][1]
    for n in range(p["layers"]):
        b = "blocks.%d." % n
        x = x + w[b + "attn.o.weight"] @ (w[b + "attn.v.weight"] @ rms(x, w[b + "norm1.weight"]))
        h = rms(x, w[b + "norm2.weight"])
        gate = F.gelu(w[b + "ffn.gate.0.weight"] @ h, approximate="tanh")
        x = x + w[b + "ffn.fc2.weight"] @ ((w[b + "ffn.fc1.weight"] @ h) * gate)
    x = rms(x, w["norm.weight"])
    print("umt5 closed form fp64 against the fp32 forward %.2e" % rel(x, out["empty"][0]))
    assert rel(x, out["empty"][0]) < 2e-6
    out["empty"] = x[None].float()
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(HERE, "umt5_tiny.safetensors"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        export_umt5()
        export_wan()
