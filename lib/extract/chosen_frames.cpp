#include "extract/chosen_frames.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/parallel.h"
#include "media/exif.h"
#include "media/jpeg.h"
#include "media/resize.h"
#include "scene/frame.h"
#include "store/cache_key.h"

namespace vega::extract {

std::vector<std::byte> thumbnail(const ImageU8& picture) {
  const ImageSize small = fit_longest(picture.size(), 320);
  return encode_jpeg(resize_area_u8(picture, small.width, small.height), 85);
}

ChosenFrames::ChosenFrames(const SceneSource& source, const std::vector<std::size_t>& rows)
    : source_(source) {
  std::map<std::size_t, std::size_t> place;
  for (const std::size_t index : rows) {
    if (place.emplace(index, frames_.size()).second) frames_.emplace_back().index = index;
  }
  number_rows(rows);
}

void ChosenFrames::number_rows(const std::vector<std::size_t>& rows) {
  std::map<std::size_t, std::size_t> place;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    place[frames_[i].index] = i;
    frames_[i].rows.clear();
  }
  place_of_row_.clear();
  for (const std::size_t index : rows) {
    frames_[place.at(index)].rows.push_back(place_of_row_.size());
    place_of_row_.push_back(place.at(index));
  }
}

std::vector<std::size_t> ChosenFrames::indices() const {
  std::vector<std::size_t> out;
  for (const Frame& frame : frames_) out.push_back(frame.index);
  return out;
}

void ChosenFrames::read(int threads) {
  std::atomic<std::size_t> held{0};
  parallel_for(frames_.size(), threads, [&](std::size_t i) {
    Frame& frame = frames_[i];
    try {
      std::vector<std::byte> bytes = color_bytes(source_, source_.frames[frame.index]);
      frame.turned = exif_orientation(bytes) != Orientation::kUpright;
      if ((held += bytes.size()) <= kEncodedBudget) frame.encoded = std::move(bytes);
    } catch (const InputError&) {  // whoever needs the picture says so
    }
  });
}

bool ChosenFrames::any_turned() const {
  return std::any_of(frames_.begin(), frames_.end(), [](const Frame& f) { return f.turned; });
}

std::vector<std::byte> ChosenFrames::encoded(const Frame& frame) const {
  if (!frame.encoded.empty()) return frame.encoded;
  return color_bytes(source_, source_.frames[frame.index]);
}

void ChosenFrames::decode(int threads, bool with_thumbs, std::vector<FrameSeen>& seen,
                          Progress* progress) {
  std::atomic<std::size_t> held{0};
  const auto keep = [&](std::size_t place, ImageU8&& pixels) {
    Frame& frame = frames_[place];
    frame.size = pixels.size();
    if (with_thumbs) frame.thumb = thumbnail(pixels);
    if ((held += pixels.rgb.size()) <= kPixelBudget) frame.pixels = std::move(pixels);
    if (progress != nullptr) progress->add();
  };
  decode_pictures(source_, indices(), threads, seen, keep,
                  [&](std::size_t place) { return encoded(frames_[place]); });
}

void ChosenFrames::drop(const std::vector<std::size_t>& lost) {
  const auto is_lost = [&](std::size_t index) {
    return std::binary_search(lost.begin(), lost.end(), index);
  };
  std::vector<std::size_t> rows;
  for (const std::size_t place : place_of_row_) rows.push_back(frames_[place].index);
  std::erase_if(rows, is_lost);
  std::erase_if(frames_, [&](const Frame& frame) { return is_lost(frame.index); });
  number_rows(rows);
}

void ChosenFrames::release() {
  for (Frame& frame : frames_) {
    frame.encoded = {};
    frame.pixels = {};
  }
}

ImageU8 ChosenFrames::picture(std::size_t place) const {
  const Frame& frame = frames_[place];
  if (!frame.pixels.rgb.empty()) return frame.pixels;
  return decode_color(source_, source_.frames[frame.index], encoded(frame));
}

std::string ChosenFrames::fingerprint() const {
  InputFingerprint print;
  if (const auto& k = source_.K_color)
    print.add_text("K_color", {reinterpret_cast<const char*>(k->data()), sizeof *k});
  for (const std::size_t place : place_of_row_) {
    const FrameRef& frame = source_.frames[frames_[place].index];
    print.add_frame(frame.id, encoded(frames_[place]),
                    frame.world_from_cam ? &*frame.world_from_cam : nullptr);
  }
  return print.hex();
}

FrameTable ChosenFrames::table(bool with_thumbs) const {
  FrameTable table;
  Pose no_pose{};
  Intrinsics no_camera{};
  no_pose.fill(std::numeric_limits<double>::quiet_NaN());
  no_camera.fill(std::numeric_limits<double>::quiet_NaN());
  for (const std::size_t place : place_of_row_) {
    const Frame& used = frames_[place];
    const FrameRef& frame = source_.frames[used.index];
    table.id.push_back(frame.id);
    table.time_s.push_back(frame.time_s);
    table.world_from_cam.push_back(frame.world_from_cam.value_or(no_pose));
    table.K_color.push_back(source_.K_color.value_or(no_camera));
    table.size_color.push_back({used.size.height, used.size.width});
    if (with_thumbs) table.thumb_jpeg.push_back(used.thumb);
  }
  return table;
}

}  // namespace vega::extract
