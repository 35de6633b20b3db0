// Wan's transformer in training against diffusers and torch.optim
// (tests/golden/export_train_dit.py), against the network that extracts, and against differences.
#include "models/wan/train_dit.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/philox.h"
#include "core/tensor.h"
#include "models/wan/dit.h"
#include "models/wan/names.h"
#include "models/wan/train_dit_tensors.h"
#include "nn/muon.h"
#include "support/finite_difference.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "synth/weight_law.h"
#include "weights/safetensors.h"

using namespace vega;
using wan::DitConfig;
using wan::DitRole;
using wan::TrainDit;

namespace {

at::Tensor drawn_as_golden(const std::string& name, at::IntArrayRef shape, double mean = 0,
                           double deviation = 1) {
  at::Tensor out = at::empty(shape, at::kFloat);
  uniform_tensor(42, "train_dit." + name, mean, deviation * std::sqrt(3.0), 0,
                 {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out;
}

const Json& dit_json() {
  static const Json json = *parse_json(test::read_text(test::golden("train_dit.json")));
  return json;
}

const TensorSet& dit_set() {
  static const TensorSet set = read_safetensors(test::golden("train_dit.safetensors"));
  return set;
}

at::Tensor dit_golden(const std::string& name) { return tensor_from(dit_set().at(name)).clone(); }

// How far torch's own float32 may be from its float64, three times: sums in other orders.
double slack_of(const char* what) { return 3 * *dit_json()["float32"][what].number(); }

DitConfig golden_config() {
  const auto size = [](const char* name) { return *dit_json()["config"][name].whole(); };
  DitConfig config;
  config.dim = size("dim"), config.heads = size("heads"), config.layers = size("layers");
  config.ffn_dim = size("ffn"), config.freq_dim = size("freq");
  config.text_dim = size("text"), config.text_len = size("text_len");
  return config;
}

// The law of made-up weights, so that cross-attention shows; `silent` as a training starts it.
WeightTable golden_table(at::ScalarType type, bool silent) {
  WeightTable table;
  for (const auto& row : wan::dit_tensors(golden_config())) {
    const auto law = synth::weight_law("dit." + row.canonical, row.shape);
    at::Tensor value = drawn_as_golden(row.canonical, row.shape, law.mean, law.deviation);
    if (silent && row.canonical.find("cross_attn.o.") != std::string::npos) value.zero_();
    const bool trains = !silent || wan::dit_role(row.canonical) != DitRole::kText;
    table[row.canonical] = value.to(type).requires_grad_(trains);
  }
  return table;
}

// What a step of the golden sees.
struct Seen {
  at::Tensor latents, noise, shares, prompt;
};

Seen golden_step(std::int64_t step, at::ScalarType type = at::kFloat) {
  std::vector<float> shares;
  for (const Json& share : dit_json()["shares"].elements())
    shares.push_back(static_cast<float>(*share.number()));
  const std::vector<std::int64_t> shape{3, 16, 3, 4, 6};
  return {drawn_as_golden("latents", shape).to(type),
          drawn_as_golden("noise", shape).roll(step, -1).to(type),
          float_tensor(shares, {3}).roll(step).to(type),
          drawn_as_golden("prompt", {3, 12}).to(type)};
}

at::Tensor velocity_of(const TrainDit& dit, const Seen& s, wan::DitTaps* taps = nullptr) {
  return dit.forward(wan::noised(s.latents, s.noise, s.shares), 1000 * s.shares, s.prompt, taps);
}

at::Tensor clip_losses(const TrainDit& dit, const Seen& s) {
  return wan::flow_loss(velocity_of(dit, s), s.latents, s.noise);
}

double apart_dit(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor wide = b.to(at::kDouble);
  return ((a.detach().to(at::kDouble) - wide).norm() / wide.norm()).item<double>();
}

std::vector<at::Tensor> trained_of(const WeightTable& table, bool matrices) {
  std::vector<at::Tensor> out;
  for (const auto& [name, tensor] : table) {
    if (tensor.requires_grad() && (wan::dit_role(name) == DitRole::kMatrix) == matrices)
      out.push_back(tensor);
  }
  return out;
}

// Muon on the matrices of a table, AdamW on what else trains, and averages of all.
class GoldenOptimiser {
 public:
  GoldenOptimiser(const WeightTable& table, const MuonOptions& muon)
      : muon_(muon), matrices_(trained_of(table, true)), others_(trained_of(table, false)) {
    for (const at::Tensor& one : matrices_) momentum_.push_back(at::zeros_like(one.detach()));
    for (const at::Tensor& one : others_) {
      first_.push_back(at::zeros_like(one.detach()));
      second_.push_back(at::zeros_like(one.detach()));
      counts_.push_back(at::zeros({}, at::kFloat));
    }
    for (const auto& [name, tensor] : table)
      if (tensor.requires_grad()) averages[name] = tensor.detach().clone();
  }

  void step(const WeightTable& table, double rate) {
    const c10::NoGradGuard no_gradients;
    muon_step_(matrices_, gradients_of(matrices_), momentum_, rate, muon_);
    for (at::Tensor& count : counts_) count.add_(1);
    at::_fused_adamw_(others_, gradients_of(others_), first_, second_, {}, counts_, rate, 0.9, 0.95,
                      0, 1e-8, false, false);
    ++steps_;
    std::vector<at::Tensor> averaged, values;
    for (const auto& [name, tensor] : table) {
      if (!tensor.requires_grad()) continue;
      tensor.mutable_grad().reset();
      averaged.push_back(averages.at(name)), values.push_back(tensor);
    }
    average_step_(averaged, values, std::min(0.998, steps_ / (steps_ + 10)));
  }

  WeightTable averages;

 private:
  static std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& tensors) {
    std::vector<at::Tensor> out;
    for (const at::Tensor& tensor : tensors) out.push_back(tensor.grad());
    return out;
  }
  MuonOptions muon_;
  std::vector<at::Tensor> matrices_, others_, momentum_, first_, second_, counts_;
  double steps_ = 0;
};

DitConfig small_dit() {
  DitConfig config;
  config.dim = 24, config.heads = 2, config.layers = 2, config.ffn_dim = 16, config.freq_dim = 8;
  config.text_dim = 5, config.text_len = 4;
  return config;
}

// A network as a training has it after some steps: nothing that trains is zero.
WeightTable small_dit_table(at::ScalarType type) {
  Parameters values = wan::initial_dit(small_dit(), 7);
  for (auto& [name, value] : values) {
    if (wan::dit_role(name) != DitRole::kText)
      value.add_(drawn_as_golden("add." + name, value.sizes(), 0, 0.1));
  }
  return wan::training_dit(values, {at::kCPU, type});
}

Seen small_step(at::ScalarType type) {
  const std::vector<std::int64_t> shape{2, 16, 2, 4, 2};
  return {drawn_as_golden("small.x", shape).to(type),
          drawn_as_golden("small.e", shape).to(type),
          float_tensor(std::vector<float>{0.2F, 0.7F}, {2}).to(type),
          {}};
}

class OneThreadDit {
 public:
  OneThreadDit() { at::set_num_threads(1); }
  ~OneThreadDit() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

}  // namespace

TEST_CASE("DiT in training: velocity, stream, losses and gradients of diffusers") {
  const OneThreadDit one;
  for (const bool silent : {false, true}) {
    const std::string place = silent ? "silent" : "text";
    INFO(place);
    const WeightTable table = golden_table(at::kFloat, silent);
    const TrainDit dit(golden_config(), table, {});
    CHECK(dit.silent() == silent);
    wan::DitTaps taps{.blocks = {0}};
    const Seen seen = golden_step(0);
    const at::Tensor velocity = velocity_of(dit, seen, &taps);
    CHECK(velocity.scalar_type() == at::kFloat);
    CHECK(apart_dit(velocity, dit_golden(place + "/velocity")) < slack_of("velocity"));
    REQUIRE(taps.streams.size() == 1);
    CHECK(taps.streams[0].sizes() == at::IntArrayRef({3, 3, 2, 3, 32}));
    CHECK(apart_dit(taps.streams[0].reshape({3, 18, 32}), dit_golden(place + "/block0")) <
          slack_of("velocity"));
    const at::Tensor losses = wan::flow_loss(velocity, seen.latents, seen.noise);
    const Json& want = dit_json()["cases"][place]["losses"];
    for (std::int64_t n = 0; n < 3; ++n)
      CHECK(losses[n].item<double>() ==
            Approx(*want[static_cast<std::size_t>(n)].number()).epsilon(1e-6).margin(0));
    losses.mean().backward();
    std::size_t compared = 0;
    for (const auto& [name, tensor] : table) {
      INFO(name);
      CHECK(tensor.grad().defined() == tensor.requires_grad());
      const std::string key = place + "/gradient/" + name;
      if (dit_set().find(key) == nullptr) continue;
      CHECK(apart_dit(tensor.grad(), dit_golden(key)) < slack_of("gradient"));
      ++compared;
    }
    CHECK(compared == (silent ? 7 : table.size()));
  }
}

TEST_CASE("DiT in training: ten steps of Muon, AdamW and averages as torch.optim makes them") {
  const OneThreadDit one;
  const double rate = *dit_json()["rate"].number();
  for (const bool silent : {false, true}) {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const std::string place = silent ? "silent" : "text";
      INFO(place << ", Newton-Schulz in " << c10::toString(type));
      const WeightTable table = golden_table(at::kFloat, silent);
      const TrainDit dit(golden_config(), table, {});
      GoldenOptimiser optimiser(table, {.type = type});
      const Json& want = dit_json()["cases"][place][type == at::kFloat ? "steps" : "steps_bf16"];
      REQUIRE(want.size() == 10);
      for (std::size_t n = 0; n < want.size(); ++n) {
        const at::Tensor loss = clip_losses(dit, golden_step(static_cast<std::int64_t>(n))).mean();
        CHECK(loss.item<double>() == Approx(*want[n].number()).epsilon(1e-5).margin(0));
        loss.backward();
        optimiser.step(table, rate);
      }
      if (type != at::kFloat) continue;
      std::size_t compared = 0;
      for (const auto& [name, tensor] : table) {
        const std::string key = place + "/end/" + name;
        if (dit_set().find(key) == nullptr) continue;
        INFO(name);
        CHECK(apart_dit(tensor, dit_golden(key)) < slack_of("end"));
        CHECK(apart_dit(optimiser.averages.at(name), dit_golden(place + "/average/" + name)) <
              slack_of("end"));
        ++compared;
      }
      CHECK(compared == 7);
    }
  }
}

TEST_CASE("DiT in training: gradients of bfloat16 products point where float32's do") {
  for (const bool silent : {false, true}) {
    std::map<std::string, at::Tensor> exact;
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      WeightTable table = golden_table(at::kFloat, silent);
      const TrainDit dit(golden_config(), table, {.dtype = type});
      clip_losses(dit, golden_step(0)).mean().backward();
      for (const auto& [name, tensor] : table) {
        if (!tensor.requires_grad()) continue;
        CAPTURE(name, silent);
        CHECK(tensor.grad().scalar_type() == at::kFloat);
        if (type == at::kFloat)
          exact[name] = tensor.grad();
        else  // scores of up to 16 keep 8 bits: 3 % of a share of attention, in two blocks
          CHECK(apart_dit(tensor.grad(), exact.at(name)) < 0.1);
      }
    }
  }
}

