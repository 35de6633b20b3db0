#include "correspondence/voxel_score.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "ref/correspondence_ref.h"
#include "unit/correspondence/made_up.h"

using namespace vega;

namespace {

// Unit rows are float32: 2^-24 relative an element, independent, so that a cosine of means of a few
// rows is off by some 1e-7; bad cases (means that nearly cancel) stay below ten times that.
constexpr double kBar = 1e-6;

bool same(double got, double expected) {
  return std::isnan(expected) ? std::isnan(got) : std::abs(got - expected) <= kBar;
}

void check_map(const std::vector<float>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!same(got[i], expected[i])) {
      FAIL("cell " << i << ": " << got[i] << " instead of " << expected[i]);
    }
  }
}

bool equal_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("voxel scores equal the brute force") {
  const auto center = GENERATE(Center::kNone, Center::kMean, Center::kZScore);
  const auto seed = GENERATE(1U, 2U, 3U);
  const auto [h, w, channels] = GENERATE(std::tuple{14, 14, 64}, std::tuple{7, 13, 37},
                                         std::tuple{1, 1, 1}, std::tuple{3, 5, 2});
  test::MadeUp made = test::random_scene(5, h, w, channels, 0.7F, seed);
  test::damage(made, seed);
  CAPTURE(to_string(center), seed, h, w, channels);
  const SceneTokens scene = made.tokens();
  const TokenRows rows = token_rows(scene, 0.1, center);
  const auto all = ref::tokens(scene, 0.1, center);
  REQUIRE(rows.size() == static_cast<std::int64_t>(all.size()));
  CHECK(rows.size() + rows.without_depth + rows.not_finite ==
        static_cast<std::int64_t>(made.cells()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    REQUIRE(rows.view[i] == all[i].view);
    REQUIRE(rows.cell[i] == all[i].cell);
  }
  const MultiViewScore fast = multi_view_score(rows);
  const ref::MultiView slow = ref::multi_view(scene, all, 0.1);
  CHECK(fast.voxels == slow.voxels);
  CHECK(fast.shared == slow.shared);
  CHECK(fast.pairs == slow.pairs);
  CHECK(same(fast.score, slow.score));
  CHECK(same(fast.score_by_pairs, slow.by_pairs));
  check_map(fast.map, slow.map);
  const AdjacentScore adjacent = adjacent_score(rows, kVoxel_m, 1, EmptyPair::kNan);
  REQUIRE(adjacent.pairs.size() == 4);
  double sum = 0;
  std::int64_t finite = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    const PairScore& pair = adjacent.pairs[std::size_t(i)];
    const ref::Pair expected = ref::pair_score(scene, all, i, i + 1, 0.1);
    CHECK(pair.shared == expected.shared);
    CHECK(pair.either == expected.either);
    CHECK(same(pair.score, expected.score));
    check_map(pair.map_a, expected.map_a);
    check_map(pair.map_b, expected.map_b);
    if (std::isnan(expected.score)) continue;
    sum += expected.score;
    ++finite;
  }
  CHECK(adjacent.finite_pairs == finite);
  CHECK(same(adjacent.score, finite > 0 ? sum / static_cast<double>(finite) : NAN));
}

TEST_CASE("constant features score 1, and 0 when centred") {
  test::MadeUp made = test::random_scene(6, 14, 14, 48, 0.8F, 5);
  for (std::size_t i = 0; i < made.features.size(); ++i) {
    made.features[i] = std::sin(static_cast<float>(i % 48));
  }
  const TokenRows raw = token_rows(made.tokens(), 0.1, Center::kNone);
  CHECK(multi_view_score(raw).score == Approx(1).epsilon(1e-12));
  CHECK(adjacent_score(raw).score == Approx(1).epsilon(1e-12));
  const auto center = GENERATE(Center::kMean, Center::kZScore);
  const TokenRows centred = token_rows(made.tokens(), 0.1, center);
  CHECK(centred.zero == centred.size());
  CHECK(multi_view_score(centred).score == 0);
  CHECK(adjacent_score(centred).score == 0);
}

TEST_CASE("perfect features score 1, and lose it with permuted coordinates") {
  test::MadeUp made = test::coded_scene(8, 14, 14, 96, 6, 7);
  const auto score = [](const test::MadeUp& scene, Center center) {
    return multi_view_score(token_rows(scene.tokens(), 0.1, center)).score;
  };
  CHECK(score(made, Center::kNone) == Approx(1).margin(1e-6));
  CHECK(score(made, Center::kMean) == Approx(1).margin(1e-6));
  CHECK(adjacent_score(token_rows(made.tokens(), 0.1, Center::kNone)).score ==
        Approx(1).margin(1e-6));
  // The same features, shifted far from 0 by one direction that all tokens share: raw scores stay
  // high whatever the coordinates, the centred one does not.
  for (std::size_t i = 0; i < made.features.size(); ++i) made.features[i] += 5;
  test::MadeUp moved = made;
  std::vector<std::size_t> order(made.cells());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::copy_n(made.world.begin() + static_cast<std::ptrdiff_t>(3 * order[i]), 3,
                moved.world.begin() + static_cast<std::ptrdiff_t>(3 * i));
  }
  CHECK(score(moved, Center::kNone) > 0.9);
  CHECK(score(made, Center::kMean) == Approx(1).margin(1e-5));
  CHECK(std::abs(score(moved, Center::kMean)) < 0.1);
}

