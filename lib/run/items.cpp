#include "run/items.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/key.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/stop.h"
#include "base/text.h"
#include "run/shard.h"

namespace vega {
namespace {

std::vector<std::string> read_lines(const std::string& list) {
  std::ifstream file;
  if (list != "-") {
    const bool folder = std::filesystem::is_directory(list);
    if (!folder) file.open(list);
    if (folder || !file)
      throw InputError(explain("--list '" + list + "'", folder ? "a folder" : "no such file",
                               "a list of items, or -"));
  }
  std::istream& in = list == "-" ? std::cin : file;
  std::string all;
  char piece[4096];
  while (in.read(piece, sizeof piece) || in.gcount() > 0)
    all.append(piece, static_cast<std::size_t>(in.gcount()));
  check_stop();  // a signal may have come while the list was read
  if (in.bad() || (list == "-" && std::ferror(stdin) != 0))
    throw InputError(explain("--list " + list,
                             list == "-" ? "a standard input that is closed or cannot be read"
                                         : "a file that cannot be read",
                             "a line an item"));
  require_text("--list " + list, all, "an item a line");
  std::vector<std::string> lines;
  std::string_view rest = strip_bom(all);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    lines.emplace_back(trim(line).empty() ? std::string_view{} : line);
  }
  return lines;
}

std::string checked_path(const std::string& where, std::string_view path) {
  if (path.empty()) throw UsageError(explain(where, "an empty path", "a file or folder"));
  return std::string(path);
}

std::string checked_key(const std::string& where, std::string_view key) {
  if (is_key(key)) return std::string(key);
  throw UsageError(explain(where, "'" + visible(key) + "'", "letters, digits, '.', '_', '-'"));
}

// "PATH" or "KEY<TAB>PATH". where: the list and the number of the line.
Item item_of_line(const std::string& line, const std::string& where) {
  const std::string_view text = line;
  for (const char c : trim(text)) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      throw UsageError(explain(where, "a control character in '" + visible(trim(text)) + "'",
                               "an item a line", "end the lines with newlines, as UNIX does"));
  }
  const auto tab = text.find('\t');
  if (tab == text.npos) return {scene_key(std::string(trim(text))), std::string(trim(text))};
  return {checked_key(where + ": key", trim(text.substr(0, tab))),
          checked_path(where, trim(text.substr(tab + 1)))};
}

// Two inputs of one key would have one output.
void check_keys(const std::vector<Item>& items) {
  std::map<std::string, std::filesystem::path> seen;
  for (const auto& item : items) {
    const auto [at, fresh] = seen.emplace(item.key, item.path);
    if (fresh) continue;
    throw UsageError(
        explain("key " + item.key, "'" + at->second.string() + "' and '" + item.path.string() + "'",
                "one input a key", "give each a key of its own: lines KEY<TAB>PATH of a --list"));
  }
}

}  // namespace

ItemList gather_items(const ItemOptions& options) {
  const Shard part = parse_shard(options.shard);
  const auto& [inputs, list, shard, key, root] = options;
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
    if (!lines[i].empty())
      add(item_of_line(lines[i], fmt::format("--list {}, line {}", list, i + 1)), i);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string path = checked_path("input", inputs[i]);
    add({key.empty() ? scene_key(path) : key, path}, i);
  }
  if (!key.empty()) {
    if (items.size() != 1)
      throw UsageError(explain("--key", std::to_string(items.size()) + " inputs", "one input"));
    items.front().key = checked_key("--key", key);
  }
  check_keys(items);
  ItemList mine;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (part.has(number[i])) mine.items.push_back(items[i]);
  }
  mine.alone = list.empty() && mine.items.size() == 1;
  if (mine.items.empty()) log_warn("the list (or this shard of it) is empty: nothing to do");
  return mine;
}

}  // namespace vega
