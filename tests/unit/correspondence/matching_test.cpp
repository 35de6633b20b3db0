#include "correspondence/matching.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "correspondence/nearest.h"
#include "ref/correspondence_ref.h"
#include "unit/correspondence/made_up.h"

using namespace vega;

TEST_CASE("nearest rows equal the brute force at any size") {
  const auto n = GENERATE(0, 1, 3, 4, 65, 131);
  const auto m = GENERATE(0, 1, 31, 33, 97);
  const std::int64_t channels = 29;
  test::MadeUp made = test::random_scene(1, 1, n + m, channels, 1, 5);
  const TokenRows rows = token_rows(made.tokens(), 0, Center::kNone);
  const auto all = ref::tokens(made.tokens(), 0, Center::kNone);
  const std::vector<ref::Token> others(all.begin() + n, all.end());
  for (const int threads : {1, 7}) {
    const Nearest got = nearest_rows(rows.row(0), n, rows.row(n), m, channels, threads);
    for (std::int64_t i = 0; i < n; ++i) {
      auto left = others;
      const std::int64_t best = ref::best(all[std::size_t(i)], left);
      REQUIRE(got.best[std::size_t(i)] == best);
      if (best < 0) continue;
      REQUIRE(got.best_cosine[std::size_t(i)] ==
              Approx(ref::dot(all[std::size_t(i)].f, others[std::size_t(best)].f)).margin(1e-6));
      left[std::size_t(best)].f = all[std::size_t(i)].f;  // negated: the worst
      for (double& v : left[std::size_t(best)].f) v *= -1;
      if (m > 1) REQUIRE(got.second[std::size_t(i)] == ref::best(all[std::size_t(i)], left));
      if (m == 1) REQUIRE(got.second[std::size_t(i)] == -1);
    }
  }
}

TEST_CASE("matches equal the brute force") {
  test::MadeUp made = test::coded_scene(2, 9, 11, 40, 5, 3);
  std::mt19937 engine(1);
  std::normal_distribution<float> noise(0, 0.4F);
  for (float& x : made.features) x += noise(engine);
  test::damage(made, 6);
  const TokenRows rows = token_rows(made.tokens(), 0.1, Center::kNone);
  const auto all = ref::tokens(made.tokens(), 0.1, Center::kNone);
  const auto middle = all.begin() + rows.first[1];
  const std::vector<ref::Token> a(all.begin(), middle), b(middle, all.end());
  const PairMatches got = match_pair(rows, 0, 1);
  std::vector<TokenMatch> expected;
  std::int64_t mutual = 0;
  for (const ref::Token& t : a) {
    const ref::Token& other = b[std::size_t(ref::best(t, b))];
    if (a[std::size_t(ref::best(other, a))].cell != t.cell) continue;
    ++mutual;
    const double s = ref::dot(t.f, other.f);
    if (s < 0.6) continue;
    double square = 0;
    for (std::size_t k = 0; k < 3; ++k) square += std::pow(double(t.p[k]) - other.p[k], 2);
    expected.push_back({static_cast<std::int32_t>(t.cell), static_cast<std::int32_t>(other.cell),
                        static_cast<float>(s), std::sqrt(square)});
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& x, const auto& y) { return x.similarity > y.similarity; });
  CHECK(got.mutual == mutual);
  REQUIRE(got.kept.size() == expected.size());
  REQUIRE(expected.size() > 20);
  double near = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(got.kept[i].cell_a == expected[i].cell_a);
    REQUIRE(got.kept[i].cell_b == expected[i].cell_b);
    REQUIRE(got.kept[i].similarity == Approx(expected[i].similarity).margin(1e-6));
    REQUIRE(got.kept[i].distance_m == Approx(expected[i].distance_m).margin(1e-9));
    near += expected[i].distance_m < 0.2;
  }
  CHECK(got.recall[1] == Approx(near / static_cast<double>(expected.size())));
  CHECK(got.best_similarity == Approx(expected.front().similarity).margin(1e-6));

  const PairMatches every = match_pair(rows, 0, 1, {.mutual = false, .min_similarity = -1});
  CHECK(every.kept.size() == a.size());
  const PairMatches close =
      match_pair(rows, 0, 1, {.mutual = false, .min_similarity = -1, .max_distance_m = 0.05});
  CHECK(close.mutual == mutual);
  CHECK(close.kept.size() < every.kept.size());
  CHECK(close.recall[0] == 1);
}

