#include "fuse/options.h"

namespace vega::fuse {

void TokensOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "FEATURES...", "generative feature files (features/TAG/KEY.h5)");
  v.group("Input");
  v.text("--list", list, "FILE|-",
         "feature files from a list instead: PATH or KEY<TAB>PATH a line; - reads stdin");
  v.text("--shard", shard, "i/n|auto",
         "only the lines whose number modulo n is i (from 0); auto: by the task of a SLURM array");
  v.text("--tap", tap, "NAME", "which generative features (default: the file's default tap)");
  v.text("--semantic", semantic, "DIR",
         "semantic features of the same scenes: DIR/KEY.h5, 27x27 cells");
  v.text("--semantic-tap", semantic_tap, "NAME", "which of them (default: the file's default tap)");
  v.text(
      "--scenes", scenes, "DIR",
      "scene files DIR/KEY.h5: positions of the cells and features of the objects are stored too");

  v.group("Fusion");
  v.text(
      "--checkpoint", checkpoint, "DIR|FILE",
      "projectors and gate: a VEGA-3D checkpoint in safetensors, or one that was written by vega; "
      "without it seeded initial values, and the output says so (trained = 0)");
  v.flag("--initial-values", initial_values,
         "seeded initial values for what the --checkpoint lacks (a base model has no gate)");
  v.text("--method", method, "NAME",
         "token_gated, gated, add, only, concat, weighted, cross_attention (default: the "
         "checkpoint's, else token_gated)");
  v.text("--form", form, "raw|normed|residual",
         "of a token gate: the paper's formula, the main release, the spatial-reasoning release "
         "(default: the checkpoint's, else normed)");
  v.text(
      "--align", align, "reference|pixel",
      "reference: cell by cell, as released, though the generative view may be a crop; pixel: "
      "generative features where the semantic cell looks, semantic tokens where they see nothing");
  v.text("--pool-mode", pool_mode, "bilinear",
         "of the 27x27 semantic tokens to 14x14; average and max leave 13x13 and are refused");
  v.text("--objects", objects, "patch14|patch27|none",
         "features of the objects of --scenes: mean of the un-fused 27x27 tokens, or of the fused "
         "14x14 tokens, that an object covers");
  v.text("--projector", projector, "TYPE",
         "initial values: linear, mlpNx_gelu, mlpNx_resMx_gelu, identity");
  v.integer("--width", width, "H", {}, "initial values: width of the language model");
  v.integer("--seed", seed, "N", {}, "initial values: their seed");
  v.flag("--allow-mismatch", allow_mismatch,
         "though the features are of another block, timestep, shift, size or view than the "
         "checkpoint was trained on");

  v.group("Output");
  v.text("-o,--out", out, "DIR", "results go to DIR/TAG/KEY.h5");
  v.text(
      "--tag", tag, "TAG",
      "folder of this recipe (default: <features>-<method>[-<form>]-<checkpoint or seed>[-pixel])");
  v.text("--parts", parts, "LIST", "which tokens are stored: semantic,generative,fused");
  v.text("--store-dtype", store_dtype, "bf16|fp32", "type of the stored tokens");
  v.flag("--no-thumbs", no_thumbs, "store no thumbnails (preview shows them)");

  v.group("Run");
  v.text("--device", device, "cpu|cuda[:n]", "where to compute");
  v.text("--dtype", dtype, "fp32|bf16", "compute type (default: fp32 on cpu, bf16 on cuda)");
  v.text("--batch", batch, "N", "frames a step on cuda (the last one is padded)");
  v.integer("--threads", threads, "N", {},
            "worker threads; 0: all cores; on the cpu one frame a worker");
  v.flag("--overwrite", overwrite, "compute again what is there, whatever its recipe");
  v.flag(
      "--dry-run", dry_run,
      "compute nothing: whether the inputs of every scene belong together, what is there already, "
      "what would be written");
  v.flag("--fail-fast", fail_fast, "stop at the first scene that fails");
  v.text("--report", report, "FILE.json", "outcome, times and coverage of every scene");
}

}  // namespace vega::fuse
