// One vision-language model in training: the forward pass of Vlm with gradients, its losses, and
// what it is at any time as a checkpoint.
// Source: VEGA-3D, llava_qwen.py, llava_arch.py, train_3d.py (S 6, 8 of docs/language.md).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/qwen2/layer_values.h"
#include "nn/dropout.h"
#include "nn/parameters.h"
#include "nn/weight_table.h"
#include "tasks/sample.h"
#include "vlm/generative_branch.h"
#include "vlm/scene.h"
#include "vlm/train_parts.h"

namespace vega::vlm {

// One question with its answer. Grounding tasks (tasks::is_grounding) have a grounding loss, all
// others a loss of words; a call may mix them.
struct TrainSample {
  std::string id;
  tasks::Task task{};
  PromptIds prompt;  // of PromptMaker::training, or of picture_prompt
  // One for each coordinate token of the prompt, m.
  std::vector<std::array<float, 3>> coords = {};
  // Grounding: places among the scene's objects (SceneInput::boxes); none: "no such object".
  std::vector<std::int64_t> positives = {};
  // What each target token adds to the loss, or the whole grounding loss: the caller divides.
  double weight = 1;
};

// Where the values of a tensor that trains lie, of several processes that train together.
enum class Kept {
  kByAll,
  kHere,      // here alone
  kElsewhere  // with another process: the leaf has its shape, and NaN throughout in no memory
};

struct TrainModelOptions {
  Placement placement;  // float32 or bfloat16; masters are float32. float64 for tests
  Switches switches;
  std::vector<Part> parts;
  std::optional<LoraConfig> lora;  // with kLora
  NewParts new_parts;
  bool recompute = true;    // gradient checkpointing of the decoder's (and the tower's) layers
  std::uint64_t seed = 42;  // of initial values
  std::int64_t pass_tokens = 16384;  // of one pass of the decoder; a longer question goes alone
  // By name. Unset: all are kept by all. Others than these among TrainModel::layer_leaves() alone:
  // take_layer_values() says where the decoder finds them.
  std::function<Kept(const std::string&)> kept;
  // Of a model that is shown pictures: where Wan is, whose placement is the one above; and how many
  // bytes of tokens and features are kept for pictures that come again.
  // stored_*: scenes have what the tower, or Wan, makes of them, so that either is read where one
  // lacks it.
  BranchOptions branch;
  double seen_bytes = 0;
  bool stored_semantic = false, stored_generative = false;
};

// One tensor that trains: a leaf, float32 (float64 where the placement has it).
struct Trained {
  std::string name;
  at::Tensor tensor;
  Part part{};
  Kept kept = Kept::kByAll;
};

struct PassOptions {
  std::optional<DropoutKey> dropout;  // none: no dropout
  // false: the sequence has no visual tokens; objects are there all the same.
  bool see_visual = true;
};

struct SampleLoss {
  double loss = 0;           // mean over its targets; 0 where it has none
  std::int64_t targets = 0;  // supervised tokens; 1 of grounding; 0: the limit cut them off
};

struct PassResult {
  std::vector<SampleLoss> samples;  // in the order of the call
  // Mean share of the semantic stream, where the fusion has a gate and was computed.
  std::optional<double> gate;
  std::int64_t tokens = 0;  // that the decoder read, the shared prefix once a pass
};

// For one thread at a time.
class TrainModel {
 public:
  // Brings weights to the placement: frozen ones in its type, trained ones as leaves. Throws
  // InputError, FormatError as open_checkpoint and trained_specs do, DeviceError.
  TrainModel(VlmCheckpoint base, const TrainModelOptions& options);
  ~TrainModel();
  TrainModel(TrainModel&&) noexcept;
  TrainModel& operator=(TrainModel&&) noexcept;

  const TrainModelOptions& options() const;
  // The base with its new parts: configuration, tokeniser, what scenes must have (read_scene).
  const VlmCheckpoint& checkpoint() const;
  const PromptMaker& prompts() const;  // throws InputError: no tokeniser

  // In the order of trained_specs.
  const std::vector<Trained>& trained() const;
  // What the base lacks and does not train, of the placement's type: a checkpoint holds these
  // beside trained(), or it could not be read back.
  const std::vector<Trained>& added() const;
  // Tensors of trained() that belong to layers of the decoder, and to its head
  // (qwen2::TrainDecoder::leaves, take_values_from).
  std::vector<std::vector<at::Tensor>> layer_leaves() const;
  void take_layer_values(qwen2::LayerValues& source);
  // Sets the value of a tensor of trained() or added(); of one that is kept elsewhere nothing.
  // Throws FormatError: no such name, another shape.
  void restore(std::string_view name, const at::Tensor& value);

  // Tokens of the visual block of so many frames of a scene.
  std::int64_t visual_tokens(std::int64_t frames) const;
  // Targets that the limit leaves, where the visual block has so many tokens (0: it is not seen).
  std::int64_t target_count(const TrainSample& sample, std::int64_t visual_tokens) const;
  // Length of the whole sequence, before the limit cuts it.
  std::int64_t token_count(const TrainSample& sample, std::int64_t visual_tokens) const;

  // Adds the gradients of sum of weight x loss to grad() of trained(). All samples are about one
  // scene: visual modules run once, and questions are read behind the beginning that they share, as
  // many a pass as pass_tokens allows. A sample without targets adds nothing.
  // Throws InputError (what the scene or a sample lacks), DeviceError.
  PassResult add_gradients(const SceneInput& scene, std::span<const TrainSample> samples,
                           const PassOptions& options = {});
  // The same losses without gradients and without dropout.
  PassResult losses(const SceneInput& scene, std::span<const TrainSample> samples,
                    bool see_visual = true);

  // What the decoder is shown of pictures, (V, gh, gw, H) of the compute type on the device,
  // without gradient: their tower's tokens, fused with Wan's features where there is a branch.
  // Nothing of it is kept. Throws InputError (no pictures), DeviceError.
  at::Tensor see(const SceneInput& pictures) const;

  // The model as it is now, LoRA merged, for Vlm: frozen tensors are those of the base, trained
  // ones share memory where they can, so that it is good until the next step. Not where some are
  // kept elsewhere.
  VlmCheckpoint snapshot() const;
  // config.json of what it is now: official keys, and vega_initial_values false.
  Json config() const;

  struct Impl;  // vlm/train_state.h

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace vega::vlm
