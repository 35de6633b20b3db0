// Features of objects against means over cells, and of cells over pixels, taken one by one.
#include "fusion/objects.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/dtype.h"
#include "composed.h"

using namespace vega;
using namespace vega::test;

TEST_CASE("objects: the mean of the projected patches they cover") {
  Room room;
  room.write();
  room.write_scene();
  const Weights weights;
  room.use(weights);
  room.run();
  const TokensReader file(room.output());
  const auto objects = file.objects(ObjectKind::kGt);
  REQUIRE(objects);
  CHECK(objects->mode == "patch14");
  const MadeScene scene = made_scene(room.generative);
  CHECK(objects->id == scene.file.gt.id);
  CHECK((objects->box == scene.boxes));
  const Expected e = compose(weights, room.semantic.values, room.generative.values);
  REQUIRE(objects->feature.size() == 3 * kWidth);
  for (std::size_t n = 0; n < 3; ++n) {
    at::Tensor sum = at::zeros({kWidth}, at::kDouble);
    std::int64_t count = 0;
    for (std::int64_t v = 0; v < 3; ++v) {
      for (std::int64_t c = 0; c < 729; ++c) {
        if (scene.file.gt.cells[(n * 3 + static_cast<std::size_t>(v)) * 729 +
                                static_cast<std::size_t>(c)] < 98)
          continue;
        sum += e.encoded[v][c];
        ++count;
      }
    }
    const at::Tensor got =
        tensor_from({objects->feature.begin() + static_cast<std::ptrdiff_t>(n * kWidth),
                     objects->feature.begin() + static_cast<std::ptrdiff_t>((n + 1) * kWidth)},
                    {kWidth});
    if (n == 1) {
      CHECK(count == 0);
      CHECK(got.abs().max().item<float>() == 0);
      continue;
    }
    CHECK(count > 300);
    // Sums of one frame are float32: up to 200 terms of about 1, divided by their number.
    CHECK((got - sum / static_cast<double>(count)).abs().max().item<double>() < 1e-5);
  }
  const auto proposals = file.objects(ObjectKind::kProposal);
  REQUIRE(proposals);
  CHECK(proposals->id.empty());

  set(room.options, "--dtype", "bf16");
  room.options.output.overwrite = true;
  room.run();
  const auto rounded = TokensReader(room.output()).objects(ObjectKind::kGt);
  for (const float f : rounded->feature) REQUIRE(f32_from_bf16(bf16_from_f32(f)) == f);
}

TEST_CASE("objects by fused tokens: a cell counts with 182 of its 729 pixels") {
  Room room;
  room.write();
  room.write_scene();
  const Weights weights("token_gated", "raw");
  room.use(weights);
  set(room.options, "--objects", "patch27");
  room.run();
  const TokensReader file(room.output());
  const auto objects = file.objects(ObjectKind::kGt);
  REQUIRE(objects);
  CHECK(objects->mode == "patch27");
  const MadeScene scene = made_scene(room.generative);
  const SceneFile& f = scene.file;
  const at::Tensor fused = part_of(file, TokenPart::kFused).to(at::kDouble);
  for (std::size_t n = 0; n < 3; ++n) {
    at::Tensor sum = at::zeros({kWidth}, at::kDouble);
    std::int64_t count = 0;
    for (std::size_t v = 0; v < 3; ++v) {
      std::vector<int> inside(196, 0);
      int near = 0;
      for (int y = 0; y < 378; ++y) {
        for (int x = 0; x < 378; ++x) {
          // Nearest of 80x60 pixels, unprojected in double, inside the box?
          // OpenCV's nearest: the reciprocal of a quotient, which is off by one at some pixels.
          const int u = static_cast<int>(x * (1 / (384.0 / 80)));
          const int w = static_cast<int>(y * (1 / (384.0 / 60)));
          const double z = f.frames.depth[(v * 60 + static_cast<std::size_t>(w)) * 80 +
                                          static_cast<std::size_t>(u)] /
                           1000.0;
          const double camera[3] = {(u - 39.5) * z / 70, (w - 29.5) * z / 70, z};
          bool in = true;
          for (std::size_t k = 0; k < 3; ++k) {
            const auto& m = f.frames.world_from_cam[v];
            const double at_axis = m[4 * k] * camera[0] + m[4 * k + 1] * camera[1] +
                                   m[4 * k + 2] * camera[2] + m[4 * k + 3];
            const double away = std::abs(at_axis - scene.boxes[n][k]) - scene.boxes[n][3 + k] / 2;
            near += std::abs(away) < 2e-6 ? 1 : 0;
            in = in && away < 0;
          }
          inside[static_cast<std::size_t>(y / 27 * 14 + x / 27)] += in ? 1 : 0;
        }
      }
      CHECK(near == 0);  // float32 decides alike
      for (std::size_t c = 0; c < 196; ++c) {
        if (inside[c] < 182) continue;
        sum += fused[static_cast<std::int64_t>(v)][static_cast<std::int64_t>(c)];
        ++count;
      }
    }
    CHECK((count > 0) == (n != 1));
    for (std::int64_t h = 0; h < kWidth; ++h) {
      const double want = count > 0 ? sum[h].item<double>() / static_cast<double>(count) : 0;
      REQUIRE(objects->feature[n * kWidth + static_cast<std::size_t>(h)] ==
              Approx(want).margin(1e-5));
    }
  }
}
