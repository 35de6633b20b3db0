#include "correspondence/tokens.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "correspondence/loops.h"

namespace vega {
namespace {

constexpr std::int64_t kChunk = 256;  // tokens that are summed in one go, whatever the threads

void check(const SceneTokens& s, double min_valid) {
  const auto throw_scene = [](const std::string& got, const std::string& expected) {
    throw InputError(explain("correspondence: scene", got, expected));
  };
  if (s.views < 0 || s.grid_h < 0 || s.grid_w < 0 || s.channels < 1) {
    throw_scene(std::to_string(s.views) + " views of " + std::to_string(s.grid_h) + " x " +
                    std::to_string(s.grid_w) + " cells, " + std::to_string(s.channels) +
                    " channels",
                "sizes from 0, channels from 1");
  }
  const auto cells = static_cast<std::size_t>(s.views * s.cells());
  const auto fits = [&](const char* name, std::size_t got, std::size_t width) {
    if (got == cells * width) return;
    throw_scene(std::string(name) + " of " + std::to_string(got) + " elements",
                std::to_string(cells) + " cells x " + std::to_string(width));
  };
  fits("features", s.features.size(), static_cast<std::size_t>(s.channels));
  fits("world points", s.world.size(), 3);
  fits("valid shares", s.valid.size(), 1);
  if (!(min_valid >= 0 && min_valid <= 1)) {
    throw_scene("a least valid share of " + std::to_string(min_valid), "0 to 1");
  }
}

// Views, cells and points of the valid tokens, and their places in the scene's arrays.
std::vector<std::int64_t> choose(const SceneTokens& s, double min_valid, int threads,
                                 TokenRows& rows) {
  const std::int64_t n = s.cells(), total = s.views * n;
  const auto least = static_cast<float>(min_valid);
  std::vector<std::uint8_t> finite(static_cast<std::size_t>(total));
  parallel_for(static_cast<std::size_t>((total + kChunk - 1) / kChunk), threads,
               [&](std::size_t k) {
                 const auto begin = static_cast<std::int64_t>(k) * kChunk;
                 for (std::int64_t i = begin; i < std::min(total, begin + kChunk); ++i) {
                   finite[std::size_t(i)] =
                       correspondence::all_finite(s.features.data() + i * s.channels, s.channels);
                 }
               });
  std::vector<std::int64_t> source;
  rows.first.assign(1, 0);
  for (std::int64_t i = 0; i < total; ++i) {
    const float* p = s.world.data() + 3 * i;
    const bool placed = s.valid[std::size_t(i)] >= least &&
                        std::isfinite(s.valid[std::size_t(i)]) && std::isfinite(p[0]) &&
                        std::isfinite(p[1]) && std::isfinite(p[2]);
    if (!placed) {
      ++rows.without_depth;
    } else if (!finite[std::size_t(i)]) {
      ++rows.not_finite;
    } else {
      source.push_back(i);
      rows.view.push_back(static_cast<std::int32_t>(i / n));
      rows.cell.push_back(static_cast<std::int32_t>(i % n));
      rows.world.insert(rows.world.end(), p, p + 3);
    }
    if ((i + 1) % n == 0) rows.first.push_back(static_cast<std::int64_t>(source.size()));
  }
  rows.first.resize(static_cast<std::size_t>(s.views) + 1, 0);  // cells() may be 0
  return source;
}

struct Moments {
  std::vector<double> mean, factor;  // what is taken away, and what it is multiplied with
};

// Mean of every channel and 1 / standard deviation. Sums go by chunks in their order: the same bits
// for any number of threads. Equal values: the sum is exact (24 bits and the count fit 53), so the
// mean is that value and the rest 0.
Moments moments(const SceneTokens& s, const std::vector<std::int64_t>& source, Center center,
                int threads) {
  const auto width = static_cast<std::size_t>(s.channels);
  const std::size_t chunks = (source.size() + kChunk - 1) / kChunk;
  std::vector<double> sums(chunks * width), squares(chunks * width);
  Moments m{std::vector<double>(width), std::vector<double>(width, 1.0)};
  const auto pass = [&] {  // of x - mean, where the mean is 0 at first
    std::fill(sums.begin(), sums.end(), 0.0);
    parallel_for(chunks, threads, [&](std::size_t k) {
      for (std::size_t i = k * kChunk; i < std::min(source.size(), (k + 1) * kChunk); ++i) {
        correspondence::add_moments(sums.data() + k * width, squares.data() + k * width,
                                    m.mean.data(), s.features.data() + source[i] * s.channels,
                                    s.channels);
      }
    });
    for (std::size_t k = 1; k < chunks; ++k) {
      for (std::size_t c = 0; c < width; ++c) {
        sums[c] += sums[k * width + c];
        squares[c] += squares[k * width + c];
      }
    }
  };
  if (source.empty()) return m;
  const auto n = static_cast<double>(source.size());
  pass();
  for (std::size_t c = 0; c < width; ++c) m.mean[c] = sums[c] / n;
  if (center == Center::kMean) return m;
  std::fill(squares.begin(), squares.end(), 0.0);
  pass();
  for (std::size_t c = 0; c < width; ++c) {
    m.factor[c] = squares[c] > 0 ? 1 / std::sqrt(squares[c] / n) : 0;
  }
  return m;
}

}  // namespace

const char* to_string(Center center) {
  switch (center) {
    case Center::kNone: return "none";
    case Center::kMean: return "mean";
    default: return "zscore";
  }
}

TokenRows token_rows(const SceneTokens& scene, double min_valid, Center center, int threads) {
  check(scene, min_valid);
  TokenRows rows;
  rows.channels = scene.channels;
  rows.cells = scene.cells();
  const std::vector<std::int64_t> source = choose(scene, min_valid, threads, rows);
  rows.unit.resize(source.size() * static_cast<std::size_t>(scene.channels));
  Moments m;
  if (center != Center::kNone) m = moments(scene, source, center, threads);
  std::vector<std::uint8_t> zero(source.size());
  parallel_for((source.size() + kChunk - 1) / kChunk, threads, [&](std::size_t k) {
    for (std::size_t i = k * kChunk; i < std::min(source.size(), (k + 1) * kChunk); ++i) {
      const float* x = scene.features.data() + source[i] * scene.channels;
      float* out = rows.unit.data() + static_cast<std::int64_t>(i) * scene.channels;
      if (center == Center::kNone) {
        std::copy_n(x, scene.channels, out);
      } else {
        correspondence::standardise(out, x, m.mean.data(), m.factor.data(), scene.channels);
      }
      const double norm = std::sqrt(correspondence::square_sum(out, scene.channels));
      zero[i] = norm == 0;
      correspondence::scale(out, 1 / std::max(norm, correspondence::kLeastNorm), scene.channels);
    }
  });
  rows.zero = std::count(zero.begin(), zero.end(), 1);
  return rows;
}

}  // namespace vega
