"""The shipped world model in diffusers: world_model.py BIN MODEL FOLDER.

Two frames of a made-up room. diffusers reads the folder as it lies there, encodes the frames, adds vega's noise and gives
the residual stream after the model's own block; pooled, it is what vega-extract stores in float32.
"""
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden"))
import weights as W  # noqa: E402

programs, model, folder = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
BAR = 2e-5  # relative, of tests/unit/models/wan_test.cpp


def run(program, *words):
    done = subprocess.run([programs / program, *map(str, words), "--log-level", "warn"], capture_output=True, text=True)
    assert done.returncode == 0, f"{program} {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}"


record = json.loads((model / "vega_model.json").read_text())
run("vega-synth", "scene", "--plain", "--seed", 4001, "--frames", 320, "--every", 160, "--size", record["size"], "-o", folder / "room")
run("vega-extract", "features", folder / "room", "--model", model, "--compat", "fixed", "--size", record["size"],
    "--dtype", "fp32", "--store-dtype", "fp32", "--tag", "world", "-o", folder)
with h5py.File(folder / "world" / "room.h5") as f:
    tap = f["taps"][f.attrs["default_tap"]]
    found, block = torch.from_numpy(tap["tokens"][:]), int(tap.attrs["block"])
    t, sigma, ids = int(tap.attrs["timestep_used"]), float(tap.attrs["sigma"]), f["frames/id"][:].tolist()
assert block == record["block"], f"block {block}, the record says {record['block']}"

vae = AutoencoderKLWan.from_pretrained(model, subfolder="vae", torch_dtype=torch.float32).eval()
dit = WanTransformer3DModel.from_pretrained(model, subfolder="transformer", torch_dtype=torch.float32).eval()
with h5py.File(model / "prompt.h5") as f:
    rows = torch.from_numpy(f["context"][:].astype(np.float32))
context = torch.zeros(1, 512, rows.shape[1])
context[0, :len(rows)] = rows
mean, std = (torch.tensor(vae.config[name]).view(16, 1, 1) for name in ("latents_mean", "latents_std"))
seen = []
dit.blocks[block].register_forward_hook(lambda module, inputs, output: seen.append(output[0]))
with torch.no_grad():
    for frame in ids:
        picture = np.asarray(Image.open(folder / "room" / f"{frame:05d}.jpg").convert("RGB"))
        x = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 127.5 - 1
        z = (vae.encode(x[None, :, None]).latent_dist.mean[0, :, 0] - mean) / std
        noise = torch.from_numpy(np.asarray(W.noise_v1("room", frame, tuple(z.shape)), dtype=np.float32))
        dit(((1 - sigma) * z + sigma * noise)[None, :, None], torch.tensor([t]), context, return_dict=False)
stride = 8 * dit.config.patch_size[1]
rows, columns = picture.shape[0] // stride, picture.shape[1] // stride
grid = torch.stack(seen).view(len(ids), rows, columns, -1).permute(0, 3, 1, 2)
wanted = torch.nn.functional.adaptive_avg_pool2d(grid, found.shape[1:3]).permute(0, 2, 3, 1)
error = float((found.double() - wanted.double()).norm() / wanted.double().norm())
print(f"  {model}: block {block}, t {t}: relative difference from diffusers {error:.2g}, at most {BAR:g}")
assert torch.isfinite(found).all() and wanted.std() > 0.1
assert error < BAR, error
print("ok: the shipped world model equals diffusers")
