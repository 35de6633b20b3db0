// Wan2.1 diffusion transformer up to a tapped block, for one-frame clips and a constant prompt.
//
// Exact shortcuts: cross-attention with constant keys and values collapses to one gate a head and
// prompt row (b); nothing after the last tapped block runs (c); the timestep's modulation is folded
// into the weights (d); a pooled tap averages before the last matrix (e1); RoPE of one frame
// touches height and width only (e2); q, k, v in one GEMM (e3). Source: Wan-Video/Wan2.1
// modules/model.py.  Oracle: tests/ref/wan_ref.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "geometry/grid.h"
#include "kernels/fp8_rows.h"
#include "models/wan/config.h"
#include "models/wan/vae.h"

namespace vega::wan {

// Which blocks to hand out (zero-based, ascending) and how: averaged to `pool`, or every token.
struct TapRequest {
  std::vector<std::int64_t> blocks;
  std::optional<Grid> pool;
};

class Dit {
 public:
  struct Options {
    at::Device device{at::kCPU};
    at::ScalarType dtype = at::kFloat;  // float or bfloat16
    // Keeps the weights that a timestep is folded into on the device, once and as read, so that
    // folding another one reads no file: for sweeps on a GPU.
    bool keep_weights = false;
    // The two products of the feed-forward in 8-bit floats (kernels/fp8_rows.h). dtype: bfloat16.
    bool fp8_feed_forward = false;
  };

  // prompt (n, text_dim) float32, 1 <= n <= text_len; the remaining rows are zeros as in the
  // release. The views must outlive this object: weights are folded for each timestep on demand.
  Dit(const WeightViews& weights, const DitConfig& config, at::Tensor prompt,
      const Options& options);

  // Folds blocks 0..last_block for timestep t, as far as they are not; forward() uses them until
  // the next call. Seconds for 1.3B.
  void prepare(std::int64_t t, std::int64_t last_block);
  // The timestep of the last prepare(); -1: none yet.
  std::int64_t prepared() const { return prepared_; }

  // latents (N, 16, h, w) float32, noised, on the device; h and w multiples of config.patch.
  // One tensor a tapped block: (N, gh, gw, dim) float32 with gh x gw = pool or h/patch x w/patch.
  std::vector<at::Tensor> forward(const at::Tensor& latents, const TapRequest& taps) const;

 private:
  struct Block {
    at::Tensor qkv_weight, qkv_bias, norm_q, norm_k;
    at::Tensor out_weight, out_bias;
    at::Tensor cross_weight, cross_bias;  // (dim + heads * n, dim): q rows, then logit rows
    at::Tensor cross_base, cross_delta;   // (dim), (heads * n, dim) float32
    at::Tensor up_weight, up_bias, down_weight, down_bias;  // weights: undefined with fp8
    kernels::Fp8Rows up_fp8, down_fp8;
  };

  // Float32 on the device; read() from the views alone, weight() from what is kept of those that
  // every timestep folds anew.
  at::Tensor read(const std::string& name) const;
  at::Tensor weight(const std::string& name) const;
  Block fold(std::int64_t index, const at::Tensor& modulation, const Block* earlier) const;
  Block fold_fixed(const std::string& name) const;
  void fold_cross(Block& block, const std::string& name) const;
  at::Tensor time_modulation(std::int64_t t) const;  // (6, dim) float32
  at::Tensor embed_text(const at::Tensor& prompt) const;
  at::Tensor rope(Grid grid) const;
  at::Tensor embed(const at::Tensor& latents, Grid grid) const;
  // The feed-forward's products. raised: of normed (N, L, d), the hidden layer (N, L, f) before its
  // GELU. lowered: of the hidden layer; `before` is what fp8 does on the way, else it is done.
  at::Tensor raised(const Block& block, const at::Tensor& normed) const;
  at::Tensor lowered(const Block& block, const at::Tensor& hidden, kernels::BeforeFp8 before) const;
  at::Tensor attend(const Block& block, const at::Tensor& normed, const at::Tensor& rope) const;
  at::Tensor tap(const Block& block, const at::Tensor& x, const at::Tensor& hidden, Grid grid,
                 Grid pool) const;

  const WeightViews& weights_;
  DitConfig config_;
  Options options_;
  at::Tensor text_;  // (n + 1, dim) float64: embedded prompt rows, then the pad row
  double log_pad_ = 0;
  at::Tensor patch_weight_, patch_bias_;
  std::vector<Block> blocks_;
  std::int64_t prepared_ = -1;
  mutable std::map<std::string, at::Tensor> kept_;  // keep_weights: on the device, as in the file
  mutable std::mutex rope_mutex_;                   // guards the table of the last grid
  mutable at::Tensor rope_;
  mutable Grid rope_grid_;
};

// The time sinusoid: [cos(t f_i), sin(t f_i)], f_i = 10000^(-i / (width/2)), in double.
at::Tensor time_sinusoid(std::int64_t t, std::int64_t width);

}  // namespace vega::wan
