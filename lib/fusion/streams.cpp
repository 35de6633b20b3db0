#include "fusion/streams.h"

#include <ATen/ATen.h>

#include "fusion/pool.h"
#include "store/scene_file.h"

namespace vega {

Streams project(const StreamModules& modules, const at::Tensor& semantic,
                const at::Tensor& generative) {
  Streams out;
  if (semantic.defined()) {
    out.encoded = modules.semantic->forward(semantic);
    out.semantic = resize_tokens(out.encoded, {kCellGrid, kCellGrid}, {kTokenGrid, kTokenGrid});
  }
  if (generative.defined()) out.generative = modules.generative->forward(generative);
  return out;
}

void fuse_streams(const Fusion& fusion, const FusionInputs& inputs, const at::Tensor& uncovered,
                  Streams& streams) {
  const at::Tensor semantic =
      streams.semantic.defined() ? streams.semantic : at::zeros_like(streams.generative);
  FusionTrace trace;
  streams.fused = fusion.forward(semantic, streams.generative, inputs, &trace);
  streams.gate = trace.semantic_weight.defined() ? trace.semantic_weight : trace.gate;
  if (streams.gate.defined())
    streams.gate = streams.gate.expand({streams.fused.size(0), streams.fused.size(1)}).clone();
  if (!uncovered.defined()) return;
  const at::Tensor kept = fusion.semantic_alone(semantic);
  streams.fused = at::where(uncovered.unsqueeze(-1), kept, streams.fused);
  if (streams.gate.defined())
    streams.gate = at::where(uncovered, at::ones_like(streams.gate), streams.gate);
}

}  // namespace vega
