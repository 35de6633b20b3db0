// The checks turn what a run or a dry run saw of its frames into findings.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/text.h"
#include "scene/frame.h"
#include "scene/frame_checks.h"

namespace vega {
namespace {

using Ids = std::vector<std::int64_t>;

constexpr std::size_t kNamedFaults = 4;  // that are said word for word; the others are counted
constexpr const char* kLeftOut = "left out, as --on-decode-error skip says";
constexpr const char* kSkip = "--on-decode-error skip leaves such frames out";
constexpr const char* kSkipOption = "--on-decode-error skip";

std::string camera_fault(const Intrinsics& k, ImageSize size) {
  const double fx = k[0], fy = k[4], cx = k[2], cy = k[5];
  if (!std::all_of(k.begin(), k.end(), [](double v) { return std::isfinite(v); }))
    return "not all numbers are finite";
  if (fx <= 0 || fy <= 0) return fmt::format("focal lengths {:g}, {:g} are not positive", fx, fy);
  if (k[6] != 0 || k[7] != 0 || std::abs(k[8] - 1) > 1e-6) return "the last row is not 0 0 1";
  if (size.width == 0) return {};
  const double w = size.width, h = size.height;
  if (cx < 0 || cy < 0 || cx > w || cy > h)
    return fmt::format("principal point {:g}, {:g} lies outside the {} picture", cx, cy,
                       to_string(size));
  // A quarter of a side off the centre, or a field of view outside 15 to 150 degrees: the matrix
  // was made for pictures of another size.
  const double half = 0.5 * w / fx;
  if (std::abs(cx - w / 2) > w / 4 || std::abs(cy - h / 2) > h / 4 || half < 0.1317 || half > 3.73)
    return fmt::format("focal length {:g} and principal point {:g}, {:g} do not fit {} pictures",
                       fx, cx, cy, to_string(size));
  if (fx > 1.2 * fy || fy > 1.2 * fx)
    return fmt::format("focal lengths {:g}, {:g} differ by more than a fifth", fx, fy);
  return {};
}

// Intrinsics that are missing, or that do not fit pictures of these sizes; {0, 0}: unknown.
void check_cameras(const SceneSource& source, ImageSize color, ImageSize depth,
                   Findings& findings) {
  const std::string where = source.root.string();
  if (source.dialect == "images" || source.dialect == "video") {
    findings.add(Severity::kNote, "poses", where,
                 "no poses and no intrinsics: tokens cannot be placed in space");
    return;
  }
  const bool broken = std::any_of(
      findings.list().begin(), findings.list().end(),
      [](const Finding& f) { return f.topic == "intrinsics" && f.severity == Severity::kError; });
  const auto check = [&](const char* name, const std::optional<Intrinsics>& k, ImageSize size) {
    const std::string remedy = "give the intrinsics of the pictures as they are stored, in pixels";
    if (!k && broken) return;
    if (!k) {
      findings.add(Severity::kWarning, "intrinsics", where,
                   fmt::format("{} intrinsics are missing", name),
                   "features can be computed; stages that place tokens in space cannot use them");
    } else if (const auto fault = camera_fault(*k, size); !fault.empty()) {
      findings.add(Severity::kWarning, "intrinsics", where, fmt::format("{}: {}", name, fault),
                   remedy);
    }
  };
  check("colour", source.K_color, color);
  if (depth.width > 0) check("depth", source.K_depth, depth);
}

template <typename Size>
ImageSize most_frequent(std::span<const FrameSeen> seen, const Size& size) {
  std::vector<ImageSize> sizes;
  for (const FrameSeen& frame : seen) sizes.push_back(size(frame));
  return usual_size(sizes);
}

ImageSize seen_color(const FrameSeen& frame) { return frame.color; }
ImageSize seen_depth(const FrameSeen& frame) { return frame.depth.size; }

// One pass over the frames of a source.
class FrameCheck {
 public:
  FrameCheck(const SceneSource& source, std::span<const FrameSeen> seen, FrameRule rule,
             Findings& findings)
      : source_(source),
        seen_(seen),
        rule_(rule),
        findings_(findings),
        color_(most_frequent(seen, seen_color)),
        depth_(most_frequent(seen, seen_depth)) {}

  void check_all() {
    check_color();
    check_turned();
    check_depth();
    check_cameras(source_, color_, depth_, findings_);
  }

  std::vector<std::size_t> lost() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const FrameSeen& s = seen_[i];
      const bool no_depth = !s.depth_fault.empty() || s.depth.size != depth_ || depth_.width == 0;
      if (s.used && (!s.color_fault.empty() || (rule_.need_depth && no_depth))) out.push_back(i);
    }
    return out;
  }

