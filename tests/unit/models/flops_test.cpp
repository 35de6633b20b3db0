// The benchmark's FLOP formulas against operator-by-operator counts of both networks at the true
// shapes.
#include <catch2/catch.hpp>

#include "bench/flops.h"

namespace vega::bench {

TEST_CASE("FLOPs a frame of the released and the shortcut algorithm") {
  const wan::VaeConfig vae;
  const wan::DitConfig dit;
  struct Row {
    Frame frame;
    double released, shortcut;  // TFLOP, counted
  };
  for (const Row& row : {Row{{480, 832}, 7.3699, 3.8401}, Row{{720, 1280}, 18.3403, 9.9827},
                         Row{{336, 560}, 3.4270, 1.7190}}) {
    INFO(row.frame.width << "x" << row.frame.height);
    const double tokens = row.frame.tokens();
    const double released = vae_flops(vae, row.frame, false) + dit_flops(dit, tokens);
    const double shortcut = vae_flops(vae, row.frame, true) + short_dit_flops(dit, tokens, 20);
    // Half a unit of the last digit counted.
    CHECK(released / 1e12 == Approx(row.released).epsilon(0).margin(5e-5));
    CHECK(shortcut / 1e12 == Approx(row.shortcut).epsilon(0).margin(5e-5));
  }
}

TEST_CASE("FLOPs by part at 832x480") {
  const Frame frame{480, 832};
  CHECK(vae_flops({}, frame, false) / 1e9 == Approx(2718).margin(0.5));
  CHECK(vae_flops({}, frame, true) / 1e9 == Approx(985).margin(0.5));
  CHECK(block_flops({}, frame.tokens()) / 1e9 == Approx(154.7).margin(0.05));
}

}  // namespace vega::bench
