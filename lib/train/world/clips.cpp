#include "train/world/clips.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/philox.h"
#include "train/order.h"

namespace vega::train {
namespace {

// Four words of a step: its kind, or clip `place` of it.
PhiloxCounter words_of(std::uint64_t seed, const char* use, std::int64_t step, std::size_t place) {
  const std::uint64_t name = fnv1a64(use);
  return philox4x32({static_cast<std::uint32_t>(place), static_cast<std::uint32_t>(step),
                     static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(name >> 32)},
                    philox_key(seed));
}

}  // namespace

ClipDrawer::ClipDrawer(std::vector<std::size_t> lengths, ClipOptions options, std::uint64_t seed)
    : lengths_(std::move(lengths)), options_(std::move(options)), seed_(seed) {
  if (lengths_.empty()) throw InputError(explain("clips", "no walk", "at least one"));
  for (std::size_t walk = 0; walk < lengths_.size(); ++walk)
    if (has_room(walk, std::ranges::min(options_.strides))) roomy_.push_back(walk);
}

bool ClipDrawer::has_room(std::size_t walk, std::int64_t stride) const {
  return static_cast<std::size_t>((options_.frames - 1) * stride) < lengths_[walk];
}

std::vector<Clip> ClipDrawer::step(std::int64_t step) const {
  const double kind = philox_unit(words_of(seed_, "world: kind of a step", step, 0)[0]);
  const bool single = kind < options_.single || roomy_.empty();
  const std::size_t frames = single ? 1 : static_cast<std::size_t>(options_.frames);
  const auto count = static_cast<std::size_t>(options_.clips * (single ? options_.frames : 1));
  std::vector<Clip> out;
  for (std::size_t n = 0; n < count; ++n) {
    const PhiloxCounter words = words_of(seed_, "world: clips of a step", step, n);
    Clip clip;
    clip.walk =
        single ? bounded(words[0], lengths_.size()) : roomy_[bounded(words[0], roomy_.size())];
    const std::size_t length = lengths_[clip.walk];
    std::vector<std::int64_t> strides;
    for (const std::int64_t stride : options_.strides)
      if (has_room(clip.walk, stride)) strides.push_back(stride);
    const auto stride =
        single ? 1 : static_cast<std::size_t>(strides[bounded(words[1], strides.size())]);
    const std::size_t span = (frames - 1) * stride;
    const std::size_t begin = bounded(words[2], options_.closed ? length : length - span);
    for (std::size_t i = 0; i < frames; ++i) clip.places.push_back((begin + i * stride) % length);
    if ((words[3] & 1U) != 0) std::ranges::reverse(clip.places);
    clip.mirrored = options_.mirror && (words[3] & 2U) != 0;
    out.push_back(std::move(clip));
  }
  return out;
}

}  // namespace vega::train
