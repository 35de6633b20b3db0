"""Shared definition of the synthetic weights and of the counter-based noise.

The model weights behind the golden files are never stored: every program that
needs them computes them from a seed, a tensor name and an element number. This
module is the Python side of that definition; `vega-synth model` is the other.

Names are those of the original Wan checkpoints behind a prefix: `dit.`, `vae.`,
`umt5.`, and `prompt.context` for the prompt embedding. Shapes are those of the
original layout, elements are counted in C order.

    h        = FNV-1a-64(name as UTF-8)
    counter  = (low32(e div 4), high32(e div 4), low32(h), high32(h))
    key      = (low32(seed), high32(seed))
    word     = lane e mod 4 of Philox4x32-10(counter, key)
    u        = (word + 0.5) * 2^-32                     all in double
    value    = fp32(mean + (2u - 1) * half),  half = std * sqrt(3)

`law(name, shape)` gives (mean, std).
"""

import math

import numpy as np

SQRT3 = math.sqrt(3.0)
MASK64 = (1 << 64) - 1


# ---------------------------------------------------------------- generator

def fnv1a64(text):
    h = 0xCBF29CE484222325
    for byte in text.encode("utf-8"):
        h = ((h ^ byte) * 0x100000001B3) & MASK64
    return h


def philox(counter, key):
    """Philox4x32-10. counter: four uint32 arrays (or ints), key: two ints."""
    low = np.uint64(0xFFFFFFFF)
    c = [np.atleast_1d(np.asarray(x, dtype=np.uint64)) for x in counter]
    c = list(np.broadcast_arrays(*c))
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(10):
        p0 = c[0] * np.uint64(0xD2511F53)
        p1 = c[2] * np.uint64(0xCD9E8D57)
        c = [
            (p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0),
            p1 & low,
            (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
            p0 & low,
        ]
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=-1).astype(np.uint32)


def split64(value):
    return value & 0xFFFFFFFF, (value >> 32) & 0xFFFFFFFF


def words(name, count, seed):
    """The first `count` 32-bit words of the stream of `name`."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    h_low, h_high = split64(fnv1a64(name))
    out = philox(
        (blocks & np.uint64(0xFFFFFFFF), blocks >> np.uint64(32), h_low, h_high),
        split64(seed),
    )
    return out.reshape(-1)[:count]


def uniforms(word):
    return (word.astype(np.float64) + 0.5) * 2.0 ** -32


def noise_v1(scene, frame, shape, seed=42):
    """Standard normal noise of one frame, fp32."""
    count = int(np.prod(shape))
    h_low, h_high = split64(fnv1a64(scene))
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    u = uniforms(philox((blocks, frame, h_low, h_high), split64(seed)))
    r = np.sqrt(-2.0 * np.log(u[:, 0::2]))
    a = 2.0 * math.pi * u[:, 1::2]
    pairs = np.stack([r * np.cos(a), r * np.sin(a)], axis=-1)
    return pairs.reshape(-1)[:count].astype(np.float32).reshape(shape)


# ---------------------------------------------------------------- weight law

def law(name, shape):
    """(mean, std) of a tensor, by its canonical name and original shape."""
    if name == "prompt.context":
        return 0.0, 0.3
    if name.startswith("vae."):
        if name.endswith(".gamma"):
            return 1.0, 0.25
    elif name.startswith("dit."):
        if name.endswith(("norm_q.weight", "norm_k.weight")):
            return 2.0, 0.4
        if name.endswith("norm3.weight"):
            return 1.0, 0.25
        if name.endswith("norm3.bias"):
            return 0.0, 0.1
        if name.endswith("modulation"):
            return 0.0, 0.3
    elif name.startswith("umt5."):
        if name == "umt5.norm.weight" or name.endswith(("norm1.weight", "norm2.weight")):
            return 1.0, 0.25
        if name.endswith("token_embedding.weight"):
            return 0.0, 1.0
        if name.endswith("pos_embedding.embedding.weight"):
            return 0.0, 0.5
    elif name.startswith("siglip."):
        if name.endswith(("norm1.weight", "norm2.weight", "norm.weight")):
            return 1.0, 0.25
        if name.endswith("position_embedding.weight"):
            return 0.0, 0.5
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            return 0.0, 1.5 / math.sqrt(float(np.prod(shape[1:])))
    elif name.startswith("spatial."):
        if name.endswith("residual_scale"):
            return 0.6, 0.1
        if name.endswith(("weight_2d", "weight_3d")):
            return 0.5, 0.1
        if len(shape) == 1 and name.endswith(".weight"):
            return 1.0, 0.25
        if name.endswith("in_proj_bias"):
            return 0.0, 0.1
        if name.endswith("in_proj_weight"):
            return 0.0, 1.0 / math.sqrt(float(shape[1]))
    elif name.startswith("qwen2_5_vl."):
        if len(shape) == 1 and name.endswith(".weight"):
            return 1.0, 0.25
        if name.endswith("embed_tokens.weight"):
            return 0.0, 0.15
        if name.endswith("lm_head.weight"):
            return 0.0, 2.0 / math.sqrt(float(np.prod(shape[1:])))
        if name.endswith(("attn.qkv.weight", "q_proj.weight", "k_proj.weight")):
            return 0.0, 1.5 / math.sqrt(float(np.prod(shape[1:])))
    if name.endswith(".bias"):
        return 0.0, 0.1
    if name.endswith(".weight"):
        # Latents of order one, as real ones are: noise must not drown the picture.
        gain = 4.0 if name == "vae.encoder.head.2.weight" else 1.0
        fan_in = int(np.prod(shape[1:]))
        if name.startswith("vae.") and tuple(shape[2:]) == (3, 3, 3):
            fan_in = shape[1] * 9  # one frame sees the last temporal slice only
        return 0.0, gain / math.sqrt(float(fan_in))
    raise ValueError("no weight law for " + name)


def round_bf16(x):
    """fp32 to bf16 (nearest, ties to even), returned as fp32."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (bits & np.uint32(0xFFFF0000)).view(np.float32)


