#include "extract/feed.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>

#include "media/view.h"

namespace vega::extract {
namespace {

constexpr int kMostWorkers = 8;

std::size_t batches(std::size_t frames, std::int64_t batch) {
  const auto n = static_cast<std::size_t>(batch);
  return (frames + n - 1) / n;
}

}  // namespace

void SceneFrames::pixels(std::size_t place, float* chw) const {
  const SignedImage seen = apply_view(cache.image(place), recipe.view, recipe.size, depth);
  std::copy(seen.chw.begin(), seen.chw.end(), chw);
}

void SceneFrames::eps(std::size_t place, float* values) const {
  if (noise.size() == 0) return;
  noise.fill(id(place), {values, static_cast<std::size_t>(noise.size())});
}

BatchFeed::BatchFeed(const SceneFrames& frames, std::size_t first, std::int64_t batch,
                     bool with_pixels)
    : frames_(frames),
      first_(first),
      batch_(batch),
      with_pixels_(with_pixels),
      batches_(batches(frames.count() - first, batch),
               std::min(frames.recipe.threads, kMostWorkers),
               [this](std::size_t index) { return make(index); }) {}

BatchFeed::Batch BatchFeed::make(std::size_t index) const {
  Batch made;
  if (with_pixels_) {
    made.pixels =
        at::zeros({batch_, 3, frames_.recipe.size.height, frames_.recipe.size.width}, at::kFloat);
  }
  made.eps = at::zeros({batch_, frames_.noise.size()}, at::kFloat);
  const std::size_t from = first_ + index * static_cast<std::size_t>(batch_);
  for (std::int64_t i = 0; i < batch_; ++i) {
    const std::size_t place = from + static_cast<std::size_t>(i);
    if (place >= frames_.count()) break;
    if (with_pixels_) frames_.pixels(place, made.pixels[i].data_ptr<float>());
    frames_.eps(place, made.eps[i].data_ptr<float>());
  }
  return made;
}

BatchFeed::Batch BatchFeed::next() {
  const auto begun = std::chrono::steady_clock::now();
  Batch batch = batches_.next();
  wait_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return batch;
}

}  // namespace vega::extract