TEST_CASE("DiT in training: the stream of the network that extracts") {
  DitConfig config = test::tiny_dit_config();
  config.layers = 3;
  const test::OwnedTensors owned = test::tiny_dit(3);
  WeightTable table;
  for (const auto& [name, view] : owned.views()) table[name] = owned_float_from(view);
  const at::Tensor prompt = drawn_as_golden("prompt.rows", {2, config.text_dim}, 0, 0.3);
  const at::Tensor latents = drawn_as_golden("frames", {2, 16, 8, 12});
  wan::Dit extracts(owned.views(), config, prompt, {});
  const TrainDit trains(config, table, {});
  const TrainDit half(config, table, {.dtype = at::kBFloat16});
  for (const std::int64_t t : {299, 700}) {
    extracts.prepare(t, 2);
    const auto want = extracts.forward(latents, {{0, 2}, std::nullopt});
    const at::Tensor times = at::full({2}, static_cast<double>(t));
    wan::DitTaps taps{.blocks = {0, 2}, .stop = true};
    CHECK_FALSE(trains.forward(latents.unsqueeze(2), times, prompt, &taps).defined());
    REQUIRE(taps.streams.size() == 2);
    wan::DitTaps rough{.blocks = {0, 2}};
    CHECK(half.forward(latents.unsqueeze(2), times, prompt, &rough).scalar_type() == at::kFloat);
    for (std::size_t n = 0; n < 2; ++n) {
      CHECK(apart_dit(taps.streams[n].select(1, 0), want[n]) < 4e-6);  // each is 2e-6 from float64
      CHECK(apart_dit(rough.streams[n].select(1, 0), want[n]) < 2e-2);
    }
  }
}

