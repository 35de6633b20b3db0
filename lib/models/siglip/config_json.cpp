#include "models/siglip/config_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "weights/json_text.h"

namespace vega::siglip {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr auto kRemedy = "vega reads google/siglip-so400m-patch14-384, alone or inside LLaVA-Video";

// A value of the description of the tower.
class Field {
 public:
  Field(const Json& json, const fs::path& path, const char* name)
      : found_(json.find(name)), there_(found_ != json.end() && !found_->is_null()) {
    where_ = path.string() + ": " + name;
  }

  // A whole positive number below 2^24, so that products of two fit easily.
  void read(std::int64_t& value) const {
    if (!there_) return;
    const bool whole = found_->is_number_integer();
    const auto got = whole ? found_->get<std::int64_t>() : 0;
    if (got < 1 || got >= (1 << 24))
      throw FormatError(explain(where_, found_->dump(), "a positive number"));
    value = got;
  }

  void read(double& value) const {
    if (!there_) return;
    const double got = found_->is_number() ? found_->get<double>() : 0;
    if (!std::isfinite(got) || got <= 0)
      throw FormatError(explain(where_, found_->dump(), "a positive number"));
    value = got;
  }

  void expect(const char* text) const {
    if (!there_ || *found_ == text) return;
    throw InputError(explain(where_, found_->dump(), text, kRemedy));
  }

  [[noreturn]] void refuse(const std::string& expected) const {
    throw InputError(explain(where_, found_->dump(), expected, kRemedy));
  }

 private:
  Json::const_iterator found_;
  bool there_;
  std::string where_;
};

// Null: the file is not about the tower.
const Json* tower_of(const Json& json, const fs::path& path) {
  if (!json.is_object()) {
    throw FormatError(explain(path.string(), "JSON that is no object", "a model configuration",
                              "fetch the file again"));
  }
  if (json.contains("vision_config") && json["vision_config"].is_object()) {
    Field(json["vision_config"], path, "model_type").expect("siglip_vision_model");
    return &json["vision_config"];
  }
  const bool own = json.contains("model_type") && json["model_type"] == "siglip_vision_model";
  return own ? &json : nullptr;
}

}  // namespace

Config config_from_json(const fs::path& path, Config c) {
  const Json json = Json::parse(read_json_text(path, "a model configuration"));
  const Json* tower = tower_of(json, path);
  if (tower == nullptr) return c;
  const auto field = [&](const char* name) { return Field(*tower, path, name); };
  field("hidden_act").expect("gelu_pytorch_tanh");
  std::int64_t side = kImageSide, layers = kFileLayers, channels = kPatchChannels;
  field("image_size").read(side);
  if (side != kImageSide) field("image_size").refuse(std::to_string(kImageSide));
  field("num_channels").read(channels);
  if (channels != kPatchChannels) field("num_channels").refuse(std::to_string(kPatchChannels));
  field("num_hidden_layers").read(layers);
  if (layers != kFileLayers && layers != c.layers) {
    field("num_hidden_layers")
        .refuse(std::to_string(kFileLayers) + ", or " + std::to_string(c.layers) +
                " where the last one is left out already");
  }
  field("hidden_size").read(c.width);
  field("intermediate_size").read(c.mlp);
  field("num_attention_heads").read(c.heads);
  field("patch_size").read(c.patch);
  field("layer_norm_eps").read(c.eps);
  c.grid = kImageSide / c.patch;
  return c;
}

}  // namespace vega::siglip
