#include "extract/options.h"

#include <set>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "models/backbone.h"

namespace vega::extract {
namespace {

constexpr Choice<bool> kExif[] = {
    {true, "apply", "turn them upright"},
    {false, "ignore", "take the pixels as stored (always so where poses or intrinsics are there)"}};

constexpr Choice<Compat> kCompat[] = {
    {Compat::kReference, "reference",
     "the released pipeline's numbers (re-encoded frames of a .sens, bf16 latent constants when "
     "computing in bf16, view mllm where the model's vega_model.json names none)"},
    {Compat::kFixed, "fixed",
     "original frames, fp32 constants, view stretch where the model's vega_model.json names none"}};

NoiseChoice noise_option(const std::string& option, const std::string& text) {
  if (text == "v1") return {NoiseKind::kV1, "", text};
  if (text == "zero") return {NoiseKind::kZero, "", text};
  const std::string stored = "stored:";
  if (text.starts_with(stored) && text.size() > stored.size())
    return {NoiseKind::kStored, text.substr(stored.size()), text};
  throw UsageError(explain(option, "'" + text + "'", "v1, zero or stored:FILE"));
}

std::string name_option(const std::string&, const std::string& text) {
  return backbone_entry(text).name;
}

// "10,12,20:28:2": the end of a range is included. Ascending and distinct.
std::vector<std::int64_t> list_option(const std::string& option, const std::string& text,
                                      WholeRange range) {
  const auto refuse = [&] {
    throw UsageError(explain(option, "'" + text + "'",
                             "whole numbers and ranges a:b:step, separated by commas, " +
                                 std::to_string(range.least) + " to " +
                                 std::to_string(range.most)));
  };
  std::set<std::int64_t> out;
  for (const std::string& part : comma_parts(text)) {
    std::vector<std::int64_t> ends;
    std::istringstream in(part);
    for (std::string end; std::getline(in, end, ':');) {
      const auto value = parse_whole(end);
      if (!value || *value < range.least || *value > range.most) refuse();
      ends.push_back(*value);
    }
    if (part.ends_with(':') || ends.empty() || ends.size() > 3) refuse();
    const std::int64_t step = ends.size() == 3 ? ends[2] : 1;
    if (step == 0) refuse();
    for (auto value = ends[0]; value <= (ends.size() > 1 ? ends[1] : ends[0]); value += step)
      out.insert(value);
  }
  if (out.empty()) refuse();
  return {out.begin(), out.end()};
}

constexpr WholeRange kBlocks{0, 10000};

std::vector<std::int64_t> blocks_option(const std::string& option, const std::string& text) {
  return list_option(option, text, kBlocks);
}

std::vector<std::int64_t> timesteps_option(const std::string& option, const std::string& text) {
  return list_option(option, text, kTimesteps);
}

std::string backbone_help() {
  std::string out;
  for (const BackboneEntry& entry : backbones())
    out += (out.empty() ? "" : "; ") + std::string(entry.name) + ": " + entry.what;
  return out;
}

void visit_size(FeatureOptions& o, OptionVisitor& v) {
  v.parsed("--size", o.size, "WxH", "", size_option,
           "pixels the network sees, multiples of 16 (the release: 832x480 or 1280x720; default: "
           "what the model's vega_model.json says, else 832x480; siglip: always 384x384; "
           "qwen2.5-vl: the picture that --view spatial makes of the frames, 504x392 of 4:3, "
           "504x280 of 16:9, 504x504 of square and upright ones)");
}

void visit_precision(FeatureOptions& o, OptionVisitor& v) {
  v.choice("--precision", o.precision, kPrecisions, "");
}

void visit_frames(FeatureOptions& o, OptionVisitor& v) {
  v.group("Frames");
  v.parsed("--candidates", o.candidates, "all|every:K", "", candidates_option,
           "frames to choose from; every:K: ids that are multiples of K (default: every:10 of a "
           ".sens, as released, else all)");
  v.parsed("--select", o.select, "HOW", o.select.text, selection_option,
           "uniform:N (spread over the scene), stride:K, fps:R (nearest time stamps), list:FILE "
           "(frame ids), frames:DIR (ids of DIR/KEY.h5)");
  v.choice("--jpeg", o.jpeg, kJpegModes, "frames of a .sens (default: by --compat)");
  v.choice("--exif", o.source.exif, kExif,
           "plain pictures whose EXIF data say how the camera was held");
  v.integer("--stream", o.source.stream, "N", {-1, 1000},
            "video stream of the file; -1: the first that is no cover picture");
  v.choice("--on-decode-error", o.source.on_decode_error, kOnDecodeError,
           "a frame that cannot be decoded");
  v.choice("--view", o.view, kViews,
           "what the network sees (default: by --preset, else what the model's vega_model.json "
           "says, else by --compat; siglip: mllm or center_crop; qwen2.5-vl: spatial)");
  v.choice("--preset", o.preset, kModelPresets,
           "--view as a released model saw the frames; video3d-llm has a vision tower only, "
           "--backbone siglip");
  visit_size(o, v);
}

void visit_network(FeatureOptions& o, OptionVisitor& v) {
  v.group("Backbone");
  v.parsed("--backbone", o.backbone, "NAME", o.backbone, name_option, backbone_help());
  v.text("--model", o.model, "DIR",
         "folder of the checkpoint. wan: original or diffusers layout, or a run of vega-train "
         "world; siglip: Hugging Face's, or a LLaVA-Video, Video-3D-LLM or VEGA checkpoint with "
         "its tower; qwen2.5-vl: Qwen2.5-VL, or VEGA-3D's spatial model");
  v.text("--prompt", o.prompt, "FILE",
         "embedding of the empty text, .pt or .h5 (default: prompt.h5, prompt.pt or "
         "wan_prompt_embedding.pt in --model)");
  v.text("--recipe", o.recipe, "DIR",
         "block, timestep, shift, size and view that a VEGA-3D checkpoint was trained with, from "
         "its config.json; of VEGA-3D's spatial model also its own diffusion transformer and "
         "--pool native");
  v.text("--generative-weights", o.generative_weights, "checkpoint|DIR",
         "whose diffusion transformer a --recipe of VEGA-3D's spatial model means: the "
         "checkpoint's own, or that of a folder of Wan2.1-T2V, which then stands for --model too "
         "(default: its own, where it has one)");
  v.open_integer("--block", o.block, "N", kBlocks,
                 "transformer block whose output is taken, zero-based (default: what the model's "
                 "vega_model.json says, else 20)");
  v.parsed("--blocks", o.blocks, "LIST", "", blocks_option,
           "several blocks in one pass instead, each a tap of its own: 10,12,20 or 10:28:2 (28 "
           "included)");
  v.open_integer("--timestep", o.timestep, "T", kTimesteps,
                 "noise level as asked (default: likewise, else 300)");
  v.parsed("--timesteps", o.timesteps, "LIST", "", timesteps_option,
           "several noise levels instead, a pass of the transformer each: 0:1000:100 (1000 "
           "included); frames are encoded once");
  v.open_real("--shift", o.shift, "F", {.least = 0, .above_least = true},
              "shift of the flow-matching schedule (default: likewise, else 5)");
  v.choice("--schedule", o.schedule, wan::kSchedules, "");
}

void visit_pool(FeatureOptions& o, OptionVisitor& v) {
  v.parsed("--pool", o.pool, "HxW|native", "", pool_option,
           "grid the tokens are averaged to (default: 14x14; siglip: native, 27x27; qwen2.5-vl: "
           "native)");
}

void visit_backbone(FeatureOptions& o, OptionVisitor& v) {
  visit_network(o, v);
  v.parsed("--noise", o.noise, "v1|zero|stored:FILE", o.noise.text, noise_option,
           "v1: counter-based, a function of seed, scene and frame alone; stored: a vega.noise "
           "file");
  v.integer("--seed", o.seed, "N", {}, "seed of the noise");
  visit_pool(o, v);
}

}  // namespace

View view_of(ModelPreset preset) {
  return preset == ModelPreset::kVideo3dLlm ? View::kCenterCrop : View::kMllm;
}

std::optional<View> chosen_view(std::optional<View> view, std::optional<ModelPreset> preset) {
  if (!preset) return view;
  const View wanted = view_of(*preset);
  if (view && *view != wanted)
    throw UsageError(explain(
        "--view " + std::string(name_of(*view)),
        "--preset " + std::string(name_in<ModelPreset>(kModelPresets, *preset)) + " beside it",
        "--view " + std::string(name_of(wanted)), "leave one of them out"));
  return wanted;
}

PoolGrid pool_option(const std::string& option, const std::string& text) {
  if (text == "native") return {0, 0, text};
  const auto x = text.find('x');
  const auto side = [&](std::string_view part) {
    const auto value = parse_whole(part);
    if (x != text.npos && value && *value >= 1 && *value <= 1024) return *value;
    throw UsageError(
        explain(option, "'" + text + "'", "HxW (rows and columns, each 1 to 1024) or native"));
  };
  const std::string_view all = text;
  return {side(all.substr(0, x)), side(all.substr(x == text.npos ? x : x + 1)), text};
}

Candidates candidates_option(const std::string&, const std::string& text) {
  return parse_candidates(text);
}

Selection selection_option(const std::string&, const std::string& text) {
  return parse_selection(text);
}

void FeatureOptions::visit(OptionVisitor& v) {
  items.visit(v,
              {.help = "scenes: folders of frames, .sens files, videos (the layouts stand below)",
               .root = true});
  visit_frames(*this, v);
  visit_backbone(*this, v);
  v.group("Numbers");
  v.choice("--compat", compat, kCompat, "");
  v.choice("--latent-constants", latent_constants, kComputeTypes,
           "latent mean and deviation (default: by --compat)");
  v.choice("--store-dtype", store_dtype, kFloatTypes, "type of the stored tokens");
  device.visit(v);
  visit_precision(*this, v);
  output.visit(v, "results go to DIR/TAG/KEY.h5",
               "folder of this recipe (default: <model>-<WxH>-<view>-<pool>)");
  v.flag("--no-thumbs", no_thumbs, "store no thumbnails (preview needs them)");
  run.visit(v,
            "compute nothing: say what each scene lacks, and what a run would take; reads no "
            "weight");
}

void ProfileOptions::visit(OptionVisitor& v) {
  visit_network(features, v);
  visit_pool(features, v);
  visit_size(features, v);
  features.device.visit(v);
  visit_precision(features, v);
  v.group("Output");
  v.integer("--frames", frames, "N", {1, 1 << 16}, "frames that are timed");
  v.flag("--no-roofline", no_roofline, "do not measure what the machine can do beside it");
  v.text("-o,--out", out, "FILE.json", "write the table to this file instead (vega.operators/1)");
  RunOptions::visit_threads(v, features.run.threads);
}

void PreviewOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "FILE...", "feature files (features/TAG/KEY.h5), several for several pictures");
  v.text("-o,--out", out, "PNG|DIR", "the picture; a folder (made) when there are several files");
  v.text("--tap", tap, "NAME", "which features (default: the file's default tap)");
  v.integer("--frames", frames, "N", {.least = 1},
            "how many frames to show, spread over the scene");
  v.integer("--columns", columns, "N", {0, 64}, "frames a row; 0: by itself");
  v.integer("--width", width, "PX", {16, 4096}, "width of a frame in pixels");
  v.flag("--smooth", smooth, "bilinear colours instead of crisp cells");
  v.flag("--compare", compare,
         "one picture of all files, which are features of one scene: a row of frames, then a row "
         "of colours for each file");
}

void PromptOptions::visit(OptionVisitor& v) {
  v.text("--model", model, "PATH",
         "UMT5-XXL: models_t5_umt5-xxl-enc-bf16.pth, or a diffusers folder with text_encoder/");
  v.text("-o,--out", out, "FILE", "where to write the embedding (vega.prompt/1)");
  v.flag("--overwrite", overwrite, "replace an existing file");
}

}  // namespace vega::extract
