#include "metrics/sums.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

using namespace vega::metrics;

namespace {

std::vector<double> hits(int right, int all) {
  std::vector<double> out(static_cast<std::size_t>(all), 0);
  std::fill_n(out.begin(), right, 100.0);
  return out;
}

}  // namespace

TEST_CASE("rates of independent questions have Wilson's interval, also at 0 and at 100") {
  const auto interval = [](int right, int all) {
    return interval_of(rate_score(hits(right, all)), one_each(static_cast<std::size_t>(all)), {});
  };
  CHECK(interval(0, 20).low == 0);
  CHECK(interval(0, 20).high == Approx(16.1).margin(0.05));
  CHECK(interval(20, 20).low == Approx(83.9).margin(0.05));
  CHECK(interval(20, 20).high == 100);
  CHECK(interval(500, 500).low == Approx(99.2).margin(0.05));
  CHECK(interval(1, 1).low == Approx(20.7).margin(0.05));
}

TEST_CASE("no interval has width zero") {
  const std::vector<double> equal(30, 70);
  const auto score = mean_score(equal);
  CHECK(value_of(score) == Approx(70));
  const auto interval = interval_of(score, one_each(30), {});
  CHECK(interval.low < 60);
  CHECK(interval.high > 75);
  // Nor where all questions are of one scene.
  Clusters one;
  one.count = 1;
  one.cluster.assign(30, 0);
  CHECK(interval_of(rate_score(hits(15, 30)), one, {}).high -
            interval_of(rate_score(hits(15, 30)), one, {}).low >
        20);
}

TEST_CASE("questions that do not count are neither in the mean nor in its interval") {
  std::vector<double> earned = hits(10, 20);
  const auto all = interval_of(rate_score(earned), one_each(20), {});
  earned.resize(40, std::numeric_limits<double>::quiet_NaN());
  CHECK(value_of(rate_score(earned)) == Approx(50));
  CHECK(interval_of(rate_score(earned), one_each(40), {}).low == Approx(all.low));
}

TEST_CASE("intervals of clustered rates and means hold the truth in 93 to 97 of 100 samples") {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  constexpr int kTrials = 1500, kScenes = 40, kEach = 15;
  int rates = 0, means = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> right, graded;
    Clusters clusters;
    clusters.count = kScenes;
    for (int s = 0; s < kScenes; ++s) {
      const double lean = 0.15 * normal(random);  // of the scene; symmetric about 0.5
      const double p = std::clamp(0.5 + lean, 0.0, 1.0);
      for (int q = 0; q < kEach; ++q) {
        right.push_back(uniform(random) < p ? 100 : 0);
        graded.push_back(100 * std::clamp(p + 0.1 * normal(random), 0.0, 1.0));
        clusters.cluster.push_back(static_cast<std::size_t>(s));
      }
    }
    const Bootstrap settings{400, static_cast<std::uint64_t>(trial)};
    const auto r = interval_of(rate_score(right), clusters, settings);
    rates += r.low <= 50 && 50 <= r.high;
    const auto m = interval_of(mean_score(graded), clusters, settings);
    means += m.low <= 50 && 50 <= m.high;
  }
  CHECK(rates > 0.93 * kTrials);
  CHECK(rates < 0.97 * kTrials);
  CHECK(means > 0.93 * kTrials);
  CHECK(means < 0.97 * kTrials);
}

TEST_CASE("p-values of two equal systems are uniform, and of a better one small") {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  constexpr int kTrials = 200, kScenes = 30, kEach = 6;
  int below_tenth = 0, below_half = 0;
  Clusters clusters;
  clusters.count = kScenes;
  for (int s = 0; s < kScenes; ++s)
    for (int q = 0; q < kEach; ++q) clusters.cluster.push_back(static_cast<std::size_t>(s));
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> a, b;
    for (int s = 0; s < kScenes; ++s) {
      const double of_a = 0.2 * normal(random), of_b = 0.2 * normal(random);
      for (int q = 0; q < kEach; ++q) {
        a.push_back(uniform(random) < 0.6 + of_a ? 100 : 0);
        b.push_back(uniform(random) < 0.6 + of_b ? 100 : 0);
      }
    }
    const auto test =
        compare(mean_score(a), mean_score(b), clusters, {300, static_cast<std::uint64_t>(trial)});
    below_tenth += test.p <= 0.1;
    below_half += test.p <= 0.5;
  }
  CHECK(below_tenth >= 8);  // 20 expected, deviation 4.2
  CHECK(below_tenth <= 34);
  CHECK(below_half >= 78);  // 100 expected, deviation 7.1
  CHECK(below_half <= 122);
}

TEST_CASE("few scenes cannot give a small p, and that is said") {
  Clusters clusters;
  clusters.count = 3;
  std::vector<double> a, b;
  for (std::size_t s = 0; s < 3; ++s) {
    for (int q = 0; q < 50; ++q) {
      clusters.cluster.push_back(s);
      a.push_back(0);
      b.push_back(100);
    }
  }
  const auto test = compare(mean_score(a), mean_score(b), clusters, {});
  CHECK(test.difference == Approx(100));
  CHECK(test.smallest_p == Approx(0.25));
  CHECK(test.p == Approx(0.25));
}

TEST_CASE("a mean of means has the interval of that mean, not of the pooled questions") {
  // Part 0: 1000 questions, all right; part 1: 10 questions, half right.
  SumScore score;
  score.width = 4;
  for (int i = 0; i < 1010; ++i) {
    const bool first = i < 1000;
    const double value = first || i % 2 == 0 ? 100 : 0;
    score.terms.insert(score.terms.end(),
                       {first ? value : 0, first ? 1.0 : 0, first ? 0 : value, first ? 0 : 1.0});
  }
  score.value = [](std::span<const double> s) {
    return s[1] > 0 && s[3] > 0 ? (s[0] / s[1] + s[2] / s[3]) / 2
                                : std::numeric_limits<double>::quiet_NaN();
  };
  CHECK(value_of(score) == Approx(75));
  const auto interval = interval_of(score, one_each(1010), {});
  CHECK(interval.high - interval.low > 20);  // of the pooled questions: below 1
}
