// Every kernel of the Wan path at its true size: result against a composition of framework ops in
// float32, time, and bandwidth as a share of what a plain copy reaches on the same device.
//   ladder_wan [cpu|cuda] [frames] [height width]     all devices, 1 (CPU) or 8 (CUDA) frames, 480
//   832
// Exit status 1 when a result is off, 2 for a wrong call.
#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "core/device.h"
#include "kernels/attention.h"
#include "kernels/cross_gate.h"
#include "kernels/gelu.h"
#include "kernels/layer_norm.h"
#include "kernels/pool_tokens.h"
#include "kernels/qk_norm_rope.h"
#include "kernels/rms_silu.h"
#include "ladder/ladder.h"

namespace {

using namespace vega;
using at::Tensor;

constexpr std::int64_t kWidth = 1536;
constexpr std::int64_t kHidden = 8960;
constexpr std::int64_t kHeads = 12;
constexpr double kLogPad = 6.236369590;  // ln 511
constexpr double kEps = 1e-6;

struct Bench : ladder::Bench {
  std::int64_t frames, height, width;

  Tensor normal(at::IntArrayRef shape, at::ScalarType as) const {
    return at::randn(shape, f32()).to(as);
  }
};

double error_of(const Tensor& got, const Tensor& want) {
  const Tensor difference = got.to(at::kFloat) - want;
  return difference.norm().item<double>() / want.norm().item<double>();
}

// Relative error allowed: float32 arithmetic in another order, or one rounding to bfloat16 (its
// mean square is 2^-9 / sqrt(3) at most; attention rounds the weights too).
double allowed(const Bench& b) { return b.type == at::kBFloat16 ? 0x1p-8 : 2e-6; }

void line(Bench& b, const char* name, double error, double bytes, double flops, double seconds) {
  const bool good = error <= allowed(b);
  b.failures += good ? 0 : 1;
  const double rate = bytes / seconds;
  std::printf("%-26s %9.3f ms %8.1f GB/s %5.0f%%", name, seconds * 1e3, rate * 1e-9,
              100 * rate / b.copy_rate);
  flops > 0 ? std::printf(" %8.2f TF/s", flops / seconds * 1e-12) : std::printf("%14s", "");
  std::printf("  error %.1e %s\n", error, good ? "ok" : "WRONG");
  std::fflush(stdout);
}

double bytes_of_all(std::initializer_list<Tensor> tensors) {
  double bytes = 0;
  for (const auto& t : tensors) bytes += static_cast<double>(t.nbytes());
  return bytes;
}

void rms_silu(Bench& b, std::int64_t channels, std::int64_t shrink) {
  const Tensor x = b.normal({b.frames, channels, b.height / shrink, b.width / shrink}, b.type)
                       .contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor scale = at::rand({channels}, b.f32()) * 10;
  const Tensor y = kernels::rms_silu(x, scale, true);
  const Tensor wide = x.to(at::kFloat);
  const Tensor want =
      at::silu(wide / wide.norm(2, {1}, true).clamp_min(1e-12) * scale.view({1, channels, 1, 1}));
  const std::string name = "rms_silu C=" + std::to_string(channels);
  line(b, name.c_str(), error_of(y, want), bytes_of_all({x, y}), 0,
       ladder::time_of(b, [&] { kernels::rms_silu(x, scale, true); }));
  Tensor in_place = x.clone();
  kernels::rms_silu_(in_place, scale, true);
  line(b, (name + " in place").c_str(), error_of(in_place, want), bytes_of_all({x, y}), 0,
       ladder::time_of(b, [&] { kernels::rms_silu_(in_place, scale, true); }));
}

void add_rms_silu(Bench& b) {
  const Tensor x = b.normal({b.frames, 96, b.height, b.width}, b.type)
                       .contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor scale = at::rand({96}, b.f32()) * 10;
  const Tensor bias = at::rand({96}, b.f32());
  const Tensor wide = x.to(at::kFloat);
  const Tensor want = (wide + bias.view({96, 1, 1}) + wide).to(b.type);
  Tensor sum = x.clone();
  const Tensor y = kernels::add_rms_silu_(sum, x, scale, true, bias);
  const double error = error_of(sum, want.to(at::kFloat)) +
                       error_of(y, kernels::rms_silu(sum, scale, true).to(at::kFloat));
  line(b, "add_rms_silu C=96", error, bytes_of_all({x, x, sum, y}), 0,
       ladder::time_of(b, [&] { kernels::add_rms_silu_(sum, x, scale, true, bias); }));
  const Tensor padded = kernels::add_padded(x, x, bias);
  line(b, "add_padded C=96",
       error_of(padded, at::constant_pad_nd(want.to(at::kFloat), {0, 1, 0, 1})),
       bytes_of_all({x, x, padded}), 0,
       ladder::time_of(b, [&] { kernels::add_padded(x, x, bias); }));
}

Tensor norm_of(const Tensor& x) {
  const Tensor centred = x - x.mean(-1, true);
  return centred * (centred.square().mean(-1, true) + kEps).rsqrt();
}

void layer_norm(Bench& b, std::int64_t tokens) {
  Tensor x = b.normal({b.frames, tokens, kWidth}, at::kFloat);
  const Tensor y = kernels::layer_norm(x, kEps, b.type);
  line(b, "layer_norm", error_of(y, norm_of(x)), bytes_of_all({x, y}), 0,
       ladder::time_of(b, [&] { kernels::layer_norm(x, kEps, b.type); }));
  const Tensor addend = b.normal(x.sizes(), b.type);
  const Tensor want = norm_of(x + addend.to(at::kFloat));
  const Tensor z = kernels::add_layer_norm_(x, addend, kEps, b.type);
  line(b, "add_layer_norm_", error_of(z, want), bytes_of_all({x, x, addend, z}), 0,
       ladder::time_of(b, [&] { kernels::add_layer_norm_(x, addend, kEps, b.type); }));
}

Tensor rotated(const Tensor& part, const Tensor& weight, const Tensor& rope) {
  const Tensor wide = part.to(at::kFloat);
  const Tensor normed = wide * (wide.square().mean(-1, true) + kEps).rsqrt() * weight;
  const Tensor pairs = normed.view({part.size(0), part.size(1), kHeads, -1, 2});
  const Tensor even = pairs.select(-1, 0);
  const Tensor odd = pairs.select(-1, 1);
  const Tensor cosine = rope.select(-1, 0).unsqueeze(1);
  const Tensor sine = rope.select(-1, 1).unsqueeze(1);
  return at::stack({even * cosine - odd * sine, even * sine + odd * cosine}, -1)
      .flatten(3)
      .transpose(1, 2);
}

void qk_norm_rope_and_attention(Bench& b, std::int64_t tokens) {
  const Tensor qkv = b.normal({b.frames, tokens, 3 * kWidth}, b.type);
  Tensor in_place = qkv.clone();
  const Tensor wk = at::rand({kWidth}, b.f32()) + 0.5;
  const Tensor wq = wk / std::sqrt(128.0);
  const Tensor angle = at::randn({tokens, 64}, b.f32());
  const Tensor rope = at::stack({angle.cos(), angle.sin()}, -1).contiguous();
  const auto run = [&] {
    return kernels::qk_norm_rope_(in_place, wq, wk, rope, static_cast<int>(kHeads), kEps);
  };
  const auto [q, k, v] = run();
  const auto parts = qkv.chunk(3, -1);
  const double error =
      error_of(q, rotated(parts[0], wq, rope)) / 2 + error_of(k, rotated(parts[1], wk, rope)) / 2;
  line(b, "qk_norm_rope_", error, 2 * bytes_of_all({q, k}), 0, ladder::time_of(b, run));

  const Tensor y = kernels::softmax_attention(q, k, v);
  const auto first = [](const Tensor& x) { return x.narrow(0, 0, 1).to(at::kFloat); };
  const Tensor scores = at::softmax(at::matmul(first(q), first(k).transpose(-1, -2)), -1);
  const Tensor want = at::matmul(scores, first(v)).transpose(1, 2).flatten(2);
  const double flops = 4.0 * static_cast<double>(b.frames * tokens * tokens) * kWidth;
  line(b, "softmax_attention", error_of(y.narrow(0, 0, 1), want), bytes_of_all({q, k, v, y}), flops,
       ladder::time_of(b, [&] { kernels::softmax_attention(q, k, v); }));
}

void cross_gate(Bench& b, std::int64_t tokens) {
  Tensor x = b.normal({b.frames, tokens, kWidth}, at::kFloat);
  const Tensor ql = b.normal({b.frames, tokens, kWidth + 16}, b.type);  // 12 logits, 4 padding
  const Tensor c = at::randn({kWidth}, b.f32());
  const Tensor u = at::randn({kHeads, kWidth}, b.f32());
  const Tensor wide = ql.to(at::kFloat);
  const Tensor scale = (wide.narrow(2, 0, kWidth).square().mean(-1, true) + kEps).rsqrt();
  const Tensor gates = at::sigmoid(wide.narrow(2, kWidth, kHeads) * scale - kLogPad);
  const Tensor want = norm_of(x + c + at::matmul(gates, u));
  const auto run = [&] {
    return kernels::cross_gate_layer_norm_(x, ql, c, u, static_cast<int>(kHeads), kLogPad, kEps,
                                           kEps, b.type);
  };
  const Tensor y = run();
  const double flops = 2.0 * static_cast<double>(b.frames * tokens * kHeads * kWidth);
  line(b, "cross_gate_layer_norm_", error_of(y, want), bytes_of_all({x, x, ql, y}), flops,
       ladder::time_of(b, run));
}

void gelu_and_pool(Bench& b, std::int64_t gh, std::int64_t gw) {
  const Tensor hidden = b.normal({b.frames, gh * gw, kHidden}, b.type);
  const Tensor gelu = at::gelu(hidden.to(at::kFloat), "tanh");
  const auto pool = [&](const Tensor& x) {
    const Tensor map = x.view({b.frames, gh, gw, -1}).permute({0, 3, 1, 2});
    return at::adaptive_avg_pool2d(map, {14, 14}).permute({0, 2, 3, 1}).flatten(1, 2);
  };
  const Tensor pooled = kernels::gelu_pool(hidden, gh, gw, 14, 14);
  line(b, "gelu_pool", error_of(pooled, pool(gelu)), bytes_of_all({hidden, pooled}), 0,
       ladder::time_of(b, [&] { kernels::gelu_pool(hidden, gh, gw, 14, 14); }));
  const Tensor x = b.normal({b.frames, gh * gw, kWidth}, at::kFloat);
  const Tensor tokens = kernels::pool_tokens(x, gh, gw, 14, 14);
  line(b, "pool_tokens", error_of(tokens, pool(x)), bytes_of_all({x, tokens}), 0,
       ladder::time_of(b, [&] { kernels::pool_tokens(x, gh, gw, 14, 14); }));
  Tensor in_place = hidden.clone();
  kernels::gelu_tanh_(in_place);
  const double error = error_of(in_place, gelu);
  line(b, "gelu_tanh_", error, bytes_of_all({hidden, hidden}), 0,
       ladder::time_of(b, [&] { kernels::gelu_tanh_(in_place); }));
}

void vae_attention(Bench& b) {
  const std::int64_t tokens = b.height / 8 * (b.width / 8);
  const Tensor x = b.normal({b.frames, tokens, 384}, at::kFloat);
  const Tensor xhat = (x / x.norm(2, {-1}, true)).to(b.type);
  const Tensor q = b.normal(x.sizes(), b.type) * 3;
  const Tensor v = b.normal(x.sizes(), b.type);
  const std::int64_t rows = std::min<std::int64_t>(tokens, 512);  // the last rows of the last frame
  const auto last = [](const Tensor& t) { return t.narrow(0, t.size(0) - 1, 1).to(at::kFloat); };
  const Tensor queries = last(q).narrow(1, tokens - rows, rows);
  const Tensor weights = at::softmax(at::matmul(queries, last(xhat).transpose(1, 2)), -1);
  const Tensor want = at::matmul(weights, last(v));
  const double flops = 4.0 * static_cast<double>(b.frames * tokens * tokens) * 384;
  const auto measure = [&](const char* name, const std::function<Tensor()>& call) {
    const Tensor y = call();
    line(b, name, error_of(last(y).narrow(1, tokens - rows, rows), want),
         bytes_of_all({xhat, q, v, y}), flops, ladder::time_of(b, [&] { call(); }));
  };
  const std::int64_t map = b.frames * 96 * b.height * b.width * xhat.element_size();
  measure("vae_attention", [&] { return kernels::vae_attention(xhat, q, v, map); });
  if (!b.device.is_cuda()) return;
  measure("vae_attention 32 MiB", [&] { return kernels::vae_attention(xhat, q, v); });
  // LibTorch's only fused kernel that takes this width.
  measure("memory-efficient", [&] {
    const auto out = at::_scaled_dot_product_efficient_attention(
        q.unsqueeze(1), xhat.unsqueeze(1), v.unsqueeze(1), {}, false, 0.0, false, 1.0);
    return std::get<0>(out).squeeze(1);
  });
}

int run(Bench b) {
  std::printf("\n%s (%s), %s, %lld frame(s) of %lldx%lld\n", device_name(b.device).c_str(),
              b.device.str().c_str(), c10::toString(b.type), static_cast<long long>(b.frames),
              static_cast<long long>(b.width), static_cast<long long>(b.height));
  const std::int64_t gh = b.height / 16;
  const std::int64_t gw = b.width / 16;
  measure_copy(b, "copy", 26);
  rms_silu(b, 96, 1);
  add_rms_silu(b);
  rms_silu(b, 192, 2);
  rms_silu(b, 384, 4);
  empty_cache(b.device);
  layer_norm(b, gh * gw);
  qk_norm_rope_and_attention(b, gh * gw);
  cross_gate(b, gh * gw);
  gelu_and_pool(b, gh, gw);
  vae_attention(b);
  return b.failures;
}

int run_all(int argc, char** argv) {
  int failures = 0;
  for (const auto device : ladder::devices_of(argc > 1 ? argv[1] : "")) {
    const long frames = argc > 2 ? std::atol(argv[2]) : device.is_cuda() ? 8 : 1;
    const long height = argc > 4 ? std::atol(argv[3]) : 480;
    const long width = argc > 4 ? std::atol(argv[4]) : 832;
    if (frames < 1 || height < 16 || width < 16) {
      throw UsageError("usage: ladder_wan [cpu|cuda] [frames] [height width]");
    }
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      failures += run({{device, type}, frames, height, width});
    }
  }
  std::printf("\n%d wrong\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return ladder::guarded("ladder_wan", [&] { return run_all(argc, argv); });
}
