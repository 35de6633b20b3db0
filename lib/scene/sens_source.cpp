#include "scene/sens_source.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "media/sens.h"
#include "scene/checks.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

class SensStore final : public FrameStore {
 public:
  SensStore(const fs::path& file, const SourceOptions& options)
      : file_(file), jpeg_(options.jpeg), shifted_(options.depth_shift) {}

  const SensFile& file() const { return file_; }

  std::vector<std::byte> color_bytes(std::size_t place) const override {
    std::vector<std::byte> bytes = file_.color_jpeg(place);
    return jpeg_ == JpegMode::kOriginal ? bytes : reencode_jpeg(bytes, where(place));
  }
  ImageU16 depth(std::size_t place) const override {
    const float shift = file_.header().depth_shift;
    if (!shifted_ || shift == 1000) return file_.depth(place);
    return to_millimetres(file_.depth(place), shift, file_.path().string());
  }
  bool has_depth(std::size_t place) const override {
    return file_.frames().at(place).depth_bytes > 0;
  }
  ImageSize depth_size() const override { return file_.header().depth_size; }
  std::string where(std::size_t place) const override {
    return fmt::format("{}, frame {}", file_.path().string(), place);
  }

 private:
  SensFile file_;
  JpegMode jpeg_;
  bool shifted_;
};

// The upper left 3x3; nothing for the all-zero matrix of streams without a calibration.
std::optional<Intrinsics> camera(const std::array<float, 16>& m) {
  if (m[0] == 0) return std::nullopt;
  return Intrinsics{m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]};
}

Pose widened(const std::array<float, 16>& m) {
  Pose out;
  std::copy(m.begin(), m.end(), out.begin());
  return out;
}

void check_header(const SensHeader& header, bool shifted, const std::string& where,
                  Findings& findings) {
  check_depth_shift(where, header.depth_shift, shifted, findings);
  check_extrinsic(where, "colour", widened(header.extrinsic_color), findings);
  check_extrinsic(where, "depth", widened(header.extrinsic_depth), findings);
}

// Frames without pictures.
void check_payloads(const SensFile& file, const std::string& where, Findings& findings) {
  std::vector<std::int64_t> no_picture, no_depth;
  const auto& frames = file.frames();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].color_bytes == 0) no_picture.push_back(static_cast<std::int64_t>(i));
    if (frames[i].depth_bytes == 0) no_depth.push_back(static_cast<std::int64_t>(i));
  }
  const auto warn = [&](const char* topic, const auto& ids, const char* what, const char* remedy) {
    if (ids.empty()) return;
    findings.add(Severity::kWarning, topic, where,
                 fmt::format("{} of {} frames have no {}", ids.size(), frames.size(), what), remedy,
                 ids);
  };
  warn("color", no_picture, "picture", "these frames are left out");
  warn("depth", no_depth, "depth map", "stages that place tokens in space cannot use these frames");
}

}  // namespace

bool is_sens(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  unsigned char version[4] = {};
  in.read(reinterpret_cast<char*>(version), 4);
  // A version number below 256; no picture, video or HDF5 file begins so.
  return in.gcount() == 4 && version[0] > 0 && version[1] == 0 && version[2] == 0 &&
         version[3] == 0;
}

SceneSource open_sens(const fs::path& path, const SourceOptions& options, Findings& findings) {
  const std::string where = path.string();
  SceneSource source;
  source.dialect = "sens";
  source.root = path;
  std::shared_ptr<const SensStore> store;
  const bool whole = findings.attempt("frames", where,
                                      [&] { store = std::make_shared<SensStore>(path, options); });
  if (!whole) return source;
  const SensFile& file = store->file();
  source.container = store;
  source.depth_shift = file.header().depth_shift;
  source.shifted = options.depth_shift;
  source.found = std::ssize(file.frames());
  source.K_color = camera(file.header().intrinsic_color);
  source.K_depth = camera(file.header().intrinsic_depth);
  std::vector<std::int64_t> all(file.frames().size());
  std::iota(all.begin(), all.end(), 0);
  findings.number(std::move(all));
  check_header(file.header(), options.depth_shift, where, findings);
  check_payloads(file, where, findings);
  const bool timed = std::any_of(file.frames().begin(), file.frames().end(),
                                 [](const SensFrame& f) { return f.color_timestamp != 0; });
  bool started = false;  // a time stamp that is not 0 came already
  LostPoses lost;
  for (std::size_t i = 0; i < file.frames().size(); ++i) {
    const SensFrame& frame = file.frames()[i];
    started = started || frame.color_timestamp != 0;
    const auto id = static_cast<std::int64_t>(i);
    if (lost.count_if_lost(id, frame.world_from_cam) || frame.color_bytes == 0) continue;
    FrameRef ref;
    ref.id = id;
    ref.place = i;
    ref.world_from_cam = frame.world_from_cam;
    const bool known = timed && (frame.color_timestamp != 0 || !started);
    ref.time_s = known ? static_cast<double>(frame.color_timestamp) * 1e-6
                       : std::numeric_limits<double>::quiet_NaN();
    source.frames.push_back(ref);
  }
  source.dropped_nonfinite_poses = lost.count();
  lost.report(where, file.frames().size(), findings);
  if (source.frames.empty()) {
    findings.add(Severity::kError, "frames", where,
                 fmt::format("{} frames, none with a finite pose and a picture", source.found));
  }
  return source;
}

}  // namespace vega
