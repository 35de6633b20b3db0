#include <memory>

#include "cli/file_verbs.h"
#include "cli/programs.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "extract/features.h"
#include "extract/preview.h"
#include "extract/prompt.h"
#include "extract/scene_verb.h"

namespace vega::cli {
namespace {

Context context_of(const Common& common) {
  return {common.progress_mode(), print_manifest, print_text};
}

template <typename Options>
Verb verb(const std::string& name, const std::string& summary, const std::string& details,
          extract::Report (*run)(const Options&, const Context&)) {
  auto options = std::make_shared<Options>();
  return {
      name, summary, details, [options](OptionVisitor& v) { options->visit(v); },
      [options, run](const Common& common) { return run(*options, context_of(common)).exit_code; }};
}

constexpr auto kFeatures =
    R"(Writes one HDF5 file a scene: tokens (frames, rows, columns, channels), poses, cameras, thumbnails. Every
finished scene is a line KEY<TAB>PATH on stdout. A scene that is complete with the same key is skipped; one
made with other options is refused, with the difference spelled out.

Examples:
  vega-extract features scans/scene0000_00 --model Wan2.1-T2V-1.3B --device cuda -o features
  vega-extract features kitchen --backbone rgb --view stretch --select uniform:64 -o features
  vega-extract features --root data --list scans.txt --model Wan2.1-T2V-1.3B --dry-run --report audit.json
  vega-extract features walk.mp4 --model Wan2.1-T2V-1.3B --select fps:2 --blocks 10,20 --timesteps 0:1000:100

See also: preview, inspect, verify; docs/formats.md)";

constexpr auto kScene =
    R"(Writes one HDF5 file a scene: depth, axis-aligned poses and original pictures of the chosen frames, world
coordinates of the 14x14 patches, objects with boxes and, for each frame, the pixels of every patch inside them. A
raw ScanNet scan needs .sens, .txt, _vh_clean_2.ply, segs.json and aggregation.json; no pickle, no exported frames.
Depth and poses are required; mesh and annotation give the objects, an alignment that is absent is the identity.

Examples:
  vega-extract scene scans/scene0000_00 --masks mask/ --labels scannetv2-labels.combined.tsv -o scenes
  vega-extract scene kitchen --select mc-ratio95 --compat fixed -o scenes

See also: features, inspect, verify; docs/formats.md)";

constexpr auto kPreview =
    R"(Source frames above the PCA colours of their features: alike tokens have alike colours, in all frames of a
scene. The outline on a frame is the part that the network saw.

Examples:
  vega-extract preview features/rgb-832x480-mllm-14x14/kitchen.h5 -o kitchen.png
  vega-extract preview --frames 6 --smooth features/*/kitchen.h5 -o pictures

See also: features)";

constexpr auto kPrompt =
    R"(Wan2.1 is run with an empty prompt, and the embedding of the empty text is one row of 4096 numbers. This verb
computes it from the text encoder in a closed form: no tokeniser, no GPU, under 2 GB of memory. It is right,
but not bit-equal to the file VEGA ships, which was made in bf16 arithmetic (1-2 % away).

Examples:
  vega-extract prompt --model Wan2.1-T2V-1.3B -o Wan2.1-T2V-1.3B/prompt.h5
  vega-extract prompt --model Wan2.1-T2V-1.3B-Diffusers -o prompt.h5

See also: features --prompt)";

constexpr auto kExport =
    R"(Features for other programs. pt: torch.load(weights_only=True) gives a dict: tokens, cell_to_px, frame_id,
time_s, world_from_cam, K_color, size_color, thumbnails, and metadata (JSON as bytes). safetensors: the same
tensors, metadata in the header. npy: the tokens alone. A file that is there and equal is left as it is; another
one is refused. --as writes what VEGA-3D's offline mode loads: DIR/data/scannet/ROOT/KEY/FILE.pt.

Examples:
  vega-extract export features/wan-832x480-mllm-14x14/scene0000_00.h5 --format safetensors -o export
  vega-extract export features/wan-832x480-mllm-14x14/*.h5 --as wan2.1-vace-1.3B-middle20-timestep300 -o VEGA-3D

See also: import, inspect; docs/formats.md)";

constexpr auto kImport =
    R"(Features of any backbone, for every later stage: one HDF5 file a scene, as 'features' writes it. The array has
four axes and floating-point values; .pt files are read without executing anything. What 'export' wrote as pt or
safetensors needs no option at all.

Examples:
  vega-extract import dino/kitchen.npy --layout vhwc --frames ids.txt --frame-size 640x480 \
      --view stretch --size 518x518 --tag dinov2-518 -o features
  vega-extract import vggt/*.pt --name patch_tokens --layout vchw --frames features/rgb-832x480-mllm-14x14 \
      --cell-to-px cells.txt --tag vggt -o features
  vega-extract import export/scene0000_00.safetensors -o elsewhere

See also: export, inspect, verify, preview; docs/formats.md)";

// The verbs that trade files with other programs.
template <typename Options>
Verb exchange_verb(const std::string& name, const std::string& summary, const std::string& details,
                   RunResult (*run)(const Options&, const exchange::Manifest&)) {
  auto options = std::make_shared<Options>();
  return {name, summary, details, [options](OptionVisitor& v) { options->visit(v); },
          [options, run](const Common&) { return run(*options, print_manifest).exit_code; }};
}

}  // namespace

Program extract_program() {
  Program p{.name = "vega-extract", .summary = "Scenes in, backbone features out (HDF5)."};
  p.details = "Run 'vega-extract VERB --help' for the options of a verb.";
  p.verbs.push_back(
      verb("features", "compute the features of scenes", kFeatures, extract::run_features));
  p.verbs.push_back(verb("scene", "collect depth, poses, patch coordinates and objects of scenes",
                         kScene, extract::run_scene));
  p.verbs.push_back(
      verb("preview", "draw a contact sheet of a feature file", kPreview, extract::run_preview));
  p.verbs.push_back(
      verb("prompt", "make the embedding of the empty prompt", kPrompt, extract::run_prompt));
  p.verbs.push_back(exchange_verb("export",
                                  "write features for other programs: pt, safetensors, npy",
                                  kExport, exchange::run_export));
  p.verbs.push_back(exchange_verb("import", "take features of other programs over", kImport,
                                  exchange::run_import));
  for (auto& shared : file_verbs(p.name)) p.verbs.push_back(std::move(shared));
  return p;
}

}  // namespace vega::cli
