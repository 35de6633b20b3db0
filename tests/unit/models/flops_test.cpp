// The FLOP formulas against operator-by-operator counts of both networks at the true shapes, and
// the memory that goes with them.
#include <catch2/catch.hpp>

#include "models/wan/flops.h"

namespace vega::wan {

TEST_CASE("FLOPs a frame of the released and the shortcut algorithm") {
  const VaeConfig vae;
  const DitConfig dit;
  struct Row {
    ImageSize frame;
    double released, shortcut;  // TFLOP, counted
  };
  for (const Row& row : {Row{{832, 480}, 7.3699, 3.8401}, Row{{1280, 720}, 18.3403, 9.9827},
                         Row{{560, 336}, 3.4270, 1.7190}}) {
    INFO(row.frame.width << "x" << row.frame.height);
    const double tokens = token_count({}, row.frame);
    const double released = vae_flops(vae, row.frame, false) + dit_flops(dit, tokens);
    const double shortcut = vae_flops(vae, row.frame, true) + short_dit_flops(dit, tokens, 20);
    // Half a unit of the last digit counted.
    CHECK(released / 1e12 == Approx(row.released).epsilon(0).margin(5e-5));
    CHECK(shortcut / 1e12 == Approx(row.shortcut).epsilon(0).margin(5e-5));
  }
}

TEST_CASE("FLOPs by part at 832x480") {
  const ImageSize frame{832, 480};
  CHECK(vae_flops({}, frame, false) / 1e9 == Approx(2718).margin(0.5));
  CHECK(vae_flops({}, frame, true) / 1e9 == Approx(985).margin(0.5));
  CHECK(block_flops({}, token_count({}, frame)) / 1e9 == Approx(154.7).margin(0.05));
}

TEST_CASE("what features cost: passes, pooling, weights in the compute type") {
  Features asked{.size = {832, 480}, .compute = DType::kBF16};
  const Cost one = cost_of({}, {}, asked);
  CHECK((one.once_flops + one.pass_flops) / 1e12 == Approx(3.8401).margin(5e-5));
  // 21 blocks of 1.3B: each 4 d^2 of self-attention, d (d + 12) of the folded cross-attention and
  // its 12 differences, 2 d f, and its biases.
  const double block =
      4.0 * 1536 * 1536 + 1536.0 * 1548 + 12.0 * 1536 + 2.0 * 1536 * 8960 + 10 * 1536 + 8960;
  const double embedding = 1536 * 64 + 1536;
  CHECK(dit_weights({}, 20) == Approx(21 * block + embedding).epsilon(1e-12));
  CHECK(one.weight_bytes == 2 * (dit_weights({}, 20) + vae_weights({})));
  CHECK(one.activation_bytes == 6.0 * 96 * 832 * 480 * 2);

  asked.passes = 11;
  const Cost sweep = cost_of({}, {}, asked);
  CHECK(sweep.once_flops == one.once_flops);
  CHECK(sweep.pass_flops == Approx(11 * one.pass_flops).epsilon(1e-12));
  CHECK(sweep.weight_bytes == one.weight_bytes);
  asked.keep_weights = true;  // as read, beside the folded ones
  const double kept = 4.0 * 1536 * 1536 + 2.0 * 1536 * 8960 + 11 * 1536 + 8960;
  CHECK(cost_of({}, {}, asked).weight_bytes == Approx(one.weight_bytes + 2 * 21 * kept));

  asked = {.size = {832, 480}, .compute = DType::kF32, .pool_h = 0, .pool_w = 0};
  const Cost native = cost_of({}, {}, asked);
  // The last matrix meets every token instead of 196.
  CHECK(native.pass_flops - one.pass_flops == Approx(2.0 * (1560 - 196) * 1536 * 8960));
  CHECK(native.weight_bytes == 2 * one.weight_bytes);
}

}  // namespace vega::wan
