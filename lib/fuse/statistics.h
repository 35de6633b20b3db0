// What a tokens file says about its gate, in numbers (vega.gate/1, docs/formats.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "store/tokens_file.h"

namespace vega::fuse {

inline constexpr const char* kGateSchema = "vega.gate/1";
inline constexpr std::size_t kGateBins = 40;

// Mean and (population) standard deviation of the cells of one frame.
struct FrameGate {
  std::int64_t id = 0;
  double mean = 0, std = 0;
};

// Over all cells of all frames, unless a name says otherwise. The gate is the weight of the
// semantic stream: 1 is all semantic, 0 all generative.
struct GateStatistics {
  std::string key, method, form, align;
  bool trained = false;
  std::size_t frames = 0, cells = 0, covered = 0;  // cells: in all frames together
  double mean = 0, std = 0, min = 0, max = 0;
  std::array<double, 3> quartiles{};  // linear between ranks
  // Bin i: i/40 <= g < (i + 1)/40; the last one has 1 too, what lies outside counts at the ends.
  std::array<std::int64_t, kGateBins> histogram{}, histogram_covered{};
  double below = 0, above = 0;                  // share of cells with g < 0.1, g > 0.9
  double mean_covered = 0, mean_uncovered = 0;  // NaN without such cells
  std::vector<FrameGate> per_frame;

  double covered_share() const;
};

// Throws InputError (no gate: says which methods have one), FormatError (damaged, a gate that is
// not finite: names frame and cell).
GateStatistics gate_statistics(const TokensReader& reader);

// The same of values at hand. gate, covered: frames * 196, of the frames `id`.
GateStatistics gate_statistics(const std::string& key, const TokensInfo& info,
                               const std::vector<std::int64_t>& id, const std::vector<float>& gate,
                               const std::vector<std::uint8_t>& covered);

// One JSON object, indented, newline at the end.
std::string gate_json(const GateStatistics& statistics);

}  // namespace vega::fuse
