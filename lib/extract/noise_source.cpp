#include "extract/noise_source.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/philox.h"

namespace vega::extract {

NoiseSource::NoiseSource(const Recipe& r, std::string scene, std::int64_t size)
    : recipe_(r), scene_(std::move(scene)), size_(size) {
  if (r.noise.kind != NoiseKind::kStored || size == 0) return;
  const auto& stored = *r.stored_noise;
  const Shape got{stored.channels, stored.height, stored.width};
  const Shape expected{16, r.size.height / 8, r.size.width / 8};
  if (got == expected) return;
  throw InputError(explain("--noise " + r.noise.text, to_string(got),
                           to_string(expected) + " for --size " + to_string(r.size),
                           "store noise for this size"));
}

void NoiseSource::draw(std::int64_t frame_id, std::span<float> out) const {
  if (recipe_.noise.kind == NoiseKind::kV1)
    noise_v1(static_cast<std::uint64_t>(recipe_.seed), scene_, frame_id, out);
  if (recipe_.noise.kind == NoiseKind::kZero) std::fill(out.begin(), out.end(), 0.0F);
  if (recipe_.noise.kind == NoiseKind::kStored)
    std::copy_n(recipe_.stored_noise->frame(frame_id), out.size(), out.begin());
}

void NoiseSource::fill(std::int64_t frame_id, std::span<float> out) const {
  const auto kept = kept_.find(frame_id);
  if (kept == kept_.end()) return draw(frame_id, out);
  std::copy(kept->second.begin(), kept->second.end(), out.begin());
}

std::string NoiseSource::checksum(const ChosenFrames& frames) {
  if (size_ == 0) return "";
  const auto values = static_cast<std::size_t>(size_);
  const std::size_t room = static_cast<std::size_t>(kKept) / (values * sizeof(float));
  std::vector<std::vector<float>*> keep(frames.count());  // where each frame's noise stays
  kept_.clear();
  if (recipe_.noise.kind == NoiseKind::kV1) {
    for (std::size_t i = 0; i < std::min(room, keep.size()); ++i) keep[i] = &kept_[frames.id(i)];
  }
  std::vector<std::string> each(frames.count());
  parallel_for(frames.count(), recipe_.threads, [&](std::size_t i) {
    std::vector<float> eps(values);
    draw(frames.id(i), eps);
    each[i] = xxh3_hex(std::as_bytes(std::span(eps)));
    if (keep[i]) *keep[i] = std::move(eps);
  });
  Hasher all;
  for (const std::size_t place : frames.place_of_row()) all.field(each[place]);
  return all.hex();
}

}  // namespace vega::extract
