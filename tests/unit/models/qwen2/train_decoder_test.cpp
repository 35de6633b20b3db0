#include "models/qwen2/train_decoder.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "base/error.h"
#include "base/philox.h"
#include "models/qwen2/names.h"
#include "qwen2_samples.h"
#include "support/finite_difference.h"

using namespace vega;
using namespace vega::test;
using qwen2::TrainDecoder;
using qwen2::TrainDecoderOptions;

namespace {

const qwen2::Config kSmall{.hidden = 12,
                           .layers = 2,
                           .heads = 4,
                           .kv_heads = 2,
                           .head_dim = 6,
                           .mlp = 10,
                           .vocab = 17,
                           .norm_eps = 1e-6,
                           .rope_theta = 1e4};
const LoraConfig kLora{.rank = 3, .alpha = 6, .dropout = 0.2};
const PackedLayout kLayout{3, {4, 2}};
const Ids kIds{3, 7, 15, 1, 16, 2, 2, 11, 4};  // 15 and 16 are new tokens
const std::vector<std::int64_t> kNewIds{15, 16};

at::Tensor drawn(const std::string& name, at::IntArrayRef shape, double mean, double half) {
  at::Tensor out = at::empty(shape, at::kFloat);
  uniform_tensor(11, name, mean, half, 0,
                 {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out;
}

// Everything trains, in `type`.
WeightTable small_table(const qwen2::Config& config, at::ScalarType type, bool lora) {
  WeightTable table;
  const auto add = [&](const std::string& name, at::IntArrayRef shape) {
    const bool norm = name.find("norm") != std::string::npos;
    table[name] = drawn(name, shape, norm ? 1 : 0, 0.6).to(type).requires_grad_(true);
  };
  for (const auto& row : qwen2::decoder_tensors(config)) add("model." + row.canonical, row.shape);
  if (!config.tied) add("lm_head.weight", {config.vocab, config.hidden});
  add("model.embed_tokens.new_rows", {2, config.hidden});
  if (!lora) return table;
  for (const auto& spec : lora_specs(qwen2::lora_targets(config), kLora))
    add(spec.name, spec.shape);
  return table;
}

TrainDecoder small_decoder(const qwen2::Config& config, const WeightTable& table, bool recompute,
                           at::ScalarType type = at::kDouble) {
  return {config, table, "model.", "lm_head.weight",
          TrainDecoderOptions{
              .dtype = type, .recompute = recompute, .lora = kLora, .new_ids = kNewIds}};
}

// Every question's positions follow the prefix.
at::Tensor packed_positions(const qwen2::Config& config, const PackedLayout& layout) {
  std::vector<at::Tensor> parts{at::arange(layout.prefix, at::kLong)};
  for (const std::int64_t length : layout.lengths)
    parts.push_back(at::arange(layout.prefix, layout.prefix + length, at::kLong));
  const at::Tensor line = at::cat(parts);
  return config.three_components() ? line.expand({3, line.size(0)}).contiguous() : line;
}

// Loss of a packed sequence, and the gradients of all of the table by name.
at::Tensor sample_loss(const TrainDecoder& model, const DropoutKey* key,
                       const at::Tensor& extra = {}) {
  at::Tensor embeddings = model.embed(kIds);
  if (extra.defined()) embeddings = embeddings + extra.to(embeddings.scalar_type());
  const at::Tensor hidden =
      model.forward(embeddings, packed_positions(model.config(), kLayout), kLayout, key);
  const at::Tensor targets = at::tensor({7, 15, 0, 16, 5, 2, 0, 4, 9}, at::kLong);
  const at::Tensor weights =
      at::tensor({1.0, 0.5, 0.0, 1.0, 2.0, 1.0, 0.0, 0.25, 1.0}, at::kDouble)
          .to(embeddings.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  return model.loss(hidden, targets, weights, /*block_rows=*/3).sum;
}

std::map<std::string, at::Tensor> gradients_of(const WeightTable& table) {
  std::map<std::string, at::Tensor> out;
  for (const auto& [name, tensor] : table) {
    if (tensor.grad().defined()) out[name] = tensor.grad().clone();
    tensor.mutable_grad().reset();
  }
  return out;
}

WeightTable table_of(const Qwen2Sample& sample, at::ScalarType type) {
  WeightTable table;
  const TensorSet set = sample.set();
  for (const auto& row : qwen2::decoder_tensors(sample.config()))
    table["model." + row.canonical] = owned_float_from(set.at("model." + row.canonical)).to(type);
  if (!sample.config().tied)
    table["lm_head.weight"] = owned_float_from(set.at("lm_head.weight")).to(type);
  return table;
}

TrainDecoder train_decoder(const Qwen2Sample& sample, at::ScalarType type) {
  return {sample.config(), table_of(sample, type), "model.", "lm_head.weight",
          TrainDecoderOptions{.dtype = type}};
}

double apart(const at::Tensor& got, const at::Tensor& want) {
  return ((got.to(at::kFloat) - want).norm() / want.norm()).item<double>();
}

}  // namespace

TEST_CASE("train decoder: hidden states of the decoder that answers, cached and uncached") {
  for (const char* name : {"half_b", "seven_b", "odd", "three"}) {
    CAPTURE(name);
    const Qwen2Sample sample(name);
    const qwen2::Decoder model = sample.decoder();
    const auto ids = numbers_of(sample.notes()["prompt"]);
    const auto count = static_cast<std::int64_t>(ids.size());
    const at::Tensor positions = qwen2_positions(model.config(), 0, count);
    KvCache whole = model.new_cache(), pieces = model.new_cache();
    const at::Tensor want = model.forward(model.embed(ids), positions, whole);
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < count; first += 10) {
      const std::int64_t length = std::min<std::int64_t>(10, count - first);
      parts.push_back(model.forward(model.embed(ids).narrow(0, first, length),
                                    qwen2_positions(model.config(), first, length), pieces));
    }
    const TrainDecoder train = train_decoder(sample, at::kFloat);
    const at::Tensor got = train.forward(train.embed(ids), positions, {count, {}});
    const double error = (got - want).abs().max().item<double>();
    CHECK(error < 1e-5);
    CHECK((got - at::cat(parts)).abs().max().item<double>() < 1e-5);
    // In bfloat16 both round at the same places; sums in another order flip last bits (2^-8), which
    // go through two or three layers.
    const qwen2::Decoder half = sample.decoder(at::kBFloat16);
    KvCache cache = half.new_cache();
    const at::Tensor half_want = half.forward(half.embed(ids), positions, cache).to(at::kFloat);
    const TrainDecoder half_train = train_decoder(sample, at::kBFloat16);
    const at::Tensor half_got = half_train.forward(half_train.embed(ids), positions, {count, {}});
    CHECK(half_got.scalar_type() == at::kBFloat16);
    CHECK(apart(half_got, half_want) < 1.5e-2);
    std::cout << "train decoder " << name << ": " << error << ", bf16 "
              << apart(half_got, half_want) << ", both from float32 " << apart(half_got, want)
              << " and " << apart(half_want, want) << "\n";
  }
}

TEST_CASE("train decoder: packed questions are each question alone") {
  for (const char* name : {"odd", "three"}) {
    const Qwen2Sample sample(name);
    const TrainDecoder train = train_decoder(sample, at::kFloat);
    const auto ids = numbers_of(sample.notes()["prompt"]);
    for (const PackedLayout& layout :
         {PackedLayout{12, {9, 1, 15}}, PackedLayout{0, {20, 17}}, PackedLayout{36, {1}}}) {
      CAPTURE(name, layout.prefix, layout.lengths);
      const auto all = std::span(ids).first(static_cast<std::size_t>(layout.tokens()));
      const at::Tensor embeddings = train.embed(all);
      const at::Tensor got =
          train.forward(embeddings, packed_positions(train.config(), layout), layout);
      std::int64_t first = layout.prefix;
      for (const std::int64_t length : layout.lengths) {
        const std::int64_t count = layout.prefix + length;
        const at::Tensor own =
            at::cat({embeddings.narrow(0, 0, layout.prefix), embeddings.narrow(0, first, length)});
        const at::Tensor want =
            train.forward(own, qwen2_positions(train.config(), 0, count), {count, {}});
        CHECK(at::allclose(got.narrow(0, first, length), want.narrow(0, layout.prefix, length),
                           1e-5, 1e-5));
        if (layout.prefix > 0)
          CHECK(at::allclose(got.narrow(0, 0, layout.prefix), want.narrow(0, 0, layout.prefix),
                             1e-5, 1e-5));
        first += length;
      }
    }
  }
}

TEST_CASE("train decoder: the gradient of every tensor is a difference, in float64") {
  const DropoutKey key{.seed = 4, .step = 2};
  for (const bool tied : {false, true}) {
    qwen2::Config config = kSmall;
    config.tied = tied;
    if (tied) config.rope_sections = {1, 1, 1};
    const WeightTable table = small_table(config, at::kDouble, true);
    const TrainDecoder model = small_decoder(config, table, /*recompute=*/true);
    const at::Tensor extra = at::zeros({9, 12}, at::kDouble).requires_grad_(true);
    const auto loss = [&] { return sample_loss(model, &key, extra); };
    loss().backward();
    CHECK(worst_difference(loss, extra, 7) < 1e-7);
    for (const auto& [name, tensor] : table) {
      CAPTURE(tied, name);
      REQUIRE(tensor.grad().defined());
      CHECK(tensor.grad().abs().max().item<double>() > 1e-12);
      CHECK(worst_difference(loss, tensor, tensor.numel() > 40 ? 13 : 3) < 1e-7);
    }
  }
}

TEST_CASE("train decoder: recomputed layers change no bit, with dropout") {
  const DropoutKey key{.seed = 4, .step = 2, .pass = "room"};
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const WeightTable table = small_table(kSmall, at::kFloat, true);
    const TrainDecoder plain = small_decoder(kSmall, table, false, type);
    const at::Tensor first = sample_loss(plain, &key);
    first.backward();
    const auto want = gradients_of(table);
    const at::Tensor second = sample_loss(small_decoder(kSmall, table, true, type), &key);
    second.backward();
    const auto got = gradients_of(table);
    CHECK(at::equal(first, second));
    REQUIRE(got.size() == table.size());
    for (const auto& [name, gradient] : want) {
      CAPTURE(type, name);
      CHECK(gradient.scalar_type() == at::kFloat);
      CHECK(at::equal(got.at(name), gradient));
    }
    CHECK_FALSE(at::equal(sample_loss(plain, nullptr), first));
    const DropoutKey other{.seed = 4, .step = 3, .pass = "room"};
    CHECK_FALSE(at::equal(sample_loss(plain, &other), first));
  }
}

TEST_CASE("train decoder: gradients in float32 and bfloat16 are near those in float64") {
  const DropoutKey key{.seed = 4, .step = 2};
  const WeightTable wide = small_table(kSmall, at::kDouble, true);
  sample_loss(small_decoder(kSmall, wide, true), &key).backward();
  const auto want = gradients_of(wide);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const WeightTable table = small_table(kSmall, at::kFloat, true);
    sample_loss(small_decoder(kSmall, table, true, type), &key).backward();
    // Some hundred roundings one behind the other: of 2^-24, or of 2^-9 where most cancel out.
    const double bar = type == at::kFloat ? 1e-5 : 0.1;
    for (const auto& [name, gradient] : gradients_of(table)) {
      const at::Tensor exact = want.at(name);
      CAPTURE(type, name);
      CHECK(((gradient.to(at::kDouble) - exact).norm() / exact.norm()).item<double>() < bar);
    }
  }
}

