// `vega-train import`: a model of other programs as a step of a training.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/options.h"
#include "run/verb.h"
#include "store/step_folder.h"

namespace vega::train {

struct ImportOptions {
  std::vector<std::string> inputs;  // one: a folder of Hugging Face, PEFT or LLaVA
  std::string base, out;
  bool overwrite = false;

  void visit(OptionVisitor& v);
};

// Writes step 0 of a run folder: of a whole model all its tensors, of an adapter its pairs, rows
// and whole tensors over its base, each as it is stored. Throws UsageError, InputError, FormatError
// as open_checkpoint does; InputError for what no step can hold (pairs or rows of other tables than
// the linears' and the embedding's); RefusedError, OutputError.
StepFolder import_model(const ImportOptions& options);

Verb import_verb();

}  // namespace vega::train
