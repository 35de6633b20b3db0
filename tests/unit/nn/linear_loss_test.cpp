#include "nn/linear_loss.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <limits>

#include "base/error.h"
#include "base/philox.h"
#include "support/finite_difference.h"

using namespace vega;

namespace {

at::Tensor drawn(const char* name, at::IntArrayRef shape, bool trained) {
  at::Tensor out = at::empty(shape, at::kFloat);
  uniform_tensor(6, name, 0, 1.5, 0,
                 {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out.to(at::kDouble).requires_grad_(trained);
}

struct Case {
  at::Tensor hidden = drawn("hidden", {9, 6}, true), head = drawn("head", {13, 6}, true);
  at::Tensor targets = at::tensor({3, 0, 12, 5, 5, 1, 7, 2, 9}, at::kLong);
  at::Tensor weights = at::tensor({1.0, 0.5, 0.0, 2.0, 0.25, 0.0, 1.0, 0.125, 3.0}, at::kDouble);
};

// The formula, with all logits.
at::Tensor plain_loss(const Case& c) {
  return (at::cross_entropy_loss(at::linear(c.hidden, c.head), c.targets, {}, at::Reduction::None) *
          c.weights)
      .sum();
}

}  // namespace

TEST_CASE("linear loss: the sum, the rows and the gradients of the plain formula, in any blocks") {
  const Case c;
  const at::Tensor want = plain_loss(c);
  want.backward();
  const at::Tensor d_hidden = c.hidden.grad().clone(), d_head = c.head.grad().clone();
  for (const std::int64_t rows : {0, 1, 2, 7, 100}) {
    CAPTURE(rows);
    c.hidden.mutable_grad().reset(), c.head.mutable_grad().reset();
    const LinearLoss got =
        linear_cross_entropy(c.hidden, c.head, c.targets, c.weights, {.block_rows = rows});
    CHECK(got.sum.item<double>() == Approx(want.item<double>()).epsilon(1e-14));
    CHECK(got.per_row.dot(c.weights).item<double>() == Approx(want.item<double>()).epsilon(1e-14));
    CHECK(got.per_row[2].item<double>() == 0);
    CHECK_FALSE(got.per_row.requires_grad());
    (got.sum * 3).backward();
    CHECK(at::allclose(c.hidden.grad(), 3 * d_hidden, 1e-12, 1e-14));
    CHECK(at::allclose(c.head.grad(), 3 * d_head, 1e-12, 1e-14));
  }
}

TEST_CASE("linear loss: gradients are differences, of new rows of the head too") {
  const Case c;
  const at::Tensor rows = drawn("rows", {2, 6}, true);
  const LinearLossOptions options{
      .block_rows = 4, .new_ids = at::tensor({5, 11}, at::kLong), .new_rows = rows};
  const auto loss = [&] {
    return linear_cross_entropy(c.hidden, c.head, c.targets, c.weights, options).sum;
  };
  loss().backward();
  for (const at::Tensor& leaf : {c.hidden, c.head, rows})
    CHECK(test::worst_difference(loss, leaf) < 1e-8);
  CHECK(c.head.grad()[5].abs().sum().item<double>() == 0);  // the row that does not count
  // The same as a head into which the rows were put.
  Case whole;
  whole.head = c.head.detach().index_copy(0, options.new_ids, rows.detach());
  CHECK(plain_loss(whole).item<double>() == Approx(loss().item<double>()).epsilon(1e-14));
}

TEST_CASE(
    "linear loss: a frozen head gets no gradient, rows of weight 0 do not enter the product") {
  const Case c;
  const at::Tensor frozen = c.head.detach();
  const at::Tensor hidden = c.hidden.detach().clone();
  hidden[2].fill_(std::numeric_limits<double>::quiet_NaN());
  hidden.requires_grad_(true);
  at::Tensor targets = c.targets.clone();
  targets[5] = -100;
  const LinearLoss got = linear_cross_entropy(hidden, frozen, targets, c.weights);
  got.sum.backward();
  CHECK(got.sum.item<double>() == Approx(plain_loss(c).item<double>()).epsilon(1e-14));
  CHECK_FALSE(frozen.grad().defined());
  CHECK(hidden.grad()[2].abs().sum().item<double>() == 0);
  const LinearLoss none = linear_cross_entropy(hidden, frozen, targets, at::zeros_like(c.weights));
  none.sum.backward();
  CHECK(none.sum.item<double>() == 0);
}

TEST_CASE("linear loss: bfloat16 logits are widened, a master head keeps its type") {
  const Case c;
  const at::Tensor hidden = c.hidden.detach().to(at::kBFloat16).requires_grad_(true);
  const at::Tensor head = c.head.detach().to(at::kFloat).requires_grad_(true);
  const at::Tensor weights = c.weights.to(at::kFloat);
  const LinearLoss got = linear_cross_entropy(hidden, head, c.targets, weights, {.block_rows = 2});
  const at::Tensor logits =
      at::linear(hidden.detach(), head.detach().to(at::kBFloat16)).to(at::kFloat);
  const at::Tensor rows = at::cross_entropy_loss(logits, c.targets, {}, at::Reduction::None);
  CHECK(got.sum.scalar_type() == at::kFloat);
  CHECK(got.sum.item<double>() == Approx((rows * weights).sum().item<double>()).epsilon(1e-6));
  got.sum.backward();
  CHECK(hidden.grad().scalar_type() == at::kBFloat16);
  CHECK(head.grad().scalar_type() == at::kFloat);
}

TEST_CASE("linear loss: what does not fit is refused") {
  const Case c;
  at::Tensor targets = c.targets.clone();
  targets[0] = 13;
  CHECK_THROWS_WITH(linear_cross_entropy(c.hidden, c.head, targets, c.weights),
                    Catch::Contains("outside of the vocabulary"));
  CHECK_THROWS_AS(linear_cross_entropy(c.hidden, c.head, c.targets, c.weights.to(at::kFloat)),
                  InputError);
  CHECK_THROWS_AS(linear_cross_entropy(c.hidden, c.hidden.t(), c.targets, c.weights), InputError);
}
