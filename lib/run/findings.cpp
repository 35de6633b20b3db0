#include "run/findings.h"

#include <algorithm>

#include "base/log.h"

namespace vega {
namespace {

constexpr std::size_t kRangeText = 60;  // characters of a list of frames

}  // namespace

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

std::string frames_text(const Finding& finding) {
  if (finding.frames.empty()) return {};
  const std::string noun = finding.frames.size() == 1 ? "frame " : "frames ";
  if (finding.ranges.size() <= kRangeText) return noun + finding.ranges + ": ";
  const auto cut = finding.ranges.rfind(',', kRangeText);
  return noun + finding.ranges.substr(0, cut) + ", ... (" + std::to_string(finding.frames.size()) +
         " in all): ";
}

std::string Finding::line(std::string_view root) const {
  const bool told = where.empty() || where == root || what.find(where) != std::string::npos;
  return (told ? "" : where + ": ") + frames_text(*this) + what +
         (remedy.empty() ? "" : "; " + remedy);
}

void Findings::add(Severity severity, std::string topic, std::string where, std::string what,
                   std::string remedy, std::vector<std::int64_t> frames) {
  std::sort(frames.begin(), frames.end());
  Finding finding{severity, std::move(topic), std::move(where), {},
                  {},       std::move(what),  std::move(remedy)};
  finding.ranges = id_ranges(frames, all_);
  finding.frames = std::move(frames);
  if (severity == Severity::kError && !collects()) throw InputError(finding.line());
  list_.push_back(std::move(finding));
}

std::size_t Findings::count(Severity severity) const {
  return static_cast<std::size_t>(std::count_if(
      list_.begin(), list_.end(), [&](const Finding& f) { return f.severity == severity; }));
}

void Findings::sort() {
  std::stable_sort(list_.begin(), list_.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

void Findings::log(std::string_view key, const std::string& root) const {
  std::string notes;
  for (const Finding& finding : list_) {
    if (finding.severity == Severity::kNote) {
      notes += (notes.empty() ? "" : "; ") + frames_text(finding) + finding.what;
    } else {
      log_warn("{}: {}", key, finding.line(root));
    }
  }
  if (!notes.empty()) log_info("{}: {}", key, notes);
}

}  // namespace vega
