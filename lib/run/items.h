// The items of a run: positional inputs or a list, keys, shards. Every verb follows the same rules
// (docs/formats.md, "Manifests and lists").
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "run/option_groups.h"

namespace vega {

struct Item {
  std::string key;
  std::filesystem::path path;
};

struct ItemList {
  std::vector<Item> items;
  bool alone = false;  // one input, not a list: its failure is the run's own error
};

// The items of this shard, in order; logs a warning when there are none. An item's key is the
// line's own, else --key (one input), else the name of the folder or file. Blanks at both ends of a
// line and a byte order mark are no part of it. --shard auto is a task of a SLURM array: i = (ID -
// MIN) / STEP and n = COUNT of SLURM_ARRAY_TASK_*. Throws UsageError: neither or both of inputs and
// a list, two inputs of one key, an array without regular steps. Throws InputError: a list that
// cannot be read.
ItemList gather_items(const ItemOptions& options);

}  // namespace vega
