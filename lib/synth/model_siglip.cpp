#include "synth/model_siglip.h"

#include "base/json.h"
#include "base/publish.h"
#include "models/siglip/names.h"
#include "synth/model_writer.h"

namespace vega::synth {
namespace fs = std::filesystem;
namespace {

std::int64_t language_width(const siglip::Config& c) { return c.width == 1152 ? 3584 : 64; }

std::vector<Row> tower_rows(siglip::Config c, bool llava) {
  if (!llava) c.layers = siglip::kFileLayers;
  std::vector<NamedTensor> tensors = siglip::tower_tensors(c);
  const auto append = [&](const std::vector<NamedTensor>& more) {
    tensors.insert(tensors.end(), more.begin(), more.end());
  };
  append(siglip::post_norm_tensors(c));
  if (!llava) append(siglip::head_tensors(c));
  return rows_of(tensors, "siglip.", llava ? KeyLayout::kAlias : KeyLayout::kCanonical);
}

std::vector<Row> projector_rows(const siglip::Config& c) {
  const std::int64_t wide = language_width(c);
  std::vector<Row> rows;
  const auto add = [&](const std::string& name, Shape shape) {
    rows.push_back({name, "llava." + name, std::move(shape)});
  };
  add("model.mm_projector.0.weight", {wide, c.width});
  add("model.mm_projector.0.bias", {wide});
  add("model.mm_projector.2.weight", {wide, wide});
  add("model.mm_projector.2.bias", {wide});
  return rows;
}

Json tower_config(const siglip::Config& c) {
  return {{"architectures", Json::list({"SiglipModel"})},
          {"model_type", "siglip"},
          {"vision_config",
           {{"model_type", "siglip_vision_model"},
            {"hidden_act", "gelu_pytorch_tanh"},
            {"hidden_size", c.width},
            {"image_size", siglip::kImageSide},
            {"intermediate_size", c.mlp},
            {"layer_norm_eps", c.eps},
            {"num_attention_heads", c.heads},
            {"num_channels", siglip::kPatchChannels},
            {"num_hidden_layers", siglip::kFileLayers},
            {"patch_size", c.patch}}}};
}

Json llava_config(const siglip::Config& c) {
  return {{"architectures", Json::list({"LlavaQwenForCausalLM"})},
          {"model_type", "llava_qwen"},
          {"hidden_size", language_width(c)},
          {"mm_hidden_size", c.width},
          {"mm_projector_type", "mlp2x_gelu"},
          {"mm_vision_tower", "google/siglip-so400m-patch14-384"}};
}

}  // namespace

siglip::Config siglip_preset(const std::string& name) {
  siglip::Config c;
  if (name == "siglip-so400m") return c;
  c.width = 144;
  c.heads = 2;
  c.mlp = 288;
  return c;
}

void write_siglip(const ModelOptions& options, const fs::path& folder, bool llava) {
  const siglip::Config c = siglip_preset(options.preset);
  std::vector<Row> rows = tower_rows(c, llava);
  if (llava) {
    for (auto& row : projector_rows(c)) rows.push_back(std::move(row));
  }
  std::int64_t values = 0;
  for (const auto& row : rows) values += element_count(row.shape);
  ModelWriter(options, values).safetensors(folder, "model", rows, llava ? 2 : 1);
  const Json config = llava ? llava_config(c) : tower_config(c);
  publish_file(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace vega::synth
