// Folders of models that a run of `vega-train world` writes: RUN/initial, which it begins with, and
// RUN/model, or any other, of one of its steps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "models/wan/linear_vae.h"
#include "models/wan/record.h"
#include "models/wan/write.h"
#include "nn/parameters.h"
#include "store/step_folder.h"
#include "train/run_folder.h"
#include "train/world/recipe.h"

namespace vega::train {

inline constexpr auto kInitialFolder = "initial", kModelFolder = "model";

// Whether RUN/initial is there and of this run.
bool has_initial(const RunFolder& run);

// Writes RUN/initial: the values that training begins with, the VAE, and the prompt (undefined
// where the text parts are silent). Throws InputError, OutputError.
void write_initial(const RunFolder& run, const WorldRecipe& recipe, const Parameters& values,
                   const wan::LinearVae& vae, const at::Tensor& prompt,
                   const std::string& trained_on);

// How a step's model is written; what is unset is as RUN/initial has it.
struct WorldExport {
  std::filesystem::path out;
  wan::ModelLayout layout = wan::ModelLayout::kDiffusers;
  std::optional<DType> dtype;                   // of what trained
  std::optional<std::int64_t> block, timestep;  // the default tap, in the record
  std::optional<std::string> note;              // what it was trained on
  bool replace = false;                         // a folder that is there
};

// Writes the running mean of the weights of a step as a model, with the VAE and the text parts of
// RUN/initial: these keep their element types, whatever how.dtype is. Throws InputError (no such
// block; no RUN/initial beside the step), FormatError, OutputError: whole or not at all.
void write_world_model(const StepFolder& step, const WorldExport& how);

// Why the model in how.out is not the one that write_world_model would write, as far as `how` says:
// "has the type bf16, asked is f32"; empty: it is. Weights are not compared.
std::string difference_of(const WorldExport& how);

}  // namespace vega::train
