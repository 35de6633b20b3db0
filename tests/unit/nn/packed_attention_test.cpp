#include "nn/packed_attention.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "base/philox.h"
#include "support/finite_difference.h"

using namespace vega;

namespace {

at::Tensor drawn_rows(const char* name, at::IntArrayRef shape, at::ScalarType type = at::kDouble) {
  at::Tensor out = at::empty(shape, at::kFloat);
  uniform_tensor(8, name, 0, 1.7, 0,
                 {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out.to(type).requires_grad_(true);
}

// Softmax over the tokens that each token sees, head by head, in plain loops over tensors.
at::Tensor attention_by_rule(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const PackedLayout& layout) {
  std::vector<std::int64_t> question(static_cast<std::size_t>(layout.prefix), -1);
  for (std::size_t n = 0; n < layout.lengths.size(); ++n) {
    question.insert(question.end(), static_cast<std::size_t>(layout.lengths[n]),
                    static_cast<std::int64_t>(n));
  }
  const std::int64_t group = q.size(1) / k.size(1);
  std::vector<at::Tensor> rows;
  for (std::size_t i = 0; i < question.size(); ++i) {
    std::vector<std::int64_t> seen;
    for (std::size_t j = 0; j <= i; ++j) {
      if (question[j] < 0 || question[j] == question[i])
        seen.push_back(static_cast<std::int64_t>(j));
    }
    const at::Tensor index = at::tensor(seen, at::kLong);
    for (std::int64_t h = 0; h < q.size(1); ++h) {
      const at::Tensor keys = k.select(1, h / group).index_select(0, index);
      const at::Tensor scores = at::mv(keys, q[static_cast<std::int64_t>(i)][h]) /
                                std::sqrt(static_cast<double>(q.size(2)));
      rows.push_back(
          at::mv(v.select(1, h / group).index_select(0, index).t(), at::softmax(scores, 0)));
    }
  }
  return at::cat(rows).view({q.size(0), -1});
}

const std::vector<PackedLayout>& layouts() {
  static const std::vector<PackedLayout> all{{9, {}},        {0, {9}},       {1, {8}},   {5, {4}},
                                             {0, {4, 2, 3}}, {3, {1, 1, 4}}, {4, {3, 2}}};
  return all;
}

}  // namespace

TEST_CASE("packed attention: each token sees the shared ones and its own question's before it") {
  for (const PackedLayout& layout : layouts()) {
    for (const std::int64_t kv_heads : {1, 2, 4}) {
      CAPTURE(layout.prefix, layout.lengths, kv_heads);
      const at::Tensor q = drawn_rows("q", {9, 4, 6}), k = drawn_rows("k", {9, kv_heads, 6}),
                       v = drawn_rows("v", {9, kv_heads, 6}),
                       up = drawn_rows("up", {9, 24}).detach();
      const at::Tensor got = packed_attention(q, k, v, layout);
      CHECK(at::allclose(got, attention_by_rule(q, k, v, layout), 1e-12, 1e-12));
      (got * up).sum().backward();
      std::vector<at::Tensor> gradients{q.grad().clone(), k.grad().clone(), v.grad().clone()};
      q.mutable_grad().reset(), k.mutable_grad().reset(), v.mutable_grad().reset();
      (attention_by_rule(q, k, v, layout) * up).sum().backward();
      CHECK(at::allclose(gradients[0], q.grad(), 1e-11, 1e-12));
      CHECK(at::allclose(gradients[1], k.grad(), 1e-11, 1e-12));
      CHECK(at::allclose(gradients[2], v.grad(), 1e-11, 1e-12));
    }
  }
}

TEST_CASE("packed attention: gradients are differences") {
  const PackedLayout layout{4, {3, 2}};
  const at::Tensor q = drawn_rows("q", {9, 4, 6}), k = drawn_rows("k", {9, 2, 6}),
                   v = drawn_rows("v", {9, 2, 6});
  const auto loss = [&] { return packed_attention(q, k, v, layout).square().sum(); };
  loss().backward();
  for (const at::Tensor& leaf : {q, k, v}) CHECK(test::worst_difference(loss, leaf) < 1e-8);
}

TEST_CASE("packed attention: long sequences, in float32 and near them in bfloat16") {
  const PackedLayout layout{130, {40, 1, 77, 24}};
  const at::Tensor q = drawn_rows("q", {272, 4, 32}), k = drawn_rows("k", {272, 2, 32}),
                   v = drawn_rows("v", {272, 2, 32});
  const at::Tensor want = packed_attention(q, k, v, layout);
  want.square().sum().backward();
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    // A sum of up to 272 products: 2^-24 or 2^-9 a factor, and some room for their number.
    const double bar = type == at::kFloat ? 1e-6 : 2e-2;
    CAPTURE(type);
    std::vector<at::Tensor> leaves;
    for (const at::Tensor& leaf : {q, k, v})
      leaves.push_back(leaf.detach().to(type).requires_grad_(true));
    const at::Tensor got = packed_attention(leaves[0], leaves[1], leaves[2], layout);
    got.to(at::kFloat).square().sum().backward();
    const auto apart = [](const at::Tensor& a, const at::Tensor& b) {
      return ((a.to(at::kDouble) - b).norm() / b.norm()).item<double>();
    };
    CHECK(apart(got, want) < bar);
    CHECK(apart(leaves[0].grad(), q.grad()) < bar);
    CHECK(apart(leaves[1].grad(), k.grad()) < bar);
    CHECK(apart(leaves[2].grad(), v.grad()) < bar);
  }
}

TEST_CASE("packed attention: what does not fit is refused") {
  const at::Tensor q = at::zeros({9, 4, 6}), k = at::zeros({9, 2, 6});
  CHECK_THROWS_AS(packed_attention(q, k, k, {4, {4}}), InputError);
  CHECK_THROWS_AS(packed_attention(q, k, k, {9, {0}}), InputError);
  CHECK_THROWS_AS(packed_attention(q, at::zeros({9, 3, 6}), at::zeros({9, 3, 6}), {9, {}}),
                  InputError);
}
