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
