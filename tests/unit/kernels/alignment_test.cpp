// Tensors that begin one element behind a 16-byte boundary, as a view into a larger one may: every
// kernel takes its way for them, and the numbers are those of the same values at a boundary.
#include "kernels/cross_gate.h"
#include "kernels/gelu.h"
#include "kernels/layer_norm.h"
#include "kernels/pool_tokens.h"
#include "kernels/qk_norm_rope.h"
#include "kernels/rms_silu.h"
#include "token_gate_case.h"

using namespace vega;
using namespace vega::test;

namespace {

at::Tensor shifted(const at::Tensor& t) {
  at::Tensor moved =
      at::empty({t.numel() + 1}, t.options()).narrow(0, 1, t.numel()).view(t.sizes());
  moved.copy_(t);
  REQUIRE(reinterpret_cast<std::uintptr_t>(moved.const_data_ptr()) % 16 != 0);
  return moved;
}

// Sums of some hundred terms in another order; a result in bfloat16 may round to its neighbour,
// which is up to 2^-7 away (check_close allows 2^-8 of it).
void check_same(const at::Tensor& got, const at::Tensor& want) {
  const double neighbour = got.scalar_type() == at::kBFloat16 ? 0x1p-8 : 0;
  check_close(got, values(want), 200 * kUlp + neighbour, 200 * kUlp);
}

}  // namespace

TEST_CASE("kernels take tensors that begin between two boundaries, one at a time") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto make = [&](std::vector<std::int64_t> shape, unsigned seed, at::ScalarType as) {
      return random(std::move(shape), seed).to(device, as);
    };
    for (int which = 0; which < 4; ++which) {
      CAPTURE(which);
      const auto pick = [&](int place, const at::Tensor& t) {
        return which == place ? shifted(t) : t.clone();
      };
      const at::Tensor x = make({1, 5, 1, 64}, 1, type), scale = make({64}, 2, at::kFloat);
      check_same(kernels::rms_silu(pick(0, x).permute({0, 3, 1, 2}), pick(1, scale), true),
                 kernels::rms_silu(x.permute({0, 3, 1, 2}), scale, true));
      check_same(kernels::add_padded(pick(0, x).permute({0, 3, 1, 2}), x.permute({0, 3, 1, 2}),
                                     pick(1, scale)),
                 kernels::add_padded(x.permute({0, 3, 1, 2}), x.permute({0, 3, 1, 2}), scale));

      const at::Tensor f = make({5, 64}, 3, at::kFloat), y = make({5, 64}, 4, type);
      at::Tensor plain = f.clone(), moved = pick(0, f);
      check_same(kernels::add_layer_norm_(moved, pick(1, y), 1e-6, type),
                 kernels::add_layer_norm_(plain, y, 1e-6, type));
      check_same(moved, plain);

      at::Tensor h = make({1, 24, 64}, 5, type);
      check_same(kernels::gelu_pool(pick(0, h), 4, 6, 2, 3, type),
                 kernels::gelu_pool(h, 4, 6, 2, 3, type));
      moved = pick(0, h);
      check_same(kernels::gelu_tanh_(moved), kernels::gelu_tanh_(h));

      const at::Tensor ql = make({1, 5, 72}, 6, type), c = make({64}, 7, at::kFloat),
                       u = make({4, 64}, 8, at::kFloat);
      plain = make({1, 5, 64}, 9, at::kFloat), moved = pick(0, plain);
      kernels::cross_gate_(moved, pick(1, ql), pick(2, c), pick(3, u), 2, 6.2, 1e-6);
      kernels::cross_gate_(plain, ql, c, u, 2, 6.2, 1e-6);
      check_same(moved, plain);

      const at::Tensor rope = make({5, 16, 2}, 10, at::kFloat), w = make({64}, 11, at::kFloat);
      at::Tensor qkv = make({1, 5, 192}, 12, type);
      moved = pick(0, qkv);
      const auto there =
          kernels::qk_norm_rope_(moved, pick(1, w), pick(2, w), pick(3, rope), 2, 1e-6);
      const auto here = kernels::qk_norm_rope_(qkv, w, w, rope, 2, 1e-6);
      for (std::size_t part = 0; part < 3; ++part) check_same(there[part], here[part]);
    }
  });
}

TEST_CASE("the token gate takes streams that begin between two boundaries, one at a time") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const GateForm form : kForms) {
      const GateInputs in = make_gate({{9}, 64}, form, device, type);
      const auto want = kernels::token_gate(in.s, in.g, in.p, form);
      const at::Tensor d = random({9, 64}, 21).to(device, type);
      const auto wanted =
          kernels::token_gate_backward(d, want.gate, in.s, in.g, in.p, form, want.statistics);
      for (int which = 0; which < 3; ++which) {
        CAPTURE(which);
        const at::Tensor s = which == 0 ? shifted(in.s) : in.s;
        const at::Tensor g = which == 1 ? shifted(in.g) : in.g;
        const auto out = kernels::token_gate(s, g, in.p, form);
        check_same(out.out, want.out);
        check_same(out.gate, want.gate);
        const auto got = kernels::token_gate_backward(which == 2 ? shifted(d) : d, want.gate, s, g,
                                                      in.p, form, want.statistics);
        check_same(got.d_semantic, wanted.d_semantic);
        check_same(got.d_generative, wanted.d_generative);
        check_same(got.parameters.gate_weight, wanted.parameters.gate_weight);
      }
    }
  });
}
