// The items of a run: positional inputs or a list, keys, shards. One law for every stage
// (docs/formats.md, "Manifests").
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vega {

struct Item {
  std::string key;
  std::filesystem::path path;
};

// Keys are the line's own, else `key` (one input), else the folder's name. Two inputs of one key:
// UsageError. list: "" or a file or "-". shard: "", "i/n", or "auto" for a task of a SLURM array:
// i = (ID - MIN) / STEP and n = COUNT of SLURM_ARRAY_TASK_*; an irregular array is a UsageError.
std::vector<Item> gather_items(const std::vector<std::string>& inputs, const std::string& list,
                               const std::string& key, const std::string& shard);

}  // namespace vega
