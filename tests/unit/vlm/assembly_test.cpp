// Newlines, splicing and positions, element by element.
#include "vlm/assembly.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace vega;
using namespace vega::vlm;

namespace {

// Frame, cell and channel as one number; newlines are -1.
at::Tensor numbered(std::int64_t frames, std::int64_t cells) {
  return at::arange(frames * cells * 2, at::kFloat).view({frames, cells, 2});
}

std::vector<std::int64_t> newline_rows(const at::Tensor& block) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < block.size(0); ++i)
    if (block[i][0].item<float>() == -1) out.push_back(i);
  return out;
}

}  // namespace

TEST_CASE("assembly: newline tokens stand where each setting says") {
  const at::Tensor tokens = numbered(2, 9), newline = at::full({2}, -1.0F);
  const auto rows = [&](Newlines where) {
    return newline_rows(add_newlines(tokens, newline, where));
  };
  CHECK(rows(Newlines::kGrid) == std::vector<std::int64_t>{3, 7, 11, 15, 19, 23});
  CHECK(rows(Newlines::kFrame) == std::vector<std::int64_t>{9, 19});
  CHECK(rows(Newlines::kOneToken) == std::vector<std::int64_t>{18});
  CHECK(rows(Newlines::kNone).empty());
  const at::Tensor grid = add_newlines(tokens, newline, Newlines::kGrid);
  CHECK(at::equal(grid[4], tokens[0][3]));
  CHECK(at::equal(grid[12], tokens[1][0]));
  CHECK_THROWS_AS(add_newlines(numbered(1, 8), newline, Newlines::kGrid), InputError);
  CHECK_THROWS_AS(add_newlines(tokens, at::zeros({3}), Newlines::kGrid), InputError);
}

TEST_CASE("assembly: the visual block takes the place of its id, and the end is cut off") {
  const std::vector<std::int64_t> ids = {5, kImageId, 6, 7}, labels = {kIgnoreLabel, -100, 6, 7};
  const at::Tensor text = at::arange(8, at::kFloat).view({4, 2}), visual = at::full({3, 2}, 9.0F);
  const Sequence s = splice(ids, text, visual, labels, 100);
  CHECK(s.embeddings.size(0) == 6);
  CHECK(s.image_first == 1);
  CHECK(s.image_count == 3);
  CHECK(s.labels == std::vector<std::int64_t>{-100, -100, -100, -100, 6, 7});
  CHECK(at::equal(s.embeddings[4], text[2]));
  CHECK(at::equal(s.embeddings[3], visual[0]));
  const Sequence cut = splice(ids, text, visual, labels, 3);
  CHECK(cut.embeddings.size(0) == 3);
  CHECK(cut.labels.size() == 3);
  CHECK(cut.image_count == 2);
  const std::vector<std::int64_t> plain = {5, 6, 7, 8};
  CHECK(splice(plain, text, visual, {}, 100).image_first == -1);
  CHECK(at::equal(splice(plain, text, {}, {}, 100).embeddings, text));
  const std::vector<std::int64_t> two = {5, kImageId, kImageId, 7};
  CHECK_THROWS_AS(splice(two, text, visual, {}, 100), InputError);
  CHECK_THROWS_AS(splice(ids, text, {}, {}, 100), InputError);
}

TEST_CASE("assembly: voxels are the positions of visual tokens, places those of the text") {
  at::Tensor voxels = at::zeros({1, 4, 3});
  voxels[0][0].copy_(at::tensor({150.0F, 160.0F, 50.0F}));
  voxels[0][3].fill_(NAN);
  const at::Tensor p = rope_positions(2, voxels, 3);
  REQUIRE(p.sizes() == at::IntArrayRef({3, 2 + 6 + 3}));
  const auto column = [&](std::int64_t i) {
    return std::vector<std::int64_t>{p[0][i].item<std::int64_t>(), p[1][i].item<std::int64_t>(),
                                     p[2][i].item<std::int64_t>()};
  };
  CHECK(column(1) == std::vector<std::int64_t>{1, 1, 1});
  CHECK(column(2) == std::vector<std::int64_t>{150, 160, 50});
  CHECK(column(4) == std::vector<std::int64_t>{0, 0, 0});  // a newline
  CHECK(column(6) == std::vector<std::int64_t>{0, 0, 0});  // unknown
  CHECK(column(8) == std::vector<std::int64_t>{8, 8, 8});
}
