"""The Wan2.1 formulas written out in plain torch, any dtype, one frame at a time.

Independent of diffusers; used to show that the golden outputs are what the
formulas say. `w` maps original keys to tensors of the wanted dtype.
"""

import math

import torch
import torch.nn.functional as F


def rms_channels(x, gamma):
    norm = x.pow(2).sum(0, keepdim=True).sqrt().clamp_min(1e-12)
    return x / norm * math.sqrt(x.shape[0]) * gamma.reshape(-1, 1, 1)


def vae_mean(w, x, taps=None):
    """Frame 3,H,W -> mean half of the moments, 16,H/8,W/8."""
    def conv(key, x, pad=1, stride=1):
        k = w[key + ".weight"]
        k = k[:, :, -1] if k.dim() == 5 else k  # empty cache: only the last slice sees data
        return F.conv2d(x[None], k, w[key + ".bias"], stride=stride, padding=pad)[0]

    def residual(key, x):
        y = conv(key + ".residual.2", F.silu(rms_channels(x, w[key + ".residual.0.gamma"])))
        y = conv(key + ".residual.6", F.silu(rms_channels(y, w[key + ".residual.3.gamma"])))
        return y + (conv(key + ".shortcut", x, 0) if key + ".shortcut.weight" in w else x)

    x = conv("encoder.conv1", x)
    for i in range(11):
        key = "encoder.downsamples.%d" % i
        if i in (2, 5, 8):
            x = conv(key + ".resample.1", F.pad(x, (0, 1, 0, 1)), pad=0, stride=2)
        else:
            x = residual(key, x)
    if taps is not None:
        taps["vae.down10"] = x
    x = residual("encoder.middle.0", x)
    c, h, width = x.shape
    q, k, v = conv("encoder.middle.1.to_qkv", rms_channels(x, w["encoder.middle.1.norm.gamma"]), 0) \
        .reshape(3, c, h * width)
    a = torch.softmax(q.T @ k / math.sqrt(c), dim=-1)
    x = x + conv("encoder.middle.1.proj", (v @ a.T).reshape(c, h, width), 0)
    x = residual("encoder.middle.2", x)
    if taps is not None:
        taps["vae.mid"] = x
    x = conv("encoder.head.2", F.silu(rms_channels(x, w["encoder.head.0.gamma"])))
    return conv("conv1", x, 0)[:16]


def rope_tables(gh, gw, head_dim, dtype):
    """cos and sin for a gh x gw grid, tokens x head_dim/2; time position 0."""
    pairs = head_dim // 2
    m = pairs // 3
    f = 10000.0 ** (-torch.arange(m, dtype=torch.float64) / m)
    y, x = torch.meshgrid(torch.arange(gh), torch.arange(gw), indexing="ij")
    angle = torch.cat([torch.zeros(gh * gw, pairs - 2 * m, dtype=torch.float64),
                       y.reshape(-1, 1) * f, x.reshape(-1, 1) * f], dim=1)
    return angle.cos().to(dtype), angle.sin().to(dtype)


def dit_tokens(w, z, time, prompt, taps, layers, heads, text_len=512):
    """Latent 16,h,w -> {block: tokens}. time: the sinusoid vector; prompt: rows."""
    eps = 1e-6
    dtype = z.dtype

    def linear(key, x):
        return x @ w[key + ".weight"].T + w[key + ".bias"]

    def layer_norm(x):
        x = x - x.mean(-1, keepdim=True)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)

    def rms(x, g):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * g

    def split(x):
        return x.reshape(x.shape[0], heads, -1).transpose(0, 1)

    def attend(q, k, v):
        a = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), dim=-1)
        return (a @ v).transpose(0, 1).reshape(q.shape[1], -1)

    c, h, width = z.shape
    gh, gw = h // 2, width // 2
    patches = z.reshape(c, gh, 2, gw, 2).permute(1, 3, 0, 2, 4).reshape(gh * gw, -1)
    kernel = w["patch_embedding.weight"]
    x = patches @ kernel.reshape(kernel.shape[0], -1).T + w["patch_embedding.bias"]
    cos, sin = rope_tables(gh, gw, x.shape[1] // heads, dtype)

    def rotate(x):
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)

    text = torch.cat([prompt, prompt.new_zeros(text_len - prompt.shape[0], prompt.shape[1])])
    text = linear("text_embedding.2", F.gelu(linear("text_embedding.0", text), approximate="tanh"))
    e = linear("time_embedding.2", F.silu(linear("time_embedding.0", time)))
    e6 = linear("time_projection.1", F.silu(e)).reshape(6, -1)
    extra = {"embed": x, "e": e, "e6": e6, "text": text[[0, -1]]}

    out = {}
    for n in range(layers):
        b = "blocks.%d." % n
        m = w[b + "modulation"][0] + e6
        a = layer_norm(x) * (1 + m[1]) + m[0]
        q = rms(linear(b + "self_attn.q", a), w[b + "self_attn.norm_q.weight"])
        k = rms(linear(b + "self_attn.k", a), w[b + "self_attn.norm_k.weight"])
        v = linear(b + "self_attn.v", a)
        y = attend(rotate(split(q)), rotate(split(k)), split(v))
        x = x + linear(b + "self_attn.o", y) * m[2]
        a = layer_norm(x) * w[b + "norm3.weight"] + w[b + "norm3.bias"]
        q = rms(linear(b + "cross_attn.q", a), w[b + "cross_attn.norm_q.weight"])
        k = rms(linear(b + "cross_attn.k", text), w[b + "cross_attn.norm_k.weight"])
        v = linear(b + "cross_attn.v", text)
        x = x + linear(b + "cross_attn.o", attend(split(q), split(k), split(v)))
        a = layer_norm(x) * (1 + m[4]) + m[3]
        y = linear(b + "ffn.2", F.gelu(linear(b + "ffn.0", a), approximate="tanh"))
        x = x + y * m[5]
        if n in taps:
            out[n] = x
    return out, extra
