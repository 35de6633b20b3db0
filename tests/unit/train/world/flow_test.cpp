#include "train/world/flow.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <vector>

#include "base/philox.h"
#include "models/wan/train_dit_tensors.h"

using namespace vega;
using namespace vega::train;

namespace {

wan::DitConfig flow_config() {
  wan::DitConfig config;
  config.dim = 24, config.heads = 2, config.layers = 1, config.ffn_dim = 16, config.freq_dim = 8;
  config.text_dim = 5, config.text_len = 4;
  return config;
}

// A network whose velocity is k / 4 in channel k, wherever it looks: its head matrix is zero.
WeightTable constant_velocity() {
  Parameters values = wan::initial_dit(flow_config(), 3);
  for (auto& [name, value] : values)
    if (name == "head.head.bias") value = at::arange(16, at::kFloat).div(4).repeat({4});
  return wan::training_dit(values, {});
}

at::Tensor slope() { return at::arange(16, at::kFloat).div(4).view({1, 16, 1, 1, 1}); }

}  // namespace

TEST_CASE("flow: shares of noise go from 1 to 0, later with a shift") {
  CHECK(flow_shares(4, 1) == std::vector<double>{1, 0.75, 0.5, 0.25, 0});
  const std::vector<double> late = flow_shares(4, 3);
  CHECK(late.front() == 1);
  CHECK(late[2] == Approx(0.75));  // 3 / 2 / (1 + 2 / 2)
  CHECK(late.back() == 0);
}

TEST_CASE("flow: steps add up to the whole way, and one look goes a share of it") {
  const WeightTable table = constant_velocity();
  const wan::TrainDit network(flow_config(), table, {});
  const at::Tensor noise = clip_noise(9, "test", 0, 2, {2, 4, 6});
  REQUIRE(noise.sizes() == at::IntArrayRef({2, 16, 2, 4, 6}));
  for (const double shift : {1.0, 5.0}) {
    const at::Tensor end = follow_flow(network, noise, flow_shares(7, shift), {});
    CHECK((end - (noise - slope())).abs().max().item<double>() < 1e-5);
    CHECK_FALSE(end.requires_grad());
  }
  const at::Tensor look = cleared(network, noise, 0.25, {});
  CHECK((look - (noise - 0.25 * slope())).abs().max().item<double>() < 1e-6);
}

TEST_CASE("flow: noise of a clip is noise v1 of its frames, however clips are split") {
  const ClipShape shape{3, 2, 4};
  const at::Tensor all = clip_noise(9, "sample", 0, 4, shape);
  CHECK(at::equal(all.narrow(0, 1, 2), clip_noise(9, "sample", 1, 2, shape)));
  std::vector<float> frame(16 * 2 * 4);
  noise_v1(9, "sample", 3 * 2 + 1, frame);
  const at::Tensor own = all[2].select(1, 1).contiguous();
  CHECK(std::equal(frame.begin(), frame.end(), own.const_data_ptr<float>()));
  CHECK_FALSE(at::equal(all, clip_noise(10, "sample", 0, 4, shape)));
  CHECK_FALSE(at::equal(all, clip_noise(9, "denoise", 0, 4, shape)));
}
