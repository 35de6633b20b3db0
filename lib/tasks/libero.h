// LIBERO: episodes out of the logs that people have. Source: moojink/openvla-oft,
// run_libero_eval.py.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace vega::tasks {

struct LiberoSuite {
  std::string_view name, title;  // "libero_10", "Long"
};
constexpr std::array<LiberoSuite, 4> kLiberoSuites = {{{"libero_spatial", "Spatial"},
                                                       {"libero_object", "Object"},
                                                       {"libero_goal", "Goal"},
                                                       {"libero_10", "Long"}}};
constexpr std::int64_t kLiberoTasks = 10, kLiberoTrials = 50;

struct LiberoEpisode {
  std::string suite, task;
  std::int64_t episode = 0, seed = -1;  // -1: the log does not say
  bool success = false;
  std::string error;     // what broke the episode off; such an episode failed
  std::size_t line = 0;  // in the log
};

// One run of one log. A log to which a second run was appended holds two.
struct LiberoRun {
  std::vector<LiberoEpisode> episodes;
  std::size_t first_line = 0, last_line = 0;
  bool finished = false;  // the run's own totals stand at its end
  Json about;             // JSON Lines: the member "run" of a first line {"run": {...}}; else null
};

// Forms: the text log of OpenVLA-OFT's evaluation, JSON Lines, CSV; told apart by content. The text
// log is recounted from its "Success:" lines and compared with the totals it states. Throws
// FormatError (where: name and line): no known form, a total that the lines do not give, an episode
// twice.
std::vector<LiberoRun> read_libero_log(std::string_view log, const std::string& name);

}  // namespace vega::tasks
