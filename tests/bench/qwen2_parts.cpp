#include "bench/qwen2_parts.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstddef>

#include "base/philox.h"

namespace vega::bench {

qwen2::Config half_b() {
  return {.hidden = 896,
          .layers = 24,
          .heads = 14,
          .kv_heads = 2,
          .head_dim = 64,
          .mlp = 4864,
          .vocab = 151936,
          .max_positions = 32768,
          .norm_eps = 1e-6,
          .rope_theta = 1e6,
          .rope_sections = {},
          .tied = true};
}

qwen2::Config seven_b() {
  qwen2::Config c = half_b();
  c.hidden = 3584;
  c.layers = 28;
  c.heads = 28;
  c.kv_heads = 4;
  c.head_dim = 128;
  c.mlp = 18944;
  c.vocab = 152064;
  c.tied = false;
  return c;
}

std::vector<std::int64_t> prompt_ids(std::int64_t tokens) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < tokens; ++i) ids.push_back(7919 * i % 151000);
  return ids;
}

at::Tensor made_up(const std::string& name, at::IntArrayRef shape) {
  const bool norm = name.find("norm") != std::string::npos;
  const double fan_in = static_cast<double>(shape.back());
  at::Tensor values = at::empty(shape, at::kFloat);
  uniform_tensor(1, name, norm ? 1 : 0, norm ? 0.2 : 1.7 / std::sqrt(fan_in), 0,
                 {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  return values;
}

void write_values(SafetensorsWriter& writer, const std::string& name, const at::Tensor& values,
                  at::ScalarType type) {
  const at::Tensor kept = values.to(type);
  writer.write(name, {static_cast<const std::byte*>(kept.const_data_ptr()), kept.nbytes()});
}

}  // namespace vega::bench
