#include "scene/audit.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "base/error.h"
#include "scene/audit_detail.h"
#include "scene/sens_source.h"

namespace vega {

namespace fs = std::filesystem;

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

SourceAudit audit_source(const fs::path& path, const SourceOptions& options, Findings& findings) {
  SourceAudit audit;
  try {
    std::error_code code;
    if (!fs::is_regular_file(path, code)) {
      audit = detail::audit_folder(path, options, findings);
    } else if (is_sens(path)) {
      audit = detail::audit_sens(path, options, findings);
    } else {
      audit = detail::audit_video(path, options, findings);
    }
  } catch (const InputError& error) {
    findings.add(Severity::kError, "frames", path.string(), error.what());
  } catch (const fs::filesystem_error& error) {
    findings.add(Severity::kError, "frames", path.string(), error.what());
  }
  if (audit.source) detail::audit_poses(*audit.source, findings);
  return audit;
}

namespace detail {

std::optional<std::vector<double>> numbers_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<double> values;
  std::string word;
  while (values.size() <= 1000 && file >> word) {
    const char* start = word.data() + (word[0] == '+' ? 1 : 0);
    const char* end = word.data() + word.size();
    double value = 0;
    const auto [at, code] = std::from_chars(start, end, value);
    if (code != std::errc{} || at != end) return std::nullopt;
    values.push_back(value);
  }
  return values;
}

std::string counted(std::int64_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace detail
}  // namespace vega
