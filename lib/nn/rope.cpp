#include "nn/rope.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <string>

#include "core/check.h"

namespace vega {
namespace {

constexpr const char* kRope = "rope_table";

void check_sections(const std::array<std::int64_t, 3>& sections, std::int64_t half) {
  std::int64_t sum = 0;
  bool negative = false;
  for (const std::int64_t section : sections) {
    sum += section;
    negative |= section < 0;
  }
  check_that(!negative && (sum == 0 || sum == half), kRope, "sections",
             std::to_string(sections[0]) + ", " + std::to_string(sections[1]) + ", " +
                 std::to_string(sections[2]),
             "counts that sum to half the head width, " + std::to_string(half));
}

}  // namespace

RopeTable rope_table(const at::Tensor& positions, std::int64_t head_dim, double theta,
                     const std::array<std::int64_t, 3>& sections, at::ScalarType dtype,
                     at::Device device) {
  const c10::NoGradGuard no_grad;
  check_that(head_dim > 0 && head_dim % 2 == 0, kRope, "head_dim", std::to_string(head_dim),
             "an even number");
  check_that(theta > 0, kRope, "theta", std::to_string(theta), "more than 0");
  check_dtype(kRope, "positions", positions, {at::kLong});
  check_device(kRope, "positions", positions, at::kCPU);
  check_sections(sections, head_dim / 2);
  const bool three = sections[0] + sections[1] + sections[2] > 0;
  if (three)
    check_shape(kRope, "positions", positions, {3, kAny});
  else
    check_shape(kRope, "positions", positions, {kAny});
  // The operations of transformers in their order: at 6,800 tokens a power that is one unit off
  // would turn a pair by 4e-4.
  const at::Tensor exponents =
      at::arange(0, head_dim, 2, at::kLong).to(at::kFloat) / static_cast<double>(head_dim);
  const at::Tensor frequencies = at::reciprocal(at::pow(theta, exponents));
  const auto angles = [&](const at::Tensor& component, std::int64_t first, std::int64_t count) {
    return component.to(at::kFloat).unsqueeze(1) * frequencies.narrow(0, first, count);
  };
  at::Tensor all;
  if (three) {
    std::vector<at::Tensor> pieces;
    std::int64_t first = 0;
    for (std::int64_t n = 0; n < 3; ++n) {
      const std::int64_t count = sections[static_cast<std::size_t>(n)];
      pieces.push_back(angles(positions[n], first, count));
      first += count;
    }
    all = at::cat(pieces, 1);
  } else {
    all = angles(positions, 0, head_dim / 2);
  }
  const auto placed = [&](const at::Tensor& table) {
    return table.to(dtype).to(device).contiguous();
  };
  return {placed(at::cos(all)), placed(at::sin(all))};
}

}  // namespace vega
