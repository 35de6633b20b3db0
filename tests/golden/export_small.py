"""Goldens that need numpy only: generator, weights, noise, schedule, sampling, PCA."""

import hashlib
import json
import math
import os

import numpy as np
from safetensors.numpy import save_file

import weights as W

HERE = os.path.dirname(os.path.abspath(__file__))


def write_json(name, value):
    """One top-level entry a line, lists of objects one object a line."""
    def dump(v):
        return json.dumps(v, separators=(",", ":"))

    lines = []
    for key, v in value.items():
        if isinstance(v, list) and v and isinstance(v[0], dict):
            body = "[\n  " + ",\n  ".join(dump(x) for x in v) + "\n ]"
        elif isinstance(v, dict) and v and isinstance(next(iter(v.values())), (dict, list)):
            body = "{\n  " + ",\n  ".join(dump(k) + ":" + dump(x) for k, x in v.items()) + "\n }"
        else:
            body = dump(v)
        lines.append(" %s:%s" % (json.dumps(key), body))
    with open(os.path.join(HERE, name), "w") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")


def bits(x):
    """fp32 bits of an array, eight hex digits an element."""
    return "".join("%08x" % v for v in np.asarray(x, dtype=np.float32).reshape(-1).view(np.uint32))


def fnv_bytes(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & W.MASK64
    return "%016x" % h


def export_noise():
    known = [
        ((0,) * 4, (0,) * 2, "6627e8d5e169c58dbc57ac4c9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d41c83b0ea20bc7c66d5451fd"),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
         "d16cfe0994fdcceb5001e42024126ea1"),
    ]
    philox = []
    for counter, key, want in known:
        got = "".join("%08x" % v for v in W.philox(counter, key)[0])
        assert got == want, (got, want)
        philox.append({"counter": "".join("%08x" % v for v in counter),
                       "key": "".join("%08x" % v for v in key), "out": got})
    fnv = {"": "cbf29ce484222325", "foobar": "85944171f73967e8", "scene0000_00": "b9b51475ab2222b4"}
    for text, want in fnv.items():
        assert "%016x" % W.fnv1a64(text) == want
    for text in ("golden", "dit.patch_embedding.weight", "prompt.context", "sc\u00e8ne"):
        fnv[text] = "%016x" % W.fnv1a64(text)

    noise = []
    cases = [("scene0000_00", 0, 42), ("scene0000_00", 7, 42), ("scene0000_00", 0, 2 ** 32 + 42),
             ("golden", 0, 42), ("golden", 7, 42)]
    for scene, frame, seed in cases:
        for shape in ((16, 60, 104), (16, 8, 12)):
            e = W.noise_v1(scene, frame, shape, seed)
            flat = e.reshape(-1)
            noise.append({
                "scene": scene, "frame": frame, "seed": seed, "shape": list(shape),
                "first": bits(flat[:8]), "last": bits(flat[-4:]),
                "sum": math.fsum(flat.astype(np.float64)),
                "sum_of_squares": math.fsum(flat.astype(np.float64) ** 2),
                "sha256": hashlib.sha256(e.tobytes()).hexdigest(),
                "fnv1a64": fnv_bytes(e.tobytes()),
            })
    spec = {(0, 42): "3f0c990abffdf95ebf163ef73f29d956", (7, 42): "3dbded99c014c2e2402c13ed3d7a7ed6",
            (0, 2 ** 32 + 42): "3f3cd9f03f918b25bfed9f2b3e3c0086"}
    for n in noise:
        if n["scene"] == "scene0000_00" and n["shape"] == [16, 60, 104]:
            assert n["first"][:32] == spec[(n["frame"], n["seed"])], n
            if (n["frame"], n["seed"]) == (0, 42):
                assert abs(n["sum"] - -78.293553309) < 1e-8, n["sum"]
                last = W.noise_v1("scene0000_00", 0, (16, 60, 104)).reshape(-1)[-1]
                assert abs(last - 1.12493312) < 1e-7
    write_json("noise.json", {
        "about": "hex strings: 8 digits a 32-bit word; floats as fp32 bits; sha256 and fnv1a64 over the little-endian fp32 bytes",
        "philox": philox, "fnv1a64": fnv, "noise": noise})


