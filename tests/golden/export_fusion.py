"""fusion.safetensors: projectors, pooling and every fusion method, forward and gradients.

The modules are written from the formulas in docs/fusion.md with torch's own layers. Results are
fp64 ones rounded to fp32 (`.bf16`: a run in bfloat16, as it came). Parameters and inputs are
exact bfloat16 numbers, so that one set serves every precision.
"""

import os

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

import weights as W

HERE = os.path.dirname(os.path.abspath(__file__))
V = 2
OUT = {}
RANDOM = torch.Generator().manual_seed(20260409)


def numbers(*shape, scale=1.0, mean=0.0):
    """Normal values that bfloat16 holds exactly."""
    return (torch.randn(*shape, generator=RANDOM) * scale + mean).bfloat16().float()


def shake(module):
    """Every parameter away from its start, so that each of them matters."""
    for name, p in module.named_parameters():
        norm = "norm" in name or "ln_q" in name
        if p.dim() == 0:
            value = numbers(1, scale=0.3, mean=0.8)[0]
        elif p.dim() == 2:
            value = numbers(*p.shape, scale=p.shape[1] ** -0.5)
        else:
            value = numbers(*p.shape, scale=0.3, mean=1.0 if norm and "weight" in name else 0.0)
        p.data = value
    return module


def run(module, inputs, dtype):
    """Output, gate and gradients of <upstream, output>, all as fp64."""
    module = module.to(dtype)
    module.zero_grad()
    leaves = {k: v.detach().to(dtype, copy=True).requires_grad_()
              for k, v in inputs.items() if k != "up"}
    out, gate = module(**leaves)
    (out * inputs["up"].to(dtype)).sum().backward()
    grads = {f"d.{k}": v.grad for k, v in leaves.items() if v.grad is not None}
    grads |= {f"dp.{k}": p.grad for k, p in module.named_parameters()}
    result = {"out": out, **grads} | ({"gate": gate} if gate is not None else {})
    return {k: v.detach().double() for k, v in result.items()}


def record(case, module, inputs):
    for name, p in module.named_parameters():
        OUT[f"{case}.p.{name}"] = p.data.clone()
    inputs["up"] = numbers(*module.double()(**{k: v.double() for k, v in inputs.items()})[0].shape)
    for name, value in inputs.items():
        OUT[f"{case}.{name}"] = value
    exact, single, half = (run(module, inputs, t) for t in (torch.float64, torch.float32,
                                                            torch.bfloat16))
    largest = max(value.norm() for value in exact.values())
    for name, value in exact.items():
        # A shift of all keys moves no softmax: such gradients are zero, and noise in fp32.
        scale = value.norm() if value.norm() > 1e-9 * largest else largest
        far = (single[name] - value).norm() / scale
        assert far < 2e-6, (case, name, float(far))
        OUT[f"{case}.{name}"] = value.float()
    OUT[f"{case}.out.bf16"] = half["out"].bfloat16()


# Fusion -------------------------------------------------------------------------------------------

class Plain(nn.Module):
    def __init__(self, op):
        super().__init__()
        self.op = op

    def forward(self, s, g):
        return self.op(s, g), None


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight_2d = nn.Parameter(torch.tensor(0.5))
        self.weight_gen = nn.Parameter(torch.tensor(0.5))

    def forward(self, s, g):
        total = self.weight_2d + self.weight_gen
        a = self.weight_2d / total
        return a * s + self.weight_gen / total * g, a.expand(s.shape[:-1])


