#include "correspondence/nearest.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/parallel.h"
#include "correspondence/loops.h"

namespace vega {
namespace {

using correspondence::kPanel;
constexpr std::int64_t kStrip = 4;     // rows that advance together
constexpr std::int64_t kBlock = 64;    // rows of one piece of work
constexpr std::int64_t kPanels = 256;  // panels that are packed at a time: 12 MB of 1536 channels

void offer(Nearest& out, std::size_t row, std::int64_t column, float cosine) {
  if (cosine > out.best_cosine[row]) {
    out.second[row] = out.best[row];
    out.second_cosine[row] = out.best_cosine[row];
    out.best[row] = static_cast<std::int32_t>(column);
    out.best_cosine[row] = cosine;
  } else if (cosine > out.second_cosine[row]) {
    out.second[row] = static_cast<std::int32_t>(column);
    out.second_cosine[row] = cosine;
  }
}

}  // namespace

Nearest nearest_rows(const float* a, std::int64_t n, const float* b, std::int64_t m,
                     std::int64_t channels, int threads) {
  const auto rows = static_cast<std::size_t>(n);
  const float none = -std::numeric_limits<float>::infinity();
  Nearest out{std::vector<std::int32_t>(rows, -1), std::vector<std::int32_t>(rows, -1),
              std::vector<float>(rows, none), std::vector<float>(rows, none)};
  const std::int64_t panels = (m + kPanel - 1) / kPanel;
  std::vector<float> packed;
  for (std::int64_t first = 0; first < panels; first += kPanels) {
    const std::int64_t last = std::min(panels, first + kPanels);
    packed.resize(static_cast<std::size_t>((last - first) * kPanel * channels));
    parallel_for(static_cast<std::size_t>(last - first), threads, [&](std::size_t k) {
      const std::int64_t begin = (first + static_cast<std::int64_t>(k)) * kPanel;
      correspondence::pack_panel(packed.data() + static_cast<std::int64_t>(k) * kPanel * channels,
                                 b + begin * channels, std::min(kPanel, m - begin), channels);
    });
    parallel_for(static_cast<std::size_t>((n + kBlock - 1) / kBlock), threads, [&](std::size_t k) {
      std::array<float, kStrip * kPanel> dots;
      const std::int64_t begin = static_cast<std::int64_t>(k) * kBlock;
      const std::int64_t end = std::min(n, begin + kBlock);
      for (std::int64_t p = first; p < last; ++p) {  // ascending columns: the first of equals wins
        for (std::int64_t i = begin; i < end; i += kStrip) {
          const std::int64_t height = std::min(kStrip, end - i);
          correspondence::panel_dots(dots.data(), a + i * channels, height,
                                     packed.data() + (p - first) * kPanel * channels, channels);
          for (std::int64_t r = 0; r < height; ++r) {
            for (std::int64_t j = 0; j < std::min(kPanel, m - p * kPanel); ++j) {
              offer(out, static_cast<std::size_t>(i + r), p * kPanel + j,
                    dots[static_cast<std::size_t>(r * kPanel + j)]);
            }
          }
        }
      }
    });
  }
  return out;
}

}  // namespace vega
