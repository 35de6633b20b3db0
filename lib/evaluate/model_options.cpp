#include "evaluate/model_options.h"

#include "base/parallel.h"
#include "vlm/base_option.h"

namespace vega::evaluate {

void ModelOptions::visit_checkpoint(OptionVisitor& v) {
  v.text("--checkpoint", checkpoint, "DIR",
         "a VEGA-3D, Video-3D-LLM or LLaVA-Video checkpoint, a LoRA folder of PEFT or LLaVA, or a "
         "run of vega-train (its newest checkpoint) or one checkpoint of it; for answer SCENE "
         "--ask and answer vsi Qwen2.5-VL");
  vlm::visit_base(v, base);
}

void ModelOptions::visit_files(OptionVisitor& v) {
  v.text("--scenes", scenes, "DIR", "scene files DIR/KEY.h5 of vega-extract scene");
  v.text("--semantic", semantic, "DIR",
         "semantic features DIR/KEY.h5 of vega-extract features --backbone siglip");
  v.text("--features", features, "DIR", "generative features DIR/KEY.h5");
  v.text("--tap", tap, "NAME", "which generative features (default: the file's default tap)");
}

void ModelOptions::visit_weights(OptionVisitor& v) {
  v.text("--tower", tower, "DIR", "vision tower (default: the checkpoint's own)");
  v.text("--model", model, "DIR", "diffusion model of the generative features");
  v.text("--prompt", prompt, "FILE", "its text embedding (default: beside the model)");
}

void ModelOptions::visit_device(OptionVisitor& v) {
  DeviceOptions::visit_device(v, device.device, "where to compute");
  v.choice("--dtype", device.dtype, kComputeTypes,
           "compute type (default: fp32 on cpu, bf16 on cuda)");
  RunOptions::visit_threads(v, threads);
}

int ModelOptions::workers() const {
  return threads > 0 ? static_cast<int>(threads) : available_cores();
}

}  // namespace vega::evaluate
