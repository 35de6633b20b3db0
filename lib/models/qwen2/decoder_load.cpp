// Reading a decoder's weights: strictly, in place where their type fits, and only where they fit.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <cstring>
#include <string>

#include "base/error.h"
#include "base/host_memory.h"
#include "core/check.h"
#include "core/device.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "models/qwen2/decoder.h"
#include "models/qwen2/names.h"

namespace vega::qwen2 {
namespace {

constexpr double kGiB = 1 << 30;

// Frequencies that old files hold; they follow from theta.
bool is_buffer(std::string_view name) { return name.ends_with("rotary_emb.inv_freq"); }

double elements(const Config& config) {
  double sum =
      config.tied ? 0 : static_cast<double>(config.vocab) * static_cast<double>(config.hidden);
  for (const auto& tensor : decoder_tensors(config)) {
    double size = 1;
    for (const std::int64_t extent : tensor.shape) size *= static_cast<double>(extent);
    sum += size;
  }
  return sum;
}

[[noreturn]] void fail_no_head(const Source& source) {
  throw FormatError(explain(
      source.where,
      "no tensor " + source.head + ", and tie_word_embeddings false or absent in config.json",
      "the head's own weights",
      "fetch the checkpoint again; if it was trained with the embedding as "
      "its head, state tie_word_embeddings true"));
}

// A head beside an embedding that config.json says it is.
void check_tied(const TensorView& head, const TensorView& embedding, const Source& source) {
  const bool same = head.dtype == embedding.dtype && head.shape == embedding.shape &&
                    std::memcmp(head.data, embedding.data, head.bytes()) == 0;
  if (same) return;
  throw FormatError(
      explain(source.where,
              "a tensor " + source.head + " other than " + source.prefix + std::string(kEmbedding),
              "equal ones, or none: tie_word_embeddings is true in config.json",
              "state tie_word_embeddings false if the head is meant"));
}

}  // namespace

double Decoder::weight_bytes(const Config& config, at::ScalarType dtype) {
  return elements(config) * static_cast<double>(c10::elementSize(dtype));
}

double Decoder::token_bytes(const Config& config, at::ScalarType dtype) {
  return 2.0 * static_cast<double>(config.layers * config.kv_heads * config.head_dim) *
         static_cast<double>(c10::elementSize(dtype));
}

void Decoder::check_memory(const std::string& where) const {
  const double weights = weight_bytes(config_, options_.dtype);
  const double cache =
      token_bytes(config_, options_.dtype) * static_cast<double>(options_.cache_tokens);
  const auto free = static_cast<double>(device_memory(options_.device).free);
  if (weights + cache <= free) return;
  const bool wide = options_.dtype == at::kFloat;
  const std::string limit = options_.device.is_cpu() ? host_memory().limit : "";
  const std::string keys = options_.cache_tokens == 0
                               ? ""
                               : fmt::format(" and {:.1f} GiB of keys and values of {} tokens",
                                             cache / kGiB, options_.cache_tokens);
  throw InputError(explain(
      where,
      fmt::format("{:.1f} GiB of weights in {}{}, {:.1f} GiB of memory available on {}{}",
                  weights / kGiB, wide ? "fp32" : "bf16", keys, free / kGiB, options_.device.str(),
                  limit.empty() ? "" : " (the limit is " + limit + ")"),
      fmt::format("at least {:.1f} GiB", (weights + cache) / kGiB),
      wide ? "compute in bf16, end other programs, or take a machine with more memory"
           : "end other programs, ask for fewer tokens, or take a machine with more memory"));
}

// The tensor in the model's type on its device; where both are the file's, the mapped file itself.
at::Tensor Decoder::placed(const TensorView& view) {
  at::Tensor tensor = tensor_from(view).to(options_.device, options_.dtype);
  if (tensor.const_data_ptr() != static_cast<const void*>(view.data))
    copied_bytes_ += static_cast<std::int64_t>(tensor.nbytes());
  return tensor;
}

void Decoder::take(const Source& source) {
  const bool has_head =
      set_.find(source.head) != nullptr || set_.unreadable().contains(source.head);
  if (!config_.tied && !has_head) fail_no_head(source);
  const auto views = take_tensors(set_, decoder_tensors(config_), KeyLayout::kCanonical,
                                  {source.where, source.prefix, [&](std::string_view name) {
                                     return source.prefix + std::string(name) == source.head ||
                                            is_buffer(name) ||
                                            (source.tolerated && source.tolerated(name));
                                   }});
  const auto get = [&](const std::string& name) { return placed(views.at(name)); };
  embedding_ = get(std::string(kEmbedding));
  norm_ = get(std::string(kNorm));
  head_ = embedding_;
  if (has_head) {
    const NamedTensor row{source.head, source.head, {config_.vocab, config_.hidden}};
    const auto head = take_tensors(set_, {row}, KeyLayout::kCanonical,
                                   {source.where, "", [](std::string_view) { return true; }});
    if (config_.tied)
      check_tied(head.at(source.head), views.at(std::string(kEmbedding)), source);
    else
      head_ = placed(head.at(source.head));
  }
  for (std::int64_t n = 0; n < config_.layers; ++n) {
    const std::string layer = "layers." + std::to_string(n) + ".";
    const std::string attention = layer + "self_attn.", mlp = layer + "mlp.";
    Layer out;
    out.input_norm = get(layer + "input_layernorm.weight");
    out.q = {get(attention + "q_proj.weight"), get(attention + "q_proj.bias")};
    out.k = {get(attention + "k_proj.weight"), get(attention + "k_proj.bias")};
    out.v = {get(attention + "v_proj.weight"), get(attention + "v_proj.bias")};
    out.o = {get(attention + "o_proj.weight"), {}};
    out.post_norm = get(layer + "post_attention_layernorm.weight");
    out.gate = {get(mlp + "gate_proj.weight"), {}};
    out.up = {get(mlp + "up_proj.weight"), {}};
    out.down = {get(mlp + "down_proj.weight"), {}};
    layers_.push_back(std::move(out));
  }
}

Decoder::Decoder(const TensorSet& set, const Config& config, const Source& source,
                 const Options& options)
    : set_(set), config_(config), options_(options) {
  const c10::NoGradGuard no_grad;
  check_dtype("qwen2::Decoder", "dtype", at::empty({0}, options.dtype),
              {at::kFloat, at::kBFloat16});
  check_memory(source.where);
  on_device(options_.device, [&] { take(source); });
  if (options_.device.is_cuda())
    steps_ = std::make_shared<StepGraphs>(options_.device, options_.graphs);
}

}  // namespace vega::qwen2
