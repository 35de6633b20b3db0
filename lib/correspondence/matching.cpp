#include "correspondence/matching.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "correspondence/nearest.h"
#include "correspondence/statistics.h"

namespace vega {
namespace {

struct Sides {
  std::int64_t a, b, rows_a, rows_b;  // first rows, and how many
};

Sides sides(const TokenRows& rows, std::int64_t a, std::int64_t b) {
  if (a < 0 || b < 0 || a >= rows.views() || b >= rows.views()) {
    throw InputError(explain("correspondence: pair of views",
                             std::to_string(a) + ", " + std::to_string(b),
                             "two of " + std::to_string(rows.views())));
  }
  const auto first = [&](std::int64_t v) { return rows.first[std::size_t(v)]; };
  return {first(a), first(b), first(a + 1) - first(a), first(b + 1) - first(b)};
}

Nearest nearest(const TokenRows& rows, std::int64_t a, std::int64_t n, std::int64_t b,
                std::int64_t m) {
  return nearest_rows(rows.row(a), n, rows.row(b), m, rows.channels);
}

double mean_of(const std::vector<float>& values) {
  return spread_of(std::vector<double>(values.begin(), values.end())).mean;
}

void summarise(PairMatches& out) {
  const double least = static_cast<double>(std::min(out.valid_a, out.valid_b));
  out.mutual_ratio = least > 0 ? static_cast<double>(out.mutual) / least : kNoScore;
  out.recall.fill(kNoScore);
  out.kept_count = static_cast<std::int64_t>(out.kept.size());
  out.best_similarity = out.kept.empty() ? kNoScore : out.kept.front().similarity;
  std::vector<double> similarity, distance;
  for (const TokenMatch& match : out.kept) {
    similarity.push_back(match.similarity);
    distance.push_back(match.distance_m);
  }
  out.mean_similarity = spread_of(similarity).mean;
  out.mean_distance_m = spread_of(distance).mean;
  if (out.kept.empty()) return;
  for (std::size_t t = 0; t < kMatchRecall_m.size(); ++t) {
    const auto within = std::count_if(distance.begin(), distance.end(),
                                      [&](double d) { return d < kMatchRecall_m[t]; });
    out.recall[t] = static_cast<double>(within) / static_cast<double>(distance.size());
  }
}

}  // namespace

PairMatches match_pair(const TokenRows& rows, std::int64_t a, std::int64_t b,
                       const MatchOptions& options) {
  const Sides s = sides(rows, a, b);
  PairMatches out{a, b, s.rows_a, s.rows_b};
  const Nearest to_b = nearest(rows, s.a, s.rows_a, s.b, s.rows_b);
  const Nearest to_a = nearest(rows, s.b, s.rows_b, s.a, s.rows_a);
  for (std::int64_t i = 0; i < s.rows_a; ++i) {
    const std::int32_t j = to_b.best[std::size_t(i)];
    if (j < 0) continue;
    const bool mutual = to_a.best[std::size_t(j)] == i;
    out.mutual += mutual;
    const float similarity = to_b.best_cosine[std::size_t(i)];
    const auto p = rows.point(s.a + i), q = rows.point(s.b + j);
    const double distance = std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
    if (options.mutual && !mutual) continue;
    if (!(similarity >= static_cast<float>(options.min_similarity))) continue;
    if (options.max_distance_m > 0 && distance > options.max_distance_m) continue;
    out.kept.push_back(
        {rows.cell[std::size_t(s.a + i)], rows.cell[std::size_t(s.b + j)], similarity, distance});
  }
  std::stable_sort(out.kept.begin(), out.kept.end(), [](const TokenMatch& x, const TokenMatch& y) {
    return x.similarity > y.similarity;
  });
  summarise(out);
  return out;
}

AdjacentMatches match_adjacent(const TokenRows& rows, const MatchOptions& options, int threads) {
  AdjacentMatches out;
  out.pairs.resize(static_cast<std::size_t>(std::max<std::int64_t>(0, rows.views() - 1)));
  parallel_for(out.pairs.size(), threads, [&](std::size_t i) {
    const auto a = static_cast<std::int64_t>(i);
    out.pairs[i] = match_pair(rows, a, a + 1, options);
  });
  const auto mean = [&](const auto& value) {
    std::vector<double> values;
    for (const PairMatches& pair : out.pairs) values.push_back(value(pair));
    return spread_of(values).mean;
  };
  out.mean_mutual_ratio = mean([](const PairMatches& p) { return p.mutual_ratio; });
  out.mean_kept = mean([](const PairMatches& p) { return static_cast<double>(p.kept.size()); });
  out.mean_similarity = mean([](const PairMatches& p) { return p.mean_similarity; });
  out.mean_distance_m = mean([](const PairMatches& p) { return p.mean_distance_m; });
  out.best_similarity = mean([](const PairMatches& p) { return p.best_similarity; });
  for (std::size_t t = 0; t < out.recall.size(); ++t) {
    out.recall[t] = mean([t](const PairMatches& p) { return p.recall[t]; });
  }
  return out;
}

double pair_consistency(const TokenRows& rows, std::int64_t a, std::int64_t b) {
  const Sides s = sides(rows, a, b);
  if (s.rows_a == 0 || s.rows_b == 0) return kNoScore;
  return 0.5 * (mean_of(nearest(rows, s.a, s.rows_a, s.b, s.rows_b).best_cosine) +
                mean_of(nearest(rows, s.b, s.rows_b, s.a, s.rows_a).best_cosine));
}

}  // namespace vega
