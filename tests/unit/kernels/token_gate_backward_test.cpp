#include <ATen/Parallel.h>

#include "base/error.h"
#include "support/cuda.h"
#include "token_gate_case.h"

using namespace vega;
using namespace vega::test;

namespace {

using BackwardInputs = ref::TokenGateInputs<double>;

// Fields of the oracle's structure, for loops over them.
template <typename T>
std::vector<std::pair<const char*, T*>> fields(auto& in) {
  return {{"S", &in.s},           {"G", &in.g},           {"w1", &in.w1},
          {"b1", &in.b1},         {"w2", &in.w2},         {"b2", &in.b2},
          {"gate_w", &in.gate_w}, {"gate_b", &in.gate_b}, {"r", &in.r}};
}

struct Gradients {
  at::Tensor d_out, d_gate;
};

Gradients make_gradients(const GateInputs& in) {
  const auto sizes = in.s.sizes().vec();
  return {random(sizes, 21).to(in.s.device(), in.s.scalar_type()),
          random({sizes.begin(), sizes.end() - 1}, 22).to(in.s.device())};
}

void check_gradients(const kernels::TokenGateGradients& got,
                     const ref::TokenGateInputs<Bounded>& want) {
  check_bounded("d S", got.d_semantic, want.s);
  check_bounded("d G", got.d_generative, want.g);
  check_bounded("d w1", got.parameters.norm1_weight, want.w1);
  check_bounded("d b1", got.parameters.norm1_bias, want.b1);
  check_bounded("d w2", got.parameters.norm2_weight, want.w2);
  check_bounded("d b2", got.parameters.norm2_bias, want.b2);
  check_bounded("d gate_weight", got.parameters.gate_weight, want.gate_w);
  check_bounded("d gate_bias", got.parameters.gate_bias, want.gate_b);
  if (got.parameters.residual_scale.defined()) {
    check_bounded("d residual_scale", got.parameters.residual_scale, want.r);
  }
}

bool same_gradients(const kernels::TokenGateGradients& a, const kernels::TokenGateGradients& b) {
  const auto &p = a.parameters, &q = b.parameters;
  return same_bits(a.d_semantic, b.d_semantic) && same_bits(a.d_generative, b.d_generative) &&
         same_bits(p.norm1_weight, q.norm1_weight) && same_bits(p.norm1_bias, q.norm1_bias) &&
         same_bits(p.norm2_weight, q.norm2_weight) && same_bits(p.norm2_bias, q.norm2_bias) &&
         same_bits(p.gate_weight, q.gate_weight) && same_bits(p.gate_bias, q.gate_bias) &&
         p.residual_scale.defined() == q.residual_scale.defined() &&
         (!p.residual_scale.defined() || same_bits(p.residual_scale, q.residual_scale));
}

// Nothing, one, primes; tails of every kind; more than one chunk; wider than the packed kernels.
const GateCase kBackwardCases[] = {{{0}, 16},    {{1}, 1},       {{3}, 2},       {{7}, 31},
                                   {{2, 5}, 37}, {{33}, 64},     {{71}, 40},     {{2, 3}, 251},
                                   {{5}, 256},   {{3, 3}, 1536}, {{2, 7}, 3584}, {{3}, 3587},
                                   {{3}, 4104},  {{2}, 8192},    {{1}, 20011}};

}  // namespace

TEST_CASE("the oracle's gradients are its finite differences") {
  // Central differences in double with h = 1e-5: the error is h^2 times a third derivative, 1e-10
  // times some tens here, and 1e-16 / h = 1e-11 of the sum.
  for (const GateForm form : kForms) {
    for (const double eps : {1e-5, 0.3}) {
      const GateInputs made = make_gate({{3}, 7}, form, at::kCPU, at::kFloat);
      BackwardInputs in = oracle_inputs<double>(made);
      const auto grads = make_gradients(made);
      const auto d_out = numbers<double>(grads.d_out), d_gate = numbers<double>(grads.d_gate);
      const auto loss = [&] {
        const auto y = ref::token_gate(in, blend_of(form), eps);
        double sum = 0;
        for (std::size_t i = 0; i < d_out.size(); ++i) sum += y.out[i] * d_out[i];
        for (std::size_t i = 0; i < d_gate.size(); ++i) sum += y.gate[i] * d_gate[i];
        return sum;
      };
      BackwardInputs d = ref::token_gate_backward(in, blend_of(form), eps, d_out, d_gate);
      const auto at = fields<std::vector<double>>(in), want = fields<std::vector<double>>(d);
      for (std::size_t f = 0; f < at.size(); ++f) {
        for (std::size_t i = 0; i < at[f].second->size(); ++i) {
          double& x = (*at[f].second)[i];
          const double middle = x, h = 1e-5;
          x = middle + h;
          const double up = loss();
          x = middle - h;
          const double down = loss();
          x = middle;
          INFO(at[f].first << "[" << i << "], form " << static_cast<int>(form));
          CHECK((up - down) / (2 * h) == Approx((*want[f].second)[i]).epsilon(1e-8).margin(2e-8));
        }
      }
    }
  }
}

