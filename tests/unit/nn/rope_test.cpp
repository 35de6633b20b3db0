#include "nn/rope.h"

#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "support/support.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

using Sections = std::array<std::int64_t, 3>;

RopeTable table(const at::Tensor& positions, const Sections& sections, std::int64_t width = 128,
                double theta = 1e6) {
  return rope_table(positions, width, theta, sections, at::kFloat, at::kCPU);
}

}  // namespace

TEST_CASE("rope: three components give the cosines of Qwen2.5-VL at far positions") {
  const TensorSet golden = read_safetensors(test::golden("qwen2.safetensors"));
  const at::Tensor positions = at::tensor({0, 1, 77, 6799, 32767,  //
                                           0, 5, 13, 6800, 31000,  //
                                           0, 9, 14, 3000, 2},
                                          at::kLong)
                                   .view({3, 5});
  for (const auto& [name, sections] :
       {std::pair<std::string, Sections>{"vl", {16, 24, 24}}, {"vega", {32, 16, 16}}}) {
    const RopeTable got = table(positions, sections);
    const auto want = [&](const std::string& part) {
      return float_tensor_from(golden.at("rope." + name + "." + part));
    };
    // Angles to 32767 in float32: what one unit of a frequency changes would be 2e-3.
    CHECK((got.cos - want("cos")).abs().max().item<float>() < 2e-6);
    CHECK((got.sin - want("sin")).abs().max().item<float>() < 2e-6);
  }
}

TEST_CASE("rope: three equal components have the bits of one") {
  const at::Tensor line = at::arange(500, 600, at::kLong);
  const RopeTable one = table(line, {}), three = table(line.expand({3, 100}), {16, 24, 24});
  CHECK(at::equal(one.cos, three.cos));
  CHECK(at::equal(one.sin, three.sin));
  CHECK(one.cos.sizes() == at::IntArrayRef({100, 64}));
  const RopeTable half = rope_table(line, 128, 1e6, {}, at::kBFloat16, at::kCPU);
  CHECK(at::equal(half.cos, one.cos.to(at::kBFloat16)));
}

TEST_CASE("rope: what does not fit is refused") {
  const at::Tensor line = at::arange(4, at::kLong);
  CHECK_THROWS_AS(table(line, {}, 7), InputError);
  CHECK_THROWS_AS(table(line, {}, 8, 0), InputError);
  CHECK_THROWS_AS(table(line, {1, 1, 2}, 8), InputError);  // one component of three
  CHECK_THROWS_AS(table(line.expand({3, 4}), {1, 1, 1}, 8), InputError);
  CHECK_THROWS_AS(table(line.expand({3, 4}), {5, -1, 0}, 8), InputError);
  CHECK_THROWS_AS(table(line.expand({3, 4}), {}, 8), InputError);
  CHECK_THROWS_AS(table(line.to(at::kFloat), {}, 8), InputError);
}
