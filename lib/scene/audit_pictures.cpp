// The selected frames are decoded, of the others size and end are looked at.
#include "scene/audit_pictures.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "media/decode.h"
#include "media/exif.h"
#include "media/pgm.h"
#include "scene/checks.h"
#include "scene/frame.h"

namespace vega {
namespace {

using Ids = std::vector<std::int64_t>;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What was seen of one frame.
struct Seen {
  bool selected = false, decoded = false, cut = false, turned = false;
  std::string color_fault, depth_fault;
  ImageSize color;
  DepthSeen depth;
  double seconds = 0, bytes = 0;
};

void read_depth(const SceneSource& source, const FrameRef& frame, Seen& seen) {
  if (!has_depth(source, frame)) return;
  try {
    seen.depth = measure_depth(load_depth(source, frame));
  } catch (const InputError& error) {
    seen.depth_fault = error.what();
  }
}

// Decoded frames that are given to the caller.
class Samples {
 public:
  Samples(std::span<const std::size_t> selected, const std::function<void(const ImageU8&)>& give)
      : give_(give) {
    const std::size_t step = std::max<std::size_t>(1, selected.size() / kCount);
    for (std::size_t n = step / 2; give && n < selected.size(); n += step)
      wanted_.insert(selected[n]);
  }
  void take(std::size_t frame, const ImageU8& image) {
    if (!wanted_.contains(frame)) return;
    const std::lock_guard held(mutex_);
    give_(image);
  }

