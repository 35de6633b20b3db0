#include "store/step_folder.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "store/checkpoint_file.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kStep = "step-";

// The number of "step-00000100"; nothing for another name.
std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kStep)) return std::nullopt;
  std::int64_t step = -1;
  const char* end = name.data() + name.size();
  const auto [stop, code] = std::from_chars(name.data() + kStep.size(), end, step);
  const bool whole = code == std::errc() && stop == end && step >= 0 && name == step_name(step);
  return whole ? std::optional(step) : std::nullopt;
}

// What DONE lists and the folder lacks; nothing: the step is complete.
std::optional<std::string> fault_of(const fs::path& folder) {
  std::ifstream in(folder / kDoneFile, std::ios::binary);
  if (!in) return "no file DONE";
  std::string line;
  int files = 0;
  while (std::getline(in, line)) {
    const auto tab = line.find('\t');
    std::uintmax_t size = 0;
    const auto [stop, code] =
        std::from_chars(line.data(), line.data() + std::min(tab, line.size()), size);
    const bool whole = tab != std::string::npos && code == std::errc() && *stop == '\t';
    if (!whole || in.eof()) return "a damaged list of files in DONE";
    const std::string name = line.substr(tab + 1);
    std::error_code error;
    const std::uintmax_t found = fs::file_size(folder / name, error);
    if (error) return "no file " + name;
    if (found != size) return fmt::format("{} with {} bytes of {}", name, found, size);
    ++files;
  }
  if (files == 0) return "an empty list of files in DONE";
  return std::nullopt;
}

std::vector<StepFolder> steps_of(const fs::path& run, bool complete) {
  std::vector<StepFolder> out;
  std::error_code error;
  for (fs::directory_iterator at(run, error), end; !error && at != end; at.increment(error)) {
    const auto step = step_of(at->path().filename().string());
    std::error_code unknown;
    if (!step || !at->is_directory(unknown)) continue;
    if (!fault_of(at->path()).has_value() == complete) out.push_back({*step, at->path()});
  }
  std::ranges::sort(out, {}, &StepFolder::step);
  return out;
}

void require_step(const fs::path& folder) {
  if (const auto fault = fault_of(folder))
    throw FormatError(explain(folder.string() + ": a checkpoint that is not complete", *fault,
                              "all files, and DONE, which is written last",
                              "take an earlier step; a run removes such a folder itself"));
}

}  // namespace

std::string step_name(std::int64_t step) { return fmt::format("{}{:08d}", kStep, step); }

bool is_step_folder(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path / kDoneFile, error)) return true;
  // A torn one may have lost any of its files.
  return step_of(path.filename().string()).has_value() && fs::is_directory(path, error);
}

bool is_run_folder(const fs::path& path) {
  std::error_code error;
  if (!steps_of(path, true).empty()) return true;
  if (!fs::is_regular_file(path / kRunFile, error)) return false;
  std::ifstream in(path / kRunFile, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto run = parse_json(text);
  return run && (*run)["schema"].text_or("") == kRunSchema;
}

bool is_complete_step(const fs::path& folder) { return !fault_of(folder).has_value(); }

std::vector<StepFolder> complete_steps(const fs::path& run) { return steps_of(run, true); }
std::vector<StepFolder> torn_steps(const fs::path& run) { return steps_of(run, false); }

StepFolder resolve_step(const fs::path& path) {
  if (is_step_folder(path)) {
    require_step(path);
    const Json state = read_step_state(path);
    return {state["step"].whole().value_or(0), path};
  }
  const auto steps = complete_steps(path);
  if (!steps.empty()) return steps.back();
  const auto torn = torn_steps(path);
  const std::string got = torn.empty()
                              ? "no folder step-*"
                              : fmt::format("no complete checkpoint, only {} ({})",
                                            torn.back().path.filename().string(),
                                            fault_of(torn.back().path).value_or("complete by now"));
  throw InputError(explain(path.string(), got, "a checkpoint of a run of training",
                           "wait for its first one, or run the training again"));
}

Json read_step_state(const fs::path& folder) {
  require_step(folder);
  const fs::path path = folder / kStateFile;
  constexpr JsonLimits kLimits{.bytes = std::size_t{64} << 20};
  Json state = read_json(path, "the state of a checkpoint", kLimits);
  const std::string schema = state["schema"].text_or("");
  if (schema != kCheckpointSchema)
    throw FormatError(explain(path.string() + ": schema", "'" + schema + "'", kCheckpointSchema,
                              "the checkpoint belongs to another version of vega, or is none"));
  if (state["step"].whole().value_or(-1) < 0)
    throw FormatError(
        explain(path.string() + ": step", state["step"].dump(), "a whole number from 0 on"));
  return state;
}

std::vector<fs::path> step_files(const fs::path& folder, const std::string& content) {
  require_step(folder);
  std::vector<fs::path> out;
  const std::string prefix = content + "-";
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(".h5")) out.push_back(entry.path());
  }
  std::ranges::sort(out);
  if (out.empty())
    throw FormatError(explain(folder.string(), "no file " + prefix + "*.h5",
                              "the tensors of the " + content,
                              "an imported checkpoint has none of an optimiser"));
  const std::int64_t of = CheckpointFile(out.front()).info().of;
  if (of != static_cast<std::int64_t>(out.size()))
    throw FormatError(explain(folder.string(),
                              std::to_string(out.size()) + " files " + prefix + "*",
                              std::to_string(of), "fetch the checkpoint again"));
  return out;
}

}  // namespace vega
