#include "probe/ridge.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "core/check.h"

namespace vega {
namespace {

constexpr std::int64_t kBlockRows = 2048, kPanel = 512;

// LibTorch on one thread of this scope's: what is summed does not depend on the machine's cores.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// A column is constant where its variance is below what rounding leaves: of the values themselves
// (float32: 6e-8 of their size, squared), and of the sums of their squares.
constexpr double kConstantValue = 1e-12, kConstantExact = 1e-12, kConstantFloat = 1e-5;

}  // namespace

at::Tensor RidgeFit::predict(const at::Tensor& rows) const {
  const at::Tensor used = rows.slice(1, 0, origin.size(0));
  return at::addmm(offset, used - origin, weight);
}

RidgeSums::RidgeSums(std::int64_t columns, std::int64_t targets, bool exact)
    : columns_(columns), targets_(targets), exact_(exact) {
  const std::int64_t all = columns + targets + 1;
  moments_ = at::zeros({all, all}, at::kDouble);
}

double RidgeSums::bytes(std::int64_t columns, std::int64_t targets) {
  const auto all = static_cast<double>(columns + targets + 1);
  constexpr double kCopies = 4;  // the sums; while they are solved also C, C + lambda and its root
  return kCopies * 8 * all * all;
}

void RidgeSums::add(const at::Tensor& x, const at::Tensor& y, std::span<const std::int32_t> names,
                    int threads) {
  check_shape("ridge", "x", x, {kAny, columns_});
  check_shape("ridge", "y", y, {x.size(0), targets_});
  check_dtype("ridge", "x", x, {at::kFloat});
  check_dtype("ridge", "y", y, {at::kFloat});
  check_that(std::ssize(names) == x.size(0), "ridge", "names", std::to_string(names.size()),
             std::to_string(x.size(0)));
  if (x.size(0) == 0) return;
  const OneThread one;
  if (!origin_.defined()) origin_ = at::cat({x, y}, 1).mean(0, false, at::kDouble).to(at::kFloat);
  for (std::int64_t begin = 0; begin < x.size(0); begin += kBlockRows) {
    const std::int64_t end = std::min(x.size(0), begin + kBlockRows);
    at::Tensor rows = at::cat({x.slice(0, begin, end), y.slice(0, begin, end)}, 1);
    if (exact_) rows = rows.to(at::kDouble);
    rows.sub_(origin_);
    add_block(at::cat({rows, at::ones({end - begin, 1}, rows.options())}, 1), threads);
  }
  add_names(x, names);
  rows_ += x.size(0);
}

void RidgeSums::add_block(const at::Tensor& rows, int threads) {
  std::vector<std::pair<std::int64_t, std::int64_t>> panels;
  for (std::int64_t i = 0; i < rows.size(1); i += kPanel)
    for (std::int64_t j = i; j < rows.size(1); j += kPanel) panels.emplace_back(i, j);
  const auto part = [](const at::Tensor& whole, std::int64_t axis, std::int64_t begin) {
    return whole.slice(axis, begin, std::min(whole.size(axis), begin + kPanel));
  };
  const auto body = [&](std::size_t n) {
    const auto [i, j] = panels[n];
    at::Tensor sum = part(part(moments_, 0, i), 1, j);
    sum.add_(at::mm(part(rows, 1, i).t(), part(rows, 1, j)).to(at::kDouble));
  };
  parallel_for(panels.size(), threads, body, [] { at::set_num_threads(1); });
}

void RidgeSums::add_names(const at::Tensor& x, std::span<const std::int32_t> names) {
  const at::Tensor rows = x.contiguous();
  const float* values = rows.const_data_ptr<float>();
  const float* origin = origin_.const_data_ptr<float>();
  for (std::size_t r = 0; r < names.size(); ++r) {
    if (names[r] < 0) continue;
    const auto name = static_cast<std::size_t>(names[r]);
    while (by_name_.size() <= name) by_name_.emplace_back(), name_rows_.push_back(0);
    if (!by_name_[name].defined()) by_name_[name] = at::zeros({columns_}, at::kDouble);
    double* sum = by_name_[name].mutable_data_ptr<double>();
    const float* row = values + static_cast<std::int64_t>(r) * columns_;
    for (std::int64_t c = 0; c < columns_; ++c) sum[c] += double(row[c]) - origin[c];
    ++name_rows_[name];
  }
}

std::int64_t RidgeSums::rows_of(std::int32_t name) const {
  const auto at = static_cast<std::size_t>(name);
  return name >= 0 && at < name_rows_.size() ? name_rows_[at] : 0;
}

at::Tensor RidgeSums::sums_of(std::int32_t name) const {
  return rows_of(name) > 0 ? by_name_[static_cast<std::size_t>(name)]
                           : at::zeros({columns_}, at::kDouble);
}

RidgeFit RidgeSums::fit(std::int64_t columns, const RidgeRule& rule) const {
  if (rows_ == 0) throw InputError(explain("ridge", "no row", "rows to fit"));
  if (!(rule.strength > 0))
    throw InputError(explain("ridge", std::to_string(rule.strength), "a strength above 0"));
  const OneThread one;
  const auto n = static_cast<double>(rows_);
  const std::int64_t last = columns_ + targets_;
  // Everything is of values minus the origin.
  const at::Tensor mean = moments_.select(1, last).slice(0, 0, last) / n;
  const at::Tensor x_mean = mean.slice(0, 0, columns);
  at::Tensor upper = moments_.slice(0, 0, columns).slice(1, 0, columns).triu();
  at::Tensor c = upper + upper.triu(1).t();
  upper.reset();
  c.div_(n).sub_(at::outer(x_mean, x_mean));
  const at::Tensor raw = moments_.diagonal().slice(0, 0, columns) / n;
  const at::Tensor value = origin_.slice(0, 0, columns).to(at::kDouble);
  const at::Tensor variance = c.diagonal().clone();
  const at::Tensor least =
      kConstantValue * value * value + (exact_ ? kConstantExact : kConstantFloat) * raw;
  const at::Tensor scale = at::where(variance > least, variance.clamp_min(1e-300).rsqrt(), 0);
  c.mul_(scale.unsqueeze(1)).mul_(scale);
  c.diagonal().add_(rule.strength);
  // Right-hand sides: targets, then classes.
  std::vector<at::Tensor> right, middle, divide;
  for (std::int64_t t = 0; t < targets_; ++t) {
    right.push_back(moments_.select(1, columns_ + t).slice(0, 0, columns) / n -
                    x_mean * mean[columns_ + t]);
    middle.push_back(mean[columns_ + t] + origin_[columns_ + t].to(at::kDouble));
    divide.push_back(at::ones({}, at::kDouble));
  }
  for (const std::int32_t name : rule.classes) {
    const auto share = static_cast<double>(rows_of(name)) / n;
    right.push_back(sums_of(name).slice(0, 0, columns) / n - x_mean * share);
    middle.push_back(at::full({}, share, at::kDouble));
    divide.push_back(at::full({}, std::sqrt(std::max(1.0, share * n)), at::kDouble));
  }
  const at::Tensor divisor = at::stack(divide);
  at::Tensor b = at::stack(right, 1).mul_(scale.unsqueeze(1));
  const at::Tensor root = at::linalg_cholesky(c);
  const at::Tensor weight = at::cholesky_solve(b, root).mul_(scale.unsqueeze(1)).div_(divisor);
  const at::Tensor offset = at::stack(middle).div_(divisor) - at::matmul(x_mean, weight);
  return {origin_.slice(0, 0, columns).contiguous(), weight.to(at::kFloat).contiguous(),
          offset.to(at::kFloat)};
}

}  // namespace vega
