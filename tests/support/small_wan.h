// A small Wan model with random values, silent text parts, a written-down VAE and a record: what
// `vega-train world` writes, without the training.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <filesystem>
#include <string>

#include "models/wan/names.h"
#include "models/wan/write.h"

namespace vega::test {

inline at::Tensor normal_draws(const Shape& shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed)) * 0.2;
}

inline wan::DitConfig small_dit_config() {
  wan::DitConfig config;
  config.dim = 24, config.heads = 2, config.ffn_dim = 48, config.layers = 3, config.text_dim = 8;
  return config;
}

// Cross-attention's output projection is zero, as training keeps it.
inline WeightTable small_dit() {
  WeightTable out;
  std::uint64_t seed = 0;
  for (const NamedTensor& tensor : wan::dit_tensors(small_dit_config())) {
    const bool silent = tensor.canonical.find("cross_attn.o.") != std::string::npos;
    out[tensor.canonical] = silent ? at::zeros(tensor.shape) : normal_draws(tensor.shape, ++seed);
  }
  return out;
}

inline wan::LinearVae small_vae() {
  wan::LinearVaeFit fit;
  fit.add(normal_draws({4, 3, 64, 64}, 99).clamp(-1, 1));
  return fit.finish();
}

inline wan::ModelRecord small_record() {
  wan::ModelRecord r;
  r.block = 1, r.timestep = 250, r.shift = 3, r.size = {64, 48}, r.view = View::kNative;
  r.trained_on = "nothing at all", r.steps = 7, r.seeds = {1, 2}, r.parent = "runs/a";
  r.options.set("rate", 0.002);
  r.figures.set("auc", 0.95);
  return r;
}

}  // namespace vega::test
