#include "metrics/sums.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vega::metrics {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double share(std::span<const double> sums) { return sums[1] > 0 ? sums[0] / sums[1] : kNone; }

// Sums of the rows of each cluster: clusters x width.
std::vector<double> cluster_sums(const SumScore& score, const Clusters& clusters) {
  std::vector<double> out(clusters.count * score.width, 0);
  for (std::size_t i = 0; i < clusters.cluster.size(); ++i) {
    for (std::size_t k = 0; k < score.width; ++k)
      out[clusters.cluster[i] * score.width + k] += score.terms[i * score.width + k];
  }
  return out;
}

// The value of clusters, each counted `weight` times.
template <typename Weight>
double weighted(const SumScore& score, const std::vector<double>& sums, std::size_t count,
                std::vector<double>& total, Weight weight) {
  total.assign(score.width, 0);
  for (std::size_t c = 0; c < count; ++c) {
    const double w = weight(c);
    if (w == 0) continue;
    for (std::size_t k = 0; k < score.width; ++k) total[k] += w * sums[c * score.width + k];
  }
  return score.value(total);
}

Interval scaled(Interval of_one, double most) { return {of_one.low * most, of_one.high * most}; }

Interval rate_interval(const SumScore& score, const Clusters& clusters) {
  double hits = 0, total = 0;
  for (std::size_t i = 0; i < score.questions(); ++i) {
    hits += score.terms[2 * i] / score.most;
    total += score.terms[2 * i + 1];
  }
  double effective = total;
  const double p = hits / total, simple = p * (1 - p) * total;
  if (clusters.count > 1 && static_cast<double>(clusters.count) < total && simple > 0) {
    const auto sums = cluster_sums(score, clusters);
    double squares = 0;
    for (std::size_t c = 0; c < clusters.count; ++c) {
      const double off = sums[2 * c] / score.most - sums[2 * c + 1] * p;
      squares += off * off;
    }
    const double k = static_cast<double>(clusters.count);
    const double design = std::max(1.0, squares * k / (k - 1) / simple);
    const double wider = student_975(k - 1) / student_975(std::numeric_limits<double>::infinity());
    effective = std::max(1.0, total / (design * wider * wider));
  }
  return scaled(wilson_share(p, effective), score.most);
}

}  // namespace

SumScore mean_score(std::span<const double> earned, double most) {
  SumScore out{2, {}, share, most};
  for (const double value : earned) {
    const bool counts = !std::isnan(value);
    out.terms.push_back(counts ? value : 0);
    out.terms.push_back(counts ? 1 : 0);
  }
  return out;
}

SumScore rate_score(std::span<const double> earned, double most) {
  SumScore out = mean_score(earned, most);
  out.rate = true;
  return out;
}

SumScore mean_of(std::span<const SumScore> runs) {
  if (runs.size() == 1) return runs[0];
  SumScore out;
  std::vector<std::pair<std::size_t, std::function<double(std::span<const double>)>>> parts;
  for (const SumScore& run : runs) {
    out.width += run.width;
    out.most = run.most;
    parts.emplace_back(run.width, run.value);
  }
  for (std::size_t i = 0; i < runs[0].questions(); ++i) {
    for (const SumScore& run : runs)
      out.terms.insert(out.terms.end(),
                       run.terms.begin() + static_cast<std::ptrdiff_t>(i * run.width),
                       run.terms.begin() + static_cast<std::ptrdiff_t>((i + 1) * run.width));
  }
  out.value = [parts](std::span<const double> sums) {
    double total = 0;
    std::size_t at = 0;
    for (const auto& [width, value] : parts) {
      total += value(sums.subspan(at, width));
      at += width;
    }
    return total / static_cast<double>(parts.size());
  };
  return out;
}

SumScore some_of(const SumScore& score, std::span<const std::size_t> questions) {
  SumScore out{score.width, {}, score.value, score.most, score.rate};
  for (const std::size_t i : questions)
    out.terms.insert(out.terms.end(),
                     score.terms.begin() + static_cast<std::ptrdiff_t>(i * score.width),
                     score.terms.begin() + static_cast<std::ptrdiff_t>((i + 1) * score.width));
  return out;
}

Clusters some_of(const Clusters& clusters, std::span<const std::size_t> questions) {
  Clusters out;
  std::vector<std::size_t> number(clusters.count, clusters.count);
  for (const std::size_t i : questions) {
    std::size_t& n = number[clusters.cluster[i]];
    if (n == clusters.count) n = out.count++;
    out.cluster.push_back(n);
  }
  return out;
}

