#include "bench/qwen2_device.h"

#include <ATen/ATen.h>
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "bench/qwen2_parts.h"
#include "bench/seconds.h"
#include "core/device.h"
#include "core/dtype.h"
#include "models/qwen2/decoder.h"
#include "models/qwen2/names.h"

namespace vega::bench {
namespace {

template <typename Work>
double seconds_of(at::Device device, const Work& work) {
  synchronize(device);
  const Seconds start = now();
  work();
  synchronize(device);
  return (now() - start).wall;
}

template <typename Work>
double best_of(int times, at::Device device, const Work& work) {
  double best = 1e30;
  for (int n = 0; n < times; ++n) best = std::min(best, seconds_of(device, work));
  return best;
}

// All tensors lie in one buffer of random numbers, so that 7B need no 15 GB of the host.
class Weights {
 public:
  Weights(const qwen2::Config& config, at::ScalarType type) {
    const auto rows = qwen2::decoder_tensors(config);
    std::int64_t most = config.vocab * config.hidden;
    for (const auto& row : rows) most = std::max(most, element_count(row.shape));
    constexpr std::int64_t kPeriod = (1 << 20) + 7;
    const at::Tensor some = at::randn({kPeriod}).mul_(0.02).to(type);
    values_ = some.repeat({most / kPeriod + 1});
    ones_ = at::ones({config.hidden}, type);
    const auto add = [&](const std::string& name, const Shape& shape) {
      const at::Tensor& from = name.find("norm") == std::string::npos ? values_ : ones_;
      set_.add(name, {dtype_of(type), shape, static_cast<const std::byte*>(from.const_data_ptr())},
               nullptr, "memory");
    };
    for (const auto& row : rows) add("model." + row.canonical, row.shape);
    if (!config.tied) add("lm_head.weight", {config.vocab, config.hidden});
  }
  const TensorSet& set() const { return set_; }

