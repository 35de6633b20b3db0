#include "exchange/options.h"

#include "base/error.h"

namespace vega::exchange {

void ExportOptions::visit(OptionVisitor& v) {
  items.visit(
      v,
      {.placeholder = "FILE...", .help = "feature files (features/TAG/KEY.h5)", .items = "files"});
  v.text("--tap", tap, "NAME", "which features (default: the file's default tap)");
  v.flag("--all-taps", all_taps, "every tap of the file, each in a file of its own: KEY/TAP.EXT");
  output.visit(v, "results go to DIR/KEY.EXT; with --as: the folder that has data/");
  v.choice("--format", format, kFormats, "");
  v.choice("--layout", layout, kLayouts, "order of the axes (default: vhwc; vchw with --as)");
  v.text(
      "--as", as, "MODEL_ID",
      "what the VEGA-3D release loads with generative_feature_source=offline: one plain tensor, in "
      "its folder and under its name; a wrong id lists the known ones");
  v.flag("--allow-mismatch", allow_mismatch,
         "with --as: though block or timestep are not those of the id");
  run.visit(v, nullptr, false);
}

void ImportOptions::visit(OptionVisitor& v) {
  items.visit(v, {.placeholder = "FILE...",
                  .help = ".pt, .safetensors, .npy or .npz, one a scene; or a folder of them: taps "
                          "of one scene",
                  .items = "files"});
  v.text("--name", recipe.name, "NAME",
         "which array of the file, nested dicts as a.b (default: the only one that fits)");
  v.choice("--layout", recipe.layout, kLayouts, "order of its axes");
  v.group("Frames and geometry");
  v.text(
      "--frames", recipe.frames, "FILE|DIR",
      "which frames these are: a text with one frame id a line, or a vega file whose ids, poses, "
      "cameras and thumbnails are taken over; DIR: DIR/KEY.h5");
  v.choice("--view", recipe.view, kViews, "how the backbone saw a frame");
  v.parsed("--size", recipe.size, "WxH", "", size_option,
           "pixels of the picture that the backbone saw, with --view");
  v.integer("--patch", recipe.patch, "N", {0, 65536},
            "with --view: pixels a side of the square that one token stands for, where these do "
            "not fill the picture (SigLIP at 384x384: 14); 0: they fill it");
  v.parsed("--frame-size", recipe.frame_size, "WxH", "", size_option,
           "pixels of the original frames, where --frames does not know them");
  v.parsed("--depth-size", recipe.depth_size, "WxH", "", size_option,
           "pixels of the depth images; only center_crop asks");
  v.text(
      "--cell-to-px", recipe.cell_to_px, "FILE",
      "instead of --view: [2,3] or [V,2,3] numbers (.npy, .npz, .safetensors, .pt, text, or a vega "
      "feature file) that take (col, row, 1) to pixels of the original frame");
  output.visit(v, "results go to DIR/TAG/KEY.h5", "folder of this backbone and recipe");
  v.text("--tap", recipe.tap, "NAME",
         "name of the features in the file (default: imported; of a folder, the stems)");
  v.integer("--block", recipe.block, "N", {.least = -1},
            "block they were taken from, for the record; -1: none");
  v.integer("--timestep", recipe.timestep, "T", {-1, 1000},
            "timestep they were taken at, for the record; -1: none");
  v.choice("--store-dtype", recipe.store_dtype, kFloatTypes,
           "type of the stored tokens (default: as in the file; float64 becomes fp32)");
  run.visit(v, nullptr, false);
}

ExportRecipe resolve(const ExportOptions& o) {
  ExportRecipe r;
  r.out = o.output.out;
  r.overwrite = o.output.overwrite;
  r.format = o.format;
  r.layout = o.layout.value_or(Layout::kVhwc);
  r.tap = o.tap;
  r.all_taps = o.all_taps;
  r.allow_mismatch = o.allow_mismatch;
  if (o.all_taps && !o.tap.empty())
    throw UsageError(explain("--all-taps", "--tap " + o.tap + " too", "one of them"));
  if (o.as.empty()) {
    if (o.allow_mismatch)
      throw UsageError(explain("--allow-mismatch", "no --as", "a MODEL_ID to compare with"));
    return r;
  }
  r.release = release_model(o.as);
  if (o.format != Format::kTorch)
    throw UsageError(explain("--as " + o.as, "--format " + std::string(name_of(o.format)),
                             "pt: torch.load reads it"));
  if (o.layout == Layout::kVhwc)
    throw UsageError(explain("--as " + o.as, "--layout vhwc", "vchw, the release's"));
  if (o.all_taps)
    throw UsageError(explain("--as " + o.as, "--all-taps", "one tap: it has one file a scene"));
  r.layout = Layout::kVchw;
  return r;
}

ImportRecipe resolve(const ImportOptions& o) {
  ImportRecipe r = o.recipe;
  r.out = o.output.out;
  r.tag = o.output.tag;
  r.overwrite = o.output.overwrite;
  if (!r.cell_to_px.empty() && r.view)
    throw UsageError(
        explain("--cell-to-px", "--view " + std::string(name_of(*r.view)) + " too", "one of them"));
  if (r.view && !r.size)
    throw UsageError(explain("--view " + std::string(name_of(*r.view)), "no --size",
                             "--size WxH, the picture that the backbone saw"));
  if (r.size && !r.view)
    throw UsageError(
        explain("--size " + to_string(*r.size), "no --view", "--view NAME --size WxH"));
  if (r.patch > 0 && !r.view)
    throw UsageError(
        explain("--patch " + std::to_string(r.patch), "no --view", "--view NAME --size WxH"));
  if (!r.tag.empty()) check_tag(r.tag);
  if (!r.tap.empty()) check_tag(r.tap, "--tap");
  return r;
}

}  // namespace vega::exchange
