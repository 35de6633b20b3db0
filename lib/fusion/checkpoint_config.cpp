#include "fusion/checkpoint_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "weights/json_text.h"

namespace vega::fusion {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

class Reader {
 public:
  Reader(const Json& json, const fs::path& path) : json_(json), path_(path) {}

  void read(const char* key, std::optional<std::string>& out) const {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_string()) refuse(key, *value, "a text");
    out = value->get<std::string>();
  }
  void read(const char* key, std::optional<bool>& out) const {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_boolean()) refuse(key, *value, "true or false");
    out = value->get<bool>();
  }
  void read(const char* key, std::optional<std::int64_t>& out) const {
    const Json* value = find(key);
    if (value == nullptr) return;
    const auto number = value->is_number_integer() ? value->get<std::int64_t>() : 0;
    if (number < 1 || number > (1 << 20)) refuse(key, *value, "a whole positive number");
    out = number;
  }
  void read(const char* key, std::optional<double>& out) const {
    const Json* value = find(key);
    if (value == nullptr) return;
    const double number = value->is_number() ? value->get<double>() : -1;
    if (!(number >= 0 && number < 1)) refuse(key, *value, "0 or more, less than 1");
    out = number;
  }

 private:
  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  [[noreturn]] void refuse(const char* key, const Json& got, const char* expected) const {
    throw FormatError(explain(path_.string() + ": " + key, got.dump(), expected));
  }

  const Json& json_;
  const fs::path& path_;
};

void read_scene(const Reader& reader, SaidConfig& said) {
  reader.read("feature_fusion_method", said.method);
  reader.read("feature_fusion_form", said.form);
  reader.read("use_feat_fusion", said.fuses);
  reader.read("fusion_attention_heads", said.heads);
  reader.read("fusion_num_layers", said.layers);
  reader.read("fusion_dropout", said.dropout);
  reader.read("mm_projector_type", said.semantic_type);
  reader.read("mm_hidden_size", said.semantic_in);
  reader.read("generative_projector_type", said.generative_type);
  reader.read("generative_feat_dim", said.generative_in);
}

void read_spatial(const Reader& reader, SaidConfig& said) {
  reader.read("generative_fusion_method", said.method);
  reader.read("generative_fusion_attention_heads", said.heads);
  reader.read("generative_fusion_num_layers", said.layers);
  reader.read("generative_fusion_dropout", said.dropout);
  reader.read("generative_merger_type", said.merger_type);
  reader.read("generative_merger_hidden_dim", said.merger_hidden);
}

}  // namespace

SaidConfig read_said_config(const fs::path& path, bool spatial) {
  SaidConfig said;
  std::error_code error;
  if (!fs::exists(path, error)) return said;
  said.path = path;
  const Json json = Json::parse(read_json_text(path, "a model configuration"));
  if (!json.is_object()) {
    throw FormatError(explain(path.string(), "JSON that is no object", "a model configuration",
                              "fetch the file again"));
  }
  const Reader reader(json, path);
  reader.read("hidden_size", said.width);
  if (spatial) {
    read_spatial(reader, said);
  } else {
    read_scene(reader, said);
  }
  return said;
}

std::string config_text(const ProjectorConfig& semantic, const ProjectorConfig& generative,
                        const FusionConfig& fusion) {
  const bool residual =
      fusion.method == FusionMethod::kTokenGated && fusion.form == GateForm::kResidual;
  Json json{{"hidden_size", fusion.width},
            {"mm_projector_type", semantic.type},
            {"mm_hidden_size", semantic.in},
            {"use_generative_feature", true},
            {"generative_projector_type", generative.type},
            {"generative_feat_dim", generative.in},
            {"use_feat_fusion", true},
            {"feature_fusion_method", residual ? "token_gated_residual" : name_of(fusion.method)}};
  if (fusion.method == FusionMethod::kTokenGated) {
    json["feature_fusion_form"] = name_of(fusion.form);
  }
  if (fusion.method == FusionMethod::kCrossAttention) {
    json["fusion_attention_heads"] = fusion.heads;
    json["fusion_num_layers"] = fusion.layers;
    json["fusion_dropout"] = fusion.dropout;
  }
  return json.dump(2) + "\n";
}

}  // namespace vega::fusion
