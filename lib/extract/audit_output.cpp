// The output that lies there against what a run would write; attributes only.
#include <algorithm>

#include "base/error.h"
#include "extract/audit.h"
#include "store/cache_key.h"
#include "store/decide.h"
#include "store/features.h"

namespace vega::extract {
namespace {

namespace fs = std::filesystem;

// Taps of the backbone that the file lacks; differences grow where one of that name is another's.
std::vector<std::size_t> missing_taps(const FeatureReader& file, const Backbone& backbone,
                                      std::vector<std::string>& differences) {
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < backbone.taps().size(); ++i) {
    const Tap& tap = backbone.taps()[i];
    const auto& there = file.taps();
    const auto at = std::find_if(there.begin(), there.end(),
                                 [&](const TapInfo& info) { return info.name == tap.name; });
    if (at == there.end()) {
      missing.push_back(i);
    } else if (at->cache_key != tap_key(file.header().cache_key, tap.block,
                                        static_cast<double>(tap.timestep_asked))) {
      differences.push_back("tap " + tap.name + ": another one of this name");
    }
  }
  return missing;
}

}  // namespace

std::string_view name_of(OutputState state) {
  switch (state) {
    case OutputState::kAbsent: return "absent";
    case OutputState::kComplete: return "complete";
    case OutputState::kTapsMissing: return "taps missing";
    case OutputState::kOther: return "other recipe";
    case OutputState::kDamaged: return "damaged";
    case OutputState::kReplaced: return "replaced";
    case OutputState::kUnknown: break;
  }
  return "unknown";
}

OutputAudit audit_output(const fs::path& path, const std::string& options_json,
                         const std::string& input_fp, const Backbone& backbone, bool overwrite) {
  OutputAudit audit;
  for (std::size_t i = 0; i < backbone.taps().size(); ++i) audit.wanted.push_back(i);
  std::error_code code;
  if (!fs::exists(path, code)) {
    audit.state = OutputState::kAbsent;
    return audit;
  }
  if (overwrite) {
    audit.state = OutputState::kReplaced;
    return audit;
  }
  try {
    const FeatureReader file(path);
    audit.differences = option_differences(file.header().options_json, options_json);
    if (file.header().input_fp != input_fp)
      audit.differences.emplace_back("the selected frames, their pictures or poses are others");
    const auto missing = missing_taps(file, backbone, audit.differences);
    audit.state = !audit.differences.empty() ? OutputState::kOther
                  : missing.empty()          ? OutputState::kComplete
                                             : OutputState::kTapsMissing;
    if (audit.differences.empty()) audit.wanted = missing;
  } catch (const InputError& error) {
    audit.state = OutputState::kDamaged;
    audit.fault = error.what();
  }
  return audit;
}

}  // namespace vega::extract
