#include "models/wan/memory.h"

#include <algorithm>

#include "kernels/attention.h"
#include "models/wan/flops.h"
#include "models/wan/vae.h"

namespace vega::wan {
namespace {

double as_real(std::int64_t value) { return static_cast<double>(value); }

// Tensors come and go; what counts is the most at once.
class Tally {
 public:
  void take(double bytes) { most_ = std::max(most_, held_ += bytes); }
  void give(double bytes) { held_ -= bytes; }
  double most() const { return most_; }

 private:
  double held_ = 0, most_ = 0;
};

// VaeEncoder::encode, in its order.
void encode(Tally& tally, const VaeConfig& vae, const Step& step) {
  const double each = static_cast<double>(size_of(step.compute)) * as_real(step.frames);
  const auto area = [&](std::int64_t level) {
    return as_real(step.size.height >> level) * as_real(step.size.width >> level);
  };
  const double input = 8 * each * area(0), first = as_real(vae.base) * each * area(0);
  tally.take(input);
  tally.take(first);
  tally.give(input);
  double in = first;
  const auto block = [&](double out) {  // x and its norm are there; both sums are afterwards
    tally.take(out), tally.give(in);    // the first convolution; the norm goes
    tally.take(out), tally.give(out);   // the second; the first's result goes
    if (out != in) tally.take(out), tally.give(in);
    in = out;
  };
  tally.take(first);  // the first norm
  const auto levels = static_cast<std::int64_t>(vae.mult.size());
  for (std::int64_t n = 0; n < levels; ++n) {
    const double width = as_real(vae.base * vae.mult[static_cast<std::size_t>(n)]) * each;
    const double out = width * area(n);
    for (std::int64_t i = 0; i < vae.res_blocks; ++i) {
      block(out);
      const bool down = i + 1 == vae.res_blocks && n + 1 < levels;
      tally.take(out);  // the sum, padded or normed
      tally.give(down ? 2 * out : out);
      if (!down) continue;
      in = width * area(n + 1);
      tally.take(in), tally.give(out);  // the convolution of stride 2
      tally.take(in);                   // the norm
    }
  }
  // The middle: a block, attention, a block.
  block(in);
  tally.take(in);  // every pixel divided by its norm
  tally.give(in);
  tally.take(2 * in);  // queries and values
  tally.take(in);      // the result
  const auto cells = static_cast<std::int64_t>(area(levels - 1));
  const double scores = kernels::vae_attention_bytes(
      step.frames, cells, step.compute == DType::kBF16 ? at::kBFloat16 : at::kFloat,
      score_bytes(vae, step.frames, cells, static_cast<std::int64_t>(size_of(step.compute))));
  tally.take(scores), tally.give(scores);
  tally.give(4 * in);
}

// Dit::forward, in its order.
void forward(Tally& tally, const DitConfig& dit, const Step& step) {
  const auto width = static_cast<double>(size_of(step.compute));
  const double frames = as_real(step.frames), tokens = token_count(dit, step.size) * frames;
  const double d = as_real(dit.dim), f = as_real(dit.ffn_dim);
  const auto gates = static_cast<double>((dit.heads * step.prompt_rows + 7) / 8 * 8);
  const double patches = width * as_real(dit.patch_in()) * tokens;
  const double stream = 4 * d * tokens, normed = width * d * tokens;
  tally.take(patches), tally.take(normed), tally.take(stream);
  tally.give(patches + normed);
  tally.take(normed);
  // q, k, v, their mix, the product of that.
  tally.take(5 * normed), tally.give(5 * normed);
  // What a block does from the gates' logits on. pooled: tokens of a tap that is averaged.
  const double rounded = step.fp8_feed_forward ? f * tokens : 0;
  const auto layer = [&](double pooled, bool goes_on) {
    const double logits = width * (d + gates) * tokens, hidden = width * f * tokens;
    tally.take(logits + hidden);
    if (pooled > 0) {  // the averages, the product; then the same in float32 and the sum
      const double rows = step.fp8_feed_forward ? f : 0, wide = (width < 4 ? 8 : 4) * d;
      const double tap = pooled * (width * (f + d) + 4 * d + std::max(rows, wide));
      tally.take(tap), tally.give(tap);
      if (goes_on) tally.take(4 * d * pooled);
      // Products before and behind a GELU of their own (Dit::forward).
      if (goes_on && !step.fp8_feed_forward) tally.take(hidden), tally.give(hidden);
    }
    if (goes_on || pooled == 0) {
      tally.take(normed + rounded), tally.give(rounded);
      if (!goes_on) tally.take(stream);  // the sum
      tally.give(normed);
      if (goes_on && pooled == 0) tally.take(stream);  // the stream, copied
    }
    tally.give(logits + hidden);
  };
  const double pooled = step.pool ? as_real(step.pool->rows * step.pool->columns) * frames : 0;
  for (std::int64_t tap = 1; tap <= step.taps; ++tap) layer(pooled, tap < step.taps);
}

}  // namespace

double step_bytes(const VaeConfig& vae, const DitConfig& dit, const Step& step) {
  const double frames = as_real(step.frames);
  const double area = as_real(step.size.height) * as_real(step.size.width);
  const double cells = area / (kLatentStride * kLatentStride);
  const double latents = 4 * as_real(vae.z_dim) * cells * frames;
  Tally tally;
  if (step.encodes) {
    Tally vae_alone;
    encode(vae_alone, vae, step);
    tally.take(vae_alone.most()), tally.give(vae_alone.most());
  }
  tally.take(2 * latents);  // what the VAE made, and the same with noise
  forward(tally, dit, step);
  const double pixels = 3 * area * static_cast<double>(size_of(step.compute)) * frames;
  return tally.most() + pixels + latents;
}

}  // namespace vega::wan
