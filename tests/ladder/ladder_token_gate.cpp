// The token gate from the module's lines to one pass over memory: every step's result against the
// formula in double, its time, and the bytes that have to move (S, G, out; backward S, G, d out,
// d S, d G; once each) as a share of what a plain copy reaches on the same device.
//   ladder_token_gate [cpu|cuda] [views]     all devices, 4 (CPU) or 32 (CUDA) views
// Exit status 1 when a result is off, 2 for a wrong call.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "core/device.h"
#include "kernels/token_gate.h"
#include "ladder/ladder.h"

namespace {

using namespace vega;
using at::Tensor;
using kernels::GateForm;

constexpr std::int64_t kTokens = 196, kWidth = 3584;
constexpr double kEps = 1e-5;
constexpr GateForm kForms[] = {GateForm::kRaw, GateForm::kNormed, GateForm::kResidual};
constexpr const char* kNames[] = {"raw", "normed", "residual"};

struct Bench : ladder::Bench {
  std::int64_t views;
};

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
  const Tensor gate = at::sigmoid(at::linear(at::cat({n1, n2}, -1), l[6]) + l[7]);
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

// The gradient of a single number is a sum over tokens that may cancel: where the wanted one comes
// a token each, the error is measured against the sum of their magnitudes.
double parameter_error(const Tensor& got, const Tensor& want) {
  if (got.numel() == want.numel()) return error_of(got, want);
  const double difference = got.to(at::kDouble).sum().item<double>() - want.sum().item<double>();
  return std::abs(difference) / want.abs().sum().item<double>();
}

// NaN stays.
double larger(double a, double b) { return !(b <= a) ? b : a; }

// Largest relative error of S's, G's (bar: their type) and the parameters' gradients. Those of the
// norms' biases are gate_w times the gate bias's (normed: and a sum that does not cancel), so they
// share its cancellation.
std::pair<double, double> errors_of(const kernels::TokenGateGradients& got, const Leaves& want) {
  const auto& p = got.parameters;
  const double streams =
      larger(error_of(got.d_semantic, want[0]), error_of(got.d_generative, want[1]));
  const Tensor all[] = {p.norm1_weight, p.norm1_bias, p.norm2_weight,  p.norm2_bias,
                        p.gate_weight,  p.gate_bias,  p.residual_scale};
  const Tensor& gate_bias = want[7];  // a token each
  const double cancelled =
      gate_bias.abs().sum().item<double>() / std::abs(gate_bias.sum().item<double>());
  double rest = 0;
  for (std::size_t i = 0; i + 2 < want.size(); ++i) {
    const double error = parameter_error(all[i], want[i + 2]);
    rest = larger(rest, i == 1 || i == 3 ? error / cancelled : error);
  }
  return {streams, rest};
}

void forward(Bench& b, GateForm form, const Leaves& l, const Tensor& want) {
  const c10::NoGradGuard none;
  const double bytes = 3 * static_cast<double>(l[0].nbytes());
  Leaves typed = l;  // the released module has its parameters in the streams' type
  for (Tensor& t : typed) t = t.to(b.type);
  line(b, "forward 1: the module's lines", error_of(lines(typed, form), want), 0, bytes,
       ladder::time_of(b, [&] { lines(typed, form); }));
  line(b, "forward 2: without the concatenation", error_of(split(typed, form), want), 0, bytes,
       ladder::time_of(b, [&] { split(typed, form); }));
  const auto p = parameters(l);
  const Tensor s = shifted(l[0]), g = shifted(l[1]);
  const auto fused = [&](const Tensor& x, const Tensor& y) {
    return kernels::token_gate(x, y, p, form, kEps).out;
  };
  line(b, "forward 3: fused, rows off 16-byte places", error_of(fused(s, g), want), allowed(b.type),
       bytes, ladder::time_of(b, [&] { fused(s, g); }));
  line(b, "forward 4: fused", error_of(fused(l[0], l[1]), want), allowed(b.type), bytes,
       ladder::time_of(b, [&] { fused(l[0], l[1]); }));
}

void backward(Bench& b, GateForm form, const Leaves& l, const Tensor& d, const Leaves& want) {
  const double bytes = 5 * static_cast<double>(l[0].nbytes());
  {
    const Leaves typed = leaves_as(l, b.type);
    const Tensor out = lines(typed, form);
    const auto run = [&] { return torch::autograd::grad({out}, typed, {d}, true); };
    line(b, "backward 1: the module's lines", error_of(run()[0], want[0]), 0, bytes,
         ladder::time_of(b, [&] { run(); }));
  }
  const c10::NoGradGuard none;
  const auto p = parameters(l);
  const Tensor saved = kernels::token_gate(l[0], l[1], p, form, kEps).statistics;
  const auto step = [&](const char* name, const Tensor& s, const Tensor& g, const Tensor& dout) {
    const auto run = [&] {
      return kernels::token_gate_backward(dout, std::nullopt, s, g, p, form, saved);
    };
    const auto [streams, rest] = errors_of(run(), want);
    line(b, name, streams, allowed(b.type), bytes, ladder::time_of(b, [&] { run(); }));
    if (!(rest <= 1e-5)) {
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
  measure_copy(b, "  copy", 46);
  for (const GateForm form : kForms) {
    std::printf(" %s\n", kNames[static_cast<int>(form)]);
    const Leaves l = make_leaves(b, form);
    const Tensor d =
        at::randn(l[0].sizes(), at::TensorOptions(b.device).dtype(at::kFloat)).to(b.type);
    Tensor want;
    Leaves gradients;
    {
      Leaves tokenwise = l;  // single numbers, one a token
      for (std::size_t i = 7; i < l.size(); ++i) tokenwise[i] = l[i].expand({b.views, kTokens, 1});
      const Leaves wide = leaves_as(tokenwise, at::kDouble);
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
  int failures = 0;
  for (const auto device : ladder::devices_of(argc > 1 ? argv[1] : "")) {
    const long views = argc > 2 ? std::atol(argv[2]) : device.is_cuda() ? 32 : 4;
    if (views < 1) throw UsageError("usage: ladder_token_gate [cpu|cuda] [views]");
    for (const auto type : {at::kFloat, at::kBFloat16}) failures += run({{device, type}, views});
  }
  std::printf("\n%d wrong\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return ladder::guarded("ladder_token_gate", [&] { return run_all(argc, argv); });
}
