// Which object is meant: features of objects, the grounding heads of the release, their losses.
// Source: VEGA-3D, llava_qwen.py, llava_arch.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/choice.h"
#include "nn/parameters.h"

namespace vega::vlm {

inline constexpr auto kGroundPrefix = "ground_head";  // of all its tensors

enum class GroundType {
  kInfoNce,  // cosine of two heads; one more row, the zero target, stands for "no object"
  kMlp,      // dot product of the objects with one head of the query
  kScore     // a third head on the product of two
};
inline constexpr Choice<GroundType> kGroundTypes[] = {
    {GroundType::kInfoNce, "infonce"}, {GroundType::kMlp, "mlp"}, {GroundType::kScore, "score"}};

struct GroundConfig {
  GroundType type = GroundType::kInfoNce;
  std::int64_t width = 3584, inner = 1024;  // inner: of kScore
  double temperature = 0.07;                // of the loss of kInfoNce
};

// Names below kGroundPrefix: "_zero_target", "_obj.0.weight", ...
std::vector<ParameterSpec> ground_specs(const GroundConfig& config);

class GroundHead {
 public:
  // `values` as ground_specs lists them. Throws InputError.
  GroundHead(const GroundConfig& config, const Parameters& values, const Placement& placement,
             bool requires_grad = false);
  // Over tensors as they are, of the placement's type: gradients flow into what they are made of.
  static GroundHead over(const GroundConfig& config, Parameters values, const Placement& placement);

  const GroundConfig& config() const { return config_; }
  bool has_zero_target() const { return config_.type == GroundType::kInfoNce; }

  // objects (N, H), query (H): the hidden state at the ground token; cast to the placement's type.
  // Returns (N), or (N + 1) with the zero target's score last, of that type. N may be 0.
  at::Tensor scores(const at::Tensor& objects, const at::Tensor& query) const;
  // The same of several queries (Q, H), the objects' head computed once: (Q, N) or (Q, N + 1). Sums
  // may be in another order than those of scores().
  at::Tensor scores_of_each(const at::Tensor& objects, const at::Tensor& queries) const;

  // positives: places of the objects that are meant; one that stands twice counts twice; none: the
  // zero target.
  //   infonce     -log(sum over positives of exp(s / T) / sum over all), float32 log-sum-exp
  //   mlp, score  binary cross-entropy, mean over N; positives weigh (N - p) / p; without any
  //               positive all weigh 1
  // Returns a float32 scalar (float64 of float64). Throws InputError (a place that is not there; no
  // object).
  at::Tensor loss(const at::Tensor& scores, std::span<const std::int64_t> positives) const;

  const Parameters& parameters() const { return values_; }

 private:
  at::Tensor head(const std::string& name, const at::Tensor& x) const;
  at::Tensor placed_objects(const at::Tensor& objects) const;

  GroundConfig config_;
  Placement placement_;
  Parameters values_;
};

// Mean of the tokens of the cells that belong to each object, float32.
// tokens (cells, H), any floating type; selected (N, cells) float32 of 0 and 1, same device.
// Sums in float32, the means rounded to `rounding`. Objects without a cell: 0. float64 tokens have
// float64 sums, and float64 rounding gives float64 means.
at::Tensor object_features(const at::Tensor& tokens, const at::Tensor& selected,
                           at::ScalarType rounding);

}  // namespace vega::vlm
