// The oracle of Wan2.1 per-frame features: the released algorithm written out in ATen operations,
// with none of the shortcuts of docs/kernels/wan.md. Real 3D causal convolutions over two zero
// frames, explicit 512-key cross-attention, modulation applied (not folded), RoPE in complex
// doubles, pooling after the block.
//
// By dtype: double is the oracle, float the released algorithm where CUDA is absent, bfloat16 the
// released algorithm under its autocast (float32 weights cast for each operation unless
// `cast_once`). Source: Wan-Video/Wan2.1 modules/{vae,model,attention}.py; VEGA-3D wan encoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/dtype.h"
#include "models/wan/config.h"

namespace vega::ref {

using Weights = std::map<std::string, TensorView>;  // by canonical name
using Taps = std::map<std::string, at::Tensor>;

// A tensor of its own with the bytes of a view (any floating dtype), converted.
at::Tensor to_tensor(const TensorView& view, at::ScalarType dtype, at::Device device);

class WanRef {
 public:
  // Only tensors that the calls need must be there; `config.layers` blocks run in all. Converts all
  // weights. cast_once (bfloat16 only): matrices are held in bfloat16, as an optimised copy of the
  // release would.
  WanRef(const Weights& dit, const Weights& vae, const wan::DitConfig& config,
         const wan::VaeConfig& vae_config, at::ScalarType dtype, at::Device device,
         bool cast_once = false);

  // pixels (N, 3, H, W) in [-1, 1], H and W multiples of 16 -> normalised means (N, 16, H/8, W/8),
  // float32 or float64. Frame by frame, as released. Taps (of the last frame): "vae.down10",
  // "vae.mid", "latents_raw".
  at::Tensor encode(const at::Tensor& pixels, Taps* taps = nullptr) const;

  // (1 - sigma) z + sigma eps.
  at::Tensor add_noise(const at::Tensor& z, const at::Tensor& eps, double sigma) const;

  // Steps of the transformer. Taps of time(): "v", "e", "e6".
  at::Tensor time(std::int64_t t, Taps* taps = nullptr) const;           // e, (1, dim)
  at::Tensor modulation(const at::Tensor& e) const;                      // e6, (1, 6, dim)
  at::Tensor text(const at::Tensor& prompt, std::int64_t frames) const;  // (N, text_len, dim)
  at::Tensor embed(const at::Tensor& z) const;                           // (N, L, dim)
  at::Tensor block(std::int64_t index, const at::Tensor& x, const at::Tensor& e6,
                   const at::Tensor& text, std::int64_t gh, std::int64_t gw) const;
  at::Tensor head(const at::Tensor& x, const at::Tensor& e) const;  // (N, L, patch_out)

  // z (N, 16, h, w) noised, prompt (n, text_dim): the residual stream (N, L, dim) after each block
  // 0..upto.
  std::vector<at::Tensor> blocks(const at::Tensor& z, std::int64_t t, const at::Tensor& prompt,
                                 std::int64_t upto) const;

  // tokens (N, gh * gw, dim) -> (N, out_h, out_w, dim) by adaptive average pooling.
  static at::Tensor pool(const at::Tensor& tokens, std::int64_t gh, std::int64_t gw,
                         std::int64_t out_h, std::int64_t out_w);

  // Pixels to pooled features (N, 14, 14, dim) of block `tap`. all_blocks: the remaining blocks and
  // the head run too and are thrown away, as released.
  at::Tensor run(const at::Tensor& pixels, const at::Tensor& eps, std::int64_t t, double sigma,
                 const at::Tensor& prompt, std::int64_t tap, bool all_blocks = true) const;

 private:
  using Map = std::unordered_map<std::string, at::Tensor>;

  at::Tensor linear(const std::string& name, const at::Tensor& x) const;       // autocast
  at::Tensor wide_linear(const std::string& name, const at::Tensor& x) const;  // autocast off
  at::Tensor attention(const std::string& name, const at::Tensor& x, const at::Tensor& context,
                       const at::Tensor& rope) const;
  at::Tensor sdpa(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const;
  at::Tensor rms(const at::Tensor& x, const std::string& name) const;
  at::Tensor layer_norm(const at::Tensor& x) const;
  at::Tensor rope_table(std::int64_t gh, std::int64_t gw) const;

  at::Tensor causal_conv(const std::string& name, const at::Tensor& x) const;
  at::Tensor vae_norm(const std::string& name, const at::Tensor& x) const;
  at::Tensor residual(const std::string& name, const at::Tensor& x) const;
  at::Tensor vae_attention(const std::string& name, const at::Tensor& x) const;
  at::Tensor downsample(const std::string& name, const at::Tensor& x) const;
  at::Tensor encode_frame(const at::Tensor& frame, Taps* taps) const;

  wan::DitConfig config_;
  wan::VaeConfig vae_config_;
  at::ScalarType dtype_;  // of matrix products
  at::ScalarType wide_;   // of everything else: float32 under bfloat16
  at::Device device_;
  Map dit_, vae_;
  at::Tensor rope_, mean_, scale_;
};

}  // namespace vega::ref
