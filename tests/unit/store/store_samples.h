// Small made-up files for the tests of store: exact values, no randomness.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "store/cache_key.h"
#include "store/features.h"

namespace vega::test {

inline constexpr std::size_t kFrames = 3;
inline constexpr const char* kOptions =
    R"({"timestep": 300, "block": 20, "noise": {"kind": "v1"}})";

inline FeatureHeader sample_header(const std::string& options = kOptions,
                                   const std::string& model = "m1",
                                   const std::string& input = "i1") {
  FeatureHeader header;
  header.key = "scene0011_00";
  header.options_json = canonical_json(options);
  header.cache_key = cache_key(kFeaturesSchema, options, model, input);
  header.default_tap = "b20_t300";
  header.seed = 7;
  header.provenance = {{"version", "0.1.0"}, {"batch", "4"}};
  header.model_fp = model;
  header.input_fp = input;
  return header;
}

inline FrameTable sample_frames(bool thumbs = true) {
  FrameTable frames;
  frames.id = {0, 10, 25};
  frames.time_s = {0.0, 0.5, 1.25};
  frames.world_from_cam.resize(kFrames);
  frames.K_color.resize(kFrames);
  for (std::size_t f = 0; f < kFrames; ++f) {
    for (std::size_t i = 0; i < 16; ++i) frames.world_from_cam[f][i] = 100.0 * f + i;
    for (std::size_t i = 0; i < 9; ++i) frames.K_color[f][i] = 10.0 * f + i;
  }
  frames.size_color = {{480, 640}, {480, 640}, {240, 320}};
  if (thumbs) {
    frames.thumb_jpeg = {
        {std::byte{1}, std::byte{2}}, {}, {std::byte{3}, std::byte{4}, std::byte{5}}};
  }
  return frames;
}

inline TapInfo sample_tap(const std::string& name, DType dtype, std::int64_t channels = 5) {
  TapInfo tap;
  tap.name = name;
  tap.block = 20;
  tap.timestep_asked = 300;
  tap.timestep_used = 299;
  tap.sigma = 0.29992384;
  tap.cache_key = tap_key(sample_header().cache_key, 20, 300) + name;
  tap.noise_xxh3 = "00ff";
  tap.view = "mllm";
  tap.width = 832;
  tap.height = 480;
  tap.pool = "14x14";
  tap.compute_dtype = "f32";
  tap.store_dtype = dtype;
  tap.grid_h = 2;
  tap.grid_w = 4;
  tap.channels = channels;
  for (std::size_t f = 0; f < kFrames; ++f) {
    tap.cell_to_px.push_back({45.0, 0, 22.0 + static_cast<double>(f), 0, 34.0, 16.5});
  }
  return tap;
}

// Values of a frame: halves, exact in bf16, f16 and f32.
inline std::vector<float> sample_tokens(const TapInfo& tap, std::size_t frame) {
  std::vector<float> values(static_cast<std::size_t>(element_count(tap.frame_shape())));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 0.5F * static_cast<float>((i + 7 * frame) % 50) - 12.0F;
  }
  return values;
}

inline void put_all(FeatureWriter& writer, const std::vector<TapInfo>& taps) {
  for (std::size_t t = 0; t < taps.size(); ++t) {
    for (std::size_t f = 0; f < kFrames; ++f) writer.put_f32(t, f, sample_tokens(taps[t], f));
  }
}

inline void write_sample(const std::filesystem::path& path,
                         const std::vector<TapInfo>& taps = {sample_tap("b20_t300", DType::kBF16)},
                         const FeatureHeader& header = sample_header()) {
  FeatureWriter writer(path, header, sample_frames(), taps);
  put_all(writer, taps);
  writer.finish({{"end", "2026-01-01T00:00:00Z"}});
}

inline std::size_t entries(const std::filesystem::path& folder) {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++n;
  return n;
}

// The message of what `action` throws as E; "" where it throws nothing.
template <typename E, typename Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

}  // namespace vega::test
