// Floating-point operations of one frame (2 a multiply-add), matrix products and convolutions only,
// padding counted as work. Unit: FLOP. The totals reproduce those counted operator by operator on
// the two networks (tests/unit/models/flops_test.cpp).
#pragma once

#include <cstdint>

#include "models/wan/config.h"

namespace vega::bench {

struct Frame {
  std::int64_t height = 0, width = 0;  // pixels
  double tokens() const {
    return static_cast<double>(height / wan::kTokenStride * (width / wan::kTokenStride));
  }
};

// VAE encoder. Released: 3x3x3 kernels with all their temporal slices. Shortcut: 3x3 kernels, the
// tail as one convolution, four 1x1 products of the attention as two.
inline double vae_flops(const wan::VaeConfig& c, Frame frame, bool shortcut) {
  double area = static_cast<double>(frame.height) * static_cast<double>(frame.width);
  const double taps = shortcut ? 9 : 27;
  const auto product = [&](double in, double out, double kernel) {
    return 2 * kernel * in * out * area;
  };
  const auto residual = [&](double in, double out) {
    return product(in, out, taps) + product(out, out, taps) + (in == out ? 0 : product(in, out, 1));
  };
  double sum = product(3, static_cast<double>(c.base), taps);
  double in = static_cast<double>(c.base);
  for (std::size_t level = 0; level < c.mult.size(); ++level) {
    const double out = static_cast<double>(c.base * c.mult[level]);
    for (std::int64_t n = 0; n < c.res_blocks; ++n, in = out) sum += residual(in, out);
    if (level + 1 == c.mult.size()) break;
    area /= 4;
    sum += product(out, out, 9);
  }
  const double z = static_cast<double>(c.z_dim);
  sum += 2 * residual(in, in);
  sum += 4 * area * area * in;  // scores and their products with the values
  sum += product(in, in, shortcut ? 2 : 4);
  sum += shortcut ? product(in, z, 9) : product(in, 2 * z, 27) + product(2 * z, 2 * z, 1);
  return sum;
}

// One block as released: 512 keys and values of the context computed for every frame.
inline double block_flops(const wan::DitConfig& c, double tokens) {
  const auto d = static_cast<double>(c.dim), f = static_cast<double>(c.ffn_dim);
  const auto keys = static_cast<double>(c.text_len);
  return 2 * tokens * d * (6 * d + 2 * f) + 4 * tokens * tokens * d  // q k v o, cross q o; core
         + 4 * keys * d * d + 4 * tokens * keys * d;                 // cross k v; core
}

// One block of the shortcut algorithm. `down_tokens`: rows that meet the last matrix (196 when
// pooled).
inline double short_block_flops(const wan::DitConfig& c, double tokens, double down_tokens,
                                double prompt_rows = 1) {
  const auto d = static_cast<double>(c.dim), f = static_cast<double>(c.ffn_dim);
  const double gates = static_cast<double>(c.heads) * prompt_rows;
  return 2 * tokens * d * (5 * d + f + 2 * gates) + 4 * tokens * tokens * d +
         2 * down_tokens * d * f;
}

inline double patch_flops(const wan::DitConfig& c, double tokens) {
  return 2 * tokens * static_cast<double>(c.in_dim * 4 * c.dim);
}

// Patch embedding, text MLP over all rows, time MLP, `config.layers` blocks, head.
inline double dit_flops(const wan::DitConfig& c, double tokens) {
  const auto d = static_cast<double>(c.dim);
  const double text =
      2 * static_cast<double>(c.text_len) * d * (static_cast<double>(c.text_dim) + d);
  const double time = 2 * d * (static_cast<double>(c.freq_dim) + 7 * d);
  const double head = 2 * tokens * d * static_cast<double>(c.out_dim * 4);
  return patch_flops(c, tokens) + text + time + head +
         static_cast<double>(c.layers) * block_flops(c, tokens);
}

// Patch embedding and blocks 0..last, the last one pooled to `pooled` tokens.
inline double short_dit_flops(const wan::DitConfig& c, double tokens, std::int64_t last,
                              double pooled = 196) {
  return patch_flops(c, tokens) + static_cast<double>(last) * short_block_flops(c, tokens, tokens) +
         short_block_flops(c, tokens, pooled);
}

}  // namespace vega::bench
