// Qwen2.5-VL on disk: both layouts, strictness, configurations.
#include "models/qwen2_5_vl/checkpoint.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "models/qwen2_5_vl/config_json.h"
#include "qwen2_5_vl_samples.h"
#include "support/own_memory.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

using QwenViews = std::map<std::string, TensorView>;

struct QwenBench {
  test::TempFolder folder;
  test::OwnMemory memory{folder / "memory"};
  std::vector<fs::path> made = test::write_tiny_qwen_vl(folder / "m");
  TensorSet original = read_sharded(made[0], "model"), nested = read_sharded(made[1], "model");
  Json config = read_json(made[0] / "config.json", "config"),
       nested_config = read_json(made[1] / "config.json", "config");

  fs::path with(const QwenViews& views, const Json& json) const {
    static int number = 0;
    const fs::path to = folder / ("c" + std::to_string(number++));
    fs::create_directories(to);
    write_safetensors(to / "model.safetensors", views);
    test::write_text(to / "config.json", json.dump());
    return to;
  }
  QwenViews changed(const std::string& name, const std::string& to) const {
    QwenViews views = original.tensors();
    auto node = views.extract(name);
    if (!to.empty()) {
      node.key() = to;
      views.insert(std::move(node));
    }
    return views;
  }
};

const QwenBench& qwen_bench() {
  static const QwenBench one;
  return one;
}

template <typename Error>
void check_qwen_refused(const fs::path& folder, const std::vector<std::string>& texts) {
  CHECK_THROWS_AS(qwen2_5_vl::open_checkpoint(folder), Error);
  try {
    qwen2_5_vl::open_checkpoint(folder);
  } catch (const std::exception& error) {
    for (const auto& text : texts) CHECK_THAT(error.what(), Contains(text));
  }
}

}  // namespace

TEST_CASE("Qwen2.5-VL: both layouts are one model") {
  const auto a = qwen2_5_vl::open_checkpoint(qwen_bench().made[0]);
  const auto b = qwen2_5_vl::open_checkpoint(qwen_bench().made[1]);
  CHECK(std::string(a.layout.name) == "original");
  CHECK(std::string(b.layout.name) == "transformers");
  CHECK(a.fingerprint() == b.fingerprint());
  CHECK(a.tower.size() == b.tower.size());
  for (const auto* c : {&a, &b}) {
    CHECK(c->config.text.tied);
    CHECK(c->config.text.rope_sections == std::array<std::int64_t, 3>{16, 24, 24});
    CHECK(c->config.text.rope_theta == 1e6);
    CHECK(c->config.vision.full_layers == std::vector<std::int64_t>{1, 3});
    CHECK(c->config.vision.head_dim() == 80);
    CHECK(c->config.image_token == 256 + 12);
    c->check_finite();
  }
  // transformers 4.52 to 5 also write the nested config.json beside the names of the releases.
  const auto c = qwen2_5_vl::open_checkpoint(
      qwen_bench().with(qwen_bench().original.tensors(), qwen_bench().nested_config));
  CHECK(c.config.text.hidden == a.config.text.hidden);
  CHECK(c.fingerprint() == a.fingerprint());
  // transformers 4.52 writes the decoder's keys at both places, and a tied head only in the inner
  // one.
  Json twice = qwen_bench().config, text = qwen_bench().nested_config["text_config"];
  text.set("tie_word_embeddings", true);
  text.set("vision_start_token_id", 265);
  twice.erase("tie_word_embeddings");
  twice.set("text_config", text);
  CHECK(qwen2_5_vl::config_from_json(JsonFields(twice, "config.json")).text.tied);
  CHECK(qwen2_5_vl::is_qwen2_5_vl(qwen_bench().made[0]));
  CHECK_FALSE(qwen2_5_vl::is_qwen2_5_vl(qwen_bench().folder.path()));
}

