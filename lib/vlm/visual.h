// The visual half of a model: from the features of a scene to the tokens that the decoder reads of
// it and to the features of its objects. Vlm and TrainModel both compute with it; operators record
// gradients where parameters ask for it.
// Source: VEGA-3D, llava_arch.py (S 6.1 of docs/language.md).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "fusion/streams.h"
#include "nn/parameters.h"
#include "vlm/checkpoint.h"
#include "vlm/ground.h"
#include "vlm/position.h"
#include "vlm/scene.h"
#include "vlm/switches.h"

namespace vega::vlm {

// What the checkpoint has of them, at one placement; the grounding head at head_placement().
struct VisualModules {
  StreamModules streams;
  at::Tensor newline;  // (H); undefined: none
  std::optional<PositionEmbedding> position;
  std::optional<GroundHead> ground;
};

// Where the grounding head computes: in float32 with Switches::f32_head.
Placement head_placement(const Placement& placement, const Switches& switches);

// Length of the visual block of so many frames.
std::int64_t block_length(const VlmConfig& config, std::int64_t frames);

// ids -> (n, H): rows of the embedding in the model's type.
using Embed = std::function<at::Tensor(std::span<const std::int64_t> ids)>;

class Visual {
 public:
  Visual(const VlmCheckpoint& checkpoint, const Switches& switches, const Placement& placement,
         VisualModules modules);

  const VisualModules& modules() const { return modules_; }
  bool gate_reads_question() const;
  bool fine_objects() const;  // means of Streams::encoded

  // Throws InputError: what the scene lacks for this model.
  void check(const SceneInput& scene) const;

  // Features through the projectors, or tokens that went through them before. Not fused.
  Streams streams_of(const SceneInput& scene) const;
  // Adds `fused` where there is a fusion and no fused token yet.
  void fuse(const SceneInput& scene, const FusionInputs& inputs, Streams& streams) const;
  // The question as a vector for the gate.
  at::Tensor instruction(const PromptIds& prompt, const Embed& embed) const;

  // What 3D positions add to tokens: (V * 196, H) float32; undefined: nothing.
  at::Tensor shift(const SceneInput& scene) const;
  // The visual block (K, H): tokens with what is added to them, and newlines.
  at::Tensor block(const Streams& streams, const at::Tensor& shift) const;
  // Objects: means of tokens plus the embedding of the boxes' centres. (N, H) float32.
  at::Tensor objects(const SceneInput& scene, const Streams& streams) const;

  // Embeddings of a text (n, H) with the places of its coordinate tokens; kImageId is embedded as
  // some token. Throws InputError: coordinates that do not match the tokens.
  at::Tensor text(const std::vector<std::int64_t>& ids,
                  const std::vector<std::array<float, 3>>& coords, const Embed& embed,
                  const std::string& key) const;

  // Positions of a sequence of `length` tokens whose visual block begins at `image_first` (-1: it
  // has none): (L) or (3, L) int64.
  at::Tensor positions(const SceneInput& scene, std::int64_t image_first,
                       std::int64_t length) const;

 private:
  VlmConfig config_;
  Needs needs_;
  std::string family_;
  Switches switches_;
  Placement placement_;
  VisualModules modules_;
};

}  // namespace vega::vlm
