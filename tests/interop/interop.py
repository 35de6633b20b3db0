"""Exchange with Python, both ways: interop.py VEGA_EXTRACT FOLDER (made by run.sh; features/TAG/room.h5 are there)."""
import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import safetensors
import safetensors.torch
import torch

program, folder = sys.argv[1], Path(sys.argv[2])
checks = 0


def vega(*words, code=0):
    done = subprocess.run([program, *map(str, words), "--log-level", "warn"], capture_output=True, text=True)
    assert done.returncode == code, f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}"
    return done.stderr if code else done.stdout.rstrip("\n").split("\t")[-1]


def same(what, got, expected):
    global checks
    checks += 1
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    assert got.dtype == expected.dtype, f"{what}: {got.dtype}, expected {expected.dtype}"
    assert np.array_equal(got, expected, equal_nan=got.dtype.kind == "f"), f"{what}: values differ"


def stored(path):
    """What h5py reads: tokens as stored (bf16 widened), cell_to_px, frames."""
    with h5py.File(path) as f:
        tap = f["taps"][f.attrs["default_tap"]]
        frames = {name: f["frames"][name][:] for name in f["frames"]}
        return {"tokens": tap["tokens"][:], "cell_to_px": tap["cell_to_px"][:], "frame_id": frames.pop("id"), **frames}


def plain(tensor):
    return tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def last(array, layout):
    return array.transpose(0, 2, 3, 1) if layout == "vchw" else array


def check_exports():
    for tag, dtype in (("rgb-bf16", torch.bfloat16), ("rgb-fp16", torch.float16), ("rgb-fp32", torch.float32)):
        source = folder / "features" / tag / "room.h5"
        truth = stored(source)
        for layout in ("vhwc", "vchw"):
            out = folder / "export" / tag / layout
            what = f"{tag} {layout}"
            words = ("export", source, "--layout", layout, "-o", out, "--format")
            loaded = torch.load(vega(*words, "pt"), weights_only=True)
            card = json.loads(bytes(loaded.pop("metadata").numpy()))
            safe_path = vega(*words, "safetensors")
            safe = safetensors.torch.load_file(safe_path)
            with safetensors.safe_open(safe_path, "pt") as f:
                assert f.metadata() == card, f"{what}: metadata of safetensors and pt differ"
            assert card["layout"] == layout and card["key"] == "room" and card["tap"] == "rgb", card
            for kind, tensors in (("pt", loaded), ("safetensors", safe)):
                assert set(tensors) == set(truth), f"{what} {kind}: {sorted(tensors)}"
                assert tensors["tokens"].dtype == dtype, f"{what} {kind}: {tensors['tokens'].dtype}"
                for name, tensor in tensors.items():
                    got = last(plain(tensor), layout) if name == "tokens" else plain(tensor)
                    same(f"{what} {kind} {name}", got, truth[name])
            array = np.load(vega(*words, "npy"))
            same(f"{what} npy", last(array, layout), truth["tokens"])
            for kind in ("pt", "safetensors"):
                back = stored(vega("import", out / f"room.{kind}", "-o", folder / "back" / layout / kind))
                for name, values in truth.items():
                    same(f"{what} {kind} imported again: {name}", back[name], values)


