// Speed of the fused token gate beside the released module line by line, and beside a plain copy of
// the same bytes; all sides in turn in one run.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/memory.h"
#include "bench/arguments.h"
#include "bench/seconds.h"
#include "core/device.h"
#include "kernels/token_gate.h"

namespace vega::bench {
namespace {

using at::Tensor;
using kernels::GateForm;

constexpr const char* kUsage =
    R"(bench_token_gate: the fused token gate beside the released module line by line, and a copy

  bench_token_gate [options]

  --device NAME    cpu, cuda, cuda:N                                     [cpu]
  --dtype NAME     fp32, bf16                                           [bf16]
  --form NAME      raw, normed, residual                              [normed]
  --views N --tokens N --width N                             [32] [196] [3584]
  --threads N      CPU threads                                 [the machine's]
  --repeat N       rounds; medians are shown              [5; cuda: 20 of 20]
  --least R        exit 1 when the forward ratio is below R
  --least-copy R   exit 1 when a pass moves less than R of the copy's bytes a second

Bytes: forward S, G, out; backward S, G, d out, d S, d G; each once.
Example: bench_token_gate --dtype fp32 --threads 2 --least 3
)";

struct Options {
  std::string device = "cpu", dtype = "bf16", form = "normed";
  std::int64_t views = 32, tokens = 196, width = 3584, threads = 0, repeat = 0;
  double least = 0, least_copy = 0;
  bool help = false;
};

Options parse(int argc, char** argv) {
  constexpr std::int64_t kMost = 1000000;
  const Arguments arguments("bench_token_gate");
  Options o;
  o.help = !arguments.each(argc, argv, [&](const std::string& name, const std::string& value) {
    const auto whole = [&](std::int64_t& to) { to = arguments.whole(name, value, 1, kMost); };
    if (name == "--device")
      o.device = value;
    else if (name == "--dtype")
      o.dtype = value;
    else if (name == "--form")
      o.form = value;
    else if (name == "--views")
      whole(o.views);
    else if (name == "--tokens")
      whole(o.tokens);
    else if (name == "--width")
      whole(o.width);
    else if (name == "--threads")
      whole(o.threads);
    else if (name == "--repeat")
      whole(o.repeat);
    else if (name == "--least")
      o.least = arguments.real(name, value);
    else if (name == "--least-copy")
      o.least_copy = arguments.real(name, value);
    else
      return false;
    return true;
  });
  if (o.dtype != "fp32" && o.dtype != "bf16") arguments.refuse("--dtype", o.dtype, "fp32 or bf16");
  if (o.form != "raw" && o.form != "normed" && o.form != "residual")
    arguments.refuse("--form", o.form, "raw, normed or residual");
  return o;
}

struct Side {
  std::string name;
  double bytes;
  std::function<void()> call;
  std::vector<double> wall, cpu;
  double seconds() const { return median(wall); }
  double processor_seconds() const { return median(cpu); }
};

class Bench {
 public:
  explicit Bench(const Options& o)
      : o_(o),
        device_(open_device(o.device)),
        type_(o.dtype == "bf16" ? at::kBFloat16 : at::kFloat),
        form_(o.form == "raw"      ? GateForm::kRaw
              : o.form == "normed" ? GateForm::kNormed
                                   : GateForm::kResidual) {
    make_inputs();
  }

  bool run() {
    check();
    std::vector<Side> sides = make_sides();
    const int rounds = o_.repeat ? static_cast<int>(o_.repeat) : device_.is_cpu() ? 5 : 20;
    for (Side& side : sides) side.call();
    for (int i = 0; i < rounds; ++i) {
      for (Side& side : sides) measure(side);
    }
    return print(sides);
  }

