#include "nn/pca.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/quantile.h"

namespace vega {
namespace {

// Elements that are widened to float64 at a time: 32 MiB.
constexpr std::int64_t kChunkElements = std::int64_t(1) << 22;

// Variances below these shares are rounding, not structure: of the largest variance, and of the
// squared length of the mean (constant features have a mean that is rounded to 1e-16 of itself).
constexpr double kVarianceFloor = 1e-12, kMeanFloor = 1e-26;

// Larger matrices are iterated: vectors in the block, rounds at most, residual over largest value.
constexpr std::int64_t kAllPairs = 512, kBlock = 32;
constexpr int kRounds = 300;
constexpr double kResidual = 1e-13;

constexpr std::uint8_t kMidGrey = 127;

// Tokens as (n, d) and their mean; blocks of centred rows on demand.
class Centred {
 public:
  Centred(std::span<const float> tokens, std::int64_t channels)
      : n_(std::int64_t(tokens.size()) / channels),
        d_(channels),
        rows_(std::max<std::int64_t>(1, kChunkElements / channels)),
        // from_blob takes a mutable pointer; nothing writes through it.
        tokens_(at::from_blob(const_cast<float*>(tokens.data()), {n_, d_}, at::kFloat)),
        mean_(at::zeros({d_}, at::kDouble)) {
    for (std::int64_t i = 0; i < n_; i += rows_) mean_ += wide(i).sum(0);
    mean_ /= double(n_);
  }

  std::int64_t n() const { return n_; }
  std::int64_t d() const { return d_; }
  std::int64_t rows() const { return rows_; }
  const at::Tensor& mean() const { return mean_; }

  // Rows first..first+rows(), fewer at the end, float64, minus the mean.
  at::Tensor block(std::int64_t first) const { return wide(first) - mean_; }

 private:
  at::Tensor wide(std::int64_t first) const {
    return tokens_.slice(0, first, std::min(first + rows_, n_)).to(at::kDouble);
  }

