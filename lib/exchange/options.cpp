#include "exchange/options.h"

namespace vega::exchange {

void ExportOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "FILE...", "feature files (features/TAG/KEY.h5)");
  v.group("Input");
  v.text("--list", list, "FILE|-",
         "files from a list instead: PATH or KEY<TAB>PATH a line; - reads stdin");
  v.text("--shard", shard, "i/n|auto", "only the lines whose number modulo n is i (from 0)");
  v.text("--tap", tap, "NAME", "which features (default: the file's default tap)");
  v.flag("--all-taps", all_taps, "every tap of the file, each in a file of its own: KEY/TAP.EXT");

  v.group("Output");
  v.text("-o,--out", out, "DIR", "results go to DIR/KEY.EXT; with --as: the folder that has data/");
  v.text(
      "--format", format, "pt|safetensors|npy",
      "pt: a dict of tensors for torch.load; safetensors: the same tensors and metadata; npy: the "
      "tokens alone, bf16 widened to float32 (exact)");
  v.text("--layout", layout, "vhwc|vchw",
         "frames, rows, columns, channels (default), or channels before rows (PyTorch; --as)");
  v.text(
      "--as", as, "MODEL_ID",
      "what the VEGA-3D release loads with generative_feature_source=offline: one plain tensor, in "
      "its folder and under its name; a wrong id lists the known ones");
  v.flag("--allow-mismatch", allow_mismatch,
         "with --as: though block or timestep are not those of the id");

  v.group("Run");
  v.flag("--overwrite", overwrite, "replace files that were exported otherwise");
  v.flag("--fail-fast", fail_fast, "stop at the first file that fails");
  v.text("--report", report, "FILE.json", "outcome of every file");
}

void ImportOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "FILE...",
           ".pt, .safetensors, .npy or .npz, one a scene; or a folder of them: taps of one scene");
  v.group("Input");
  v.text("--list", list, "FILE|-",
         "files from a list instead: PATH or KEY<TAB>PATH a line; - reads stdin");
  v.text("--shard", shard, "i/n|auto", "only the lines whose number modulo n is i (from 0)");
  v.text("--key", key, "KEY", "name of the scene, with one FILE (default: the file's stem)");
  v.text("--name", name, "NAME",
         "which array of the file, nested dicts as a.b (default: the only one that fits)");
  v.text("--layout", layout, "vhwc|vchw",
         "order of its axes: frames, rows, columns, channels; or frames, channels, rows, columns");

  v.group("Frames and geometry");
  v.text(
      "--frames", frames, "FILE|DIR",
      "which frames these are: a text with one frame id a line, or a vega file whose ids, poses, "
      "cameras and thumbnails are taken over; DIR: DIR/KEY.h5");
  v.text("--view", view, "VIEW",
         "how the backbone saw a frame: mllm, native, stretch, center_crop (see features --view)");
  v.text("--size", size, "WxH", "pixels of the picture that the backbone saw, with --view");
  v.integer(
      "--patch", patch, "N", {},
      "with --view: pixels a side of the square that one token stands for, where these do not "
      "fill the picture (SigLIP at 384x384: 14); 0: they fill it");
  v.text("--frame-size", frame_size, "WxH",
         "pixels of the original frames, where --frames does not know them");
  v.text("--depth-size", depth_size, "WxH", "pixels of the depth images; only center_crop asks");
  v.text(
      "--cell-to-px", cell_to_px, "FILE",
      "instead of --view: [2,3] or [V,2,3] numbers (.npy, .npz, .safetensors, .pt, text, or a vega "
      "feature file) that take (col, row, 1) to pixels of the original frame");

  v.group("Output");
  v.text("-o,--out", out, "DIR", "results go to DIR/TAG/KEY.h5");
  v.text("--tag", tag, "TAG", "folder of this backbone and recipe");
  v.text("--tap", tap, "NAME",
         "name of the features in the file (default: imported; of a folder, the stems)");
  v.integer("--block", block, "N", {}, "block they were taken from, for the record; -1: none");
  v.integer("--timestep", timestep, "T", {},
            "timestep they were taken at, for the record; -1: none");
  v.text("--store-dtype", store_dtype, "bf16|fp16|fp32",
         "type of the stored tokens (default: as in the file; float64 becomes fp32)");

  v.group("Run");
  v.flag("--overwrite", overwrite, "replace a file that was made otherwise");
  v.flag("--fail-fast", fail_fast, "stop at the first file that fails");
  v.text("--report", report, "FILE.json", "outcome of every file");
}

}  // namespace vega::exchange
