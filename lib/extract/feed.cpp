#include "extract/feed.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <chrono>

#include "media/view.h"

namespace vega::extract {
namespace {

constexpr int kMostWorkers = 8;

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
      batch_(static_cast<std::size_t>(batch)),
      with_pixels_(with_pixels),
      batches_((frames.count() - first + batch_ - 1) / batch_),
      made_(
          frames.count() - first, std::min(frames.recipe.threads, kMostWorkers),
          [this](std::size_t index) { return make(index); }, 2 * batch_) {}

std::size_t BatchFeed::frames_of(std::size_t batch) const {
  return std::min(batch_, frames_.count() - first_ - batch * batch_);
}

// Memory for a batch; the padding is zero already.
BatchFeed::Batch BatchFeed::begin(std::size_t batch) const {
  const auto all = static_cast<std::int64_t>(batch_);
  const auto frames = static_cast<std::int64_t>(frames_of(batch));
  Batch made;
  made.eps = at::empty({all, frames_.noise.size()}, at::kFloat);
  made.eps.narrow(0, frames, all - frames).zero_();
  if (!with_pixels_) return made;
  const ImageSize size = frames_.recipe.size;
  made.pixels = at::empty({all, 3, size.height, size.width}, at::kFloat);
  made.pixels.narrow(0, frames, all - frames).zero_();
  return made;
}

BatchFeed::Made BatchFeed::make(std::size_t index) {
  Batch batch;  // shares the memory of the feed's
  {
    const std::lock_guard lock(mutex_);
    Batch& shared = batches_[index / batch_];
    if (!shared.eps.defined()) shared = begin(index / batch_);
    batch = shared;
  }
  const auto row = static_cast<std::int64_t>(index % batch_);
  if (with_pixels_) frames_.pixels(first_ + index, batch.pixels[row].data_ptr<float>());
  frames_.eps(first_ + index, batch.eps[row].data_ptr<float>());
  return {};
}

BatchFeed::Batch BatchFeed::next() {
  const auto begun = std::chrono::steady_clock::now();
  for (std::size_t i = frames_of(taken_); i > 0; --i) made_.next();
  const std::lock_guard lock(mutex_);
  Batch batch = std::move(batches_[taken_++]);
  wait_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return batch;
}

}  // namespace vega::extract
