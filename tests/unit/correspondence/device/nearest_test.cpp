#include "correspondence/device/nearest.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/device.h"
#include "support/support.h"

using namespace vega;

namespace {

float gaussian(std::uint32_t seed) {
  std::mt19937 engine(seed);
  return std::normal_distribution<float>()(engine);
}

}  // namespace

TEST_CASE("neighbours by LibTorch are those of the exact search") {
  std::string why;
  if (test::test_device_is_cuda() && !cuda_available(&why)) return test::note_skip(why);
  const std::int64_t n = 130, m = 71, channels = 24;
  std::vector<float> a, b;
  for (std::int64_t i = 0; i < n * channels; ++i) a.push_back(gaussian(std::uint32_t(i)));
  for (std::int64_t i = 0; i < m * channels; ++i) b.push_back(gaussian(std::uint32_t(100000 + i)));
  for (auto* rows : {&a, &b}) {
    for (std::size_t r = 0; r < rows->size(); r += std::size_t(channels)) {
      double sum = 0;
      for (std::size_t c = 0; c < std::size_t(channels); ++c)
        sum += (*rows)[r + c] * (*rows)[r + c];
      for (std::size_t c = 0; c < std::size_t(channels); ++c)
        (*rows)[r + c] = float((*rows)[r + c] / std::sqrt(sum));
    }
  }
  const at::Device device(test::test_device_is_cuda() ? "cuda" : "cpu");
  const Nearest exact = nearest_rows(a.data(), n, b.data(), m, channels);
  const Nearest got = nearest_on(device, a.data(), n, b.data(), m, channels);
  // Gaps between random cosines are far above float32 rounding.
  CHECK(got.best == exact.best);
  CHECK(got.second == exact.second);
  for (std::size_t i = 0; i < std::size_t(n); ++i) {
    CHECK(got.best_cosine[i] == Approx(exact.best_cosine[i]).margin(1e-6));
    CHECK(got.second_cosine[i] == Approx(exact.second_cosine[i]).margin(1e-6));
  }
  const Nearest one = nearest_on(device, a.data(), n, b.data(), 1, channels);
  CHECK(one.best[5] == 0);
  CHECK(one.second[5] == -1);
  CHECK(nearest_on(device, a.data(), 0, b.data(), m, channels).best.empty());
}
