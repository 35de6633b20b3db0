#include "models/siglip/config_json.h"

#include "base/json_fields.h"

namespace vega::siglip {
namespace fs = std::filesystem;
namespace {

constexpr auto kRemedy = "vega reads google/siglip-so400m-patch14-384, alone or inside LLaVA-Video";
constexpr auto kModelType = "siglip_vision_model";

}  // namespace

Config config_from_json(const fs::path& path, Config c) {
  const JsonFields file(path);
  const Json* inner = file.find("vision_config");
  const Json* own = file.find("model_type");
  // A LLaVA checkpoint describes the tower by name only.
  if ((inner == nullptr || !inner->is_object()) && (own == nullptr || *own != kModelType)) return c;
  const JsonFields tower = inner != nullptr && inner->is_object() ? JsonFields(*inner, path) : file;
  tower.expect("model_type", kModelType, kRemedy);
  tower.expect("hidden_act", "gelu_pytorch_tanh", kRemedy);
  tower.expect("image_size", kImageSide, kRemedy);
  tower.expect("num_channels", kPatchChannels, kRemedy);
  const std::int64_t layers = tower.whole("num_hidden_layers").value_or(kFileLayers);
  if (layers != kFileLayers && layers != c.layers) {
    tower.deny("num_hidden_layers",
               std::to_string(kFileLayers) + ", or " + std::to_string(c.layers) +
                   " where the last one is left out already",
               kRemedy);
  }
  c.width = tower.whole("hidden_size").value_or(c.width);
  c.mlp = tower.whole("intermediate_size").value_or(c.mlp);
  c.heads = tower.whole("num_attention_heads").value_or(c.heads);
  c.patch = tower.whole("patch_size").value_or(c.patch);
  c.eps = tower.positive("layer_norm_eps").value_or(c.eps);
  c.grid = kImageSide / c.patch;
  return c;
}

}  // namespace vega::siglip
