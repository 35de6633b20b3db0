#include "models/wan/flops.h"

#include <algorithm>

namespace vega::wan {
namespace {

double real(std::int64_t value) { return static_cast<double>(value); }

// Calls convolution(in, out, taps, area share) for every convolution of the encoder's body, with
// kernels of `taps` weights a channel pair; returns the share of the area and the width at the end.
struct End {
  double area = 1, width = 0;
};
template <typename Convolution>
End each_convolution(const VaeConfig& c, double taps, const Convolution& convolution) {
  double area = 1, in = real(c.base);
  const auto residual = [&](double from, double to) {
    convolution(from, to, taps, area);
    convolution(to, to, taps, area);
    if (from != to) convolution(from, to, 1.0, area);
  };
  convolution(3.0, in, taps, area);
  for (std::size_t level = 0; level < c.mult.size(); ++level) {
    const double out = real(c.base * c.mult[level]);
    for (std::int64_t n = 0; n < c.res_blocks; ++n, in = out) residual(in, out);
    if (level + 1 == c.mult.size()) break;
    area /= 4;
    convolution(out, out, 9.0, area);
  }
  residual(in, in);
  residual(in, in);
  return {area, in};
}

}  // namespace

double token_count(const DitConfig& c, ImageSize size) {
  const std::int64_t stride = kLatentStride * c.patch;
  return real(size.height / stride) * real(size.width / stride);
}

double vae_flops(const VaeConfig& c, ImageSize size, bool shortcut) {
  const double pixels = real(size.height) * real(size.width);
  const double taps = shortcut ? 9 : 27;
  double sum = 0;
  const auto product = [&](double in, double out, double kernel, double share) {
    sum += 2 * kernel * in * out * share * pixels;
  };
  const End end = each_convolution(c, taps, product);
  const double area = end.area * pixels, z = real(c.z_dim);
  sum += 4 * area * area * end.width;  // scores and their products with the values
  product(end.width, end.width, shortcut ? 2 : 4, end.area);
  if (shortcut) {
    product(end.width, z, 9, end.area);
  } else {
    product(end.width, 2 * z, 27, end.area);
    product(2 * z, 2 * z, 1, end.area);
  }
  return sum;
}

double block_flops(const DitConfig& c, double tokens) {
  const double d = real(c.dim), f = real(c.ffn_dim), keys = real(c.text_len);
  return 2 * tokens * d * (6 * d + 2 * f) + 4 * tokens * tokens * d  // q k v o, cross q o; core
         + 4 * keys * d * d + 4 * tokens * keys * d;                 // cross k v; core
}

double short_block_flops(const DitConfig& c, double tokens, double down_tokens,
                         double prompt_rows) {
  const double d = real(c.dim), f = real(c.ffn_dim), gates = real(c.heads) * prompt_rows;
  return 2 * tokens * d * (5 * d + f + 2 * gates) + 4 * tokens * tokens * d +
         2 * down_tokens * d * f;
}

double patch_flops(const DitConfig& c, double tokens) {
  return 2 * tokens * real(c.patch_in() * c.dim);
}

double dit_flops(const DitConfig& c, double tokens) {
  const double d = real(c.dim);
  const double text = 2 * real(c.text_len) * d * (real(c.text_dim) + d);
  const double time = 2 * d * (real(c.freq_dim) + 7 * d);
  const double head = 2 * tokens * d * real(c.patch_out());
  return patch_flops(c, tokens) + text + time + head + real(c.layers) * block_flops(c, tokens);
}

double short_dit_flops(const DitConfig& c, double tokens, std::int64_t last, double pooled,
                       double prompt_rows) {
  return patch_flops(c, tokens) + real(last) * short_block_flops(c, tokens, tokens, prompt_rows) +
         short_block_flops(c, tokens, pooled, prompt_rows);
}

double vae_weights(const VaeConfig& c) {
  double sum = 0;
  const auto count = [&](double in, double out, double taps, double) {
    sum += in * out * taps + out;
  };
  const End end = each_convolution(c, 9, count);
  count(end.width, end.width, 2, 0);  // two folded matrices
  count(end.width, real(c.z_dim), 9, 0);
  return sum;
}

double dit_weights(const DitConfig& c, std::int64_t last, double prompt_rows) {
  const double d = real(c.dim), f = real(c.ffn_dim), gates = real(c.heads) * prompt_rows;
  const double block = 4 * d * d + (d + gates) * d + gates * d + 2 * d * f + 10 * d + f;
  return d * real(c.patch_in()) + d + real(last + 1) * block;
}

double dit_kept_weights(const DitConfig& c, std::int64_t last) {
  const double d = real(c.dim), f = real(c.ffn_dim);
  // Matrices and biases of q, k, v, o and of the feed-forward; six rows of modulation.
  return real(last + 1) * (4 * d * d + 2 * d * f + 5 * d + f + 6 * d);
}

double activation_bytes(const VaeConfig& vae, const DitConfig& dit, ImageSize size, DType compute) {
  const auto width = static_cast<double>(size_of(compute));
  const double pixels = real(size.height) * real(size.width);
  const double encoder = 6 * real(vae.base) * pixels * width;
  // The residual stream is float32; beside it the normed input, q, k, v, attention's result, the
  // product with the output matrix, and the hidden layer.
  const double block =
      token_count(dit, size) * (real(dit.dim) * (4 + 6 * width) + real(dit.ffn_dim) * width);
  return std::max(encoder, block);
}

Cost cost_of(const VaeConfig& vae, const DitConfig& dit, const Features& f) {
  const double tokens = token_count(dit, f.size);
  const double pooled = f.pool_h > 0 && f.pool_w > 0 ? real(f.pool_h * f.pool_w) : tokens;
  const double rows = real(f.prompt_rows);
  Cost cost;
  cost.once_flops = vae_flops(vae, f.size, true);
  cost.pass_flops = real(f.passes) * short_dit_flops(dit, tokens, f.last, pooled, rows);
  const double blocks = dit_weights(dit, f.last, rows);
  cost.weight_bytes = (vae_weights(vae) + blocks) * static_cast<double>(size_of(f.compute));
  if (f.fp8_feed_forward) {  // a byte a number, and a scale a row
    const double d = real(dit.dim), hidden = real(dit.ffn_dim), layers = real(f.last + 1);
    cost.weight_bytes += layers * (2 * d * hidden * (1 - static_cast<double>(size_of(f.compute))) +
                                   4 * (d + hidden));
  }
  if (f.keep_weights)
    cost.weight_bytes += dit_kept_weights(dit, f.last) * static_cast<double>(size_of(f.kept));
  cost.activation_bytes = activation_bytes(vae, dit, f.size, f.compute);
  return cost;
}

}  // namespace vega::wan
