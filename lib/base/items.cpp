#include "base/items.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>

#include "base/error.h"
#include "base/key.h"
#include "base/log.h"
#include "base/stop.h"

namespace vega {
namespace {

struct Shard {
  std::size_t index = 0, count = 1;
};

std::int64_t slurm_number(const char* name) {
  const std::string variable = std::string("SLURM_ARRAY_TASK_") + name;
  const char* text = std::getenv(variable.c_str());
  std::int64_t value = 0;
  const char* end = text == nullptr ? text : text + std::strlen(text);
  if (text == nullptr || std::from_chars(text, end, value).ptr != end || text == end) {
    throw UsageError(explain("--shard auto: " + variable, text == nullptr ? "nothing" : text,
                             "the number that SLURM gives a task of an array",
                             "submit with sbatch --array=0-15, or give --shard i/n"));
  }
  return value;
}

Shard slurm_shard() {
  const auto id = slurm_number("ID"), min = slurm_number("MIN"), max = slurm_number("MAX"),
             step = slurm_number("STEP"), count = slurm_number("COUNT");
  // Tasks 1,5,6 have no ordinal: what SLURM says of them does not tell which of them this one is.
  const bool regular = step > 0 && min <= id && id <= max && (id - min) % step == 0 &&
                       count == (max - min) / step + 1;
  if (!regular) {
    throw UsageError(explain(
        "--shard auto",
        fmt::format("{} tasks from {} to {} by {}, this one {}", count, min, max, step, id),
        "a regular array", "submit with --array=0-N or --array=A-B:STEP, or give --shard i/n"));
  }
  const Shard shard{static_cast<std::size_t>((id - min) / step), static_cast<std::size_t>(count)};
  log_info("--shard auto: {}/{}", shard.index, shard.count);
  return shard;
}

Shard parse_shard(const std::string& text) {
  if (text.empty()) return {};
  if (text == "auto") return slurm_shard();
  Shard shard;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, shard.index);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, shard.count) : first;
  if (!slash || second.ec != std::errc() || second.ptr != end || shard.index >= shard.count) {
    throw UsageError(explain("--shard", "'" + text + "'", "i/n with 0 <= i < n, or auto"));
  }
  return shard;
}

std::vector<std::string> read_lines(const std::string& list) {
  std::ifstream file;
  if (list != "-") {
    const bool folder = std::filesystem::is_directory(list);
    if (!folder) file.open(list);
    if (folder || !file)
      throw InputError(explain("--list " + list, folder ? "a folder" : "no such file",
                               "a list of scenes, or -"));
  }
  std::istream& in = list == "-" ? std::cin : file;
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(line);
  }
  check_stop();  // while the list was waited for
  return lines;
}

void check_path(const std::string& path) {
  if (path.empty()) throw UsageError(explain("input", "an empty path", "the folder of a scene"));
}

Item item_of_line(const std::string& line) {
  const auto tab = line.find('\t');
  if (tab == std::string::npos) return {scene_key(line), line};
  check_path(line.substr(tab + 1));
  const std::string key = line.substr(0, tab);
  if (!is_key(key))
    throw UsageError(explain("--list: key", "'" + key + "'", "letters, digits, '.', '_', '-'"));
  return {key, line.substr(tab + 1)};
}

}  // namespace

std::vector<Item> gather_items(const std::vector<std::string>& inputs, const std::string& list,
                               const std::string& key, const std::string& shard) {
  const Shard part = parse_shard(shard);
  if (inputs.empty() == list.empty()) {
    throw UsageError(explain("input", inputs.empty() ? "nothing" : "both INPUT and --list",
                             "INPUT... or --list FILE|-"));
  }
  // Lines are numbered for sharding before empty ones are skipped.
  std::vector<Item> items;
  std::vector<std::size_t> number;
  const auto add = [&](Item item, std::size_t line) {
    items.push_back(std::move(item));
    number.push_back(line);
  };
  const auto lines = list.empty() ? std::vector<std::string>{} : read_lines(list);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].empty()) add(item_of_line(lines[i]), i);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_path(inputs[i]);
    add({key.empty() ? scene_key(inputs[i]) : key, inputs[i]}, i);
  }
  if (!key.empty()) {
    if (items.size() != 1)
      throw UsageError(explain("--key", std::to_string(items.size()) + " inputs", "one input"));
    if (!is_key(key))
      throw UsageError(explain("--key", "'" + key + "'", "letters, digits, '.', '_', '-'"));
    items.front().key = key;
  }
  std::map<std::string, std::filesystem::path> seen;
  for (const auto& item : items) {
    const auto [at, fresh] = seen.emplace(item.key, item.path);
    if (fresh) continue;
    throw UsageError(explain("key " + item.key, at->second.string() + " and " + item.path.string(),
                             "one input a key",
                             "give each a key of its own: lines KEY<TAB>PATH of a --list"));
  }
  std::vector<Item> mine;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (number[i] % part.count == part.index) mine.push_back(items[i]);
  }
  return mine;
}

}  // namespace vega
