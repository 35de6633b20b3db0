// Correspondence scores in plain loops and double: the definitions, word by word. Voxels alone are
// computed in float32, which is part of their definition.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "correspondence/tokens.h"

namespace vega::ref {

struct Token {
  std::int64_t view = 0, cell = 0;
  std::array<float, 3> p = {};
  std::vector<double> f;  // unit
};

// Valid tokens by view and cell.
std::vector<Token> tokens(const SceneTokens& scene, double min_valid, Center center);

struct Pair {
  double score = 0;  // NaN without a shared voxel
  std::int64_t shared = 0, either = 0;
  std::vector<double> map_a, map_b;  // NaN where not shared
};
Pair pair_score(const SceneTokens& scene, const std::vector<Token>& all, std::int64_t a,
                std::int64_t b, double voxel_m);

struct MultiView {
  double score = 0, by_pairs = 0;
  std::int64_t voxels = 0, shared = 0, pairs = 0;
  std::vector<double> map;
};
MultiView multi_view(const SceneTokens& scene, const std::vector<Token>& all, double voxel_m);

// Mean cosine over all token pairs of two views for which `kind` holds: in one voxel, in two, or
// further apart than 0.5 m; NaN without one. And the AUC of all of the first against all of the
// second.
struct Exhaustive {
  double same = 0, different = 0, unrelated = 0, auc = 0;
};
Exhaustive exhaustive(const std::vector<Token>& all, double voxel_m);

double auc(const std::vector<double>& positive, const std::vector<double>& negative);

// Index of the largest dot product with x, the first of equal ones; -1 without any.
std::int64_t best(const Token& x, const std::vector<Token>& others);

double dot(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace vega::ref
