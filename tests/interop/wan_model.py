"""A model that vega wrote, in diffusers: wan_model.py BIN MODEL FOLDER

MODEL is a folder in the diffusers layout with silent text parts (zero prompt), such as RUN/model of vega-train world.
FOLDER is made. diffusers loads the model strictly; latents and tokens of pictures drawn here are compared with those
of vega-extract, in float32; and a clip of five frames with its frames one by one, since the VAE's frames stand alone.
"""
import json
import subprocess
import sys
from pathlib import Path

import diffusers
import h5py
import numpy as np
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from PIL import Image

programs, model, folder = (Path(word) for word in sys.argv[1:4])
WIDTH, HEIGHT, FRAMES = 96, 64, 5
BAR = 2e-5  # of tests/unit/models/wan_test.cpp; two correct programs differ by 5e-6


def rel(a, b):
    a, b = torch.as_tensor(a).double(), torch.as_tensor(b).double()
    return float((a - b).norm() / b.norm())


def close(what, got, expected, bar=BAR):
    error = rel(got, expected)
    print(f"  {what}: {error:.2g}")
    assert error < bar, f"{what}: relative difference {error}, at most {bar}"


def load(kind, part):
    made, info = kind.from_pretrained(model, subfolder=part, torch_dtype=torch.float32, output_loading_info=True)
    left = {name: found for name, found in info.items() if found}
    assert not left, f"{part}: {left}"
    return made.eval().requires_grad_(False)


def pictures():
    y, x = np.meshgrid((np.arange(HEIGHT) + 0.5) / HEIGHT, (np.arange(WIDTH) + 0.5) / WIDTH, indexing="ij")
    out = []
    for k in range(FRAMES):
        rng = np.random.default_rng(k)
        v = [0.5 + 0.3 * np.sin(6.3 * (1.3 * x + 0.7 * y + 0.21 * c + 0.3 * k)) + 0.15 * ((x * 7 + c + k) % 1 > 0.5)
             for c in range(3)]
        v = np.stack(v, -1) + 0.03 * rng.standard_normal((HEIGHT, WIDTH, 3))
        out.append(np.clip(np.round(255 * v), 0, 255).astype(np.uint8))
    return np.stack(out)


frames = pictures()
scene = folder / "scene"
scene.mkdir(parents=True)
for i, frame in enumerate(frames):
    Image.fromarray(frame).save(scene / f"{i}.png")
record = json.loads((model / "vega_model.json").read_text())
subprocess.run([programs / "vega-extract", "features", scene, "--model", model, "--size", f"{WIDTH}x{HEIGHT}",
                "--view", "stretch", "--select", "stride:1", "--pool", "native", "--noise", "zero", "--store-dtype", "fp32", "--dtype", "fp32",
                "--tag", "t", "-o", folder / "features", "--log-level", "warn"], check=True, stdout=subprocess.DEVNULL)
with h5py.File(folder / "features/t/scene.h5") as f:
    tap = f["taps"][f.attrs["default_tap"]]
    tokens, block = tap["tokens"][:], int(tap.attrs["block"])
    t, sigma = int(tap.attrs["timestep_used"]), float(tap.attrs["sigma"])
    assert block == record["block"], (block, record["block"])

print(f"diffusers {diffusers.__version__}, {model}:")
vae, dit = load(AutoencoderKLWan, "vae"), load(WanTransformer3DModel, "transformer")
x = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
mean, deviation = (torch.tensor(v).view(1, -1, 1, 1, 1) for v in (vae.config.latents_mean, vae.config.latents_std))


def encode(video, coder=vae):
    """(B, 3, T, H, W) -> normalised latents (B, 16, T', h, w)"""
    return (coder.encode(video).latent_dist.mode().float() - mean) / deviation


alone = encode(x[:, :, None])
clip = encode(x.transpose(0, 1)[None])
assert clip.shape[2] == 2, clip.shape
close("latents of a clip of five frames are those of its first and last frame", clip[0].transpose(0, 1),
      alone[[0, 4], :, 0])
drawn = (vae.encode(x[:, :, None]).latent_dist.sample() - mean) / deviation
close("a sample of the posterior is its mean", drawn, alone)
assert rel(alone, alone.mean((0, 2, 3, 4), keepdim=True).expand_as(alone)) > 0.5, "latents vary"

seen = {}
dit.blocks[block].register_forward_hook(lambda module, given, out: seen.update(out=out))
text = torch.zeros(FRAMES, 1, dit.config.text_dim)
dit(hidden_states=(1 - sigma) * alone, timestep=torch.full((FRAMES,), t), encoder_hidden_states=text)
close(f"tokens of block {block} at t {t}", tokens.reshape(FRAMES, -1, tokens.shape[-1]), seen["out"])
silent = seen["out"]
dit(hidden_states=(1 - sigma) * alone, timestep=torch.full((FRAMES,), t), encoder_hidden_states=text + 1)
assert torch.equal(silent, seen["out"]), "the text changes the tokens"
half = AutoencoderKLWan.from_pretrained(model, subfolder="vae", torch_dtype=torch.bfloat16)
print(f"  latents in bfloat16: {rel(encode(x[:, :, None].bfloat16(), half), alone):.2g} from those in float32")
print("wan_model.py: ok")
