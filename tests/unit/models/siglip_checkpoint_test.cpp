// SigLIP towers on disk: two prefixes, shards, strictness, configurations.
#include "models/siglip/checkpoint.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "siglip_samples.h"
#include "support/own_memory.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

using SiglipViews = std::map<std::string, TensorView>;

constexpr auto kLayer0 = "vision_model.encoder.layers.0.";

// The made-up checkpoint in both layouts, and folders for what is made of it.
struct Bench {
  test::TempFolder folder;
  test::OwnMemory memory{folder / "memory"};
  std::vector<fs::path> made = test::write_siglip(folder / "m");
  TensorSet original = read_sharded(made[0], "model"), llava = read_sharded(made[1], "model");

  // One file of these tensors beside this configuration ("": none).
  fs::path with(const SiglipViews& views, const std::string& config = "") const {
    static int number = 0;
    const fs::path to = folder / ("c" + std::to_string(number++));
    fs::create_directories(to);
    write_safetensors(to / "model.safetensors", views);
    if (!config.empty()) test::write_text(to / "config.json", config);
    return to;
  }
  fs::path with_config(const std::string& config) const { return with(original.tensors(), config); }
};

const Bench& bench() {
  static const Bench one;
  return one;
}

std::string tower_json(const std::string& fields) {
  return R"({"model_type": "siglip", "vision_config": {)" + fields + "}}";
}

template <typename Error>
void check_refused(const fs::path& folder, const std::vector<std::string>& texts) {
  CHECK_THROWS_AS(siglip::open_checkpoint(folder), Error);
  try {
    siglip::open_checkpoint(folder);
  } catch (const std::exception& error) {
    for (const auto& text : texts) CHECK_THAT(error.what(), Contains(text));
  }
}

}  // namespace

TEST_CASE("SigLIP: one tower alone and inside LLaVA-Video, whatever its shards") {
  const auto alone = siglip::open_checkpoint(bench().made[0]);
  const auto inside = siglip::open_checkpoint(bench().made[1]);
  CHECK(alone.prefix == "vision_model.");
  CHECK(inside.prefix == "model.vision_tower.vision_tower.vision_model.");
  for (const auto* model : {&alone, &inside}) {
    CHECK(model->config.width == 144);
    CHECK(model->config.heads == 2);
    CHECK(model->config.mlp == 288);
    CHECK(model->config.layers == 26);
    CHECK(model->config.patch == 14);
    CHECK(model->config.grid == 27);
    CHECK(model->weights.size() == 26 * 16 + 3);
    CHECK_NOTHROW(model->check_finite());
  }
  CHECK(alone.files.size() == 2);
  CHECK(inside.files.size() == 4);  // configuration, index, two shards
  CHECK(alone.fingerprint() == inside.fingerprint());

  const fs::path shards = bench().folder / "shards";
  fs::create_directories(shards);
  std::vector<TensorSpec> specs;
  for (const auto& [name, view] : bench().original.tensors())
    specs.push_back({name, view.dtype, view.shape});
  ShardedWriter writer(shards, "model", specs, 5 << 20);
  for (const auto& [name, view] : bench().original.tensors())
    writer.write(name, {view.data, view.bytes()});
  CHECK(writer.publish().size() > 3);
  CHECK(siglip::open_checkpoint(shards).fingerprint() == alone.fingerprint());
}

TEST_CASE("SigLIP: the same tower under other names and beside other types is the same model") {
  const std::string expected = siglip::open_checkpoint(bench().made[0]).fingerprint();
  // transformers 5.8 and newer save a SiglipVisionModel without "vision_model."; a language model
  // around it adds its own path; wrappers for training add theirs.
  for (const std::string prefix :
       {"", "model.vision_tower.vision_tower.", "base_model.model.model.vision_tower.vision_model.",
        "module."}) {
    SiglipViews views;
    for (const auto& [name, view] : bench().original.tensors())
      views[prefix + name.substr(std::string("vision_model.").size())] = view;
    const auto model = siglip::open_checkpoint(bench().with(views));
    CHECK(model.prefix == prefix);
    CHECK(model.fingerprint() == expected);
    CHECK_NOTHROW(model.check_finite());
    views.erase(prefix + "encoder.layers.3.mlp.fc1.bias");
    check_refused<FormatError>(bench().with(views),
                               {"no tensor " + prefix + "encoder.layers.3.mlp.fc1.bias"});
  }
  // A quantised language model around the tower, and positions as BOOL: not in the way.
  SiglipViews views = bench().llava.tensors();
  const std::vector<std::int8_t> bytes(144, 1);
  for (const auto type : {DType::kI8, DType::kU8, DType::kBool})
    views["model.layers.0.mlp.weight_" + std::string(name_of(type))] = {
        type, {144}, reinterpret_cast<const std::byte*>(bytes.data())};
  views["model.vision_tower.vision_tower.vision_model.embeddings.position_ids"] = {
      DType::kBool, {144}, reinterpret_cast<const std::byte*>(bytes.data())};
  CHECK(siglip::open_checkpoint(bench().with(views)).fingerprint() == expected);
  // A tensor that runs in such a type is.
  const std::string bias =
      "model.vision_tower.vision_tower.vision_model.encoder.layers.3.mlp.fc2.bias";
  views[bias] = {DType::kI8, {144}, reinterpret_cast<const std::byte*>(bytes.data())};
  check_refused<FormatError>(bench().with(views), {bias, "i8", "quantised"});
  // Two towers: which one is meant?
  views = bench().original.tensors();
  for (const auto& [name, view] : bench().llava.tensors()) views[name] = view;
  check_refused<FormatError>(bench().with(views), {"vision_model.embeddings", "one of them"});
}

