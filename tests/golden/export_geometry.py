"""Goldens of lib/geometry: the arithmetic of the release, written out with torch and numpy (CPU, one thread).

    venv/bin/python export_geometry.py      # geometry.safetensors
"""
import math
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.numpy import save_file

torch.set_num_threads(1)
HERE = Path(__file__).parent
V, H, W = 2, 48, 64


def nearest(src, dst):
    """Indices that OpenCV's INTER_NEAREST takes."""
    line = np.arange(src, dtype=np.float32)[None]
    return cv2.resize(line, (dst, 1), interpolation=cv2.INTER_NEAREST)[0].astype(int)


def make_scene():
    rng = np.random.default_rng(7)
    v, u = np.mgrid[0:H, 0:W]
    depth = np.stack([1500 + 18 * u + 9 * v + 400 * np.sin(u / 9), 2600 + 7 * u - 12 * v + 300 * np.cos(v / 7)])
    depth = np.round(depth + rng.normal(0, 3, depth.shape)).astype(np.int32)
    depth[rng.random(depth.shape) < 0.08] = 0
    depth[0, 10:22, 30:44] = 0
    K = np.array([[58.1, 0, 31.7], [0, 57.9, 23.4], [0, 0, 1.0]])

    def pose(a, b, t):
        ra = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
        rb = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
        out = np.eye(4)
        out[:3, :3], out[:3, 3] = ra @ rb, t
        return out

    align = pose(0.31, 0, [-1.7, 0.4, -0.05])
    poses = np.stack([pose(0.4, -1.9, [2.3, 1.1, 1.4]), pose(2.2, -2.1, [3.9, -2.2, 1.6])])
    return depth, K, align, poses


def unproject(depth, K, aligned):
    """As the release, batched; and element by element in numpy: the products are a chain of fused
    multiply-adds in ascending order (emulated in float64, which is exact but for double rounding)."""
    d = torch.from_numpy(depth).float().view(V, H * W)
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    x, y = x.reshape(1, -1).repeat(V, 1), y.reshape(1, -1).repeat(V, 1)
    k = torch.from_numpy(K).float()
    z = d / 1000
    cam = torch.stack([(x - k[0, 2]) * z / k[0, 0], (y - k[1, 2]) * z / k[1, 1], z, torch.ones_like(z)], -1)
    P = torch.from_numpy(aligned).float()
    world = (P @ cam.permute(0, 2, 1)).permute(0, 2, 1)
    c, p = cam.numpy(), P.numpy()
    for v in range(V):
        for r in range(4):
            acc = p[v, r, 0] * c[v, :, 0]
            for i in range(1, 4):
                acc = (np.float64(p[v, r, i]) * c[v, :, i].astype(np.float64) + acc).astype(np.float32)
            assert (acc == world[v, :, r].numpy()).all(), "the order of torch.bmm"
    world = world[..., :3] / world[..., 3].unsqueeze(-1)
    return world.view(V, H, W, 3)


def pool(m, cell, op):
    return op(m[:, :378, :378].permute(0, 3, 1, 2), cell).permute(0, 2, 3, 1)


def samples(m, n):
    m = m[:, :378, :378].reshape(-1, 14, 27, 14, 27, 3).permute(0, 1, 3, 2, 4, 5)[:, :, :, 4::9, 4::9].reshape(V, 14, 14, 9, 3)
    return {9: m, 5: m[:, :, :, 0::2], 1: m[:, :, :, 4:5]}[n]


def minmax(m):
    f = torch.nn.functional.max_pool2d
    return torch.stack([-pool(-m, 27, f), pool(m, 27, f)], 3)


def discrete(c):
    lo, hi = torch.tensor([-15, -15, -5]), torch.tensor([15, 15, 5])
    return ((torch.minimum(torch.maximum(c, lo), hi) - lo) / 0.1).round()


