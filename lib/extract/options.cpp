#include "extract/options.h"

namespace vega::extract {

void FeatureOptions::visit(OptionVisitor& v) {
  v.inputs(
      inputs, "INPUT...",
      "scenes: .sens files, ScanNet scan folders, videos, folders of frames (ScanNet posed images, "
      "7-Scenes, "
      "plain pictures)");
  v.group("Input");
  v.text("--list", list, "FILE|-",
         "scenes from a list instead: PATH or KEY<TAB>PATH a line; - reads stdin");
  v.text("--shard", shard, "i/n|auto",
         "only the lines whose number modulo n is i (from 0); auto: by the task of a SLURM array");
  v.text("--root", root, "DIR",
         "inputs are scene ids below DIR: ScanNet (DIR/scans/ID) or the official data tree "
         "(DIR/scannet/posed_images/ID)");
  v.text("--key", key, "KEY", "name of the scene, with one INPUT (default: the folder's name)");
  v.text("--candidates", candidates, "all|every:K",
         "frames to choose from; every:K: ids that are multiples of K (default: every:10 of a "
         ".sens, as "
         "released, else all)");
  v.text(
      "--select", select, "HOW",
      "uniform:N (spread over the scene), stride:K, fps:R (nearest time stamps), list:FILE (frame "
      "ids), frames:DIR (ids of DIR/KEY.h5)");
  v.text("--jpeg", jpeg, "original|reencoded",
         "frames of a .sens: as recorded, or encoded once more (quality 75) as the release's "
         "exporter does, on "
         "which the published numbers rest; default: by --compat");
  v.text("--exif", exif, "apply|ignore",
         "plain pictures whose EXIF data say how the camera was held: turn them upright, or take "
         "the pixels as stored (always so where poses or intrinsics are there)");
  v.integer("--stream", stream, "N", {},
            "video stream of the file (-1: the first that is no cover picture)");
  v.text("--on-decode-error", on_decode_error, "fail|skip",
         "a frame that cannot be decoded: fail the scene, or leave the frame out and count it");
  v.text("--view", view, "VIEW",
         "what the network sees: mllm (384x384 squash, cover, centre crop: the released training), "
         "native (cover and "
         "crop), stretch (whole frame), center_crop (the baseline's 384x384 crop); default: by "
         "--compat; siglip: mllm or center_crop");
  v.text("--size", size, "WxH",
         "pixels the network sees, multiples of 16 (the release: 832x480 or 1280x720; default: "
         "832x480; siglip: always 384x384)");

  v.group("Backbone");
  v.text("--backbone", backbone, "NAME",
         "wan (Wan2.1 text-to-video), siglip (so400m/14-384, the semantic tokens) or rgb (mean "
         "colour of each cell)");
  v.text("--model", model, "DIR",
         "folder of the checkpoint. wan: original or diffusers layout; siglip: Hugging Face's, or "
         "a LLaVA-Video, Video-3D-LLM or VEGA checkpoint with its tower");
  v.text("--prompt", prompt, "FILE",
         "embedding of the empty text, .pt or .h5 (default: prompt.h5, prompt.pt or "
         "wan_prompt_embedding.pt in --model)");
  v.integer("--block", block, "N", {}, "transformer block whose output is taken, zero-based");
  v.text("--blocks", blocks, "LIST",
         "several blocks in one pass instead, each a tap of its own: 10,12,20 or 10:28:2 (28 "
         "included)");
  v.integer("--timestep", timestep, "T", {}, "noise level as asked, 0 to 1000");
  v.text(
      "--timesteps", timesteps, "LIST",
      "several noise levels instead, a pass of the transformer each: 0:1000:100 (1000 included); "
      "frames are encoded once");
  v.real("--shift", shift, "F", {}, "shift of the flow-matching schedule");
  v.text("--schedule", schedule, "release|exact",
         "release: the released scheduler's table (300 is t 299, sigma 0.29992384); exact: sigma = "
         "T/1000");
  v.text("--noise", noise, "v1|zero|stored:FILE",
         "v1: counter-based, a function of seed, scene and frame alone; stored: a vega.noise file");
  v.text("--pool", pool, "HxW|native",
         "grid the tokens are averaged to (default: 14x14; siglip: native, 27x27)");

  v.group("Numbers");
  v.text("--device", device, "cpu|cuda[:n]", "where to compute");
  v.text("--dtype", dtype, "fp32|bf16", "compute type (default: fp32 on cpu, bf16 on cuda)");
  v.text("--store-dtype", store_dtype, "bf16|fp16|fp32", "type of the stored tokens");
  v.integer("--seed", seed, "N", {}, "seed of the noise");
  v.text("--compat", compat, "reference|fixed",
         "reference: the released pipeline's numbers (view mllm, re-encoded frames of a .sens, "
         "bf16 latent "
         "constants when computing in bf16); fixed: view stretch, original frames, fp32 constants");
  v.text("--latent-constants", latent_constants, "bf16|fp32",
         "latent mean and deviation (default: by --compat)");

  v.group("Run");
  v.text("-o,--out", out, "DIR", "results go to DIR/TAG/KEY.h5");
  v.text("--tag", tag, "TAG", "folder of this recipe (default: <model>-<WxH>-<view>-<pool>)");
  v.flag("--overwrite", overwrite, "compute again what is there, whatever its recipe");
  v.flag("--fail-fast", fail_fast, "stop at the first scene that fails");
  v.flag("--dry-run", dry_run,
         "compute nothing: say what each scene lacks, and what a run would take; reads no weight");
  v.text("--report", report, "FILE.json",
         "what became of every scene, with times; of a dry run: the audit");
  v.flag("--no-thumbs", no_thumbs, "store no thumbnails (preview needs them)");
  v.integer("--threads", threads, "N", {},
            "worker threads (default: all cores); on the cpu one frame a worker");
  v.text(
      "--batch", batch, "auto|N",
      "frames a step on cuda (the last one is padded); auto: a scene's frames evenly in steps of "
      "at most 32, fewer where memory is short");
}

void PreviewOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "FILE...", "feature files (features/TAG/KEY.h5), several for several pictures");
  v.text("-o,--out", out, "PNG|DIR", "the picture; a folder (made) when there are several files");
  v.text("--tap", tap, "NAME", "which features (default: the file's default tap)");
  v.integer("--frames", frames, "N", {}, "how many frames to show, spread over the scene");
  v.integer("--columns", columns, "N", {}, "frames a row (0: by itself)");
  v.integer("--width", width, "PX", {}, "width of a frame in pixels");
  v.flag("--smooth", smooth, "bilinear colours instead of crisp cells");
}

void PromptOptions::visit(OptionVisitor& v) {
  v.text("--model", model, "PATH",
         "UMT5-XXL: models_t5_umt5-xxl-enc-bf16.pth, or a diffusers folder with text_encoder/");
  v.text("-o,--out", out, "FILE", "where to write the embedding (vega.prompt/1)");
  v.flag("--overwrite", overwrite, "replace an existing file");
}

}  // namespace vega::extract