TEST_CASE("token_gate_backward agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const GateCase& c : kBackwardCases) {
      for (const GateForm form : kForms) {
        CAPTURE(c.tokens, c.width, static_cast<int>(form));
        const GateInputs in = make_gate(c, form, device, type);
        const auto d = make_gradients(in);
        const auto saved = kernels::token_gate(in.s, in.g, in.p, form).statistics;
        const auto got =
            kernels::token_gate_backward(d.d_out, d.d_gate, in.s, in.g, in.p, form, saved);
        CHECK(got.d_semantic.scalar_type() == type);
        CHECK(got.d_semantic.sizes() == in.s.sizes());
        CHECK(got.parameters.gate_weight.sizes() == in.p.gate_weight.sizes());
        CHECK(got.parameters.residual_scale.defined() == (form == GateForm::kResidual));
        check_gradients(got, ref::token_gate_backward(oracle_inputs(in), blend_of(form), 1e-5,
                                                      numbers(d.d_out), numbers(d.d_gate)));
      }
    }
  });
}

TEST_CASE("token_gate_backward takes parameters in bfloat16") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {31, 96, 1536}) {
      for (const GateForm form : kForms) {
        CAPTURE(width, static_cast<int>(form));
        const GateInputs in = make_gate({{40}, width}, form, device, type, at::kBFloat16);
        const auto d = make_gradients(in);
        const auto saved = kernels::token_gate(in.s, in.g, in.p, form).statistics;
        check_gradients(
            kernels::token_gate_backward(d.d_out, d.d_gate, in.s, in.g, in.p, form, saved),
            ref::token_gate_backward(oracle_inputs(in), blend_of(form), 1e-5, numbers(d.d_out),
                                     numbers(d.d_gate)));
      }
    }
  });
}

// On a large device no size that a test has time for gives a chunk more than one tile of 64 tokens.
TEST_CASE("token_gate_backward with several tiles of tokens a chunk") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {37, 264}) {
      for (const GateForm form : kForms) {
        for (const std::int64_t most : {1, 2}) {  // the last tile has 11 tokens, or 38
          CAPTURE(width, static_cast<int>(form), most);
          const GateInputs in = make_gate({{203}, width}, form, device, type);
          const auto d = make_gradients(in);
          const auto saved = kernels::token_gate(in.s, in.g, in.p, form).statistics;
          const auto got =
              kernels::token_gate_backward(d.d_out, d.d_gate, in.s, in.g, in.p, form, saved, most);
          check_gradients(got, ref::token_gate_backward(oracle_inputs(in), blend_of(form), 1e-5,
                                                        numbers(d.d_out), numbers(d.d_gate)));
        }
      }
    }
  });
}

TEST_CASE("token_gate_backward without a gradient of the gate") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const GateForm form : kForms) {
      const GateInputs in = make_gate({{9}, 72}, form, device, type);
      const auto d = make_gradients(in);
      const auto saved = kernels::token_gate(in.s, in.g, in.p, form).statistics;
      const auto got =
          kernels::token_gate_backward(d.d_out, std::nullopt, in.s, in.g, in.p, form, saved);
      const auto zero = kernels::token_gate_backward(d.d_out, at::zeros_like(d.d_gate), in.s, in.g,
                                                     in.p, form, saved);
      CHECK(same_gradients(got, zero));
      check_gradients(
          got, ref::token_gate_backward(oracle_inputs(in), blend_of(form), 1e-5, numbers(d.d_out),
                                        std::vector<Bounded>(9, 0.0)));
    }
  });
}

TEST_CASE("token_gate_backward: the same bits every time, with any number of threads") {
  on_all([](at::Device device, at::ScalarType type) {
    const int before = at::get_num_threads();
    for (const std::int64_t width : {37, 1536}) {
      for (const GateForm form : kForms) {
        const GateInputs in = make_gate({{403}, width}, form, device, type);
        const auto d = make_gradients(in);
        const auto saved = kernels::token_gate(in.s, in.g, in.p, form).statistics;
        const auto run = [&](int threads) {
          at::set_num_threads(threads);
          return kernels::token_gate_backward(d.d_out, d.d_gate, in.s, in.g, in.p, form, saved);
        };
        const auto one = run(1);
        CHECK(same_gradients(one, run(3)));
        CHECK(same_gradients(one, run(7)));
      }
    }
    at::set_num_threads(before);
  });
}

