#include "kernels/cross_gate.h"

#include "base/error.h"
#include "kernel_test.h"
#include "kernels/layer_norm.h"

using namespace vega;
using namespace vega::test;

namespace {

struct Case {
  std::int64_t frames, tokens, width;
  int heads;
  std::int64_t keys, padding;
};

struct Inputs {
  at::Tensor x, ql, c, u;
  double log_pad;
};

Inputs make(const Case& p, at::Device device, at::ScalarType type) {
  const std::int64_t count = p.heads * p.keys;
  return {random({p.frames, p.tokens, p.width}, 1, 2).to(device),
          random({p.frames, p.tokens, p.width + count + p.padding}, 2, 3).to(device, type),
          random({p.width}, 3).to(device), random({count, p.width}, 4).to(device),
          std::log(512.0 - static_cast<double>(p.keys))};
}

ref::Values expected(const Inputs& in, const Case& p) {
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  return ref::cross_gate(
      values(in.x), values(in.ql), values(in.c), values(in.u),
      {size(p.width), size(in.ql.size(2)), size(p.heads), size(p.keys), in.log_pad, 1e-6});
}

// Logits of up to about 5 carry the error of rms(q) into the gates; then the gates' sum is rounded.
double tolerance(const Case& p) {
  const auto count = static_cast<double>(p.heads * p.keys);
  return (static_cast<double>(p.width) / 32 + count + 40) * kUlp;
}

constexpr Case kCrossCases[] = {
    {1, 1, 2, 1, 1, 0},     {2, 5, 37, 3, 1, 0},     {1, 19, 256, 2, 1, 6},
    {2, 9, 1536, 12, 1, 4}, {1, 8, 1536, 12, 7, 0},  {1, 3, 128, 4, 300, 0},
    {1, 2, 64, 40, 400, 0}, {1, 11, 5120, 40, 1, 0}, {1, 3, 64, 2, 512, 0}};

}  // namespace

TEST_CASE("cross_gate_ agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const Case& p : kCrossCases) {
      CAPTURE(p.width, p.heads, p.keys);
      Inputs in = make(p, device, type);
      const auto want = expected(in, p);
      kernels::cross_gate_(in.x, in.ql, in.c, in.u, p.heads, in.log_pad, 1e-6);
      check_close(in.x, want, tolerance(p), 4 * tolerance(p));
    }
  });
}

TEST_CASE("with one key the gate is a sigmoid") {
  const Case p{1, 4, 32, 2, 1, 0};
  Inputs in = make(p, at::kCPU, at::kFloat);
  const auto q = in.ql.narrow(2, 0, 32);
  const auto r = (q.square().mean(-1, true) + 1e-6).rsqrt();
  const auto gate = at::sigmoid(in.ql.narrow(2, 32, 2) * r - in.log_pad);
  const auto want = values(in.x + in.c + at::matmul(gate, in.u));
  kernels::cross_gate_(in.x, in.ql, in.c, in.u, 2, in.log_pad, 1e-6);
  check_close(in.x, want, 1e-6, 4e-6);
}

TEST_CASE("cross_gate_layer_norm_ is the gate, then layer_norm") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const Case& p : kCrossCases) {
      CAPTURE(p.width, p.heads, p.keys);
      Inputs in = make(p, device, type);
      auto x = in.x.clone();
      const auto normed = kernels::cross_gate_layer_norm_(x, in.ql, in.c, in.u, p.heads, in.log_pad,
                                                          1e-6, 1e-6, type);
      kernels::cross_gate_(in.x, in.ql, in.c, in.u, p.heads, in.log_pad, 1e-6);
      CHECK(same_bits(x, in.x));
      const double t = 2 * (static_cast<double>(p.width) / 32 + 8) * kUlp;
      if (p.width > 2) {  // two values differ by so little at times that only their sign is left
        check_close(normed, ref::layer_norm(values(x), static_cast<std::size_t>(p.width), 1e-6), t,
                    t);
      }
    }
  });
}

TEST_CASE("cross_gate_: a frame's bits do not depend on its batch") {
  on_all([](at::Device device, at::ScalarType type) {
    const Case p{3, 5, 64, 2, 1, 0};
    Inputs in = make(p, device, type);
    auto one = in.x.narrow(0, 1, 1).clone();
    kernels::cross_gate_(one, in.ql.narrow(0, 1, 1).contiguous(), in.c, in.u, 2, in.log_pad, 1e-6);
    kernels::cross_gate_(in.x, in.ql, in.c, in.u, 2, in.log_pad, 1e-6);
    CHECK(same_bits(one, in.x.narrow(0, 1, 1)));
  });
}

TEST_CASE("cross_gate_ refuses what it cannot do") {
  Inputs in = make({1, 3, 8, 2, 1, 0}, at::kCPU, at::kFloat);
  const auto call = [&](const at::Tensor& ql, const at::Tensor& c, const at::Tensor& u, int heads) {
    kernels::cross_gate_(in.x, ql, c, u, heads, 1, 1e-6);
  };
  CHECK_THROWS_AS(call(in.ql.narrow(2, 0, 9).contiguous(), in.c, in.u, 2), InputError);
  CHECK_THROWS_AS(call(in.ql, in.c, in.u, 3), InputError);
  CHECK_THROWS_AS(call(in.ql, random({7}, 1), in.u, 2), InputError);
  CHECK_THROWS_AS(call(in.ql.to(at::kHalf), in.c, in.u, 2), InputError);
}
