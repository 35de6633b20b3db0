// The folder of a benchmark's answers: what its files are called, and when two runs are the same.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace vega::tasks {

inline constexpr auto kRunFile = "run.json";
inline constexpr auto kAnswersFile = "answers.jsonl";

// part-0-of-4.jsonl: the answers of one shard.
struct Part {
  std::filesystem::path path;
  std::size_t shard = 0, shards = 1;
};

// Nothing where the file's name is that of no part.
std::optional<Part> part_of(const std::filesystem::path& path);

// The parts in a folder, by shard count, then by shard; none where there is no such folder.
std::vector<Part> parts_in(const std::filesystem::path& folder);

// run.json of a folder of answers, which names the files of every scene: some 200 bytes each, of
// any number of scenes up to 1 GiB. Throws InputError, FormatError.
Json read_run(const std::filesystem::path& path);

std::string part_name(std::size_t shard, std::size_t shards);
// part-0-of-4.stats.jsonl: the notes on each answer besides its official fields.
std::filesystem::path stats_path(const Part& part);

// The differences of two run.json: "checkpoint: got .., expected ..", of members of members too
// ("switches.align: ..."). Members that a shard has of its own (shard, host, command, times,
// provenance) do not count. Empty: they are equal. expected: `a`.
std::vector<std::string> run_differences(const Json& a, const Json& b);

}  // namespace vega::tasks
