// Scores that are functions of sums over questions: means, means of means, corpus BLEU and METEOR.
// One form serves the value, its interval, groups of questions, and the comparison of two systems.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "metrics/intervals.h"

namespace vega::metrics {

// terms: questions x width, row-major. value(sum of rows) is the score, in [0, most]; NaN where
// there is none.
struct SumScore {
  std::size_t width = 0;
  std::vector<double> terms;
  std::function<double(std::span<const double> sums)> value;
  double most = 100;
  bool rate = false;  // terms are (0 or most, 1): a share of questions

  std::size_t questions() const { return width == 0 ? 0 : terms.size() / width; }
};

// The mean of what questions earned; NaN: the question does not count.
SumScore mean_score(std::span<const double> earned, double most = 100);
// The same where every question earns nothing or `most`.
SumScore rate_score(std::span<const double> earned, double most = 100);
// The mean of the scores of several runs over the same questions.
SumScore mean_of(std::span<const SumScore> runs);
SumScore some_of(const SumScore& score, std::span<const std::size_t> questions);
Clusters some_of(const Clusters& clusters, std::span<const std::size_t> questions);

double value_of(const SumScore& score);

// 95 %, within [0, most], never of width zero. Rates: Wilson's interval; where clusters hold
// several questions, for the number of independent questions that would be as sure (design effect,
// at least 1), with Student's t. Others: bootstrap over clusters; where every draw gives one value,
// Wilson's interval of value / most. {NaN, NaN} where there is no value.
Interval interval_of(const SumScore& score, const Clusters& clusters, const Bootstrap& settings);

// b against a on the same questions; won, lost and tied are left to the caller. p: whole clusters
// exchange their systems.
PairedTest compare(const SumScore& a, const SumScore& b, const Clusters& clusters,
                   const Bootstrap& settings);

// The same of what the questions earned alone: the difference of the means, and who won.
PairedTest paired_test(std::span<const double> a, std::span<const double> b,
                       const Clusters& clusters, const Bootstrap& settings);

}  // namespace vega::metrics
