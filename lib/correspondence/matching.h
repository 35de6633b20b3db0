// Token matches of two views by features alone, and how far apart the matched tokens are.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "correspondence/tokens.h"

namespace vega {

inline constexpr std::array<double, 3> kMatchRecall_m = {0.1, 0.2, 0.5};

struct MatchOptions {
  bool mutual = true;           // keep a match only when each is the other's best
  double min_similarity = 0.6;  // least cosine that is kept
  double max_distance_m = 0;    // 0: no limit
};

struct TokenMatch {
  std::int32_t cell_a = 0, cell_b = 0;  // row * gw + column
  float similarity = 0;
  double distance_m = 0;  // of the tokens' world points
};

struct PairMatches {
  std::int64_t a = 0, b = 0;
  std::int64_t valid_a = 0, valid_b = 0;
  std::int64_t mutual = 0;       // before the limits
  double mutual_ratio = 0;       // mutual / min(valid_a, valid_b); NaN without a token
  std::int64_t kept_count = 0;   // size of `kept`; stays when the list goes (drop_details)
  std::vector<TokenMatch> kept;  // by similarity, largest first; equal ones by cell_a
  double mean_similarity = 0;    // of the kept; NaN without one, as all below
  double mean_distance_m = 0;
  double best_similarity = 0;
  std::array<double, 3> recall = {};  // share of the kept within kMatchRecall_m
};

// Best match of every valid token of view a among those of view b; of equal similarities the first.
// Throws InputError: no such views.  Source: VEGA-3D, wan_t2v_adjacent_correspondence_matching.py.
PairMatches match_pair(const TokenRows& rows, std::int64_t a, std::int64_t b,
                       const MatchOptions& options = {});

// All adjacent pairs, and means over the pairs where a value is finite.
struct AdjacentMatches {
  std::vector<PairMatches> pairs;
  double mean_mutual_ratio = 0, mean_kept = 0;
  double mean_similarity = 0, mean_distance_m = 0, best_similarity = 0;
  std::array<double, 3> recall = {};
};
AdjacentMatches match_adjacent(const TokenRows& rows, const MatchOptions& options = {},
                               int threads = 1);

// 0.5 (mean of the row maxima + mean of the column maxima) of the cosines of two views' tokens:
// the tri-view tool's pair consistency. NaN when either has none.
double pair_consistency(const TokenRows& rows, std::int64_t a, std::int64_t b);

}  // namespace vega
