// How the ranks of a training find each other.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "ranks/link.h"

namespace vega {

// The ranks that have met: a connection to their store, and "rank 1 (host, process 1234)" of each.
struct MetRanks {
  std::unique_ptr<RankStore> store;
  std::vector<std::string> names;
};

// Waits for all ranks, at most `limit`. Throws what Ranks::join throws.
MetRanks meet_ranks(const RankPlace& place, const std::string& job,
                    std::chrono::milliseconds limit);

}  // namespace vega
