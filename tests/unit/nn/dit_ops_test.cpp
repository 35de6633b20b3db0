// The kernels of a transformer's block in training against LibTorch's operators in float64.
#include "nn/dit_ops.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "base/philox.h"
#include "kernels/dit_rows.h"

using namespace vega;

namespace {

at::Tensor drawn_op(const std::string& name, at::IntArrayRef shape, double mean = 0) {
  at::Tensor out = at::empty(shape, at::kFloat);
  uniform_tensor(5, "dit_ops." + name, mean, 1.7, 0,
                 {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out;
}

using Tensors = std::vector<at::Tensor>;
using Op = std::function<Tensors(const Tensors&, at::ScalarType)>;

// Results, then the gradients of all inputs, of sums with fixed weights. Inputs marked wide keep
// the wide type, the others are `type`.
Tensors results_of(const Op& op, const Tensors& inputs, const std::vector<bool>& wide,
                   at::ScalarType type) {
  Tensors leaves;
  const at::ScalarType broad = type == at::kDouble ? type : at::kFloat;
  for (std::size_t n = 0; n < inputs.size(); ++n)
    leaves.push_back(inputs[n].to(wide[n] ? broad : type).detach().clone().requires_grad_(true));
  Tensors out = op(leaves, type);
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (std::size_t n = 0; n < out.size(); ++n)
    sum = sum + (out[n].to(at::kDouble) *
                 drawn_op("weights" + std::to_string(n), out[n].sizes()).to(at::kDouble))
                    .sum();
  sum.backward();
  for (const at::Tensor& leaf : leaves) {
    REQUIRE(leaf.grad().defined());
    CHECK(leaf.grad().scalar_type() == leaf.scalar_type());
    out.push_back(leaf.grad());
  }
  for (at::Tensor& one : out) one = one.detach().to(at::kDouble);
  return out;
}

// float32 and bfloat16 against float64 of the same (rounded) inputs: `bar` for float32; bfloat16
// keeps 8 bits, so that sums of rounded numbers are within about 2^-8.
void check_op(const Op& op, Tensors inputs, const std::vector<bool>& wide, double bar = 2e-6) {
  for (std::size_t n = 0; n < inputs.size(); ++n)
    if (!wide[n]) inputs[n] = inputs[n].to(at::kBFloat16).to(at::kFloat);
  const Tensors want = results_of(op, inputs, wide, at::kDouble);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const Tensors got = results_of(op, inputs, wide, type);
    REQUIRE(got.size() == want.size());
    for (std::size_t n = 0; n < got.size(); ++n) {
      CAPTURE(n, c10::toString(type));
      REQUIRE(got[n].sizes() == want[n].sizes());
      const double apart = ((got[n] - want[n]).norm() / want[n].norm()).item<double>();
      CHECK(apart < (type == at::kFloat ? bar : 8e-3));
    }
  }
}

}  // namespace

// 70 tokens: a piece of 64 and one of 6. Width 36: not a multiple of the lanes.
TEST_CASE("DiT rows: modulated norm") {
  check_op(
      [](const Tensors& in, at::ScalarType type) {
        return Tensors{modulated_norm(in[0], in[1], in[2], 1e-3, type)};
      },
      {drawn_op("x", {2, 70, 36}, 0.3), drawn_op("shift", {2, 36}), drawn_op("scale", {2, 36})},
      {true, true, true});
}

TEST_CASE("DiT rows: gated addition, alone and with the norm that follows") {
  const Tensors inputs{drawn_op("x", {2, 70, 36}), drawn_op("y", {2, 70, 36}),
                       drawn_op("gate", {2, 36}), drawn_op("shift", {2, 36}),
                       drawn_op("scale", {2, 36})};
  check_op(
      [](const Tensors& in, at::ScalarType) { return Tensors{gated_add(in[0], in[1], in[2])}; },
      {inputs[0], inputs[1], inputs[2]}, {true, false, true});
  const Op both = [](const Tensors& in, at::ScalarType) {
    const auto [sum, normed] = gated_norm(in[0], in[1], in[2], in[3], in[4], 1e-3);
    return Tensors{sum, normed};
  };
  check_op(both, inputs, {true, false, true, true, true});
  check_op(
      [&](const Tensors& in, at::ScalarType type) {
        return Tensors{both(in, type)[1]};  // the sum goes nowhere
      },
      inputs, {true, false, true, true, true});
}

TEST_CASE("DiT rows: heads, normed and turned") {
  const at::Tensor rope = clip_rope(7, 2, 5, 12, at::kDouble);
  REQUIRE(rope.sizes() == at::IntArrayRef({70, 6, 2}));
  check_op(
      [&](const Tensors& in, at::ScalarType type) {
        const auto broad = type == at::kDouble ? type : at::kFloat;
        const auto [q, k, v] = normed_heads(in[0], in[1], in[2], rope.to(broad), 3, 1e-3);
        CHECK(q.sizes() == at::IntArrayRef({2, 3, 70, 12}));
        return Tensors{q, k, v};
      },
      {drawn_op("qkv", {2, 70, 108}), drawn_op("nq", {36}), drawn_op("nk", {36}, 1)},
      {false, true, true});
}

TEST_CASE("DiT rows: attention") {
  // 70 and 400 tokens: one block of queries, and two.
  for (const std::int64_t tokens : {70, 400}) {
    const std::vector<std::int64_t> shape{2, 3, tokens, 12};
    check_op([](const Tensors& in,
                at::ScalarType) { return Tensors{full_attention(in[0], in[1], in[2])}; },
             {drawn_op("q", shape), drawn_op("k", shape), drawn_op("v", shape)},
             {false, false, false});
  }
  // More tokens than a thread holds the scores of.
  const std::vector<std::int64_t> longer{1, 1, 2100, 4};
  check_op([](const Tensors& in,
              at::ScalarType) { return Tensors{full_attention(in[0], in[1], in[2])}; },
           {drawn_op("q", longer), drawn_op("k", longer), drawn_op("v", longer)},
           {false, false, false});
  // Large scores do not overflow; a NaN stays.
  const at::Tensor q = drawn_op("q", {1, 1, 8, 4});
  const at::Tensor sharp = full_attention(q * 1e4, q, q);
  CHECK(at::isfinite(sharp).all().item<bool>());
  const at::Tensor want =
      full_attention((q * 1e4).to(at::kDouble), q.to(at::kDouble), q.to(at::kDouble));
  CHECK((sharp - want).abs().max().item<double>() < 1e-5);
  at::Tensor broken = q.clone();
  broken[0][0][3][1] = NAN;
  CHECK(at::isnan(full_attention(broken, q, q)[0][3]).all().item<bool>());
}

TEST_CASE("DiT rows: GELU") {
  check_op([](const Tensors& in, at::ScalarType) { return Tensors{train_gelu(in[0])}; },
           {drawn_op("gelu", {3, 11, 13}) * 3}, {false});
}

TEST_CASE("DiT rows: no bit depends on the number of threads") {
  const int before = at::get_num_threads();
  const at::Tensor x = drawn_op("x", {3, 200, 64}), y = drawn_op("y", x.sizes());
  const at::Tensor row = drawn_op("gate", {3, 64}), rope = clip_rope(1, 10, 20, 32, at::kFloat);
  const at::Tensor qkv = drawn_op("qkv", {3, 200, 192}), w = drawn_op("nq", {64});
  std::vector<Tensors> made;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    const auto n = kernels::dit_norm(x, y, row, row, row, 1e-6, at::kFloat);
    const auto d = kernels::dit_norm_backward(x, y, n.sum, n.statistics, y, row, row);
    const at::Tensor heads = kernels::dit_heads(qkv, w, w, rope, 2, 1e-6);
    const auto h =
        kernels::dit_heads_backward(heads[2], heads[0], heads[1], qkv, w, w, rope, 2, 1e-6);
    const auto a = kernels::dit_attention(heads[0], heads[1], heads[2]);
    made.push_back(
        {n.sum, n.out, d.dx, d.dy, d.d_gate, d.d_shift, d.d_scale, heads, h.d_qkv, h.d_norm_q,
         h.d_norm_k, a.first, a.second,
         kernels::dit_attention_backward(x, a.first, a.second, heads[0], heads[1], heads[2])});
  }
  at::set_num_threads(before);
  for (std::size_t n = 0; n < made[0].size(); ++n) {
    CAPTURE(n);
    CHECK(at::equal(made[0][n], made[1][n]));
  }
}

