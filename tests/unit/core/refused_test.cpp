// Memory that a device had not.
#include <ATen/ops/empty.h>

#include <catch2/catch.hpp>

#include "core/device.h"
#include "support/cuda.h"

using namespace vega;

TEST_CASE("the processor's memory refuses nothing that is counted") {
  CHECK(refused_allocations(at::kCPU) == 0);
}

TEST_CASE("an allocation that a GPU has no memory for is counted", "[cuda]") {
  if (!test::has_cuda("refused allocations")) return;
  const at::Device cuda(at::kCUDA, 0);
  const auto before = refused_allocations(cuda);
  const auto options = at::TensorOptions(cuda).dtype(at::kByte);
  at::empty({1024}, options);
  CHECK(refused_allocations(cuda) == before);
  CHECK_THROWS(at::empty({std::int64_t{1} << 50}, options));
  CHECK(refused_allocations(cuda) > before);
}