TEST_CASE("SigLIP: the fingerprint is that of the values that run, and remembered") {
  const std::string expected = siglip::open_checkpoint(bench().made[0]).fingerprint();
  SiglipViews views = bench().original.tensors();
  const std::vector<float> ones(144, 1.0F);
  const TensorView one{DType::kF32, {144}, reinterpret_cast<const std::byte*>(ones.data())};
  views["vision_model.encoder.layers.26.layer_norm1.weight"] = one;
  views["vision_model.post_layernorm.bias"] = one;
  CHECK(siglip::open_checkpoint(bench().with(views)).fingerprint() == expected);
  views["vision_model.encoder.layers.25.mlp.fc2.bias"] = one;
  const fs::path other = bench().with(views);
  const std::string made = siglip::open_checkpoint(other).fingerprint();
  CHECK(made != expected);
  // Other bytes under the same size and time go unnoticed: the memory answers.
  const auto time = fs::last_write_time(other / "model.safetensors");
  views = bench().original.tensors();
  write_safetensors(other / "model.safetensors", views);
  CHECK(siglip::open_checkpoint(other).fingerprint() == expected);
  views["vision_model.encoder.layers.25.mlp.fc2.bias"] = one;
  write_safetensors(other / "model.safetensors", views);
  fs::last_write_time(other / "model.safetensors", time);
  CHECK(siglip::open_checkpoint(other).fingerprint() == made);
}

TEST_CASE("SigLIP: a preprocessor that prepares pictures otherwise is refused") {
  const fs::path folder = bench().with(bench().original.tensors());
  const auto with = [&](const std::string& text) {
    test::write_text(folder / "preprocessor_config.json", text);
  };
  const std::string right =
      R"("do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
         "rescale_factor": 0.00392156862745098, "processor_class": "SiglipProcessor",)";
  with("{" + right + R"("resample": 3, "size": {"height": 384, "width": 384}})");
  CHECK_NOTHROW(siglip::open_checkpoint(folder));
  with("{}");
  CHECK_NOTHROW(siglip::open_checkpoint(folder));
  for (const auto& [text, key] : std::vector<std::pair<std::string, std::string>>{
           {R"({"image_mean": [0.48, 0.45, 0.4]})", "image_mean"},
           {R"({"image_std": [0.26, 0.26, 0.27]})", "image_std"},
           {R"({"size": {"height": 224, "width": 224}})", "size"},
           {R"({"resample": 2})", "resample"},
           {R"({"do_normalize": false})", "do_normalize"}}) {
    with(text);
    check_refused<InputError>(folder, {"preprocessor_config.json", key, "remove the file"});
  }
}

TEST_CASE("SigLIP: what does not run may be there or not") {
  SiglipViews views = bench().original.tensors();
  const std::vector<float> nan(144, std::numeric_limits<float>::quiet_NaN());
  const TensorView bad{DType::kF32, {144}, reinterpret_cast<const std::byte*>(nan.data())};
  for (const char* name :
       {"text_model.final_layer_norm.weight", "logit_scale", "logit_bias",
        "vision_model.embeddings.position_ids", "vision_model.encoder.layers.26.mlp.fc2.bias"})
    views[name] = bad;
  CHECK_NOTHROW(siglip::open_checkpoint(bench().with(views)).check_finite());
  for (auto it = views.begin(); it != views.end();) {
    const bool needless = it->first.find("layers.26.") != std::string::npos ||
                          it->first.find("head.") != std::string::npos ||
                          it->first.find("post_layernorm") != std::string::npos;
    it = needless ? views.erase(it) : std::next(it);
  }
  CHECK_NOTHROW(siglip::open_checkpoint(bench().with(views)));
}

