// LibTorch decides once in the life of a process whether there is CUDA (core/device.h): each of
// these tests needs a process of its own, and a CUDA device or its stand-in (tests/device).
#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include "base/error.h"
#include "core/device.h"

using namespace vega;

namespace {

void convolve() { at::conv2d(at::ones({1, 1, 4, 4}), at::ones({1, 1, 3, 3})); }

void go_backward() {
  const at::Tensor x = at::ones({3}).set_requires_grad(true);
  (x * x).sum().backward();
  CHECK(x.grad().sum().item<float>() == 6);
}

void check_lost() {
  for (int again = 0; again < 2; ++again) {
    CHECK_THROWS_AS(open_device("cuda"), DeviceError);
    CHECK_THROWS_WITH(open_device("cuda"),
                      Catch::Matchers::Contains("settled on having no CUDA") &&
                          Catch::Matchers::Contains("open_device before any convolution"));
  }
}

}  // namespace

TEST_CASE("a device that is opened first stays open, whatever the CPU computes then", "[.opened]") {
  const at::Device device = open_device("cuda");
  convolve();
  go_backward();
  CHECK(open_device("cuda") == device);
  const at::Tensor x = at::ones({5}, at::TensorOptions(device));
  CHECK(x.sum().item<float>() == 5);
  const at::Tensor y = at::ones({5}, at::TensorOptions(device)).set_requires_grad(true);
  (y * y).sum().backward();
  CHECK(y.grad().sum().item<float>() == 10);
}

TEST_CASE("after a convolution on the CPU CUDA is lost, and the error says so", "[.convolved]") {
  convolve();
  check_lost();
}

TEST_CASE("after a backward pass on the CPU CUDA is lost, and the error says so", "[.backward]") {
  go_backward();
  check_lost();
}