TEST_CASE("train decoder: the masks of the dropout do not depend on the number of threads") {
  const DropoutKey key{.seed = 4, .step = 2};
  const WeightTable table = small_table(kSmall, at::kDouble, true);
  const TrainDecoder model = small_decoder(kSmall, table, true);
  const double want = sample_loss(model, &key).item<double>();
  const int threads = at::get_num_threads();
  for (const int count : {1, 3}) {
    at::set_num_threads(count);
    const double got = sample_loss(model, &key).item<double>();
    at::set_num_threads(threads);
    CHECK(got == Approx(want).epsilon(1e-13));  // sums of products may take another order
  }
}

TEST_CASE("train decoder: frozen tensors get no gradient, adapters of a frozen decoder do") {
  WeightTable table = small_table(kSmall, at::kFloat, true);
  for (auto& [name, tensor] : table) {
    if (name.find("lora_") == std::string::npos) tensor = tensor.detach().to(at::kBFloat16);
  }
  const TrainDecoder model = small_decoder(kSmall, table, true, at::kBFloat16);
  sample_loss(model, nullptr).backward();
  for (const auto& [name, tensor] : table) {
    CAPTURE(name);
    CHECK(tensor.grad().defined() == (name.find("lora_") != std::string::npos));
  }
}

TEST_CASE("train decoder: after five steps every lora_B is non-zero, recomputed or not") {
  const auto trained = [](bool recompute) {
    WeightTable table = small_table(kSmall, at::kFloat, true);
    std::vector<at::Tensor> leaves;
    for (auto& [name, tensor] : table) {
      if (name.find("lora_") == std::string::npos) {
        tensor = tensor.detach();
        continue;
      }
      if (name.find("lora_B") != std::string::npos) tensor.detach().zero_();
      leaves.push_back(tensor);
    }
    const TrainDecoder model = small_decoder(kSmall, table, recompute, at::kFloat);
    for (std::uint32_t step = 0; step < 5; ++step) {
      const DropoutKey key{.seed = 1, .step = step};
      sample_loss(model, &key).backward();
      for (const at::Tensor& leaf : leaves) {
        leaf.detach().sub_(leaf.grad(), 0.01);
        leaf.mutable_grad().reset();
      }
    }
    return table;
  };
  const WeightTable plain = trained(false), again = trained(true);
  for (const auto& [name, tensor] : plain) {
    CAPTURE(name);
    CHECK(at::equal(tensor, again.at(name)));
    if (name.find("lora_B") != std::string::npos) CHECK(tensor.abs().max().item<double>() > 0);
  }
}

