#include "train/memory_meter.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <thread>

using namespace vega::train;

namespace {

constexpr std::int64_t kPage = 4096 + 64;  // what malloc may add to a block

}  // namespace

TEST_CASE("a meter counts tensors that live, and the most that lived") {
  MemoryMeter meter{at::Device(at::kCPU)};
  meter.restart();
  const std::int64_t before = meter.now();
  const std::int64_t size = std::int64_t{4} << 20;
  {
    const at::Tensor a = at::empty({size / 4}, at::kFloat);
    CHECK(meter.now() - before >= size);
    CHECK(meter.now() - before <= size + kPage);
    const at::Tensor view = a.narrow(0, 0, 10);  // shares the block
    CHECK(meter.now() - before <= size + kPage);
    const at::Tensor b = a + 1;
    CHECK(meter.peak() - before >= 2 * size);
  }
  CHECK(meter.now() == before);
  CHECK(meter.peak() - before >= 2 * size);
  CHECK(meter.peak() - before <= 2 * (size + kPage));
  meter.restart();
  CHECK(meter.peak() == before);
}

TEST_CASE("blocks of other threads count, memory of others does not") {
  MemoryMeter meter{at::Device(at::kCPU)};
  const std::int64_t before = meter.now();
  at::Tensor made;
  std::thread([&] { made = at::zeros({1 << 20}, at::kByte); }).join();
  CHECK(meter.now() - before >= 1 << 20);
  made.reset();
  CHECK(meter.now() == before);
  std::vector<float> own(1 << 20);
  const at::Tensor seen = at::from_blob(own.data(), {1 << 20}, at::kFloat);
  CHECK(meter.now() == before);
  CHECK(seen.numel() == 1 << 20);
}
