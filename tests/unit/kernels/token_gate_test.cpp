#include "kernels/token_gate.h"

#include <ATen/Parallel.h>

#include "base/error.h"
#include "support/cuda.h"
#include "token_gate_case.h"

using namespace vega;
using namespace vega::test;

namespace {

// Nothing, one, primes; not a multiple of the vectors (8, 4), of a warp, of four tokens; the widths
// of the models; wider than the packed kernels' registers.
const GateCase kCases[] = {{{0}, 16},        {{1}, 1},       {{3}, 2},       {{7}, 31},
                           {{2, 5}, 37},     {{33}, 64},     {{2, 3}, 251},  {{5}, 256},
                           {{4, 2, 2}, 600}, {{3, 3}, 1536}, {{2, 7}, 3584}, {{3}, 3587},
                           {{3}, 4104},      {{2}, 8192},    {{1}, 16392},   {{1}, 20011}};

struct Threads {
  explicit Threads(int n) : before(at::get_num_threads()) { at::set_num_threads(n); }
  ~Threads() { at::set_num_threads(before); }
  int before;
};

}  // namespace

TEST_CASE("token_gate agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const GateCase& c : kCases) {
      for (const GateForm form : kForms) {
        CAPTURE(c.width, static_cast<int>(form));
        const GateInputs in = make_gate(c, form, device, type);
        const auto got = kernels::token_gate(in.s, in.g, in.p, form);
        CHECK(got.out.sizes() == in.s.sizes());
        CHECK(got.out.scalar_type() == type);
        CHECK(got.gate.sizes() == at::IntArrayRef(c.tokens));
        const auto want = ref::token_gate(oracle_inputs(in), blend_of(form), 1e-5);
        check_bounded("out", got.out, want.out);
        check_bounded("gate", got.gate, want.gate);
      }
    }
  });
}

TEST_CASE("token_gate saves the statistics of both streams") {
  on_all([](at::Device device, at::ScalarType type) {
    const GateInputs in = make_gate({{5}, 200}, GateForm::kRaw, device, type);
    const auto got = kernels::token_gate(in.s, in.g, in.p, GateForm::kRaw);
    const auto inputs = oracle_inputs(in);
    std::vector<Bounded> want;
    for (std::size_t row = 0; row < 5; ++row) {
      const auto r = ref::token_gate_row(inputs, row, 1e-5);
      const auto stream = [&](const std::vector<Bounded>& x, const std::vector<Bounded>& hat,
                              Bounded scale, const std::vector<Bounded>& w, std::size_t from) {
        Bounded mean = 0.0, dot = 0.0;
        for (std::size_t i = 0; i < 200; ++i) {
          ref::add(mean, x[row * 200 + i] * Bounded(1.0 / 200), ref::channel_depth(200));
          ref::add(dot, hat[i] * w[i] * inputs.gate_w[from + i], ref::channel_depth(200));
        }
        want.insert(want.end(), {mean, scale, dot});
      };
      stream(inputs.s, r.hat1, r.scale1, inputs.w1, 0);
      stream(inputs.g, r.hat2, r.scale2, inputs.w2, 200);
      want.insert(want.end(), {r.gate, r.rest});
    }
    check_bounded("statistics", got.statistics, want);
  });
}

TEST_CASE("token_gate takes parameters in bfloat16, all or some of them") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {31, 96, 1536, 4104}) {
      for (const GateForm form : kForms) {
        CAPTURE(width, static_cast<int>(form));
        const GateInputs in = make_gate({{3}, width}, form, device, type, at::kBFloat16);
        GateInputs wide = in, mixed = in;
        for (at::Tensor* t : {&wide.p.norm1_weight, &wide.p.norm1_bias, &wide.p.norm2_weight,
                              &wide.p.norm2_bias, &wide.p.gate_weight, &wide.p.gate_bias}) {
          *t = t->to(at::kFloat);
        }
        if (form == GateForm::kResidual) wide.p.residual_scale = in.p.residual_scale.to(at::kFloat);
        wide.p.gate_weight = wide.p.gate_weight.view({2 * width});
        mixed.p.norm2_bias = wide.p.norm2_bias;
        const auto a = kernels::token_gate(in.s, in.g, in.p, form);
        for (const GateInputs& other : {wide, mixed}) {
          const auto b = kernels::token_gate(other.s, other.g, other.p, form);
          CHECK(same_bits(a.out, b.out));
          CHECK(same_bits(a.gate, b.gate));
        }
      }
    }
  });
}

TEST_CASE("token_gate: a token's bits depend neither on its neighbours nor on the threads") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {37, 1536}) {
      for (const GateForm form : kForms) {
        const GateInputs in = make_gate({{403}, width}, form, device, type);
        const Threads three(3);
        const auto all = kernels::token_gate(in.s, in.g, in.p, form);
        const Threads single(1);
        const auto again = kernels::token_gate(in.s, in.g, in.p, form);
        CHECK(same_bits(all.out, again.out));
        CHECK(same_bits(all.statistics, again.statistics));
        for (const std::int64_t row : {0, 1, 202, 402}) {
          const auto one = kernels::token_gate(in.s.narrow(0, row, 1).clone(),
                                               in.g.narrow(0, row, 1).clone(), in.p, form);
          CHECK(same_bits(one.out, all.out.narrow(0, row, 1)));
          CHECK(same_bits(one.gate, all.gate.narrow(0, row, 1)));
        }
      }
    }
  });
}