 private:
  // Parameters of the streams' type, as the released model's are.
  void make_inputs() {
    const auto f32 = at::TensorOptions(device_).dtype(at::kFloat);
    const auto normal = [&](at::IntArrayRef shape, double spread, double mean) {
      return (at::randn(shape, f32) * spread + mean).to(type_);
    };
    s_ = normal({o_.views, o_.tokens, o_.width}, 2, 0.5);
    g_ = normal(s_.sizes(), 0.7, -0.3);
    d_ = normal(s_.sizes(), 1, 0);
    const auto parameter = [&](at::IntArrayRef shape, double spread, double mean) {
      return normal(shape, spread, mean).requires_grad_(true);
    };
    p_ = {parameter({o_.width}, 0.2, 1),
          parameter({o_.width}, 0.1, 0),
          parameter({o_.width}, 0.2, 1),
          parameter({o_.width}, 0.1, 0),
          parameter({1, 2 * o_.width}, 0.02, 0),
          parameter({1}, 0.3, 0),
          {}};
    if (form_ == GateForm::kResidual) p_.residual_scale = parameter({1}, 0.1, 0.2);
  }

  // The released module, line by line: every line a pass over memory, rounded to the streams' type.
  Tensor released(const Tensor& s, const Tensor& g) const {
    const Tensor n1 = at::layer_norm(s, {o_.width}, p_.norm1_weight, p_.norm1_bias, 1e-5);
    const Tensor n2 = at::layer_norm(g, {o_.width}, p_.norm2_weight, p_.norm2_bias, 1e-5);
    const Tensor gate =
        at::sigmoid(at::linear(at::cat({n1, n2}, -1), p_.gate_weight, p_.gate_bias));
    if (form_ == GateForm::kNormed) return gate * n1 + (1 - gate) * n2;
    const Tensor mixed = gate * s + (1 - gate) * g;
    return form_ == GateForm::kRaw ? mixed : s + p_.residual_scale * (mixed - s);
  }

  std::vector<Tensor> leaves(const Tensor& s, const Tensor& g) const {
    std::vector<Tensor> all{s,
                            g,
                            p_.norm1_weight,
                            p_.norm1_bias,
                            p_.norm2_weight,
                            p_.norm2_bias,
                            p_.gate_weight,
                            p_.gate_bias};
    if (p_.residual_scale.defined()) all.push_back(p_.residual_scale);
    return all;
  }

  static double difference(const Tensor& a, const Tensor& b) {
    const Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
    return ((x - y).norm() / y.norm()).item<double>();
  }

  // Both sides compute the same: 1e-5 in float32; in bfloat16 the module rounds at every line, a
  // handful of halves of 2^-8.
  void check() {
    const c10::NoGradGuard none;
    const auto few = [&](const Tensor& x) { return x.narrow(0, 0, 1).contiguous(); };
    const double bar = type_ == at::kFloat ? 1e-5 : 4 * 0x1p-8;
    const double error = difference(kernels::token_gate(few(s_), few(g_), p_, form_).out,
                                    released(few(s_), few(g_)));
    std::printf("both give the same blend: relative difference %.1e (bar %.0e)\n", error, bar);
    if (!(error < bar)) {
      throw InputError(explain("bench_token_gate", "two different results", "the same blend"));
    }
  }

  std::vector<Side> make_sides() {
    const double bytes = static_cast<double>(s_.nbytes());
    const auto statistics = kernels::token_gate(s_, g_, p_, form_).statistics;
    const Tensor s = s_.detach().requires_grad_(true), g = g_.detach().requires_grad_(true);
    const auto no_grad = [](auto body) {
      return [body] {
        const c10::NoGradGuard none;
        body();
      };
    };
    // A copy that moves the bytes of a forward pass: 1.5 tensors read, 1.5 written.
    const auto flat = at::empty({3 * s_.numel() / 2}, s_.options()).fill_(1);
    const auto other = at::empty_like(flat);
    graph_ = released(s, g);
    return {{"copy", 3 * bytes, no_grad([=] { other.copy_(flat); }), {}, {}},
            {"fused forward",
             3 * bytes,
             no_grad([=, this] { kernels::token_gate(s_, g_, p_, form_); }),
             {},
             {}},
            {"released forward", 3 * bytes, no_grad([=, this] { released(s_, g_); }), {}, {}},
            {"fused backward",
             5 * bytes,
             no_grad([=, this] {
               kernels::token_gate_backward(d_, std::nullopt, s_, g_, p_, form_, statistics);
             }),
             {},
             {}},
            {"released backward",
             5 * bytes,
             [=, this] { torch::autograd::grad({graph_}, leaves(s, g), {d_}, true); },
             {},
             {}}};
  }

