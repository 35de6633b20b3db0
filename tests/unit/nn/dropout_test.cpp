#include "nn/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "base/philox.h"

using namespace vega;

TEST_CASE("dropout: an element is kept by its word of Philox") {
  const DropoutKey key{.seed = 7, .step = 3, .pass = "room1|"};
  const std::int64_t count = 4099;
  const at::Tensor got = dropout(at::ones({count}), 0.25, "layer", key);
  const std::uint64_t hash = fnv1a64("room1|layer");
  std::int64_t wrong = 0;
  for (std::int64_t e = 0; e < count; ++e) {
    const auto words =
        philox4x32({static_cast<std::uint32_t>(e / 4), 3, static_cast<std::uint32_t>(hash),
                    static_cast<std::uint32_t>(hash >> 32)},
                   philox_key(7));
    const bool dropped = philox_unit(words[static_cast<std::size_t>(e % 4)]) < 0.25;
    if (got[e].item<float>() != (dropped ? 0.0F : 1 / 0.75F)) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("dropout: masks depend on seed, step, pass and place, not on threads or type") {
  const DropoutKey key{.seed = 3};
  const at::Tensor x = at::ones({300, 333});
  const at::Tensor first = dropout(x, 0.1, "place", key);
  const double count = 300 * 333, dropped = (first == 0).sum().item<double>() / count;
  CHECK(dropped == Approx(0.1).margin(4 * std::sqrt(0.09 / count)));  // four deviations
  CHECK(((first == 0) | (first == 1 / 0.9F)).all().item<bool>());
  CHECK_FALSE(at::equal(dropout(x, 0.1, "elsewhere", key), first));
  CHECK_FALSE(at::equal(dropout(x, 0.1, "place", {.seed = 4}), first));
  CHECK_FALSE(at::equal(dropout(x, 0.1, "place", {.seed = 3, .step = 1}), first));
  CHECK_FALSE(at::equal(dropout(x, 0.1, "place", {.seed = 3, .pass = "b"}), first));
  CHECK(at::equal(dropout(x, 0, "place", key), x));
  for (const at::ScalarType type : {at::kDouble, at::kBFloat16}) {
    CHECK(at::equal(dropout(x.to(type), 0.1, "place", key) == 0, first == 0));
  }
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  CHECK(at::equal(dropout(x, 0.1, "place", key), first));
  at::set_num_threads(threads);
}
