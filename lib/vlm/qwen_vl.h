// Qwen2.5-VL, alone or with the generative branch of VEGA-3D's spatial-reasoning release: frames
// become pictures of one prompt, and questions about them are answered. Decoder, cache, generation
// and text are those of the other models (vlm/vlm.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "base/json.h"
#include "models/qwen2/decoder.h"
#include "models/qwen2/generate.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "models/qwen2_5_vl/positions.h"
#include "models/qwen2_5_vl/preprocess.h"
#include "models/qwen2_5_vl/tower.h"
#include "nn/parameters.h"
#include "text/tokenizer.h"
#include "vlm/generative_branch.h"
#include "vlm/reply.h"

namespace vega::vlm {

struct QwenVlOptions {
  Placement placement;  // its device is open; float32 or bfloat16
  qwen2_5_vl::Preparation preparation = qwen2_5_vl::Preparation::kSpatial;
  qwen2_5_vl::PixelBounds bounds;
  qwen2_5_vl::Normalization normalization;
  text::Control control_words = text::Control::kText;  // within questions
  // Of a checkpoint with a generative branch; its placement is the one above. branch_size: of the
  // frames that it takes (branch_pixels); empty without one.
  BranchOptions branch;
  ImageSize branch_size;
  // "Frame-0: " and so on stands before each picture.
  bool numbers_frames = false;
  // false: only tokens that were made before are seen (see_tokens), so that neither tower nor
  // branch is read.
  bool sees_frames = true;
};

// The frames of a video as the model has seen them, shared by all questions about them.
class SeenFrames {
 public:
  SeenFrames(SeenFrames&&) = default;
  SeenFrames& operator=(SeenFrames&&) = default;

  const std::string& key() const { return key_; }
  std::int64_t frames() const { return static_cast<std::int64_t>(grids_.size()); }
  // Cells (rows, columns) of each frame: as many tokens.
  const std::vector<std::array<std::int64_t, 2>>& grids() const { return grids_; }
  std::int64_t visual_tokens() const;

 private:
  friend class QwenVl;
  SeenFrames() = default;
  std::string key_;
  std::vector<std::array<std::int64_t, 2>> grids_;
  std::vector<std::int64_t> ids_;  // of the beginning that all prompts share: up to the last frame
  qwen2_5_vl::PositionCounter positions_;  // behind it
  std::unique_ptr<KvCache> cache_;         // its keys and values
};

// For one thread at a time.
class QwenVl {
 public:
  // Reads the weights. Throws FormatError (a tokeniser whose control words have other ids than
  // config.json says; weights that are not finite), InputError (memory; of a branch, see
  // find_branch), DeviceError.
  QwenVl(qwen2_5_vl::Checkpoint checkpoint, text::Tokenizer words, const QwenVlOptions& options);

  const qwen2_5_vl::Checkpoint& checkpoint() const { return checkpoint_; }
  const qwen2::Decoder& decoder() const { return decoder_; }
  const QwenVlOptions& options() const { return options_; }
  const text::Tokenizer& words() const { return words_; }

  // Null: the checkpoint has none, or no frames are seen.
  const GenerativeBranch* branch() const { return branch_ ? &*branch_ : nullptr; }

  // A frame as the tower is given it. Throws InputError (its size).
  UnitImage prepare(const ImageU8& frame) const;

  // Shows the pictures, in their order, and reads the beginning of all prompts: the system's turn,
  // then the user's with each picture between its marks. Pictures may be of several sizes.
  // branch: the same frames as a generative branch takes them, where the model has one.
  // Throws InputError: no picture; not one for the branch each; more tokens than the model has
  // positions for; memory.
  SeenFrames see(const std::string& key, const std::vector<UnitImage>& pictures,
                 const BranchFrames& branch = {}) const;

  // The same with tokens that were made before, (V, gh, gw, H) of any floating type on the CPU: of
  // the tower, or fused with those of the branch. Throws InputError: the shape; like see().
  SeenFrames see_tokens(const std::string& key, const at::Tensor& tokens) const;

  // Tokens of pictures and of Wan's features of them, where there is a branch: what see() shows the
  // decoder, (tokens, H) on the device, frame by frame.
  at::Tensor tokens_of(const std::string& key, const std::vector<UnitImage>& pictures,
                       const BranchFrames& branch = {}) const;

  // What the decoder goes on from: the question, and the beginning of the assistant's turn.
  // Throws InputError (a question that is not UTF-8; too many tokens).
  qwen2::Prompt prompt(const SeenFrames& frames, const std::string& question) const;

  // Throws like prompt(), and ModelError (numbers that are not finite).
  Reply answer(const SeenFrames& frames, const std::string& question,
               const qwen2::GenerationConfig& config, const OnText& on_text = {}) const;

  // For run.json: checkpoint fingerprint, how frames are prepared.
  Json describe() const;

 private:
  at::Tensor fuse(const at::Tensor& semantic, const at::Tensor& features) const;
  SeenFrames show(const std::string& key, std::vector<std::array<std::int64_t, 2>> grids,
                  const std::function<at::Tensor()>& tokens) const;
  void check_words() const;
  void check_length(const std::string& key, std::int64_t visual, std::int64_t text) const;

  qwen2_5_vl::Checkpoint checkpoint_;
  text::Tokenizer words_;
  QwenVlOptions options_;
  std::optional<qwen2_5_vl::Tower> tower_;
  std::optional<GenerativeBranch> branch_;
  qwen2::Decoder decoder_;
};

}  // namespace vega::vlm
