#include "tasks/libero.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/text.h"
#include "text/csv.h"
#include "text/lines.h"

namespace vega::tasks {
namespace {

[[noreturn]] void fail(const std::string& name, std::size_t line, const std::string& got,
                       const std::string& expected, const std::string& remedy = {}) {
  throw FormatError(explain(name + ":" + std::to_string(line), printable(got), expected, remedy));
}

std::optional<std::string_view> behind(std::string_view line, std::string_view start) {
  if (!line.starts_with(start)) return std::nullopt;
  return trim(line.substr(start.size()));
}

std::int64_t whole_number(std::string_view text, const std::string& name, std::size_t line) {
  const auto out = parse_whole(text);
  if (!out) fail(name, line, "'" + std::string(text) + "'", "a whole number");
  return *out;
}

// The text log, line by line.
class TextLog {
 public:
  explicit TextLog(const std::string& name) : name_(name) {}

  void line(std::string_view text, std::size_t number) {
    last_line_ = number;
    if (const auto suite = behind(text, "Task suite:")) {
      end_run(number);
      run_.emplace();
      run_->first_line = number;
      suite_ = *suite;
      tasks_.clear();
      return;
    }
    if (!run_) return;
    if (const auto task = behind(text, "Task:")) {
      task_ = *task;
    } else if (text.starts_with("Starting episode")) {
      if (open_)
        fail(name_, number,
             "an episode begins before the last one ended (line " + std::to_string(open_->line) +
                 ")",
             "one 'Success:' line an episode",
             "the log is cut, or a second run was appended to it");
      open_ = LiberoEpisode{suite_, task_, tasks_[task_]++, -1, false, {}, number};
    } else if (const auto error = behind(text, "Episode error:")) {
      if (open_) open_->error = *error;
    } else if (const auto success = behind(text, "Success:")) {
      if (*success != "True" && *success != "False")
        fail(name_, number, "'" + std::string(text) + "'", "Success: True or False");
      if (!open_) open_ = LiberoEpisode{suite_, task_, tasks_[task_]++, -1, false, {}, number};
      open_->success = *success == "True" && open_->error.empty();
      run_->episodes.push_back(*open_);
      open_.reset();
    } else if (const auto total = behind(text, "Total episodes:")) {
      check("episodes", whole_number(*total, name_, number),
            static_cast<std::int64_t>(run_->episodes.size()), number);
      run_->finished = true;
    } else if (const auto won = behind(text, "Total successes:")) {
      std::int64_t count = 0;
      for (const LiberoEpisode& e : run_->episodes) count += e.success;
      check("successes", whole_number(*won, name_, number), count, number);
    } else if (const auto so_far = behind(text, "# episodes completed so far:")) {
      check("episodes", whole_number(*so_far, name_, number),
            static_cast<std::int64_t>(run_->episodes.size()), number);
    }
  }

  std::vector<LiberoRun> done() {
    end_run(last_line_ + 1);
    return std::move(runs_);
  }

 private:
  void check(const std::string& what, std::int64_t stated, std::int64_t counted,
             std::size_t number) const {
    if (stated != counted)
      fail(name_, number, "the log states " + std::to_string(stated) + " " + what,
           std::to_string(counted) + ", which is what its 'Success:' lines give",
           "the log is cut, or lines of another run are between");
  }
  // A run ends where the next one begins. An episode that was under way is lost, and said.
  void end_run(std::size_t number) {
    if (!run_) return;
    if (open_) {
      open_->error = "the log ends in this episode";
      run_->episodes.push_back(*open_);
      open_.reset();
    }
    run_->last_line = number - 1;
    runs_.push_back(std::move(*run_));
    run_.reset();
  }