// A patch of one cell is what a patch of 2x2 equal cells is: the matrix of the first is the sum of
// the second's four, and of the four answers of its head each is the same.
TEST_CASE("DiT: tokens of one latent cell") {
  DitConfig config = test::tiny_dit_config();
  config.layers = 2;
  const test::OwnedTensors owned = test::tiny_dit(2);
  WeightTable four;
  for (const auto& [name, view] : owned.views()) four[name] = owned_float_from(view);
  for (const char* name : {"head.head.weight", "head.head.bias"}) {  // rows: row, column, channel
    at::Tensor& head = four[name];
    const at::Tensor first = head.narrow(0, 0, config.out_dim);
    head = at::cat({first, first, first, first});
  }
  WeightTable one = four;
  at::Tensor& patch = one["patch_embedding.weight"];
  patch = patch.sum({3, 4}, true);
  for (const char* name : {"head.head.weight", "head.head.bias"})
    one[name] = one[name].narrow(0, 0, config.out_dim).clone();
  DitConfig single = config;
  single.patch = 1;
  for (const auto& row : wan::dit_tensors(single))
    CHECK(one.at(row.canonical).sizes().vec() == row.shape);

  const at::Tensor prompt = drawn_as_golden("prompt.rows", {2, config.text_dim}, 0, 0.3);
  const at::Tensor cells = drawn_as_golden("frames", {2, 16, 1, 4, 6});
  const at::Tensor repeated = cells.repeat_interleave(2, 3).repeat_interleave(2, 4);
  const at::Tensor times = at::full({2}, 299.0);
  wan::DitTaps want{.blocks = {0, 1}}, got{.blocks = {0, 1}};
  const at::Tensor velocity = TrainDit(config, four, {}).forward(repeated, times, prompt, &want);
  const at::Tensor velocity1 = TrainDit(single, one, {}).forward(cells, times, prompt, &got);
  CHECK(velocity1.sizes() == cells.sizes());
  CHECK(apart_dit(velocity1.repeat_interleave(2, 3).repeat_interleave(2, 4), velocity) < 4e-6);

  WeightViews views;
  for (const auto& [name, tensor] : one) views[name] = view_of(tensor);
  wan::Dit extracts(views, single, prompt, {});
  extracts.prepare(299, 1);
  const auto taps = extracts.forward(cells.squeeze(2), {{0, 1}, std::nullopt});
  for (std::size_t n = 0; n < 2; ++n) {
    CHECK(apart_dit(got.streams[n], want.streams[n]) < 4e-6);  // each is 2e-6 from float64
    CHECK(apart_dit(taps[n], want.streams[n].select(1, 0)) < 4e-6);
  }
}

