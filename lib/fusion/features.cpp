#include "fusion/features.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/json.h"

namespace vega {

std::vector<float> read_finite(const FeatureReader& file, std::size_t tap, std::size_t first,
                               std::size_t count) {
  std::vector<float> values = file.read_f32(tap, first, count);
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return values;
  const TapInfo& info = file.taps()[tap];
  const auto at = static_cast<std::int64_t>(bad - values.begin());
  const std::int64_t cells = info.grid_h * info.grid_w;
  const auto frame = first + static_cast<std::size_t>(at / (cells * info.channels));
  throw InputError(
      explain(fmt::format("{}: tap {}", file.path().string(), info.name),
              fmt::format("{} in frame {}, cell {}, channel {}", *bad, file.frames().id[frame],
                          at / info.channels % cells, at % info.channels),
              "finite features", "extract the scene again; vega-extract verify names such files"));
}

std::string differences_from(const TrainedOn& trained, const FeatureReader& file,
                             std::size_t index) {
  const TapInfo& tap = file.taps()[index];
  std::string differences;
  const auto differs = [&](const char* what, const std::string& got, const std::string& expected) {
    differences += fmt::format("\n  {}: features have {}, trained on {}", what, got, expected);
  };
  const auto number = [](double v) { return fmt::format("{:g}", v); };
  if (trained.block >= 0 && tap.block >= 0 && tap.block != trained.block)
    differs("block", std::to_string(tap.block), std::to_string(trained.block));
  if (trained.timestep >= 0 && tap.timestep_asked >= 0 && tap.timestep_asked != trained.timestep)
    differs("timestep", number(tap.timestep_asked), number(trained.timestep));
  if (trained.width > 0 && tap.width > 0 &&
      (tap.width != trained.width || tap.height != trained.height))
    differs("size", fmt::format("{}x{}", tap.width, tap.height),
            fmt::format("{}x{}", trained.width, trained.height));
  if (!trained.view.empty() && !tap.view.empty() && tap.view != trained.view)
    differs("view", tap.view, trained.view);
  const auto options = parse_json(file.header().options_json).value_or(Json());
  const std::optional<double> shift = options["shift"].number();
  if (trained.shift >= 0 && shift && *shift != trained.shift)
    differs("shift", number(*shift), number(trained.shift));
  return differences;
}

}  // namespace vega