 private:
  at::Tensor values_, ones_;
  TensorSet set_;
};

// Operations of reading the prompt: products of all layers, causal attention, one row of the head.
double prompt_operations(const qwen2::Config& c, std::int64_t tokens) {
  const auto real = [](std::int64_t n) { return static_cast<double>(n); };
  const double layer = real(c.hidden) * real((2 * c.heads + 2 * c.kv_heads) * c.head_dim) +
                       3 * real(c.hidden) * real(c.mlp);
  const double attention = real(tokens) * real(tokens) * real(c.heads * c.head_dim);
  return 2 * real(c.layers) * (layer * real(tokens) + attention) +
         2 * real(c.vocab) * real(c.hidden);
}

// The best rate of a layer's two largest kinds of product, operations a second.
double product_rate(const DevicePlan& plan, const qwen2::Config& c) {
  const auto options = at::TensorOptions(plan.device).dtype(plan.type);
  double best = 0;
  for (const auto& [in, out] : {std::pair{c.hidden, c.mlp}, {c.mlp, c.hidden}}) {
    const at::Tensor x = at::ones({plan.tokens, in}, options), w = at::ones({out, in}, options);
    at::linear(x, w);
    const double seconds = best_of(5, plan.device, [&] { at::linear(x, w); });
    best = std::max(best, 2.0 * static_cast<double>(plan.tokens) * static_cast<double>(in) *
                              static_cast<double>(out) / seconds);
  }
  return best;
}

// Bytes a second of a copy, read and written.
double copy_rate(const DevicePlan& plan) {
  const std::int64_t bytes =
      std::min<std::int64_t>(std::int64_t{4} << 30, device_memory(plan.device).free / 8);
  const at::Tensor from = at::zeros({bytes}, at::TensorOptions(plan.device).dtype(at::kByte));
  at::Tensor to = at::empty_like(from);
  to.copy_(from);
  return 2.0 * static_cast<double>(bytes) / best_of(5, plan.device, [&] { to.copy_(from); });
}

struct Decoded {
  double prefill = 0, step = 0;   // seconds, medians
  std::vector<std::int64_t> ids;  // of the first answer
};

Decoded run(const DevicePlan& plan, const qwen2::Config& config, const Weights& weights,
            bool graphs) {
  const qwen2::Decoder model(
      weights.set(), config, {.where = "made up"},
      {.device = plan.device, .dtype = plan.type, .cache_tokens = plan.tokens, .graphs = graphs});
  const at::Tensor embeddings = model.embed(prompt_ids(plan.tokens));
  const at::Tensor places = at::arange(plan.tokens);
  std::optional<KvCache> prompt;
  at::Tensor hidden;
  const auto read = [&] {
    prompt.emplace(model.new_cache(plan.tokens));
    hidden = model.forward(embeddings, places, *prompt, /*last_only=*/true);
  };
  Decoded out;
  read();
  std::vector<double> prefills, steps;
  for (std::int64_t n = 0; n < plan.repeat; ++n) {
    prefills.push_back(seconds_of(plan.device, read));
    std::vector<KvCache> caches;
    std::vector<KvCache*> growing;
    for (std::int64_t row = 0; row < plan.rows; ++row)
      caches.push_back(prompt->fork(plan.fresh + 4));
    for (KvCache& cache : caches) growing.push_back(&cache);
    std::vector<std::int64_t> next;
    out.ids.clear();
    for (std::int64_t row = 0; row < plan.rows; ++row) next.push_back(row + 1);
    const auto step = [&] {
      const at::Tensor positions = at::full({plan.rows}, caches[0].length(), at::kLong);
      const at::Tensor chosen =
          model.logits(model.step(model.embed(next), positions, growing)).argmax(-1).cpu();
      const auto* data = chosen.const_data_ptr<std::int64_t>();
      next.assign(data, data + plan.rows);
      out.ids.push_back(next[0]);
    };
    for (int warm = 0; warm < 3; ++warm) step();  // one plain, one that records, one more
    steps.push_back(seconds_of(plan.device,
                               [&] {
                                 for (std::int64_t token = 0; token < plan.fresh; ++token) step();
                               }) /
                    static_cast<double>(plan.fresh));
  }
  out.prefill = median(prefills);
  out.step = median(steps);
  return out;
}

}  // namespace

bool measure_on_device(const DevicePlan& plan, const qwen2::Config& config) {
  const Weights weights(config, plan.type);
  const double products = product_rate(plan, config), copied = copy_rate(plan);
  empty_cache(plan.device);
  const Decoded graph = run(plan, config, weights, true);
  const double peak = static_cast<double>(device_memory(plan.device).peak);
  empty_cache(plan.device);
  const Decoded plain = run(plan, config, weights, false);
  // A step reads the weights once, and each answer's keys and values; of the embedding a row.
  double bytes = qwen2::Decoder::weight_bytes(config, plan.type);
  if (!config.tied)
    bytes -= static_cast<double>(config.vocab * config.hidden) *
             static_cast<double>(c10::elementSize(plan.type));
  bytes += qwen2::Decoder::token_bytes(config, plan.type) * static_cast<double>(plan.rows) *
           (static_cast<double>(plan.tokens) + static_cast<double>(plan.fresh) / 2);
  const double floor = bytes / copied, operations = prompt_operations(config, plan.tokens);
  const double prefill = operations / graph.prefill / products, decode = floor / graph.step;
  const char* type = plan.type == at::kFloat ? "fp32" : "bf16";
  fmt::print("{}: {} of {} layers, prompt of {} tokens, {} decoded by {} answers, median of {}\n",
             device_name(plan.device), type, config.layers, plan.tokens, plan.fresh, plan.rows,
             plan.repeat);
  fmt::print("  products {:.1f} TFLOP/s, copy {:.2f} TB/s, peak {:.1f} GB\n", products / 1e12,
             copied / 1e12, peak / 1e9);
  fmt::print("  prefill  {:.1f} ms, {:.0f} tokens/s, {:.1f} TFLOP/s\n", 1e3 * graph.prefill,
             static_cast<double>(plan.tokens) / graph.prefill, operations / graph.prefill / 1e12);
  fmt::print("  floor    {:.3f} ms a step: {:.2f} GB\n", 1e3 * floor, bytes / 1e9);
  for (const auto& [name, side] : {std::pair{"graph", &graph}, {"plain", &plain}})
    fmt::print("  {}    {:.3f} ms a step, {:.1f} tokens/s, {:.0f} % of the floor's speed\n", name,
               1e3 * side->step, static_cast<double>(plan.rows) / side->step,
               100 * floor / side->step);
  fmt::print("  tokens of both ways equal: {}\n", graph.ids == plain.ids ? "yes" : "NO");
  fmt::print("{} prefill {:.0f} % of the products' rate, decode {:.0f} % of the bandwidth floor\n",
             type, 100 * prefill, 100 * decode);
  std::fflush(stdout);
  return graph.ids == plain.ids && prefill >= plan.least_prefill && decode >= plan.least_decode;
}

}  // namespace vega::bench
