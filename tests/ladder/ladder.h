// What the ladders share: devices, times, and a plain copy to compare bandwidths with.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "core/device.h"

namespace vega::ladder {

struct Bench {
  at::Device device;
  at::ScalarType type;
  double copy_rate = 0;  // bytes a second
  int failures = 0;

  at::TensorOptions f32() const { return at::TensorOptions(device).dtype(at::kFloat); }
};

// Seconds a call: one warm-up, then rounds of several calls, the fastest round.
inline double time_of(const Bench& b, const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  const int calls = b.device.is_cuda() ? 20 : 1;
  double best = 1e30;
  call();
  synchronize(b.device);
  for (int round = 0; round < 3; ++round) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    synchronize(b.device);
    const std::chrono::duration<double> took = Clock::now() - start;
    best = std::min(best, took.count() / calls);
  }
  return best;
}

// Copies 1 GiB (CPU: 128 MiB), sets the copy's rate, and prints a line whose name takes `width`.
inline void measure_copy(Bench& b, const char* name, int width) {
  const at::Tensor from = at::ones({b.device.is_cuda() ? 256 << 20 : 32 << 20}, b.f32());
  at::Tensor to = at::empty_like(from);
  const double seconds = time_of(b, [&] { to.copy_(from); });
  b.copy_rate = 2 * static_cast<double>(from.nbytes()) / seconds;
  std::printf("%-*s %9.3f ms %8.1f GB/s\n", width, name, seconds * 1e3, b.copy_rate * 1e-9);
}

// The device asked for; without a name the CPU, and CUDA where it is (else says why not).
inline std::vector<at::Device> devices_of(const std::string& asked) {
  if (!asked.empty()) return {open_device(asked)};
  std::vector<at::Device> devices{at::kCPU};
  std::string why;
  if (cuda_available(&why))
    devices.push_back(open_device("cuda"));
  else
    std::printf("%s\n", why.c_str());
  return devices;
}

// main(): errors as exit codes.
inline int guarded(const char* program, const std::function<int()>& run) {
  try {
    return run();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return 1;
  }
}

}  // namespace vega::ladder
