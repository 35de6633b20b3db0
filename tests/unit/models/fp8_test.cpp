// A feed-forward in 8-bit floats: how far it is from float32, and that it is what was asked for.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "core/device.h"
#include "models/wan/dit.h"
#include "models/wan/flops.h"
#include "support/support.h"
#include "support/tiny_weights.h"

using namespace vega;

namespace {

at::Device device_of_tests() {
  return test::test_device_is_cuda() && cuda_available() ? at::Device(at::kCUDA, 0)
                                                         : at::Device(at::kCPU);
}

struct Small {
  test::OwnedTensors weights = test::tiny_dit(3);
  wan::DitConfig config = test::tiny_dit_config();
  at::Tensor prompt = at::tensor(test::tiny_prompt()).reshape({1, -1});
  at::Tensor latents;
  at::Device device = device_of_tests();

  Small() {
    config.layers = 3;
    latents = (at::arange(2 * 16 * 8 * 12, at::kFloat) * 0.37F).sin().reshape({2, 16, 8, 12});
  }

  std::vector<at::Tensor> run(wan::Dit::Options options, const wan::TapRequest& taps) const {
    options.device = device;
    wan::Dit dit(weights.views(), config, prompt, options);
    dit.prepare(299, taps.blocks.back());
    std::vector<at::Tensor> out;
    for (const at::Tensor& one : dit.forward(latents.to(device), taps)) out.push_back(one.cpu());
    return out;
  }
};

double distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

const wan::Dit::Options kFp8{.dtype = at::kBFloat16, .fp8_feed_forward = true};

}  // namespace

TEST_CASE("a feed-forward in fp8 is as far from float32 as its rounding, and no closer than bf16") {
  const Small small;
  for (const bool pooled : {true, false}) {
    CAPTURE(pooled);
    const wan::TapRequest taps{{0, 2}, pooled ? std::optional(Grid{2, 3}) : std::nullopt};
    const auto exact = small.run({}, taps);
    const auto half = small.run({.dtype = at::kBFloat16}, taps);
    const auto eight = small.run(kFp8, taps);
    REQUIRE(eight.size() == 2);
    for (std::size_t i = 0; i < eight.size(); ++i) {
      CHECK(eight[i].sizes() == exact[i].sizes());
      // Both factors are within 2^-4 of what they were, and the stream that the sum is added to is
      // not touched: no more than both together.
      CHECK(distance(eight[i], exact[i]) < 2 * 0x1p-4);
      CHECK(distance(eight[i], exact[i]) > distance(half[i], exact[i]));
    }
  }
}

TEST_CASE("features in fp8 do not depend on which other blocks are tapped, nor on the batch") {
  const Small small;
  const wan::TapRequest both{{0, 2}, Grid{2, 3}}, last{{2}, Grid{2, 3}};
  const at::Tensor all = small.run(kFp8, both)[1];
  CHECK(at::equal(all, small.run(kFp8, last)[0]));
  Small one;
  one.latents = small.latents.narrow(0, 1, 1);
  CHECK(distance(one.run(kFp8, last)[0], all.narrow(0, 1, 1)) < 1e-2);
}

TEST_CASE("what fp8 cannot be is refused, and its weights are counted") {
  Small small;
  CHECK_THROWS_AS(small.run({.dtype = at::kFloat, .fp8_feed_forward = true}, {{0}, Grid{2, 3}}),
                  InputError);
  wan::Features features;
  features.size = {832, 480};
  features.compute = DType::kBF16;
  const wan::DitConfig config;
  const double bf16 = wan::cost_of({}, config, features).weight_bytes;
  features.fp8_feed_forward = true;
  const auto blocks = static_cast<double>(features.last + 1);
  const auto d = static_cast<double>(config.dim), f = static_cast<double>(config.ffn_dim);
  CHECK(wan::cost_of({}, config, features).weight_bytes ==
        Approx(bf16 - blocks * (2 * d * f - 4 * (d + f))));
}
