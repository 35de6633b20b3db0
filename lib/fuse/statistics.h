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

// Of some cells; NaN of none. The gate is the weight of the semantic stream: 1 is all semantic, 0
// all generative.
struct GateNumbers {
  std::size_t cells = 0;
  double mean = 0, std = 0, min = 0, max = 0;  // std: of the population
  std::array<double, 3> quartiles{};           // linear between ranks
  double below = 0, above = 0;                 // share of cells with g < 0.1, g > 0.9
};

struct FrameGate {
  std::int64_t id = 0;
  GateNumbers all, covered;
};

// `all`: every cell of every frame; `covered`: those that the generative view covers. With align
// pixel the others have no generative token and so a gate of 1, which says nothing about the model.
struct GateStatistics {
  std::string key, method, form, align;
  bool trained = false;
  std::size_t frames = 0;
  GateNumbers all, covered;
  double mean_uncovered = 0;  // NaN without such cells
  // Bin i: i/40 <= g < (i + 1)/40; the last one has 1 too, what lies outside counts at the ends.
  std::array<std::int64_t, kGateBins> histogram{}, histogram_covered{};
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