  void measure(Side& side) const {
    const int calls = device_.is_cpu() ? 1 : 20;
    synchronize(device_);
    const Seconds start = now();
    for (int i = 0; i < calls; ++i) side.call();
    synchronize(device_);
    const Seconds took = now() - start;
    side.wall.push_back(took.wall / calls);
    side.cpu.push_back(took.cpu / calls);
  }

  bool print(const std::vector<Side>& sides) const {
    std::printf("%s, %s, %s, V=%lld L=%lld D=%lld", device_name(device_).c_str(), o_.dtype.c_str(),
                o_.form.c_str(), static_cast<long long>(o_.views),
                static_cast<long long>(o_.tokens), static_cast<long long>(o_.width));
    if (device_.is_cpu()) std::printf(", %d threads", at::get_num_threads());
    std::printf(", median of %zu\n%-20s %10s %10s %9s %10s\n", sides[0].wall.size(), "", "ms",
                "GB/s", "of copy", "cpu ms");
    const double copy = sides[0].bytes / sides[0].seconds();
    for (const Side& side : sides) {
      const double rate = side.bytes / side.seconds();
      std::printf("%-20s %10.3f %10.1f %8.0f%% %10.3f\n", side.name.c_str(), 1e3 * side.seconds(),
                  rate * 1e-9, 100 * rate / copy, 1e3 * side.processor_seconds());
    }
    const double forward = sides[2].seconds() / sides[1].seconds();
    std::printf("released / fused: forward %.2f, backward %.2f", forward,
                sides[4].seconds() / sides[3].seconds());
    if (device_.is_cpu()) {
      std::printf("; by processor time %.2f, %.2f",
                  sides[2].processor_seconds() / sides[1].processor_seconds(),
                  sides[4].processor_seconds() / sides[3].processor_seconds());
    }
    std::printf("\n");
    bool good = true;
    if (forward < o_.least) {
      std::printf("BELOW --least %.2f\n", o_.least);
      good = false;
    }
    for (const int pass : {1, 3}) {
      const Side& side = sides[static_cast<std::size_t>(pass)];
      if (side.bytes / side.seconds() < o_.least_copy * copy) {
        std::printf("%s: BELOW --least-copy %.2f\n", side.name.c_str(), o_.least_copy);
        good = false;
      }
    }
    return good;
  }

  Options o_;
  at::Device device_;
  at::ScalarType type_;
  GateForm form_;
  Tensor s_, g_, d_, graph_;
  kernels::TokenGateParameters p_;
};

}  // namespace
}  // namespace vega::bench

int main(int argc, char** argv) {
  try {
    const auto options = vega::bench::parse(argc, argv);
    if (options.help) {
      std::cout << vega::bench::kUsage;
      return 0;
    }
    vega::keep_freed_memory();  // as the programs do; all sides run with it
    if (options.threads) at::set_num_threads(static_cast<int>(options.threads));
    return vega::bench::Bench(options).run() ? 0 : 1;
  } catch (const vega::Error& error) {
    std::cerr << "bench_token_gate: " << error.what() << "\n";
    return error.exit_code();
  } catch (const std::exception& error) {
    std::cerr << "bench_token_gate: " << error.what() << "\n";
    return 4;
  }
}
