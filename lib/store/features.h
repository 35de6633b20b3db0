// features/TAG/KEY.h5, schema vega.features/1: pooled backbone features of one scene, several taps
// a file. Layout: docs/formats.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "geometry/affine.h"
#include "geometry/pose.h"
#include "store/attrs.h"
#include "store/columns.h"

namespace vega {

inline constexpr const char* kFeaturesSchema = "vega.features/1";

using FeatureHeader = FileHeader;

// The V frames of a file. Vectors have V entries each; empty ones are filled with "unknown" (NaN,
// size 0 0), except `id`, which gives V.
struct FrameTable {
  std::vector<std::int64_t> id;                         // the source's own 0-based numbers; they
                                                        // repeat as selected (a short scene)
  std::vector<double> time_s;                           // s, NaN unknown
  std::vector<Pose> world_from_cam;                     // as in the source
  std::vector<Intrinsics> K_color;                      // pixels of the colour frame
  std::vector<std::array<std::int32_t, 2>> size_color;  // height, width
  std::vector<std::vector<std::byte>> thumb_jpeg;       // longest side 320; empty: no thumbnails

  template <typename Table, typename Visit>
  static void columns(Table& t, Visit visit) {
    visit("id", DType::kI64, Shape{}, t.id);
    visit("time_s", DType::kF64, Shape{}, t.time_s);
    visit("world_from_cam", DType::kF64, Shape{4, 4}, t.world_from_cam);
    visit("K_color", DType::kF64, Shape{3, 3}, t.K_color);
    visit("size_color", DType::kI32, Shape{2}, t.size_color);
  }
};

// One tap: tokens (V, grid_h, grid_w, channels) of `store_dtype`, and where it was taken.
struct TapInfo {
  std::string name;            // b20_t300, siglip_l26, rgb: [A-Za-z0-9._-]+
  std::string cache_key;       // tap_key() of store/cache_key.h
  std::int64_t block = -1;     // zero-based; -1: does not apply
  double timestep_asked = -1;  // -1: does not apply
  std::int64_t timestep_used = -1;
  double sigma = -1;
  std::string noise_xxh3;              // of the noise that was used; empty: none
  std::string view;                    // mllm, native, stretch, center_crop
  std::int64_t width = 0, height = 0;  // pixels of the picture the backbone saw
  std::string pool;                    // 14x14, native, ...
  std::string compute_dtype;           // f32, bf16
  DType store_dtype = DType::kBF16;    // bf16, f16 or f32
  std::int64_t grid_h = 0, grid_w = 0, channels = 0;
  std::vector<Affine> cell_to_px;  // V: cells to pixels of the original colour frame

  Shape frame_shape() const { return {grid_h, grid_w, channels}; }
  std::size_t frame_bytes() const;

  // How the tap was made, but for its name, keys, types and sizes.
  template <typename Tap, typename Visit>
  static void attributes(Tap& t, Visit visit) {
    visit("block", t.block);
    visit("timestep_asked", t.timestep_asked);
    visit("timestep_used", t.timestep_used);
    visit("sigma", t.sigma);
    visit("noise_xxh3", t.noise_xxh3);
    visit("view", t.view);
    visit("pool", t.pool);
    visit("compute_dtype", t.compute_dtype);
  }
};

// Taps of a file that another process publishes under the final name while one is written.
enum class OtherTaps {
  kReplace,  // they go with the file: --overwrite
  kKeep,     // with the same cache_key, those that the new file lacks are taken over
};

// Writes one file through a PartStore. Unless `finish` returned, nothing is left behind and an
// older file stays as it was. Errors: InputError (caller), OutputError (disk), FormatError (the
// file that taps are added to).
class FeatureWriter {
 public:
  FeatureWriter(std::filesystem::path final_path, FeatureHeader header, FrameTable frames,
                std::vector<TapInfo> taps, OtherTaps others = OtherTaps::kReplace);

  // Adds taps to a complete file: frames and taps that are there are copied bytewise and stay
  // bit-equal, its /provenance moves to /provenance/earlier. `put` counts the new taps from 0.
  // Taps that others add meanwhile are kept.
  FeatureWriter(std::filesystem::path existing, std::map<std::string, std::string> provenance,
                std::vector<TapInfo> new_taps);
  ~FeatureWriter();
  FeatureWriter(const FeatureWriter&) = delete;
  FeatureWriter& operator=(const FeatureWriter&) = delete;

  // One frame of one tap: grid_h * grid_w * channels elements of the store dtype. Any order, from
  // any thread; each once.
  void put(std::size_t tap, std::size_t frame, std::span<const std::byte> tokens);
  // Rounds to the store dtype (nearest, ties to even).
  void put_f32(std::size_t tap, std::size_t frame, std::span<const float> tokens);

  // Throws InputError naming the first frame that was not put.
  void finish(const std::map<std::string, std::string>& provenance = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads one complete file; safe from several threads. Throws FormatError: not HDF5, other schema,
// incomplete, shapes that disagree, a chunk whose checksum fails.
class FeatureReader {
 public:
  explicit FeatureReader(const std::filesystem::path& path);
  ~FeatureReader();
  FeatureReader(FeatureReader&&) noexcept;

  const std::filesystem::path& path() const;
  const FeatureHeader& header() const;
  const std::vector<TapInfo>& taps() const;              // by name
  std::size_t tap_index(const std::string& name) const;  // empty: default_tap; else InputError
  std::size_t frame_count() const;
  FrameTable frames() const;                           // without thumbnails
  std::vector<std::vector<std::byte>> thumbs() const;  // empty where the file has none
  // Frames [first, first + count) of a tap: (count, gh, gw, C).
  std::vector<std::byte> read_tokens(std::size_t tap, std::size_t first, std::size_t count) const;
  std::vector<float> read_f32(std::size_t tap, std::size_t first, std::size_t count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vega