TEST_CASE("DiT in training: gradients are differences, in float64") {
  const OneThreadDit one;
  const WeightTable table = small_dit_table(at::kDouble);
  const TrainDit dit(small_dit(), table, {.dtype = at::kDouble});
  const Seen seen = small_step(at::kDouble);
  const auto loss = [&] { return clip_losses(dit, seen).mean(); };
  loss().backward();
  std::size_t checked = 0;
  for (const auto& [name, tensor] : table) {
    if (!tensor.requires_grad()) continue;
    CAPTURE(name);
    REQUIRE(tensor.grad().defined());
    CHECK(test::worst_difference(loss, tensor, std::max<std::int64_t>(3, tensor.numel() / 12)) <
          1e-7);
    ++checked;
  }
  CHECK(checked == 11 + 2 * 15);
}

TEST_CASE("DiT in training: recomputed blocks, another run and a silent text change no bit") {
  const Seen seen = small_step(at::kFloat);
  std::map<std::string, at::Tensor> first;
  at::Tensor velocity;
  enum class Way { kFirst, kAgain, kRecomputed, kText };
  for (const Way way : {Way::kFirst, Way::kAgain, Way::kRecomputed, Way::kText}) {
    WeightTable table = small_dit_table(at::kBFloat16);
    // With a gradient, the zero output of cross-attention is computed.
    if (way == Way::kText)
      for (auto& [name, tensor] : table)
        if (name.find("cross_attn.o.") != std::string::npos) tensor.requires_grad_(true);
    const TrainDit dit(small_dit(), table,
                       {.dtype = at::kBFloat16, .recompute = way == Way::kRecomputed});
    CHECK(dit.silent() == (way != Way::kText));
    Seen here = seen;
    if (way == Way::kText) here.prompt = drawn_as_golden("prompt.small", {2, 5});
    const at::Tensor out = velocity_of(dit, here);
    wan::flow_loss(out, seen.latents, seen.noise).mean().backward();
    if (way == Way::kFirst) velocity = out.detach();
    CHECK(at::equal(out, velocity));
    for (const auto& [name, tensor] : table) {
      CAPTURE(name, static_cast<int>(way));
      if (wan::dit_role(name) == DitRole::kText) continue;
      CHECK(tensor.grad().scalar_type() == at::kFloat);
      if (way == Way::kFirst)
        first[name] = tensor.grad().clone();
      else
        CHECK(at::equal(tensor.grad(), first.at(name)));
    }
  }
  CHECK(first.size() == 11 + 2 * 15);
}

