// Can the features tell a place from another one? Cosines of single tokens in two views: of the
// same voxel, and of different ones. Constant features: AUC 0.5, margin 0.
#pragma once

#include <cstdint>

#include "correspondence/tokens.h"
#include "correspondence/voxels.h"

namespace vega {

struct SeparationOptions {
  double voxel_m = 0.1;
  std::int64_t pairs = 200000;  // for the AUC: half of the same voxel, half of different ones
  double unrelated_m = 0.5;     // unrelated tokens are further apart than this
  std::uint64_t seed = 42;
  int threads = 1;
};

struct Separation {
  double auc = 0;  // NaN where either kind is missing
  std::int64_t same_pairs = 0, different_pairs = 0;
  double mean_same = 0, mean_different = 0;  // cosines of these pairs; NaN without one
  // Mean cosine of pairs / 2 random tokens of two views, further apart than `unrelated_m`. The
  // margin of a voxel score is the score minus this.
  double mean_unrelated = 0;
  std::int64_t unrelated_pairs = 0;
};

// Pairs are drawn with replacement, each with the same chance among
//   same       all token pairs of one voxel from two views
//   different  all token pairs of two voxels from two views
//   unrelated  all token pairs further apart than unrelated_m from two views
// The numbers are Philox words of (seed; pair, attempt, kind): they depend on nothing else.
// A pair of the last two kinds that is not found in 256 attempts is left out (the counts show it).
// Source: docs/correspondence.md.
Separation separation(const TokenRows& rows, const SeparationOptions& options = {});

}  // namespace vega
