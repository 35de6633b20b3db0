// How sure a score is: 95 % intervals, and the difference between two systems on the same
// questions. Everything random is a function of the seed alone.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace vega::metrics {

struct Interval {
  double low = 0, high = 0;
};

// Wilson's score interval of a rate, 95 %. It has a width for 0 of n and n of n, too. total > 0.
Interval wilson(std::int64_t hits, std::int64_t total);
// The same of a share in [0, 1] of `total` questions, which need not be whole.
Interval wilson_share(double share, double total);

// Two-sided 95 % point of Student's t; infinite degrees of freedom: the normal distribution's.
double student_975(double degrees);

// A question's place among the clusters (scenes) that are drawn as a whole; question i belongs to
// cluster[i], clusters count from 0.
struct Clusters {
  std::vector<std::size_t> cluster;
  std::size_t count = 0;
};
Clusters clusters_of(std::span<const std::string> names);
Clusters one_each(std::size_t questions);

struct Bootstrap {
  int draws = 2000;
  std::uint64_t seed = 42;
};

// Percentile interval of a statistic over draws of clusters with replacement. `statistic` gets how
// often each question was drawn; a NaN is left out. Widened for few clusters by what Student's t
// makes of the normal distribution.
Interval bootstrap(const Clusters& clusters, const Bootstrap& settings,
                   const std::function<double(std::span<const int> drawn)>& statistic);

// The same for a statistic that gets how often each cluster was drawn. deviation: gets the standard
// deviation over the draws.
Interval bootstrap_clusters(std::size_t clusters, const Bootstrap& settings,
                            const std::function<double(std::span<const int> drawn)>& statistic,
                            double* deviation = nullptr);

// Times the standard error: the smallest difference that is found with power 0.8 at 5 %.
extern const double kDetectable;

// Two systems on the same questions.
struct PairedTest {
  double difference = 0;  // mean of b - a
  Interval interval;      // bootstrap over clusters
  double p = 1;           // two-sided, signs of whole clusters exchanged
  double smallest_p = 1;  // that this number of clusters can give
  double detectable =
      0;  // the smallest difference that this number of questions shows with power 0.8 at 5 %
  std::int64_t won = 0, lost = 0, tied = 0;  // by b
};
// Exchanges the two systems on `moving` clusters (sign 1: exchanged) in all ways where these are
// few, else in seeded random ways; as_large says whether the difference is as large as the observed
// one. Sets p and smallest_p of `out`.
void permute(std::size_t moving, const Bootstrap& settings,
             const std::function<bool(std::span<const char> signs)>& as_large, PairedTest& out);

}  // namespace vega::metrics
