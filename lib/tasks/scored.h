// Questions of a benchmark with what is right, what was answered and what that earned: what
// pictures of cases and reports are made of. The room `score` fills it (score/scored.h); rooms that
// draw get a function from their program's main.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/options.h"
#include "tasks/sample.h"

namespace vega::tasks {

// The files that scores are made of. An empty path: the file is not given.
struct ScoredSources {
  std::string task;               // "scanrefer"; empty: the answers say it, by run.json or folder
  std::filesystem::path answers;  // answers.jsonl, its folder, or a scores.json
  std::filesystem::path against;  // answers of another system
  std::string gt, questions, gt_boxes, scenes, labels, scans;  // as of `vega-eval score`
  std::map<std::string, std::string> gt_of;                    // by task, where `gt` is empty
  std::string matcher, meteor_dir, wordnet_dir;
  double threshold = 0.4;
  std::int64_t threads = 0;
  bool intervals = false;  // ScoredFile::values are wanted too

  // Options of what is right and of how answers are compared; --gt and --scenes are the verb's.
  void visit(OptionVisitor& v);
};

// One system's answer to a question.
struct ScoredAnswer {
  std::string text;                    // of text tasks
  std::vector<BoxNumbers> boxes;       // that count as chosen
  std::optional<std::int64_t> object;  // Nr3D
  std::string unreadable;              // why nothing could be read; empty: it could
  bool empty = false;
  std::optional<bool> cut;  // by the length limit
  // By ScoredFile::metrics, in percent (CIDEr: to 1000); NaN: the question is no part of it.
  std::vector<double> earned;
};

struct ScoredQuestion {
  std::string id, scene, type;  // empty: not known
  std::string question;         // what was asked; empty: no file says it
  std::vector<std::string> texts;
  std::vector<BoxNumbers> boxes;
  std::vector<std::int64_t> objects;    // ids of the boxes; Nr3D: the target, then its rivals
  std::optional<BoxNumbers> given_box;  // Scan2Cap: the object that is to be described
  ScoredAnswer answer;
  std::optional<ScoredAnswer> against;
};

// An answer whose question could not be put together.
struct BrokenQuestion {
  std::string id, scene, why;
};

// A number of the whole file, percent, with its 95 % interval. NaN: there is none, and why.
struct ScoredValue {
  std::string metric;
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
  std::int64_t n = 0;
  std::string reason;
};

struct ScoredFile {
  std::string task, title, split, matcher;  // "scanrefer", "ScanRefer", "val", "official"
  std::int64_t n = 0, of = 0;               // questions answered, and of the split
  std::int64_t unreadable = 0, empty = 0;
  std::optional<std::int64_t> cut;
  Json run;  // run.json; null: none
  // Whether run.json says that the checkpoint was never trained.
  bool untrained() const { return run["untrained"].flag().value_or(false); }

  // Of each question. Those of a file without questions (scores.json alone) are none.
  struct Metric {
    std::string name;
    double most = 100;
  };
  std::vector<Metric> metrics;
  std::vector<std::size_t> main;  // of `metrics`: cases are sorted by the first, then the next
  std::vector<ScoredQuestion> questions;
  std::vector<BrokenQuestion> broken;
  std::string no_cases;            // why numbers are there and questions are not; empty: they are
  std::vector<std::string> notes;  // for the log

  // Where intervals are wanted: of all questions, and of groups in the order of printing.
  std::vector<ScoredValue> values;
  std::vector<std::pair<std::string, std::vector<ScoredValue>>> groups;
};

// Throws UsageError, InputError, FormatError.
using ReadScored = std::function<ScoredFile(const ScoredSources& sources)>;

}  // namespace vega::tasks
