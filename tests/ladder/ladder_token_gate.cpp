// The token gate from the module's lines to one pass over memory: every step's result against the
// formula in double, its time, and the bytes that have to move (S, G, out; backward S, G, d out,
// d S, d G; once each) as a share of what a plain copy reaches on the same device.
//   ladder_token_gate [cpu|cuda] [views]     all devices, 4 (CPU) or 32 (CUDA) views
// Exit status 1 when a result is off, 2 for a wrong call.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "core/device.h"
#include "kernels/token_gate.h"

namespace {

using namespace vega;
using at::Tensor;
using kernels::GateForm;

constexpr std::int64_t kTokens = 196, kWidth = 3584;
constexpr double kEps = 1e-5;
constexpr GateForm kForms[] = {GateForm::kRaw, GateForm::kNormed, GateForm::kResidual};
constexpr const char* kNames[] = {"raw", "normed", "residual"};

struct Bench {
  at::Device device;
  at::ScalarType type;
  std::int64_t views;
  double copy_rate = 0;  // bytes a second
  int failures = 0;
};

// Seconds a call: one warm-up, then rounds of several calls, the fastest round.
double time_of(const Bench& b, const std::function<void()>& call) {
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

double error_of(const Tensor& got, const Tensor& want) {
  const Tensor difference = got.to(at::kDouble) - want;
  return difference.norm().item<double>() / (want.norm().item<double>() + 1e-30);
}

// What float32 arithmetic may leave, or one rounding to bfloat16.
double allowed(at::ScalarType type) { return type == at::kBFloat16 ? 0x1p-8 : 1e-5; }

// bar 0: shown, not judged (the module in bfloat16 rounds at every line).
void line(Bench& b, const std::string& name, double error, double bar, double bytes,
          double seconds) {
  const bool good = bar == 0 || error <= bar;
  b.failures += good ? 0 : 1;
  const double rate = bytes / seconds;
  std::printf("  %-44s %9.3f ms %8.1f GB/s %5.0f%%  error %.1e %s\n", name.c_str(), seconds * 1e3,
              rate * 1e-9, 100 * rate / b.copy_rate, error,
              bar == 0 ? ""
              : good   ? "ok"
                       : "WRONG");
  std::fflush(stdout);
}

void measure_copy(Bench& b) {
  const Tensor from = at::ones({b.device.is_cuda() ? 256 << 20 : 32 << 20},
                               at::TensorOptions(b.device).dtype(at::kFloat));
  Tensor to = at::empty_like(from);
  const double seconds = time_of(b, [&] { to.copy_(from); });
  b.copy_rate = 2 * static_cast<double>(from.nbytes()) / seconds;
  std::printf("  %-44s %9.3f ms %8.1f GB/s\n", "copy", seconds * 1e3, b.copy_rate * 1e-9);
}

// S, G and the parameters in their order.
using Leaves = std::vector<Tensor>;

Leaves make_leaves(const Bench& b, GateForm form) {
  const auto normal = [&](at::IntArrayRef shape, double spread, double mean) {
    return at::randn(shape, at::TensorOptions(b.device).dtype(at::kFloat)) * spread + mean;
  };
  Leaves l{normal({b.views, kTokens, kWidth}, 2, 0.5).to(b.type),
           normal({b.views, kTokens, kWidth}, 0.7, -0.3).to(b.type),
           normal({kWidth}, 0.2, 1),
           normal({kWidth}, 0.1, 0),
           normal({kWidth}, 0.2, 1),
           normal({kWidth}, 0.1, 0),
           normal({1, 2 * kWidth}, 0.02, 0),
           normal({1}, 0.3, 0)};
  if (form == GateForm::kResidual) l.push_back(normal({1}, 0.1, 0.2));
  return l;
}

Leaves leaves_as(const Leaves& l, at::ScalarType type) {
  Leaves all;
  for (const Tensor& t : l) all.push_back(t.detach().to(type).requires_grad_(true));
  return all;
}

kernels::TokenGateParameters parameters(const Leaves& l) {
  return {l[2], l[3], l[4], l[5], l[6], l[7], l.size() > 8 ? l[8] : Tensor()};
}

Tensor blend(const Leaves& l, GateForm form, const Tensor& gate, const Tensor& a, const Tensor& b) {
  const Tensor mixed = gate * a + (1 - gate) * b;
  return form == GateForm::kResidual ? a + l[8] * (mixed - a) : mixed;
}

// Step 1: the module's lines, each a pass over memory.
Tensor lines(const Leaves& l, GateForm form) {
  const Tensor n1 = at::layer_norm(l[0], {kWidth}, l[2], l[3], kEps);
  const Tensor n2 = at::layer_norm(l[1], {kWidth}, l[4], l[5], kEps);
  const Tensor gate = at::sigmoid(at::linear(at::cat({n1, n2}, -1), l[6], l[7]));
  const bool normed = form == GateForm::kNormed;
  return blend(l, form, gate, normed ? n1 : l[0], normed ? n2 : l[1]);
}

// Step 2: no concatenation, one product a stream.
Tensor split(const Leaves& l, GateForm form) {
  const Tensor n1 = at::layer_norm(l[0], {kWidth}, l[2], l[3], kEps);
  const Tensor n2 = at::layer_norm(l[1], {kWidth}, l[4], l[5], kEps);
  const Tensor gate = at::sigmoid(at::linear(n1, l[6].narrow(1, 0, kWidth), l[7]) +
                                  at::linear(n2, l[6].narrow(1, kWidth, kWidth)));
  const bool normed = form == GateForm::kNormed;
  return blend(l, form, gate, normed ? n1 : l[0], normed ? n2 : l[1]);
}

// The same values one element off a 16-byte boundary: the kernels take their plain path on CUDA.
Tensor shifted(const Tensor& t) {
  const Tensor room = at::empty({t.numel() + 1}, t.options());
  const Tensor view = room.narrow(0, 1, t.numel()).view(t.sizes());
  view.copy_(t);
  return view;
}

// Largest relative error of S's, G's (bar: their type) and the parameters' gradients.
std::pair<double, double> errors_of(const kernels::TokenGateGradients& got, const Leaves& want) {
  const auto& p = got.parameters;
  double streams = std::max(error_of(got.d_semantic, want[0]), error_of(got.d_generative, want[1]));
  double rest = 0;
  const Tensor all[] = {p.norm1_weight, p.norm1_bias, p.norm2_weight,  p.norm2_bias,
                        p.gate_weight,  p.gate_bias,  p.residual_scale};
  for (std::size_t i = 0; i + 2 < want.size(); ++i) {
    rest = std::max(rest, error_of(all[i], want[i + 2]));
  }
  return {streams, rest};
}

void forward(Bench& b, GateForm form, const Leaves& l, const Tensor& want) {
  const c10::NoGradGuard none;
  const double bytes = 3 * static_cast<double>(l[0].nbytes());
  Leaves typed = l;  // the released module has its parameters in the streams' type
  for (Tensor& t : typed) t = t.to(b.type);
  line(b, "forward 1: the module's lines", error_of(lines(typed, form), want), 0, bytes,
       time_of(b, [&] { lines(typed, form); }));
  line(b, "forward 2: without the concatenation", error_of(split(typed, form), want), 0, bytes,
       time_of(b, [&] { split(typed, form); }));
  const auto p = parameters(l);
  const Tensor s = shifted(l[0]), g = shifted(l[1]);
  const auto fused = [&](const Tensor& x, const Tensor& y) {
    return kernels::token_gate(x, y, p, form, kEps).out;
  };
  line(b, "forward 3: fused, rows off 16-byte places", error_of(fused(s, g), want), allowed(b.type),
       bytes, time_of(b, [&] { fused(s, g); }));
  line(b, "forward 4: fused", error_of(fused(l[0], l[1]), want), allowed(b.type), bytes,
       time_of(b, [&] { fused(l[0], l[1]); }));
}

void backward(Bench& b, GateForm form, const Leaves& l, const Tensor& d, const Leaves& want) {
  const double bytes = 5 * static_cast<double>(l[0].nbytes());
  {
    const Leaves typed = leaves_as(l, b.type);
    const Tensor out = lines(typed, form);
    const auto run = [&] { return torch::autograd::grad({out}, typed, {d}, true); };
    line(b, "backward 1: the module's lines", error_of(run()[0], want[0]), 0, bytes,
         time_of(b, [&] { run(); }));
  }
  const c10::NoGradGuard none;
  const auto p = parameters(l);
  const Tensor saved = kernels::token_gate(l[0], l[1], p, form, kEps).statistics;
  const auto step = [&](const char* name, const Tensor& s, const Tensor& g, const Tensor& dout) {
    const auto run = [&] {
      return kernels::token_gate_backward(dout, std::nullopt, s, g, p, form, saved);
    };
    const auto [streams, rest] = errors_of(run(), want);
    line(b, name, streams, allowed(b.type), bytes, time_of(b, [&] { run(); }));
    if (rest > 1e-5) {
      std::printf("    parameters: error %.1e WRONG\n", rest);
      ++b.failures;
    }
  };
  step("backward 2: fused, rows off 16-byte places", shifted(l[0]), shifted(l[1]), shifted(d));
  step("backward 3: fused", l[0], l[1], d);
}

int run(Bench b) {
  std::printf("\n%s (%s), %s, V=%lld L=%lld D=%lld\n", device_name(b.device).c_str(),
              b.device.str().c_str(), c10::toString(b.type), static_cast<long long>(b.views),
              static_cast<long long>(kTokens), static_cast<long long>(kWidth));
  measure_copy(b);
  for (const GateForm form : kForms) {
    std::printf(" %s\n", kNames[static_cast<int>(form)]);
    const Leaves l = make_leaves(b, form);
    const Tensor d =
        at::randn(l[0].sizes(), at::TensorOptions(b.device).dtype(at::kFloat)).to(b.type);
    Tensor want;
    Leaves gradients;
    {
      const Leaves wide = leaves_as(l, at::kDouble);
      const Tensor out = lines(wide, form);
      gradients = torch::autograd::grad({out}, wide, {d.to(at::kDouble)});
      want = out.detach();
    }
    forward(b, form, l, want);
    backward(b, form, l, d, gradients);
    empty_cache(b.device);
  }
  return b.failures;
}

int run_all(int argc, char** argv) {
  std::vector<at::Device> devices;
  std::string why;
  const std::string asked = argc > 1 ? argv[1] : "";
  if (!asked.empty()) {
    devices.push_back(open_device(asked));
  } else {
    devices.emplace_back(at::kCPU);
    cuda_available(&why) ? devices.push_back(open_device("cuda"))
                         : static_cast<void>(std::printf("%s\n", why.c_str()));
  }
  int failures = 0;
  for (const auto device : devices) {
    const long views = argc > 2 ? std::atol(argv[2]) : device.is_cuda() ? 32 : 4;
    if (views < 1) throw UsageError("usage: ladder_token_gate [cpu|cuda] [views]");
    for (const auto type : {at::kFloat, at::kBFloat16}) failures += run({device, type, views});
  }
  std::printf("\n%d wrong\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_all(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "ladder_token_gate: %s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ladder_token_gate: %s\n", error.what());
    return 1;
  }
}