TEST_CASE("independent features score about 0") {
  // 64 channels: a cosine has deviation 1/8; some 1000 voxels bring the mean to 0.004, five of
  // which are the bar. The released functions gave 0.001 on such features.
  const test::MadeUp made = test::random_scene(32, 14, 14, 64, 1.2F, 11);
  const TokenRows rows = token_rows(made.tokens(), 0.1, Center::kNone);
  const MultiViewScore score = multi_view_score(rows);
  CHECK(score.shared > 1000);
  CHECK(std::abs(score.score) < 0.02);
  CHECK(std::abs(adjacent_score(rows).score) < 0.02);
}

TEST_CASE("two views, by hand") {
  // Voxels of 1 m. View 0: x = 0 (1, 0), x = 0.5 (0, 1), x = 2 (1, 0); view 1: x = 0.9 (1, 0),
  // x = 2.5 (0, 2), x = 7 (1, 0).
  test::MadeUp s{2, 1, 3, 2, {1, 0, 0, 1, 1, 0, 1, 0, 0, 2, 1, 0}, {}, std::vector<float>(6, 1)};
  for (const float x : {0.0F, 0.5F, 2.0F, 0.9F, 2.5F, 7.0F}) {
    s.world.insert(s.world.end(), {x, 0.0F, 0.0F});
  }
  const TokenRows rows = token_rows(s.tokens(), 0.1, Center::kNone);
  const PairScore pair = pair_score(rows, 0, 1, 1.0);
  CHECK(pair.shared == 2);
  CHECK(pair.either == 3);
  CHECK(pair.score == Approx((std::sqrt(0.5) + 0) / 2).epsilon(1e-7));
  CHECK(pair.map_a[0] == Approx(std::sqrt(0.5)));
  CHECK(pair.map_a[1] == pair.map_a[0]);
  CHECK(pair.map_b[1] == 0);
  CHECK(std::isnan(pair.map_b[2]));
  const MultiViewScore scene = multi_view_score(rows, 1.0);
  CHECK(scene.score == Approx(pair.score).epsilon(1e-12));
  CHECK(scene.most_views == 2);
}

TEST_CASE("scores do not depend on threads") {
  test::MadeUp made = test::random_scene(9, 14, 14, 131, 0.9F, 21);
  test::damage(made, 4);
  const auto center = GENERATE(Center::kNone, Center::kZScore);
  const TokenRows one = token_rows(made.tokens(), 0.1, center, 1);
  const MultiViewScore scene = multi_view_score(one, 0.1, 1);
  const AdjacentScore adjacent = adjacent_score(one, 0.1, 1);
  for (const int threads : {2, 7}) {
    const TokenRows rows = token_rows(made.tokens(), 0.1, center, threads);
    CHECK(equal_bits(rows.unit, one.unit));
    const MultiViewScore other = multi_view_score(rows, 0.1, threads);
    CHECK(other.score == scene.score);
    CHECK(other.score_by_pairs == scene.score_by_pairs);
    CHECK(equal_bits(other.map, scene.map));
    const AdjacentScore pairs = adjacent_score(rows, 0.1, threads);
    CHECK(pairs.score == adjacent.score);
    CHECK(pairs.spread == adjacent.spread);
  }
}

TEST_CASE("nothing, one view, blank views, absurd coordinates") {
  test::MadeUp none{0, 14, 14, 8, {}, {}, {}};
  const TokenRows empty = token_rows(none.tokens(), 0.1, Center::kMean);
  CHECK(empty.size() == 0);
  CHECK(std::isnan(multi_view_score(empty).score));
  CHECK(adjacent_score(empty).pairs.empty());
  CHECK(std::isnan(adjacent_score(empty).score));
  const test::MadeUp no_cells{3, 0, 14, 8, {}, {}, {}};
  CHECK(token_rows(no_cells.tokens(), 0.1, Center::kNone).views() == 3);

  const test::MadeUp single = test::random_scene(1, 3, 3, 8, 0.1F, 1);
  const TokenRows one = token_rows(single.tokens(), 0.1, Center::kNone);
  CHECK(std::isnan(multi_view_score(one).score));
  CHECK(multi_view_score(one).shared == 0);
  CHECK_THROWS_AS(pair_score(one, 0, 1), InputError);

  test::MadeUp blank = test::random_scene(3, 3, 3, 8, 0.1F, 1);
  std::fill(blank.valid.begin(), blank.valid.begin() + 18, 0.0F);  // views 0 and 1
  const TokenRows rows = token_rows(blank.tokens(), 0.1, Center::kNone);
  CHECK_THROWS_AS(adjacent_score(rows), InputError);
  const AdjacentScore score = adjacent_score(rows, 0.1, 1, EmptyPair::kNan);
  CHECK(score.finite_pairs == 0);
  CHECK(std::isnan(score.score));
  CHECK(score.pairs[1].either > 0);

  test::MadeUp far = test::random_scene(2, 3, 3, 8, 0.1F, 1);
  far.world[0] = 1e30F;
  CHECK_THROWS_AS(multi_view_score(token_rows(far.tokens(), 0.1, Center::kNone)), InputError);
  CHECK_THROWS_AS(multi_view_score(rows, 0), InputError);
  CHECK_THROWS_AS(token_rows(far.tokens(), 2, Center::kNone), InputError);
  far.valid.pop_back();
  CHECK_THROWS_AS(token_rows(far.tokens(), 0.1, Center::kNone), InputError);
}
