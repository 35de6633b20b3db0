#include "evaluate/task_log.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/natural.h"
#include "base/publish.h"
#include "base/text.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

using Lines = std::unordered_map<std::string, std::string>;

[[noreturn]] void fail(const fs::path& path, const char* what) {
  const int reason = errno;
  throw OutputError(explain(path.string(),
                            std::string(what) + " failed (" + std::strerror(reason) + ")", "",
                            output_remedy(reason)));
}

// All bytes: after a power failure the end of a file may be anything.
std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw InputError(explain(path.string(), "a file that cannot be read", "lines of JSON"));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string place_of(const fs::path& path, std::size_t line) {
  return path.string() + ":" + std::to_string(line);
}

// So that the name of a new file is on disk, too.
void sync_folder(const fs::path& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) fail(folder, "open");
  const int status = fsync(file);
  const int reason = errno;
  close(file);
  errno = reason;
  if (status != 0 && reason != EINVAL && reason != EINTR) fail(folder, "fsync");
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
  const std::string all = bytes_of(path);
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

// Whether another process holds the lock of a file.
bool is_locked(const fs::path& path) {
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  const bool locked = flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(file);
  return locked;
}

void add_lines(const fs::path& folder, Lines& out) {
  for (const tasks::Part& part : parts_in(folder)) {
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
  for (const tasks::Part& part : parts_in(folder)) {
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

Json read_run(const fs::path& path) {
  return parse_json(bytes_of(path),
                    {path.string(), "run.json of the answers",
                     "take it from a copy, give another -o, or start anew with --overwrite"});
}

// What differs in two maps of keys by scene, of scenes that both have.
void compare_inputs(const Json& there, const Json& mine, std::vector<std::string>& out) {
  for (const auto& [scene, keys] : mine.members()) {
    const Json* other = there.find(scene);
    if (other == nullptr) continue;
    for (const std::string& difference : tasks::run_differences(*other, keys))
      out.push_back("inputs." + scene + "." + difference);
  }
}

std::vector<std::string> differences_of(const Json& there, const Json& mine) {
  std::vector<std::string> out;
  for (const std::string& difference : tasks::run_differences(there, mine)) {
    // The fingerprint says which checkpoint it is; what is known of the scenes grows.
    const auto of = [&](std::string_view name) { return difference.starts_with(name); };
    if (!of("checkpoint:") && !of("inputs") && !of("mismatches:")) out.push_back(difference);
  }
  compare_inputs(there["inputs"], mine["inputs"], out);
  return out;
}

void refuse_differences(const fs::path& path, const std::vector<std::string>& differences) {
  if (differences.empty()) return;
  constexpr std::size_t kShown = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, differences.size()); ++i)
    text += "\n  " + differences[i];
  if (differences.size() > kShown)
    text += fmt::format("\n  and {} more", differences.size() - kShown);
  const bool questions = std::ranges::any_of(
      differences, [](const std::string& one) { return one.starts_with("questions."); });
  throw RefusedError(
      path.string() + ": these answers were made in another way:" + text +
      (questions ? "\n  the file of questions is another one, or was changed: these answers go on "
                   "with the file as it was; for this one"
                 : "\n ") +
      " give another -o, or start anew with --overwrite");
}

// run.json of the folder: written, compared, or grown by the inputs of further scenes.
void open_run(const fs::path& folder, const Json& run) {
  const fs::path path = folder / tasks::kRunFile;
  const FolderLock lock(folder);  // one of several shards writes it
  if (!fs::exists(path)) {
    if (const auto parts = parts_in(folder); !parts.empty())
      throw RefusedError(explain(
          folder.string(), parts.front().path.filename().string() + " without " + tasks::kRunFile,
          "a folder of one run, or a new one", "give another -o, or start anew with --overwrite"));
    publish_file(path, run.dump(1) + "\n");
    return;
  }
  Json there = read_run(path);
  refuse_differences(path, differences_of(there, run));
  Json inputs = there["inputs"].is_object() ? there["inputs"] : Json::object();
  bool grown = false;
  for (const auto& [scene, keys] : run["inputs"].members()) {
    if (inputs.contains(scene)) continue;
    inputs.add(scene, keys);
    grown = true;
  }
  if (!grown) return;
  there.set("inputs", std::move(inputs));
  publish_file(path, there.dump(1) + "\n");
}

// The part of a shard, in a folder whose run.json is this run's.
fs::path ready_part(const fs::path& folder, Shard shard, const Json& run) {
  make_folder(folder);
  open_run(folder, run);
  return folder / tasks::part_name(shard.index, shard.count);
}

}  // namespace

Json to_json(const AnswerNote& note) {
  return {{"sample_id", note.id},
          {"scene", note.scene},
          {"tokens", note.tokens},
          {"cut", note.cut},
          {"empty", note.empty},
          {"unreadable", note.unreadable},
          {"seconds", std::round(note.seconds * 1e4) / 1e4}};
}

// --- LineFile

