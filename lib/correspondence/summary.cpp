#include "correspondence/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "correspondence/statistics.h"

namespace vega {
namespace {

CenteredScore score_centered(Center center, const TokenRows& rows, const CorrespondenceOptions& o) {
  CenteredScore out;
  out.center = center;
  out.adjacent = adjacent_score(rows, o.voxel_m, o.threads, o.empty);
  out.multi_view = multi_view_score(rows, o.voxel_m, o.threads);
  out.separation = separation(rows, {o.voxel_m, o.auc_pairs, o.unrelated_m, o.seed, o.threads});
  out.matches = match_adjacent(rows, o.match, o.threads);
  out.adjacent_margin = out.adjacent.score - out.separation.mean_unrelated;
  out.multi_view_margin = out.multi_view.score - out.separation.mean_unrelated;
  return out;
}

std::string threshold_name(const char* head, double value, const char* unit) {
  std::string digits = std::to_string(value);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return head + digits + unit;
}

void add_probe(const ProbeSummary& probe, std::vector<Metric>& out) {
  for (std::size_t t = 0; t < kProbe_px.size(); ++t) {
    out.push_back({threshold_name("probe3d_", kProbe_px[t], "px"), probe.recall_px[t]});
  }
  for (std::size_t t = 0; t < kProbe_m.size(); ++t) {
    out.push_back({threshold_name("probe3d_", kProbe_m[t], "m"), probe.recall_m[t]});
  }
}

}  // namespace

SceneScore score_scene(const std::string& key, const SceneTokens& scene,
                       const CorrespondenceOptions& options) {
  SceneScore out;
  out.key = key;
  out.views = scene.views;
  std::set<Center> seen;
  for (const Center center : options.centers) {
    if (!seen.insert(center).second) {
      throw InputError(explain("correspondence: centring",
                               std::string(to_string(center)) + " twice", "each once"));
    }
    const TokenRows rows = token_rows(scene, options.min_valid, center, options.threads);
    if (seen.size() == 1) {
      out.tokens = rows.size();
      out.without_depth = rows.without_depth;
      out.not_finite = rows.not_finite;
      out.zero = rows.zero;
    }
    out.centered.push_back(score_centered(center, rows, options));
  }
  return out;
}

void drop_details(SceneScore& scene) {
  for (CenteredScore& c : scene.centered) {
    c.multi_view.map = {};
    for (PairScore& pair : c.adjacent.pairs) pair.map_a = pair.map_b = std::vector<float>{};
    for (PairMatches& pair : c.matches.pairs) pair.kept = std::vector<TokenMatch>{};
  }
}

std::vector<Metric> scene_metrics(const SceneScore& scene) {
  std::vector<Metric> out;
  for (const CenteredScore& c : scene.centered) {
    const std::string tail =
        c.center == Center::kNone ? "" : std::string("@") + to_string(c.center);
    const auto put = [&](const std::string& name, double value) {
      out.push_back({name + tail, value});
    };
    put("multi_view", c.multi_view.score);
    put("multi_view_by_pairs", c.multi_view.score_by_pairs);
    put("multi_view_margin", c.multi_view_margin);
    put("adjacent", c.adjacent.score);
    put("adjacent_margin", c.adjacent_margin);
    put("unrelated_cosine", c.separation.mean_unrelated);
    put("auc", c.separation.auc);
    put("mutual_ratio", c.matches.mean_mutual_ratio);
    put("match_distance_m", c.matches.mean_distance_m);
    for (std::size_t t = 0; t < kMatchRecall_m.size(); ++t) {
      put(threshold_name("match_", kMatchRecall_m[t], "m"), c.matches.recall[t]);
    }
  }
  if (!scene.probe.empty()) add_probe(probe_summary(scene.probe), out);
  return out;
}

Spread SetScore::at(const std::string& metric) const {
  for (const SetMetric& m : metrics) {
    if (m.name == metric) return m.spread;
  }
  return {kNoScore, kNoScore, kNoScore, 0};
}

SetScore score_set(const FeatureSet& set) {
  SetScore out;
  out.name = set.name;
  out.scenes = static_cast<std::int64_t>(set.scenes.size());
  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> values;
  std::vector<ProbePair> pairs;
  for (const SceneScore& scene : set.scenes) {
    pairs.insert(pairs.end(), scene.probe.begin(), scene.probe.end());
    for (const Metric& metric : scene_metrics(scene)) {
      if (!values.contains(metric.name)) order.push_back(metric.name);
      values[metric.name].push_back(metric.value);
    }
  }
  for (const std::string& name : order) {
    if (name.starts_with("probe3d_")) continue;
    out.metrics.push_back({name, spread_of(values[name])});
  }
  out.probe = probe_summary(pairs);
  if (pairs.empty()) return out;
  std::vector<Metric> pooled;
  add_probe(out.probe, pooled);
  for (const Metric& metric : pooled) {
    out.metrics.push_back(
        {metric.name, {metric.value, kNoScore, kNoScore, static_cast<std::int64_t>(pairs.size())}});
  }
  return out;
}

Comparison compare_sets(std::span<const FeatureSet> sets, const std::string& metric) {
  std::map<std::string, std::size_t> seen;  // key, sets that have it
  for (const FeatureSet& set : sets) {
    std::set<std::string> keys;
    for (const SceneScore& scene : set.scenes) {
      if (!keys.insert(scene.key).second) {
        throw InputError(explain("comparison: " + set.name, "scene '" + scene.key + "' twice",
                                 "each scene once"));
      }
      ++seen[scene.key];
    }
  }
  Comparison out;
  out.metric = metric;
  for (const auto& [key, count] : seen) {
    if (count < sets.size()) out.left_out.push_back(key);
  }
  out.common = static_cast<std::int64_t>(seen.size() - out.left_out.size());
  if (out.common == 0) {
    throw InputError(explain("comparison", "no scene that all feature folders have",
                             "at least one in common", "score the same scenes with each"));
  }
  for (const FeatureSet& set : sets) {
    FeatureSet common{set.name, {}};
    for (const SceneScore& scene : set.scenes) {
      if (seen[scene.key] == sets.size()) common.scenes.push_back(scene);
    }
    out.ranked.push_back(score_set(common));
  }
  const bool small =
      metric.starts_with("match_distance_m") || metric.starts_with("unrelated_cosine");
  const auto place = [&](const SetScore& set) {
    const double mean = set.at(metric).mean;
    if (std::isnan(mean)) return -std::numeric_limits<double>::infinity();
    return small ? -mean : mean;
  };
  std::stable_sort(out.ranked.begin(), out.ranked.end(),
                   [&](const SetScore& a, const SetScore& b) { return place(a) > place(b); });
  return out;
}

}  // namespace vega