TEST_CASE("train decoder: what does not fit is refused by name") {
  WeightTable table = small_table(kSmall, at::kFloat, true);
  const auto make = [&](const TrainDecoderOptions& options) {
    return TrainDecoder(kSmall, table, "model.", "lm_head.weight", options);
  };
  CHECK_THROWS_WITH(make({.new_ids = kNewIds}), Catch::Contains("an adapter of model.layers.0"));
  CHECK_THROWS_WITH(make({.lora = kLora}), Catch::Contains("new_rows"));
  CHECK_THROWS_WITH(make({.lora = LoraConfig{.rank = 4}, .new_ids = kNewIds}),
                    Catch::Contains("lora_A"));
  CHECK_THROWS_AS(make({.lora = kLora, .new_ids = {15, 17}}), InputError);
  const TrainDecoder model = make({.lora = kLora, .new_ids = kNewIds});
  CHECK_THROWS_AS(model.embed(Ids{17}), InputError);
  CHECK_THROWS_AS(model.forward(at::zeros({3, 12}), at::arange(3), {4, {}}), InputError);
  CHECK_THROWS_AS(model.forward(at::zeros({3, 12}), at::arange(2), {3, {}}), InputError);
  table.erase("model.layers.1.mlp.up_proj.weight");
  CHECK_THROWS_WITH(make({.lora = kLora, .new_ids = kNewIds}),
                    Catch::Contains("model.layers.1.mlp.up_proj.weight"));
}