class Normed(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(h), nn.LayerNorm(h)

    def pair(self, s, g):
        a, b = self.norm1(s), self.norm2(g)
        return a, b, torch.cat((a, b), dim=-1)


class Concat(Normed):
    def __init__(self, h):
        super().__init__(h)
        self.projection = nn.Linear(2 * h, h)

    def forward(self, s, g):
        return self.projection(self.pair(s, g)[2]), None


class Gate(Normed):
    """rows 1: a gate a token; rows H: a gate a channel."""

    def __init__(self, h, rows, form):
        super().__init__(h)
        self.gate_projection = nn.Sequential(nn.Linear(2 * h, rows), nn.Sigmoid())
        self.form = form
        if form == "residual":
            self.residual_scale = nn.Parameter(torch.tensor(0.2))

    def forward(self, s, g):
        a, b, both = self.pair(s, g)
        w = self.gate_projection(both)
        gate = w.mean(-1)
        if self.form == "normed":
            return w * a + (1 - w) * b, gate
        mixed = w * s + (1 - w) * g
        if self.form == "raw":
            return mixed, gate
        return s + self.residual_scale * (mixed - s), gate


class Instruction(Normed):
    def __init__(self, h):
        super().__init__(h)
        self.norm_ctx = nn.LayerNorm(h)
        self.gate_projection = nn.Linear(2 * h, 1)
        self.ctx_projection = nn.Sequential(nn.Linear(h, h // 2), nn.SiLU(), nn.Linear(h // 2, 1))
        self.context_scale = nn.Parameter(torch.tensor(1.0))
        self.gate_bias = nn.Parameter(torch.tensor(-0.5))

    def forward(self, s, g, c=None):
        a, b, both = self.pair(s, g)
        z = self.gate_projection(both) + self.gate_bias
        if c is not None:
            rows = c.reshape(-1, c.shape[-1])
            z = z + self.context_scale * self.ctx_projection(self.norm_ctx(rows))[:, None]
        else:  # unused parameters get a gradient: zero
            z = z + 0 * sum(p.sum() for n, p in self.named_parameters() if "ctx" in n)
            z = z + 0 * self.context_scale
        w = torch.sigmoid(z)
        return w * a + (1 - w) * b, w[..., 0]


def positions(rows, columns, h):
    """fp32, whatever the module computes in."""
    k = torch.arange(h // 4, dtype=torch.float32)
    rate = 10000.0 ** -(k / (h / 4))

    def one(n):
        angle = torch.arange(n, dtype=torch.float32)[:, None] * rate
        return torch.cat((angle.sin(), angle.cos()), dim=1)

    row = one(rows)[:, None].expand(rows, columns, h // 2)
    column = one(columns)[None].expand(rows, columns, h // 2)
    return torch.cat((row, column), dim=-1).reshape(rows * columns, h)


class Block(nn.Module):
    def __init__(self, h, heads):
        super().__init__()
        self.norm1_query, self.norm1_key = nn.LayerNorm(h), nn.LayerNorm(h)
        self.norm1_value, self.norm2 = nn.LayerNorm(h), nn.LayerNorm(h)
        self.cross_attention = nn.MultiheadAttention(h, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(h, 4 * h), nn.GELU(), nn.Identity(),
                                 nn.Linear(4 * h, h), nn.Identity())

    def forward(self, s, g, place):
        place = place.to(s.dtype)
        q, k = self.norm1_query(s) + place, self.norm1_key(g) + place
        x = s + self.cross_attention(q, k, self.norm1_value(g))[0]
        return x + self.mlp(self.norm2(x))


class Cross(nn.Module):
    def __init__(self, h, heads, layers, grid):
        super().__init__()
        self.cross_attn_blocks = nn.ModuleList(Block(h, heads) for _ in range(layers))
        self.grid = grid

    def forward(self, s, g):
        shape = s.shape
        s, g = s.flatten(1, -2), g.flatten(1, -2)
        place = positions(*self.grid, s.shape[-1])
        for block in self.cross_attn_blocks:
            s = block(s, g, place)
        return s.reshape(shape), None


def fusion(case, module, h, grid=(3, 3), flat=True, **more):
    shape = (V, grid[0] * grid[1], h) if flat else (V, *grid, h)
    inputs = {"s": numbers(*shape, scale=1.5, mean=0.4), "g": numbers(*shape, scale=0.7, mean=-0.2)}
    record(f"fusion.{case}", shake(module), inputs | more)


def fusions():
    fusion("add", Plain(lambda s, g: s + g), 9)
    fusion("only", Plain(lambda s, g: 1.0 * g + 0.0 * s), 9)
    fusion("weighted", Weighted(), 9)
    fusion("concat", Concat(8), 8)
    fusion("gated", Gate(12, 12, "normed"), 12)
    for form in ("raw", "normed", "residual"):
        fusion(f"token_gated.{form}", Gate(23, 1, form), 23)
    fusion("token_gated.grid", Gate(16, 1, "residual"), 16, grid=(2, 5), flat=False)
    fusion("instruction.vector", Instruction(11), 11, c=numbers(11))
    fusion("instruction.rows", Instruction(10), 10, c=numbers(V, 10))
    fusion("instruction.none", Instruction(8), 8)
    fusion("cross.main", Cross(16, 4, 2, (3, 3)), 16)
    fusion("cross.spatial", Cross(12, 3, 1, (2, 5)), 12, grid=(2, 5), flat=False)


# Projectors and merger ----------------------------------------------------------------------------

class Residual(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.pre_norm = nn.LayerNorm(h)
        self.proj = nn.Sequential(nn.Linear(h, h), nn.GELU(), nn.Linear(h, h))

    def forward(self, x):
        x = self.pre_norm(x)
        return x + self.proj(x)


class Stack(nn.Sequential):
    def __init__(self, linears, blocks, c, h):
        parts = [nn.Linear(c, h)]
        for _ in range(linears - 1):
            parts += [nn.GELU(), nn.Linear(h, h)]
        super().__init__(*parts, *(Residual(h) for _ in range(blocks)))

    def forward(self, s):
        return super().forward(s), None


class Bare(nn.Linear):
    def forward(self, s):
        return super().forward(s), None


class Scale(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(c))

    def forward(self, x):
        wide = x.double() if x.dtype == torch.float64 else x.float()
        wide = wide / (wide.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        return self.weight * wide.to(x.dtype)


class Merge(nn.Module):
    def __init__(self, kind, c, hidden, h):
        super().__init__()
        self.kind = kind
        if kind == "mlp":
            self.ln_q = Scale(c)
        self.mlp = nn.Sequential(nn.Linear(4 * c if kind == "mlp" else c, hidden), nn.GELU(),
                                 nn.Linear(hidden, h))

    def forward(self, s):
        r, c = s.shape[1] // 2, s.shape[2] // 2
        quads = [s[:, dy:2 * r:2, dx:2 * c:2] for dy in (0, 1) for dx in (0, 1)]
        if self.kind == "mlp":
            return self.mlp(torch.cat([self.ln_q(q) for q in quads], dim=-1)), None
        return self.mlp(torch.stack(quads).mean(0)), None


def projectors():
    for name, module in {"linear": Bare(10, 7), "mlp1x_gelu": Stack(1, 0, 10, 7),
                         "mlp2x_gelu": Stack(2, 0, 10, 7), "mlp3x_gelu": Stack(3, 0, 10, 7),
                         "mlp2x_res2x_gelu": Stack(2, 2, 10, 7)}.items():
        record(f"projector.{name}", shake(module), {"s": numbers(V, 4, 10)})
    for kind in ("mlp", "avg"):
        record(f"merger.{kind}", shake(Merge(kind, 6, 9, 5)), {"s": numbers(V, 5, 6, 6)})


# Pooling ------------------------------------------------------------------------------------------

def pools():
    for case, source, target in (("pool.27", (27, 27), (14, 14)), ("pool.up", (3, 5), (7, 6)),
                                 ("pool.odd", (9, 4), (5, 2))):
        x = numbers(V, source[0] * source[1], 3)
        planes = x.reshape(V, *source, 3).permute(0, 3, 1, 2)
        OUT[f"{case}.in"] = x
        for name, value in (("out", planes.double()), ("out.bf16", planes.bfloat16())):
            y = F.interpolate(value, size=target, mode="bilinear")
            y = y.permute(0, 2, 3, 1).reshape(V, target[0] * target[1], 3)
            OUT[f"{case}.{name}"] = y.bfloat16() if name.endswith("bf16") else y.float()


# Initial values -----------------------------------------------------------------------------------

def initial():
    name = "model.feature_fusion.gate_projection.0.weight"
    OUT["initial.gate"] = torch.from_numpy(W.noise_v1(name, 0, (1, 16)) * np.float32(0.02))
    name = "model.feature_fusion.cross_attn_blocks.0.cross_attention.in_proj_weight"
    u = W.uniforms(W.words(name, 8, 42))
    OUT["initial.packed"] = torch.from_numpy(((2 * u - 1) * (6 / 32) ** 0.5).astype(np.float32))


if __name__ == "__main__":
    torch.set_num_threads(1)
    fusions()
    projectors()
    pools()
    initial()
    path = os.path.join(HERE, "fusion.safetensors")
    save_file({k: v.contiguous() for k, v in OUT.items()}, path)
    print(f"{len(OUT)} tensors, {os.path.getsize(path)} bytes")
