// Options of `vega-eval correspondence`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "correspondence/tokens.h"
#include "geometry/points.h"
#include "run/option_groups.h"
#include "viz/table.h"

namespace vega::evaluate {

enum class Metrics { kVoxel, kProbe3d, kAll };
enum class CellDepth { kCrop, kPixels };
enum class Repeats { kKeep, kDrop };

inline constexpr Choice<Metrics> kMetrics[] = {
    {Metrics::kVoxel, "voxel", "adjacent and multi-view voxel scores, margin, AUC, matching"},
    {Metrics::kProbe3d, "probe3d", "dense matches by the Probe3D protocol"},
    {Metrics::kAll, "all"}};
inline constexpr Choice<Center> kCenters[] = {
    {Center::kNone, "none", "nothing"},
    {Center::kMean, "mean", "the scene's mean token"},
    {Center::kZScore, "zscore", "mean and standard deviation"}};

struct CorrespondenceVerb {
  ItemOptions items;
  OutputOptions output;
  RunOptions run;
  std::string device = "cpu";

  std::string scenes = "scenes", tap;
  bool compare = false;
  Metrics metrics = Metrics::kVoxel;
  std::string rank_by;
  std::vector<Center> center{Center::kNone, Center::kMean};
  double voxel = 0.1, min_valid = -1, unrelated = 0.5;
  std::int64_t auc_pairs = 200000, seed = 42;
  bool permuted_poses = false;

  Compat compat = Compat::kReference;  // decides what is unset here
  std::optional<CellDepth> cells;
  std::optional<ZeroDepth> zero_depth;
  std::optional<Repeats> repeats;

  std::string pairs;
  std::int64_t probe_pairs = 15, points = -1, keep = 1000;
  bool no_ratio_test = false;

  TableFormat format = TableFormat::kText;
  bool pictures = false;
  std::int64_t picture_frames = 8;

  void visit(OptionVisitor& v);
};

}  // namespace vega::evaluate
