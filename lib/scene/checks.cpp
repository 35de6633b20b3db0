#include "scene/checks.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace vega {
namespace {

using Ids = std::vector<std::int64_t>;

// Poses printed with six decimals, and those of float32 trackers, are off by less than 1e-4.
constexpr double kRigid = 1e-3;
constexpr double kJump = 2;        // metres between neighbours
constexpr double kSecond = 1;      // that are at most so far apart, s,
constexpr std::int64_t kGap = 30;  // or so many frames, where no time is known
constexpr double kFar = 200;       // metres from the origin: no room, rather millimetres

struct Off {
  double rotation = 0, last_row = 0, determinant = 1;
};

Off off_rigid(const Pose& m) {
  Off off;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      double dot = i == j ? -1 : 0;
      for (int k = 0; k < 3; ++k) dot += m[4 * k + i] * m[4 * k + j];
      off.rotation = std::max(off.rotation, std::abs(dot));
    }
    off.last_row = std::max(off.last_row, std::abs(m[12 + i]));
  }
  off.last_row = std::max(off.last_row, std::abs(m[15] - 1));
  off.determinant = m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
                    m[2] * (m[4] * m[9] - m[5] * m[8]);
  return off;
}

double distance(const Pose& a, const Pose& b) {
  return std::hypot(a[3] - b[3], a[7] - b[7], a[11] - b[11]);
}

bool neighbours(const FrameRef& a, const FrameRef& b) {
  const double seconds = b.time_s - a.time_s;
  return std::isfinite(seconds) ? seconds <= kSecond : b.id - a.id <= kGap;
}

void check_motion(const SceneSource& source, Findings& findings) {
  Ids jumps, still;
  double worst = 0;
  for (std::size_t i = 1; i < source.frames.size(); ++i) {
    const FrameRef &before = source.frames[i - 1], &now = source.frames[i];
    if (!before.world_from_cam || !now.world_from_cam) continue;
    if (*before.world_from_cam == *now.world_from_cam) still.push_back(now.id);
    const double step = distance(*before.world_from_cam, *now.world_from_cam);
    if (step <= kJump || !neighbours(before, now)) continue;
    jumps.push_back(now.id);
    worst = std::max(worst, step);
  }
  const std::string where = source.root.string();
  const auto most = static_cast<std::int64_t>(source.frames.size()) - 1;
  if (!jumps.empty()) {
    findings.add(
        Severity::kNote, "poses", where,
        fmt::format("the camera jumps by up to {} m from the frame before",
                    worst < 1e6 ? fmt::format("{:.1f}", worst) : fmt::format("{:.2g}", worst)),
        "a tracking loss, or poses of several runs?", jumps);
  }
  if (still.empty()) return;
  const bool all = static_cast<std::int64_t>(still.size()) == most;
  findings.add(all ? Severity::kWarning : Severity::kNote, "poses", where,
               all ? "every frame has one and the same pose" : "the pose of the frame before again",
               all ? "a camera on a stand, or poses that were never filled in?" : "", still);
}

}  // namespace

void check_poses(const SceneSource& source, Findings& findings) {
  std::map<std::string, Ids> wrong;  // by kind
  std::map<std::string, double> worst;
  Ids far;
  std::int64_t posed = 0;
  for (const FrameRef& frame : source.frames) {
    if (!frame.world_from_cam) continue;
    ++posed;
    const Off off = off_rigid(*frame.world_from_cam);
    const auto note = [&](const char* kind, double by) {
      wrong[kind].push_back(frame.id);
      worst[kind] = std::max(worst[kind], by);
    };
    if (!(off.rotation <= kRigid))
      note("rotation", off.rotation);
    else if (off.determinant < 0)
      note("reflection", 1);
    if (!(off.last_row <= 1e-6)) note("row", off.last_row);
    const auto& m = *frame.world_from_cam;
    if (std::hypot(m[3], m[7], m[11]) > kFar) far.push_back(frame.id);
  }
  const std::string where = source.root.string();
  const auto warn = [&](const char* kind, const std::string& what, const std::string& remedy) {
    if (wrong.contains(kind))
      findings.add(Severity::kWarning, "poses", where, what, remedy, wrong[kind]);
  };
  warn("rotation",
       fmt::format("the rotation is not orthonormal (R'R is off the identity by up to {:.2g})",
                   worst["rotation"]),
       "camera to world, row by row, without scale");
  warn("reflection", "the rotation is a reflection (determinant -1)",
       "one axis is flipped: convert to right-handed coordinates");
  warn("row", "the last row is not 0 0 0 1", "is the matrix transposed?");
  if (!far.empty()) {
    findings.add(Severity::kWarning, "poses", where,
                 fmt::format("the camera is more than {:.0f} m from the origin", kFar),
                 "lengths are metres: are these millimetres?", far);
  }
  if (posed > 1) check_motion(source, findings);
}

