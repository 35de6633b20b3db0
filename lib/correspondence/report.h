// Correspondence results as tables (Markdown, CSV, terminal cells) and as JSON. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "correspondence/summary.h"

namespace vega {

// Text cells, ready for any table. Numbers stand to the right.
struct ReportTable {
  struct Column {
    std::string title;
    bool number = false;
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

// kRead: scores in per cent with one digit, AUC and metres with three. kFull: everything as it is
// with nine digits (for CSV files).
enum class Precision { kRead, kFull };

// A row a scene: key, views, tokens, then scores. A dash where a number is not defined.
// The last row holds the means over scenes.
ReportTable scene_table(const FeatureSet& set, Precision precision = Precision::kRead);

// A row a metric: mean, standard error, scenes (or pairs) behind it.
ReportTable set_table(const SetScore& set, Precision precision = Precision::kRead);

// A row a feature folder, best first: rank, name, scenes, the metric, its standard error, and the
// numbers that it has to be read with.
ReportTable comparison_table(const Comparison& comparison, Precision precision = Precision::kRead);

// Recall by angle and by overlap of the Probe3D pairs, a row a bin.
ReportTable probe_table(const ProbeSummary& probe);

// A row an adjacent pair of a scene, named by frame ids: voxel score, shared voxels, matches and
// their distances.
ReportTable pair_table(const SceneScore& scene);

// GitHub Markdown (pipes escaped, line breaks become spaces); RFC 4180 CSV with LF.
std::string markdown(const ReportTable& table);
std::string csv(const ReportTable& table);

// {"schema": "vega.correspondence/1", "name", "n_scenes", "metrics": {name: {mean, deviation,
// error, n}}, "probe3d", "scenes": [{"key", "metrics", "centered": [{"pairs": [...]}]}]}; not
// finite: null. Full precision, keys in a fixed order.
std::string set_json(const FeatureSet& set);
std::string comparison_json(const Comparison& comparison);

}  // namespace vega
