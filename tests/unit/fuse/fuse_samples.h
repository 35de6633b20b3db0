// Small made-up scenes for `vega-fuse tokens`: feature files of both streams, a scene file, a
// checkpoint with values of its own, and the modules to compare with.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/context.h"
#include "base/philox.h"
#include "fuse/options.h"
#include "fuse/tokens.h"
#include "fusion/checkpoint.h"
#include "fusion/fusion.h"
#include "fusion/projector.h"
#include "media/view.h"
#include "store/cache_key.h"
#include "store/features.h"
#include "store/scene_file.h"
#include "store/tokens_file.h"
#include "support/support.h"

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
  std::string key = "room";
  std::uint64_t seed = 1;
  double shift_pose = 0;  // m along x
  at::Tensor values;

  std::size_t frames() const { return ids.size(); }
  Affine affine() const {
    return cell_to_px(view_from_name(view), kFramePixels, size, kFramePixels,
                      static_cast<int>(columns), static_cast<int>(rows));
  }
  std::array<double, 6> cells() const {
    const Affine a = affine();
    return {a.m[0][0], a.m[0][1], a.m[0][2], a.m[1][0], a.m[1][1], a.m[1][2]};
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
  const double a = 0.01 * id;
  return {std::cos(a),
          0,
          std::sin(a),
          0.1 * id + shift,
          0,
          1,
          0,
          0.5,
          -std::sin(a),
          0,
          std::cos(a),
          -0.2,
          0,
          0,
          0,
          1};
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
  header.model_fp = "m" + std::to_string(s.seed);
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

// Depth of 80x60 pixels, a box that holds much, one that holds nothing, one of a few cells; cells
// of 27x27 by a rule. Geometry fp32, no depth 0.
struct MadeScene {
  SceneFile file;
  std::vector<std::array<float, 6>> boxes = {{0.3F, 0.5F, 1.3F, 1.0F, 0.9F, 2.0F},
                                             {50, 50, 50, 1, 1, 1},
                                             {0.5F, 0.4F, 1.5F, 0.7F, 0.6F, 3}};
};

inline MadeScene made_scene(const Stream& s) {
  MadeScene made;
  SceneFile& f = made.file;
  f.header.key = s.key;
  f.header.options_json = canonical_json(
      R"({"view": "mllm", "geometry": "fp32", "zero_depth": "keep", "proposals": "masks"})");
  f.header.input_fp = "s" + s.key;
  f.header.cache_key = cache_key(kSceneSchema, f.header.options_json, "", f.header.input_fp);
  const std::size_t frames = s.frames();
  f.frames.id = s.ids;
  f.frames.time_s.assign(frames, 0);
  for (const auto id : s.ids)
    f.frames.world_from_cam.push_back(made_pose(static_cast<double>(id), s.shift_pose));
  f.frames.K_depth.assign(frames, {70, 0, 39.5, 0, 70, 29.5, 0, 0, 1});
  f.frames.K_color.assign(frames, {84, 0, 47.5, 0, 84, 31.5, 0, 0, 1});
  f.frames.size_color.assign(frames, {kFramePixels.height, kFramePixels.width});
  f.frames.depth_height = 60, f.frames.depth_width = 80;
  for (std::size_t i = 0; i < frames * 60 * 80; ++i)
    f.frames.depth.push_back(static_cast<std::uint16_t>(1000 + 7 * (i % 80) + 3 * (i / 80 % 60)));
  f.axis_align = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  f.patches.view = "mllm";
  for (std::size_t i = 0; i < frames * 196 * 3; ++i)
    f.patches.world14.push_back(static_cast<float>(i % 997) * 0.031F - 14.0F);
  f.patches.world14[8] = f.patches.world14[6] = f.patches.world14[7] = NAN;
  f.patches.valid14.assign(frames * 196, 1);
  f.has_gt = true;
  f.gt.source = "annotation";
  for (std::size_t n = 0; n < made.boxes.size(); ++n) {
    f.gt.id.push_back(static_cast<std::int32_t>(7 * n));
    f.gt.label.push_back("chair");
    f.gt.nyu40.push_back(5);
    f.gt.score.push_back(NAN);
    f.gt.box.push_back(made.boxes[n]);
    for (std::size_t v = 0; v < frames; ++v) {
      for (std::size_t c = 0; c < 729; ++c)  // 97 and 98 both occur; the second object has none
        f.gt.cells.push_back(n == 1 ? std::uint8_t{97}
                                    : static_cast<std::uint8_t>((c * 13 + v * 5 + n) % 120));
    }
  }
  f.has_proposals = true;
  f.proposals.source = "masks";
  return made;
}

// Modules whose every value is its own: no scale is 1, no bias 0.
struct Weights {
  ProjectorConfig semantic{"mlp2x_gelu", kSemanticChannels, kWidth},
      generative{"mlp2x_gelu", kGenerativeChannels, kWidth};
  FusionConfig fusion;
  InitialModules values;

  explicit Weights(const std::string& method = "token_gated", const std::string& form = "",
                   std::int64_t width = kWidth) {
    set_method(fusion, method);
    if (!form.empty()) set_form(fusion, form);
    fusion.width = semantic.out = generative.out = width;
    values = initial_modules(semantic, generative, fusion, 11);
    int index = 0;
    for (Parameters* all : {&values.semantic, &values.generative, &values.fusion}) {
      for (auto& [name, value] : *all) {
        at::Tensor move = at::empty(value.sizes(), at::kFloat);
        uniform_tensor(5, name + std::to_string(index++), 0, 0.2, 0,
                       {move.data_ptr<float>(), static_cast<std::size_t>(move.numel())});
        value = value + move;
      }
    }
    Parameters names;
    const auto add = [&](std::string_view prefix, const Parameters& all) {
      for (const auto& [name, value] : all) names.emplace_back(std::string(prefix) + name, value);
    };
    add(kSemanticPrefix, values.semantic);
    add(kGenerativePrefix, values.generative);
    add(kFusionPrefix, values.fusion);
    values.fingerprint = fingerprint_of(names);
  }
  void write(const fs::path& folder) const {
    fs::create_directories(folder);
    write_fusion_checkpoint(folder, semantic, generative, fusion, values);
  }
};

struct Manifest {
  std::vector<std::pair<std::string, std::string>> lines;
  Context context() {
    Context c;
    c.manifest = [this](const std::string& key, const std::string& path) {
      lines.emplace_back(key, path);
    };
    return c;
  }
};

// A folder with one scene, and options that fuse it.
struct Room {
  TempFolder folder;
  Stream generative, semantic = semantic_stream();
  fuse::TokensOptions options;

  fs::path features() const { return folder / "f" / (generative.key + ".h5"); }
  fs::path semantics() const { return folder / "s" / (generative.key + ".h5"); }
  fs::path scenes() const { return folder / "scenes" / (generative.key + ".h5"); }
  fs::path output() const { return folder / "out" / "t" / (generative.key + ".h5"); }

  void write() {
    write_features(features(), generative);
    write_features(semantics(), semantic);
    options.inputs = {features().string()};
    options.semantic = (folder / "s").string();
    options.out = (folder / "out").string();
    options.tag = "t";
    options.width = kWidth;
    options.store_dtype = "fp32";
    options.threads = 1;
  }
  void write_scene() {
    fs::create_directories(scenes().parent_path());
    write_scene_file(scenes(), made_scene(generative).file);
    options.scenes = (folder / "scenes").string();
  }
  void use(const Weights& weights) {
    weights.write(folder / "ckpt");
    options.checkpoint = (folder / "ckpt").string();
  }
  RunResult run() {
    Manifest manifest;
    return fuse::run_tokens(options, manifest.context());
  }
  // The run's error as E, and that it left nothing; "" where it throws nothing of that kind.
  template <typename E>
  std::string refusal() {
    try {
      run();
    } catch (const E& error) {
      return any_output() ? "something was written" : error.what();
    } catch (const std::exception& error) {
      return std::string("another error: ") + error.what();
    }
    return "";
  }
  bool any_output() const {
    if (!fs::exists(folder / "out")) return false;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "out"))
      if (!entry.is_directory()) return true;
    return false;
  }
};

inline at::Tensor tensor_from(const std::vector<float>& values, std::vector<std::int64_t> shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
}

inline at::Tensor part_of(const TokensReader& file, TokenPart part) {
  const auto frames = static_cast<std::int64_t>(file.frame_count());
  return tensor_from(file.read(part, 0, file.frame_count()), {frames, 196, file.info().width});
}

inline at::Tensor gate_of(const TokensReader& file) {
  return tensor_from(file.gate(), {static_cast<std::int64_t>(file.frame_count()), 196});
}

// The largest difference, in units of the largest value of b.
inline double apart(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return INFINITY;
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return (x - y).abs().max().item<double>() / y.abs().max().item<double>();
}

}  // namespace vega::test
