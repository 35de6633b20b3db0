// Wan's diffusion transformer in training: all blocks and the head, with gradients, for clips of
// several latent frames. wan::Dit (models/wan/dit.h) computes the same for one frame up to a tap.
//
// Types as in the release: the residual stream, norms, modulation, the time MLP and the head are
// float32; the matrices of the blocks and attention have the compute type. All is float64 where
// that is the compute type (tests).
// Source: Wan-Video/Wan2.1 modules/model.py; diffusers, transformer_wan.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/wan/config.h"
#include "nn/weight_table.h"

namespace vega::wan {

struct TrainDitOptions {
  at::ScalarType dtype = at::kFloat;  // float32 or bfloat16; float64 in tests
  bool recompute = false;             // a block's inner values are computed again (nn/recompute.h)
};

// The residual stream after some blocks, for TrainDit::forward.
struct DitTaps {
  std::vector<std::int64_t> blocks;  // zero-based, ascending; asked for
  // One a block, (N, F, h/2, w/2, dim) float32, with their graphs; filled.
  std::vector<at::Tensor> streams;
  bool stop = false;  // nothing after the last block of them runs; forward() returns no tensor
};

class TrainDit {
 public:
  // weights: all of dit_tensors(config) by their canonical names, on one device. The tensors are
  // shared, not copied: an optimiser's in-place step is seen by the next pass.
  //
  // Cross-attention of a block is silent where its output matrix and its bias are zero and do not
  // require a gradient, which is read here once: then it adds exactly zero to the stream and no
  // gradient passes it, so that neither it nor norm3 before it is computed. Such tensors must not
  // be written to afterwards. Throws InputError (a tensor that is missing or of another shape; a
  // head width that is odd).
  TrainDit(const DitConfig& config, const WeightTable& weights, const TrainDitOptions& options);

  const DitConfig& config() const { return config_; }
  // Whether every block's cross-attention is silent: then no prompt is read.
  bool silent() const { return silent_; }

  // The velocity that the network sees in noised latents.
  // latents (N, 16, F, h, w), float32 or wider, on the weights' device; h and w even, any F.
  // timesteps (N) float32 or float64, 1000 times the share of noise: one a clip.
  // prompt (n, text_dim) with 1 <= n <= text_len, the same for all clips, the remaining rows zero
  // as in the release; required unless silent().
  // Returns (N, 16, F, h, w) float32. Throws InputError (shape, dtype, device, a tap).
  at::Tensor forward(const at::Tensor& latents, const at::Tensor& timesteps,
                     const at::Tensor& prompt = {}, DitTaps* taps = nullptr) const;

 private:
  struct Linear {
    at::Tensor weight, bias;
  };
  struct Attention {
    Linear q, k, v, o;
    at::Tensor norm_q, norm_k;
  };
  struct Block {
    at::Tensor modulation;  // (1, 6, dim): shift, scale, gate of attention, then of the FFN
    Attention self;
    bool silent = true;
    Attention cross;                      // undefined where silent
    at::Tensor norm3_weight, norm3_bias;  // undefined where silent
    Linear up, down;
  };
  struct Pass;

  void check_pass(const at::Tensor& latents, const at::Tensor& timesteps, const at::Tensor& prompt,
                  const DitTaps* taps) const;
  at::Tensor embed(const at::Tensor& latents) const;         // (N, L, dim)
  at::Tensor time_embedding(const at::Tensor& times) const;  // (N, dim)
  at::Tensor text(const at::Tensor& prompt) const;           // (text_len, dim)
  at::Tensor head(const at::Tensor& x, const at::Tensor& e) const;
  at::Tensor through(const Block& block, const at::Tensor& x, const at::Tensor& e6,
                     const std::shared_ptr<const Pass>& pass) const;
  static at::Tensor linear_of(const at::Tensor& x, const Linear& linear);
  // What cross-attention adds to the stream x.
  static at::Tensor read_text(const Block& block, const at::Tensor& x, const Pass& pass);
  static at::Tensor run_block(const Block& block, const at::Tensor& x, const at::Tensor& e6,
                              const Pass& pass);

  DitConfig config_;
  TrainDitOptions options_;
  Linear patch_, text0_, text2_, time0_, time2_, projection_, head_;
  at::Tensor head_modulation_;  // (1, 2, dim): shift, scale
  std::vector<Block> blocks_;
  bool silent_ = true;
};

// (1 - s) x + s e, s one a clip: latents x (N, ...), noise e of its shape, s (N).
at::Tensor noised(const at::Tensor& latents, const at::Tensor& noise, const at::Tensor& shares);

// The loss of flow matching, one a clip: mean of (v - (e - x))^2 over all but the first axis.
// velocity v, latents x, noise e (N, ...) of one shape. Returns (N).
at::Tensor flow_loss(const at::Tensor& velocity, const at::Tensor& latents,
                     const at::Tensor& noise);

}  // namespace vega::wan
