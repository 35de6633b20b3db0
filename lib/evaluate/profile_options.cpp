#include "evaluate/profile_options.h"

namespace vega::evaluate {

void ProfileVerb::visit(OptionVisitor& v) {
  v.inputs(inputs, "KEY",
           "a scene of --semantic, --features and --scenes; without it inputs of the same shapes "
           "are made up");
  v.group("What is measured");
  v.flag("--cached", cached, "with generative features from a file, or in memory where made up");
  v.flag("--online", online, "also with the diffusion model, which --model names");
  v.group("Model");
  visit_checkpoint(v);
  visit_weights(v);
  v.parsed("--size", size, "WxH", "", size_option,
           "pixels that the diffusion model sees (default: those of training, else 832x480)");
  v.group("Scene");
  visit_files(v);
  v.integer("--frames", frames, "N", {1, 4096}, "frames of a made-up scene");
  v.text("--question", question, "TEXT", "what is asked");
  v.group("Measurement");
  v.integer("--repeats", repeats, "N", {1, 10000}, "measured runs of each setting");
  v.integer("--warmup", warmup, "N", {0, 1000}, "runs before them that are not counted");
  visit_device(v);
  v.group("Output");
  v.choice("--format", format, kTableFormats, "of the table on stdout");
  v.text("-o,--out", out, "FILE", "the profile as JSON (vega.profile/1)");
  v.text("--plot", plot, "FILE", "the four panels beside the paper's: .svg, .pdf or .png");
}

}  // namespace vega::evaluate
