#include "train/run_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/publish.h"
#include "store/checkpoint_file.h"
#include "store/decide.h"
#include "train/data_record.h"
#include "train/part_folder.h"
#include "vlm/saved_step.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr auto kBestFile = "best.json", kFinishedFile = "finished.json";
constexpr const char* kOtherRun =
    "give -o another folder, or --overwrite, which removes the checkpoints that are there";

// "step-00000100.part-HOST-PID", "model.part-HOST-PID": of a writer or a remover that died, for the
// run is locked. Others that write below it, such as an export, are not touched.
bool is_own_part(const std::string& name) {
  const auto begins = [&](const char* with) { return name.starts_with(with); };
  return (begins("step-") || begins("model.") || begins("initial.")) &&
         name.find(".part-") != std::string::npos;
}

void remove_part_folders(const fs::path& run) {
  std::vector<fs::path> parts;
  std::error_code error;
  for (fs::directory_iterator at(run, error), end; !error && at != end; at.increment(error)) {
    if (is_own_part(at->path().filename().string())) parts.push_back(at->path());
  }
  for (const fs::path& part : parts) fs::remove_all(part, error);
}

Json read_run_json(const fs::path& path, const char* what) {
  constexpr JsonLimits kLimits{.bytes = std::size_t{64} << 20};
  return read_json(path, what, kLimits);
}

// DONE lists what there is.
void write_done(const fs::path& folder) {
  std::set<std::string> lines;
  for (const auto& entry : fs::directory_iterator(folder))
    lines.insert(
        fmt::format("{}\t{}\n", fs::file_size(entry.path()), entry.path().filename().string()));
  std::string done;
  for (const std::string& line : lines) done += line;
  publish_file(folder / kDoneFile, done);
}

// A run in a folder of another one would be taken for a part of it, and go with an old checkpoint.
void refuse_inside_run(const fs::path& folder) {
  std::error_code error;
  fs::path up = fs::absolute(folder / "", error).lexically_normal().parent_path();
  while (up != up.parent_path()) {
    up = up.parent_path();
    if (fs::exists(up / kRunFile, error))
      throw RefusedError(explain(folder.string(), "a folder inside the run " + up.string(),
                                 "one beside it", "give -o another folder"));
  }
}

}  // namespace

struct RunFolder::State {
  fs::path folder;
  Json run;
  std::string identity;
  RunFolderOptions options;
  int lock = -1;

  ~State() {
    if (lock >= 0) close(lock);
  }
  void take_lock();
  void refuse_others() const;
  void remove_all();
  void rotate() const;
  std::optional<Best> best() const;
};

// run.json is the lock: it is never replaced while the run goes on. On a file system without locks
// nothing is locked.
void RunFolder::State::take_lock() {
  const fs::path path = folder / kRunFile;
  lock = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (lock < 0) {
    const int reason = errno;
    throw OutputError(explain(path.string(), fmt::format("open failed ({})", strerror(reason)), "",
                              output_remedy(reason)));
  }
  int status = -1;
  do {
    status = flock(lock, LOCK_EX | LOCK_NB);
  } while (status != 0 && errno == EINTR);
  if (status != 0 && errno == EWOULDBLOCK)
    throw RefusedError(explain(folder.string(), "a run that another process is writing", "",
                               "wait for it to end, or give -o another folder"));
}

// Another run is there where run.json or the state of any checkpoint says so.
void RunFolder::State::refuse_others() const {
  const auto refuse = [&](const fs::path& where, const Json& other) {
    std::string text = where.string() + ": another run is there; nothing was changed";
    for (const auto& line : option_differences(other.dump(), run.dump())) text += "\n  " + line;
    for (const auto& line : options.details) text += "\n  " + line;
    throw RefusedError(text + "\n  " + kOtherRun);
  };
  std::error_code error;
  if (fs::exists(folder / kRunFile, error)) {
    const Json there = read_run_json(folder / kRunFile, "what identifies a run");
    if (there["schema"].text_or("") != kRunSchema)
      throw RefusedError(explain((folder / kRunFile).string() + ": schema", there["schema"].dump(),
                                 kRunSchema, kOtherRun));
    if (!(there["run"] == run)) refuse(folder, there["run"]);
  }
  for (const StepFolder& step : complete_steps(folder)) {
    const Json state = read_step_state(step.path);
    if (state["identity"].text_or("") != identity) refuse(step.path, state["run"]);
  }
}

