// scores.json ("vega.scores/1", docs/formats.md): what `vega-eval score` found, for tables and
// plots.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace vega::score {

inline constexpr std::string_view kScoresSchema = "vega.scores/1";

// A number with its 95 % interval, in percent (CIDEr: 0 to 1000). NaN stands for "there is none",
// and `reason` says why; the file has null then.
struct ScoreValue {
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
  std::int64_t n = 0;  // questions that it is made of
  std::string reason;
  std::vector<double> seeds;  // of several answer files: the value of each; `value` is their mean

  bool operator==(const ScoreValue&) const = default;
};

// In the order in which they are printed. Names: "EM", "CIDEr", "Acc@0.25".
using Metrics = std::vector<std::pair<std::string, ScoreValue>>;

struct Scores {
  std::string task;     // "scanrefer", "vsi", ...: a name of task_names() (score/benchmark.h)
  std::string split;    // "val", "test"
  std::string matcher;  // a name of docs/scoring.md: "official", "raw", "t=0.4"
  std::int64_t n = 0;   // questions that were scored
  std::int64_t of = 0;  // questions that the split has; more than n: the file is partial
  std::int64_t unreadable = 0, empty = 0;
  std::optional<std::int64_t> cut;  // by the length limit; unset: the answers do not say
  Metrics metrics;
  std::vector<std::pair<std::string, Metrics>> breakdown;  // "unique", "what", "libero_10"
  // What needs no model, by name ("frequency"), in percent by metric.
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, double>>>> baselines;
  Json run;                                   // run.json of the answers; null: none
  std::map<std::string, std::string> inputs;  // file name: sha256
  Json against;  // another system on the same questions (score/compare.h); null: none

  bool partial() const { return n < of; }
  const ScoreValue* find(std::string_view metric) const;  // null: none of this name
};

// null for NaN and infinity, which JSON does not have.
Json number_or_null(double value);

// The file's text, two blanks a level, with a line end.
std::string scores_text(const Scores& scores);

// Throws InputError (cannot be opened), FormatError (path, key, got, expected): no JSON, another
// schema, a missing or misshapen member.
Scores read_scores(const std::filesystem::path& path);
Scores parse_scores(std::string_view text, const std::string& where);

}  // namespace vega::score