 private:
  template <typename Test>
  Ids ids(const Test& test) const {
    Ids out;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      if (test(seen_[i])) out.push_back(source_.frames[i].id);
    }
    return out;
  }

  void add(Severity severity, const char* topic, const std::string& what, const std::string& remedy,
           const Ids& frames) {
    if (!frames.empty())
      findings_.add(severity, topic, source_.root.string(), what, remedy, frames);
  }

  // The first faults word for word, the others counted.
  void add_faults(Severity severity, const char* topic, std::string FrameSeen::*fault, bool used,
                  const std::string& remedy) {
    std::vector<std::pair<std::string, Ids>> named;
    Ids rest;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const std::string& text = seen_[i].*fault;
      if (seen_[i].used != used || text.empty()) continue;
      auto at = std::find_if(named.begin(), named.end(), [&](auto& n) { return n.first == text; });
      if (at == named.end() && named.size() < kNamedFaults) at = named.insert(at, {text, {}});
      (at == named.end() ? rest : at->second).push_back(source_.frames[i].id);
    }
    const char* which = used ? "" : " (not selected)";
    for (const auto& [text, frames] : named) {
      const bool says_so = severity == Severity::kError && text.find(kSkipOption) != text.npos;
      add(severity, topic, text + which, says_so ? "" : remedy, frames);
    }
    add(severity, topic, fmt::format("{} more with such faults{}", rest.size(), which), remedy,
        rest);
  }

  void check_color() {
    add_faults(rule_.skip_broken ? Severity::kWarning : Severity::kError, "color",
               &FrameSeen::color_fault, true, rule_.skip_broken ? kLeftOut : kSkip);
    add_faults(Severity::kWarning, "color", &FrameSeen::color_fault, false, "");
    add(Severity::kWarning, "color", "no end marker in the last bytes of the file: cut off?",
        "copy it again", ids([](const FrameSeen& s) { return s.cut; }));
    add(Severity::kWarning, "color",
        fmt::format("pictures of another size than {}, as most are", to_string(color_)),
        "one camera and one orientation a scene",
        ids([&](const FrameSeen& s) { return s.color.width > 0 && s.color != color_; }));
  }

  void check_turned() {
    const Ids turned = ids([](const FrameSeen& s) { return s.turned; });
    const std::string count = plural(turned.size(), "picture");
    if (follows_exif(source_)) {
      add(Severity::kNote, "color", count + " turned upright, as the EXIF data say",
          "--exif ignore takes the pixels as stored", turned);
    } else {
      add(Severity::kWarning, "color", count + " with EXIF data that say to turn, taken as stored",
          source_.exif ? "poses and intrinsics hold for the pixels as stored"
                       : "as --exif ignore says",
          turned);
    }
  }

  void check_depth() {
    const bool needed = rule_.need_depth;
    const char* remedy = !needed
                             ? "features do not need depth; stages that place tokens in space do"
                         : rule_.skip_broken ? kLeftOut
                                             : kSkip;
    const Severity severity = needed && !rule_.skip_broken ? Severity::kError : Severity::kWarning;
    add_faults(severity, "depth", &FrameSeen::depth_fault, true, remedy);
    add_faults(Severity::kWarning, "depth", &FrameSeen::depth_fault, false, "");
    for (const bool strict : {true, false}) {
      const auto differs = [&](const FrameSeen& s) {
        return s.depth.size.width > 0 && s.depth.size != depth_ && (needed && s.used) == strict;
      };
      const auto first = std::find_if(seen_.begin(), seen_.end(), differs);
      if (first == seen_.end()) continue;
      const FrameRef& frame = source_.frames[static_cast<std::size_t>(first - seen_.begin())];
      add(strict ? severity : Severity::kWarning, "depth",
          fmt::format("depth maps of another size than {}, as most are (the first: {}, {})",
                      to_string(depth_), where_depth(source_, frame), to_string(first->depth.size)),
          strict ? remedy : "", ids(differs));
    }
    add(severity, "depth", "no depth map", remedy, ids([&](const FrameSeen& s) {
          return needed && s.used && s.depth_fault.empty() && s.depth.size.width == 0;
        }));
    add(Severity::kWarning, "depth", "all depths are 0 (invalid)",
        "these frames place no token in space",
        ids([](const FrameSeen& s) { return s.depth.pixels > 0 && s.depth.valid == 0; }));
    // Rooms: half of the pixels between 10 cm and 20 m.
    add(Severity::kWarning, "depth", "half of the depths are below 100 or above 20000",
        "depth maps are millimetres: is the unit another one?", ids([](const FrameSeen& s) {
          return s.depth.valid > 0 && (s.depth.median_mm < 100 || s.depth.median_mm > 20000);
        }));
  }

  const SceneSource& source_;
  std::span<const FrameSeen> seen_;
  const FrameRule rule_;
  Findings& findings_;
  const ImageSize color_, depth_;  // of most frames
};

}  // namespace

std::vector<std::size_t> check_frames(const SceneSource& source, std::span<const FrameSeen> seen,
                                      FrameRule rule, Findings& findings) {
  FrameCheck check(source, seen, rule, findings);
  check.check_all();
  std::vector<std::size_t> lost = check.lost();
  const auto used = std::count_if(seen.begin(), seen.end(), [](auto& s) { return s.used; });
  if (rule.skip_broken && used > 0 && std::ssize(lost) == used)
    findings.add(Severity::kError, "frames", source.root.string(),
                 fmt::format("none of the {} selected frames can be read", used));
  return lost;
}

FramesSummary summarize_frames(std::span<const FrameSeen> seen) {
  FramesSummary out;
  out.color = most_frequent(seen, seen_color);
  out.depth = most_frequent(seen, seen_depth);
  double seconds = 0, bytes = 0;
  std::int64_t valid = 0, pixels = 0;
  for (const FrameSeen& frame : seen) {
    if (!frame.used) continue;
    out.decoded += frame.color_fault.empty() && frame.color.width > 0 ? 1 : 0;
    seconds += frame.seconds;
    bytes += frame.bytes;
    valid += frame.depth.valid;
    pixels += frame.depth.pixels;
  }
  const auto count = static_cast<double>(out.decoded);
  out.decode_seconds = count > 0 ? seconds / count : std::numeric_limits<double>::quiet_NaN();
  out.encoded_bytes = count > 0 ? bytes / count : 0;
  if (pixels > 0) out.valid = static_cast<double>(valid) / static_cast<double>(pixels);
  return out;
}

ImageSize usual_size(std::span<const ImageSize> sizes) {
  std::map<std::pair<int, int>, int> votes;
  for (const ImageSize size : sizes) {
    if (size.width > 0) ++votes[{size.width, size.height}];
  }
  const auto best = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == votes.end() ? ImageSize{} : ImageSize{best->first.first, best->first.second};
}

}  // namespace vega
