// Feature files of made-up scenes: both streams, any grid, view and recipe.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/philox.h"
#include "media/view.h"
#include "store/cache_key.h"
#include "store/features.h"

namespace vega::test {

namespace fs = std::filesystem;

inline constexpr ImageSize kFramePixels{96, 64};  // colour frames: width, height
inline constexpr std::int64_t kSemanticChannels = 12, kGenerativeChannels = 20, kWidth = 32;

// One feature file. `values` is filled by write: (V, gh, gw, C).
struct Stream {
  std::string tap = "b20_t300", view = "mllm", options = R"({"shift": 5.0, "size": "832x480"})";
  ImageSize size{832, 480};
  std::int64_t rows = 14, columns = 14, channels = kGenerativeChannels;
  std::int64_t block = 20;
  double timestep = 300;
  std::vector<std::int64_t> ids = {3, 10, 25};
  std::string key = "room", model_fp = {};  // empty: "m" and the seed
  std::uint64_t seed = 1;
  double shift_pose = 0;  // m along x
  at::Tensor values;

  std::size_t frames() const { return ids.size(); }
  Affine cells() const {
    return cell_to_px(view_from_name(view), kFramePixels, size, kFramePixels,
                      static_cast<int>(columns), static_cast<int>(rows));
  }
};

inline Stream semantic_stream() {
  Stream s;
  s.tap = "siglip_l26";
  s.options = R"({"backbone": "siglip"})";
  s.size = {384, 384};
  s.rows = s.columns = 27;
  s.channels = kSemanticChannels;
  s.block = -1;
  s.timestep = -1;
  s.seed = 2;
  return s;
}

inline std::array<double, 16> made_pose(double id, double shift = 0) {
  const double a = 0.01 * id, c = std::cos(a), s = std::sin(a);
  return {c, 0, s, 0.1 * id + shift, 0, 1, 0, 0.5, -s, 0, c, -0.2, 0, 0, 0, 1};
}

inline FrameTable frame_table(const Stream& s) {
  FrameTable frames;
  frames.id = s.ids;
  for (const auto id : s.ids) {
    frames.world_from_cam.push_back(made_pose(static_cast<double>(id), s.shift_pose));
    frames.size_color.push_back({kFramePixels.height, kFramePixels.width});
    frames.thumb_jpeg.push_back({std::byte{1}, std::byte{2}, std::byte(id)});
  }
  return frames;
}

// Values exact in float32, stored as float32; NaN and infinity may be put in by hand before.
inline void fill(Stream& s) {
  const auto frames = static_cast<std::int64_t>(s.frames());
  s.values = at::empty({frames, s.rows, s.columns, s.channels}, at::kFloat);
  for (std::int64_t v = 0; v < frames; ++v) {
    const auto count = static_cast<std::size_t>(s.values[v].numel());
    noise_v1(s.seed, s.key, s.ids[static_cast<std::size_t>(v)],
             {s.values[v].data_ptr<float>(), count});
  }
}

inline void write_features(const fs::path& path, Stream& s) {
  if (!s.values.defined()) fill(s);
  fs::create_directories(path.parent_path());
  TapInfo tap;
  tap.name = s.tap;
  tap.block = s.block;
  tap.timestep_asked = s.timestep;
  tap.view = s.view;
  tap.width = s.size.width;
  tap.height = s.size.height;
  tap.pool = s.rows == 14 ? "14x14" : "native";
  tap.compute_dtype = "f32";
  tap.store_dtype = DType::kF32;
  tap.grid_h = s.rows;
  tap.grid_w = s.columns;
  tap.channels = s.channels;
  tap.cell_to_px.assign(s.frames(), s.cells());
  FeatureHeader header;
  header.key = s.key;
  header.options_json = canonical_json(s.options);
  header.default_tap = s.tap;
  header.model_fp = s.model_fp.empty() ? "m" + std::to_string(s.seed) : s.model_fp;
  header.input_fp = "i" + s.key;
  header.cache_key =
      cache_key(kFeaturesSchema, header.options_json, header.model_fp, header.input_fp);
  tap.cache_key = tap_key(header.cache_key, s.block, s.timestep);
  FeatureWriter writer(path, header, frame_table(s), {tap});
  for (std::size_t v = 0; v < s.frames(); ++v) {
    const at::Tensor frame = s.values[static_cast<std::int64_t>(v)].contiguous();
    writer.put_f32(0, v, {frame.const_data_ptr<float>(), static_cast<std::size_t>(frame.numel())});
  }
  writer.finish();
}

}  // namespace vega::test