LineFile::LineFile(fs::path path) : path_(std::move(path)) {
  make_folder(path_.parent_path());
  descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail(path_, "open");
  try {
    while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK)
        throw InputError(explain(path_.string(), "a file that another process writes",
                                 "one process a shard", "wait for it to end"));
      if (errno != EINTR) break;  // this file system has no locks
    }
    mend();
    sync_folder(path_.parent_path());
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

LineFile::~LineFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void LineFile::mend() {
  const std::string all = bytes_of(path_);
  if (all.empty() || all.back() == '\n') return;
  const std::size_t start = all.rfind('\n') == all.npos ? 0 : all.rfind('\n') + 1;
  const auto record = parse_json(std::string_view(all).substr(start));
  if (record && record->is_object()) return append("");
  mended_ = all.size() - start;
  if (ftruncate(descriptor_, static_cast<off_t>(start)) != 0) fail(path_, "truncate");
  log_info("{}: an unfinished last line of {} bytes is removed", path_.string(), mended_);
}

void LineFile::append(std::string_view line) {
  struct stat before {};
  if (fstat(descriptor_, &before) != 0) fail(path_, "stat");
  const std::string text = std::string(line) + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = write(descriptor_, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      const int reason = errno;
      if (ftruncate(descriptor_, before.st_size) != 0)
        log_warn("{}: its last line is unfinished; the next run removes it", path_.string());
      errno = reason;
      fail(path_, "write");
    }
  }
  int status = -1;
  do {
    status = fdatasync(descriptor_);
  } while (status != 0 && errno == EINTR);
  if (status != 0 && errno != EINVAL) fail(path_, "fsync");
}

// --- TaskLog

TaskLog::TaskLog(const fs::path& folder, Shard shard, const Json& run)
    : folder_(folder),
      shard_(shard),
      part_(ready_part(folder, shard, run)),
      stats_(tasks::stats_path({part_.path()})) {
  check_other_writers();
  add_lines(folder_, lines_);
}

void TaskLog::note_inputs(const std::string& scene, const Json& keys, const std::string& mismatch) {
  const fs::path path = folder_ / tasks::kRunFile;
  const FolderLock lock(folder_);
  Json run = read_run(path);
  std::vector<std::string> differences;
  compare_inputs(run["inputs"], {{scene, keys}}, differences);
  refuse_differences(path, differences);
  bool grown = false;
  if (!run["inputs"].contains(scene)) {
    Json inputs = run["inputs"];
    inputs.set(scene, keys);
    run.set("inputs", std::move(inputs));
    grown = true;
  }
  if (const auto known = run["mismatches"].elements();
      !mismatch.empty() && std::ranges::find(known, Json(mismatch)) == known.end()) {
    Json all = run["mismatches"];
    all.push(mismatch);
    run.set("mismatches", std::move(all));
    grown = true;
  }
  if (grown) publish_file(path, run.dump(1) + "\n");
}

// Shards of one count share the scenes out; those of another count have some of them, too.
void TaskLog::check_other_writers() const {
  for (const tasks::Part& part : parts_in(folder_)) {
    if (part.shards == shard_.count || !is_locked(part.path)) continue;
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
  std::ranges::sort(order, [](const auto* a, const auto* b) {
    return a->first != b->first && natural_less(a->first, b->first);
  });
  std::string text;
  for (const auto* line : order) text += line->second + "\n";
  fs::path path = folder_ / tasks::kAnswersFile;
  publish_file(path, text);
  return path;
}

// --- folders

std::vector<tasks::Part> parts_in(const fs::path& folder) {
  std::vector<tasks::Part> out;
  if (!fs::is_directory(folder)) return out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    if (auto part = tasks::part_of(entry.path())) out.push_back(std::move(*part));
  }
  std::ranges::sort(out, [](const tasks::Part& a, const tasks::Part& b) {
    return std::tie(a.shards, a.shard) < std::tie(b.shards, b.shard);
  });
  return out;
}

void remove_answers(const fs::path& folder) {
  const auto parts = parts_in(folder);
  for (const tasks::Part& part : parts) {
    if (is_locked(part.path))
      throw InputError(explain(part.path.string(), "a part that is being written",
                               "a folder at rest, to start it anew", "stop that run first"));
  }
  std::vector<fs::path> files{folder / tasks::kAnswersFile};
  for (const tasks::Part& part : parts) {
    files.push_back(part.path);
    files.push_back(tasks::stats_path(part));
  }
  files.push_back(folder / tasks::kRunFile);  // last: parts without it are refused, not continued
  for (const fs::path& path : files) {
    std::error_code error;
    fs::remove(path, error);
    if (!error) continue;
    errno = error.value();
    fail(path, "remove");
  }
}

AnswersThere look_at_answers(const fs::path& folder, const Json& run) {
  AnswersThere out;
  const fs::path path = folder / tasks::kRunFile;
  if (fs::exists(path)) out.differences = differences_of(read_run(path), run);
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
