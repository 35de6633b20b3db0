#include "evaluate/task_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/natural.h"
#include "base/publish.h"
#include "base/text.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

using Lines = std::unordered_map<std::string, std::string>;

std::string place_of(const fs::path& path, std::size_t line) {
  return path.string() + ":" + std::to_string(line);
}

// A text, or a whole number as text.
std::optional<std::string> id_of(const Json& record) {
  const Json& id = record["sample_id"];
  if (id.text() != nullptr) return *id.text();
  if (id.whole()) return std::to_string(*id.whole());
  return std::nullopt;
}

// Gives each line that is there whole to use(id, line, record), and the number of one that is no
// object with an id to damaged(number). A last line without its end counts where it is a JSON
// object.
template <typename Use, typename Damaged>
void each_line(const fs::path& path, const Use& use, const Damaged& damaged) {
  const std::string all = bytes_of_lines(path);
  std::string_view rest = all;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (line.empty()) continue;
    const auto record = parse_json(line);
    if (!record && end == line.npos) return;  // killed within it
    const auto id = record ? id_of(*record) : std::nullopt;
    if (id)
      use(*id, line, *record);
    else
      damaged(number);
  }
}

void add_lines(const fs::path& folder, Lines& out) {
  for (const tasks::Part& part : tasks::parts_in(folder)) {
    const auto use = [&](const std::string& id, std::string_view line, const Json&) {
      out.try_emplace(id, line);
    };
    each_line(part.path, use, [&](std::size_t number) {
      throw FormatError(explain(place_of(part.path, number), "no answer",
                                "a JSON object with sample_id",
                                "remove this line, or start anew with --overwrite"));
    });
  }
}

// The notes of all parts, by id; of several the last. Answers count without them: damaged lines
// cost a warning a file.
std::unordered_map<std::string, Json> notes_in(const fs::path& folder) {
  std::unordered_map<std::string, Json> out;
  for (const tasks::Part& part : tasks::parts_in(folder)) {
    const fs::path path = tasks::stats_path(part);
    if (!fs::exists(path)) continue;
    std::size_t damaged = 0, first = 0;
    const auto use = [&](const std::string& id, std::string_view, const Json& note) {
      out.insert_or_assign(id, note);
    };
    each_line(path, use, [&](std::size_t number) {
      if (damaged++ == 0) first = number;
    });
    if (damaged > 0)
      log_warn(
          "{}: {}; the answers are whole, the counts lack what stood there", place_of(path, first),
          damaged == 1 ? "a damaged line" : fmt::format("the first of {} damaged lines", damaged));
  }
  return out;
}

// Nine digits tell every float32 from its neighbours.
double nine_digits(float value) { return std::stod(fmt::format("{:.9g}", value)); }

}  // namespace

Json to_json(const AnswerNote& note) {
  Json out{{"sample_id", note.id},
           {"scene", note.scene},
           {"tokens", note.tokens},
           {"cut", note.cut},
           {"empty", note.empty},
           {"unreadable", note.unreadable},
           {"seconds", std::round(note.seconds * 1e4) / 1e4}};
  if (note.scores.empty()) return out;
  Json scores = Json::list();
  for (const float score : note.scores) scores.push(nine_digits(score));
  out.set("objects", note.objects);
  out.set("scores", std::move(scores));
  if (note.none) out.set("score_none", nine_digits(*note.none));
  return out;
}

// --- TaskLog

TaskLog::TaskLog(const fs::path& folder, Shard shard, const Json& run)
    : folder_(folder),
      shard_(shard),
      record_(folder / tasks::part_name(shard.index, shard.count), run),
      part_(folder / tasks::part_name(shard.index, shard.count)),
      stats_(tasks::stats_path({part_.path()})) {
  check_other_writers();
  add_lines(folder_, lines_);
}

// Shards of one count share the scenes out; those of another count have some of them, too.
void TaskLog::check_other_writers() const {
  for (const tasks::Part& part : tasks::parts_in(folder_)) {
    if (part.shards == shard_.count || !is_being_written(part.path)) continue;
    throw InputError(explain(
        part.path.string(), "a part of another shard count that is being written",
        fmt::format("shards of {} only", shard_.count), "wait for that run to end, or stop it"));
  }
}

void TaskLog::append(const Json& line, const AnswerNote& note) {
  std::string text = line.dump();
  stats_.append(to_json(note).dump());
  part_.append(text);
  lines_.insert_or_assign(note.id, std::move(text));
}

AnswerCounts TaskLog::counts() const {
  AnswerCounts out;
  const std::unordered_map<std::string, Json> notes = notes_in(folder_);
  out.answers = lines_.size();
  for (const auto& [id, line] : lines_) {
    const auto note = notes.find(id);
    if (note == notes.end()) {
      ++out.without_note;
      continue;
    }
    const auto says = [&](const char* name) { return note->second[name].flag().value_or(false); };
    out.unreadable += says("unreadable") ? 1 : 0;
    out.empty += says("empty") ? 1 : 0;
    out.cut += says("cut") ? 1 : 0;
  }
  return out;
}

fs::path TaskLog::publish_answers() const {
  std::vector<const Lines::value_type*> order;
  for (const auto& line : lines_) order.push_back(&line);
  std::ranges::sort(order, natural_less, &Lines::value_type::first);
  std::string text;
  for (const auto* line : order) text += line->second + "\n";
  fs::path path = folder_ / tasks::kAnswersFile;
  publish_file(path, text);
  return path;
}

// --- folders

void remove_answers(const fs::path& folder) {
  const auto parts = tasks::parts_in(folder);
  for (const tasks::Part& part : parts) {
    if (is_being_written(part.path))
      throw InputError(explain(part.path.string(), "a part that is being written",
                               "a folder at rest, to start it anew", "stop that run first"));
  }
  std::vector<fs::path> files{folder / tasks::kAnswersFile};
  for (const tasks::Part& part : parts) {
    files.push_back(part.path);
    files.push_back(tasks::stats_path(part));
    files.push_back(notes_path(part.path));
  }
  files.push_back(folder / tasks::kRunFile);  // last: parts without it are refused, not continued
  for (const fs::path& path : files) {
    std::error_code error;
    fs::remove(path, error);
    if (error)
      throw OutputError(explain(path.string(), fmt::format("remove failed ({})", error.message()),
                                "", output_remedy(error.value())));
  }
}

AnswersThere look_at_answers(const fs::path& folder, const Json& run) {
  AnswersThere out;
  out.differences = record_differences(folder, run);
  add_lines(folder, out.lines);
  return out;
}

AnswerPace pace_of_answers(const fs::path& folder) {
  AnswerPace out;
  for (const auto& [id, note] : notes_in(folder)) {
    const auto seconds = note["seconds"].number();
    if (!seconds) continue;
    ++out.answers;
    out.seconds += *seconds;
  }
  return out;
}

}  // namespace vega::evaluate