 private:
  static constexpr std::size_t kCount = 4;
  const std::function<void(const ImageU8&)>& give_;
  std::set<std::size_t> wanted_;
  std::mutex mutex_;
};

void decode(const SceneSource& source, std::size_t index, Seen& seen, Samples& samples) {
  const FrameRef& frame = source.frames[index];
  try {
    const auto start = Clock::now();
    const auto bytes = color_bytes(source, frame);
    if (bytes.empty()) throw FormatError(explain(where(source, frame), "an empty file"));
    const ImageU8 image = decode_color(source, frame, bytes);
    seen.seconds = since(start);
    seen.bytes = static_cast<double>(bytes.size());
    seen.color = image.size();
    seen.turned = exif_orientation(bytes) != Orientation::kUpright;
    seen.decoded = true;
    samples.take(index, image);
  } catch (const InputError& error) {
    seen.color_fault = error.what();
  }
  read_depth(source, frame, seen);
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

ImageSize size_of_file(const std::filesystem::path& path, const Ends& ends) {
  try {
    return image_size(ends.head, path.string());
  } catch (const FormatError&) {  // a long preamble: metadata, a preview
    return image_size(read_file(path), path.string());
  }
}

void glance(const SceneSource& source, const FrameRef& frame, Seen& seen) {
  try {
    const Ends ends = read_ends(frame.color);
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
    const Ends ends = read_ends(frame.depth);
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

// A video is decoded front to back; what does not come out is broken.
void decode_in_order(const SceneSource& source, std::span<const std::size_t> selected,
                     std::vector<Seen>& seen, Samples& samples, Progress& progress) {
  std::map<std::size_t, std::size_t> index;
  std::vector<std::size_t> places;
  for (const std::size_t i : selected) index[source.frames[i].place] = i;
  for (const auto& [place, i] : index) places.push_back(place);
  const auto start = Clock::now();
  double taking = 0;  // is not decoding
  std::size_t got = 0;
  std::string fault;
  try {
    source.container->pictures(places, [&](std::size_t place, ImageU8&& image) {
      const std::size_t i = index.at(place);
      seen[i].color = image.size();
      seen[i].decoded = true;
      ++got;
      const auto decoded = Clock::now();
      samples.take(i, image);
      taking += since(decoded);
      progress.add();
    });
  } catch (const InputError& error) {
    fault = error.what();
  }
  const double each = got > 0 ? (since(start) - taking) / static_cast<double>(got) : 0;
  for (const std::size_t i : selected) {
    seen[i].seconds = each;
    if (seen[i].decoded) continue;
    seen[i].seconds = 0;
    seen[i].color_fault = !fault.empty() ? fault : "cannot be decoded";
  }
}

template <typename Size>
std::vector<ImageSize> sizes(const std::vector<Seen>& seen, const Size& size) {
  std::vector<ImageSize> out;
  for (const Seen& frame : seen) out.push_back(size(frame));
  return out;
}

// Faults that are told word for word.
constexpr std::size_t kNamed = 4;

struct Teller {
  const SceneSource& source;
  const std::vector<Seen>& seen;
  Findings& findings;

  template <typename Test>
  Ids ids(const Test& test) const {
    Ids out;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (test(seen[i], source.frames[i])) out.push_back(source.frames[i].id);
    }
    return out;
  }

  void tell(Severity severity, const char* topic, const std::string& what,
            const std::string& remedy, const Ids& frames) const {
    if (!frames.empty()) findings.add(severity, topic, source.root.string(), what, remedy, frames);
  }

  // The first faults word for word, the others counted.
  void faults(Severity severity, const char* topic, std::string Seen::*fault, bool selected,
              const std::string& remedy) const {
    std::map<std::string, Ids> by_text;
    std::vector<std::string> order;
    Ids rest;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const std::string& text = seen[i].*fault;
      if (seen[i].selected != selected || text.empty()) continue;
      if (!by_text.contains(text) && order.size() < kNamed) order.push_back(text);
      if (std::find(order.begin(), order.end(), text) == order.end()) {
        rest.push_back(source.frames[i].id);
      } else {
        by_text[text].push_back(source.frames[i].id);
      }
    }
    const char* which = selected ? "" : " (not selected)";
    for (const std::string& text : order) {
      findings.add(severity, topic, source.root.string(), text + which, remedy, by_text[text]);
    }
    tell(severity, topic, fmt::format("{} more with such faults{}", rest.size(), which), remedy,
         rest);
  }
};

void tell_color(const Teller& t, const PictureAudit& audit, bool skip_broken) {
  const bool none = audit.decoded == 0;
  t.faults(skip_broken && !none ? Severity::kWarning : Severity::kError, "color",
           &Seen::color_fault, true,
           skip_broken ? "left out, as --on-decode-error skip says"
                       : "--on-decode-error skip leaves such frames out");
  t.faults(Severity::kWarning, "color", &Seen::color_fault, false, "");
  t.tell(Severity::kWarning, "color", "no end marker in the last bytes of the file: cut off?",
         "copy it again", t.ids([](const Seen& s, const FrameRef&) { return s.cut; }));
  check_sizes(t.source, sizes(t.seen, [](const Seen& s) { return s.color; }), t.findings);
}

void tell_turned(const Teller& t) {
  const Ids turned = t.ids([](const Seen& s, const FrameRef&) { return s.turned; });
  const std::string count = plural(turned.size(), "picture");
  if (follows_exif(t.source)) {
    t.tell(Severity::kNote, "color", count + " turned upright, as the EXIF data say",
           "--exif ignore takes the pixels as stored", turned);
  } else {
    t.tell(Severity::kWarning, "color", count + " with EXIF data that say to turn, taken as stored",
           t.source.exif ? "poses and intrinsics hold for the pixels as stored"
                         : "as --exif ignore says",
           turned);
  }
}

// A selected frame without a depth map that can be used.
bool lacks_depth(const Seen& seen, ImageSize usual) {
  return !seen.depth_fault.empty() || !(seen.depth.size == usual) || usual.width == 0;
}

void tell_depth(const Teller& t, const PictureAudit& audit, const PictureAuditOptions& options) {
  const char* remedy = !options.need_depth
                           ? "features do not need depth; stages that place tokens in space do"
                       : options.skip_broken ? "left out, as --on-decode-error skip says"
                                             : "--on-decode-error skip leaves such frames out";
  const Severity severity =
      options.need_depth && !options.skip_broken ? Severity::kError : Severity::kWarning;
  t.faults(severity, "depth", &Seen::depth_fault, true, remedy);
  t.faults(Severity::kWarning, "depth", &Seen::depth_fault, false, "");
  const auto other = [&](bool needed) {
    return t.ids([&](const Seen& s, const FrameRef&) {
      return s.depth.size.width > 0 && !(s.depth.size == audit.depth) &&
             (options.need_depth && s.selected) == needed;
    });
  };
  const std::string what =
      fmt::format("depth maps of another size than {}, as most are", to_string(audit.depth));
  t.tell(severity, "depth", what, remedy, other(true));
  t.tell(Severity::kWarning, "depth", what, "", other(false));
  if (options.need_depth) {
    t.tell(severity, "depth", "no depth map", remedy, t.ids([](const Seen& s, const FrameRef&) {
      return s.selected && s.depth_fault.empty() && s.depth.size.width == 0;
    }));
  }
  std::vector<DepthSeen> depths;
  for (const Seen& frame : t.seen) depths.push_back(frame.depth);
  check_depths(t.source, depths, t.findings);
}

PictureAudit summary(const std::vector<Seen>& seen) {
  PictureAudit audit;
  audit.color = usual_size(sizes(seen, [](const Seen& s) { return s.color; }));
  audit.depth = usual_size(sizes(seen, [](const Seen& s) { return s.depth.size; }));
  double seconds = 0, bytes = 0;
  std::int64_t valid = 0, pixels = 0;
  for (const Seen& frame : seen) {
    if (!frame.selected) continue;
    audit.decoded += frame.decoded ? 1 : 0;
    seconds += frame.seconds;
    bytes += frame.bytes;
    valid += frame.depth.valid;
    pixels += frame.depth.pixels;
  }
  const auto count = static_cast<double>(audit.decoded);
  audit.decode_seconds =
      audit.decoded > 0 ? seconds / count : std::numeric_limits<double>::quiet_NaN();
  audit.encoded_bytes = audit.decoded > 0 ? bytes / count : 0;
  if (pixels > 0) audit.valid = static_cast<double>(valid) / static_cast<double>(pixels);
  return audit;
}

}  // namespace

PictureAudit audit_pictures(const SceneSource& source, std::span<const std::size_t> selected,
                            const PictureAuditOptions& options, Findings& findings) {
  std::vector<Seen> seen(source.frames.size());
  for (const std::size_t i : selected) seen[i].selected = true;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < seen.size() && !source.container; ++i) {
    if (!seen[i].selected) others.push_back(i);
  }
  {
    Progress progress(options.label, "frames", std::ssize(selected) + std::ssize(others),
                      options.progress);
    Samples samples(selected, options.sample);
    if (source.container && source.container->ordered()) {
      decode_in_order(source, selected, seen, samples, progress);
    } else {
      parallel_for(selected.size(), options.threads, [&](std::size_t n) {
        decode(source, selected[n], seen[selected[n]], samples);
        progress.add();
      });
    }
    parallel_for(others.size(), options.threads, [&](std::size_t n) {
      glance(source, source.frames[others[n]], seen[others[n]]);
      progress.add();
    });
  }
  PictureAudit audit = summary(seen);
  for (std::size_t n = 0; n < selected.size(); ++n) {
    const Seen& frame = seen[selected[n]];
    if (!frame.decoded || (options.need_depth && lacks_depth(frame, audit.depth)))
      audit.lost.push_back(n);
  }
  const Teller teller{source, seen, findings};
  tell_color(teller, audit, options.skip_broken);
  tell_turned(teller);
  tell_depth(teller, audit, options);
  return audit;
}

}  // namespace vega