def tensor(name, shape, seed=42):
    mean, std = law(name, shape)
    half = std * SQRT3
    t = 2.0 * uniforms(words(name, int(np.prod(shape)), seed)) - 1.0
    value = (mean + t * half).astype(np.float32).reshape(shape)
    return round_bf16(value) if name == "prompt.context" else value


# ---------------------------------------------------------------- presets

WAN_TINY = {
    "dim": 256, "heads": 2, "layers": 30, "ffn": 512, "freq": 256,
    "text": 4096, "text_len": 512, "in": 16, "vae_base": 8,
}
UMT5_TINY = {
    "dim": 64, "kv": 16, "heads": 4, "ffn": 128, "layers": 3, "vocab": 32,
    "buckets": 32, "max_distance": 128,
}

SIGLIP_TINY = {"dim": 144, "heads": 2, "mlp": 288, "layers": 27, "patch": 14, "grid": 27}


def dit_shapes(p=WAN_TINY):
    """Original DiT key -> shape."""
    d, f = p["dim"], p["ffn"]
    s = {}

    def linear(key, out, inp):
        s[key + ".weight"] = (out, inp)
        s[key + ".bias"] = (out,)

    s["patch_embedding.weight"] = (d, p["in"], 1, 2, 2)
    s["patch_embedding.bias"] = (d,)
    linear("text_embedding.0", d, p["text"])
    linear("text_embedding.2", d, d)
    linear("time_embedding.0", d, p["freq"])
    linear("time_embedding.2", d, d)
    linear("time_projection.1", 6 * d, d)
    for n in range(p["layers"]):
        b = "blocks.%d." % n
        s[b + "modulation"] = (1, 6, d)
        for attn in ("self_attn", "cross_attn"):
            for m in "qkvo":
                linear(b + attn + "." + m, d, d)
            s[b + attn + ".norm_q.weight"] = (d,)
            s[b + attn + ".norm_k.weight"] = (d,)
        s[b + "norm3.weight"] = (d,)
        s[b + "norm3.bias"] = (d,)
        linear(b + "ffn.0", f, d)
        linear(b + "ffn.2", d, f)
    s["head.modulation"] = (1, 2, d)
    linear("head.head", 4 * p["in"], d)
    return s


