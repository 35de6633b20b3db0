#include "base/host_memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace vega {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::optional<std::int64_t> number_at(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return std::nullopt;  // "max", and beyond 63 bits
  return value;
}

// The number behind `key` at the beginning of a line.
std::int64_t field_of(const std::vector<std::string>& lines, std::string_view key) {
  for (const std::string& line : lines) {
    const std::string_view text(line);
    if (text.starts_with(key) && text.size() > key.size() &&
        (text[key.size()] == ':' || text[key.size()] == ' '))
      return number_at(text.substr(key.size() + 1)).value_or(0);
  }
  return 0;
}

std::optional<std::int64_t> number_in(const fs::path& path) {
  const auto lines = lines_of(path);
  return lines.empty() ? std::nullopt : number_at(lines[0]);
}

// One hierarchy of control groups: where it is mounted, which group the mount shows at its top, and
// what its files are called.
struct Hierarchy {
  fs::path mount;
  std::string top;
  bool second;  // version 2
};

// /proc/self/mountinfo: ID PARENT DEVICE TOP MOUNT OPTIONS... - TYPE SOURCE OPTIONS.
std::vector<Hierarchy> hierarchies(const fs::path& root) {
  std::vector<Hierarchy> out;
  for (const std::string& line : lines_of(root / "proc/self/mountinfo")) {
    std::istringstream words(line);
    std::string skipped, top, mount, word, type, source, options;
    words >> skipped >> skipped >> skipped >> top >> mount;
    while (words >> word && word != "-") {
    }
    words >> type >> source >> options;
    const bool first = type == "cgroup" && ("," + options + ",").find(",memory,") != options.npos;
    if (first || type == "cgroup2")
      out.push_back({root / fs::path(mount).relative_path(), top, type == "cgroup2"});
  }
  return out;
}

// The process's group in a hierarchy, out of lines "ID:CONTROLLERS:PATH"; version 2 has ID 0 and no
// controllers.
std::optional<std::string> group_of(const std::vector<std::string>& lines, bool second) {
  for (const std::string& line : lines) {
    const auto one = line.find(':'), two = line.find(':', one + 1);
    if (one == line.npos || two == line.npos) continue;
    const std::string controllers = "," + line.substr(one + 1, two - one - 1) + ",";
    if (second ? line.starts_with("0::") : controllers.find(",memory,") != controllers.npos)
      return line.substr(two + 1);
  }
  return std::nullopt;
}

// Bytes in use that the kernel gives back when they are wanted.
std::int64_t reclaimable(const fs::path& group, bool second) {
  const auto lines = lines_of(group / "memory.stat");
  if (second)
    return field_of(lines, "inactive_file") + field_of(lines, "active_file") +
           field_of(lines, "slab_reclaimable");
  return field_of(lines, "total_inactive_file") + field_of(lines, "total_active_file");
}

void limit_by(const fs::path& group, bool second, HostMemory& memory) {
  const fs::path file = group / (second ? "memory.max" : "memory.limit_in_bytes");
  const auto limit = number_in(file);
  const auto used = number_in(group / (second ? "memory.current" : "memory.usage_in_bytes"));
  // Version 1 writes "no limit" as a number beyond any memory.
  if (!limit || !used || (memory.total > 0 && *limit >= memory.total)) return;
  memory.total = *limit;
  const std::int64_t held = std::max<std::int64_t>(0, *used - reclaimable(group, second));
  const std::int64_t left = std::max<std::int64_t>(0, *limit - held);
  if (left >= memory.available) return;
  memory.available = left;
  memory.limit = file.string();
}

}  // namespace

HostMemory host_memory(const fs::path& root) {
  const auto machine = lines_of(root / "proc/meminfo");
  constexpr std::int64_t kKib = 1024;
  HostMemory memory{
      field_of(machine, "MemAvailable") * kKib, field_of(machine, "MemTotal") * kKib, {}};
  const auto groups = lines_of(root / "proc/self/cgroup");
  for (const Hierarchy& hierarchy : hierarchies(root)) {
    auto path = group_of(groups, hierarchy.second);
    if (!path) continue;
    // A container sees its own group at the top of the mount, by a name of the host's.
    if (hierarchy.top != "/" && path->starts_with(hierarchy.top))
      path = path->substr(hierarchy.top.size());
    fs::path group = hierarchy.mount;
    limit_by(group, hierarchy.second, memory);
    for (const fs::path& part : fs::path(*path).relative_path()) {
      group /= part;
      limit_by(group, hierarchy.second, memory);
    }
  }
  return memory;
}

}  // namespace vega
