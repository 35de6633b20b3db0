#include "evaluate/profile_flops.h"

#include <vector>

#include "store/scene_file.h"

namespace vega::evaluate {
namespace {

constexpr double kCells = kTokenGrid * kTokenGrid;  // tokens of a frame

double real(std::int64_t value) { return static_cast<double>(value); }

// Each weight matrix meets every row once.
double product_flops(const std::vector<ParameterSpec>& specs, double rows) {
  double out = 0;
  for (const ParameterSpec& spec : specs)
    if (spec.shape.size() == 2) out += 2 * real(element_count(spec.shape)) * rows;
  return out;
}

}  // namespace

double projector_flops(const ProjectorConfig& config, double tokens) {
  return product_flops(projector_specs(config), tokens);
}

double fusion_flops(const FusionConfig& config, double frames) {
  std::vector<ParameterSpec> tokens, question;
  for (ParameterSpec& spec : fusion_specs(config))
    (spec.name.starts_with("ctx_") ? question : tokens).push_back(std::move(spec));
  double out = product_flops(tokens, frames * kCells) + product_flops(question, 1);
  if (config.method == FusionMethod::kCrossAttention)  // scores and sums of the tokens of a frame
    out += real(config.layers) * frames * 4 * kCells * kCells * real(config.width);
  return out;
}

double decoder_flops(const qwen2::Config& c, double prefix, double rest) {
  const double all = prefix + rest, last = prefix > 0 ? 2 : 1;
  const double inner = real(c.heads * c.head_dim), keys = real(c.kv_heads * c.head_dim);
  const double hidden = real(c.hidden);
  const double into = 2 * hidden * (inner + 2 * keys);                   // a token: q, k, v
  const double out = 2 * inner * hidden + 2 * 3 * hidden * real(c.mlp);  // o, gate, up, down
  const double pairs = all * (all + 1) / 2;
  return real(c.layers) * (into * all + 4 * inner * pairs) +
         out * (real(c.layers - 1) * all + last);
}

double head_flops(const qwen2::Config& c) { return 2 * real(c.hidden) * real(c.vocab); }

}  // namespace vega::evaluate
