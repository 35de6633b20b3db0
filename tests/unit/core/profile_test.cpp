// Groups of operators: what is counted, and when.
#include "core/profile.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <string>

#include "base/error.h"
#include "support/cuda.h"

using namespace vega;

TEST_CASE("groups are counted in the order in which they came, outer ones alone") {
  const at::Tensor x = at::ones({6, 4}), w = at::ones({8, 4});
  in_group("nobody listens", {1, 1}, [] {});
  Profile profile(at::kCPU);
  const auto product = [&] { return at::linear(x, w); };
  CHECK(in_group("product", product_work(x, w), product).size(1) == 8);
  {
    const OpGroup outer("sum", bytes_of({x, x}));
    in_group("product", product_work(x, w), product);
  }
  in_group("product", product_work(x, w), product);
  const auto rows = profile.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].group == std::string("product"));
  CHECK(rows[0].calls == 2);
  CHECK(rows[0].work.flops == 2 * (2.0 * 6 * 4 * 8));
  CHECK(rows[0].work.bytes == 2 * 4.0 * (6 * 4 + 8 * 4 + 6 * 8));
  CHECK(rows[1].group == std::string("sum"));
  CHECK(rows[1].calls == 1);
  CHECK(rows[1].work.flops == 0);
  CHECK(rows[1].work.bytes == 2 * 4.0 * 6 * 4);
  CHECK(rows[0].seconds > 0);
}

TEST_CASE("a thread has one listener, and an error leaves its group") {
  Profile profile(at::kCPU);
  CHECK_THROWS_AS(Profile(at::kCPU), InputError);
  CHECK_THROWS_AS(in_group("fails", {}, [] { throw InputError("of its own"); }), InputError);
  in_group("after", {}, [] {});
  REQUIRE(profile.rows().size() == 2);
  CHECK(profile.rows()[1].calls == 1);
}

TEST_CASE("attention: two products of all rows with all keys") {
  const at::Tensor q = at::ones({2, 3, 5, 4}), k = at::ones({2, 3, 7, 4});
  CHECK(attention_work(q, k).flops == 2 * (2.0 * 2 * 3 * 5 * 7 * 4));
  CHECK(attention_work(q, k).bytes == 4 * 2.0 * (2 * 3 * 5 * 4 + 2 * 3 * 7 * 4));
}

TEST_CASE("on a device time is that between its events", "[cuda]") {
  if (!test::has_cuda("profiles")) return;
  const at::Device device(at::kCUDA, 0);
  const at::Tensor x = at::ones({256, 256}, device);
  Profile profile(device);
  for (int n = 0; n < 3; ++n) in_group("product", product_work(x, x), [&] { return at::mm(x, x); });
  REQUIRE(profile.rows().size() == 1);
  CHECK(profile.rows()[0].calls == 3);
  CHECK(profile.rows()[0].seconds > 0);
}