def export_weights():
    dit, vae, umt5 = W.dit_shapes(), W.vae_shapes(), W.umt5_shapes()
    names = [
        ("dit.", dit, ["patch_embedding.weight", "patch_embedding.bias", "text_embedding.0.weight",
                       "time_embedding.0.weight", "time_projection.1.bias", "blocks.0.modulation",
                       "blocks.0.self_attn.q.weight", "blocks.0.self_attn.norm_q.weight",
                       "blocks.20.cross_attn.norm_k.weight", "blocks.20.norm3.weight",
                       "blocks.20.norm3.bias", "blocks.29.ffn.2.weight", "head.modulation",
                       "head.head.weight"]),
        ("vae.", vae, ["encoder.conv1.weight", "encoder.conv1.bias",
                       "encoder.downsamples.0.residual.0.gamma", "encoder.downsamples.3.shortcut.weight",
                       "encoder.downsamples.2.resample.1.weight",
                       "encoder.downsamples.5.time_conv.weight", "encoder.middle.1.norm.gamma",
                       "encoder.middle.1.to_qkv.weight", "encoder.head.2.weight", "conv1.weight",
                       "conv2.bias", "decoder.conv1.weight", "decoder.upsamples.4.shortcut.weight"]),
        ("umt5.", umt5, ["token_embedding.weight", "blocks.0.norm1.weight", "blocks.0.attn.v.weight",
                         "blocks.0.pos_embedding.embedding.weight", "blocks.2.ffn.fc2.weight",
                         "norm.weight"]),
        ("", {"prompt.context": (1, 4096)}, ["prompt.context"]),
    ]
    entries = []
    for seed in (42, 2 ** 32 + 7):
        for prefix, shapes, keys in names:
            for key in keys if seed == 42 else keys[:1]:
                x = W.tensor(prefix + key, shapes[key], seed)
                flat = x.reshape(-1)
                entries.append({
                    "name": prefix + key, "seed": seed, "shape": list(shapes[key]),
                    "first": bits(flat[:4]), "last": bits(flat[-2:]),
                    "sum": math.fsum(flat.astype(np.float64)),
                    "sha256": hashlib.sha256(x.tobytes()).hexdigest(),
                    "fnv1a64": fnv_bytes(x.tobytes()),
                })

    def keyset(shapes):
        return {k: list(v) for k, v in sorted(shapes.items())}

    def digest(prefix, shapes):
        """SHA-256 over the names and bytes of all tensors in name order."""
        h = hashlib.sha256()
        for key in sorted(shapes):
            h.update((prefix + key).encode())
            h.update(W.tensor(prefix + key, shapes[key]).tobytes())
        return h.hexdigest()

    write_json("weights.json", {
        "about": "seed-42 weights of the tiny presets; first/last: fp32 bits; sha256 and fnv1a64 over the "
                 "little-endian fp32 bytes (prompt.context: its bf16 values widened); digest: sha256 over "
                 "name (UTF-8) and little-endian fp32 bytes of all tensors, in byte order of the names",
        "tensors": entries,
        "counts": {"dit": len(dit), "vae": len(vae), "umt5": len(umt5)},
        "digest": {"dit": digest("dit.", dit), "vae": digest("vae.", vae), "umt5": digest("umt5.", umt5)},
        "vae_shapes": keyset(vae),
        "umt5_shapes": keyset(umt5),
        "dit_shapes": {k: v for k, v in keyset(dit).items()
                       if not k.startswith("blocks.") or k.startswith("blocks.0.")},
    })


def schedule(shift):
    """u and the shifted table in double; fp32 sigma table; integer timesteps."""
    base = (1.0 - np.linspace(1, 1 / 1000, 1000)[::-1]).astype(np.float32)
    top = float(base[0])
    assert top == 0.9990000128746033 and base[-1] == 0.0
    u = np.linspace(top, 0.0, 1001)[:-1]
    s = shift * u / (1 + (shift - 1) * u)
    return s.astype(np.float32), (s * 1000).astype(np.int64)


def select(table, sigmas, target):
    t = int(table[np.argmin(np.abs(table - target))])
    hits = np.nonzero(table == t)[0]
    index = int(hits[1] if len(hits) > 1 else hits[0])
    return index, t, sigmas[index], len(hits)


def time_vector(t, half=128):
    f = np.power(10000.0, -np.arange(half, dtype=np.float64) / half)
    return np.concatenate([np.cos(t * f), np.sin(t * f)])


