#include "tasks/answer_parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/printable.h"
#include "base/text.h"

namespace vega::tasks {
namespace {

constexpr std::string_view kPerShard[] = {"shard",   "shards",   "host",       "command",
                                          "started", "finished", "provenance", "wall_s"};

void add_differences(const std::string& above, const Json& a, const Json& b,
                     std::vector<std::string>& out) {
  static const Json kNone;
  std::map<std::string_view, std::array<const Json*, 2>> pairs;
  for (const auto& [name, value] : a.members()) pairs[name] = {&value, &kNone};
  for (const auto& [name, value] : b.members()) {
    auto& pair = pairs.try_emplace(name, std::array{&kNone, &kNone}).first->second;
    pair[1] = &value;
  }
  for (const auto& [name, pair] : pairs) {
    if (above.empty() && std::ranges::find(kPerShard, name) != std::end(kPerShard)) continue;
    const Json &mine = *pair[0], &other = *pair[1];
    const std::string place = above + printable(name);
    if (mine.is_object() && other.is_object())
      add_differences(place + ".", mine, other, out);
    else if (!(mine == other))
      out.push_back(place + ": got " + shown(other) + ", expected " + shown(mine));
  }
}

}  // namespace

std::optional<Part> part_of(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with("part-") || !name.ends_with(".jsonl")) return std::nullopt;
  const std::string middle = name.substr(5, name.size() - 5 - 6);
  const std::size_t of = middle.find("-of-");
  if (of == middle.npos) return std::nullopt;
  const auto shard = parse_whole(middle.substr(0, of)), shards = parse_whole(middle.substr(of + 4));
  if (!shard || !shards || *shard < 0 || *shards < 1 || *shard >= *shards) return std::nullopt;
  return Part{path, static_cast<std::size_t>(*shard), static_cast<std::size_t>(*shards)};
}

std::vector<Part> parts_in(const std::filesystem::path& folder) {
  std::vector<Part> out;
  if (!std::filesystem::is_directory(folder)) return out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    if (auto part = part_of(entry.path())) out.push_back(std::move(*part));
  }
  std::ranges::sort(out, [](const Part& a, const Part& b) {
    return std::tie(a.shards, a.shard) < std::tie(b.shards, b.shard);
  });
  return out;
}

Json read_run(const std::filesystem::path& path) {
  constexpr JsonLimits kLimits{.bytes = std::size_t{1} << 30, .values = std::size_t{1} << 26};
  return parse_json(read_text(path, "run.json of the answers", kLimits.bytes),
                    {path.string(), "run.json of the answers",
                     "take it from a copy, give another -o, or start anew with --overwrite"},
                    kLimits);
}

std::string part_name(std::size_t shard, std::size_t shards) {
  return fmt::format("part-{}-of-{}.jsonl", shard, shards);
}

std::filesystem::path stats_path(const Part& part) {
  return std::filesystem::path(part.path).replace_extension(".stats.jsonl");
}

std::vector<std::string> run_differences(const Json& a, const Json& b) {
  std::vector<std::string> out;
  add_differences("", a, b, out);
  return out;
}

}  // namespace vega::tasks
