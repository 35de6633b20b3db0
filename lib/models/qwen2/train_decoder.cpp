#include "models/qwen2/train_decoder.h"

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <utility>

#include "base/error.h"
#include "core/check.h"
#include "models/qwen2/names.h"
#include "nn/recompute.h"
#include "nn/stand_in.h"
#include "nn/train_ops.h"

namespace vega::qwen2 {
namespace {

constexpr const char* kTrain = "qwen2::TrainDecoder";

std::string layer_name(std::string_view prefix, std::int64_t n) {
  return std::string(prefix) + "layers." + std::to_string(n) + ".";
}

// The linears of one layer by their names below it.
std::vector<LoraTarget> linears_of(const Config& c) {
  const std::int64_t queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  return {{"self_attn.q_proj", c.hidden, queries}, {"self_attn.k_proj", c.hidden, keys},
          {"self_attn.v_proj", c.hidden, keys},    {"self_attn.o_proj", queries, c.hidden},
          {"mlp.gate_proj", c.hidden, c.mlp},      {"mlp.up_proj", c.hidden, c.mlp},
          {"mlp.down_proj", c.mlp, c.hidden}};
}

LoraLinear take_linear(const WeightTable& weights, const LoraTarget& target, bool biased,
                       const std::optional<LoraConfig>& lora) {
  LoraLinear linear{.name = target.name};
  linear.weight = find_weight(weights, target.name + ".weight", {target.out, target.in});
  if (biased) linear.bias = find_weight(weights, target.name + ".bias", {target.out});
  if (!weight_or_none(weights, lora_a_name(target.name)).defined()) return linear;
  if (!lora)
    throw InputError(explain(kTrain, "an adapter of " + target.name, "none, without LoRA options"));
  linear.lora_a = find_weight(weights, lora_a_name(target.name), {lora->rank, target.in});
  linear.lora_b = find_weight(weights, lora_b_name(target.name), {target.out, lora->rank});
  return linear;
}

}  // namespace

std::vector<LoraTarget> lora_targets(const Config& config, std::string_view prefix) {
  std::vector<LoraTarget> targets;
  for (std::int64_t n = 0; n < config.layers; ++n) {
    for (LoraTarget target : linears_of(config)) {
      target.name = layer_name(prefix, n) + target.name;
      targets.push_back(std::move(target));
    }
  }
  return targets;
}

// All that a layer reads besides its tensors: a graph may outlive the decoder.
struct TrainDecoder::Pass {
  Config config;
  LoraConfig lora;
  RopeTable rope;
  PackedLayout layout;
  std::optional<DropoutKey> key;
};

TrainDecoder::TrainDecoder(const Config& config, const WeightTable& weights,
                           const std::string& prefix, const std::string& head,
                           TrainDecoderOptions options)
    : config_(config), options_(std::move(options)) {
  const auto get = [&](std::string_view name, at::IntArrayRef shape) {
    return find_weight(weights, prefix + std::string(name), shape);
  };
  embedding_ = get(kEmbedding, {config.vocab, config.hidden});
  norm_ = get(kNorm, {config.hidden});
  head_ = config.tied ? embedding_ : find_weight(weights, head, {config.vocab, config.hidden});
  for (std::int64_t n = 0; n < config.layers; ++n)
    layers_.push_back(take_layer(weights, layer_name(prefix, n)));
  take_new_rows(weights, prefix);
}

TrainDecoder::Layer TrainDecoder::take_layer(const WeightTable& weights,
                                             const std::string& name) const {
  const auto targets = linears_of(config_);
  const auto linear = [&](std::size_t index) {
    LoraTarget target = targets[index];
    target.name = name + target.name;
    return take_linear(weights, target, /*biased=*/index < 3, options_.lora);
  };
  Layer layer;
  layer.input_norm = find_weight(weights, name + "input_layernorm.weight", {config_.hidden});
  layer.post_norm =
      find_weight(weights, name + "post_attention_layernorm.weight", {config_.hidden});
  layer.q = linear(0), layer.k = linear(1), layer.v = linear(2), layer.o = linear(3);
  layer.gate = linear(4), layer.up = linear(5), layer.down = linear(6);
  return layer;
}

void TrainDecoder::take_new_rows(const WeightTable& weights, const std::string& prefix) {
  const std::string name = prefix + std::string(kNewRows);
  const auto count = static_cast<std::int64_t>(options_.new_ids.size());
  if (count == 0) {
    check_that(!weight_or_none(weights, name).defined(), kTrain, name, "rows",
               "none, without the ids of new tokens");
    return;
  }
  new_rows_ = find_weight(weights, name, {count, config_.hidden});
  for (const std::int64_t id : options_.new_ids) {
    check_that(id >= 0 && id < config_.vocab, kTrain, "new_ids", std::to_string(id),
               "0 to " + std::to_string(config_.vocab - 1));
  }
  new_ids_ = at::tensor(options_.new_ids, at::kLong).to(embedding_.device());
}

at::Tensor TrainDecoder::embed(std::span<const std::int64_t> ids) const {
  std::map<std::int64_t, std::int64_t> rows;
  for (std::size_t n = 0; n < options_.new_ids.size(); ++n)
    rows[options_.new_ids[n]] = static_cast<std::int64_t>(n);
  std::vector<std::int64_t> places, sources;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= config_.vocab)
      throw InputError(explain("token " + std::to_string(i), "id " + std::to_string(ids[i]),
                               "0 to " + std::to_string(config_.vocab - 1),
                               "the tokeniser and the checkpoint must be of one model"));
    const auto found = rows.find(ids[i]);
    if (found == rows.end()) continue;
    places.push_back(static_cast<std::int64_t>(i));
    sources.push_back(found->second);
  }
  const auto index = [&](std::span<const std::int64_t> numbers) {
    return at::tensor(at::ArrayRef<std::int64_t>(numbers.data(), numbers.size()), at::kLong)
        .to(embedding_.device());
  };
  const at::Tensor out = at::embedding(embedding_, index(ids)).to(options_.dtype);
  if (places.empty()) return out;
  return out.index_copy(0, index(places),
                        new_rows_.index_select(0, index(sources)).to(options_.dtype));
}

