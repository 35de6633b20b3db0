// Checkpoints of VEGA-3D, Video-3D-LLM and LLaVA-Video-7B-Qwen2, and LoRA folders over them: read
// strictly, headers only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fusion/checkpoint.h"
#include "fusion/objects.h"
#include "fusion/spatial.h"
#include "models/qwen2/config.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "models/qwen2_5_vl/preprocess.h"
#include "models/siglip/checkpoint.h"
#include "text/tokenizer.h"
#include "vlm/assembly.h"
#include "vlm/ground.h"
#include "vlm/instruction.h"
#include "vlm/position.h"
#include "vlm/prompt.h"
#include "weights/tensor_set.h"

namespace vega::vlm {

inline constexpr auto kNewlineName = "model.image_newline";

// By keys and tensors, never by a folder's name.
enum class Family {
  kVega,        // with a generative projector
  kVideo3d,     // 3D positions or a grounding head, nothing generative
  kLlavaVideo,  // neither
  kQwen         // Qwen2.5-VL, with or without a generative branch: vlm/picture_checkpoint.h
};
std::string name_of(Family family);  // vega-3d, video-3d-llm, llava-video, qwen2.5-vl

// What config.json says (S 7.2); a null is as absent.
struct VlmConfig {
  qwen2::Config text;
  bool generative = false;                  // use_generative_feature
  bool vega_release = false;                // that key is there: VEGA-3D's code trained the model
  bool fuses = false;                       // use_feat_fusion; false: generative tokens follow
  std::optional<PositionConfig> position;   // world_position_embedding_type
  Newlines newlines = Newlines::kOneToken;  // mm_newline_position; absent: as the release has it
  ObjectMode objects = ObjectMode::kNone;   // object_feature_type
  std::optional<GroundConfig> ground;       // ground_head_type, ground_head_temperature
  ControlIds control;                // ground_token_ids, coord_token_ids, and the tokeniser's
  InstructionConfig instruction;     // of the instruction gate
  std::int64_t most_tokens = 32768;  // tokenizer_model_max_length
  // vega_zero_visual: all features of pictures are 0. What is left is where things are: the
  // baseline of a study, which other tables call geometry only.
  bool zero_visual = false;
};
Family family_of(const VlmConfig& config);

struct CheckpointOptions {
  // Of a LoRA folder or a step of a training; empty: the one that it names.
  std::filesystem::path base;
  std::filesystem::path tokenizer;  // folder; empty: the checkpoint's, or else its base's
  DType merged = DType::kF32;       // of weights that an adapter changes: the compute type
  bool pairs = true;  // false: for projectors and fusion alone, the decoder's pairs are left out
  // A whole model without weights is one of the shapes that its config.json says
  // (vlm/config_shapes.h); files() has the configuration alone.
  bool shapes = false;
};

// What answers need of a scene.
struct Needs {
  bool semantic = true, generative = false;
  bool positions = false;  // a scene file
  bool features() const { return semantic || generative; }
};

// What a model that is shown pictures has of its own.
struct PictureParts {
  qwen2_5_vl::Checkpoint model;  // under the names of qwen2_5_vl::kOriginal
  qwen2_5_vl::ImageRule rule;
  SpatialSettings settings;  // of the generative branch; without one the defaults of the release
};

struct VlmCheckpoint {
  std::filesystem::path path;
  std::filesystem::path config_folder;  // of config.json
  // Of generation_config.json: a LoRA folder that has none of its own takes the base's.
  std::filesystem::path generation_folder;
  // The whole model below LoRA folders and steps of a training; else `path`.
  std::filesystem::path base;
  Family family = Family::kVega;
  VlmConfig config;
  // Projectors or merger, fusion, what the generative features were in training.
  FusionCheckpoint modules;
  std::optional<siglip::Checkpoint> tower;   // absent: semantic features must come from files
  std::optional<text::Tokenizer> tokenizer;  // absent: there are no such files
  std::optional<PictureParts> pictures;      // of Family::kQwen alone
  WeightViews ground, position;              // below their prefixes
  TensorSet set;                             // all tensors, adapters merged
  std::vector<std::filesystem::path> files;
  bool adapted = false;  // a LoRA folder, or a step of a training
  DType merged = DType::kF32;

  Needs needs() const;
  // Needs of files, where semantic or generative features are given or not: features that count as
  // 0 need none then, and the scene file says how many frames there are.
  Needs needed_files(bool semantic_given, bool generative_given) const;
  // Throws InputError where there is none.
  const text::Tokenizer& words() const;
  // View of the frames that training saw: "center_crop" of Video-3D-LLM's own code, else "mllm".
  std::string view() const;
  // Key of all tensors' names, shapes and values.
  std::string fingerprint() const;
};

// `path`: a folder with config.json and model*.safetensors; a LoRA folder (adapter_config.json):
// PEFT's, or LLaVA's with non_lora_trainables.bin; a step of a training (state.json), or the folder
// of a run, of which the newest complete step counts.
// Every tensor is used, or known and not needed, or the error names it. Throws InputError (nothing
// there; another model; a setting that vega does not compute), FormatError (files that are damaged
// or contradict each other).
VlmCheckpoint open_checkpoint(const std::filesystem::path& path,
                              const CheckpointOptions& options = {});

// Projectors and fusion of any checkpoint: of the kinds above, or of what open_fusion_checkpoint
// takes. Throws like both.
FusionCheckpoint open_modules(const std::filesystem::path& path, const CheckpointChoice& choice,
                              const std::filesystem::path& base = {});

}  // namespace vega::vlm
