// `vega-train export`: a training, or any checkpoint, for other programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/dtype.h"
#include "base/options.h"
#include "run/verb.h"
#include "store/step_folder.h"

namespace vega::train {

enum class ModelLayout {
  kHf,         // the whole model, pairs merged: config.json, model*.safetensors
  kPeft,       // what was trained: adapter_config.json, adapter_model.safetensors
  kLlava,      // the same as LLaVA has it: the adapter, non_lora_trainables.bin, config.json
  kDiffusers,  // a generator of `vega-train world`: model_index.json, transformer/, vae/
  kOriginal    // the same as Wan2.1 was released
};
inline constexpr Choice<ModelLayout> kModelLayouts[] = {
    {ModelLayout::kHf, "hf", "the whole model, adapters merged"},
    {ModelLayout::kPeft, "peft", "what was trained, as an adapter of PEFT"},
    {ModelLayout::kLlava, "llava", "an adapter, and non_lora_trainables.bin beside it"},
    {ModelLayout::kDiffusers, "diffusers", "of a generator: model_index.json, transformer/, vae/"},
    {ModelLayout::kOriginal, "original", "of a generator: as Wan2.1 was released"}};

struct ExportOptions {
  std::vector<std::string> inputs;  // one: a run, a step or a checkpoint
  std::string base, out;
  std::optional<ModelLayout> layout;  // unset: hf; of a generator: diffusers
  // Unset: bf16 for hf, fp32 (as trained) for peft and llava; of a generator: as the run has it.
  std::optional<DType> dtype;
  std::optional<std::int64_t> shard_bytes;  // --shard-size, of hf
  bool overwrite = false;
  // Of a generator, in its record; unset: as the run has it.
  std::optional<std::int64_t> block, timestep;
  std::string note;

  void visit(OptionVisitor& v);
};

// Writes the folder options.out of a step of `vega-train world`: train/world has this function, and
// the program hands it over. replace: the folder is there.
using WriteGenerator =
    std::function<void(const ExportOptions& options, const StepFolder& step, bool replace)>;

// Whether a step is one of `vega-train world`. Throws FormatError (torn), InputError.
bool is_generator_step(const StepFolder& step);

// Writes the folder `out`: whole or not at all. Throws UsageError, InputError (nothing there; hf of
// a step whose base is not found; peft and llava of what has no pairs), RefusedError (a folder with
// something in it, without `overwrite`), OutputError.
void export_model(const ExportOptions& options, const WriteGenerator& write = {});

Verb export_verb(WriteGenerator write);

}  // namespace vega::train