at::Tensor TrainDecoder::run_layer(const Layer& layer, const at::Tensor& x, const Pass& pass) {
  const Config& config = pass.config;
  const std::int64_t rows = x.size(0), width = config.head_dim;
  const DropoutKey* key = pass.key ? &*pass.key : nullptr;
  const auto linear = [&](const at::Tensor& input, const LoraLinear& one) {
    return lora_linear(input, one, pass.lora, key);
  };
  const at::Tensor normed = train_rms_norm(x, layer.input_norm, config.norm_eps);
  const at::Tensor q = linear(normed, layer.q).view({rows, config.heads, width});
  const at::Tensor k = linear(normed, layer.k).view({rows, config.kv_heads, width});
  const at::Tensor v = linear(normed, layer.v).view({rows, config.kv_heads, width});
  const at::Tensor mixed =
      packed_attention(train_rope(q, pass.rope), train_rope(k, pass.rope), v, pass.layout);
  const at::Tensor y = x + linear(mixed, layer.o);
  const at::Tensor inner = train_rms_norm(y, layer.post_norm, config.norm_eps);
  const at::Tensor fed = train_swiglu(linear(inner, layer.gate), linear(inner, layer.up));
  return y + linear(fed, layer.down);
}

void TrainDecoder::check_pass(const at::Tensor& embeddings, const at::Tensor& positions,
                              const PackedLayout& layout) const {
  const std::int64_t rows = layout.tokens();
  check_that(rows > 0, kTrain, "layout", "no token", "at least one");
  check_shape(kTrain, "embeddings", embeddings, {rows, config_.hidden});
  check_dtype(kTrain, "embeddings", embeddings, {options_.dtype});
  check_device(kTrain, "embeddings", embeddings, embedding_.device());
  if (config_.three_components())
    check_shape(kTrain, "positions", positions, {3, rows});
  else
    check_shape(kTrain, "positions", positions, {rows});
}

