#include "nn/pca.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "support/support.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

template <typename T>
std::vector<T> values(const TensorView& view) {
  std::vector<T> out(view.bytes() / sizeof(T));
  std::memcpy(out.data(), view.data, view.bytes());
  return out;
}

// Tokens whose variance falls (by default: halves) from channel to channel, so that the leading
// directions are well apart.
std::vector<float> made_up(std::size_t n, std::size_t d, double ratio = 0.7) {
  std::vector<float> out(n * d);
  std::uint64_t state = 88172645463325252ull;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < d; ++k) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      const double uniform = double(state >> 11) * 0x1p-53 - 0.5;
      out[i * d + k] = float(0.25 + uniform * std::pow(ratio, double(k)));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("PCA colours equal the numpy golden byte for byte") {
  const TensorSet golden = read_safetensors(test::golden("pca.safetensors"));
  const PcaColors colors = pca_colors(values<float>(golden.at("tokens")), 16);
  CHECK(colors.rgb == values<std::uint8_t>(golden.at("rgb")));

  // Shares of the variance, from the golden projections.
  const auto tokens = values<float>(golden.at("tokens"));
  const auto mean = values<double>(golden.at("mean")), proj = values<double>(golden.at("proj"));
  double total = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) total += std::pow(tokens[i] - mean[i % 16], 2);
  for (std::size_t k = 0; k < 3; ++k) {
    double part = 0;
    for (std::size_t i = 0; i < 60; ++i) part += proj[3 * i + k] * proj[3 * i + k];
    CHECK(colors.explained[k] == Approx(part / total).epsilon(1e-9));
  }
}

TEST_CASE("fewer tokens than channels: the small matrix gives the colours of the large one") {
  // Zero channels change neither directions nor projections, only the way they are computed.
  const std::size_t n = 40, d = 24, wide = 64;
  const auto tokens = made_up(n, d);
  std::vector<float> padded(n * wide, 0.0f);
  for (std::size_t i = 0; i < n; ++i) std::copy_n(&tokens[i * d], d, &padded[i * wide]);
  const PcaColors a = pca_colors(tokens, std::int64_t(d));
  const PcaColors b = pca_colors(padded, std::int64_t(wide));
  REQUIRE(a.rgb.size() == b.rgb.size());
  int worst = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) {
    worst = std::max(worst, std::abs(int(a.rgb[i]) - int(b.rgb[i])));
  }
  // Both are float64 to about 1e-13; only a value at a rounding boundary could differ, by one.
  CHECK(worst <= 1);
  CHECK(std::count_if(a.rgb.begin(), a.rgb.end(), [](int v) { return v > 0 && v < 255; }) > 90);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(a.explained[k] == Approx(b.explained[k]).epsilon(1e-10));
    CHECK(a.explained[k] > 0.05);
  }
}

TEST_CASE("many channels: iteration gives the colours of the full decomposition") {
  // 500 channels are decomposed fully; with zero channels added, the matrix is large enough to be
  // iterated. Variances fall by 4 % a channel: 32 directions are far from all there are.
  const std::size_t n = 800, d = 500, wide = 640;
  const auto tokens = made_up(n, d, 0.98);
  std::vector<float> padded(n * wide, 0.0f);
  for (std::size_t i = 0; i < n; ++i) std::copy_n(&tokens[i * d], d, &padded[i * wide]);
  const PcaColors a = pca_colors(tokens, std::int64_t(d));
  const PcaColors b = pca_colors(padded, std::int64_t(wide));
  int worst = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) {
    worst = std::max(worst, std::abs(int(a.rgb[i]) - int(b.rgb[i])));
  }
  CHECK(worst <= 1);  // a value at a rounding boundary
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(a.explained[k] == Approx(b.explained[k]).epsilon(1e-10));
  }
  // Constant tokens of many channels: nothing to find, still grey.
  CHECK(pca_colors(std::vector<float>(700 * 640, 0.1f), 640).rgb ==
        std::vector<std::uint8_t>(3 * 700, 127));
}

TEST_CASE("many tokens are taken in pieces: repeated tokens keep their colours") {
  // 300 copies of 256 tokens of 64 channels are more than one piece of 4 Mi elements. Copies change
  // the quantiles' positions only: compare the copies among themselves, and with a second run.
  const std::size_t n = 256, d = 64, copies = 300;
  const auto tokens = made_up(n, d);
  std::vector<float> many;
  for (std::size_t k = 0; k < copies; ++k) many.insert(many.end(), tokens.begin(), tokens.end());
  const PcaColors once = pca_colors(tokens, std::int64_t(d));
  const PcaColors all = pca_colors(many, std::int64_t(d));
  int apart = 0;
  for (std::size_t i = 0; i < 3 * n; ++i) {
    for (const std::size_t k : {std::size_t(1), copies - 1}) {
      apart = std::max(apart, std::abs(int(all.rgb[i]) - int(all.rgb[k * 3 * n + i])));
    }
  }
  CHECK(apart <= 1);  // another place in a matrix product: the last bit of float64
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(all.explained[k] == Approx(once.explained[k]).epsilon(1e-10));
  }
  CHECK(pca_colors(many, std::int64_t(d)).rgb == all.rgb);
}

TEST_CASE("the sign of a direction follows its largest loading") {
  // One channel: the direction is that channel, upwards.
  const std::vector<float> ramp = {3, 1, 2, 0};
  const PcaColors c = pca_colors(ramp, 1);
  CHECK(c.rgb[0] > c.rgb[6]);
  CHECK(c.rgb[6] > c.rgb[3]);
  CHECK(c.rgb[3] > c.rgb[9]);
  CHECK(c.explained[0] == Approx(1.0));
}

TEST_CASE("directions without variance are mid grey") {
  SECTION("constant features") {
    std::vector<float> same;
    for (int i = 0; i < 30; ++i) same.insert(same.end(), {0.1f, 1e4f, -0.3f, 7.7f});
    const PcaColors c = pca_colors(same, 4);
    CHECK(c.rgb == std::vector<std::uint8_t>(90, 127));
    CHECK(c.explained == std::array<double, 3>{0, 0, 0});
  }
  SECTION("one token of many channels") {
    CHECK(pca_colors(std::vector<float>(50, 0.2f), 50).rgb == std::vector<std::uint8_t>(3, 127));
  }
  SECTION("grey rgb features have one direction") {
    std::vector<float> grey;
    for (int i = 0; i < 32; ++i) grey.insert(grey.end(), 3, float(i) / 31);
    const PcaColors c = pca_colors(grey, 3);
    for (std::size_t i = 0; i < 32; ++i) {
      CHECK(c.rgb[3 * i + 1] == 127);
      CHECK(c.rgb[3 * i + 2] == 127);
    }
    CHECK(c.rgb[0] == 0);
    CHECK(c.rgb[93] == 255);
  }
  SECTION("two channels") {
    const PcaColors c = pca_colors(made_up(20, 2), 2);
    CHECK(c.rgb[2] == 127);
    CHECK(c.explained[0] + c.explained[1] == Approx(1.0));
  }
}

TEST_CASE("PCA refuses what is no set of tokens") {
  CHECK_THROWS_AS(pca_colors({}, 4), InputError);
  CHECK_THROWS_AS(pca_colors(std::vector<float>(7), 4), InputError);
  CHECK_THROWS_AS(pca_colors(std::vector<float>(8), 0), InputError);
  std::vector<float> bad(12, 1.0f);
  bad[6] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(pca_colors(bad, 4), Catch::Contains("token 1, channel 2"));
  bad[6] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(pca_colors(bad, 4), InputError);
}
