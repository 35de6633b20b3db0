#include "fuse/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "viz/overlay.h"

namespace vega::fuse {
namespace {

constexpr std::size_t kCells = kTokenGrid * kTokenGrid;

// Mean and deviation of values that come one by one, in two passes over the same values.
struct Moments {
  double mean = 0, std = 0;
};

Moments moments(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (const float v : values) sum += v;
  const double count = static_cast<double>(values.size()), mean = sum / count;
  for (const float v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / count)};
}

void check_values(const std::string& key, const std::vector<std::int64_t>& id,
                  const std::vector<float>& gate, const std::vector<std::uint8_t>& covered) {
  const std::size_t cells = id.size() * kCells;
  if (cells == 0 || gate.size() != cells || covered.size() != cells)
    throw InputError(explain(
        key + ": gate",
        std::to_string(gate.size()) + " values, " + std::to_string(covered.size()) + " covered",
        std::to_string(cells) + " of " + std::to_string(id.size()) + " frames"));
  const auto bad =
      std::find_if(gate.begin(), gate.end(), [](float g) { return !std::isfinite(g); });
  if (bad == gate.end()) return;
  const auto at = static_cast<std::size_t>(bad - gate.begin());
  throw FormatError(explain(
      key + ": gate of frame " + std::to_string(id[at / kCells]) + ", row " +
          std::to_string(at % kCells / kTokenGrid) + ", column " + std::to_string(at % kTokenGrid),
      std::to_string(*bad), "a finite number", "fuse again with --overwrite"));
}

std::size_t bin_of(float g) {
  const double at = std::floor(static_cast<double>(g) * static_cast<double>(kGateBins));
  return static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(kGateBins - 1)));
}

// NaN has no place in JSON.
nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

double GateStatistics::covered_share() const {
  return static_cast<double>(covered) / static_cast<double>(cells);
}

GateStatistics gate_statistics(const std::string& key, const TokensInfo& info,
                               const std::vector<std::int64_t>& id, const std::vector<float>& gate,
                               const std::vector<std::uint8_t>& covered) {
  check_values(key, id, gate, covered);
  GateStatistics s;
  s.key = key, s.method = info.method, s.form = info.form, s.align = info.align;
  s.trained = info.trained;
  s.frames = id.size(), s.cells = gate.size();
  const Moments all = moments(gate);
  s.mean = all.mean, s.std = all.std;
  const auto [least, most] = std::minmax_element(gate.begin(), gate.end());
  s.min = *least, s.max = *most;
  for (std::size_t q = 0; q < 3; ++q)
    s.quartiles[q] = quantile(gate, 0.25 * static_cast<double>(q + 1));
  double sum_covered = 0, sum_uncovered = 0;
  std::size_t below = 0, above = 0;
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const std::size_t bin = bin_of(gate[i]);
    ++s.histogram[bin];
    if (covered[i] != 0) ++s.covered, ++s.histogram_covered[bin];
    (covered[i] != 0 ? sum_covered : sum_uncovered) += gate[i];
    below += gate[i] < 0.1F ? 1 : 0;
    above += gate[i] > 0.9F ? 1 : 0;
  }
  const double count = static_cast<double>(s.cells), yes = static_cast<double>(s.covered);
  s.below = static_cast<double>(below) / count;
  s.above = static_cast<double>(above) / count;
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  s.mean_covered = s.covered > 0 ? sum_covered / yes : kNone;
  s.mean_uncovered = s.covered < s.cells ? sum_uncovered / (count - yes) : kNone;
  for (std::size_t v = 0; v < id.size(); ++v) {
    const Moments frame = moments(std::span<const float>(gate).subspan(v * kCells, kCells));
    s.per_frame.push_back({id[v], frame.mean, frame.std});
  }
  return s;
}

GateStatistics gate_statistics(const TokensReader& reader) {
  if (!reader.info().has_gate)
    throw InputError(explain(reader.path().string(),
                             "no gate: method " + reader.info().method + " has none",
                             "tokens of token_gated, gated or weighted",
                             "fuse with vega-fuse tokens --method token_gated"));
  return gate_statistics(reader.header().key, reader.info(), reader.frames().id, reader.gate(),
                         reader.covered());
}

std::string gate_json(const GateStatistics& s) {
  nlohmann::ordered_json json;
  json["schema"] = kGateSchema;
  json["key"] = s.key;
  json["method"] = s.method;
  json["form"] = s.form;
  json["align"] = s.align;
  json["trained"] = s.trained;
  json["frames"] = s.frames;
  json["cells"] = s.cells;
  json["covered_share"] = s.covered_share();
  auto& gate = json["gate"];
  gate["mean"] = s.mean;
  gate["std"] = s.std;
  gate["min"] = s.min;
  gate["max"] = s.max;
  gate["quartiles"] = s.quartiles;
  gate["share_below_0.1"] = s.below;
  gate["share_above_0.9"] = s.above;
  gate["mean_covered"] = number(s.mean_covered);
  gate["mean_uncovered"] = number(s.mean_uncovered);
  gate["histogram"] = s.histogram;
  gate["histogram_covered"] = s.histogram_covered;
  auto& frames = json["per_frame"] = nlohmann::ordered_json::array();
  for (const FrameGate& f : s.per_frame)
    frames.push_back({{"id", f.id}, {"mean", f.mean}, {"std", f.std}});
  return json.dump(2) + "\n";
}

}  // namespace vega::fuse
