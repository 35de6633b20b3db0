#include "run/findings.h"

#include <algorithm>

namespace vega {

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kNote: return "note";
    case Severity::kWarning: return "warning";
    case Severity::kError: break;
  }
  return "error";
}

std::string id_ranges(std::span<const std::int64_t> ids, std::span<const std::int64_t> all) {
  std::string text;
  for (std::size_t i = 0; i < ids.size();) {
    auto at = std::lower_bound(all.begin(), all.end(), ids[i]);
    std::size_t end = i + 1;  // one behind the run of neighbours that begins at i
    while (end < ids.size() && at != all.end() && ++at != all.end() && *at == ids[end]) ++end;
    if (!text.empty()) text += ", ";
    text += std::to_string(ids[i]);
    if (end - i > 1) text += (end - i > 2 ? "-" : ", ") + std::to_string(ids[end - 1]);
    i = end;
  }
  return text;
}

void Findings::add(Severity severity, std::string topic, std::string where, std::string what,
                   std::string remedy, std::vector<std::int64_t> frames) {
  std::sort(frames.begin(), frames.end());
  Finding finding{severity, std::move(topic), std::move(where), {},
                  {},       std::move(what),  std::move(remedy)};
  finding.ranges = id_ranges(frames, all_);
  finding.frames = std::move(frames);
  list_.push_back(std::move(finding));
}

bool Findings::has(Severity severity) const { return count(severity) > 0; }

std::size_t Findings::count(Severity severity) const {
  return static_cast<std::size_t>(std::count_if(
      list_.begin(), list_.end(), [&](const Finding& f) { return f.severity == severity; }));
}

void Findings::sort() {
  std::stable_sort(list_.begin(), list_.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

}  // namespace vega
