#include "correspondence/separation.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "correspondence/statistics.h"
#include "correspondence/voxel_score.h"
#include "ref/correspondence_ref.h"
#include "unit/correspondence/made_up.h"

using namespace vega;

TEST_CASE("AUC by hand") {
  const auto area = [](std::vector<float> positive, std::vector<float> negative) {
    return auc(positive, negative);
  };
  // Pairs won: 0.9 beats all four, 0.5 beats 0.1 and 0.2 and ties with 0.5, 0.2 beats one, ties
  // one.
  CHECK(area({0.9F, 0.5F, 0.2F}, {0.1F, 0.2F, 0.5F, 0.8F}) == (4 + 2.5 + 1.5) / 12);
  CHECK(area({1, 2}, {0}) == 1);
  CHECK(area({0}, {1, 2}) == 0);
  CHECK(area({3, 3, 3}, {3, 3}) == 0.5);
  CHECK(std::isnan(area({}, {1})));
  CHECK(std::isnan(area({1}, {})));
  CHECK(std::isnan(area({NAN}, {1})));
}

TEST_CASE("AUC equals its definition") {
  std::mt19937 engine(3);
  std::vector<float> positive(307), negative(211);
  for (float& v : positive) v = static_cast<float>(engine() % 50 + 5);
  for (float& v : negative) v = static_cast<float>(engine() % 50);
  CHECK(auc(positive, negative) ==
        Approx(ref::auc({positive.begin(), positive.end()}, {negative.begin(), negative.end()}))
            .epsilon(1e-12));
}

TEST_CASE("drawn pairs have the means of all pairs") {
  // Features: a direction of the place, one of the view, and noise.
  test::MadeUp made = test::random_scene(4, 6, 7, 16, 0.6F, 8);
  for (std::size_t i = 0; i < made.cells(); ++i) {
    made.features[16 * i + 4 + i / 42] += 6;
    for (std::size_t k = 0; k < 3; ++k) {
      made.features[16 * i + k] += 5 * std::sin(5 * made.world[3 * i + k]);
    }
  }
  test::damage(made, 8);
  const TokenRows rows = token_rows(made.tokens(), 0.1, Center::kNone);
  const auto all = ref::exhaustive(ref::tokens(made.tokens(), 0.1, Center::kNone), 0.1);
  const Separation got = separation(rows);
  CHECK(got.same_pairs == 100000);
  CHECK(got.different_pairs == 100000);
  CHECK(got.unrelated_pairs == 100000);
  // Cosines deviate by at most 1, so a mean of 1e5 by 0.0032 at most: four deviations. The AUC of
  // independent draws: below 0.5 sqrt(1/1e5 + 1/1e5) = 0.0022.
  CHECK(std::abs(got.mean_same - all.same) < 0.0127);
  CHECK(std::abs(got.mean_different - all.different) < 0.0127);
  CHECK(std::abs(got.mean_unrelated - all.unrelated) < 0.0127);
  CHECK(std::abs(got.auc - all.auc) < 0.009);
  CHECK(got.auc > 0.6);
}

TEST_CASE("constant features: AUC one half, margin 0") {
  test::MadeUp made = test::random_scene(4, 14, 14, 32, 0.9F, 5);
  for (std::size_t i = 0; i < made.features.size(); ++i) {
    made.features[i] = static_cast<float>(i % 32) - 3;
  }
  const TokenRows rows = token_rows(made.tokens(), 0.1, Center::kNone);
  const Separation got = separation(rows, {.pairs = 2000});
  CHECK(got.auc == 0.5);
  CHECK(std::abs(multi_view_score(rows).score - got.mean_unrelated) < 1e-6);
}

TEST_CASE("perfect codes are told apart") {
  const test::MadeUp made = test::coded_scene(6, 14, 14, 256, 6, 3);
  const Separation got =
      separation(token_rows(made.tokens(), 0.1, Center::kNone), {.pairs = 20000});
  CHECK(got.mean_same == Approx(1).margin(1e-6));
  CHECK(got.auc == 1);
  CHECK(std::abs(got.mean_unrelated) < 0.05);
}

TEST_CASE("drawing depends on the seed alone") {
  const test::MadeUp made = test::random_scene(5, 9, 9, 24, 0.7F, 2);
  const TokenRows rows = token_rows(made.tokens(), 0.1, Center::kNone);
  const Separation one = separation(rows, {.pairs = 5000});
  for (const int threads : {2, 7}) {
    const Separation other = separation(rows, {.pairs = 5000, .threads = threads});
    CHECK(other.auc == one.auc);
    CHECK(other.mean_same == one.mean_same);
    CHECK(other.mean_unrelated == one.mean_unrelated);
  }
  CHECK(separation(rows, {.pairs = 5000, .seed = 43}).mean_same != one.mean_same);
}

TEST_CASE("where pairs are missing") {
  const auto of = [](const test::MadeUp& made, std::int64_t pairs = 100) {
    return separation(token_rows(made.tokens(), 0.1, Center::kNone), {.pairs = pairs});
  };
  const Separation nothing = of({0, 3, 3, 4, {}, {}, {}});
  CHECK(std::isnan(nothing.auc));
  CHECK(nothing.same_pairs + nothing.different_pairs + nothing.unrelated_pairs == 0);
  const Separation single = of(test::random_scene(1, 5, 5, 4, 0.5F, 1));
  CHECK(single.same_pairs + single.different_pairs == 0);
  const Separation one_voxel = of(test::random_scene(3, 5, 5, 4, 0.05F, 1));
  CHECK(one_voxel.same_pairs == 50);
  CHECK(one_voxel.different_pairs == 0);
  CHECK(std::isnan(one_voxel.auc));
  CHECK(std::isnan(one_voxel.mean_unrelated));
  CHECK(of(test::random_scene(3, 5, 5, 4, 0.5F, 1), 0).same_pairs == 0);
  CHECK_THROWS_AS(of(test::random_scene(3, 5, 5, 4, 0.5F, 1), -1), InputError);
}