def export_schedule():
    rows = {0: (999, 4, .00497512, 1), 50: (989, 52, .05263153, 1), 100: (978, 101, .10101001, 1),
            200: (952, 201, .20117335, 1), 300: (921, 299, .299923837, 1), 400: (882, 400, .40054286, 1),
            500: (833, 500, .50029927, 1), 600: (768, 601, .60134757, 1), 700: (681, 700, .70048279, 1),
            800: (555, 800, .80007166, 2), 900: (355, 900, .90058619, 3), 1000: (1, 999, .99959958, 4)}
    shifts = {}
    for shift in (1, 3, 5, 8):
        sigmas, table = schedule(shift)
        picked = [select(table, sigmas, t) for t in range(1001)]
        if shift == 5:
            for target, (index, t, s, hits) in rows.items():
                got = picked[target]
                assert got[:2] == (index, t) and got[3] == hits, (target, got)
                assert abs(float(got[2]) - s) < 6e-9, (target, got)
            assert float(picked[300][2]) == 0.29992383718490601
            assert len(set(table)) == 618
            skipped = sorted(set(range(4, 1000)) - set(table.tolist()))
            assert len(skipped) == 378 and skipped[-1] == 671
            d = np.abs(table[None, :] - np.arange(1001)[:, None])
            ties = [t for t in range(1001)
                    if len(set(table[d[t] == d[t].min()].tolist())) > 1]
            print("schedule: ties", len(ties), ties[:5],
                  "second-hit targets", sum(p[3] > 1 for p in picked))
        else:
            want = {1: (300, .30069900), 3: (301, .30167574), 8: (300, .30044159)}[shift]
            assert picked[300][1] == want[0] and abs(float(picked[300][2]) - want[1]) < 6e-9
        shifts[str(shift)] = {
            "index": [p[0] for p in picked],
            "t": [p[1] for p in picked],
            "sigma": bits([p[2] for p in picked]),
        }
    v = time_vector(299)
    for got, want in zip(v[[0, 1, 2, 128, 129, 130, 127, 255]],
                         [-.8532043855, -.2085483084, .2552064683, -.5215767216, .9780120669,
                          .9668865800, .9994838511, .0321252458]):
        assert abs(got - want) < 1e-9
    write_json("schedule.json", {
        "about": "per shift and target 0..1000: index of the sigma used (the second of several hits), integer timestep, "
                 "sigma as fp32 bits (8 hex digits each); time: fp32 bits of the 256-wide vector",
        "shifts": shifts,
        "time": {"299": [bits(v)], "700": [bits(time_vector(700))], "4": [bits(time_vector(4))]},
    })


def export_linspace():
    cases = []
    for n in (1, 2, 3, 5, 7, 8, 10, 16, 31, 32, 33, 48, 63, 64, 96, 128):
        for T in (1, 2, 3, 5, 8, 10, 31, 32, 33, 100, 131, 154, 237, 999, 1000, 5578):
            if n > 33 and T in (3, 8, 10, 31, 33, 237, 999):
                continue
            cases.append({"T": T, "n": n, "idx": np.linspace(0, T - 1, n, dtype=int).tolist()})
    by = {(c["T"], c["n"]): c["idx"] for c in cases}
    assert by[(131, 31)][27] == 116 and by[(154, 64)][21] == 50
    write_json("linspace.json", {"about": "numpy.linspace(0, T-1, n, dtype=int)", "cases": cases})


def export_pca():
    x = 2.0 * W.uniforms(W.words("golden.pca", 60 * 16, 42)).reshape(60, 16) - 1.0
    tokens = (x * np.linspace(2.0, 0.25, 16) + 0.3 * x[:, ::-1] + 0.5).astype(np.float32)
    t = tokens.astype(np.float64)
    mean = t.mean(axis=0)
    c = t - mean
    values, vectors = np.linalg.eigh(c.T @ c / (len(t) - 1))
    comp = vectors[:, ::-1][:, :3].T.copy()
    for v in comp:
        v *= np.sign(v[np.argmax(np.abs(v))])
    proj = c @ comp.T
    lo, hi = np.quantile(proj, [0.01, 0.99], axis=0)
    y = np.clip((proj - lo) / (hi - lo + 1e-6), 0.0, 1.0) * 255.0 + 0.5
    gap = np.abs(y - np.round(y)).min()
    order = values[::-1]
    loadings = np.sort(np.abs(comp), axis=1)[:, ::-1]
    print("pca: eigenvalues", order[:4], "rounding margin", gap,
          "loading margin", (loadings[:, 0] - loadings[:, 1]).min())
    assert gap > 1e-4 and (order[:3] / order[1:4]).min() > 1.05
    save_file({"tokens": tokens, "mean": mean, "components": comp, "proj": proj, "lo": lo, "hi": hi,
               "rgb": np.floor(y).astype(np.uint8)}, os.path.join(HERE, "pca.safetensors"))


if __name__ == "__main__":
    export_noise()
    export_weights()
    export_schedule()
    export_linspace()
    export_pca()
