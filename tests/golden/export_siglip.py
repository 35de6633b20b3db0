"""siglip.safetensors, from transformers' SiglipVisionModel.

`tiny`: the preset siglip-tiny whole, 384x384 pixels, `hidden_states[-2]` (the output of layer 25 of
27, without the last norm). `wide`: one layer of google/siglip-so400m-patch14-384's sizes over a
grid of 3x3 patches. Results are fp64 ones rounded to fp32.
"""

import os

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import SiglipVisionConfig, SiglipVisionModel

import weights as W

HERE = os.path.dirname(os.path.abspath(__file__))
WIDE = {"dim": 1152, "heads": 16, "mlp": 4304, "layers": 1, "patch": 14, "grid": 3}


def rel(a, b):
    return float((a.double() - b.double()).norm() / b.double().norm())


def pixels(name, side):
    """Uniform in (-1, 1): every column of the patch matrix matters."""
    u = W.uniforms(W.words(name, 3 * side * side, 42))
    return torch.from_numpy((2.0 * u - 1.0).astype(np.float32).reshape(1, 3, side, side))


def tower(p, side, layers):
    """The model with `layers` layers in all; what the shapes `p` lack keeps its random start."""
    torch.manual_seed(0)
    model = SiglipVisionModel(SiglipVisionConfig(
        hidden_size=p["dim"], intermediate_size=p["mlp"], num_hidden_layers=layers,
        num_attention_heads=p["heads"], image_size=side, patch_size=p["patch"],
        hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6, attention_dropout=0.0,
        vision_use_head=False))
    own = model.state_dict()
    # transformers 5 leaves the prefix out of this class's names; files have it.
    bare = not any(k.startswith("vision_model.") for k in own)
    state = {}
    for key, value in W.weights("siglip.", W.siglip_shapes(p)).items():
        state[key.removeprefix("vision_model.") if bare else key] = torch.from_numpy(value)
    missing, unexpected = model.load_state_dict(state, strict=False)
    last = "encoder.layers.%d." % p["layers"]
    assert not unexpected and all(last in k for k in missing), (missing, unexpected)
    assert len(missing) == (16 if layers > p["layers"] else 0)
    return model.eval().requires_grad_(False)


def hidden(p, side, layers, x):
    """hidden_states[-2] in fp32 and fp64. (Eager attention would take the softmax in fp32.)"""
    out = []
    for dtype in (torch.float32, torch.float64):
        model = tower(p, side, layers).to(dtype)
        model.set_attn_implementation("sdpa")
        out.append(model(x.to(dtype), output_hidden_states=True).hidden_states[-2][0])
    assert out[1].dtype == torch.float64
    return out


def main():
    torch.set_num_threads(1)
    out = {}
    x = pixels("golden.siglip.tiny", 384)
    single, double = hidden(W.SIGLIP_TINY, 384, 27, x)
    print("tiny: rms %.3f, fp32/fp64 %.2e" % (float(double.pow(2).mean().sqrt()), rel(single, double)))
    assert double.shape == (729, 144)
    # 7 and 11 share no factor with 27: all rows, columns and places in a head occur.
    out["tiny.tokens"] = double[::7].float().contiguous()
    out["tiny.channels"] = double[:, ::11].float().contiguous()
    # Pixels beyond 378 are never seen.
    y = x.clone()
    y[:, :, 378:], y[:, :, :, 378:] = 0.5, 0.5
    model = tower(W.SIGLIP_TINY, 384, 27)
    assert torch.equal(model(y, output_hidden_states=True).hidden_states[-2][0],
                       model(x, output_hidden_states=True).hidden_states[-2][0])

    side = WIDE["grid"] * WIDE["patch"]
    x = pixels("golden.siglip.wide", side)
    single, double = hidden(WIDE, side, 2, x)
    print("wide: rms %.3f, fp32/fp64 %.2e" % (float(double.pow(2).mean().sqrt()), rel(single, double)))
    assert double.shape == (9, 1152)
    out["wide"] = double.float().contiguous()
    save_file(out, os.path.join(HERE, "siglip.safetensors"))


if __name__ == "__main__":
    main()