TEST_CASE("recall and distances by hand") {
  // Four codes in both views; the points of view 1 are 0.05, 0.15, 0.3 and 0.7 m away.
  test::MadeUp s{2, 1, 4, 4, {}, std::vector<float>(24, 0.0F), std::vector<float>(8, 1.0F)};
  for (int i = 0; i < 32; ++i) s.features.push_back(i % 16 / 4 == i % 4 ? 1.0F : 0.0F);
  const std::array<float, 4> far = {0.05F, 0.15F, 0.3F, 0.7F};
  for (std::size_t i = 0; i < 4; ++i) s.world[12 + 3 * i + i % 3] = far[i];
  const TokenRows rows = token_rows(s.tokens(), 0.1, Center::kNone);
  const PairMatches got = match_pair(rows, 0, 1);
  CHECK(got.recall == std::array<double, 3>{0.25, 0.5, 0.75});
  CHECK(got.mean_distance_m == Approx(0.3));
  CHECK(got.mutual_ratio == 1);
  CHECK(match_pair(rows, 0, 1, {.min_similarity = 1.1}).kept.empty());
  CHECK(match_pair(rows, 0, 1, {.max_distance_m = 0.2}).kept.size() == 2);
}

TEST_CASE("a constant feature gives exactly one mutual match: the first cells") {
  test::MadeUp made = test::random_scene(2, 14, 14, 70, 1, 2);
  for (std::size_t i = 0; i < made.features.size(); ++i) {
    made.features[i] = std::cos(static_cast<float>(i % 70));
  }
  const PairMatches got = match_pair(token_rows(made.tokens(), 0.1, Center::kNone), 0, 1);
  CHECK(got.mutual == 1);
  REQUIRE(got.kept.size() == 1);
  CHECK(got.kept[0].cell_a == 0);
  CHECK(got.kept[0].cell_b == 0);
}

TEST_CASE("adjacent matches: means over pairs, blank views, threads") {
  test::MadeUp made = test::coded_scene(5, 8, 8, 64, 4, 9);
  std::fill(made.valid.begin() + 64 * 2, made.valid.begin() + 64 * 3, 0.0F);  // view 2
  const TokenRows rows = token_rows(made.tokens(), 0.1, Center::kNone);
  const AdjacentMatches got = match_adjacent(rows);
  REQUIRE(got.pairs.size() == 4);
  CHECK(got.pairs[1].kept.empty());
  CHECK(std::isnan(got.pairs[1].mean_similarity));
  CHECK(std::isnan(got.pairs[1].mutual_ratio));
  CHECK(got.mean_similarity == Approx(1).margin(1e-6));
  CHECK(got.mean_kept == Approx((got.pairs[0].kept.size() + got.pairs[3].kept.size()) / 4.0));
  CHECK(got.recall[2] == 1);
  CHECK(got.mean_distance_m == match_adjacent(rows, {}, 7).mean_distance_m);
  CHECK(std::isnan(match_adjacent(TokenRows{.channels = 4, .first = {0}}).mean_similarity));
}

TEST_CASE("pair consistency") {
  test::MadeUp s{2, 1, 2, 2, {1, 0, 0, 1, 1, 0, 3, 4}, std::vector<float>(12, 0), {1, 1, 1, 1}};
  const TokenRows rows = token_rows(s.tokens(), 0.1, Center::kNone);
  // Cosines: rows (1, 0.6), (0, 0.8): maxima 1, 0.8; columns 1, 0.8.
  CHECK(pair_consistency(rows, 0, 1) == Approx(0.9).margin(1e-6));
  CHECK_THROWS_AS(pair_consistency(rows, 0, 2), InputError);
}