void RunFolder::State::remove_all() {
  std::error_code error;
  for (const char* name : {kFinishedFile, kBestFile, kDataFile}) fs::remove(folder / name, error);
  for (const StepFolder& step : complete_steps(folder)) remove_whole_folder(step.path);
  if (!complete_steps(folder).empty())
    throw OutputError(explain(folder.string(), "checkpoints that cannot be removed", "",
                              "check the permissions, or give -o another folder"));
  fs::remove(folder / kRunFile, error);
}

std::optional<RunFolder::Best> RunFolder::State::best() const {
  std::error_code error;
  if (!fs::exists(folder / kBestFile, error)) return std::nullopt;
  const Json json = read_run_json(folder / kBestFile, "the best checkpoint of a run");
  return Best{json["step"].whole().value_or(-1), json["metric"].text_or(""),
              json["value"].number().value_or(0)};
}

void RunFolder::State::rotate() const {
  const auto found = best();
  const auto steps = complete_steps(folder);
  const std::size_t keep = static_cast<std::size_t>(std::max<std::int64_t>(1, options.keep_last));
  for (std::size_t i = 0; i + keep < steps.size(); ++i) {
    if (found && found->step == steps[i].step) continue;
    if (read_step_state(steps[i].path)["identity"].text_or("") != identity) continue;
    remove_whole_folder(steps[i].path);
  }
}

RunFolder::RunFolder(fs::path folder, Json run, RunFolderOptions options)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.folder = std::move(folder);
  s.run = run.sorted();
  s.identity = xxh3_hex(s.run.dump());
  s.options = options;
  refuse_inside_run(s.folder);
  make_folder(s.folder);
  const FolderLock held(s.folder);  // two runs that begin at once: one of them makes run.json
  std::error_code error;
  const bool old = fs::exists(s.folder / kRunFile, error);
  if (old) s.take_lock();
  if (options.overwrite)
    s.remove_all();
  else
    s.refuse_others();
  if (!old || options.overwrite) {
    if (s.lock >= 0) close(s.lock);
    const Json file{{"schema", kRunSchema}, {"identity", s.identity}, {"run", s.run}};
    publish_file(s.folder / kRunFile, file.dump(2) + "\n");
    s.take_lock();
  }
  remove_part_folders(s.folder);
  sweep_parts(s.folder);
  for (const StepFolder& torn : torn_steps(s.folder)) {
    try {
      static_cast<void>(read_step_state(torn.path));
      continue;  // complete by now
    } catch (const FormatError& error) {
      log_warn("{}\n  it is removed", error.what());
    }
    remove_whole_folder(torn.path);
  }
}

RunFolder::~RunFolder() = default;

const fs::path& RunFolder::path() const { return state_->folder; }
const std::string& RunFolder::identity() const { return state_->identity; }

std::vector<StepFolder> RunFolder::steps() const { return complete_steps(state_->folder); }

std::optional<StepFolder> RunFolder::newest() const {
  const auto all = steps();
  return all.empty() ? std::nullopt : std::optional(all.back());
}

Json RunFolder::state(const StepFolder& step) const { return read_step_state(step.path); }

TensorSet RunFolder::read_tensors(const StepFolder& step, const std::string& content) const {
  return vlm::read_step_tensors(step.path, content);
}

RunFolder::Draft::Draft(RunFolder& run, std::int64_t step)
    : run_(run), final_{step, run.path() / step_name(step)} {
  if (fs::exists(final_.path)) remove_whole_folder(final_.path);
  part_ = std::make_unique<PartFolder>(final_.path);
}

RunFolder::Draft::~Draft() = default;

const fs::path& RunFolder::Draft::path() const { return part_->path(); }

