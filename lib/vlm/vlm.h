// A language model that sees scenes: questions answered, objects found.
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

#include "fusion/streams.h"
#include "models/qwen2/decoder.h"
#include "models/qwen2/generate.h"
#include "nn/parameters.h"
#include "vlm/checkpoint.h"
#include "vlm/reply.h"
#include "vlm/scene.h"
#include "vlm/switches.h"
#include "vlm/visual.h"

namespace vega::vlm {

// A scene as the model sees it, shared by all questions about it.
class VisualScene {
 public:
  VisualScene() = default;
  VisualScene(VisualScene&&) = default;
  VisualScene& operator=(VisualScene&&) = default;

  const SceneInput& input() const { return input_; }
  bool has_prefix() const { return prefix_ != nullptr; }
  std::int64_t visual_tokens() const;  // of the visual block; 0: nothing was seen

 private:
  friend class Vlm;
  SceneInput input_;
  Streams streams_;     // without `encoded`; without `fused` where the gate reads the question
  at::Tensor shift_;    // (V * 196, H) float32: the positions' embedding; undefined: none
  at::Tensor visual_;   // (K, H); undefined where the gate reads the question
  at::Tensor objects_;  // (N, H) float32; undefined: none, or the question decides
  // Keys and values of the beginning that all prompts share, up to the visual block's end; made by
  // the first prompt.
  std::shared_ptr<KvCache> prefix_;
  std::vector<std::int64_t> prefix_ids_;  // its ids before the visual block
};

struct Grounding {
  std::vector<float> scores;  // of the scene's objects, in their order
  std::optional<float> none;  // of "there is no such object", where the head has one
  // The best object even where `none` is larger; of equal scores the first. -1: no object.
  std::int64_t best = -1;
};

// A prompt that the decoder can go on from.
struct ReadPrompt {
  qwen2::Prompt prompt;              // what follows the scene's shared prefix, or everything
  std::vector<std::int64_t> labels;  // of prompt's tokens; empty: the prompt had none
  at::Tensor objects;                // VisualScene's, or what the question makes of them
};

struct VlmOptions {
  Placement placement;  // its device is open; float32 or bfloat16
  Switches switches;
};

// For one thread at a time.
class Vlm {
 public:
  // Reads the weights. Throws FormatError, InputError (memory), DeviceError.
  Vlm(VlmCheckpoint checkpoint, const VlmOptions& options);

  const VlmCheckpoint& checkpoint() const { return checkpoint_; }
  const Switches& switches() const { return options_.switches; }
  const qwen2::Decoder& decoder() const { return decoder_; }

  // Throws InputError (what the input lacks).
  VisualScene see(SceneInput input) const;

  // A turn of prompt.h without an answer; coords (n, 3): centres of the boxes that its coordinate
  // tokens name, m. Throws InputError (the prompt; coordinates that do not match its tokens),
  // ModelError (numbers that are not finite).
  Reply answer(VisualScene& scene, const Turn& turn, const qwen2::GenerationConfig& config,
               const std::vector<std::array<float, 3>>& coords = {},
               const OnText& on_text = {}) const;

  // The object that a description means: `task` is kScanRefer or kMulti3DRefer. Throws InputError:
  // no grounding head; no objects in the scene's files.
  Grounding ground(VisualScene& scene, const std::string& description,
                   Task task = Task::kScanRefer) const;
  // The same of a prompt whose answer is the ground token.
  Grounding ground(VisualScene& scene, const PromptIds& prompt, bool share_prefix = true) const;

  // Makes a prompt ready. The first one that shares the prefix reads the visual block into the
  // scene's cache, and what it returns is good while the scene lives. Where the gate reads the
  // question, or share_prefix is false, the prompt holds everything. Throws InputError as answer.
  ReadPrompt read(VisualScene& scene, const PromptIds& prompt,
                  const std::vector<std::array<float, 3>>& coords, bool share_prefix = true) const;
  // Whether prompts of a scene can share what is before the question.
  bool shares_prefix() const;
  // An answer's ids as text.
  Reply reply_of(qwen2::Answer&& answer) const;

  // The whole sequence of one turn; cut at the model's limit.
  Sequence assemble(const VisualScene& scene, const PromptIds& prompt,
                    const std::vector<std::array<float, 3>>& coords = {}) const;
  // Features of the objects with the embedding of their places: (N, H) float32.
  at::Tensor objects_of(const VisualScene& scene, const PromptIds& prompt) const;
  // Positions of a sequence: (L) or (3, L) int64.
  at::Tensor positions_of(const VisualScene& scene, const Sequence& sequence) const;

  const PromptMaker& prompts() const;  // throws InputError: no tokeniser
  const GroundHead& head() const;      // throws InputError: no grounding head
  // For run.json: checkpoint fingerprint, family, switches.
  Json describe() const;

 private:
  struct Seen {  // what the question decides, where the gate depends on it
    at::Tensor visual, objects;
  };
  Seen seen(const VisualScene& scene, const PromptIds& prompt) const;
  Sequence splice_in(const VisualScene& scene, const at::Tensor& visual, const PromptIds& prompt,
                     const std::vector<std::array<float, 3>>& coords) const;
  void check_length(const VisualScene& scene, const at::Tensor& visual,
                    const PromptIds& prompt) const;
  ReadPrompt read_whole(const VisualScene& scene, const PromptIds& prompt,
                        const std::vector<std::array<float, 3>>& coords) const;
  void read_prefix(VisualScene& scene, const PromptIds& begin) const;
  Embed embed() const;

  VlmCheckpoint checkpoint_;
  VlmOptions options_;
  qwen2::Decoder decoder_;
  Visual visual_;
  std::unique_ptr<PromptMaker> prompts_;
};

}  // namespace vega::vlm
