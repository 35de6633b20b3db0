#include "scene/sens_source.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "media/sens.h"

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

bool finite(const Pose& pose) {
  return std::all_of(pose.begin(), pose.end(), [](double v) { return std::isfinite(v); });
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

SceneSource open_sens(const fs::path& path, const SourceOptions& options) {
  const auto store = std::make_shared<SensStore>(path, options);
  const SensFile& file = store->file();
  SceneSource source;
  source.dialect = "sens";
  source.root = path;
  source.container = store;
  source.depth_shift = file.header().depth_shift;
  source.K_color = camera(file.header().intrinsic_color);
  source.K_depth = camera(file.header().intrinsic_depth);
  for (std::size_t i = 0; i < file.frames().size(); ++i) {
    const SensFrame& frame = file.frames()[i];
    if (!finite(frame.world_from_cam)) {
      ++source.dropped_nonfinite_poses;
      continue;
    }
    if (frame.color_bytes == 0) continue;
    FrameRef ref;
    ref.id = static_cast<std::int64_t>(i);
    ref.place = i;
    ref.world_from_cam = frame.world_from_cam;
    ref.time_s = frame.color_timestamp == 0 ? std::numeric_limits<double>::quiet_NaN()
                                            : static_cast<double>(frame.color_timestamp) * 1e-6;
    source.frames.push_back(ref);
  }
  if (source.frames.empty()) {
    throw InputError(explain(
        path.string(),
        fmt::format("{} frames, none with a finite pose and a picture", file.frames().size()),
        "at least one"));
  }
  return source;
}

}  // namespace vega
