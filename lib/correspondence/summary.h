// All correspondence numbers of a scene, and their means over the scenes of a feature folder.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "correspondence/matching.h"
#include "correspondence/probe3d.h"
#include "correspondence/separation.h"
#include "correspondence/statistics.h"
#include "correspondence/tokens.h"
#include "correspondence/voxel_score.h"

namespace vega {

struct CorrespondenceOptions {
  double voxel_m = kVoxel_m;
  double min_valid = kMinValid;
  std::vector<Center> centers = {Center::kNone, Center::kMean};
  std::int64_t auc_pairs = 200000;
  double unrelated_m = 0.5;
  MatchOptions match;
  std::uint64_t seed = 42;
  EmptyPair empty = EmptyPair::kNan;  // one blank stretch does not lose a scene
  int threads = 1;
};

// The scores under one way of centring; a margin is a score minus separation.mean_unrelated.
struct CenteredScore {
  Center center = Center::kNone;
  AdjacentScore adjacent;
  MultiViewScore multi_view;
  Separation separation;
  AdjacentMatches matches;
  double adjacent_margin = 0, multi_view_margin = 0;
};

struct SceneScore {
  std::string key;
  std::int64_t views = 0, tokens = 0, without_depth = 0, not_finite = 0, zero = 0;
  std::vector<std::int64_t> frame_ids;  // (views), the caller's; empty: tables count views from 0
  std::vector<CenteredScore> centered;  // in the order of `centers`
  std::vector<ProbePair> probe;         // the caller's; empty: not asked for
};

// Throws InputError: as token_rows, group_by_voxel and separation; the same centring twice.
SceneScore score_scene(const std::string& key, const SceneTokens& scene,
                       const CorrespondenceOptions& options = {});

// Forgets what only pictures need: maps of cells and lists of matches. The rest of a scene is some
// 10 kB, so that a thousand scenes of sixty taps fit the memory.
void drop_details(SceneScore& scene);

// One number of a scene. Names are stable: `multi_view`, `auc`, ... with `@mean` or `@zscore`
// behind those of centred features; `probe3d_...` (docs/correspondence.md lists them).
struct Metric {
  std::string name;
  double value = 0;  // NaN: not defined for this scene
};
std::vector<Metric> scene_metrics(const SceneScore& scene);

// Scenes scored from one feature folder.
struct FeatureSet {
  std::string name;
  std::vector<SceneScore> scenes;
};

// Over the scenes in which a metric is finite: mean, deviation, standard error, count. Probe3D
// recalls pool all pairs of all scenes instead: mean is the recall, count the pairs, and the
// deviation is not known.
struct SetMetric {
  std::string name;
  Spread spread;
};
struct SetScore {
  std::string name;
  std::int64_t scenes = 0;
  std::vector<SetMetric> metrics;
  ProbeSummary probe;

  // Of the metric `name`; all NaN and 0 where the set has none of that name.
  Spread at(const std::string& metric) const;
};
SetScore score_set(const FeatureSet& set);

// Sets side by side on the scenes that all of them have, best mean of `metric` first (the smallest
// of match_distance_m and unrelated_cosine), sets without it last, equal ones in their order.
// Throws InputError: no scene in common, one key twice in a set.
struct Comparison {
  std::string metric;
  std::vector<SetScore> ranked;
  std::int64_t common = 0;
  std::vector<std::string> left_out;  // keys that some set lacks, sorted
};
Comparison compare_sets(std::span<const FeatureSet> sets, const std::string& metric = "multi_view");

}  // namespace vega
