#include "nn/muon.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "base/philox.h"
#include "core/tensor.h"
#include "support/support.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

// As tests/golden/export_train_dit.py draws it.
at::Tensor muon_matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
  at::Tensor out = at::empty({rows, columns}, at::kFloat);
  uniform_tensor(42, "train_dit.muon." + name, 0, std::sqrt(3.0), 0,
                 {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out;
}

at::Tensor muon_golden(const std::string& name) {
  static const TensorSet set = read_safetensors(test::golden("train_dit.safetensors"));
  return tensor_from(set.at("muon/" + name)).clone();
}

double largest(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace

TEST_CASE("Muon: Newton-Schulz of torch.optim.Muon, both orientations") {
  const std::vector<std::pair<std::string, std::array<std::int64_t, 2>>> all{
      {"tall", {24, 10}}, {"wide", {8, 20}}, {"square", {16, 16}}};
  for (const auto& [name, shape] : all) {
    CAPTURE(name);
    const at::Tensor matrix = muon_matrix(name, shape[0], shape[1]);
    const at::Tensor fine = orthogonalised(matrix, {.type = at::kFloat});
    CHECK(fine.scalar_type() == at::kFloat);
    CHECK(largest(fine, muon_golden(name + "/f32")) < 2e-6);
    const at::Tensor half = orthogonalised(matrix, {});
    CHECK(half.scalar_type() == at::kBFloat16);
    // Entries are below 1, so that a bfloat16 is known to 2^-9; products in another order move it.
    CHECK(largest(half, muon_golden(name + "/bf16")) < 0x1p-6);
    const auto values = std::get<1>(at::linalg_svd(fine));
    CHECK(values.max().item<double>() < 1.25);
  }
}

TEST_CASE("Muon: a step by hand, with momentum and decay") {
  // Of a matrix with one number only its sign counts: Newton-Schulz gives the same p for 1 and 9.
  const MuonOptions options{.momentum = 0.5, .weight_decay = 0.1, .type = at::kFloat};
  at::Tensor parameter = at::full({1, 1}, 2.0), momentum = at::full({1, 1}, -8.0);
  const double p = orthogonalised(at::ones({1, 1}), options).item<double>();
  CHECK(orthogonalised(at::full({1, 1}, 9.0), options).item<double>() == Approx(p));
  // Buffer (-8 + 4) / 2 = -2; update (4 - 2) / 2 = 1.
  muon_step_({parameter}, {at::full({1, 1}, 4.0)}, {momentum}, 0.5, options);
  CHECK(momentum.item<double>() == -2);
  CHECK(parameter.item<double>() == Approx(2 * (1 - 0.5 * 0.1) - 0.2 * 0.5 * p));
  MuonOptions plain = options;
  plain.nesterov = false, plain.weight_decay = 0;
  // Buffer (-2 + 4) / 2 = 1.
  parameter.fill_(2);
  muon_step_({parameter}, {at::full({1, 1}, 4.0)}, {momentum}, 0.5, plain);
  CHECK(parameter.item<double>() == Approx(2 - 0.2 * 0.5 * p));
}

TEST_CASE("Muon: matrices of a shape go together and change nothing for each other") {
  std::vector<at::Tensor> together, alone, gradients, momentum, momentum_alone;
  for (const char* name : {"a", "b", "c"}) {
    const bool tall = std::string(name) == "b";
    together.push_back(muon_matrix(name, tall ? 12 : 6, 6));
    alone.push_back(together.back().clone());
    gradients.push_back(muon_matrix(std::string("g") + name, tall ? 12 : 6, 6));
    momentum.push_back(at::zeros_like(together.back()));
    momentum_alone.push_back(at::zeros_like(together.back()));
  }
  together.push_back(at::ones({3, 3})), gradients.emplace_back();
  momentum.push_back(at::zeros({3, 3}));
  const MuonOptions options{.type = at::kFloat};
  muon_step_(together, gradients, momentum, 1e-2, options);
  for (std::size_t n = 0; n < alone.size(); ++n) {
    const at::Tensor before = alone[n].clone();
    muon_step_({alone[n]}, {gradients[n]}, {momentum_alone[n]}, 1e-2, options);
    CHECK(largest(alone[n], together[n]) < 1e-7);
    // About 0.2 rate, as AdamW's.
    const double size = (alone[n] - before).square().mean().sqrt().item<double>();
    CHECK(size > 0.1 * 1e-2);
    CHECK(size < 0.3 * 1e-2);
  }
  CHECK(at::equal(together[3], at::ones({3, 3})));  // it has no gradient
  CHECK_THROWS_AS(muon_step_({at::ones({3})}, {at::ones({3})}, {at::ones({3})}, 1, options),
                  InputError);
  CHECK_THROWS_AS(
      muon_step_({at::ones({3, 2})}, {at::ones({2, 3})}, {at::ones({3, 2})}, 1, options),
      InputError);
}

TEST_CASE("Muon: averages of weights") {
  const at::Tensor average = at::full({2}, 1.0), value = at::full({2}, 5.0);
  average_step_({average}, {value}, 0.75);
  CHECK(at::equal(average, at::full({2}, 2.0)));
  CHECK(at::equal(value, at::full({2}, 5.0)));
  CHECK_THROWS_AS(average_step_({average}, {}, 0.5), InputError);
}