namespace {

// Values of a table, which the decoder's own leaves lack.
class OtherValues final : public qwen2::LayerValues {
 public:
  OtherValues(const TrainDecoder& with, at::ScalarType type)
      : leaves_(with.leaves()), type_(type) {}

  std::vector<at::Tensor> layer(std::int64_t n, bool again) override {
    asked.push_back((again ? 100 : 0) + n);
    std::vector<at::Tensor> out;
    for (const at::Tensor& leaf : leaves_.at(static_cast<std::size_t>(n)))
      out.push_back(leaf.detach().to(leaf.dim() > 1 ? type_ : leaf.scalar_type()).clone());
    return out;
  }
  at::Tensor head() override {
    asked.push_back(std::ssize(leaves_) - 1);
    return leaves_.back().at(0).detach().clone();
  }

  std::vector<std::int64_t> asked;

 private:
  std::vector<std::vector<at::Tensor>> leaves_;
  at::ScalarType type_;
};

}  // namespace

TEST_CASE(
    "train decoder: layers whose values come from elsewhere have the same loss and gradients") {
  const at::ScalarType type = GENERATE(at::kFloat, at::kBFloat16);
  const bool tied = GENERATE(false, true);
  qwen2::Config config = kSmall;
  config.tied = tied;
  const WeightTable table = small_table(config, at::kFloat, true);
  const TrainDecoder whole = small_decoder(config, table, true, type);
  const DropoutKey key{5, 1, "scene"};
  const at::Tensor loss = sample_loss(whole, &key);
  loss.backward();
  const auto expected = gradients_of(table);

  WeightTable empty = table;
  for (auto& [name, tensor] : empty)
    if (name.starts_with("model.layers.") || (name == "lm_head.weight" && !tied))
      tensor = at::full({1}, NAN).expand(tensor.sizes()).detach().requires_grad_(true);
  TrainDecoder lent = small_decoder(config, empty, true, type);
  OtherValues values(whole, type);
  lent.take_values_from(values);
  const at::Tensor same = sample_loss(lent, &key);
  CHECK(at::equal(same, loss));
  same.backward();
  CHECK(values.asked == (tied ? std::vector<std::int64_t>{0, 1, 101, 100}
                              : std::vector<std::int64_t>{0, 1, 2, 101, 100}));
  const auto found = gradients_of(empty);
  REQUIRE(found.size() == expected.size());
  for (const auto& [name, gradient] : expected) {
    INFO(name);
    CHECK(found.at(name).scalar_type() == at::kFloat);
    CHECK(at::equal(found.at(name), gradient));
  }
  CHECK_THROWS_AS(small_decoder(config, table, false, type).take_values_from(values), InputError);
}
