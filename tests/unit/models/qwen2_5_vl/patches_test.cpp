// Patches of Qwen2.5-VL, their windows and their positions.
#include "models/qwen2_5_vl/patches.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "base/error.h"
#include "models/qwen2_5_vl/config.h"
#include "models/qwen2_5_vl/positions.h"
#include "models/qwen2_5_vl/preprocess.h"
#include "models/qwen2_5_vl/windows.h"
#include "qwen2_5_vl_samples.h"

using namespace vega;

TEST_CASE("Qwen2.5-VL: patches of the processor, in its order") {
  const UnitImage image =
      qwen2_5_vl::prepare_frame(test::qwen_vl_picture("patches", 90, 60),
                                qwen2_5_vl::Preparation::kTransformers, {3136, 12845056});
  const at::Tensor patches = qwen2_5_vl::patches_of(image, {});
  const Json& grid = test::qwen_vl_notes()["patches"]["grid"];
  CHECK(patches.size(0) == grid[1].whole().value() * grid[2].whole().value());
  CHECK(at::equal(patches.slice(0, 0, patches.size(0), 3), test::qwen_vl_golden("patches")));
  CHECK_THROWS_AS(qwen2_5_vl::patches_of(UnitImage(28, 42), {}), InputError);
  CHECK_THROWS_AS(qwen2_5_vl::patches_of(UnitImage(), {}), InputError);
}

TEST_CASE("Qwen2.5-VL: a cell is its upper patches, then its lower ones") {
  UnitImage image(56, 28);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 28; ++y)
      for (int x = 0; x < 56; ++x)
        image.chw[static_cast<std::size_t>((c * 28 + y) * 56 + x)] =
            static_cast<float>(y / 14 * 4 + x / 14);
  const at::Tensor patches = qwen2_5_vl::patches_of(image, {{0, 0, 0}, {1, 1, 1}});
  const at::Tensor first = patches.select(1, 0);
  CHECK(at::equal(first, at::tensor({0.F, 1.F, 4.F, 5.F, 2.F, 3.F, 6.F, 7.F})));
  CHECK(at::equal(patches, first.unsqueeze(1).expand_as(patches)));
}

TEST_CASE("Qwen2.5-VL: windows tile the cells, and the ragged ones stand apart") {
  const auto sizes = [](std::int64_t gh, std::int64_t gw) {
    const qwen2_5_vl::WindowOrder order = qwen2_5_vl::window_order(gh, gw, 4);
    std::vector<std::int64_t> sorted = order.cell, all(sorted.size());
    std::iota(all.begin(), all.end(), 0);
    std::ranges::sort(sorted);
    CHECK(sorted == all);
    CHECK(static_cast<std::int64_t>(all.size()) == gh * gw);
    for (std::size_t n = 0; n < all.size(); ++n)
      CHECK(order.cell[static_cast<std::size_t>(order.place[n])] == static_cast<std::int64_t>(n));
    std::vector<std::int64_t> out;
    std::int64_t next = 0;
    for (const auto& group : order.groups) {
      CHECK(group.first == next);
      next += group.windows * group.cells;
      for (std::int64_t n = 0; n < group.windows; ++n) {
        out.push_back(group.cells);
        // A window is a rectangle within one tile.
        for (std::int64_t i = 0; i < group.cells; ++i) {
          const std::int64_t cell =
              order.cell[static_cast<std::size_t>(group.first + n * group.cells + i)];
          const std::int64_t lead =
              order.cell[static_cast<std::size_t>(group.first + n * group.cells)];
          CHECK(cell / gw / 4 == lead / gw / 4);
          CHECK(cell % gw / 4 == lead % gw / 4);
        }
      }
    }
    CHECK(next == gh * gw);
    return out;
  };
  CHECK(sizes(5, 5) == std::vector<std::int64_t>{16, 4, 4, 1});
  CHECK(sizes(4, 4) == std::vector<std::int64_t>{16});
  CHECK(sizes(14, 18).size() == 20);
  CHECK(sizes(10, 18).size() == 15);
  CHECK(sizes(18, 18).size() == 25);
  CHECK(sizes(8, 4).size() == 2);
  CHECK(sizes(1, 2) == std::vector<std::int64_t>{2});
  CHECK_THROWS_AS(qwen2_5_vl::window_order(0, 1, 4), InputError);
}

TEST_CASE("Qwen2.5-VL: positions of texts and pictures") {
  qwen2_5_vl::PositionCounter positions;
  positions.text(4);  // three tokens and the mark before the picture
  positions.picture(2, 3);
  positions.text(3);
  const at::Tensor got = positions.take();
  const at::Tensor want = at::tensor({0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 7, 8, 9,  //
                                      0, 1, 2, 3, 4, 4, 4, 5, 5, 5, 7, 8, 9,  //
                                      0, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9})
                              .to(at::kLong)
                              .view({3, 13});
  CHECK(at::equal(got, want));
  CHECK(positions.next() - got.size(1) == -3);
  positions.text(2);
  CHECK(at::equal(positions.take(), at::tensor({10, 11}).to(at::kLong).expand({3, 2})));
  // Frames of 14 x 18 cells and their marks take 20 positions each.
  qwen2_5_vl::PositionCounter frames;
  for (int n = 0; n < 32; ++n) frames.text(1), frames.picture(14, 18), frames.text(1);
  CHECK(frames.next() == 32 * 20);
}
