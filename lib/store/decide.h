// What a rerun does with an output that may exist already: compute, skip, add taps, overwrite, or
// refuse with the difference spelled out.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "store/features.h"

namespace vega {

enum class Decision { kCompute, kSkip, kAddTaps, kOverwrite };

// What a rerun does, and why.
struct RerunDecision {
  Decision decision = Decision::kCompute;
  std::vector<std::string> missing_taps;  // kAddTaps: names, in the order asked
  std::string reason;                     // one line for the log
};

// For a feature file. Of `taps` only name and cache_key are compared; empty: any taps do.
//   no file                          kCompute
//   `overwrite`                      kOverwrite (kCompute where there is no file)
//   complete, same cache_key         kSkip, or kAddTaps where some of `taps` are not in it
// Throws RefusedError where the key differs ("timestep: file has 300, asked 500"), or a tap of that
// name has another key; FormatError where the file is incomplete or unreadable. Both name
// --overwrite. Reads attributes only.
RerunDecision decide(const std::filesystem::path& final_path, const FeatureHeader& wanted,
                     std::span<const TapInfo> taps, bool overwrite);

// The same for files without taps (prompt, noise, scenes).
RerunDecision decide(const std::filesystem::path& final_path, const std::string& schema,
                     const FileHeader& wanted, bool overwrite);

// One line a difference: "  timestep: file has 300, asked 500"; nested options as "noise.kind".
std::vector<std::string> option_differences(const std::string& file_json,
                                            const std::string& asked_json);

}  // namespace vega
