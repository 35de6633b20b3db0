// Which position settings are read, and why others are refused.
#include "vlm/position.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

TEST_CASE("positions: every form is parsed into its parts") {
  const PositionConfig released = parse_position("avg-discrete-sin3d", "config.json");
  CHECK(released.points == PointStrategy::kAvg);
  CHECK(released.discrete);
  CHECK(released.embedding == Embedding::kSine);
  CHECK_FALSE(released.rope);
  CHECK_FALSE(released.on_generative);
  const PositionConfig nine = parse_position("sin3d-sample9", "");
  CHECK(nine.points == PointStrategy::kSample9);
  CHECK(nine.point_count() == 9);
  CHECK_FALSE(nine.discrete);
  CHECK(parse_position("minmax-discrete-sin3d", "").point_count() == 2);
  CHECK(parse_position("avg-discrete-mlp", "").embedding == Embedding::kMlp);
  const PositionConfig rope = parse_position("avg-discrete-mrope", "");
  CHECK(rope.rope);
  CHECK(rope.embedding == Embedding::kNone);
  CHECK(parse_position("avg-discrete-sin3d-gen", "").on_generative);
}

TEST_CASE("positions: what cannot be is refused with the reason") {
  for (const auto& [type, reason] : {std::pair{"discrete-sin3d", "nothing that stands for a patch"},
                                     {"avg-minmax-sin3d", "several that stand for a patch"},
                                     {"avg-discrete", "no embedding"},
                                     {"avg-sin3d-mlp", "two embeddings"},
                                     {"avg-mrope", "mrope in metres"},
                                     {"avg-sin3d-gen", "gen in metres"},
                                     {"avg-discrete-mrope-gen", "gen without an embedding"},
                                     {"sample5-mlp", "mlp of several points"},
                                     {"minmax-discrete-mrope", "mrope of several points"},
                                     {"avg-discrete-sin3d-shift", "'shift'"},
                                     {"avg--sin3d", "''"}}) {
    INFO(type);
    CHECK_THROWS_WITH(parse_position(type, "config.json: key"),
                      Contains(reason) && Contains("config.json: key") && Contains(type));
    CHECK_THROWS_AS(parse_position(type, ""), InputError);
  }
}

TEST_CASE("positions: rounding is what the geometry says, and what is not known adds nothing") {
  const PositionConfig config = parse_position("avg-discrete-sin3d", "");
  const PositionEmbedding fine(config, 30, GeometryType::kF32, {}, {});
  const PositionEmbedding coarse(config, 30, GeometryType::kBf16, {}, {});
  // 1.07 m: (1.07 + 15) / 0.1 = 160.7; in bfloat16 16.07 becomes 16.125, voxel 161 as well, but
  // 3.33 + 15 = 18.33 becomes 18.375: 184 instead of 183.
  const at::Tensor xyz = at::tensor({1.07F, 3.33F, -9.0F}).view({1, 1, 3});
  CHECK(fine.voxels(xyz).flatten()[0].item<float>() == 161);
  CHECK(fine.voxels(xyz).flatten()[1].item<float>() == 183);
  CHECK(coarse.voxels(xyz).flatten()[1].item<float>() == 184);
  CHECK(fine.voxels(xyz).flatten()[2].item<float>() == 0);  // clamped to -5 m
  const at::Tensor a = fine.embed(xyz), b = coarse.embed(xyz);
  REQUIRE(a.sizes() == at::IntArrayRef({1, 30}));
  CHECK((a - b).abs().max().item<float>() > 0.01);
  CHECK((b.to(at::kBFloat16).to(at::kFloat) - b).abs().max().item<float>() == 0);
  CHECK(std::abs(a[0][0].item<double>() - std::sin(161.0)) < 1e-5);
  CHECK(std::abs(a[0][1].item<double>() - std::cos(161.0)) < 1e-5);
  const at::Tensor hole = at::full({1, 1, 3}, NAN);
  CHECK(fine.embed(hole).abs().max().item<float>() == 0);
  const PositionEmbedding two(parse_position("minmax-discrete-sin3d", ""), 30, GeometryType::kF32,
                              {}, {});
  const at::Tensor centre = at::tensor({1.07F, 3.33F, 0.0F}).view({1, 3});
  const at::Tensor both = two.embed_centres(centre);
  CHECK(at::equal(both.slice(1, 0, 15), both.slice(1, 15, 30)));  // the centre twice
}
