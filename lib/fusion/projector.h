// From the width of an encoder to the width H of the language model: the projectors of the main
// release (`mm_projector`, `generative_projector`) and the merger of the spatial-reasoning release
// (`generative_merger`). GELU is the erf form; norms run in the placement's type with float32
// statistics. Forward passes record gradients where their inputs or parameters ask for it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/parameters.h"

namespace vega {

// linear | mlpNx_gelu | mlpNx_resMx_gelu | identity, 1 <= N <= 16, 0 <= M <= 16. identity needs
// in = out.
struct ProjectorConfig {
  std::string type = "mlp2x_gelu";
  std::int64_t in = 1536, out = 3584;
};

// Names (below `model.generative_projector.` or `model.mm_projector.`), shapes, initial values.
// Throws UsageError on a type that is not built (`pooler`: a strided convolution over the grid,
// which leaves 13 x 13 cells of 27 x 27, so that no stream of 14 x 14 fits it), InputError on
// widths.
std::vector<ParameterSpec> projector_specs(const ProjectorConfig& config);

// The configuration that the tensors imply; nothing when they are of no known projector (an empty
// map: identity of unknown width). A stack of linears without residual blocks is mlpNx_gelu.
std::optional<ProjectorConfig> projector_config_of(const WeightViews& views);

class Projector {
 public:
  // `values` as projector_specs lists them (initial_values or read_values). Throws InputError.
  Projector(ProjectorConfig config, const Parameters& values, const Placement& placement = {},
            bool requires_grad = false);
  // Over tensors as they are, of the placement's type: gradients flow into what they are made of.
  static Projector over(ProjectorConfig config, Parameters values, const Placement& placement);

  // tokens (..., in), any floating type, on the placement's device. Returns (..., out) in its type.
  at::Tensor forward(const at::Tensor& tokens) const;

  const ProjectorConfig& config() const { return config_; }
  const Parameters& parameters() const { return values_; }

 private:
  at::Tensor linear(const at::Tensor& x, const std::string& name) const;
  ProjectorConfig config_;
  Placement placement_;
  Parameters values_;
  std::int64_t linears_ = 0, blocks_ = 0;  // N and M of the type; 0: identity
};

// mlp: RMS norm of every patch (eps 1e-6), 2x2 patches side by side in the order (dy, dx, channel),
// Linear to `hidden`, GELU, Linear to `out`. avg: mean of the 2x2 patches instead, no norm.
struct MergerConfig {
  std::string type = "mlp";
  std::int64_t in = 1536, hidden = 4096, out = 2048;
};

// Names below `generative_merger.`. Throws UsageError on another type, InputError on widths.
std::vector<ParameterSpec> merger_specs(const MergerConfig& config);

// Nothing when the tensors are of no known merger.
std::optional<MergerConfig> merger_config_of(const WeightViews& views);

class Merger {
 public:
  Merger(MergerConfig config, const Parameters& values, const Placement& placement = {},
         bool requires_grad = false);
  // Over tensors as they are, of the placement's type: gradients flow into what they are made of.
  static Merger over(MergerConfig config, Parameters values, const Placement& placement);

  // patches (V, gh, gw, in) to (V, gh / 2, gw / 2, out); an odd last row or column is cut.
  at::Tensor forward(const at::Tensor& patches) const;

  const MergerConfig& config() const { return config_; }
  const Parameters& parameters() const { return values_; }

 private:
  MergerConfig config_;
  Placement placement_;
  Parameters values_;
};

}  // namespace vega
