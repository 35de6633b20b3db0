// `vega-train export`: a training, or any checkpoint, for other programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/dtype.h"
#include "base/options.h"
#include "run/verb.h"

namespace vega::train {

enum class ModelLayout {
  kHf,    // the whole model, pairs merged: config.json, model*.safetensors
  kPeft,  // what was trained: adapter_config.json, adapter_model.safetensors
  kLlava  // the same as LLaVA has it: the adapter, non_lora_trainables.bin, config.json
};
inline constexpr Choice<ModelLayout> kModelLayouts[] = {
    {ModelLayout::kHf, "hf", "the whole model, adapters merged"},
    {ModelLayout::kPeft, "peft", "what was trained, as an adapter of PEFT"},
    {ModelLayout::kLlava, "llava", "an adapter, and non_lora_trainables.bin beside it"}};

struct ExportOptions {
  std::vector<std::string> inputs;  // one: a run, a step or a checkpoint
  std::string base, out;
  ModelLayout layout = ModelLayout::kHf;
  std::optional<DType> dtype;                // unset: bf16 for hf, fp32 (as trained) for the others
  std::int64_t shard_bytes = 5'000'000'000;  // --shard-size, of hf
  bool overwrite = false;

  void visit(OptionVisitor& v);
};

// Writes the folder `out`: whole or not at all. Throws UsageError, InputError (nothing there; hf of
// a step whose base is not found; peft and llava of what has no pairs), RefusedError (a folder with
// something in it, without `overwrite`), OutputError.
void export_model(const ExportOptions& options);

Verb export_verb();

}  // namespace vega::train
