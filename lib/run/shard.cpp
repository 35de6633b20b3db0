#include "run/shard.h"

#include <fmt/core.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace vega {
namespace {

std::int64_t slurm_number(const char* name) {
  const std::string variable = std::string("SLURM_ARRAY_TASK_") + name;
  const char* text = std::getenv(variable.c_str());
  if (const auto value = text == nullptr ? std::nullopt : parse_whole(text)) return *value;
  throw UsageError(explain("--shard auto: " + variable, text == nullptr ? "nothing" : text,
                           "the number that SLURM gives a task of an array",
                           "submit with sbatch --array=0-15, or give --shard i/n"));
}

Shard slurm_shard() {
  const auto id = slurm_number("ID"), min = slurm_number("MIN"), max = slurm_number("MAX"),
             step = slurm_number("STEP"), count = slurm_number("COUNT");
  // Of the tasks 1,5,6 SLURM does not say which one comes second.
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

}  // namespace

Shard parse_shard(const std::string& text) {
  if (text.empty()) return {};
  if (text == "auto") return slurm_shard();
  const auto slash = text.find('/');
  const auto index = parse_whole(std::string_view(text).substr(0, slash));
  const auto count =
      slash == text.npos ? std::nullopt : parse_whole(std::string_view(text).substr(slash + 1));
  if (!index || !count || *index < 0 || *index >= *count)
    throw UsageError(explain("--shard", "'" + text + "'", "i/n with 0 <= i < n, or auto"));
  return {static_cast<std::size_t>(*index), static_cast<std::size_t>(*count)};
}

}  // namespace vega
