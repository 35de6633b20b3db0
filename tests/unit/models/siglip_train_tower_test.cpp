#include "models/siglip/train_tower.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/philox.h"
#include "core/tensor.h"
#include "models/siglip/names.h"
#include "models/siglip/tower.h"
#include "siglip_samples.h"
#include "support/finite_difference.h"

using namespace vega;
using siglip::TrainTower;

namespace {

constexpr const char* kPlace = "model.vision_tower.";

siglip::Config small_config() {
  return {.width = 8, .heads = 2, .mlp = 10, .layers = 2, .patch = 2, .grid = 3, .eps = 1e-6};
}

at::Tensor drawn_pixels(const std::string& name, at::IntArrayRef shape, double mean, double half) {
  at::Tensor out = at::empty(shape, at::kFloat);
  uniform_tensor(12, name, mean, half, 0,
                 {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out;
}

WeightTable small_tower_table(at::ScalarType type) {
  WeightTable table;
  for (const auto& row : siglip::tower_tensors(small_config())) {
    const bool gain =
        row.canonical.find("layer_norm") != std::string::npos && row.canonical.ends_with(".weight");
    table[kPlace + row.canonical.substr(siglip::kPrefix.size())] =
        drawn_pixels(row.canonical, row.shape, gain ? 1 : 0, 0.5).to(type).requires_grad_(true);
  }
  return table;
}

}  // namespace

TEST_CASE("SigLIP in training: the tokens of the tower that extracts") {
  const siglip::Config config = test::tiny_siglip_config();
  const test::OwnedTensors owned = test::siglip_weights(config);
  const WeightViews views = owned;
  WeightTable table;
  for (const auto& row : siglip::tower_tensors(config)) {
    table[kPlace + row.canonical.substr(siglip::kPrefix.size())] =
        owned_float_from(views.at(row.canonical));
  }
  const std::int64_t side = config.grid * config.patch + 3;
  const at::Tensor pixels = drawn_pixels("pixels", {2, 3, side, side}, 0, 1);
  const siglip::Tower tower(views, config, {});
  const TrainTower train(config, table, kPlace, {});
  const at::Tensor want = tower.forward(pixels), got = train.forward(pixels);
  // Both are about 1e-6 from transformers (siglip_tower_test): sums in other orders.
  CHECK(((got - want).norm() / want.norm()).item<double>() < 4e-6);
  const TrainTower half(config, table, kPlace, {.dtype = at::kBFloat16});
  CHECK(half.forward(pixels).scalar_type() == at::kFloat);
  CHECK(((half.forward(pixels) - want).norm() / want.norm()).item<double>() < 2e-2);
}

TEST_CASE("SigLIP in training: the gradient of every tensor is a difference, in float64") {
  const WeightTable table = small_tower_table(at::kDouble);
  const TrainTower train(small_config(), table, kPlace, {.dtype = at::kDouble});
  const at::Tensor pixels = drawn_pixels("pixels", {2, 3, 7, 6}, 0, 1).to(at::kDouble);
  const at::Tensor up = drawn_pixels("up", {2, 9, 8}, 0, 1).to(at::kDouble);
  const auto loss = [&] { return (train.forward(pixels) * up).sum(); };
  loss().backward();
  for (const auto& [name, tensor] : table) {
    CAPTURE(name);
    REQUIRE(tensor.grad().defined());
    CHECK(test::worst_difference(loss, tensor, tensor.numel() > 40 ? 13 : 3) < 1e-7);
  }
}

TEST_CASE("SigLIP in training: recomputed layers change no bit") {
  const WeightTable table = small_tower_table(at::kFloat);
  const at::Tensor pixels = drawn_pixels("pixels", {2, 3, 6, 6}, 0, 1);
  std::map<std::string, at::Tensor> first;
  for (const bool recompute : {false, true}) {
    const TrainTower train(small_config(), table, kPlace,
                           {.dtype = at::kBFloat16, .recompute = recompute});
    train.forward(pixels).square().sum().backward();
    for (const auto& [name, tensor] : table) {
      CAPTURE(name);
      CHECK(tensor.grad().scalar_type() == at::kFloat);
      if (recompute)
        CHECK(at::equal(tensor.grad(), first.at(name)));
      else
        first[name] = tensor.grad().clone();
      tensor.mutable_grad().reset();
    }
  }
}

TEST_CASE("SigLIP in training: what does not fit is refused by name") {
  WeightTable table = small_tower_table(at::kFloat);
  const TrainTower train(small_config(), table, kPlace, {});
  CHECK_THROWS_AS(train.forward(at::zeros({1, 3, 5, 6})), InputError);
  table.erase("model.vision_tower.encoder.layers.1.mlp.fc2.bias");
  CHECK_THROWS_WITH(TrainTower(small_config(), table, kPlace, {}),
                    Catch::Contains("encoder.layers.1.mlp.fc2.bias"));
}
