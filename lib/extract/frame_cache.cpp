#include "extract/frame_cache.h"

#include <algorithm>
#include <atomic>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "media/exif.h"
#include "media/jpeg.h"
#include "media/resize.h"
#include "scene/frame.h"

namespace vega::extract {

std::vector<std::byte> thumbnail(const ImageU8& picture) {
  const ImageSize small = fit_longest(picture.size(), 320);
  return encode_jpeg(resize_area_u8(picture, small.width, small.height), 85);
}

FrameCache::FrameCache(const SceneSource& source, std::vector<std::size_t> frames)
    : source_(source), frames_(std::move(frames)), entries_(frames_.size()) {}

void FrameCache::read(int threads) {
  std::atomic<std::size_t> held{0};
  parallel_for(frames_.size(), threads, [&](std::size_t i) {
    std::vector<std::byte> bytes = color_bytes(source_, source_.frames[frames_[i]]);
    entries_[i].turned = exif_orientation(bytes) != Orientation::kUpright;
    if ((held += bytes.size()) <= kEncodedBudget) entries_[i].encoded = std::move(bytes);
  });
}

std::int64_t FrameCache::turned() const {
  return std::count_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.turned; });
}

std::vector<std::byte> FrameCache::encoded(std::size_t place) const {
  const Entry& entry = entries_[place];
  if (!entry.encoded.empty()) return entry.encoded;
  return color_bytes(source_, source_.frames[frames_[place]]);
}

std::vector<std::size_t> FrameCache::decode(int threads, bool with_thumbs, bool skip) {
  std::atomic<std::size_t> held{0};
  const auto keep = [&](std::size_t i, ImageU8&& pixels) {
    Entry& entry = entries_[i];
    entry.size = pixels.size();
    if (with_thumbs) entry.thumb = thumbnail(pixels);
    if ((held += pixels.rgb.size()) <= kPixelBudget) entry.pixels = std::move(pixels);
  };
  if (source_.container && source_.container->ordered()) {
    decode_in_order(keep);  // the video itself knows whether to skip
  } else {
    parallel_for(frames_.size(), threads, [&](std::size_t i) {
      try {
        keep(i, decode_color(source_, source_.frames[frames_[i]], encoded(i)));
      } catch (const FormatError& error) {
        if (!skip) throw;
        log_warn("{}; left out", error.what());
      }
    });
  }
  std::vector<std::size_t> lost;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].size.width == 0) lost.push_back(i);
  }
  return lost;
}

void FrameCache::drop(const std::vector<std::size_t>& places) {
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(*place));
    frames_.erase(frames_.begin() + static_cast<std::ptrdiff_t>(*place));
  }
}

void FrameCache::release() {
  for (Entry& entry : entries_) {
    entry.encoded = {};
    entry.pixels = {};
  }
}

// A video is decoded once, front to back.
void FrameCache::decode_in_order(const std::function<void(std::size_t, ImageU8&&)>& keep) {
  std::map<std::size_t, std::size_t> index;  // place in the container to ours
  for (std::size_t i = 0; i < frames_.size(); ++i) index[source_.frames[frames_[i]].place] = i;
  std::vector<std::size_t> places;
  for (const auto& [place, i] : index) places.push_back(place);
  source_.container->pictures(places, [&](std::size_t place, ImageU8&& pixels) {
    check_stop();
    keep(index.at(place), std::move(pixels));
  });
}

ImageU8 FrameCache::image(std::size_t place) const {
  const Entry& entry = entries_[place];
  if (!entry.pixels.rgb.empty()) return entry.pixels;
  return decode_color(source_, source_.frames[frames_[place]], encoded(place));
}

}  // namespace vega::extract
