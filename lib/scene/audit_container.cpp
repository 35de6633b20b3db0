// `.sens` streams and videos: what their headers and indexes say.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "media/sens.h"
#include "media/video/video.h"
#include "scene/audit_detail.h"
#include "scene/sens_source.h"
#include "scene/video_source.h"

namespace vega::detail {
namespace {

namespace fs = std::filesystem;

// Frames that a broken stream states, and those that are whole.
struct SensCount {
  std::uint64_t stated = 0, whole = 0;
};

SensCount count_frames(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code code;
  const std::uint64_t size = fs::file_size(path, code);
  const auto number = [&](std::uint64_t at) {
    std::uint64_t value = 0;
    file.seekg(static_cast<std::streamoff>(at));
    return file.read(reinterpret_cast<char*>(&value), sizeof value) ? value : 0;
  };
  SensCount count;
  const std::uint64_t name = number(4);
  if (name > kSensMaxName) return count;
  // Matrices, compressions, sizes and depth shift, then the count (media/sens.h).
  const std::uint64_t at_count = 12 + name + 4 * 64 + 2 * 4 + 4 * 4 + 4;
  count.stated = number(at_count);
  std::uint64_t at = at_count + 8;
  while (count.whole < count.stated && file && at + kSensFrameHeader <= size) {
    const std::uint64_t color = number(at + 80), depth = number(at + 88);
    if (color > kSensMaxColorBytes || depth > kSensMaxDepthBytes) break;
    at += kSensFrameHeader + color + depth;
    if (at > size) break;
    ++count.whole;
  }
  return count;
}

void tell_frames(const SensFile& file, bool shifted, Findings& findings) {
  Ids nan, infinite, no_picture, no_depth;
  std::int64_t index = 0;
  for (const SensFrame& frame : file.frames()) {
    const auto any = [&](auto test) {
      return std::any_of(frame.world_from_cam.begin(), frame.world_from_cam.end(), test);
    };
    if (any([](double v) { return std::isnan(v); })) {
      nan.push_back(index);
    } else if (any([](double v) { return std::isinf(v); })) {
      infinite.push_back(index);
    }
    if (frame.color_bytes == 0) no_picture.push_back(index);
    if (frame.depth_bytes == 0) no_depth.push_back(index);
    ++index;
  }
  const std::string where = file.path().string();
  const auto tell = [&](Severity severity, const char* topic, const Ids& ids, const char* what,
                        const char* remedy) {
    if (ids.empty()) return;
    findings.add(severity, topic, where, fmt::format("{} of {} frames {}", ids.size(), index, what),
                 remedy, ids);
  };
  constexpr const char* kLeftOut = "these frames are left out, as in the release";
  tell(Severity::kWarning, "poses", nan, "have a pose that is not a number", kLeftOut);
  tell(Severity::kWarning, "poses", infinite, "have a pose that is infinite (lost tracking)",
       kLeftOut);
  tell(Severity::kWarning, "color", no_picture, "have no picture", "these frames are left out");
  tell(Severity::kWarning, "depth", no_depth, "have no depth map",
       "stages that place tokens in space cannot use these frames");
  const float shift = file.header().depth_shift;
  if (shift != 1000) {
    findings.add(shifted ? Severity::kNote : Severity::kWarning, "depth", where,
                 fmt::format("depth shift {:g} instead of 1000", shift),
                 shifted ? "depth values are made millimetres"
                         : "values are taken as millimetres, as in the release");
  }
}

// Intervals between frames that differ by more than a tenth of the usual one.
void tell_times(const SceneSource& source, Findings& findings) {
  std::vector<double> steps;
  std::int64_t unknown = 0, backwards = 0;
  for (std::size_t i = 0; i < source.frames.size(); ++i) {
    unknown += std::isfinite(source.frames[i].time_s) ? 0 : 1;
    if (i == 0) continue;
    const double step = source.frames[i].time_s - source.frames[i - 1].time_s;
    if (std::isfinite(step)) steps.push_back(step);
    backwards += step <= 0 ? 1 : 0;
  }
  const std::string where = source.root.string();
  const auto total = source.frames.size();
  if (unknown > 0) {
    findings.add(Severity::kNote, "video", where,
                 fmt::format("{} of {} frames have no time", unknown, total),
                 "--select fps:R is not possible");
  }
  if (backwards > 0) {
    findings.add(
        Severity::kWarning, "video", where,
        fmt::format("{} of {} frames are not later than the one before", backwards, total));
  }
  if (steps.size() < 2) return;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  const double usual = *middle;
  const auto [least, most] = std::minmax_element(steps.begin(), steps.end());
  if (*least > 0.9 * usual && *most < 1.1 * usual) return;
  findings.add(Severity::kNote, "video", where,
               fmt::format("variable frame rate: {:.0f} to {:.0f} ms between frames, mostly {:.0f}",
                           1e3 * *least, 1e3 * *most, 1e3 * usual),
               "--select fps:R goes by time, uniform:N by frames");
}

void tell_picture(const VideoInfo& info, const std::string& where, Findings& findings) {
  if (info.orientation != Orientation::kUpright) {
    findings.add(Severity::kNote, "video", where,
                 fmt::format("stored {}, {} when shown: applied", to_string(info.coded),
                             name_of(info.orientation)));
  }
  if (info.bit_depth > 8) {
    findings.add(Severity::kNote, "video", where,
                 fmt::format("{} bits ({}) are rounded to 8", info.bit_depth, info.pixel_format));
  }
  if (!info.note.empty()) findings.add(Severity::kNote, "video", where, info.note);
}

}  // namespace

SourceAudit audit_sens(const fs::path& path, const SourceOptions& options, Findings& findings) {
  SourceAudit audit;
  audit.dialect = "sens";
  try {
    const SensFile file(path);
    audit.found = std::ssize(file.frames());
    Ids all(file.frames().size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    findings.number(std::move(all));
    tell_frames(file, options.depth_shift, findings);
    audit.source = open_sens(path, options);
  } catch (const FormatError& error) {
    const SensCount count = count_frames(path);
    audit.found = static_cast<std::int64_t>(count.whole);
    std::string what = error.what();
    if (count.stated > 0)
      what +=
          fmt::format(" (the header states {} frames, {} are whole)", count.stated, count.whole);
    findings.add(Severity::kError, "frames", path.string(), what);
  }
  fs::path text = path;
  text.replace_extension(".txt");
  audit_scan_text(text, audit.found, findings);
  return audit;
}

SourceAudit audit_video(const fs::path& path, const SourceOptions& options, Findings& findings) {
  SourceAudit audit;
  const Video video(path, {options.stream, OnDecodeError::kSkip});
  audit.dialect = "video";
  tell_picture(video.info(), path.string(), findings);
  audit.source = open_video(path, {options.stream, OnDecodeError::kSkip});
  audit.found = std::ssize(audit.source->frames);
  Ids all;
  for (const FrameRef& frame : audit.source->frames) all.push_back(frame.id);
  findings.number(std::move(all));
  tell_times(*audit.source, findings);
  return audit;
}

}  // namespace vega::detail