TEST_CASE("Qwen2.5-VL: defaults of transformers' class stand for what config.json leaves out") {
  Json vision = qwen_bench().config["vision_config"];
  for (const char* name : {"window_size", "hidden_act", "in_chans", "patch_size"})
    vision.erase(name);
  Json config = qwen_bench().config;
  config.set("vision_config", vision);
  CHECK(qwen2_5_vl::config_from_json(JsonFields(config, "config.json")).vision.window_cells == 4);
  for (const char* name : {"depth", "num_heads", "fullatt_block_indexes"}) vision.erase(name);
  vision.set("hidden_size", 1280);
  config.set("vision_config", vision);
  const auto c = qwen2_5_vl::config_from_json(JsonFields(config, "config.json"));
  CHECK(c.vision.layers == 32);
  CHECK(c.vision.heads == 16);
  CHECK(c.vision.full_layers == std::vector<std::int64_t>{7, 15, 23, 31});
}

TEST_CASE("Qwen2.5-VL: mixed, missing, unknown and misshapen tensors are errors") {
  const QwenBench& b = qwen_bench();
  check_qwen_refused<FormatError>(
      b.with(b.changed("visual.merger.ln_q.weight", "model.visual.merger.ln_q.weight"), b.config),
      {"model.visual.merger.ln_q.weight", "names of one layout"});
  check_qwen_refused<FormatError>(
      b.with(b.changed("model.norm.weight", "model.language_model.norm.weight"), b.config),
      {"model.language_model.norm.weight", "names of one layout"});
  check_qwen_refused<FormatError>(b.with(b.changed("visual.blocks.2.attn.qkv.bias", ""), b.config),
                                  {"visual.blocks.2.attn.qkv.bias"});
  check_qwen_refused<FormatError>(
      b.with(b.changed("model.layers.1.mlp.up_proj.weight", ""), b.config),
      {"model.layers.1.mlp.up_proj.weight"});
  check_qwen_refused<FormatError>(
      b.with(b.changed("visual.merger.ln_q.weight", "visual.merger.ln.weight"), b.config),
      {"visual.merger.ln.weight", "visual.merger.ln_q.weight"});
  check_qwen_refused<FormatError>(
      b.with(b.changed("visual.merger.ln_q.weight", "extra.weight"), b.config), {"extra.weight"});
  check_qwen_refused<FormatError>(
      b.with(b.changed("visual.blocks.0.norm1.weight", "visual.blocks.0.attn.qkv.bias2"), b.config),
      {"visual.blocks.0.norm1.weight"});
  check_qwen_refused<InputError>(
      b.with(b.changed("visual.merger.ln_q.weight", "generative_merger.ln_q.weight"), b.config),
      {"generative_merger.ln_q.weight", "use_generative_encoder"});
}

TEST_CASE("Qwen2.5-VL: configurations that vega does not compute are refused by key") {
  const QwenBench& b = qwen_bench();
  const auto refuse = [&](const char* name, const Json& value, const std::string& text) {
    Json config = b.config;
    config.set(name, value);
    CAPTURE(name);
    check_qwen_refused<InputError>(b.with(b.original.tensors(), config), {text});
  };
  refuse("model_type", "qwen2_vl", "model_type");
  refuse("use_geometry_encoder", true, "use_geometry_encoder");
  refuse("image_token_id", nullptr, "image_token_id");
  refuse("vision_config", nullptr, "vision_config");
  refuse("rope_scaling", nullptr, "mrope_section");
  refuse("rope_theta", nullptr, "rope_theta");
  for (const auto& [name, value] : {std::pair<const char*, Json>{"patch_size", 16},
                                    {"window_size", 100},
                                    {"hidden_act", "gelu"},
                                    {"out_hidden_size", 128},
                                    {"num_heads", 3},
                                    {"spatial_merge_size", 4},
                                    {"fullatt_block_indexes", Json::list({1, 4})}}) {
    Json vision = b.config["vision_config"];
    vision.set(name, value);
    refuse("vision_config", vision, name);
  }
  check_qwen_refused<InputError>(b.folder / "nowhere", {"no such folder"});
}
