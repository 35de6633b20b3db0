#include "ref/correspondence_ref.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace vega::ref {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
using Voxel = std::array<int, 3>;

std::vector<double> unit(std::vector<double> x) {
  const double norm = std::max(std::sqrt(dot(x, x)), 1e-12);
  for (double& v : x) v /= norm;
  return x;
}

// Normalised mean of normalised features.
std::vector<double> voxel_feature(const std::vector<const Token*>& members) {
  std::vector<double> mean(members.front()->f.size());
  for (const Token* t : members) {
    for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += t->f[c];
  }
  for (double& v : mean) v /= static_cast<double>(members.size());
  return unit(mean);
}

std::array<float, 3> least(const std::vector<const Token*>& all) {
  std::array<float, 3> out = all.front()->p;
  for (const Token* t : all) {
    for (std::size_t k = 0; k < 3; ++k) out[k] = std::min(out[k], t->p[k]);
  }
  return out;
}

Voxel voxel_of(const Token& t, const std::array<float, 3>& origin, double voxel_m) {
  Voxel out;
  for (std::size_t k = 0; k < 3; ++k) {
    out[k] = static_cast<int>(std::floor((t.p[k] - origin[k]) / static_cast<float>(voxel_m)));
  }
  return out;
}

// Tokens of each voxel and view.
using Buckets = std::map<Voxel, std::map<std::int64_t, std::vector<const Token*>>>;

Buckets bucket(const std::vector<const Token*>& all, double voxel_m) {
  Buckets out;
  if (all.empty()) return out;
  const auto origin = least(all);
  for (const Token* t : all) out[voxel_of(*t, origin, voxel_m)][t->view].push_back(t);
  return out;
}

}  // namespace

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

std::vector<Token> tokens(const SceneTokens& scene, double min_valid, Center center) {
  std::vector<Token> out;
  const std::int64_t cells = scene.grid_h * scene.grid_w;
  for (std::int64_t v = 0; v < scene.views; ++v) {
    for (std::int64_t c = 0; c < cells; ++c) {
      const auto i = static_cast<std::size_t>(v * cells + c);
      bool good = scene.valid[i] >= static_cast<float>(min_valid) && std::isfinite(scene.valid[i]);
      Token t{v, c, {scene.world[3 * i], scene.world[3 * i + 1], scene.world[3 * i + 2]}, {}};
      for (const float x : t.p) good = good && std::isfinite(x);
      for (std::int64_t k = 0; k < scene.channels; ++k) {
        t.f.push_back(scene.features[i * static_cast<std::size_t>(scene.channels) +
                                     static_cast<std::size_t>(k)]);
        good = good && std::isfinite(t.f.back());
      }
      if (good) out.push_back(t);
    }
  }
  for (std::size_t k = 0; k < static_cast<std::size_t>(scene.channels) && !out.empty(); ++k) {
    if (center == Center::kNone) break;
    double mean = 0, variance = 0;
    for (const Token& t : out) mean += t.f[k];
    mean /= static_cast<double>(out.size());
    for (const Token& t : out) variance += (t.f[k] - mean) * (t.f[k] - mean);
    const double deviation = std::sqrt(variance / static_cast<double>(out.size()));
    for (Token& t : out) {
      t.f[k] -= mean;
      if (center == Center::kZScore) t.f[k] = deviation > 0 ? t.f[k] / deviation : 0;
    }
  }
  for (Token& t : out) t.f = unit(t.f);
  return out;
}

Pair pair_score(const SceneTokens& scene, const std::vector<Token>& all, std::int64_t a,
                std::int64_t b, double voxel_m) {
  std::vector<const Token*> both;
  for (const Token& t : all) {
    if (t.view == a || t.view == b) both.push_back(&t);
  }
  Pair out;
  out.map_a.assign(static_cast<std::size_t>(scene.grid_h * scene.grid_w), kNan);
  out.map_b = out.map_a;
  double total = 0;
  for (auto& [voxel, views] : bucket(both, voxel_m)) {
    ++out.either;
    if (views.size() < 2) continue;
    const double s = dot(voxel_feature(views.at(a)), voxel_feature(views.at(b)));
    total += s;
    ++out.shared;
    for (const Token* t : views.at(a)) out.map_a[static_cast<std::size_t>(t->cell)] = s;
    for (const Token* t : views.at(b)) out.map_b[static_cast<std::size_t>(t->cell)] = s;
  }
  out.score = out.shared > 0 ? total / static_cast<double>(out.shared) : kNan;
  return out;
}

MultiView multi_view(const SceneTokens& scene, const std::vector<Token>& all, double voxel_m) {
  std::vector<const Token*> each;
  for (const Token& t : all) each.push_back(&t);
  MultiView out;
  const std::int64_t cells = scene.grid_h * scene.grid_w;
  out.map.assign(static_cast<std::size_t>(scene.views * cells), kNan);
  double total = 0, by_pairs = 0;
  for (const auto& [voxel, views] : bucket(each, voxel_m)) {
    ++out.voxels;
    if (views.size() < 2) continue;
    std::vector<std::vector<double>> features;
    for (const auto& [view, members] : views) features.push_back(voxel_feature(members));
    double sum = 0;
    std::int64_t pairs = 0;
    for (std::size_t k = 0; k < features.size(); ++k) {
      for (std::size_t l = k + 1; l < features.size(); ++l, ++pairs) {
        sum += dot(features[k], features[l]);
      }
    }
    const double s = sum / static_cast<double>(pairs);
    total += s;
    by_pairs += sum;
    out.pairs += pairs;
    ++out.shared;
    for (const auto& [view, members] : views) {
      for (const Token* t : members) out.map[static_cast<std::size_t>(view * cells + t->cell)] = s;
    }
  }
  out.score = out.shared > 0 ? total / static_cast<double>(out.shared) : kNan;
  out.by_pairs = out.pairs > 0 ? by_pairs / static_cast<double>(out.pairs) : kNan;
  return out;
}

double auc(const std::vector<double>& positive, const std::vector<double>& negative) {
  double sum = 0;
  for (const double p : positive) {
    for (const double n : negative) sum += p > n ? 1 : p == n ? 0.5 : 0;
  }
  return sum / static_cast<double>(positive.size() * negative.size());
}

Exhaustive exhaustive(const std::vector<Token>& all, double voxel_m) {
  std::vector<const Token*> each;
  for (const Token& t : all) each.push_back(&t);
  const auto origin = least(each);
  std::vector<double> same, different, unrelated;
  for (const Token& a : all) {
    for (const Token& b : all) {
      if (a.view >= b.view) continue;
      const double s = dot(a.f, b.f);
      (voxel_of(a, origin, voxel_m) == voxel_of(b, origin, voxel_m) ? same : different)
          .push_back(s);
      double square = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        const double d = static_cast<double>(a.p[k]) - static_cast<double>(b.p[k]);
        square += d * d;
      }
      if (square > 0.25) unrelated.push_back(s);
    }
  }
  const auto mean = [](const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  };
  return {mean(same), mean(different), mean(unrelated), auc(same, different)};
}

std::int64_t best(const Token& x, const std::vector<Token>& others) {
  std::int64_t out = -1;
  double most = -2;
  for (std::size_t i = 0; i < others.size(); ++i) {
    const double s = dot(x.f, others[i].f);
    if (s > most) {
      most = s;
      out = static_cast<std::int64_t>(i);
    }
  }
  return out;
}

}  // namespace vega::ref
