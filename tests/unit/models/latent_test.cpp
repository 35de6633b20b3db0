#include "models/wan/latent.h"

#include <array>
#include <catch2/catch.hpp>

#include "models/wan/config.h"

using namespace vega;

// The values that the released encoder holds when it computes in bf16, read off it in a run.
TEST_CASE("latent constants in bf16 are the release's, channel by channel") {
  constexpr std::array<double, 16> kMean{-.7578125,    -.70703125,   -.91015625,   .107421875,
                                         -.1748046875, .96484375,    -.1513671875, 1.5546875,
                                         .4140625,     -.0712890625, .55078125,    -.36328125,
                                         -.1923828125, -.94921875,   .25,          -.29296875};
  constexpr std::array<double, 16> kInverse{
      .35546875,  .6875,      .4296875,   .376953125, .8203125, .5625,   .3828125,   .48046875,
      .306640625, .462890625, .349609375, .64453125,  .609375,  .890625, .353515625, .5234375};
  const auto got = wan::latent_statistics(true);
  for (std::size_t c = 0; c < 16; ++c) {
    CAPTURE(c);
    CHECK(got.mean[c] == kMean[c]);
    CHECK(got.inverse_std[c] == kInverse[c]);
  }
}

TEST_CASE("latent constants in float32 are the published ones") {
  const auto got = wan::latent_statistics(false);
  for (std::size_t c = 0; c < 16; ++c) {
    CHECK(got.mean[c] == static_cast<float>(wan::kLatentMean[c]));
    CHECK(got.inverse_std[c] * wan::kLatentStd[c] == Approx(1).epsilon(1.5e-7));
  }
}