def check_release():
    source = folder / "features" / "rgb-bf16" / "room.h5"
    truth = stored(source)["tokens"].transpose(0, 3, 1, 2)
    # The rule of llava/video_utils.py, get_generative_features, restated.
    table = {"svd": ("uniform_svd_features/room/svd.pt", False),
             "vmem_onestep_t7_input16": ("uniform_vmem_middle_feats_onestep_t7_input16_patch14/room/seva.pt", False),
             "seva_resized_step_25_input16":
                 ("uniform_seva_middle_feats_step25_input16_patch14/room/seva.pt", True),
             "wan2.1-vace-1.3B-middle20-timestep300":
                 ("uniform_wan2.1_vace_middle_20_timestep_300_feats/room/vace.pt", False)}
    for model, (path, half) in table.items():
        vega("export", source, "--as", model, "--allow-mismatch", "-o", folder / "release")
        feature = torch.load(folder / "release/data/scannet" / path, map_location="cpu")
        assert torch.is_tensor(feature), type(feature)
        if half:
            assert feature.shape[0] % 2 == 0
            feature = feature[feature.shape[0] // 2:]
        same(f"--as {model}", plain(feature.to(torch.bfloat16)), truth)
        assert feature[None].view(5, 3, 14, 14) is not None  # contiguous, as llava_arch.py needs it


def foreign_files(values):
    """Path, options, and what must come out, of files written by Python. values: float64 [5, 6, 7, 8]."""
    f = folder / "foreign"
    f.mkdir()
    rows = []

    def numpy_rows(layout, array):
        for dtype in ("float16", "float32", "float64"):
            for order in "CF":
                a = np.asarray(array, dtype=dtype, order=order)
                expected = last(a if dtype == "float16" else a.astype("float32"), layout)
                stem = f"{layout}-{dtype}-{order}"
                np.save(f / f"{stem}.npy", a)
                np.savez(f / f"{stem}-z.npz", note=np.array("text"), feats=a, ids=np.arange(5))
                np.savez_compressed(f / f"{stem}-zc.npz", feats=a, other=a)
                rows.append((f"{stem}.npy", layout, (), expected))
                rows.append((f"{stem}-z.npz", layout, (), expected))
                rows.append((f"{stem}-zc.npz", layout, ("--name", "feats"), expected))

    def torch_rows(layout, tensor):
        for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
            t = tensor.to(dtype)
            expected = plain(t.permute(0, 2, 3, 1) if layout == "vchw" else t)
            if dtype == torch.float64:
                expected = expected.astype("float32")
            stem = f"{layout}-{str(dtype).split('.')[1]}"
            torch.save(t, f / f"{stem}.pt")
            torch.save({"meta": {"epoch": 3, "name": "x"}, "out": {"feats": t, "w": torch.ones(3)}}, f / f"{stem}-d.pt")
            torch.save(t.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0), f / f"{stem}-strided.pt")
            torch.save(torch.cat([t, t])[5:], f / f"{stem}-offset.pt")
            torch.save(t, f / f"{stem}-legacy.pth", _use_new_zipfile_serialization=False)
            safetensors.torch.save_file({"feats": t, "w": torch.ones(3)}, f / f"{stem}.safetensors", {"format": "pt"})
            for name in ("", "-d", "-strided", "-offset"):
                rows.append((f"{stem}{name}.pt", layout, (), expected))
            rows.append((f"{stem}-d.pt", layout, ("--name", "out.feats"), expected))
            rows.append((f"{stem}-legacy.pth", layout, (), expected))
            rows.append((f"{stem}.safetensors", layout, (), expected))

    for layout in ("vhwc", "vchw"):
        array = values if layout == "vhwc" else np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        numpy_rows(layout, array)
        torch_rows(layout, torch.from_numpy(array.copy()))
    return rows


def check_imports():
    values = np.random.default_rng(7).standard_normal((5, 6, 7, 8))
    source = folder / "features" / "rgb-bf16" / "room.h5"
    frames = stored(source)
    cells = folder / "cells.npy"
    np.save(cells, np.arange(30.0).reshape(5, 2, 3))
    outputs = {}
    for number, (name, layout, options, expected) in enumerate(foreign_files(values)):
        out = vega("import", folder / "foreign" / name, "--layout", layout, "--frames", source, "--cell-to-px", cells,
                   "--tag", f"t{number}", "--key", "room", "-o", folder / "imported", *options)
        got = stored(out)
        same(f"{name} {' '.join(options)}: tokens", got["tokens"], expected)
        same(f"{name}: cell_to_px", got["cell_to_px"], np.arange(30.0).reshape(5, 2, 3))
        for table in ("frame_id", "world_from_cam", "K_color", "size_color", "thumb_jpeg"):
            same(f"{name}: {table}", got[table], frames[table])
        with h5py.File(out) as f:
            outputs.setdefault(got["tokens"].tobytes(), set()).add(
                (f["taps/imported/tokens"].attrs["xxh3"], f.attrs["cache_key"]))
    # Equal stored bytes: one key, whatever container, layout or wider type they came in.
    for keys in outputs.values():
        assert len({key for _, key in keys}) == len({xxh3 for xxh3, _ in keys}), keys
    vega("verify", folder / "imported")

    def refused(array, text, *options):
        path = folder / "bad.npy"
        np.save(path, array, allow_pickle=True)
        message = vega("import", path, "--layout", "vhwc", "--frames", source, "--cell-to-px", cells, "--tag", "bad",
                       "-o", folder / "bad", *options, code=3)
        assert re.search(text, message), message
        assert not list((folder / "bad").rglob("*.h5")) if (folder / "bad").exists() else True

    refused(values.astype(">f4"), "big-endian")
    refused(values.astype("int32"), "element type i32")
    refused(values.astype("complex64"), "element type '<c8'")
    refused(np.array([{"a": 1}], dtype=object), "Python objects")
    refused(values[0], r"shape \[6, 7, 8\]")
    refused(values[:4], "tokens of 4 frames")
    hole = values.copy()
    hole[3, 2, 1, 7] = np.nan
    refused(hole, r"frame 3 \(from 0\), row 2, column 1, channel 7")
    refused(values * 1e6, "fp16|f16", "--store-dtype", "fp16")


check_exports()
check_release()
check_imports()
versions = f"torch {torch.__version__}, numpy {np.__version__}, safetensors {safetensors.__version__}, h5py {h5py.__version__}"
print(f"ok: {checks} arrays equal; {versions}")
