// What both forms of `vega-eval answer` make of their options: how answers are drawn, and the files
// of a scene.
#pragma once

#include <optional>
#include <string>

#include "evaluate/answer_options.h"
#include "evaluate/scan_files.h"
#include "models/qwen2/generation_config.h"
#include "vlm/checkpoint.h"
#include "vlm/scene.h"

namespace vega::evaluate {

// Throws UsageError: options that contradict each other, no checkpoint.
void check_model_options(const AnswerVerb& options);

// `config` with what was asked on the command line.
qwen2::GenerationConfig with_options(qwen2::GenerationConfig config, const AnswerVerb& options);

// Where files are looked for and how missing ones are made; without the scene itself.
ScanInputs scan_inputs(const AnswerVerb& options, const vlm::VlmCheckpoint& checkpoint);

// The files of a scene, open. `files` points into the others.
struct OpenFiles {
  std::optional<FeatureReader> semantic, generative;
  std::optional<TokensReader> tokens;
  std::optional<SceneReader> scene;
  vlm::SceneFiles files;

  // Throws InputError, FormatError.
  OpenFiles(const ScanFiles& paths, ObjectKind objects, const AnswerVerb& options);

  std::size_t frame_count() const;
  // {PART: cache_key} of those that are there; of features that of the tap that is read.
  Json cache_keys() const;
};

}  // namespace vega::evaluate