TEST_CASE("token_gate at closed and open gates") {
  on_all([](at::Device device, at::ScalarType type) {
    GateInputs in = make_gate({{3}, 64}, GateForm::kRaw, device, type);
    in.p.gate_bias.fill_(200);
    auto got = kernels::token_gate(in.s, in.g, in.p, GateForm::kRaw);
    CHECK(same_bits(got.out, in.s));
    CHECK(same_bits(got.gate, at::ones_like(got.gate)));
    in.p.gate_bias.fill_(-200);
    got = kernels::token_gate(in.s, in.g, in.p, GateForm::kRaw);
    CHECK(same_bits(got.out, in.g));
    in.p.gate_bias.fill_(30);  // 1 - g is 1e-13, which 1 - float(g) is not
    got = kernels::token_gate(in.s, in.g, in.p, GateForm::kRaw);
    const auto inputs = oracle_inputs(in);
    std::vector<Bounded> rest;
    for (std::size_t row = 0; row < 3; ++row) {
      rest.push_back(ref::token_gate_row(inputs, row, 1e-5).rest);
    }
    check_bounded("1 - g", got.statistics.select(1, 7), rest);
  });
}

TEST_CASE("token_gate: equal and constant rows") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const GateForm form : kForms) {
      GateInputs in = make_gate({{4}, 40}, form, device, type);
      in.s.fill_(3);
      in.g.fill_(-5);
      const auto got = kernels::token_gate(in.s, in.g, in.p, form);
      const auto want = ref::token_gate(oracle_inputs(in), blend_of(form), 1e-5);
      check_bounded("out", got.out, want.out);
    }
  });
}

TEST_CASE("token_gate: NaN stays in its token") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const GateForm form : kForms) {
      const GateInputs in = make_gate({{6}, 48}, form, device, type);
      in.s[2][7] = NAN;
      const auto got = kernels::token_gate(in.s, in.g, in.p, form);
      const auto bad = got.out.isnan().any(1).to(at::kCPU);
      for (std::int64_t row = 0; row < 6; ++row) CHECK(bad[row].item<bool>() == (row == 2));
      CHECK(got.out[2].isnan().all().item<bool>());
      CHECK(got.gate[2].isnan().item<bool>());
    }
  });
}

TEST_CASE("token_gate refuses what it cannot do") {
  const GateInputs in = make_gate({{3}, 8}, GateForm::kRaw, at::kCPU, at::kFloat);
  const auto call = [&](const at::Tensor& s, const at::Tensor& g, const auto& p, GateForm form) {
    kernels::token_gate(s, g, p, form);
  };
  const auto raw = GateForm::kRaw;
  CHECK_THROWS_AS(call(in.s, in.g.narrow(0, 0, 2), in.p, raw), InputError);
  CHECK_THROWS_AS(call(in.s, in.g.to(at::kBFloat16), in.p, raw), InputError);
  CHECK_THROWS_AS(call(in.s.to(at::kHalf), in.g.to(at::kHalf), in.p, raw), InputError);
  CHECK_THROWS_AS(call(in.s.t(), in.g.t(), in.p, raw), InputError);
  CHECK_THROWS_AS(call(random({3, 0}, 1), random({3, 0}, 1), in.p, raw), InputError);
  CHECK_THROWS_AS(call(at::Tensor(), in.g, in.p, raw), InputError);
  CHECK_THROWS_AS(call(in.s, in.g, in.p, GateForm::kResidual), InputError);  // no residual_scale
  auto p = in.p;
  p.residual_scale = random({1}, 1);
  CHECK_THROWS_AS(call(in.s, in.g, p, raw), InputError);
  p = in.p;
  p.gate_weight = random({2, 8}, 1);
  CHECK_THROWS_AS(call(in.s, in.g, p, raw), InputError);
  p = in.p;
  p.norm2_bias = random({7}, 1);
  CHECK_THROWS_AS(call(in.s, in.g, p, raw), InputError);
}

TEST_CASE("token_gate on CUDA against its CPU twin", "[cuda]") {
  if (!has_cuda("token_gate")) return;
  const at::Device cuda(at::kCUDA, 0);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const GateForm form : kForms) {
      for (const GateCase& c : {GateCase{{5, 13}, 3584}, GateCase{{97}, 131}}) {
        const GateInputs in = make_gate(c, form, at::kCPU, type);
        const GateInputs there = make_gate(c, form, cuda, type);
        const auto a = kernels::token_gate(in.s, in.g, in.p, form);
        const auto b = kernels::token_gate(there.s, there.g, there.p, form);
        const auto want = ref::token_gate(oracle_inputs(in), blend_of(form), 1e-5);
        // Each is that far from the truth at most.
        check_bounded("out", b.out, with_errors(a.out, want.out), 2 * kSlack, 2);
        check_bounded("gate", b.gate, with_errors(a.gate, want.gate), 2 * kSlack, 2);
      }
    }
  }
}
