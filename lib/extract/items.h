// The scenes of a run: positional inputs or a list, keys, shards.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vega::extract {

struct Item {
  std::string key;
  std::filesystem::path path;
};

// Keys are the line's own, else `key` (one input), else the folder's name. Two inputs of one key:
// UsageError. shard: "" or "i/n". list: "" or a file or "-".
std::vector<Item> gather_items(const std::vector<std::string>& inputs, const std::string& list,
                               const std::string& key, const std::string& shard);

}  // namespace vega::extract
