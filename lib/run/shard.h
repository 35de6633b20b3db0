// Which share of a list a run works on (docs/formats.md, "Manifests and lists").
#pragma once

#include <cstddef>
#include <string>

namespace vega {

struct Shard {
  std::size_t index = 0, count = 1;

  bool has(std::size_t number) const { return number % count == index; }
};

// "i/n" with 0 <= i < n, or "auto": the task of a SLURM array, i = (ID - MIN) / STEP and n = COUNT
// of SLURM_ARRAY_TASK_*. Empty: all. Throws UsageError, also of an array without regular steps.
Shard parse_shard(const std::string& text);

}  // namespace vega
