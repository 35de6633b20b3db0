// Pixels and noise of frames, made ready for the backbone.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "extract/chosen_frames.h"
#include "extract/noise_source.h"
#include "extract/prefetch.h"
#include "extract/recipe.h"

namespace vega::extract {

// What the backbone takes of one scene's frames. Holds references to its parts.
struct NetworkInput {
  const Recipe& recipe;
  const ChosenFrames& frames;
  const NoiseSource& noise;
  ImageSize depth;  // of the scene's depth maps, for --view center_crop

  std::size_t count() const { return frames.count(); }
  // (3, H, W) in [-1, 1], rounded to the type of `chw`: float32 or bfloat16.
  void write_pixels(std::size_t place, const at::Tensor& chw) const;
  void write_noise(std::size_t place, float* eps) const;  // noise.size() values
};

// Batches of frames [first, count) in order, made ahead: worker threads write single frames into
// them, so that one large batch keeps all workers busy. At most three batches are held, in memory
// that a GPU copies from by itself. The last one is padded with zeros, so that every batch has one
// size.
class BatchFeed {
 public:
  struct Batch {
    at::Tensor pixels, eps;  // (N, 3, H, W), undefined without pixels; (N, noise size)
  };

  // pixels: their type, nothing: without them.
  BatchFeed(const NetworkInput& input, std::size_t first, std::int64_t batch,
            std::optional<at::ScalarType> pixels);

  std::size_t first() const { return first_; }
  std::int64_t batch() const { return static_cast<std::int64_t>(batch_); }
  Batch next();                              // throws what making it threw
  double wait_s() const { return wait_s_; }  // seconds that next() waited

 private:
  struct Made {};  // the frame is in its batch

  std::size_t frames_of(std::size_t batch) const;  // without the padding
  Batch begin(std::size_t batch) const;
  Made make(std::size_t index);

  NetworkInput input_;
  std::size_t first_, batch_, taken_ = 0;
  std::optional<at::ScalarType> pixels_;
  double wait_s_ = 0;
  std::mutex mutex_;  // of the next
  std::vector<Batch> batches_;
  Prefetch<Made> made_;  // last: its threads use the others
};

}  // namespace vega::extract
