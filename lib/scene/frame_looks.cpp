// Reads the frames of a scene so that no fault ends the walk.
#include <algorithm>
#include <fstream>
#include <map>

#include "base/clock.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "media/decode.h"
#include "media/exif.h"
#include "media/pgm.h"
#include "scene/frame.h"
#include "scene/frame_checks.h"

namespace vega {
namespace {

using Keep = std::function<void(std::size_t, ImageU8&&)>;

// A video is decoded once, front to back; what does not come out is broken.
void decode_in_order(const SceneSource& source, std::span<const std::size_t> used,
                     std::vector<FrameSeen>& seen, const Keep& keep) {
  std::map<std::size_t, std::size_t> index;  // place in the container to place in `used`
  std::vector<std::size_t> places;
  for (std::size_t n = 0; n < used.size(); ++n) index[source.frames[used[n]].place] = n;
  for (const auto& [place, n] : index) places.push_back(place);
  std::string fault;
  auto begun = Clock::now();
  try {
    source.container->pictures(places, [&](std::size_t place, ImageU8&& picture) {
      check_stop();
      FrameSeen& frame = seen[used[index.at(place)]];
      frame.color = picture.size();
      frame.seconds = seconds_since(begun);
      if (keep) keep(index.at(place), std::move(picture));
      begun = Clock::now();
    });
  } catch (const InputError& error) {
    fault = error.what();
  }
  for (const auto& [place, n] : index) {
    FrameSeen& frame = seen[used[n]];
    if (frame.color.width > 0) continue;
    frame.color_fault = fault.empty() ? "cannot be decoded" : fault;
    fault.clear();  // the first one that did not come out ended the decoding
  }
}

// First and last bytes of a file.
struct Ends {
  std::vector<std::byte> head, tail;
};
constexpr std::streamoff kHead = 4096, kTail = 256;

Ends read_ends(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0) throw InputError(explain(path.string(), "a file that cannot be read"));
  if (size == 0) throw FormatError(explain(path.string(), "an empty file"));
  const auto read = [&](std::streamoff from, std::streamoff count) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(count));
    file.seekg(from);
    file.read(reinterpret_cast<char*>(bytes.data()), count);
    return bytes;
  };
  return {read(0, std::min(size, kHead)),
          read(std::max<std::streamoff>(0, size - kTail), std::min(size, kTail))};
}

// Whether the marker that ends a JPEG (ff d9) or PNG (IEND) is missing near the end of the file.
bool is_cut(const Ends& ends) {
  const bool png = ends.head[0] == std::byte{0x89};
  const std::vector<std::byte> marker =
      png ? std::vector{std::byte{'I'}, std::byte{'E'}, std::byte{'N'}, std::byte{'D'}}
          : std::vector{std::byte{0xff}, std::byte{0xd9}};
  return std::search(ends.tail.begin(), ends.tail.end(), marker.begin(), marker.end()) ==
         ends.tail.end();
}

// Where metadata or a preview are longer than the head, the whole file becomes the head.
ImageSize size_of_file(const std::filesystem::path& path, Ends& ends) {
  try {
    return image_size(ends.head, path.string());
  } catch (const FormatError&) {
    ends.head = read_file(path);
    return image_size(ends.head, path.string());
  }
}

void glance_at(const SceneSource& source, const FrameRef& frame, FrameSeen& seen) {
  try {
    Ends ends = read_ends(frame.color);
    seen.color = size_of_file(frame.color, ends);
    const Orientation orientation = exif_orientation(ends.head);
    seen.turned = orientation != Orientation::kUpright;
    if (swaps_sides(orientation) && follows_exif(source))
      std::swap(seen.color.width, seen.color.height);
    seen.cut = is_cut(ends);
  } catch (const InputError& error) {
    seen.color_fault = error.what();
  }
  if (frame.depth.empty()) return;
  try {
    Ends ends = read_ends(frame.depth);
    if (is_pgm(ends.head)) {
      seen.depth.size = pgm_size(ends.head, frame.depth.string());
      return;
    }
    seen.depth.size = size_of_file(frame.depth, ends);
    // Bits a sample and colour type of a PNG's first chunk.
    const bool grey16 = ends.head.size() > 25 && ends.head[0] == std::byte{0x89} &&
                        ends.head[24] == std::byte{16} && ends.head[25] == std::byte{0};
    if (!grey16) seen.depth_fault = frame.depth.string() + ": expected a 16-bit grey PNG";
    if (is_cut(ends)) seen.depth_fault = frame.depth.string() + ": cut off";
  } catch (const InputError& error) {
    seen.depth_fault = error.what();
  }
}

}  // namespace

DepthSeen measure_depth(const ImageU16& depth) {
  DepthSeen seen{depth.size(), 0, std::ssize(depth.v), 0};
  std::vector<std::uint16_t> valid;
  for (const std::uint16_t value : depth.v) {
    if (value != 0) valid.push_back(value);
  }
  seen.valid = std::ssize(valid);
  if (valid.empty()) return seen;
  const auto middle = valid.begin() + static_cast<std::ptrdiff_t>(valid.size() / 2);
  std::nth_element(valid.begin(), middle, valid.end());
  seen.median_mm = *middle;
  return seen;
}

std::vector<FrameSeen> unseen_frames(const SceneSource& source, std::span<const std::size_t> used) {
  std::vector<FrameSeen> seen(source.frames.size());
  for (const std::size_t i : used) seen[i].used = true;
  return seen;
}

void decode_pictures(const SceneSource& source, std::span<const std::size_t> used, int threads,
                     std::vector<FrameSeen>& seen, const Keep& keep,
                     const std::function<std::vector<std::byte>(std::size_t)>& bytes_of) {
  if (source.container && source.container->ordered())
    return decode_in_order(source, used, seen, keep);
  parallel_for(used.size(), threads, [&](std::size_t n) {
    const FrameRef& frame = source.frames[used[n]];
    FrameSeen& now = seen[used[n]];
    try {
      const auto begun = Clock::now();
      const auto bytes = bytes_of ? bytes_of(n) : color_bytes(source, frame);
      if (bytes.empty()) throw FormatError(explain(where(source, frame), "an empty file"));
      ImageU8 picture = decode_color(source, frame, bytes);
      now.seconds = seconds_since(begun);
      now.bytes = static_cast<double>(bytes.size());
      now.turned = exif_orientation(bytes) != Orientation::kUpright;
      now.color = picture.size();
      if (keep) keep(n, std::move(picture));
    } catch (const InputError& error) {
      now.color_fault = error.what();
    }
  });
}

void measure_depths(const SceneSource& source, std::span<const std::size_t> used, int threads,
                    std::vector<FrameSeen>& seen) {
  parallel_for(used.size(), threads, [&](std::size_t n) {
    const FrameRef& frame = source.frames[used[n]];
    if (!has_depth(source, frame)) return;
    try {
      seen[used[n]].depth = measure_depth(load_depth(source, frame));
    } catch (const InputError& error) {
      seen[used[n]].depth_fault = error.what();
    }
  });
}

void glance_at_others(const SceneSource& source, int threads, std::vector<FrameSeen>& seen) {
  if (source.container) return;
  parallel_for(seen.size(), threads, [&](std::size_t i) {
    if (!seen[i].used) glance_at(source, source.frames[i], seen[i]);
  });
}

}  // namespace vega
