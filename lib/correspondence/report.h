// Correspondence results as tables and as JSON. Pure functions.
#pragma once

#include <string>

#include "base/json.h"
#include "correspondence/summary.h"
#include "viz/table.h"

namespace vega {

// kRead: scores in per cent with one digit, AUC and metres with three. kFull: everything as it is
// with nine digits (for CSV files).
enum class Precision { kRead, kFull };

// Whether a metric is read as it is (AUC, metres) and not in per cent.
bool reads_as_is(const std::string& metric);

// A row a scene: key, views, tokens, then scores. A dash where a number is not defined.
// The last row holds the means over scenes.
Table scene_table(const FeatureSet& set, Precision precision = Precision::kRead);

// A row a feature folder, best first: rank, name, scenes, the metric, its standard error, and the
// numbers that it has to be read with.
Table comparison_table(const Comparison& comparison, Precision precision = Precision::kRead);

// Recall by angle and by overlap of the Probe3D pairs, a row a bin.
Table probe_table(const ProbeSummary& probe);

// A row an adjacent pair of each scene, named by frame ids: voxel score, shared voxels, matches and
// their distances.
Table pair_table(const FeatureSet& set);

// {"schema": "vega.correspondence/1", "name", "n_scenes", "metrics": {name: {mean, deviation,
// error, n}}, "probe3d", "scenes": [{"key", "metrics", "centered": [{"pairs": [...]}]}]}; not
// finite: null. Full precision, keys in a fixed order.
Json set_json(const FeatureSet& set);
Json comparison_json(const Comparison& comparison);

}  // namespace vega
