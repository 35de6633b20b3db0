// Folders of a run of training: RUN/run.json and RUN/step-00000100/. A step folder is complete when
// it holds DONE, which is written last and lists the other files with their sizes. Who writes them:
// train/run_folder.h. Layout: docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace vega {

inline constexpr auto kRunFile = "run.json";
inline constexpr auto kRunSchema = "vega.run/1";
inline constexpr auto kStateFile = "state.json";  // schema vega.checkpoint/1
inline constexpr auto kDoneFile = "DONE";

// "step-00000100".
std::string step_name(std::int64_t step);

struct StepFolder {
  std::int64_t step = 0;
  std::filesystem::path path;
};

// Whether a path is a step folder, by its state.json; complete or torn.
bool is_step_folder(const std::filesystem::path& path);
// Whether a path is a folder of a run: it holds run.json of the schema, or complete steps.
bool is_run_folder(const std::filesystem::path& path);

// Whether DONE is there and every file that it lists has its size.
bool is_complete_step(const std::filesystem::path& folder);

// Folders step-* of a run, by step.
std::vector<StepFolder> complete_steps(const std::filesystem::path& run);
std::vector<StepFolder> torn_steps(const std::filesystem::path& run);

// The step folder itself, or the newest complete step of a run folder. Throws FormatError (torn;
// what is missing), InputError (no complete step).
StepFolder resolve_step(const std::filesystem::path& path);

// state.json of a complete step. Throws FormatError (torn, another schema), InputError.
Json read_step_state(const std::filesystem::path& folder);

// The files of a content ("model", "optimizer") in a complete step, in order; one rank or all.
// Throws FormatError where one is missing.
std::vector<std::filesystem::path> step_files(const std::filesystem::path& folder,
                                              const std::string& content);

}  // namespace vega