void RunFolder::Draft::write(const StepContent& content, int model_parts) {
  const State& s = *run_.state_;
  write_model_part(path(), {0, model_parts}, final_.step, s.identity, content.model);
  if (!content.ema.empty()) {
    const CheckpointInfo info{.content = "ema", .step = final_.step, .run = s.identity};
    write_checkpoint_file(path() / "ema-0-of-1.h5", info, content.ema);
  }
  if (!content.config.empty()) publish_file(path() / "config.json", content.config);
  for (const fs::path& file : content.copies) {
    std::error_code error;
    if (fs::is_regular_file(file, error)) copy_into(file, path());
  }
  Json state = content.state;
  state.set("schema", kCheckpointSchema);
  state.set("step", final_.step);
  state.set("identity", s.identity);
  state.set("run", s.run);
  publish_file(path() / kStateFile, state.dump(2) + "\n");
}

StepFolder RunFolder::Draft::publish() {
  write_done(path());
  part_->publish();
  run_.state_->rotate();
  return final_;
}

std::unique_ptr<RunFolder::Draft> RunFolder::draft(std::int64_t step) {
  if (is_complete_step(path() / step_name(step))) return nullptr;
  return std::make_unique<Draft>(*this, step);
}

StepFolder RunFolder::save(std::int64_t step, const StepContent& content) {
  const auto made = draft(step);
  if (made == nullptr) return {step, path() / step_name(step)};
  if (!content.optimizer.empty())
    write_optimizer_part(made->path(), {}, step, identity(), content.optimizer);
  made->write(content);
  return made->publish();
}

std::string StepPart::model() const { return fmt::format("model-{}-of-{}.h5", rank, ranks); }
std::string StepPart::optimizer() const {
  return fmt::format("optimizer-rank-{}-of-{}.h5", rank, ranks);
}

void write_model_part(const fs::path& draft, const StepPart& part, std::int64_t step,
                      const std::string& run, const std::map<std::string, TensorView>& tensors) {
  write_checkpoint_file(
      draft / part.model(),
      {.content = "model", .part = part.rank, .of = part.ranks, .step = step, .run = run}, tensors);
}

void write_optimizer_part(const fs::path& draft, const StepPart& part, std::int64_t step,
                          const std::string& run,
                          const std::map<std::string, TensorView>& tensors) {
  write_checkpoint_file(
      draft / part.optimizer(),
      {.content = "optimizer", .part = part.rank, .of = part.ranks, .step = step, .run = run},
      tensors);
}

void RunFolder::mark_best(std::int64_t step, const std::string& metric, double value) {
  const fs::path path = state_->folder / step_name(step);
  if (!is_complete_step(path))
    throw InputError(explain(path.string(), "no complete checkpoint", "the one that validated best",
                             "save it before it is marked"));
  const Json json{{"schema", "vega.best/1"}, {"step", step}, {"metric", metric}, {"value", value}};
  publish_file(state_->folder / kBestFile, json.dump(2) + "\n");
  state_->rotate();
}

std::optional<RunFolder::Best> RunFolder::best() const { return state_->best(); }

void RunFolder::mark_finished(std::int64_t step) {
  const Json json{{"schema", "vega.finished/1"}, {"step", step}};
  state_->rotate();  // a run that was killed behind its last checkpoint has not done it
  publish_file(state_->folder / kFinishedFile, json.dump(2) + "\n");
}

std::optional<std::int64_t> RunFolder::finished() const {
  std::error_code error;
  if (!fs::exists(state_->folder / kFinishedFile, error)) return std::nullopt;
  return read_run_json(state_->folder / kFinishedFile, "the end of a run")["step"].whole();
}

void warn_of_other_bits(const RunFolder& folder, const StepFolder& step,
                        const Json& computed_with) {
  const Json then = folder.state(step)["computed_with"];
  for (const JsonMember& member : computed_with.members()) {
    const Json& before = then[member.name];
    if (before.is_null() || before == member.value) continue;
    log_warn(
        "{}: {} {}, before {}: the last bits of what follows may differ from those of a run "
        "that never stopped",
        folder.path().string(), member.name, member.value.dump(), before.dump());
  }
}

}  // namespace vega::train
