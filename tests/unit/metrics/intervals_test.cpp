#include "metrics/sums.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace vega::metrics;

TEST_CASE("Wilson's interval") {
  const auto percent = [](std::int64_t hits, std::int64_t total) {
    const Interval i = wilson(hits, total);
    return std::pair{std::round(1000 * i.low) / 10, std::round(1000 * i.high) / 10};
  };
  CHECK(percent(0, 20) == std::pair{0.0, 16.1});
  CHECK(percent(20, 20) == std::pair{83.9, 100.0});
  CHECK(percent(500, 500) == std::pair{99.2, 100.0});
  CHECK(percent(50, 100) == std::pair{40.4, 59.6});
}

TEST_CASE("bootstrap intervals of a mean cover the truth in about 95 of 100 cases") {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  int covered = 0;
  constexpr int kRounds = 1000;
  for (int round = 0; round < kRounds; ++round) {
    // 25 scenes of 1 to 6 questions; questions of a scene are alike.
    std::vector<std::string> names;
    std::vector<double> values;
    for (int scene = 0; scene < 25; ++scene) {
      const double shared = normal(random);
      const int questions = 1 + scene % 6;
      for (int q = 0; q < questions; ++q) {
        names.push_back("scene" + std::to_string(scene));
        values.push_back(0.7 * shared + normal(random));
      }
    }
    Bootstrap settings;
    settings.draws = 300;
    settings.seed = static_cast<std::uint64_t>(round);
    const Interval i = bootstrap(clusters_of(names), settings, [&](std::span<const int> drawn) {
      double sum = 0, count = 0;
      for (std::size_t k = 0; k < values.size(); ++k)
        sum += drawn[k] * values[k], count += drawn[k];
      return sum / count;
    });
    covered += i.low <= 0 && 0 <= i.high;
  }
  CHECK(covered >= 0.93 * kRounds);
  CHECK(covered <= 0.97 * kRounds);
}

TEST_CASE("p-values are uniform where nothing differs") {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> p;
  for (int round = 0; round < 300; ++round) {
    std::vector<double> a(40), b(40);
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = normal(random), b[i] = normal(random);
    Bootstrap settings;
    settings.draws = 10;
    settings.seed = static_cast<std::uint64_t>(round);
    p.push_back(paired_test(a, b, one_each(a.size()), settings).p);
  }
  std::sort(p.begin(), p.end());
  double worst = 0;  // Kolmogorov and Smirnov
  for (std::size_t i = 0; i < p.size(); ++i)
    worst = std::max(worst, std::abs(p[i] - (static_cast<double>(i) + 0.5) / 300));
  CHECK(worst < 1.36 / std::sqrt(300));
}

TEST_CASE("a paired test of few scenes says how small its p can be") {
  const std::vector<double> a = {0, 0, 0, 0, 0}, b = {1, 1, 1, 0, 1};
  const auto test = paired_test(a, b, one_each(5), {});
  CHECK(test.difference == Approx(0.8));
  CHECK(test.won == 4);
  CHECK(test.lost == 0);
  CHECK(test.tied == 1);
  CHECK(test.p == Approx(2.0 / 16));
  CHECK(test.smallest_p == Approx(2.0 / 16));
  CHECK(test.detectable > 0);
  const auto same = paired_test(a, a, one_each(5), {});
  CHECK(same.p == 1);
  CHECK(same.difference == 0);
}
