// The parts of a vision-language model that training can change, and those that it adds to a base
// checkpoint. Source: VEGA-3D, train_3d.py (S 4.3, 8.3 of docs/language.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/choice.h"
#include "nn/lora.h"
#include "vlm/checkpoint.h"
#include "vlm/saved_step.h"

namespace vega::vlm {

std::string embedding_name();  // model.embed_tokens.weight

enum class Part {
  kFusion,
  kGenerativeProjector,
  kProjector,
  kNewline,
  kPosition,
  kGroundHead,
  kNewTokens,
  kLora,
  kDecoder,
  kTower
};
inline constexpr Choice<Part> kParts[] = {
    {Part::kFusion, "fusion", "what makes one stream of semantic and generative tokens"},
    {Part::kGenerativeProjector, "generative-projector",
     "projector of the generative features; of Qwen2.5-VL the generative merger"},
    {Part::kProjector, "projector", "projector of the semantic features"},
    {Part::kNewline, "newline", "the token after each row of a frame"},
    {Part::kPosition, "position", "the embedding of 3D positions, where it has parameters (mlp)"},
    {Part::kGroundHead, "ground-head", "scores of the objects"},
    {Part::kNewTokens, "new-tokens", "rows of the embedding of <ground> and <coord>"},
    {Part::kLora, "lora", "pairs of low rank on the seven linears of each layer of the decoder"},
    {Part::kDecoder, "decoder", "the language model with its embedding and head"},
    {Part::kTower, "tower", "the SigLIP tower; scenes are read as pixels"}};
std::string name_of(Part part);

// What a base checkpoint lacks and training adds. Empty and 0: nothing; what the base has of the
// same configuration stays, and another one is replaced with initial values.
struct NewParts {
  std::int64_t semantic_width = 0;    // C of the semantic features
  std::int64_t generative_width = 0;  // Cg of the generative ones: a generative projector
  std::int64_t merger_hidden = 4096;  // of a new generative merger, which Qwen2.5-VL has instead
  TrainedOn generative;               // what these are, for config.json
  std::string fusion, form;           // names of set_method() and set_form()
  std::int64_t fusion_layers = 1, fusion_heads = 8;  // of cross-attention
  double fusion_dropout = 0.1;
  std::string position;               // words of parse_position(), such as "avg-discrete-sin3d"
  std::optional<ObjectMode> objects;  // which tokens objects are means of
  std::optional<GroundType> ground;   // a grounding head; objects: patch14 where nothing is said
  bool control_words = false;         // <ground> and <coord>; a grounding head adds them too
};

// The base with the configuration of new parts, and without their values: what needs() and
// trained_specs() look at. Throws InputError: parts that do not fit each other.
VlmCheckpoint planned_checkpoint(VlmCheckpoint base, const NewParts& parts);

// The same with values: initial ones of `seed` (nn/parameters.h), and rows of new tokens that are
// the mean of all rows before them.
VlmCheckpoint extended_checkpoint(VlmCheckpoint base, const NewParts& parts, std::uint64_t seed);

// Ids of <ground> and <coord>, ascending: whose rows kNewTokens trains (kNewRows).
std::vector<std::int64_t> new_token_ids(const VlmConfig& config);

inline constexpr auto kLanguageHead = "lm_head.weight";

// Full names and shapes of all tensors that the forward pass reads, but for adapters, new rows and
// the vision tower: for a planned checkpoint too.
std::vector<std::pair<std::string, Shape>> forward_shapes(const VlmCheckpoint& checkpoint);

// Where the fusion module of a checkpoint is, and its tensors by the names that files have for
// them: in those of the spatial release weight_gen is weight_3d.
std::string fusion_prefix(const VlmCheckpoint& checkpoint);
std::vector<ParameterSpec> spatial_fusion_specs(const FusionConfig& config);

// One tensor that trains. Names are those of checkpoints; LoRA's NAME.lora_A.weight, and kNewRows.
struct TrainedSpec {
  std::string name;
  Shape shape;
  Part part{};
};

// All tensors of these parts, part by part in the order of kParts. Throws InputError: a part that
// the checkpoint does not have; parts that exclude each other (decoder beside lora or new-tokens);
// none; lora without its configuration.
std::vector<TrainedSpec> trained_specs(const VlmCheckpoint& checkpoint,
                                       const std::vector<Part>& parts,
                                       const std::optional<LoraConfig>& lora);

}  // namespace vega::vlm
