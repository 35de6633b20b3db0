#include "evaluate/profile_options.h"

namespace vega::evaluate {
namespace {

constexpr Choice<TableFormat> kProfileFormats[] = {{TableFormat::kText, "text"},
                                                   {TableFormat::kMarkdown, "md"},
                                                   {TableFormat::kLatex, "latex"},
                                                   {TableFormat::kCsv, "csv"},
                                                   {TableFormat::kJson, "json"}};

}  // namespace

void ProfileVerb::visit(OptionVisitor& v) {
  v.inputs(inputs, "[KEY]",
           "a scene of --semantic, --features and --scenes; without it inputs of the same shapes "
           "are made up");
  v.group("What is measured");
  v.flag("--cached", cached, "with generative features from a file, or in memory where made up");
  v.flag("--online", online, "also with the diffusion model, which --model names");
  v.group("Model");
  v.text("--checkpoint", checkpoint, "DIR",
         "a VEGA-3D, Video-3D-LLM or LLaVA-Video checkpoint, or a LoRA folder");
  v.text("--base", base, "DIR", "of a LoRA folder: the model that it was trained on");
  v.text("--tower", tower, "DIR", "vision tower (default: the checkpoint's own)");
  v.text("--model", model, "DIR", "diffusion model of the generative features");
  v.text("--prompt", prompt, "FILE", "its text embedding (default: beside the model)");
  v.parsed("--size", size, "WxH", "", size_option,
           "pixels that the diffusion model sees (default: those of training, else 832x480)");
  v.group("Scene");
  v.text("--semantic", semantic, "DIR", "semantic features DIR/KEY.h5");
  v.text("--features", features, "DIR", "generative features DIR/KEY.h5");
  v.text("--scenes", scenes, "DIR", "scene files DIR/KEY.h5");
  v.text("--tap", tap, "NAME", "which generative features (default: the file's default tap)");
  v.integer("--frames", frames, "N", {1, 4096}, "frames of a made-up scene");
  v.text("--question", question, "TEXT", "what is asked");
  v.group("Measurement");
  v.integer("--repeats", repeats, "N", {1, 10000}, "measured runs of each setting");
  v.integer("--warmup", warmup, "N", {0, 1000}, "runs before them that are not counted");
  DeviceOptions::visit_device(v, device.device, "where to compute");
  v.choice("--dtype", device.dtype, kComputeTypes,
           "compute type (default: fp32 on cpu, bf16 on cuda)");
  RunOptions::visit_threads(v, threads);
  v.group("Output");
  v.choice("--format", format, kProfileFormats, "of the table on stdout");
  v.text("-o,--out", out, "FILE", "the profile as JSON (vega.profile/1)");
  v.text("--plot", plot, "FILE", "the four panels beside the paper's: .svg, .pdf or .png");
}

}  // namespace vega::evaluate
