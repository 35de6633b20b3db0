"""Goldens for image reading and resizing: Pillow and torch."""

import io
import json
import os
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image, features
from safetensors.numpy import save_file

import weights as W
from export_small import fnv_bytes, write_json

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = os.path.join(HERE, "images")
COMPARE = "--compare" in sys.argv


# The three formula images. All integer arithmetic, so any program can rebuild them.

def noise(width, height, name):
    """Byte e (C order over H,W,3) = low byte of word e of the seed-42 stream of `name`."""
    w = W.words(name, width * height * 3, 42)
    return (w & np.uint32(255)).astype(np.uint8).reshape(height, width, 3)


def gradient(width, height):
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1),
                     (x + y) * 255 // (width + height - 2)], axis=-1).astype(np.uint8)


def mixed(width, height, name):
    """(3 gradient + noise) div 4."""
    return ((3 * gradient(width, height).astype(np.int32) + noise(width, height, name)) // 4).astype(np.uint8)


def recipe(x, width, height):
    """Bicubic resize with integer weights, columns first, written out independently of Pillow."""
    def kernel(t):
        t = abs(t)
        if t < 1.0:
            return ((-0.5 + 2.0) * t - (-0.5 + 3.0)) * t * t + 1
        return (((t - 5) * t + 8) * t - 4) * -0.5 if t < 2.0 else 0.0

    def along_rows(x, dst):  # axis 0
        src = x.shape[0]
        if src == dst:
            return x
        s = src / dst
        f = max(s, 1.0)
        out = np.empty((dst,) + x.shape[1:], dtype=np.uint8)
        for i in range(dst):
            centre = (i + 0.5) * s
            first = max(0, int(centre - 2 * f + 0.5))
            last = min(src, int(centre + 2 * f + 0.5))
            k = [kernel((j - centre + 0.5) * (1.0 / f)) for j in range(first, last)]
            total = sum(k)
            k = [int(v / total * 2 ** 22 + (0.5 if v >= 0 else -0.5)) for v in k]
            acc = np.full(x.shape[1:], 1 << 21, dtype=np.int64)
            for v, row in zip(k, x[first:last]):
                acc += v * row.astype(np.int64)
            out[i] = np.clip(acc >> 22, 0, 255)
        return out

    x = along_rows(np.swapaxes(x, 0, 1), width)
    return along_rows(np.swapaxes(x, 0, 1), height)


def export_resize(out):
    inputs = {
        "noise": (noise(64, 48, "golden.image.noise"), [(38, 38), (48, 48), (64, 20), (97, 20), (128, 96)]),
        "mixed": (mixed(97, 61, "golden.image.mixed"), [(38, 38), (48, 48), (97, 20), (31, 61), (24, 17)]),
        "tall": (noise(20, 33, "golden.image.tall"), [(38, 38), (7, 33), (20, 97), (48, 12)]),
    }
    for name, (x, sizes) in inputs.items():
        out["resize.in." + name] = x
        for w, h in sizes:
            y = np.asarray(Image.fromarray(x).resize((w, h)))
            out["resize.out.%s.%dx%d" % (name, w, h)] = y
            assert COMPARE or np.array_equal(recipe(x, w, h), y), (name, w, h)
    cases = []
    for kind, (w, h), (ow, oh) in [
        ("noise", (640, 480), (384, 384)), ("mixed", (1296, 968), (384, 384)),
        ("mixed", (640, 480), (1280, 720)), ("noise", (1296, 968), (640, 480)),
    ]:
        name = "golden.image.%s.%dx%d" % (kind, w, h)
        x = noise(w, h, name) if kind == "noise" else mixed(w, h, name)
        y = np.asarray(Image.fromarray(x).resize((ow, oh)))
        assert COMPARE or np.array_equal(recipe(x, ow, oh), y), name
        cases.append({"kind": kind, "stream": name, "in": [w, h], "out": [ow, oh],
                      "in_fnv1a64": fnv_bytes(x.tobytes()), "out_fnv1a64": fnv_bytes(y.tobytes()),
                      "out_first": y.reshape(-1)[:12].tolist(), "out_sum": int(y.astype(np.int64).sum())})
    return cases


def write_png(path, width, height, depth, colour, rows, extra=b""):
    """A plain PNG, one filter type per row in turn (0..4). rows: bytes of each row."""
    bpp = max(1, {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * depth // 8)
    raw, before = b"", bytes(len(rows[0]))
    for i, row in enumerate(rows):
        kind = i % 5
        line = bytearray()
        for j, v in enumerate(row):
            a = row[j - bpp] if j >= bpp else 0
            b = before[j]
            c = before[j - bpp] if j >= bpp else 0
            p = a + b - c
            paeth = min((a, b, c), key=lambda q: abs(p - q))
            line.append((v - (0, a, b, (a + b) // 2, paeth)[kind]) & 255)
        raw += bytes([kind]) + bytes(line)
        before = row

    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    z = zlib.compress(raw, 9)
    cut = len(z) // 2  # two data chunks
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
                + extra + chunk(b"IDAT", z[:cut]) + chunk(b"IDAT", z[cut:]) + chunk(b"IEND", b""))


def make_files():
    os.makedirs(IMAGES, exist_ok=True)
    path = lambda name: os.path.join(IMAGES, name)
    pic = lambda w, h, name: Image.fromarray(mixed(w, h, "golden.image." + name))
    exif = Image.Exif()
    exif[0x0112] = 6
    jpegs = {
        "base420_q75": (pic(33, 21, "j0"), dict(quality=75, subsampling=2)),
        "base444_q95": (pic(33, 21, "j1"), dict(quality=95, subsampling=0)),
        "base422_q90": (pic(41, 19, "j2"), dict(quality=90, subsampling=1)),
        "prog420_q80": (pic(37, 29, "j3"), dict(quality=80, subsampling=2, progressive=True)),
        "gray_q85": (pic(17, 31, "j4").convert("L"), dict(quality=85)),
        "restart420_q75": (pic(50, 34, "j5"), dict(quality=75, subsampling=2, restart_marker_rows=1)),
        "exif6_420_q75": (pic(32, 16, "j6"), dict(quality=75, subsampling=2, exif=exif)),
        "cmyk_q90": (Image.fromarray(np.concatenate(
            [mixed(24, 18, "golden.image.j7"), gradient(24, 18)[:, ::-1, :1]], axis=2), mode="CMYK"),
            dict(quality=90)),
    }
    for stem, (image, options) in jpegs.items():
        image.save(path(stem + ".jpg"), **options)

    def save(stem, image, **options):
        image.save(path(stem + ".png"), **options)

    rgb = mixed(21, 13, "golden.image.p0")
    alpha = gradient(21, 13)[:, :, 2:]
    save("rgb8", Image.fromarray(rgb))
    save("rgba8", Image.fromarray(np.concatenate([rgb, alpha], axis=2)))
    save("palette8", Image.fromarray(rgb).quantize(40, dither=Image.Dither.NONE))
    save("palette2", Image.fromarray(rgb).quantize(4, dither=Image.Dither.NONE), bits=2)
    save("palette8_trns", Image.fromarray(rgb).quantize(40, dither=Image.Dither.NONE), transparency=3)
    save("gray8", Image.fromarray(rgb[:, :, 0].copy()))
    save("gray1", Image.fromarray(rgb[:, :, 0].copy()).convert("1"))
    save("la8", Image.fromarray(np.concatenate([rgb[:, :, :1], alpha], axis=2), mode="LA"))
    deep = (W.words("golden.image.p1", 21 * 13, 42) & np.uint32(0xFFFF)).astype(np.uint16).reshape(13, 21)
    deep[0, :4] = [0, 255, 256, 65535]
    save("gray16", Image.fromarray(deep))
    rows = deep.astype(">u2")
    write_png(path("gray16_filters.png"), 21, 13, 16, 0, [r.tobytes() for r in rows])
    write_png(path("rgb8_filters.png"), 21, 13, 8, 2, [r.tobytes() for r in rgb])
    wide = np.stack([deep, deep[::-1], deep[:, ::-1]], axis=-1).astype(">u2")
    write_png(path("rgb16_filters.png"), 21, 13, 16, 2, [r.tobytes() for r in wide])


def export_decoded(out):
    modes = {}
    for file in sorted(os.listdir(IMAGES)):
        stem, ext = file.rsplit(".", 1)
        image = Image.open(os.path.join(IMAGES, file))
        kind = "jpeg" if ext == "jpg" else "png"
        modes[file] = image.mode
        if image.mode.startswith("I"):
            out["%s.%s" % (kind, stem)] = np.asarray(image).astype(np.int32)
        else:
            out["%s.%s" % (kind, stem)] = np.asarray(image.convert("RGB"))
    return modes


def export_cover():
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(1)

    def texture(h, w, name):
        n = W.uniforms(W.words("golden.cover." + name, 3 * h * w, 42)).reshape(3, h, w)
        y, x = np.meshgrid(np.arange(h) / h, np.arange(w) / w, indexing="ij")
        s = np.stack([np.sin(6 * x + 2 * y + c) for c in range(3)])
        return torch.from_numpy((0.6 * s + 0.3 * (2 * n - 1)).astype(np.float32))

    out = {}
    for name, (h, w), (oh, ow) in [
        ("a", (30, 40), (64, 96)),    # up, rows cropped
        ("b", (64, 64), (64, 96)),    # square in
        ("c", (30, 40), (16, 24)),    # down, no antialiasing
        ("d", (13, 20), (6, 10)),     # 6.5 rows round to 6
        ("e", (15, 20), (7, 10)),     # 7.5 rows round to 8
        ("f", (40, 21), (24, 24)),    # tall
    ]:
        x = texture(h, w, name)
        scale = max(oh / h, ow / w)
        nh, nw = max(1, round(h * scale)), max(1, round(w * scale))
        y = F.interpolate(x[None], size=(nh, nw), mode="bilinear", align_corners=False)[0]
        top, left = (nh - oh) // 2, (nw - ow) // 2
        out["in." + name] = x.numpy()
        out["out." + name] = y[:, top:top + oh, left:left + ow].contiguous().numpy()
        y64 = F.interpolate(x[None].double(), size=(nh, nw), mode="bilinear", align_corners=False)[0]
        d = (y64[:, top:top + oh, left:left + ow] - torch.from_numpy(out["out." + name])).abs().max()
        print("cover %s: resized %dx%d (h x w), top %d left %d, fp32 against fp64 max %.1e" % (
            name, nh, nw, top, left, float(d)))
        assert y.shape[1] >= oh and y.shape[2] >= ow
    save_file(out, os.path.join(HERE, "cover.safetensors"))

    windows = {}
    for n in (4, 6, 14, 21, 30, 35, 45, 52, 80):
        m = F.adaptive_avg_pool1d(torch.eye(n, dtype=torch.float64)[None], 14)[0]  # n x 14
        pairs = []
        for i in range(14):
            hit = torch.nonzero(m[:, i]).reshape(-1)
            start, end = int(hit[0]), int(hit[-1]) + 1
            assert len(hit) == end - start
            assert torch.allclose(m[start:end, i], torch.tensor(1.0 / (end - start), dtype=torch.float64))
            assert start == i * n // 14 and end == -(-(i + 1) * n // 14)
            pairs.append([start, end])
        windows[str(n)] = pairs
    write_json("adaptive_pool.json", {"about": "windows [start, end) of adaptive average pooling n -> 14",
                                      "windows": windows})


def main():
    out = {}
    cases = export_resize(out)
    if "--remake" in sys.argv or not os.path.isdir(IMAGES):
        make_files()
    modes = export_decoded(out)
    if COMPARE:  # another Pillow against the stored goldens
        from safetensors.numpy import load_file
        stored = load_file(os.path.join(HERE, "pillow.safetensors"))
        assert set(stored) == set(out)
        print("Pillow", PIL.__version__, "libjpeg-turbo", features.version("libjpeg_turbo"))
        for k in sorted(out):
            if not np.array_equal(stored[k], out[k]):
                print("  differs:", k, "%.1f %% of bytes" % (100 * np.mean(stored[k] != out[k])))
        with open(os.path.join(HERE, "pillow.json")) as f:
            big = json.load(f)["resize"]
        for a, b in zip(big, cases):
            if a != b:
                print("  differs:", a["stream"], a["out"])
        return
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, os.path.join(HERE, "pillow.safetensors"))
    write_json("pillow.json", {
        "about": "Pillow default resize of formula images, too large to store: fnv1a64 of the RGB bytes "
                 "(H,W,3 order); sizes are [width, height]",
        "pillow": PIL.__version__, "libjpeg_turbo": features.version("libjpeg_turbo"),
        "resize": cases, "modes": modes})
    export_cover()


if __name__ == "__main__":
    main()