def periods(F):
    d = torch.arange(F, dtype=torch.float32)
    return 10000 ** (2 * (d // 2) / F)


def sin3d(x, width, n):
    """(tokens, n, 3) to (tokens, width)."""
    F = width // (3 * n)
    odd = (torch.arange(F) % 2).bool()
    angle = x.reshape(x.shape[0], n * 3)[..., None] / periods(F)
    assert angle.dtype == torch.float32
    value = torch.where(odd, angle.cos(), angle.sin()).reshape(x.shape[0], -1)
    out = torch.zeros(x.shape[0], width, dtype=x.dtype)
    out[:, : value.shape[1]] = value
    return out


def fnv(data):
    """FNV-1a, 64 bits, of bytes."""
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & (2**64 - 1)
    return h


def counts(m, boxes, cell):
    g = 378 // cell
    out = []
    for b in boxes:
        lo, hi = b[:3] - b[3:] / 2, b[:3] + b[3:] / 2
        cells = m[:, :378, :378].reshape(-1, g, cell, g, cell, 3).transpose(2, 3).flatten(3, 4)
        out.append(torch.all((lo <= cells) & (cells <= hi), dim=-1).sum(3))
    return torch.stack(out).to(torch.int16).numpy()


def main():
    out = {}
    depth, K, align, poses = make_scene()
    aligned = np.stack([align @ p for p in poses])
    world = unproject(depth, K, aligned)
    out["depth"], out["K"], out["axis_align"], out["world_from_cam"] = depth, K, align, poses
    out["world"] = world.numpy()
    out["nearest.480"], out["nearest.640"] = nearest(480, 384).astype(np.int32), nearest(640, 384).astype(np.int32)
    for src, dst in ((640, 512), (968, 384), (1296, 384), (47, 31), (31, 47)):
        out[f"nearest.{src}.{dst}"] = nearest(src, dst).astype(np.int32)
    picture = np.random.default_rng(11).integers(0, 256, (33, 47, 3), dtype=np.uint8)
    out["opencv.in"] = picture
    for size in ((29, 20), (64, 50), (384, 3)):
        out[f"opencv.{size[0]}x{size[1]}"] = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    m = world[:, nearest(H, 384)][:, :, nearest(W, 384)]
    b = m.bfloat16()
    avg = torch.nn.functional.avg_pool2d
    for cell in (27, 14):
        p = pool(b, cell, avg)
        cells = b[:, :378, :378].float().reshape(V, 378 // cell, cell, 378 // cell, cell, 3).mean((2, 4)).bfloat16()
        assert p.dtype == torch.bfloat16 and (p != cells).float().mean() < 0.01  # another order of the same sum
        out[f"avg{cell}.bf16"] = p.float().numpy()
        out[f"avg{cell}.fp32"] = pool(m.double(), cell, avg).numpy()
    for n in (1, 5, 9):
        out[f"sample{n}.bf16"] = samples(b, n).float().numpy()
    out["minmax.bf16"] = minmax(b).float().numpy()

    steps = torch.cat([torch.linspace(-17, 17, 1501), torch.tensor([1e-3, -1e-3, 0.05, 0.15, 3.25])])
    grid = torch.stack([steps, steps.flip(0), steps / 3], 1)
    out["discrete.in"] = grid.numpy()
    out["discrete.bf16"] = discrete(grid.bfloat16()).float().numpy().astype(np.int16)
    out["discrete.fp32"] = discrete(grid).numpy().astype(np.int16)
    assert discrete(grid.bfloat16()).dtype == torch.bfloat16

    for n, width in ((1, 3584), (2, 3584), (5, 3584), (9, 3584), (1, 96), (5, 100)):
        tokens = (4 if n == 1 else 2) if width == 3584 else 12
        c = torch.from_numpy(np.random.default_rng(n).integers(0, 301, (tokens, n, 3))).float().bfloat16()
        out[f"sin3d.{width}.{n}.in"] = c.float().numpy()
        # bfloat16 as its upper 16 bits
        out[f"sin3d.{width}.{n}.bf16"] = sin3d(c, width, n).view(torch.int16).numpy()
    # Every voxel index, the same in x, y, z of all points; of the 301 x 3584 values only a hash is kept.
    # torch's scalar kernels give other powers: AVX2 or AVX-512 is needed here.
    assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    for n in (1, 2, 5, 9):
        every = sin3d(torch.arange(301).bfloat16().reshape(301, 1, 1).expand(301, n, 3), 3584, n)
        out[f"sin3d.every.{n}"] = np.array([fnv(every.view(torch.int16).numpy().tobytes())], np.uint64).view(np.int64)
    c = torch.from_numpy(np.random.default_rng(3).uniform(-8, 8, (20, 1, 3)).astype(np.float32))
    out["sin3d.metres.in"], out["sin3d.metres.fp32"] = c.numpy(), sin3d(c, 96, 1).numpy()
    for n in (1, 2, 5, 9):
        out[f"periods.{n}"] = periods(3584 // (3 * n)).numpy()

    sizes = torch.tensor([[1.5, 1.3, 1.1], [9, 9, 9], [0.8, 2.2, 0.9], [1, 1, 1]])
    centres = torch.stack([world[0, 40, 20], torch.zeros(3), world[1, 30, 40], torch.full((3,), 19.0)])
    boxes = torch.cat([(centres * 100).round() / 100, sizes], 1)
    out["boxes"] = boxes.numpy()
    for cell in (14, 27):
        out[f"counts{cell}.bf16"] = counts(b, boxes.bfloat16(), cell)
        out[f"counts{cell}.fp32"] = counts(m, boxes, cell)
        print(cell, out[f"counts{cell}.fp32"].sum((1, 2, 3)), out[f"counts{cell}.bf16"].sum((1, 2, 3)))
    assert (out["counts14.fp32"] != out["counts14.bf16"]).any()
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, HERE / "geometry.safetensors")


main()
