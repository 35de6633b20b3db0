#include "models/siglip/config_json.h"

#include "base/json_fields.h"
#include "models/config_keys.h"

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
  // Of the head, which does not run; of training and of how the file was made.
  tower.ignore({"vision_use_head", "projection_dim", "vocab_size", "attention_dropout", "dropout",
                "initializer_range", "initializer_factor", "architectures", "dtype", "torch_dtype",
                "transformers_version"});
  warn_unread(tower);
  return c;
}

void check_preprocessor(const fs::path& path) {
  constexpr auto kOther =
      "vega prepares pictures as google/siglip-so400m-patch14-384 does; remove the file if it is "
      "not of this tower";
  constexpr int kBicubic = 3;  // Pillow's number
  const JsonFields file(path);
  const Json half = Json::list({0.5, 0.5, 0.5});
  for (const char* name : {"do_resize", "do_rescale", "do_normalize"})
    file.expect(name, true, kOther);
  file.expect("image_mean", half, kOther);
  file.expect("image_std", half, kOther);
  file.expect("rescale_factor", 1.0 / 255.0, kOther);
  file.expect("resample", kBicubic, kOther);
  const Json side = kImageSide;
  const Json* size = file.find("size");
  if (size != nullptr && *size != side && *size != Json{{"height", side}, {"width", side}})
    file.deny("size", R"({"height": 384, "width": 384})", kOther);
}

}  // namespace vega::siglip
