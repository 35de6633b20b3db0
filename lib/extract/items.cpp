#include "extract/items.h"

#include <charconv>
#include <fstream>
#include <iostream>
#include <map>

#include "base/error.h"
#include "scene/key.h"

namespace vega::extract {
namespace {

struct Shard {
  std::size_t index = 0, count = 1;
};

Shard parse_shard(const std::string& text) {
  if (text.empty()) return {};
  Shard shard;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, shard.index);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, shard.count) : first;
  if (!slash || second.ec != std::errc() || second.ptr != end || shard.index >= shard.count) {
    throw UsageError(explain("--shard", "'" + text + "'", "i/n with 0 <= i < n"));
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
    if (!line.empty()) lines.push_back(line);
  }
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
  std::vector<Item> items;
  if (!list.empty()) {
    for (const auto& line : read_lines(list)) items.push_back(item_of_line(line));
  }
  for (const auto& input : inputs) {
    check_path(input);
    items.push_back({scene_key(input), input});
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
                             "one input a key", "name them in a list: KEY<TAB>PATH"));
  }
  std::vector<Item> mine;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i % part.count == part.index) mine.push_back(items[i]);
  }
  return mine;
}

}  // namespace vega::extract
