// What `vega-fuse tokens` computes, put together here from the modules of lib/fusion.
#pragma once

#include <ATen/Parallel.h>

#include <vector>

#include "fuse_samples.h"
#include "fusion/pool.h"

namespace vega::test {

struct Expected {
  at::Tensor encoded, semantic, generative, fused, gate, weight;
};

// Frame by frame on one thread, as the stage does: equal operations give equal bits.
inline Expected compose(const Weights& w, const at::Tensor& semantic, const at::Tensor& generative,
                        const Placement& placement = {}) {
  at::set_num_threads(1);
  const Projector project_s(w.semantic, w.values.semantic, placement);
  const Projector project_g(w.generative, w.values.generative, placement);
  const Fusion fusion(w.fusion, w.values.fusion, placement);
  std::vector<at::Tensor> encoded, pooled, projected, fused, gate, weight;
  for (std::int64_t v = 0; v < generative.size(0); ++v) {
    const auto one = [&](const at::Tensor& x) {
      return x.slice(0, v, v + 1).reshape({1, -1, x.size(-1)});
    };
    projected.push_back(project_g.forward(one(generative)));
    if (semantic.defined()) {
      encoded.push_back(project_s.forward(one(semantic)));
      pooled.push_back(resize_tokens(encoded.back(), {27, 27}, {14, 14}));
    } else {
      pooled.push_back(at::zeros_like(projected.back()));
    }
    FusionTrace trace;
    fused.push_back(fusion.forward(pooled.back(), projected.back(), {}, &trace));
    if (trace.gate.defined()) gate.push_back(trace.gate);
    if (trace.semantic_weight.defined()) weight.push_back(trace.semantic_weight);
  }
  const auto all = [](const std::vector<at::Tensor>& parts) {
    return parts.empty() ? at::Tensor() : at::cat(parts).to(at::kFloat);
  };
  return {all(encoded), all(pooled), all(projected), all(fused), all(gate), all(weight)};
}

}  // namespace vega::test
