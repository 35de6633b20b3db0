"""World points of cells by the released rule, from torch's own operations. cells.safetensors.

    python tests/golden/export_cells.py

Depth maps are unprojected at full size, resized with torch's nearest neighbour, cropped, and averaged by
adaptive pooling in float64 (the release: float32), pixels without depth included. Independent of vega's code:
torch.nn.functional.interpolate and adaptive_avg_pool2d.
"""
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(7)
out = {}
# name: depth (H, W), network picture (H, W), grid (h, w)
CASES = {
    "wide": ((24, 32), (60, 104), (14, 14)),
    "high": ((24, 32), (104, 60), (7, 5)),
    "shrunk": ((48, 64), (30, 52), (3, 4)),
}
for name, ((h, w), (oh, ow), grid) in CASES.items():
    depth = torch.randint(300, 5000, (h, w), dtype=torch.int32)
    depth[torch.rand(h, w) < 0.2] = 0
    K = torch.tensor([[0.9 * w, 0, w / 2 - 0.3], [0, 0.95 * w, h / 2 + 0.2], [0, 0, 1]], dtype=torch.float64)
    a = 0.4
    P = torch.eye(4, dtype=torch.float64)
    P[:3, :3] = torch.tensor([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    P[:3, 3] = torch.tensor([1.5, -0.25, 0.75])
    z = depth.double() / 1000
    v, u = torch.meshgrid(torch.arange(h, dtype=torch.float64), torch.arange(w, dtype=torch.float64), indexing="ij")
    camera = torch.stack([(u - K[0, 2]) * z / K[0, 0], (v - K[1, 2]) * z / K[1, 1], z, torch.ones_like(z)], -1)
    world = (camera @ P.T)[..., :3].permute(2, 0, 1)[None]
    mask = (depth > 0).double()[None, None]
    scale = max(oh / h, ow / w)
    rh, rw = max(oh, int(round(h * scale))), max(ow, int(round(w * scale)))
    top, left = (rh - oh) // 2, (rw - ow) // 2
    crop = lambda x: F.interpolate(x.float(), (rh, rw), mode="nearest").double()[..., top:top + oh, left:left + ow]
    out[f"{name}.depth"] = depth
    out[f"{name}.K"] = K
    out[f"{name}.P"] = P
    out[f"{name}.size"] = torch.tensor([oh, ow, *grid], dtype=torch.int64)
    out[f"{name}.xyz"] = F.adaptive_avg_pool2d(crop(world), grid)[0].permute(1, 2, 0).contiguous().float()
    out[f"{name}.valid"] = F.adaptive_avg_pool2d(crop(mask), grid)[0, 0].contiguous().float()
save_file(out, str(Path(__file__).with_name("cells.safetensors")))