TEST_CASE("token_gate_backward: a closed gate passes no gradient to its weights") {
  on_all([](at::Device device, at::ScalarType type) {
    GateInputs in = make_gate({{5}, 64}, GateForm::kRaw, device, type);
    in.p.gate_bias.fill_(300);
    const auto d = make_gradients(in);
    const auto saved = kernels::token_gate(in.s, in.g, in.p, GateForm::kRaw).statistics;
    const auto got =
        kernels::token_gate_backward(d.d_out, d.d_gate, in.s, in.g, in.p, GateForm::kRaw, saved);
    CHECK(same_bits(got.d_semantic, d.d_out));
    CHECK(got.d_generative.eq(0).all().item<bool>());
    CHECK(got.parameters.gate_weight.eq(0).all().item<bool>());
  });
}

TEST_CASE("token_gate_backward refuses what does not fit") {
  const GateInputs in = make_gate({{3}, 8}, GateForm::kRaw, at::kCPU, at::kFloat);
  const auto d = make_gradients(in);
  const auto saved = kernels::token_gate(in.s, in.g, in.p, GateForm::kRaw).statistics;
  const auto call = [&](const at::Tensor& d_out, const at::Tensor& d_gate,
                        const at::Tensor& statistics) {
    kernels::token_gate_backward(d_out, d_gate, in.s, in.g, in.p, GateForm::kRaw, statistics);
  };
  CHECK_NOTHROW(call(d.d_out, d.d_gate, saved));
  CHECK_THROWS_AS(call(d.d_out.narrow(0, 0, 2), d.d_gate, saved), InputError);
  CHECK_THROWS_AS(call(d.d_out.to(at::kBFloat16), d.d_gate, saved), InputError);
  CHECK_THROWS_AS(call(d.d_out, d.d_gate.narrow(0, 0, 2), saved), InputError);
  CHECK_THROWS_AS(call(d.d_out, d.d_gate.to(at::kBFloat16), saved), InputError);
  CHECK_THROWS_AS(call(d.d_out, d.d_gate, saved.narrow(0, 0, 2)), InputError);
  CHECK_THROWS_AS(call(d.d_out, d.d_gate, at::Tensor()), InputError);
}

TEST_CASE("token_gate_backward on CUDA against its CPU twin", "[cuda]") {
  if (!has_cuda("token_gate_backward")) return;
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const GateForm form : kForms) {
      for (const GateCase& c : {GateCase{{5, 13}, 3584}, GateCase{{397}, 131}}) {
        CAPTURE(c.width, static_cast<int>(form), c10::toString(type));
        const auto run = [&](at::Device device) {
          const GateInputs in = make_gate(c, form, device, type);
          const auto d = make_gradients(in);
          const auto saved = kernels::token_gate(in.s, in.g, in.p, form).statistics;
          return kernels::token_gate_backward(d.d_out, d.d_gate, in.s, in.g, in.p, form, saved);
        };
        const GateInputs in = make_gate(c, form, at::kCPU, type);
        const auto d = make_gradients(in);
        const auto want = ref::token_gate_backward(oracle_inputs(in), blend_of(form), 1e-5,
                                                   numbers(d.d_out), numbers(d.d_gate));
        const auto a = run(at::kCPU), b = run(at::Device(at::kCUDA, 0));
        check_bounded("d S", b.d_semantic, with_errors(a.d_semantic, want.s), 2 * kSlack, 2);
        check_bounded("d G", b.d_generative, with_errors(a.d_generative, want.g), 2 * kSlack, 2);
        const auto &p = a.parameters, &q = b.parameters;
        check_bounded("d w1", q.norm1_weight, with_errors(p.norm1_weight, want.w1), 2 * kSlack);
        check_bounded("d b1", q.norm1_bias, with_errors(p.norm1_bias, want.b1), 2 * kSlack);
        check_bounded("d w2", q.norm2_weight, with_errors(p.norm2_weight, want.w2), 2 * kSlack);
        if (p.residual_scale.defined())
          check_bounded("d residual_scale", q.residual_scale, with_errors(p.residual_scale, want.r),
                        2 * kSlack);
        check_bounded("d b2", q.norm2_bias, with_errors(p.norm2_bias, want.b2), 2 * kSlack);
        check_bounded("d gate_weight", q.gate_weight, with_errors(p.gate_weight, want.gate_w),
                      2 * kSlack);
        check_bounded("d gate_bias", q.gate_bias, with_errors(p.gate_bias, want.gate_b),
                      2 * kSlack);
      }
    }
  }
}