TEST_CASE("DiT in training: a clip's velocity does not depend on its batch, but on every frame") {
  const WeightTable table = small_dit_table(at::kDouble);
  const TrainDit dit(small_dit(), table, {.dtype = at::kDouble});
  const at::Tensor x = drawn_as_golden("small.x", {2, 16, 2, 4, 2}).to(at::kDouble);
  const at::Tensor times = at::tensor({200.0, 700.0}, at::kDouble);
  const at::Tensor both = dit.forward(x, times);
  const at::Tensor alone = dit.forward(x.narrow(0, 1, 1), times.narrow(0, 1, 1));
  CHECK(apart_dit(alone, both.narrow(0, 1, 1)) < 1e-12);
  at::Tensor other = x.clone();
  other.select(2, 1).neg_();
  CHECK(apart_dit(dit.forward(other, times).select(2, 0), both.select(2, 0)) > 1e-3);
  const at::Tensor swapped = dit.forward(x.flip(2), times).flip(2);  // frames know their order
  CHECK(apart_dit(swapped, both) > 1e-3);
}

TEST_CASE("DiT in training: how it starts, and what trains") {
  const DitConfig config = small_dit();
  const Parameters values = wan::initial_dit(config, 3), other = wan::initial_dit(config, 4);
  const auto names = wan::dit_tensors(config);
  REQUIRE(values.size() == names.size());
  const WeightTable table = wan::training_dit(values, {at::kCPU, at::kBFloat16});
  std::map<DitRole, int> roles;
  for (std::size_t n = 0; n < values.size(); ++n) {
    const auto& [name, value] = values[n];
    CAPTURE(name);
    CHECK(name == names[n].canonical);
    CHECK(value.sizes() == at::IntArrayRef(names[n].shape));
    ++roles[wan::dit_role(name)];
    const at::Tensor& held = table.at(name);
    const bool text = wan::dit_role(name) == DitRole::kText;
    CHECK(held.requires_grad() == !text);
    CHECK(held.scalar_type() == (text ? at::kBFloat16 : at::kFloat));
    const auto ends = [&](const char* end) { return name.ends_with(end); };
    if (ends("cross_attn.o.weight") || ends(".bias") || name == "head.head.weight") {
      CHECK(at::count_nonzero(value).item<std::int64_t>() == 0);
    } else if (name.find("norm") != std::string::npos) {
      CHECK(at::equal(value, at::ones_like(value)));
    } else {
      CHECK_FALSE(at::equal(value, other[n].second));
      const bool mlp = name.starts_with("text_emb") || name.starts_with("time_emb");
      const double fan = static_cast<double>(value.size(0)) +
                         static_cast<double>(value.numel()) / static_cast<double>(value.size(0));
      const double deviation = ends("modulation") ? 1 / std::sqrt(24.0)
                               : mlp              ? 0.02
                                                  : std::sqrt(2 / fan);
      // The deviation of n values is known to about 1 / sqrt(2 n); four of those.
      const double slack = 4 / std::sqrt(2.0 * static_cast<double>(value.numel()));
      CHECK(value.std().item<double>() == Approx(deviation).epsilon(slack));
    }
  }
  CHECK(roles[DitRole::kMatrix] == 2 * 6);
  CHECK(roles[DitRole::kText] == 4 + 2 * 12);
  CHECK(roles[DitRole::kOther] == 11 + 2 * 9);
  // The head starts at zero: so does the velocity.
  const TrainDit dit(config, table, {.dtype = at::kBFloat16});
  const at::Tensor velocity = velocity_of(dit, small_step(at::kFloat));
  CHECK(at::count_nonzero(velocity).item<std::int64_t>() == 0);
}

