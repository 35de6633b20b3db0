#include "store/scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace vega::detail {
namespace {

// Sums about the first finite value: no cancellation where the spread is small beside the mean.
struct Sums {
  Scan scan;
  double origin = 0, sum = 0, squares = 0;

  void add(double value) {
    ++scan.count;
    if (!std::isfinite(value)) {
      ++scan.not_finite;
      return;
    }
    if (scan.count - scan.not_finite == 1) origin = scan.min = scan.max = value;
    scan.min = std::min(scan.min, value);
    scan.max = std::max(scan.max, value);
    sum += value - origin;
    squares += (value - origin) * (value - origin);
  }
  Scan result() const {
    Scan done = scan;
    const auto n = static_cast<double>(scan.count - scan.not_finite);
    if (n == 0) return done;
    done.mean = origin + sum / n;
    done.std = std::sqrt(std::max(0.0, squares / n - (sum / n) * (sum / n)));
    return done;
  }
};

}  // namespace

bool is_floating(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

Scan scan_dataset(const h5::File& file, const std::string& object, const h5::DatasetInfo& info) {
  constexpr std::size_t kRun = std::size_t{4} << 20;
  Sums sums;
  if (info.bytes() == 0) return sums.scan;
  const auto rows = static_cast<std::int64_t>(std::max<std::size_t>(1, kRun / info.row_bytes()));
  for (std::int64_t first = 0; first < info.row_count(); first += rows) {
    const std::int64_t count = std::min(rows, info.row_count() - first);
    std::vector<std::byte> raw(static_cast<std::size_t>(count) * info.row_bytes());
    file.read_rows(object, first, count, raw);
    if (info.dtype == DType::kF64) {
      for (const double value : h5::values_of<double>(raw)) sums.add(value);
      continue;
    }
    const auto n = static_cast<std::int64_t>(raw.size() / size_of(info.dtype));
    for (const float value : to_f32({info.dtype, {n}, raw.data()})) sums.add(value);
  }
  return sums.result();
}

}  // namespace vega::detail
