// Qwen2.5-VL without another branch: frames become pictures of one prompt, and questions about them
// are answered. Decoder, cache, generation and text are those of the other models (vlm/vlm.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
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
#include "vlm/reply.h"

namespace vega::vlm {

struct QwenVlOptions {
  Placement placement;  // its device is open; float32 or bfloat16
  qwen2_5_vl::Preparation preparation = qwen2_5_vl::Preparation::kSpatial;
  qwen2_5_vl::PixelBounds bounds;
  qwen2_5_vl::Normalization normalization;
  text::Control control_words = text::Control::kText;  // within questions
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
  // config.json says; weights that are not finite), InputError (memory), DeviceError.
  QwenVl(qwen2_5_vl::Checkpoint checkpoint, text::Tokenizer words, const QwenVlOptions& options);

  const qwen2_5_vl::Checkpoint& checkpoint() const { return checkpoint_; }
  const qwen2::Decoder& decoder() const { return decoder_; }
  const QwenVlOptions& options() const { return options_; }
  const text::Tokenizer& words() const { return words_; }

  // A frame as the tower is given it. Throws InputError (its size).
  UnitImage prepare(const ImageU8& frame) const;

  // Shows the pictures, in their order, and reads the beginning of all prompts: the system's turn,
  // then the user's with each picture between its marks. Pictures may be of several sizes.
  // Throws InputError: no picture; more tokens than the model has positions for; memory.
  SeenFrames see(const std::string& key, const std::vector<UnitImage>& pictures) const;

  // What the decoder goes on from: the question, and the beginning of the assistant's turn.
  // Throws InputError (a question that is not UTF-8; too many tokens).
  qwen2::Prompt prompt(const SeenFrames& frames, const std::string& question) const;

  // Throws like prompt(), and ModelError (numbers that are not finite).
  Reply answer(const SeenFrames& frames, const std::string& question,
               const qwen2::GenerationConfig& config, const OnText& on_text = {}) const;

  // For run.json: checkpoint fingerprint, how frames are prepared.
  Json describe() const;

 private:
  at::Tensor look(const std::vector<UnitImage>& pictures) const;
  void check_words() const;
  void check_length(const std::string& key, std::int64_t visual, std::int64_t text) const;

  qwen2_5_vl::Checkpoint checkpoint_;
  text::Tokenizer words_;
  QwenVlOptions options_;
  qwen2_5_vl::Tower tower_;
  qwen2::Decoder decoder_;
};

}  // namespace vega::vlm
