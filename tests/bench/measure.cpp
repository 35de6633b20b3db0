#include "bench/measure.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/Event.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <exception>
#include <thread>
#include <vector>

#include "core/device.h"
#include "kernels/linear.h"

namespace vega::bench {
namespace {

// Sets the threads of this thread's operations and lets their pool come up.
void settle(int inner) {
  at::set_num_threads(inner);
  const at::Tensor a = at::ones({256, 256});
  at::mm(a, a);
}

}  // namespace

std::string to_string(const Mode& mode) {
  const auto plural = [](int n, const char* word) {
    return std::to_string(n) + " " + word + (n == 1 ? "" : "s");
  };
  return plural(mode.workers, "worker") + ", " + plural(mode.inner, "thread") + " each";
}

Seconds Clock::on_cpu(const Mode& mode, std::int64_t frames, const Body& body) const {
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::atomic<bool> failed{false};
  std::barrier gate(mode.workers + 1);
  std::vector<std::thread> workers;
  for (int w = 0; w < mode.workers; ++w) {
    workers.emplace_back([&] {
      const c10::InferenceMode inference;
      settle(mode.inner);
      gate.arrive_and_wait();
      try {
        for (std::int64_t n = next++; n < frames; n = next++) body(n, 1);
      } catch (...) {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    });
  }
  gate.arrive_and_wait();
  const Seconds start = now();
  for (std::thread& worker : workers) worker.join();
  const Seconds all = now() - start;
  if (failure) std::rethrow_exception(failure);
  return {all.wall / static_cast<double>(frames), all.cpu / static_cast<double>(frames)};
}

Seconds Clock::on_cuda(std::int64_t frames, std::int64_t batch, const Body& body,
                       bool warm_up) const {
  const c10::InferenceMode inference;
  if (warm_up) body(0, std::min(batch, frames));
  synchronize(device_);
  const c10::impl::VirtualGuardImpl guard(device_.type());
  const c10::Stream stream = guard.getStream(device_);
  c10::Event start(device_.type(), c10::EventFlag::BACKEND_DEFAULT);
  c10::Event stop(device_.type(), c10::EventFlag::BACKEND_DEFAULT);
  start.record(stream);
  for (std::int64_t n = 0; n < frames; n += batch) body(n, std::min(batch, frames - n));
  stop.record(stream);
  stop.synchronize();
  return {start.elapsedTime(stop) * 1e-3 / static_cast<double>(frames), 0};
}

Seconds Clock::seconds(const Mode& mode, std::int64_t frames, std::int64_t batch, const Body& body,
                       bool warm_up) const {
  return device_.is_cpu() ? on_cpu(mode, frames, body) : on_cuda(frames, batch, body, warm_up);
}

double gemm_rate(at::Device device, at::ScalarType dtype, int threads) {
  const c10::InferenceMode inference;
  const bool cuda = !device.is_cpu();
  const auto options = at::TensorOptions(device).dtype(dtype);
  struct Shape {
    std::int64_t m, k, n;
  };
  const std::int64_t rows = cuda ? 12480 : 735, square = cuda ? 8192 : 1536;
  double best = 0;
  for (const Shape& s : {Shape{rows, 1536, 8960}, Shape{square, square, square}}) {
    const at::Tensor a = at::randn({s.m, s.k}, options), b = at::randn({s.n, s.k}, options);
    const double flops = 2.0 * static_cast<double>(s.m) * static_cast<double>(s.k * s.n);
    const std::int64_t count = cuda ? 32 : 2 * threads;
    const Clock clock(device);
    for (const Mode& mode : {Mode{threads, 1}, Mode{1, threads}}) {
      const double t =
          clock
              .seconds(
                  mode, count, 1,
                  [&](std::int64_t, std::int64_t) { kernels::linear_bf16(a, b, {}); }, true)
              .wall;
      best = std::max(best, flops / t);
      if (cuda || threads == 1) break;
    }
  }
  return best;
}

}  // namespace vega::bench
