#include "store/value_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vega::detail {
namespace {

// Sums about the first finite value: no cancellation where the spread is small beside the mean.
struct Sums {
  ValueStatistics found;
  double origin = 0, sum = 0, squares = 0;

  void add(double value) {
    ++found.count;
    if (!std::isfinite(value)) {
      ++found.not_finite;
      return;
    }
    if (found.count - found.not_finite == 1) origin = found.min = found.max = value;
    found.min = std::min(found.min, value);
    found.max = std::max(found.max, value);
    sum += value - origin;
    squares += (value - origin) * (value - origin);
  }
  ValueStatistics result() const {
    ValueStatistics done = found;
    const auto n = static_cast<double>(found.count - found.not_finite);
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

ValueStatistics value_statistics(const h5::File& file, const std::string& object,
                                 const h5::DatasetInfo& info) {
  Sums sums;
  file.read_runs(object, 0, info.row_count(), [&](std::span<const std::byte> run) {
    const auto n = static_cast<std::int64_t>(run.size() / size_of(info.dtype));
    if (info.dtype == DType::kF64) {
      for (std::int64_t i = 0; i < n; ++i) {
        double value = 0;
        std::memcpy(&value, run.data() + sizeof value * static_cast<std::size_t>(i), sizeof value);
        sums.add(value);
      }
    } else {
      for (const float value : to_f32({info.dtype, {n}, run.data()})) sums.add(value);
    }
  });
  return sums.result();
}

}  // namespace vega::detail