  const std::string& name_;
  std::vector<LiberoRun> runs_;
  std::optional<LiberoRun> run_;
  std::optional<LiberoEpisode> open_;
  std::string suite_, task_;
  std::map<std::string, std::int64_t> tasks_;  // episodes begun
  std::size_t last_line_ = 0;
};

LiberoEpisode json_episode(const Json& value, const std::string& name, std::size_t line) {
  LiberoEpisode out;
  const auto text = [&](std::string_view field) {
    const std::string* found = value[field].text();
    if (found == nullptr)
      fail(name, line, "'" + std::string(field) + "' is " + shown(value[field]), "a text");
    return *found;
  };
  out.suite = text("suite");
  out.task = value.contains("task")
                 ? text("task")
                 : "task " + std::to_string(value["task_id"].whole().value_or(-1));
  const auto episode = value["episode"].whole();
  if (!episode || *episode < 0)
    fail(name, line, "'episode' is " + shown(value["episode"]), "a whole number from 0 on");
  out.episode = *episode;
  out.seed = value["seed"].whole().value_or(-1);
  const auto success = value["success"].flag();
  if (!success) fail(name, line, "'success' is " + shown(value["success"]), "true or false");
  out.error = value["error"].text_or("");
  out.success = *success && out.error.empty();
  out.line = line;
  return out;
}

Json csv_episode(const std::vector<std::string>& names, const std::vector<std::string>& fields,
                 const std::string& name, std::size_t line) {
  if (fields.size() != names.size())
    fail(name, line, std::to_string(fields.size()) + " fields",
         std::to_string(names.size()) + ", as the first line names");
  Json out = Json::object();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string value(trim(fields[i]));
    if (names[i] == "success") {
      const std::string word = lower(value);
      const bool yes = word == "true" || word == "1", no = word == "false" || word == "0";
      out.set(names[i], yes || no ? Json(yes) : Json(value));
    } else if (names[i] == "episode" || names[i] == "seed" || names[i] == "task_id") {
      if (!value.empty()) out.set(names[i], whole_number(value, name, line));
    } else if (!value.empty()) {
      out.set(names[i], value);
    }
  }
  return out;
}

void refuse_twice(const LiberoRun& run, const std::string& name) {
  std::set<std::tuple<std::string, std::string, std::int64_t, std::int64_t>> seen;
  for (const LiberoEpisode& e : run.episodes) {
    if (!seen.emplace(e.suite, e.task, e.episode, e.seed).second)
      fail(name, e.line,
           "episode " + std::to_string(e.episode) + " of '" + e.task + "' a second time",
           "each episode once");
  }
}

}  // namespace

std::vector<LiberoRun> read_libero_log(std::string_view log, const std::string& name) {
  log = strip_bom(log);
  const std::string_view start = trim(log);
  std::vector<LiberoRun> out;
  if (start.starts_with('{')) {
    LiberoRun run;
    run.finished = true;
    text::each_line(log, [&](std::string_view raw, std::size_t number) {
      const std::string_view line = trim(raw);
      if (line.empty()) return;
      const Json value = parse_json(line, {name + ":" + std::to_string(number), "an episode"});
      if (value.contains("run") && !value.contains("success")) {
        run.about = value["run"];
        return;
      }
      run.episodes.push_back(json_episode(value, name, number));
      if (run.first_line == 0) run.first_line = number;
      run.last_line = number;
    });
    out.push_back(std::move(run));
  } else if (log.find("Task suite:") != log.npos) {
    TextLog runs(name);
    text::each_line(
        log, [&](std::string_view line, std::size_t number) { runs.line(trim(line), number); });
    out = runs.done();
  } else if (start.substr(0, start.find('\n')).find("success") != start.npos) {
    LiberoRun run;
    run.finished = true;
    std::vector<text::CsvRecord> records = text::read_csv(log, name);
    for (std::string& column : records.at(0).fields) column = std::string(trim(column));
    for (std::size_t r = 1; r < records.size(); ++r) {
      const std::size_t line = records[r].line;
      run.episodes.push_back(
          json_episode(csv_episode(records[0].fields, records[r].fields, name, line), name, line));
      if (run.first_line == 0) run.first_line = line;
      run.last_line = line;
    }
    out.push_back(std::move(run));
  } else {
    fail(name, 1, "no known form of a LIBERO log",
         "the text log of the evaluation (it begins 'Task suite:'), JSON Lines or CSV");
  }
  for (const LiberoRun& run : out) refuse_twice(run, name);
  return out;
}

}  // namespace vega::tasks
