// 3D position information of tokens, objects and coordinate words, in every form of the release.
// Source: VEGA-3D, llava_arch.py, position_encoding.py (`world_position_embedding_type`).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "geometry/patches.h"
#include "geometry/sine3d.h"
#include "nn/parameters.h"

namespace vega::vlm {

inline constexpr auto kPositionPrefix = "model.world_position_embedding.";

enum class Embedding {
  kNone,
  kSine,  // sin3d: sines of the coordinates, no parameters
  kMlp    // 3 -> 512 -> LayerNorm -> ReLU -> H
};

struct PositionConfig {
  PointStrategy points = PointStrategy::kAvg;
  bool discrete = false;  // voxel indices instead of metres
  Embedding embedding = Embedding::kSine;
  bool rope = false;           // mrope: voxels are the three components of the rotary embedding
  bool on_generative = false;  // gen: un-fused generative tokens get the embedding too
  VoxelGrid voxels;            // voxel_size, min_xyz_range, max_xyz_range
  std::int64_t inner = 512;    // of kMlp

  std::int64_t point_count() const { return vega::point_count(points); }
};

// Words joined by '-' in any order, such as "avg-discrete-sin3d". Throws InputError that says why:
// an unknown word; no or two ways to stand for a patch; neither embedding nor mrope, or two
// embeddings; mrope or gen without discrete, of which the release has an undefined variable; mlp or
// mrope of several points.
PositionConfig parse_position(std::string_view type, const std::string& where);

// Names below kPositionPrefix; none but for kMlp.
std::vector<ParameterSpec> position_specs(const PositionConfig& config, std::int64_t width);

// (n, 3) float32 on the CPU.
at::Tensor points_tensor(std::span<const std::array<float, 3>> points);

// Coordinates to what is added to tokens.
class PositionEmbedding {
 public:
  // `values` as position_specs lists them. The placement's type is that of kMlp; sines are rounded
  // as `geometry` says. Throws InputError.
  PositionEmbedding(const PositionConfig& config, std::int64_t width, GeometryType geometry,
                    const Parameters& values, const Placement& placement);
  // Over tensors as they are, of the placement's type: gradients flow into what they are made of.
  static PositionEmbedding over(const PositionConfig& config, std::int64_t width,
                                GeometryType geometry, Parameters values,
                                const Placement& placement);

  const PositionConfig& config() const { return config_; }

  // xyz (n, points, 3) float32 on the CPU, m. Returns (n, H) float32 on the placement's device;
  // sines of bf16 geometry are bfloat16 numbers. Rows with a coordinate that is not known (NaN)
  // are 0. Adding them in float32 and rounding once is what bfloat16 does.
  at::Tensor embed(const at::Tensor& xyz) const;

  // Centres (n, 3), each repeated for every point of a token.
  at::Tensor embed_centres(const at::Tensor& xyz) const;

  // Voxel indices of coordinates (..., 3) float32 on the CPU: the same shape, whole numbers as
  // float32; NaN stays.
  at::Tensor voxels(const at::Tensor& xyz) const;

 private:
  PositionConfig config_;
  std::int64_t width_;
  GeometryType geometry_;
  Placement placement_;
  std::shared_ptr<const Sine3d> sine_;
  Parameters values_;
};

}  // namespace vega::vlm