def vae_shapes(base=WAN_TINY["vae_base"], z=16):
    """Original VAE key -> shape, encoder and decoder."""
    s = {}

    def conv(key, out, inp, *kernel):
        s[key + ".weight"] = (out, inp) + kernel
        s[key + ".bias"] = (out,)

    def residual(key, inp, out):
        s[key + ".residual.0.gamma"] = (inp, 1, 1, 1)
        conv(key + ".residual.2", out, inp, 3, 3, 3)
        s[key + ".residual.3.gamma"] = (out, 1, 1, 1)
        conv(key + ".residual.6", out, out, 3, 3, 3)
        if inp != out:
            conv(key + ".shortcut", out, inp, 1, 1, 1)

    def middle(key, c):
        residual(key + ".0", c, c)
        s[key + ".1.norm.gamma"] = (c, 1, 1)
        conv(key + ".1.to_qkv", 3 * c, c, 1, 1)
        conv(key + ".1.proj", c, c, 1, 1)
        residual(key + ".2", c, c)

    def head(key, c, out):
        s[key + ".0.gamma"] = (c, 1, 1, 1)
        conv(key + ".2", out, c, 3, 3, 3)

    widths = [base, base, 2 * base, 4 * base, 4 * base]
    conv("encoder.conv1", base, 3, 3, 3, 3)
    i = 0
    for level in range(4):
        inp, out = widths[level], widths[level + 1]
        for c in (inp, out):
            residual("encoder.downsamples.%d" % i, c, out)
            i += 1
        if level < 3:
            conv("encoder.downsamples.%d.resample.1" % i, out, out, 3, 3)
            if level > 0:
                conv("encoder.downsamples.%d.time_conv" % i, out, out, 3, 1, 1)
            i += 1
    middle("encoder.middle", widths[4])
    head("encoder.head", widths[4], 2 * z)
    conv("conv1", 2 * z, 2 * z, 1, 1, 1)
    conv("conv2", z, z, 1, 1, 1)

    widths = [4 * base, 4 * base, 4 * base, 2 * base, base]
    conv("decoder.conv1", widths[0], z, 3, 3, 3)
    middle("decoder.middle", widths[0])
    i = 0
    for level in range(4):
        inp, out = widths[level], widths[level + 1]
        if level > 0:
            inp //= 2  # the upsampler before it halves the width
        for c in (inp, out, out):
            residual("decoder.upsamples.%d" % i, c, out)
            i += 1
        if level < 3:
            conv("decoder.upsamples.%d.resample.1" % i, out // 2, out, 3, 3)
            if level < 2:
                conv("decoder.upsamples.%d.time_conv" % i, 2 * out, out, 3, 1, 1)
            i += 1
    head("decoder.head", widths[4], 3)
    return s


def umt5_shapes(p=UMT5_TINY):
    """Original UMT5 key -> shape."""
    d, a, f = p["dim"], p["kv"] * p["heads"], p["ffn"]
    s = {"token_embedding.weight": (p["vocab"], d)}
    for n in range(p["layers"]):
        b = "blocks.%d." % n
        s[b + "norm1.weight"] = (d,)
        for m in "qkv":
            s[b + "attn.%s.weight" % m] = (a, d)
        s[b + "attn.o.weight"] = (d, a)
        s[b + "norm2.weight"] = (d,)
        s[b + "ffn.gate.0.weight"] = (f, d)
        s[b + "ffn.fc1.weight"] = (f, d)
        s[b + "ffn.fc2.weight"] = (d, f)
        s[b + "pos_embedding.embedding.weight"] = (p["buckets"], p["heads"])
    s["norm.weight"] = (d,)
    return s


def siglip_shapes(p=SIGLIP_TINY):
    """SigLIP vision tower as in google/siglip-so400m-patch14-384, without the pooling head."""
    d, m = p["dim"], p["mlp"]
    s = {}

    def linear(key, *shape):
        s[key + ".weight"] = shape
        s[key + ".bias"] = shape[:1]

    linear("vision_model.embeddings.patch_embedding", d, 3, p["patch"], p["patch"])
    s["vision_model.embeddings.position_embedding.weight"] = (p["grid"] ** 2, d)
    for n in range(p["layers"]):
        b = "vision_model.encoder.layers.%d." % n
        linear(b + "layer_norm1", d)
        for part in "qkv":
            linear(b + "self_attn.%s_proj" % part, d, d)
        linear(b + "self_attn.out_proj", d, d)
        linear(b + "layer_norm2", d)
        linear(b + "mlp.fc1", m, d)
        linear(b + "mlp.fc2", d, m)
    linear("vision_model.post_layernorm", d)
    return s


def weights(prefix, shapes, seed=42):
    """Original key -> fp32 array."""
    return {key: tensor(prefix + key, shape, seed) for key, shape in shapes.items()}


# ---------------------------------------------------------------- key maps

def _rename(key, table):
    for old, new in table:
        key = key.replace(old, new)
    return key


def dit_to_diffusers(key):
    return _rename(key, [
        ("text_embedding.0.", "condition_embedder.text_embedder.linear_1."),
        ("text_embedding.2.", "condition_embedder.text_embedder.linear_2."),
        ("time_embedding.0.", "condition_embedder.time_embedder.linear_1."),
        ("time_embedding.2.", "condition_embedder.time_embedder.linear_2."),
        ("time_projection.1.", "condition_embedder.time_proj."),
        ("head.head.", "proj_out."),
        ("head.modulation", "scale_shift_table"),
        ("modulation", "scale_shift_table"),
        ("self_attn.", "attn1."), ("cross_attn.", "attn2."),
        (".q.", ".to_q."), (".k.", ".to_k."), (".v.", ".to_v."), (".o.", ".to_out.0."),
        ("norm3.", "norm2."),
        ("ffn.0.", "ffn.net.0.proj."), ("ffn.2.", "ffn.net.2."),
    ])


def vae_to_diffusers(key):
    parts = key.split(".")
    if parts[0] in ("conv1", "conv2"):
        return ".".join([{"conv1": "quant_conv", "conv2": "post_quant_conv"}[parts[0]]] + parts[1:])
    residual = {"0": "norm1", "2": "conv1", "3": "norm2", "6": "conv2"}

    def block(rest):
        if rest[0] == "residual":
            return [residual[rest[1]]] + rest[2:]
        if rest[0] == "shortcut":
            return ["conv_shortcut"] + rest[1:]
        return rest

    side, part, rest = parts[0], parts[1], parts[2:]
    if part == "conv1":
        new = ["conv_in"] + rest
    elif part == "head":
        new = [{"0": "norm_out", "2": "conv_out"}[rest[0]]] + rest[1:]
    elif part == "middle":
        where = {"0": ["resnets", "0"], "1": ["attentions", "0"], "2": ["resnets", "1"]}[rest[0]]
        new = ["mid_block"] + where + block(rest[1:])
    elif part == "downsamples":
        new = ["down_blocks", rest[0]] + block(rest[1:])
    else:
        level, j = divmod(int(rest[0]), 4)
        where = ["resnets", str(j)] if j < 3 else ["upsamplers", "0"]
        new = ["up_blocks", str(level)] + where + block(rest[1:])
    return ".".join([side] + new)


def umt5_to_transformers(key):
    if key == "token_embedding.weight":
        return "shared.weight"
    if key == "norm.weight":
        return "encoder.final_layer_norm.weight"
    _, layer, rest = key.split(".", 2)
    rest = _rename(rest, [
        ("norm1.", "layer.0.layer_norm."), ("norm2.", "layer.1.layer_norm."),
        ("attn.", "layer.0.SelfAttention."),
        ("pos_embedding.embedding.", "layer.0.SelfAttention.relative_attention_bias."),
        ("ffn.gate.0.", "layer.1.DenseReluDense.wi_0."),
        ("ffn.fc1.", "layer.1.DenseReluDense.wi_1."),
        ("ffn.fc2.", "layer.1.DenseReluDense.wo."),
    ])
    return "encoder.block.%s.%s" % (layer, rest)
