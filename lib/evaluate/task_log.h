// The folder of a benchmark's answers while shards write it: run.json (evaluate/run_record.h) says
// how the answers are made, each shard appends to a part of its own, and a question whose answer is
// on disk is never asked again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "evaluate/line_file.h"
#include "evaluate/run_record.h"
#include "run/shard.h"
#include "tasks/answer_parts.h"

namespace vega::evaluate {

// A line of part-I-of-N.stats.jsonl: the facts about an answer that its official line has no member
// for.
struct AnswerNote {
  std::string id, scene;
  std::int64_t tokens = 0;  // that were generated
  bool cut = false;         // by --max-new-tokens
  bool empty = false;       // a text of blanks
  bool unreadable = false;  // a text with bytes that are no UTF-8, which became U+FFFD
  double seconds = 0;       // since the answer before it, or since the scene was read
  // Of tasks that choose objects: ids of the candidates, the grounding head's score of each, and
  // that of "no such object", where the head has one.
  std::vector<std::int64_t> objects = {};
  std::vector<float> scores = {};
  std::optional<float> none = {};
};
Json to_json(const AnswerNote& note);

// The answers in all parts of a folder, counted.
struct AnswerCounts {
  std::size_t answers = 0, unreadable = 0, empty = 0, cut = 0;
  std::size_t without_note = 0;  // answers of which the rest is not known
};

class TaskLog {
 public:
  // run: everything that the answers depend on, as run.json has it. Opens that record and this
  // shard's part; reads the parts of all shards, whatever their count. Throws RefusedError: another
  // run.json, with the differences; parts without run.json. InputError: another process writes this
  // part, or one of another shard count. FormatError: a line that is no answer. OutputError.
  TaskLog(const std::filesystem::path& folder, Shard shard, const Json& run);

  bool has(const std::string& id) const { return lines_.contains(id); }
  std::size_t answers() const { return lines_.size(); }
  const std::filesystem::path& part() const { return part_.path(); }

  // What a scene's answers are made of, in run.json (evaluate/run_record.h). Throws RefusedError.
  void note_inputs(const std::string& scene, const Json& keys, const std::string& mismatch = {}) {
    record_.note_inputs(scene, keys, mismatch);
  }

  // On disk when it returns. line: the official one, with sample_id.
  void append(const Json& line, const AnswerNote& note);

  // Reads the notes of all parts.
  AnswerCounts counts() const;

  // answers.jsonl: the lines of all parts in the natural order of their ids, as `vega-eval merge`
  // writes it. Returns its path.
  std::filesystem::path publish_answers() const;

 private:
  void check_other_writers() const;

  std::filesystem::path folder_;
  Shard shard_;
  RunRecord record_;
  LineFile part_, stats_;
  std::unordered_map<std::string, std::string> lines_;  // by id
};

// Removes run.json, parts, their notes and answers.jsonl. Throws InputError: a part is being
// written; OutputError.
void remove_answers(const std::filesystem::path& folder);

// The ids that parts of a folder answer, and the differences of its run.json from `run`: nothing is
// written or locked.
struct AnswersThere {
  std::unordered_map<std::string, std::string> lines;  // by id
  std::vector<std::string> differences;
};
AnswersThere look_at_answers(const std::filesystem::path& folder, const Json& run);

// The seconds that the answers of a folder took, summed over those whose note has a time.
struct AnswerPace {
  std::size_t answers = 0;
  double seconds = 0;
};
AnswerPace pace_of_answers(const std::filesystem::path& folder);

}  // namespace vega::evaluate