double value_of(const SumScore& score) {
  std::vector<double> sums(score.width, 0);
  for (std::size_t i = 0; i < score.questions(); ++i) {
    for (std::size_t k = 0; k < score.width; ++k) sums[k] += score.terms[i * score.width + k];
  }
  return score.questions() == 0 ? kNone : score.value(sums);
}

Interval interval_of(const SumScore& score, const Clusters& given, const Bootstrap& settings) {
  const double value = value_of(score);
  if (!std::isfinite(value)) return {kNone, kNone};
  // One cluster says nothing about others: its questions are drawn instead.
  const Clusters clusters = given.count > 1 ? given : one_each(score.questions());
  if (score.rate) return rate_interval(score, clusters);
  const auto sums = cluster_sums(score, clusters);
  std::vector<double> total;
  Interval out = bootstrap_clusters(clusters.count, settings, [&](std::span<const int> drawn) {
    return weighted(score, sums, clusters.count, total,
                    [&](std::size_t c) { return static_cast<double>(drawn[c]); });
  });
  out.low = std::clamp(out.low, 0.0, score.most);
  out.high = std::clamp(out.high, 0.0, score.most);
  if (!(out.high - out.low > 1e-6 * score.most))
    out = scaled(
        wilson_share(std::clamp(value / score.most, 0.0, 1.0), static_cast<double>(clusters.count)),
        score.most);
  return out;
}

PairedTest compare(const SumScore& a, const SumScore& b, const Clusters& given,
                   const Bootstrap& settings) {
  PairedTest out;
  out.difference = value_of(b) - value_of(a);
  if (!std::isfinite(out.difference)) return out;
  const Clusters clusters = given.count > 1 ? given : one_each(a.questions());
  const auto sums_a = cluster_sums(a, clusters), sums_b = cluster_sums(b, clusters);
  const std::size_t count = clusters.count;
  std::vector<double> total;
  std::vector<double> values;
  const auto difference = [&](std::span<const int> drawn) {
    const auto weight = [&](std::size_t c) { return static_cast<double>(drawn[c]); };
    return weighted(b, sums_b, count, total, weight) - weighted(a, sums_a, count, total, weight);
  };
  double deviation = 0;
  out.interval = bootstrap_clusters(count, settings, difference, &deviation);
  const double k = static_cast<double>(count);
  if (k > 1) out.detectable = kDetectable * deviation * std::sqrt(k / (k - 1));

  // Clusters on which both systems have the same sums change nothing when they are exchanged.
  std::vector<std::size_t> moving;
  for (std::size_t c = 0; c < count; ++c) {
    if (!std::equal(sums_a.begin() + static_cast<std::ptrdiff_t>(c * a.width),
                    sums_a.begin() + static_cast<std::ptrdiff_t>((c + 1) * a.width),
                    sums_b.begin() + static_cast<std::ptrdiff_t>(c * b.width)))
      moving.push_back(c);
  }
  // What an exchange of a moving cluster adds to the sums of a and takes from those of b.
  const std::size_t width = a.width;
  std::vector<double> change, whole_a(width, 0), whole_b(width, 0);
  for (std::size_t c = 0; c < count; ++c) {
    for (std::size_t k = 0; k < width; ++k) {
      whole_a[k] += sums_a[c * width + k];
      whole_b[k] += sums_b[c * width + k];
    }
  }
  for (const std::size_t c : moving)
    for (std::size_t k = 0; k < width; ++k)
      change.push_back(sums_b[c * width + k] - sums_a[c * width + k]);
  std::vector<double> moved(width), mixed_a(width), mixed_b(width);
  const double least = std::abs(out.difference) * (1 - 1e-9);
  const auto as_large = [&](std::span<const char> signs) {
    std::fill(moved.begin(), moved.end(), 0);
    for (std::size_t m = 0; m < moving.size(); ++m) {
      if (signs[m] == 0) continue;
      for (std::size_t k = 0; k < width; ++k) moved[k] += change[m * width + k];
    }
    for (std::size_t k = 0; k < width; ++k) {
      mixed_a[k] = whole_a[k] + moved[k];
      mixed_b[k] = whole_b[k] - moved[k];
    }
    return std::abs(b.value(mixed_b) - a.value(mixed_a)) >= least;
  };
  permute(moving.size(), settings, as_large, out);
  return out;
}

PairedTest paired_test(std::span<const double> a, std::span<const double> b,
                       const Clusters& clusters, const Bootstrap& settings) {
  PairedTest out = compare(mean_score(a), mean_score(b), clusters, settings);
  for (std::size_t i = 0; i < a.size(); ++i)
    (b[i] > a[i] ? out.won : b[i] < a[i] ? out.lost : out.tied) += 1;
  return out;
}

}  // namespace vega::metrics