TEST_CASE("DiT in training: noised latents and the loss by hand") {
  const at::Tensor x = float_tensor(std::vector<float>{1, 2, 3, 4}, {2, 2});
  const at::Tensor e = float_tensor(std::vector<float>{5, 6, 7, 9}, {2, 2});
  const at::Tensor s = float_tensor(std::vector<float>{0.25F, 0.5F}, {2});
  CHECK(at::equal(wan::noised(x, e, s), float_tensor(std::vector<float>{2, 3, 5, 6.5F}, {2, 2})));
  // Targets 4 4, 4 5; velocities 4 6, 0 5.
  const at::Tensor v = float_tensor(std::vector<float>{4, 6, 0, 5}, {2, 2});
  CHECK(at::equal(wan::flow_loss(v, x, e), float_tensor(std::vector<float>{2, 8}, {2})));
}

TEST_CASE("DiT in training: what does not fit is refused by name") {
  WeightTable table = small_dit_table(at::kFloat);
  const TrainDit dit(small_dit(), table, {});
  const at::Tensor x = at::zeros({2, 16, 1, 4, 2}), t = at::zeros({2});
  CHECK_THROWS_WITH(dit.forward(at::zeros({2, 16, 1, 3, 2}), t), Catch::Contains("latents"));
  CHECK_THROWS_WITH(dit.forward(x, at::zeros({3})), Catch::Contains("timesteps"));
  wan::DitTaps taps{.blocks = {2}};
  CHECK_THROWS_WITH(dit.forward(x, t, {}, &taps), Catch::Contains("taps"));
  for (auto& [name, tensor] : table)
    if (name.ends_with("cross_attn.o.weight")) tensor.fill_(1);
  const TrainDit reads(small_dit(), table, {});
  CHECK_THROWS_WITH(reads.forward(x, t), Catch::Contains("prompt"));
  CHECK_THROWS_WITH(reads.forward(x, t, at::zeros({5, 5})), Catch::Contains("5 rows"));
  table.erase("blocks.1.ffn.2.bias");
  CHECK_THROWS_WITH(TrainDit(small_dit(), table, {}), Catch::Contains("blocks.1.ffn.2.bias"));
}
