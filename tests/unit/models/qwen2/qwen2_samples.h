// The tiny decoders of tests/golden/export_qwen2.py: their weights drawn again, what transformers
// made of them, and checkpoints written as it writes them.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/philox.h"
#include "core/tensor.h"
#include "models/qwen2/config_json.h"
#include "models/qwen2/decoder.h"
#include "models/qwen2/names.h"
#include "support/support.h"
#include "weights/safetensors.h"

namespace vega::test {

using Ids = std::vector<std::int64_t>;

inline const Json& qwen2_notes() {
  static const Json notes = read_json(golden("qwen2.json"), "the notes of export_qwen2.py");
  return notes;
}

inline at::Tensor qwen2_golden(const std::string& name) {
  static const TensorSet set = read_safetensors(golden("qwen2.safetensors"));
  return float_tensor_from(set.at(name));
}

inline Ids numbers_of(const Json& list) {
  Ids out;
  for (const Json& one : list.elements()) out.push_back(one.whole().value());
  return out;
}

// `tensor` of export_qwen2.py.
inline std::vector<float> qwen2_values(const std::string& model, bool tied, const std::string& name,
                                       const Shape& shape) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  double mean = 0, std = 1 / std::sqrt(static_cast<double>(shape.back()));
  if (has("norm")) {
    mean = 1, std = 0.25;
  } else if (name.ends_with(".bias")) {
    std = 0.5;
  } else if (has("q_proj") || has("k_proj")) {
    std *= 1.5;
  } else if (has("embed_tokens")) {
    std = tied ? 0.15 : 1.0;
  } else if (name == "lm_head.weight") {
    std *= 2;
  }
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  uniform_tensor(42, "golden.qwen2." + model + "." + name, mean, std * std::sqrt(3.0), 0, values);
  return values;
}

// A model's config.json and tensors under the names of Qwen2ForCausalLM, in memory of their own.
class Qwen2Sample {
 public:
  explicit Qwen2Sample(const std::string& model)
      : model_(model), fields_(qwen2_notes()[model]["config"], "config.json") {
    config_ = qwen2::config_from_json(fields_);
    for (const auto& row : qwen2::decoder_tensors(config_))
      add("model." + row.canonical, row.shape);
    if (!config_.tied) add("lm_head.weight", {config_.vocab, config_.hidden});
  }

  const qwen2::Config& config() const { return config_; }
  const Json& notes() const { return qwen2_notes()[model_]; }
  std::map<std::string, TensorView>& tensors() { return views_; }

  TensorSet set() const {
    TensorSet out;
    for (const auto& [name, view] : views_) out.add(name, view, nullptr, "memory");
    return out;
  }
  qwen2::Decoder decoder(at::ScalarType dtype = at::kFloat, at::Device device = at::kCPU) const {
    return {set(), config_, {.where = model_}, {.device = device, .dtype = dtype}};
  }

 private:
  void add(const std::string& name, const Shape& shape) {
    storage_.push_back(qwen2_values(model_, config_.tied, name, shape));
    views_[name] = {DType::kF32, shape, reinterpret_cast<const std::byte*>(storage_.back().data())};
  }

  std::string model_;
  JsonFields fields_;
  qwen2::Config config_;
  std::deque<std::vector<float>> storage_;
  std::map<std::string, TensorView> views_;
};

// Positions 0, 1, ... as the model takes them.
inline at::Tensor qwen2_positions(const qwen2::Config& config, std::int64_t first,
                                  std::int64_t count) {
  const at::Tensor line = at::arange(first, first + count, at::kLong);
  return config.three_components() ? line.expand({3, count}).contiguous() : line;
}

// A cache with these tokens and memory for `room` in all.
inline KvCache qwen2_cache(const qwen2::Decoder& model, std::span<const std::int64_t> ids,
                           std::int64_t room = 0) {
  KvCache cache = model.new_cache(room);
  model.forward(model.embed(ids),
                qwen2_positions(model.config(), 0, static_cast<std::int64_t>(ids.size())), cache);
  return cache;
}

}  // namespace vega::test
