// Qwen2.5-VL's vision tower against transformers'.
#include "models/qwen2_5_vl/tower.h"

#include <catch2/catch.hpp>
#include <iostream>

#include "base/error.h"
#include "core/device.h"
#include "qwen2_5_vl_samples.h"
#include "support/cuda.h"

using namespace vega;

namespace {

// transformers itself is up to 2.8e-6 from float64 in float32, and up to 2.6e-2 in bfloat16
// (qwen2_5_vl.json). A window too many, or a wrong turn, costs more than 1e-1.
constexpr double kTowerBar = 2e-5, kTowerHalfBar = 4e-2;

at::Tensor drawn_patches(const std::string& name, std::int64_t count, std::int64_t rows) {
  std::vector<float> values(static_cast<std::size_t>(count * rows * qwen2_5_vl::kPatchValues));
  uniform_tensor(42, "golden.qwen2_5_vl." + name, 0, 2, 0, values);
  return float_tensor(values, {count, rows, qwen2_5_vl::kPatchValues});
}

const test::OwnedTensors& weights() {
  static const test::OwnedTensors one = test::tiny_vision_weights();
  return one;
}

qwen2_5_vl::Tower make_tower(at::ScalarType dtype, at::Device device = at::kCPU) {
  return {weights(), test::tiny_vision_config(), {device, dtype}};
}

double far(const at::Tensor& got, const at::Tensor& want) {
  const at::Tensor a = got.cpu().to(at::kDouble), b = want.to(at::kDouble);
  REQUIRE(a.sizes() == b.sizes());
  return ((a - b).norm() / b.norm()).item<double>();
}

void check_goldens(at::ScalarType dtype, at::Device device, double bar) {
  const qwen2_5_vl::Tower tower = make_tower(dtype, device);
  for (const auto& member : test::qwen_vl_notes()["tower"].members()) {
    CAPTURE(member.name);
    const std::int64_t gh = member.value["grid"][0].whole().value();
    const std::int64_t gw = member.value["grid"][1].whole().value();
    const std::int64_t count = member.value["count"].whole().value();
    const at::Tensor tokens =
        tower.forward(drawn_patches(member.name, count, 4 * gh * gw).to(device), gh, gw);
    CHECK(tokens.scalar_type() == dtype);
    const at::Tensor some = tokens.slice(2, 0, tokens.size(2), 3);
    const double error = far(some, test::qwen_vl_golden("tower." + member.name));
    std::cout << "Qwen2.5-VL tower, " << member.name << ": " << error << "\n";
    CHECK(error < bar);
  }
}

}  // namespace

TEST_CASE("Qwen2.5-VL: tokens of the tower, whole and ragged windows") {
  check_goldens(at::kFloat, at::kCPU, kTowerBar);
  check_goldens(at::kBFloat16, at::kCPU, kTowerHalfBar);
}

TEST_CASE("Qwen2.5-VL: pictures do not see each other") {
  const qwen2_5_vl::Tower tower = make_tower(at::kFloat);
  const at::Tensor both = drawn_patches("even", 2, 64);
  const at::Tensor tokens = tower.forward(both, 4, 4);
  // With another number of rows float32's sums may be of another order.
  for (std::int64_t n = 0; n < 2; ++n)
    CHECK(far(tokens.narrow(0, n, 1), tower.forward(both.narrow(0, n, 1), 4, 4)) < kTowerBar);
  // More pictures than go through at a time.
  const at::Tensor many = both.narrow(0, 0, 1).expand({70, 64, 588}).contiguous();
  const at::Tensor all = tower.forward(many, 4, 4);
  CHECK(all.size(0) == 70);
  CHECK(far(all.narrow(0, 69, 1), tokens.narrow(0, 0, 1)) < kTowerBar);
  CHECK(tower.forward(both.narrow(0, 0, 0), 4, 4).sizes() == at::IntArrayRef{0, 16, 256});
}

TEST_CASE("Qwen2.5-VL: the tower refuses other shapes") {
  const qwen2_5_vl::Tower tower = make_tower(at::kFloat);
  CHECK_THROWS_AS(tower.forward(at::zeros({1, 64, 588}), 4, 5), InputError);
  CHECK_THROWS_AS(tower.forward(at::zeros({1, 64, 1176}), 4, 4), InputError);
  CHECK_THROWS_AS(tower.forward(at::zeros({1, 0, 588}), 0, 4), InputError);
  CHECK_THROWS_AS(tower.forward(at::zeros({1, 64, 588}, at::kBFloat16), 4, 4), InputError);
}

TEST_CASE("Qwen2.5-VL: the tower on CUDA keeps the bars", "[cuda]") {
  if (!test::has_cuda("Qwen2.5-VL")) return;
  const at::Device cuda(at::kCUDA, 0);
  check_goldens(at::kFloat, cuda, kTowerBar);
  check_goldens(at::kBFloat16, cuda, kTowerHalfBar);
}