TEST_CASE("DiT rows: pairs of a head turn with frame, row and column") {
  // Head of 16: 8 pairs, two of the row, two of the column, four of the frame.
  const at::Tensor rope = clip_rope(2, 3, 4, 16, at::kDouble).view({2, 3, 4, 8, 2});
  const auto angle = [&](int f, int r, int c, int pair) {
    return std::atan2(rope[f][r][c][pair][1].item<double>(), rope[f][r][c][pair][0].item<double>());
  };
  CHECK(angle(1, 2, 3, 0) == Approx(1));
  CHECK(angle(1, 2, 3, 1) == Approx(std::pow(10000.0, -0.25)));
  CHECK(angle(0, 2, 3, 3) == 0);
  CHECK(angle(1, 2, 3, 4) == Approx(2));
  CHECK(angle(1, 2, 3, 5) == Approx(0.02));
  CHECK(angle(1, 2, 3, 6) == Approx(3));
  CHECK(angle(1, 2, 3, 7) == Approx(0.03));
}

TEST_CASE("DiT rows: what does not fit is refused") {
  const at::Tensor x = at::zeros({2, 5, 8}), row = at::zeros({2, 8});
  CHECK_THROWS_AS(kernels::dit_norm(x, {}, {}, at::zeros({2, 7}), row, 1e-6, at::kFloat),
                  InputError);
  CHECK_THROWS_AS(kernels::dit_norm(x, at::zeros({2, 4, 8}), row, row, row, 1e-6, at::kFloat),
                  InputError);
  CHECK_THROWS_AS(kernels::dit_norm(x.to(at::kDouble), {}, {}, row, row, 1e-6, at::kFloat),
                  InputError);
  CHECK_THROWS_AS(kernels::dit_heads(at::zeros({1, 4, 18}), at::zeros({6}), at::zeros({6}),
                                     at::zeros({4, 1, 2}), 2, 1e-6),
                  InputError);
}