void check_times(const SceneSource& source, Findings& findings) {
  std::vector<double> steps;
  Ids backwards;
  std::int64_t unknown = 0;
  for (std::size_t i = 0; i < source.frames.size(); ++i) {
    unknown += std::isfinite(source.frames[i].time_s) ? 0 : 1;
    if (i == 0) continue;
    const double step = source.frames[i].time_s - source.frames[i - 1].time_s;
    if (std::isfinite(step)) steps.push_back(step);
    if (step <= 0) backwards.push_back(source.frames[i].id);
  }
  const std::string where = source.root.string();
  const bool video = source.dialect == "video";
  const char* topic = video ? "video" : "frames";
  const auto total = source.frames.size();
  if (unknown > 0 && (video || !steps.empty())) {
    findings.add(Severity::kNote, topic, where,
                 fmt::format("{} of {} frames have no time", unknown, total),
                 "--select fps:R is not possible");
  }
  if (!backwards.empty()) {
    findings.add(
        Severity::kWarning, topic, where,
        fmt::format("{} of {} frames are not later than the one before", backwards.size(), total),
        "--select fps:R goes by these times", backwards);
  }
  if (!video || steps.size() < 2) return;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  const double usual = *middle;
  const auto [least, most] = std::minmax_element(steps.begin(), steps.end());
  if (*least > 0.9 * usual && *most < 1.1 * usual) return;
  findings.add(Severity::kNote, topic, where,
               fmt::format("variable frame rate: {:.0f} to {:.0f} ms between frames, mostly {:.0f}",
                           1e3 * *least, 1e3 * *most, 1e3 * usual),
               "--select fps:R goes by time, uniform:N by frames");
}

std::string unusable(const Pose& pose) {
  const auto any = [&](auto test) { return std::any_of(pose.begin(), pose.end(), test); };
  if (any([](double v) { return std::isnan(v); })) return "not a number";
  if (any([](double v) { return std::isinf(v); })) return "infinite (lost tracking)";
  // A rotation times a scale s has the determinant s^3. Nobody uses a unit with s below 0.01.
  if (std::abs(off_rigid(pose).determinant) < 1e-6) return "singular (lost tracking)";
  return {};
}

bool LostPoses::count_if_lost(std::int64_t id, const Pose& world_from_cam) {
  const std::string kind = unusable(world_from_cam);
  if (kind.empty()) return false;
  auto at = std::find_if(kinds_.begin(), kinds_.end(), [&](auto& k) { return k.first == kind; });
  if (at == kinds_.end()) at = kinds_.insert(at, {kind, {}});
  at->second.push_back(id);
  return true;
}

std::int64_t LostPoses::count() const {
  std::int64_t sum = 0;
  for (const auto& [kind, ids] : kinds_) sum += std::ssize(ids);
  return sum;
}

void LostPoses::report(const std::string& where, std::size_t total, Findings& findings) const {
  for (const auto& [kind, ids] : kinds_) {
    findings.add(Severity::kWarning, "poses", where,
                 fmt::format("{} of {} frames have a pose that is {}", ids.size(), total, kind),
                 "these frames are left out", ids);
  }
}

void check_depth_shift(const std::string& where, double shift, bool applied, Findings& findings) {
  if (shift == 1000) return;
  findings.add(applied ? Severity::kNote : Severity::kWarning, "depth", where,
               fmt::format("depth shift {:g} instead of 1000", shift),
               applied ? "depth values are made millimetres"
                       : "values are taken as millimetres, as in the release; --depth-shift "
                         "apply of vega-extract scene makes them millimetres");
}

void check_extrinsic(const std::string& where, const std::string& camera, const Pose& matrix,
                     Findings& findings) {
  double off = 0;
  for (std::size_t i = 0; i < 16; ++i)
    off = std::max(off, std::abs(matrix[i] - (i % 5 == 0 ? 1.0 : 0.0)));
  const bool zero = std::all_of(matrix.begin(), matrix.end(), [](double v) { return v == 0; });
  if (zero || off <= 1e-3) return;
  findings.add(Severity::kWarning, "intrinsics", where,
               fmt::format("extrinsics of the {} camera that are not the identity", camera),
               "they are not applied, as in the release: poses count for both cameras");
}

}  // namespace vega
