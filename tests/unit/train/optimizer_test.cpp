// The optimiser of a training: rules, groups, state.
#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <catch2/catch.hpp>

#include "base/error.h"

using namespace vega;
using namespace vega::train;

namespace {

using Rates = std::map<std::string, double>;

at::Tensor leaf(std::initializer_list<double> values, at::IntArrayRef shape) {
  return at::tensor(std::vector<double>(values), at::kFloat).reshape(shape).requires_grad_(true);
}

struct Pair {
  at::Tensor matrix = leaf({1, 2, 3, 4, 5, 6}, {2, 3}), vector = leaf({1, -1}, {2});
  Optimizer optimizer;

  explicit Pair(StateShare share = {})
      : optimizer({{"m", matrix, "a", Rule::kMuon}, {"v", vector, "b", Rule::kAdamW}}, {}, {},
                  share) {}

  void give_gradients(double scale) {
    matrix.mutable_grad() =
        at::tensor({1.0F, 0.0F, 2.0F, 0.0F, 3.0F, 1.0F}).reshape({2, 3}) * scale;
    vector.mutable_grad() = at::tensor({3.0F, 4.0F}) * scale;
  }
};

}  // namespace

TEST_CASE("optimizer: Muon moves what asks for it, AdamW the rest, each group at its own rate") {
  Pair p;
  const at::Tensor matrix = p.matrix.detach().clone(), vector = p.vector.detach().clone();
  p.give_gradients(1);
  CHECK(p.optimizer.gradient_norm() == Approx(std::sqrt(15.0 + 25.0)));
  p.optimizer.step(Rates{{"a", 0.0}, {"b", 0.5}});
  CHECK(at::equal(p.matrix, matrix));
  // The first step of AdamW has the length of the rate in every coordinate.
  CHECK(at::allclose(vector - p.vector, at::full({2}, 0.5), 1e-5));

  at::Tensor momentum = at::zeros_like(matrix), expected = matrix.clone();
  Pair q;
  q.give_gradients(1);
  q.optimizer.step(Rates{{"a", 0.1}, {"b", 0.0}});
  muon_step_({expected}, {q.matrix.grad()}, {momentum}, 0.1, {});
  CHECK(at::equal(q.matrix, expected));
  CHECK_FALSE(at::allclose(q.matrix, matrix));
  CHECK(at::equal(q.vector, vector));
}

TEST_CASE("optimizer: a step after restore is the step of the one that was saved") {
  Pair p, q;
  for (int step = 0; step < 3; ++step) {
    p.give_gradients(1 + step);
    p.optimizer.step(Rates{{"a", 0.1}, {"b", 0.1}});
  }
  const auto state = p.optimizer.state();
  REQUIRE(state.size() == 4);
  CHECK(state.contains("m.momentum_buffer"));
  for (const char* name : {"v.exp_avg", "v.exp_avg_sq", "v.step"}) CHECK(state.contains(name));
  {
    const c10::NoGradGuard no_gradients;
    q.matrix.copy_(p.matrix);
    q.vector.copy_(p.vector);
  }
  for (const auto& [name, tensor] : state) q.optimizer.restore(name, tensor.clone());
  for (Pair* one : {&p, &q}) {
    one->give_gradients(5);
    one->optimizer.step(Rates{{"a", 0.1}, {"b", 0.1}});
  }
  CHECK(at::equal(p.matrix, q.matrix));
  CHECK(at::equal(p.vector, q.vector));
  CHECK_THROWS_AS(q.optimizer.restore("m.exp_avg", state.at("m.momentum_buffer")), FormatError);
  CHECK_THROWS_AS(q.optimizer.restore("v.momentum_buffer", state.at("v.exp_avg")), FormatError);
  CHECK_THROWS_AS(q.optimizer.restore("v.exp_avg", at::zeros({3})), FormatError);
}

TEST_CASE("optimizer: one norm and one clip over both rules") {
  Pair p;
  p.give_gradients(1);
  p.optimizer.clip(p.optimizer.gradient_norm(), 1);
  CHECK(p.optimizer.gradient_norm() == Approx(1).epsilon(1e-5));
  p.optimizer.clear_gradients();
  CHECK(p.optimizer.gradient_norm() == 0);
  const at::Tensor before = p.matrix.detach().clone();
  p.optimizer.step(Rates{{"a", 0.1}, {"b", 0.1}});  // nothing has a gradient
  CHECK(at::equal(p.matrix, before));
}

TEST_CASE("optimizer: each of several ranks moves and keeps what it owns, as one alone does") {
  Pair whole, first({0, 2}), second({1, 2});
  for (int step = 0; step < 2; ++step)
    for (Pair* one : {&whole, &first, &second}) {
      one->give_gradients(1 + step);
      one->optimizer.step(Rates{{"a", 0.1}, {"b", 0.1}});
    }
  // The larger one is dealt first.
  CHECK(at::equal(first.matrix, whole.matrix));
  CHECK(at::equal(first.vector, Pair().vector));
  CHECK(at::equal(second.vector, whole.vector));
  CHECK(at::equal(second.matrix, Pair().matrix));
  const auto all = whole.optimizer.state();
  auto both = first.optimizer.state();
  CHECK(both.size() == 1);
  both.merge(second.optimizer.state());
  REQUIRE(both.size() == all.size());
  for (const auto& [name, tensor] : all) CHECK(at::equal(both.at(name), tensor));
  for (Pair* one : {&whole, &first}) CHECK(one->optimizer.state_names().size() == all.size());
  CHECK_THROWS_AS(first.optimizer.restore("v.exp_avg", all.at("v.exp_avg")), FormatError);
}

TEST_CASE("optimizer: weight decay concerns matrices, or what it concerns in VEGA-3D's training") {
  const std::vector<std::string> names = {"model.layers.0.self_attn.q_proj.weight",
                                          "model.layers.0.self_attn.q_proj.bias",
                                          "model.norm.weight",
                                          "generative_merger.ln_q.weight",
                                          "generative_fusion.norm1.weight",
                                          "generative_fusion.residual_scale"};
  const std::vector<bool> matrices = {true, false, false, false, false, false},
                          released = {true, false, true, true, false, true};
  for (const auto& [rule, moves] :
       {std::pair(Decay::kMatrices, matrices), {Decay::kReleased, released}}) {
    std::vector<vlm::Trained> trained;
    for (std::size_t i = 0; i < names.size(); ++i) {
      at::Tensor one = i == 0 ? leaf({1, 2}, {1, 2}) : leaf({1, 2}, {2});
      if (i + 1 == names.size()) one = at::ones({}).requires_grad_(true);
      one.mutable_grad() = at::zeros_like(one);
      trained.push_back({names[i], one, vlm::Part::kDecoder});
    }
    Optimizer optimizer(trained, {.weight_decay = 0.5}, {}, rule);
    optimizer.step(Rates{{"decoder", 0.1}});
    for (std::size_t i = 0; i < names.size(); ++i) {
      INFO(names[i]);
      const double first = trained[i].tensor.flatten()[0].item<double>();
      CHECK(first == Approx(moves[i] ? 0.95 : 1.0));
    }
  }
}
