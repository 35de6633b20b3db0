// How alike the features of one place are between views: the adjacent-pair and the multi-view voxel
// score. The score of constant features is 1: read it beside the margin and the AUC
// (correspondence/separation.h).
#pragma once

#include <cstdint>
#include <vector>

#include "correspondence/tokens.h"

namespace vega {

inline constexpr double kVoxel_m = 0.1;
inline constexpr double kMinValid = 0.1;

// Frames a and b. In every voxel that both hit: the mean of a's unit features made a unit vector,
// the same for b, their dot product. The score is the unweighted mean over these voxels.
struct PairScore {
  std::int64_t a = 0, b = 0;
  double score = 0;                       // NaN without a shared voxel
  std::int64_t valid_a = 0, valid_b = 0;  // tokens
  std::int64_t shared = 0, either = 0;    // voxels
  // (gh, gw) each: the similarity of the token's voxel, NaN where it is not shared.
  std::vector<float> map_a, map_b;
};

enum class EmptyPair { kError, kNan };  // of two frames without a valid token: the release errs

// The grid of voxels begins at the least coordinates of the two frames.
// Throws InputError: no such view, no valid token in both (kError), voxels as group_by_voxel.
// Source: VEGA-3D, wan_t2v_adjacent_correspondence_matching.py.
PairScore pair_score(const TokenRows& rows, std::int64_t a, std::int64_t b,
                     double voxel_m = kVoxel_m, EmptyPair empty = EmptyPair::kError);

struct AdjacentScore {
  double score = 0;   // mean over finite pairs; NaN when there is none
  double spread = 0;  // standard deviation over finite pairs, n - 1; NaN below two
  std::int64_t finite_pairs = 0;
  std::vector<PairScore> pairs;  // V - 1, or none
};

AdjacentScore adjacent_score(const TokenRows& rows, double voxel_m = kVoxel_m, int threads = 1,
                             EmptyPair empty = EmptyPair::kError);

// One grid of voxels for the scene. In a voxel hit by m >= 2 views, f(k) = the unit vector of view
// k's mean unit feature:
//   s = mean over k < l of f(k) . f(l) = (|sum f|^2 - sum |f|^2) / (m (m - 1))
struct MultiViewScore {
  double score = 0;           // mean of s over shared voxels; NaN without one
  double score_by_pairs = 0;  // every pair of views counts the same instead of every voxel
  std::int64_t voxels = 0;    // hit by any view
  std::int64_t shared = 0;    // hit by two and more
  std::int64_t pairs = 0;     // of views, over all shared voxels
  std::int64_t most_views = 0;
  std::vector<float> map;  // (V, gh, gw): s of the token's voxel, NaN where it is not shared
};

// Source: the paper, figure "Correspondence Score"; docs/correspondence.md.
MultiViewScore multi_view_score(const TokenRows& rows, double voxel_m = kVoxel_m, int threads = 1);

}  // namespace vega
