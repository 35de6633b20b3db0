#include "vlm/config_shapes.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "fusion/checkpoint.h"
#include "fusion/projector.h"
#include "models/qwen2/names.h"
#include "models/qwen2_5_vl/names.h"
#include "models/siglip/names.h"
#include "vlm/train_parts.h"

namespace vega::vlm {
namespace fs = std::filesystem;
namespace {

using Shapes = std::vector<std::pair<std::string, Shape>>;

// So many bytes of zeros, which take no memory.
TensorSet::Owner zeros(std::size_t bytes) {
  void* mapping =
      mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  return {mapping, [bytes](const void* at) { munmap(const_cast<void*>(at), bytes); }};
}

std::int64_t width_of(const JsonFields& fields, const char* name) {
  const auto width = fields.whole(name);
  if (!width) fields.refuse(name, "a number of channels, where the weights are not there");
  return *width;
}

DType type_of(const JsonFields& fields) {
  for (const char* name : {"torch_dtype", "dtype"}) {
    const auto text = fields.text(name);
    if (!text) continue;
    if (*text == "bfloat16") return DType::kBF16;
    if (*text == "float16") return DType::kF16;
    if (*text == "float32") return DType::kF32;
    fields.refuse(name, "bfloat16, float16 or float32");
  }
  return DType::kBF16;
}

FusionConfig fusion_of(const VlmConfig& config, const JsonFields& fields) {
  FusionConfig out;
  set_method(out, fields.text("feature_fusion_method").value_or("token_gated"));
  out.width = config.text.hidden;
  out.layers = fields.whole("fusion_num_layers").value_or(out.layers);
  out.heads = fields.whole("fusion_attention_heads").value_or(out.heads);
  return out;
}

Shapes shapes_in(const VlmConfig& config, const JsonFields& fields) {
  Shapes out;
  const std::int64_t width = config.text.hidden;
  const auto add = [&](const char* prefix, const std::vector<ParameterSpec>& specs) {
    for (const ParameterSpec& spec : specs) out.emplace_back(prefix + spec.name, spec.shape);
  };
  for (const NamedTensor& tensor : qwen2::decoder_tensors(config.text))
    out.emplace_back("model." + tensor.canonical, tensor.shape);
  if (!config.text.tied) out.emplace_back(kLanguageHead, Shape{config.text.vocab, width});
  if (config.newlines != Newlines::kNone) out.emplace_back(kNewlineName, Shape{width});
  add(kSemanticPrefix, projector_specs({"mlp2x_gelu", width_of(fields, "mm_hidden_size"), width}));
  if (config.generative)
    add(kGenerativePrefix,
        projector_specs({"mlp2x_gelu", width_of(fields, "generative_feat_dim"), width}));
  if (config.fuses) add(kFusionPrefix, fusion_specs(fusion_of(config, fields)));
  if (config.position) add(kPositionPrefix, position_specs(*config.position, width));
  if (config.ground) add(kGroundPrefix, ground_specs(*config.ground));
  if (fields.text("mm_vision_tower").value_or("").find("siglip") != std::string::npos)
    for (const NamedTensor& tensor : siglip::tower_tensors({}))
      out.emplace_back(tensor.alias, tensor.shape);
  return out;
}

}  // namespace

bool has_weights(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with("model") && name.find(".safetensors") != std::string::npos) return true;
  }
  return false;
}

namespace {

// Tensors of zeros.
TensorSet zero_tensors(const Shapes& shapes, const JsonFields& fields) {
  const DType type = type_of(fields);
  std::size_t most = 1;
  for (const auto& [name, shape] : shapes)
    most = std::max(most, static_cast<std::size_t>(element_count(shape)) * size_of(type));
  const TensorSet::Owner none = zeros(most);
  TensorSet out;
  for (const auto& [name, shape] : shapes)
    out.add(name, {type, shape, static_cast<const std::byte*>(none.get())}, none, fields.path());
  return out;
}

}  // namespace

TensorSet shapes_of(const VlmConfig& config, const JsonFields& fields) {
  return zero_tensors(shapes_in(config, fields), fields);
}

TensorSet picture_shapes_of(const qwen2_5_vl::Config& config, const JsonFields& fields) {
  const qwen2::Config& text = config.text;
  Shapes shapes;
  const auto add = [&](const std::string& prefix, const auto& specs) {
    for (const auto& spec : specs) {
      if constexpr (requires { spec.canonical; })
        shapes.emplace_back(prefix + spec.canonical, spec.shape);
      else
        shapes.emplace_back(prefix + spec.name, spec.shape);
    }
  };
  add(qwen2_5_vl::kOriginal.decoder, qwen2::decoder_tensors(text));
  if (!text.tied) shapes.emplace_back(kLanguageHead, Shape{text.vocab, text.hidden});
  add(qwen2_5_vl::kOriginal.tower, qwen2_5_vl::tower_tensors(config.vision));
  if (!config.generative) return zero_tensors(shapes, fields);
  const bool large = fields.text("generative_vision_tower_task").value_or("") == "t2v-14B";
  MergerConfig merger;
  merger.type = fields.text("generative_merger_type").value_or("mlp");
  merger.in = large ? 5120 : 1536;
  merger.hidden = fields.whole("generative_merger_hidden_dim").value_or(merger.hidden);
  merger.out = text.hidden;
  FusionConfig fusion;
  set_method(fusion, fields.text("generative_fusion_method").value_or("add"));
  fusion.width = text.hidden;
  fusion.layers = fields.whole("generative_fusion_num_layers").value_or(fusion.layers);
  fusion.heads = fields.whole("generative_fusion_attention_heads").value_or(fusion.heads);
  add(kSpatialMergerPrefix, merger_specs(merger));
  add(kSpatialFusionPrefix, spatial_fusion_specs(fusion));
  return zero_tensors(shapes, fields);
}

}  // namespace vega::vlm