namespace {

// Every trained tensor of a layer, in one order.
template <typename Layer, typename Visit>
void visit_trained(Layer& layer, const Visit& visit) {
  const auto one = [&](at::Tensor& tensor) {
    if (tensor.defined() && tensor.requires_grad()) visit(tensor);
  };
  one(layer.input_norm), one(layer.post_norm);
  for (LoraLinear* linear :
       {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) {
    one(linear->weight), one(linear->bias), one(linear->lora_a), one(linear->lora_b);
  }
}

}  // namespace

at::Tensor TrainDecoder::forward(const at::Tensor& embeddings, const at::Tensor& positions,
                                 const PackedLayout& layout, const DropoutKey* key) const {
  check_pass(embeddings, positions, layout);
  const auto held = std::make_shared<Pass>();
  Pass& pass = *held;
  pass.config = config_;
  pass.lora = options_.lora.value_or(LoraConfig{});
  pass.layout = layout;
  pass.rope = rope_table(positions, config_.head_dim, config_.rope_theta, config_.rope_sections,
                         options_.dtype, embeddings.device());
  if (key != nullptr) pass.key = *key;
  at::Tensor x = embeddings;
  for (std::size_t n = 0; n < layers_.size(); ++n) {
    Layer own = layers_[n];
    if (!options_.recompute) {
      x = run_layer(own, x, pass);
      continue;
    }
    std::vector<at::Tensor> inputs{x};
    visit_trained(own, [&](const at::Tensor& tensor) { inputs.push_back(tensor); });
    const auto ran = std::make_shared<bool>(false);
    x = recomputed(
        [own, held, n, ran, source = source_](const std::vector<at::Tensor>& values) {
          std::vector<at::Tensor> lent;
          if (source != nullptr)
            lent = source->layer(static_cast<std::int64_t>(n), std::exchange(*ran, true));
          Layer with = own;
          std::size_t next = 1;
          visit_trained(with, [&](at::Tensor& tensor) {
            tensor = source != nullptr ? standing_for(values[next], lent[next - 1]) : values[next];
            ++next;
          });
          lent.clear();
          return run_layer(with, values[0], *held);
        },
        inputs);
  }
  return train_rms_norm(x, norm_, config_.norm_eps);
}

LinearLoss TrainDecoder::loss(const at::Tensor& hidden, const at::Tensor& targets,
                              const at::Tensor& weights, std::int64_t block_rows) const {
  LinearLossOptions options{.block_rows = block_rows};
  if (config_.tied && new_rows_.defined()) options.new_ids = new_ids_, options.new_rows = new_rows_;
  const bool lent = source_ != nullptr && !config_.tied && head_.requires_grad();
  const at::Tensor head = lent ? standing_for(head_, source_->head()) : head_;
  return linear_cross_entropy(hidden, head, targets, weights, options);
}

std::vector<std::vector<at::Tensor>> TrainDecoder::leaves() const {
  std::vector<std::vector<at::Tensor>> out;
  for (Layer layer : layers_) {
    out.emplace_back();
    visit_trained(layer, [&](const at::Tensor& tensor) { out.back().push_back(tensor); });
  }
  out.emplace_back();
  if (!config_.tied && head_.requires_grad()) out.back().push_back(head_);
  return out;
}

void TrainDecoder::take_values_from(LayerValues& source) {
  check_that(options_.recompute, kTrain, "recompute", "off",
             "on, where values of layers come from elsewhere");
  source_ = &source;
}

}  // namespace vega::qwen2
