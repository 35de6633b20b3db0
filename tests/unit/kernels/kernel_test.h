// One test body over devices and element types, and the tolerances of both.
#pragma once

#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "core/device.h"
#include "ref/kernels_ref.h"
#include "support/support.h"

namespace vega::test {

inline constexpr double kUlp = 0x1p-24;  // largest relative rounding error of float32

// The CPU; with VEGA_TEST_DEVICE=cuda the GPU alone, and none where there is no GPU.
inline const std::vector<at::Device>& devices() {
  static const std::vector<at::Device> all = [] {
    if (!test_device_is_cuda()) return std::vector{at::Device(at::kCPU)};
    std::string why;
    if (cuda_available(&why)) return std::vector{at::Device(at::kCUDA, 0)};
    note_skip("kernels on CUDA: " + why);
    return std::vector<at::Device>{};
  }();
  return all;
}

// Runs the body for both element types on every device.
inline void on_all(const std::function<void(at::Device, at::ScalarType)>& body) {
  for (const auto device : devices()) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      INFO(device.str() << " " << c10::toString(type));
      body(device, type);
    }
  }
}

// Normal values, the same for a seed everywhere.
inline at::Tensor random(std::vector<std::int64_t> shape, unsigned seed, double spread = 1,
                         double mean = 0) {
  std::mt19937 engine(seed);
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* data = tensor.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    const double u = (engine() + 0.5) * 0x1p-32;
    const double v = (engine() + 0.5) * 0x1p-32;
    data[i] = static_cast<float>(mean + spread * std::sqrt(-2 * std::log(u)) *
                                            std::cos(6.283185307179586 * v));
  }
  return tensor;
}

// Values in logical (C) order; what a kernel really got, after rounding to its type.
inline ref::Values values(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kCPU).to(at::kDouble).contiguous();
  const double* data = plain.const_data_ptr<double>();
  return {data, data + plain.numel()};
}

// |got - want| <= absolute + relative |want|, and half a unit of bfloat16 (8 bits: 2^-8) where
// `got` is one. `relative` and `absolute` are what the kernel's float32 arithmetic may cost.
inline void check_close(const at::Tensor& got, const ref::Values& want, double relative,
                        double absolute) {
  const ref::Values have = values(got);
  REQUIRE(have.size() == want.size());
  if (got.scalar_type() == at::kBFloat16) relative += 0x1p-8;
  double worst = -1;
  std::size_t at = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double excess =
        std::abs(have[i] - want[i]) / (absolute + relative * std::abs(want[i]) + 1e-300);
    if (!(excess <= worst)) {  // NaN counts as worst
      worst = excess;
      at = i;
      if (std::isnan(excess)) break;
    }
  }
  INFO("worst element " << at << ": got " << have[at] << ", expected " << want[at] << ", " << worst
                        << " of the tolerance");
  CHECK(worst <= 1);
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kCPU).contiguous();
  const at::Tensor y = b.to(at::kCPU).contiguous();
  return x.scalar_type() == y.scalar_type() && x.sizes() == y.sizes() &&
         std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

}  // namespace vega::test
