// Poses, intrinsics and axis alignment: numbers that cannot be those of a camera.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "scene/audit_detail.h"

namespace vega {
namespace detail {
namespace {

namespace fs = std::filesystem;

// Six printed decimals and float32 trackers stay below 1e-4.
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

void audit_motion(const SceneSource& source, Findings& findings) {
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
    findings.add(Severity::kNote, "poses", where,
                 fmt::format("the camera jumps by up to {:.1f} m from the frame before", worst),
                 "a tracking loss, or poses of several runs?", jumps);
  }
  if (still.empty()) return;
  const bool all = static_cast<std::int64_t>(still.size()) == most;
  findings.add(all ? Severity::kWarning : Severity::kNote, "poses", where,
               all ? "every frame has one and the same pose" : "the pose of the frame before again",
               all ? "a camera on a stand, or poses that were never filled in?" : "", still);
}

}  // namespace

std::string not_rigid(const Pose& pose) {
  const Off off = off_rigid(pose);
  if (!(off.rotation <= kRigid))
    return fmt::format("R'R is off the identity by {:.2g}", off.rotation);
  if (off.determinant < 0) return "a reflection (determinant -1)";
  if (!(off.last_row <= 1e-6)) return "its last row is not 0 0 0 1";
  return {};
}

void audit_poses(const SceneSource& source, Findings& findings) {
  std::map<std::string, Ids> wrong;  // by kind
  std::map<std::string, double> worst;
  Ids far;
  std::int64_t posed = 0;
  for (const FrameRef& frame : source.frames) {
    if (!frame.world_from_cam) continue;
    ++posed;
    const Off off = off_rigid(*frame.world_from_cam);
    const auto put = [&](const char* kind, double by) {
      wrong[kind].push_back(frame.id);
      worst[kind] = std::max(worst[kind], by);
    };
    if (!(off.rotation <= kRigid))
      put("rotation", off.rotation);
    else if (off.determinant < 0)
      put("reflection", 1);
    if (!(off.last_row <= 1e-6)) put("row", off.last_row);
    const auto& m = *frame.world_from_cam;
    if (std::hypot(m[3], m[7], m[11]) > kFar) far.push_back(frame.id);
  }
  const std::string where = source.root.string();
  const auto tell = [&](const char* kind, const std::string& what, const std::string& remedy) {
    if (wrong.contains(kind))
      findings.add(Severity::kWarning, "poses", where, what, remedy, wrong[kind]);
  };
  tell("rotation",
       fmt::format("the rotation is not orthonormal (R'R is off the identity by up to {:.2g})",
                   worst["rotation"]),
       "camera to world, row by row, without scale");
  tell("reflection", "the rotation is a reflection (determinant -1)",
       "one axis is flipped: convert to right-handed coordinates");
  tell("row", "the last row is not 0 0 0 1", "is the matrix transposed?");
  if (!far.empty()) {
    findings.add(Severity::kWarning, "poses", where,
                 fmt::format("the camera is more than {:.0f} m from the origin", kFar),
                 "lengths are metres: are these millimetres?", far);
  }
  if (posed > 1) audit_motion(source, findings);
}

void audit_scan_text(const fs::path& path, std::int64_t frames, Findings& findings) {
  std::ifstream file(path);
  if (!file) {
    findings.add(Severity::kNote, "alignment", path.string(),
                 "not there: axis alignment is unknown",
                 "features do not need it; object boxes of ScanNet do");
    return;
  }
  std::optional<std::vector<double>> alignment;
  for (std::string line; std::getline(file, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    std::string name;
    std::istringstream(line.substr(0, equals)) >> name;
    std::istringstream rest(line.substr(equals + 1));
    std::vector<double> values;
    for (double value = 0; rest >> value;) values.push_back(value);
    if (name == "axisAlignment") alignment = values;
    if (name == "numColorFrames" && frames > 0 && values.size() == 1 &&
        values[0] != static_cast<double>(frames)) {
      findings.add(Severity::kWarning, "frames", path.string(),
                   fmt::format("numColorFrames is {:.0f}, the scan has {}", values[0], frames),
                   "is the .sens of this scan whole?");
    }
  }
  Pose matrix{};
  std::string fault;
  if (!alignment) {
    fault = "no line axisAlignment";
  } else if (alignment->size() != 16) {
    fault = fmt::format("axisAlignment has {} numbers instead of 16", alignment->size());
  } else {
    std::copy(alignment->begin(), alignment->end(), matrix.begin());
    if (auto why = not_rigid(matrix); !why.empty()) fault = "axisAlignment is not rigid: " + why;
  }
  if (fault.empty()) return;
  findings.add(alignment ? Severity::kWarning : Severity::kNote, "alignment", path.string(), fault,
               "features do not need it; object boxes of ScanNet do");
}

}  // namespace detail

namespace {

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

}  // namespace

void audit_cameras(const SceneSource& source, ImageSize color, ImageSize depth,
                   Findings& findings) {
  const std::string where = source.root.string();
  const bool scan =
      source.dialect == "scannet" || source.dialect == "7scenes" || source.dialect == "sens";
  if (!scan) {
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

}  // namespace vega
