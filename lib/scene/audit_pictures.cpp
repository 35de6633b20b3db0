// Pixels: the selected frames are decoded, of the others size and end are looked at.
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
#include "media/decode.h"
#include "media/exif.h"
#include "scene/audit_detail.h"
#include "scene/frame.h"

namespace vega {
namespace {

using detail::counted;
using detail::Ids;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What was seen of one frame.
struct Seen {
  bool selected = false, decoded = false, cut = false, turned = false;
  std::string color_fault, depth_fault;
  ImageSize color, depth;
  double seconds = 0, bytes = 0;
  std::int64_t valid = 0, pixels = 0;
  double median_mm = 0;  // of the valid depths; 0: none
};

void measure_depth(const ImageU16& depth, Seen& seen) {
  seen.depth = depth.size();
  seen.pixels = std::ssize(depth.v);
  std::vector<std::uint16_t> valid;
  for (const std::uint16_t value : depth.v) {
    if (value != 0) valid.push_back(value);
  }
  seen.valid = std::ssize(valid);
  if (valid.empty()) return;
  const auto middle = valid.begin() + static_cast<std::ptrdiff_t>(valid.size() / 2);
  std::nth_element(valid.begin(), middle, valid.end());
  seen.median_mm = *middle;
}

void look_at_depth(const SceneSource& source, const FrameRef& frame, Seen& seen) {
  if (!has_depth(source, frame)) return;
  try {
    measure_depth(load_depth(source, frame), seen);
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
  look_at_depth(source, frame, seen);
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
    seen.depth = size_of_file(frame.depth, ends);
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

// Most frequent size; {0, 0}: there is none.
template <typename Member>
ImageSize usual(const std::vector<Seen>& seen, Member member) {
  std::map<std::pair<int, int>, int> votes;
  for (const Seen& frame : seen) {
    if ((frame.*member).width > 0) ++votes[{(frame.*member).width, (frame.*member).height}];
  }
  const auto best = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == votes.end() ? ImageSize{} : ImageSize{best->first.first, best->first.second};
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
  t.tell(Severity::kWarning, "color",
         fmt::format("pictures of another size than {}, as most are", to_string(audit.color)),
         "one camera and one orientation a scene", t.ids([&](const Seen& s, const FrameRef&) {
           return s.color.width > 0 && s.color != audit.color;
         }));
}

void tell_turned(const Teller& t) {
  const Ids turned = t.ids([](const Seen& s, const FrameRef&) { return s.turned; });
  const std::string count = counted(std::ssize(turned), "picture");
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

void tell_depth(const Teller& t, const PictureAudit& audit) {
  constexpr const char* kNeed = "features do not need depth; stages that place tokens in space do";
  t.faults(Severity::kWarning, "depth", &Seen::depth_fault, true, kNeed);
  t.faults(Severity::kWarning, "depth", &Seen::depth_fault, false, kNeed);
  t.tell(Severity::kWarning, "depth",
         fmt::format("depth maps of another size than {}, as most are", to_string(audit.depth)), "",
         t.ids([&](const Seen& s, const FrameRef&) {
           return s.depth.width > 0 && s.depth != audit.depth;
         }));
  t.tell(Severity::kWarning, "depth", "all depths are 0 (invalid)", kNeed,
         t.ids([](const Seen& s, const FrameRef&) { return s.pixels > 0 && s.valid == 0; }));
  // Rooms: half of the pixels between 10 cm and 20 m.
  t.tell(Severity::kWarning, "depth", "half of the depths are below 100 or above 20000",
         "depth maps are millimetres: is the unit another one?",
         t.ids([](const Seen& s, const FrameRef&) {
           return s.valid > 0 && (s.median_mm < 100 || s.median_mm > 20000);
         }));
}

PictureAudit summary(const std::vector<Seen>& seen) {
  PictureAudit audit;
  audit.color = usual(seen, &Seen::color);
  audit.depth = usual(seen, &Seen::depth);
  double seconds = 0, bytes = 0;
  std::int64_t valid = 0, pixels = 0;
  for (const Seen& frame : seen) {
    if (!frame.selected) continue;
    audit.decoded += frame.decoded ? 1 : 0;
    seconds += frame.seconds;
    bytes += frame.bytes;
    valid += frame.valid;
    pixels += frame.pixels;
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
    if (!seen[selected[n]].decoded) audit.lost.push_back(n);
  }
  const Teller teller{source, seen, findings};
  tell_color(teller, audit, options.skip_broken);
  tell_turned(teller);
  tell_depth(teller, audit);
  return audit;
}

}  // namespace vega
