#include "correspondence/device/nearest.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "core/on_device.h"

namespace vega {
namespace {

constexpr std::int64_t kScoreBytes = std::int64_t{512} << 20;

at::Tensor on(at::Device device, const float* rows, std::int64_t n, std::int64_t channels) {
  // from_blob takes no const; the rows are only read.
  return at::from_blob(const_cast<float*>(rows), {n, channels}, at::kFloat).to(device);
}

}  // namespace

Nearest nearest_on(at::Device device, const float* a, std::int64_t n, const float* b,
                   std::int64_t m, std::int64_t channels) {
  const auto rows = static_cast<std::size_t>(n);
  const float none = -std::numeric_limits<float>::infinity();
  Nearest out{std::vector<std::int32_t>(rows, -1), std::vector<std::int32_t>(rows, -1),
              std::vector<float>(rows, none), std::vector<float>(rows, none)};
  if (n == 0 || m == 0) return out;
  on_device(device, [&] {
    const at::Tensor left = on(device, a, n, channels);
    const at::Tensor right = on(device, b, m, channels).t();
    const std::int64_t tile = std::max<std::int64_t>(1, kScoreBytes / 4 / m);
    const std::int64_t best = std::min<std::int64_t>(2, m);
    for (std::int64_t begin = 0; begin < n; begin += tile) {
      const std::int64_t end = std::min(n, begin + tile);
      const auto [values, indices] = left.slice(0, begin, end).matmul(right).topk(best, 1);
      const at::Tensor cosine = values.cpu().contiguous();
      const at::Tensor index = indices.cpu().contiguous();
      const float* c = cosine.const_data_ptr<float>();
      const std::int64_t* i = index.const_data_ptr<std::int64_t>();
      for (std::int64_t r = 0; r < end - begin; ++r) {
        const auto row = static_cast<std::size_t>(begin + r);
        out.best[row] = static_cast<std::int32_t>(i[r * best]);
        out.best_cosine[row] = c[r * best];
        if (best < 2) continue;
        out.second[row] = static_cast<std::int32_t>(i[r * best + 1]);
        out.second_cosine[row] = c[r * best + 1];
      }
    }
    return 0;
  });
  return out;
}

}  // namespace vega
