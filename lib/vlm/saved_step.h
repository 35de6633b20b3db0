// Checkpoints that training saved (step folders, store/step_folder.h) as models: what was trained
// over the base that it was trained on. Layout: docs/formats.md, vega.checkpoint/1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/json.h"
#include "store/step_folder.h"
#include "vlm/changes.h"
#include "vlm/checkpoint.h"
#include "weights/tensor_set.h"

namespace vega::vlm {

// Rows of the embedding that stand apart from it: (n, H), those of `new_tokens` of state.json.
inline constexpr auto kNewRows = "model.embed_tokens.new_rows";

// Pairs of LoRA as training has them: NAME.lora_A.weight (rank, in), NAME.lora_B.weight (out,
// rank).
struct SavedLora {
  std::int64_t rank = 0;
  double alpha = 0, dropout = 0;
  bool rank_stabilised = false;
  // Of an adapter that was imported: LoraScales of vlm/changes.h.
  std::vector<std::pair<std::string, std::int64_t>> ranks = {};
  std::vector<std::pair<std::string, double>> alphas = {};

  LoraScales scales() const { return {rank, alpha, rank_stabilised, ranks, alphas}; }
};

// What state.json says of the model; its other members belong to the loop.
struct SavedStep {
  StepFolder folder;
  std::filesystem::path base;      // as it was given to the run; empty: all tensors are here
  std::filesystem::path relative;  // the same seen from the run's folder; may be empty
  std::string fingerprint;         // of the base
  std::optional<DType> merged;     // the type that weights were merged in, where it has LoRA
  std::optional<SavedLora> lora;
  // Ids of the rows kNewRows; absent: those of config.json (new_token_ids).
  std::optional<std::vector<std::int64_t>> new_tokens;
};

// Sets the members `base`, `lora` and `new_tokens` of state.json. base: nothing where all tensors
// are in the step itself. run: the folder of the run, from which the base is named as well. Reads
// the base's fingerprint.
void describe_saved(Json& state, const VlmCheckpoint* base, const std::filesystem::path& run,
                    const std::optional<SavedLora>& lora,
                    const std::vector<std::int64_t>& new_tokens);

// Throws FormatError (torn; members of another kind), InputError.
SavedStep read_saved_step(const std::filesystem::path& folder);

// All tensors of a content ("model", "optimizer") in memory. Throws FormatError (damaged).
TensorSet read_step_tensors(const std::filesystem::path& folder, const std::string& content);

// The folder of the base: `given` (--base) where there is one, else what state.json names: the path
// itself, then the same seen from the run's folder (a tree that was moved). Throws InputError
// naming what was looked for.
std::filesystem::path find_base(const SavedStep& step, const std::filesystem::path& given);

// The base's tensors with the step's over them: whole tensors and modules replace the base's, the
// embedding and the head get the rows that `config` (of the step) says as training gave them, new
// rows take their places, and pairs of LoRA are merged as those of an adapter (vlm/changes.h).
// pairs: false leaves those of the decoder out. Throws FormatError: what does not fit the base.
TensorSet merge_step(const VlmCheckpoint& base, const SavedStep& step, const VlmConfig& config,
                     DType type, bool pairs = true);

}  // namespace vega::vlm