TEST_CASE("SigLIP: missing, unknown and misshapen tensors are named under their own prefix") {
  const std::string llava = "model.vision_tower.vision_tower.";
  for (const bool inside : {false, true}) {
    const TensorSet& whole = inside ? bench().llava : bench().original;
    const std::string key = (inside ? llava : std::string()) + kLayer0;
    SiglipViews views = whole.tensors();
    views.erase(key + "self_attn.k_proj.bias");
    check_refused<FormatError>(bench().with(views), {"no tensor " + key + "self_attn.k_proj.bias"});
    views = whole.tensors();
    views.erase(key + "mlp.fc1.weight");
    check_refused<FormatError>(bench().with(views), {key + "mlp.fc1.weight"});
    views = whole.tensors();
    views[key + "self_attn.q_proj.gain"] = views[key + "self_attn.q_proj.bias"];
    check_refused<FormatError>(bench().with(views),
                               {"unknown tensor", key + "self_attn.q_proj.gain"});
    views = whole.tensors();
    views[key + "layer_norm2.bias"] = views[key + "self_attn.q_proj.weight"];
    check_refused<FormatError>(bench().with(views), {key + "layer_norm2.bias", "[144, 144]"});
  }
  SiglipViews views = bench().original.tensors();
  views.erase("vision_model.embeddings.patch_embedding.weight");
  check_refused<FormatError>(bench().with(views),
                             {"patch_embedding.weight", "any prefix", "LLaVA-Video"});
  views = bench().original.tensors();
  views["vision_model.embeddings.patch_embedding.weight"] =
      views["vision_model.embeddings.patch_embedding.bias"];
  check_refused<FormatError>(bench().with(views), {"patch_embedding.weight", "4 axes"});
}

TEST_CASE("SigLIP: a value that is no number is found in what runs") {
  SiglipViews views = bench().original.tensors();
  std::vector<float> values(144, 0.5F);
  values[7] = std::numeric_limits<float>::infinity();
  const std::string name = "vision_model.encoder.layers.25.layer_norm2.bias";
  views[name] = {DType::kF32, {144}, reinterpret_cast<const std::byte*>(values.data())};
  const auto model = siglip::open_checkpoint(bench().with(views));
  CHECK_THROWS_WITH(model.check_finite(), Contains(name) && Contains("[7]"));
}

TEST_CASE("SigLIP: config.json states sizes, or shapes do") {
  const auto config = [](const std::string& text) {
    return siglip::open_checkpoint(bench().with_config(text)).config;
  };
  CHECK(siglip::open_checkpoint(bench().with(bench().original.tensors())).config.heads == 2);
  CHECK(config(tower_json(R"("num_attention_heads": 4, "layer_norm_eps": 1e-5)")).heads == 4);
  CHECK(config(tower_json(R"("layer_norm_eps": 1e-5)")).eps == 1e-5);
  CHECK(config(R"({"model_type": "siglip_vision_model", "num_attention_heads": 8})").heads == 8);
  CHECK(config(tower_json(R"("num_hidden_layers": 26)")).layers == 26);
  // A language model's own heads and sizes are not the tower's.
  CHECK(config(R"({"model_type": "llava_qwen", "num_attention_heads": 28, "hidden_size": 9})")
            .heads == 2);

  const auto refused = [](const std::string& fields, std::vector<std::string> texts) {
    check_refused<InputError>(bench().with_config(tower_json(fields)), texts);
  };
  refused(R"("image_size": 224)", {"image_size", "224", "384"});
  refused(R"("num_hidden_layers": 12)", {"num_hidden_layers", "12", "27"});
  refused(R"("hidden_act": "gelu")", {"hidden_act", "gelu_pytorch_tanh"});
  refused(R"("model_type": "clip_vision_model")", {"model_type", "siglip_vision_model"});
  refused(R"("num_attention_heads": 5)", {"width 144", "5 heads"});
  refused(R"("num_channels": 4)", {"num_channels", "4"});
  const auto broken = [](const std::string& text, std::vector<std::string> texts) {
    check_refused<FormatError>(bench().with_config(text), texts);
  };
  broken(tower_json(R"("hidden_size": 1152)"), {"patch_embedding.weight", "[144, 3, 14, 14]"});
  broken(tower_json(R"("patch_size": 16)"), {"patch_embedding.weight", "[144, 3, 16, 16]"});
  broken(tower_json(R"("hidden_size": -1)"), {"hidden_size", "a positive number"});
  broken(tower_json(R"("layer_norm_eps": 0)"), {"layer_norm_eps"});
  broken("[1, 2]", {"config.json", "no object"});
  broken("{\"vision_config\": {", {"config.json"});
}

TEST_CASE("SigLIP: folders without a model say what is wanted") {
  const test::TempFolder temp;
  check_refused<InputError>(temp / "nowhere", {"no such folder", "siglip-so400m"});
  test::write_text(temp / "file", "x");
  check_refused<InputError>(temp / "file", {"a file"});
  fs::create_directories(temp / "empty");
  check_refused<InputError>(temp / "empty", {"model*.safetensors"});
}
