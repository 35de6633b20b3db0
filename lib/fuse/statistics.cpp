#include "fuse/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "base/error.h"
#include "base/json.h"
#include "base/quantile.h"

namespace vega::fuse {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

GateNumbers numbers_of(std::span<const float> gate) {
  GateNumbers out;
  out.cells = gate.size();
  const double count = static_cast<double>(gate.size());
  double sum = 0, squares = 0;
  std::size_t below = 0, above = 0;
  for (const float g : gate) {
    sum += g;
    below += g < 0.1F ? 1 : 0;
    above += g > 0.9F ? 1 : 0;
  }
  out.mean = sum / count;
  for (const float g : gate) squares += (g - out.mean) * (g - out.mean);
  out.std = std::sqrt(squares / count);
  out.below = static_cast<double>(below) / count;
  out.above = static_cast<double>(above) / count;
  const auto [least, most] = std::minmax_element(gate.begin(), gate.end());
  out.min = gate.empty() ? kNone : *least;
  out.max = gate.empty() ? kNone : *most;
  for (std::size_t q = 0; q < 3; ++q)
    out.quartiles[q] = quantile(gate, 0.25 * static_cast<double>(q + 1));
  return out;
}

std::vector<float> chosen(std::span<const float> gate, std::span<const std::uint8_t> covered,
                          bool wanted) {
  std::vector<float> out;
  for (std::size_t i = 0; i < gate.size(); ++i)
    if ((covered[i] != 0) == wanted) out.push_back(gate[i]);
  return out;
}

std::array<std::int64_t, kGateBins> histogram_of(std::span<const float> gate) {
  std::array<std::int64_t, kGateBins> out{};
  for (const float g : gate) {
    const double bin = std::floor(static_cast<double>(g) * static_cast<double>(kGateBins));
    ++out[static_cast<std::size_t>(std::clamp(bin, 0.0, static_cast<double>(kGateBins - 1)))];
  }
  return out;
}

void check_values(const std::string& key, const std::vector<std::int64_t>& id,
                  const std::vector<float>& gate, const std::vector<std::uint8_t>& covered) {
  const std::size_t cells = id.size() * kTokenCells;
  if (cells == 0 || gate.size() != cells || covered.size() != cells)
    throw InputError(explain(
        key + ": gate",
        std::to_string(gate.size()) + " values, " + std::to_string(covered.size()) + " covered",
        std::to_string(cells) + " of " + std::to_string(id.size()) + " frames"));
  const auto bad =
      std::find_if(gate.begin(), gate.end(), [](float g) { return !std::isfinite(g); });
  if (bad == gate.end()) return;
  const auto at = static_cast<std::size_t>(bad - gate.begin());
  throw FormatError(explain(key + ": gate of frame " + std::to_string(id[at / kTokenCells]) +
                                ", row " + std::to_string(at % kTokenCells / kTokenGrid) +
                                ", column " + std::to_string(at % kTokenGrid),
                            std::to_string(*bad), "a finite number",
                            "fuse again with --overwrite"));
}

Json json_of(const GateNumbers& n) {
  return {{"cells", n.cells},
          {"mean", n.mean},
          {"std", n.std},
          {"min", n.min},
          {"max", n.max},
          {"quartiles", n.quartiles},
          {"share_below_0.1", n.below},
          {"share_above_0.9", n.above}};
}

}  // namespace

double GateStatistics::covered_share() const {
  return static_cast<double>(covered.cells) / static_cast<double>(all.cells);
}

GateStatistics gate_statistics(const std::string& key, const TokensInfo& info,
                               const std::vector<std::int64_t>& id, const std::vector<float>& gate,
                               const std::vector<std::uint8_t>& covered) {
  check_values(key, id, gate, covered);
  GateStatistics s;
  s.key = key, s.method = info.method, s.form = info.form, s.align = info.align;
  s.trained = info.trained;
  s.frames = id.size();
  const std::vector<float> seen = chosen(gate, covered, true);
  s.all = numbers_of(gate), s.covered = numbers_of(seen);
  s.mean_uncovered = numbers_of(chosen(gate, covered, false)).mean;
  s.histogram = histogram_of(gate), s.histogram_covered = histogram_of(seen);
  for (std::size_t v = 0; v < id.size(); ++v) {
    const auto cells = std::span<const float>(gate).subspan(v * kTokenCells, kTokenCells);
    const auto mask = std::span<const std::uint8_t>(covered).subspan(v * kTokenCells, kTokenCells);
    s.per_frame.push_back({id[v], numbers_of(cells), numbers_of(chosen(cells, mask, true))});
  }
  return s;
}

GateStatistics gate_statistics(const TokensReader& reader) {
  reader.check_square("pictures of the gate are of that grid");
  if (!reader.info().has_gate)
    throw InputError(explain(reader.path().string(),
                             "no gate: method " + reader.info().method + " has none",
                             "tokens of token_gated, gated or weighted",
                             "fuse with vega-fuse tokens --method token_gated"));
  return gate_statistics(reader.header().key, reader.info(), reader.frames().id, reader.gate(),
                         reader.covered());
}

std::string gate_json(const GateStatistics& s) {
  Json gate = json_of(s.all), covered = json_of(s.covered), frames = Json::list();
  covered.add("histogram", s.histogram_covered);
  gate.add("histogram", s.histogram);
  gate.add("mean_covered", s.covered.mean);
  gate.add("mean_uncovered", s.mean_uncovered);
  gate.add("covered", std::move(covered));
  for (const FrameGate& f : s.per_frame)
    frames.push(
        {{"id", f.id},
         {"mean", f.all.mean},
         {"std", f.all.std},
         {"covered_share", static_cast<double>(f.covered.cells) / static_cast<double>(f.all.cells)},
         {"mean_covered", f.covered.mean},
         {"std_covered", f.covered.std}});
  const Json out = {{"schema", kGateSchema},
                    {"key", s.key},
                    {"method", s.method},
                    {"form", s.form},
                    {"align", s.align},
                    {"trained", s.trained},
                    {"frames", s.frames},
                    {"cells", s.all.cells},
                    {"covered_share", s.covered_share()},
                    {"gate", std::move(gate)},
                    {"per_frame", std::move(frames)}};
  return out.dump(2) + "\n";
}

}  // namespace vega::fuse