  std::int64_t n_, d_, rows_;
  at::Tensor tokens_, mean_;
};

struct Directions {
  at::Tensor rows;                      // (3, d), zero where there is no variance
  std::array<double, 3> variance = {};  // times the number of tokens
  double total = 0;
};

using Eigenpairs = std::pair<at::Tensor, at::Tensor>;  // values (k), largest first; vectors (m, k)

Eigenpairs leading_of_all(const at::Tensor& matrix, std::int64_t k) {
  auto [values, vectors] = at::linalg_eigh(matrix);
  const std::int64_t m = matrix.size(0);
  return {values.slice(0, m - k).flip(0), vectors.slice(1, m - k).flip(1)};
}

// Any block will do that is not orthogonal to the directions sought: fractions of multiples of
// irrational numbers, the same in every run.
at::Tensor start_block(std::int64_t m, std::int64_t columns) {
  at::Tensor block = at::empty({m, columns}, at::kDouble);
  double* v = block.data_ptr<double>();
  for (std::int64_t i = 0; i < m * columns; ++i) {
    const double x = double(i + 1) * 0.6180339887498949 * double(i % 1021 + 1);
    v[i] = x - std::floor(x) - 0.5;
  }
  return block;
}

// The k largest eigenpairs of a symmetric positive semidefinite matrix. All pairs of a large one
// take minutes; a block of vectors multiplied by the matrix again and again turns to the leading
// ones in a second. It is done when |A v - w v| is at rounding level, which bounds the error
// whatever the way there; if that is not reached (leading values nearly equal), all are computed.
Eigenpairs leading(const at::Tensor& matrix, std::int64_t k) {
  const std::int64_t m = matrix.size(0);
  if (m <= kAllPairs) return leading_of_all(matrix, k);
  at::Tensor block = start_block(m, kBlock);
  for (int round = 0; round < kRounds; ++round) {
    const at::Tensor basis = std::get<0>(at::linalg_qr(block));
    block = at::mm(matrix, basis);
    const at::Tensor inner = at::mm(basis.t(), block);
    auto [values, turn] = leading_of_all((inner + inner.t()) / 2, k);
    const at::Tensor vectors = at::mm(basis, turn);
    const at::Tensor residual = (at::mm(block, turn) - vectors * values).norm(2, {0}, false);
    if (residual.max().item<double>() <= kResidual * values[0].item<double>()) {
      return {values, vectors};
    }
  }
  return leading_of_all(matrix, k);
}

// Each row with the sign that makes its element of largest magnitude (the first such) positive.
void fix_signs(at::Tensor& rows) {
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    at::Tensor row = rows[i];
    const double* v = row.const_data_ptr<double>();
    std::int64_t top = 0;
    for (std::int64_t j = 1; j < row.size(0); ++j) {
      if (std::abs(v[j]) > std::abs(v[top])) top = j;
    }
    if (v[top] < 0) row.neg_();
  }
}

Directions find_directions(const Centred& c) {
  const std::int64_t k = std::min<std::int64_t>(3, std::min(c.n(), c.d()));
  at::Tensor values, vectors, matrix;
  if (c.n() < c.d()) {
    // c c' u = w u gives c' c (c' u) = w (c' u): the same directions from n x n numbers.
    at::Tensor all = at::empty({c.n(), c.d()}, at::kDouble);
    for (std::int64_t i = 0; i < c.n(); i += c.rows()) {
      all.slice(0, i, std::min(i + c.rows(), c.n())).copy_(c.block(i));
    }
    matrix = at::mm(all, all.t());
    std::tie(values, vectors) = leading(matrix, k);
    vectors = at::mm(all.t(), vectors);
    vectors = vectors / vectors.norm(2, {0}, true).clamp_min(1e-300);
  } else {
    matrix = at::zeros({c.d(), c.d()}, at::kDouble);
    for (std::int64_t i = 0; i < c.n(); i += c.rows()) {
      const at::Tensor block = c.block(i);
      matrix.addmm_(block.t(), block);
    }
    std::tie(values, vectors) = leading(matrix, k);
  }

  Directions out;
  out.rows = at::zeros({3, c.d()}, at::kDouble);
  out.rows.slice(0, 0, k).copy_(vectors.t());
  out.total = matrix.diagonal().sum().item<double>();
  const double mean_square = (c.mean() * c.mean()).sum().item<double>() * double(c.n());
  const double largest = values[0].item<double>();
  const double floor = std::max(kVarianceFloor * largest, kMeanFloor * mean_square);
  for (std::int64_t i = 0; i < k; ++i) {
    const double variance = values[i].item<double>();
    if (variance > floor) out.variance[std::size_t(i)] = variance;
  }
  fix_signs(out.rows);
  return out;
}

void paint_channel(const std::vector<double>& values, std::size_t channel,
                   std::vector<std::uint8_t>& rgb) {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const double lo = quantile_of_sorted(sorted, 0.01);
  const double hi = quantile_of_sorted(sorted, 0.99);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double unit = std::clamp((values[i] - lo) / (hi - lo + 1e-6), 0.0, 1.0);
    rgb[3 * i + channel] = std::uint8_t(std::floor(unit * 255.0 + 0.5));
  }
}

void check(std::span<const float> tokens, std::int64_t channels) {
  if (channels < 1 || tokens.empty() || tokens.size() % std::size_t(channels) != 0) {
    throw InputError(explain("PCA colours",
                             std::to_string(tokens.size()) + " values of tokens with " +
                                 std::to_string(channels) + " channels",
                             "at least one whole token"));
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (std::isfinite(tokens[i])) continue;
    throw InputError(explain("PCA colours",
                             std::to_string(tokens[i]) + " in token " +
                                 std::to_string(i / std::size_t(channels)) + ", channel " +
                                 std::to_string(i % std::size_t(channels)),
                             "finite features", "extract the scene again"));
  }
}

}  // namespace

PcaColors pca_colors(std::span<const float> tokens, std::int64_t channels) {
  check(tokens, channels);
  const Centred c(tokens, channels);
  const Directions directions = find_directions(c);

  const std::size_t n = std::size_t(c.n());
  std::array<std::vector<double>, 3> projected;
  for (auto& p : projected) p.reserve(n);
  for (std::int64_t i = 0; i < c.n(); i += c.rows()) {
    const at::Tensor part = at::mm(c.block(i), directions.rows.t()).contiguous();
    const double* v = part.const_data_ptr<double>();
    for (std::int64_t t = 0; t < part.size(0); ++t) {
      for (std::size_t k = 0; k < 3; ++k) projected[k].push_back(v[3 * t + std::int64_t(k)]);
    }
  }

  PcaColors out;
  out.rgb.assign(3 * n, kMidGrey);
  for (std::size_t k = 0; k < 3; ++k) {
    if (directions.variance[k] <= 0) continue;
    out.explained[k] = directions.variance[k] / directions.total;
    paint_channel(projected[k], k, out.rgb);
  }
  return out;
}

}  // namespace vega
