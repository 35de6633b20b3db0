#include "extract/feed.h"

#include <c10/util/BFloat16.h>

#include <algorithm>

#include "base/clock.h"
#include "base/dtype.h"
#include "extract/device_lane.h"
#include "media/view.h"

namespace vega::extract {
namespace {

constexpr int kMostWorkers = 8;

}  // namespace

void NetworkInput::write_pixels(std::size_t place, const at::Tensor& chw) const {
  const SignedImage seen = apply_view(frames.picture(place), recipe.view, recipe.size, depth);
  if (chw.scalar_type() == at::kFloat) {
    std::copy(seen.chw.begin(), seen.chw.end(), chw.data_ptr<float>());
  } else {
    std::transform(seen.chw.begin(), seen.chw.end(), chw.data_ptr<at::BFloat16>(), [](float value) {
      return at::BFloat16(bf16_from_f32(value), at::BFloat16::from_bits());
    });
  }
}

void NetworkInput::write_noise(std::size_t place, float* eps) const {
  if (noise.size() == 0) return;
  noise.fill(frames.id(place), {eps, static_cast<std::size_t>(noise.size())});
}

BatchFeed::BatchFeed(const NetworkInput& input, std::size_t first, std::int64_t batch,
                     std::optional<at::ScalarType> pixels)
    : input_(input),
      first_(first),
      batch_(static_cast<std::size_t>(batch)),
      pixels_(pixels),
      batches_((input.count() - first + batch_ - 1) / batch_),
      made_(
          input.count() - first, std::min(input.recipe.threads, kMostWorkers),
          [this](std::size_t index) { return make(index); }, 2 * batch_) {}

std::size_t BatchFeed::frames_of(std::size_t batch) const {
  return std::min(batch_, input_.count() - first_ - batch * batch_);
}

// Memory for a batch; the padding is zero already.
BatchFeed::Batch BatchFeed::begin(std::size_t batch) const {
  const auto all = static_cast<std::int64_t>(batch_);
  const auto frames = static_cast<std::int64_t>(frames_of(batch));
  Batch made;
  const at::Device device = input_.recipe.device;
  made.eps = empty_for_copies({all, input_.noise.size()}, at::kFloat, device);
  made.eps.narrow(0, frames, all - frames).zero_();
  if (!pixels_) return made;
  const ImageSize size = input_.recipe.size;
  made.pixels = empty_for_copies({all, 3, size.height, size.width}, *pixels_, device);
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
  if (pixels_) input_.write_pixels(first_ + index, batch.pixels[row]);
  input_.write_noise(first_ + index, batch.eps[row].data_ptr<float>());
  return {};
}

BatchFeed::Batch BatchFeed::next() {
  const auto begun = Clock::now();
  for (std::size_t i = frames_of(taken_); i > 0; --i) made_.next();
  const std::lock_guard lock(mutex_);
  Batch batch = std::move(batches_[taken_++]);
  wait_s_ += seconds_since(begun);
  return batch;
}

}  // namespace vega::extract
