#include "core/graph.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "support/cuda.h"

using namespace vega;

TEST_CASE("a recorded graph reads its tensors anew and keeps what came as a number", "[cuda]") {
  if (!test::has_cuda("graphs")) return;
  const at::Device device(at::kCUDA, 0);
  const at::Tensor x = at::zeros({4}, device), weight = at::eye(4, device) * 2;
  at::Tensor out;
  double number = 1;
  const auto work = [&] { out = at::mm(x.view({1, 4}), weight).add_(number).view({4}) * x; };
  work();
  const DeviceGraph graph(device, work);
  number = 100;  // too late
  for (const double value : {1.0, 2.0, 5.0}) {
    x.fill_(value);
    graph.replay();
    CHECK(at::equal(out.cpu(), at::full({4}, (2 * value + 1) * value)));
  }
  x.fill_(3);
  CHECK(at::equal(out.cpu(), at::full({4}, 55.0)));  // not before the next replay
}

TEST_CASE("what a device cannot record is an error, and the device works on", "[cuda]") {
  if (!test::has_cuda("graphs")) return;
  const at::Device device(at::kCUDA, 0);
  const at::Tensor x = at::ones({4}, device);
  CHECK_THROWS_AS(DeviceGraph(device, [&] { static_cast<void>((x + 1).sum().item<float>()); }),
                  DeviceError);
  CHECK_THROWS_AS(DeviceGraph(device, [&] { static_cast<void>(x.cpu()); }), DeviceError);
  CHECK_THROWS_WITH(DeviceGraph(device, [] { throw InputError("of its own"); }), "of its own");
  CHECK((x + 1).sum().item<float>() == 8);
  at::Tensor out;
  const DeviceGraph graph(device, [&] { out = x + 1; });
  graph.replay();
  CHECK(out.sum().item<float>() == 8);
}
