// LoRA folders: R060, R061, and settings that change numbers.
#include "vlm/adapter.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "tiny_model.h"
#include "vlm/checkpoint.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"
#include "weights/torch_writer.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

namespace {

const char* const kWeight = "model.layers.0.self_attn.q_proj.weight";
const std::string kPair = "base_model.model.model.layers.0.self_attn.q_proj.";

Json plain_config() {
  return {{"peft_type", "LORA"}, {"r", 4},
          {"lora_alpha", 8},     {"bias", "none"},
          {"use_dora", false},   {"init_lora_weights", true}};
}

const std::string kRows =
    "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta";

// An adapter of one pair, drawn.
struct Pair {
  at::Tensor a = at::randn({4, 256}), b = at::randn({256, 4});

  void write(const std::filesystem::path& folder, const Json& config,
             const std::map<std::string, at::Tensor>& more = {}) const {
    std::filesystem::create_directories(folder);
    test::write_text(folder / kAdapterConfig, config.dump(2));
    std::map<std::string, TensorView> views{{kPair + "lora_A.weight", view_of(a)},
                                            {kPair + "lora_B.weight", view_of(b)}};
    for (const auto& [name, value] : more) views.insert_or_assign(name, view_of(value));
    write_safetensors(folder / "adapter_model.safetensors", views);
  }
};

Json with(const char* key, const Json& value) {
  Json out = plain_config();
  out.set(key, value);
  return out;
}

}  // namespace

// R061.
TEST_CASE("adapter: the scale is alpha / r, or alpha / sqrt(r) where the rank is stabilised") {
  Adapter adapter;
  adapter.rank = 16;
  adapter.alpha = 16;
  CHECK(adapter.scale_of("model.layers.0.self_attn.q_proj") == 1.0);
  adapter.rank_stabilised = true;
  CHECK(adapter.scale_of("model.layers.0.self_attn.q_proj") == 4.0);
}

TEST_CASE("adapter: W + scale B A, and tensors that are there whole") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  const TensorSet before = read_sharded(base, "model");
  at::manual_seed(4);
  const Pair pair;
  const at::Tensor newline = at::randn({256});
  pair.write(folder / "x", plain_config(), {{"base_model.model.model.image_newline", newline}});
  const VlmCheckpoint c = open_checkpoint(folder / "x", {.base = base});
  const at::Tensor expected = float_tensor_from(before.at(kWeight)) + 2.0 * pair.b.matmul(pair.a);
  CHECK((float_tensor_from(c.set.at(kWeight)) - expected).abs().max().item<float>() < 1e-5);
  CHECK(at::equal(float_tensor_from(c.set.at(kNewlineName)), newline));
  CHECK(c.set.size() == before.size());
  CHECK(c.fingerprint() != open_checkpoint(base).fingerprint());
  const VlmCheckpoint narrow =
      open_checkpoint(folder / "x", {.base = base, .merged = DType::kBF16});
  CHECK(narrow.set.at(kWeight).dtype == DType::kBF16);
  CHECK(at::equal(tensor_from(narrow.set.at(kWeight)), expected.to(at::kBFloat16)));
}

TEST_CASE("adapter: settings that change numbers are honoured or refused") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  const auto refusal = [&](const Json& config, const std::map<std::string, at::Tensor>& more = {}) {
    Pair().write(folder / "x", config, more);
    try {
      open_checkpoint(folder / "x", {.base = base});
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refusal(plain_config()).empty());
  for (const char* key : {"use_dora", "fan_in_fan_out", "use_qalora", "lora_bias"})
    CHECK_THAT(refusal(with(key, true)), Contains(key));
  for (const char* key :
       {"layer_replication", "target_parameters", "megatron_config", "alora_invocation_tokens",
        "arrow_config", "use_bdlora", "kasa_config", "monteclora_config"})
    CHECK_THAT(refusal(with(key, Json{{"q_proj", 4}})), Contains(key));
  // A module that the config names is not in the file.
  CHECK_THAT(refusal(with("modules_to_save", Json::list({"lm_head"}))),
             Contains("no tensors of lm_head") && Contains("modules_to_save"));
  const at::Tensor head = at::randn({261, 256});
  CHECK(refusal(with("modules_to_save", Json::list({"lm_head"})),
                {{"base_model.model.lm_head.weight", head}})
            .empty());
  CHECK_THAT(refusal(with("trainable_token_indices", Json::list({3}))),
             Contains("no tensors of embed_tokens"));
  CHECK_THAT(refusal(with("trainable_token_indices", Json::list({-3}))), Contains("ids"));
  CHECK_THAT(refusal(with("bias", "lora_only")), Contains("no tensors of biases"));
  CHECK_THAT(refusal(plain_config(), {{kRows, at::randn({2, 256})}}),
             Contains("trainable_token_indices"));
  CHECK_THAT(refusal(with("trainable_token_indices", Json::list({3, 4, 5})),
                     {{kRows, at::randn({2, 256})}}),
             Contains("the new rows of model.embed_tokens.weight"));
  CHECK_THAT(refusal(with("rank_pattern", Json{{"q_proj", 8}})), Contains("rank 4, expected 8"));
  CHECK_THAT(refusal(with("r", 8)), Contains("rank 4, expected 8"));
  CHECK_THAT(refusal(with("alpha_pattern", Json{{"(?<=q)_proj", 8}})),
             Contains("alpha_pattern") && Contains("regular expression"));
  CHECK_THAT(refusal(with("alpha_pattern", Json{{"q_proj", "8"}})), Contains("numbers by name"));
  CHECK_THAT(refusal(plain_config(), {{kPair + "lora_B.bias", at::randn({256})}}),
             Contains("lora_bias"));
  CHECK_THAT(refusal(with("init_lora_weights", "pissa")), Contains("init_lora_weights"));
  CHECK(refusal(with("init_lora_weights", "gaussian")).empty());
  CHECK_THAT(refusal(with("peft_type", "IA3")), Contains("peft_type"));
  CHECK_THAT(refusal(with("lora_alpha", nullptr)), Contains("lora_alpha"));
  CHECK_THAT(refusal(plain_config(), {{kPair + "lora_A.weight", at::randn({4, 255})}}),
             Contains("[256, 256]"));
  CHECK_THAT(refusal(plain_config(),
                     {{"base_model.model.model.nothing.lora_A.weight", at::randn({4, 256})}}),
             Contains("nothing"));
  CHECK_THAT(refusal(plain_config(), {{kPair + "lora_magnitude_vector", at::randn({256})}}),
             Contains("DoRA"));
  CHECK_THAT(refusal(plain_config(), {{"base_model.model.model.extra.weight", at::randn({4})}}),
             Contains("model.extra.weight"));
}

// All that peft 0.21.2 writes with its defaults.
TEST_CASE("adapter: an unknown key is refused by its name, unless its value is off") {
  const test::TempFolder folder;
  const auto read = [&](const Json& config) {
    std::filesystem::create_directories(folder / "x");
    test::write_text(folder / "x" / kAdapterConfig, config.dump(2));
    return read_adapter(folder / "x");
  };
  Json all = plain_config();
  for (const char* off : {"alora_invocation_tokens",
                          "arrow_config",
                          "base_model_name_or_path",
                          "corda_config",
                          "eva_config",
                          "exclude_modules",
                          "kasa_config",
                          "layer_replication",
                          "layers_pattern",
                          "layers_to_transform",
                          "lora_ga_config",
                          "megatron_config",
                          "modules_to_save",
                          "monteclora_config",
                          "revision",
                          "target_parameters",
                          "task_type",
                          "trainable_token_indices",
                          "use_bdlora",
                          "velora_config"})
    all.set(off, nullptr);
  for (const char* off : {"ensure_weight_tying", "fan_in_fan_out", "inference_mode", "lora_bias",
                          "use_qalora", "use_rslora"})
    all.set(off, false);
  for (const char* none : {"alpha_pattern", "loftq_config", "rank_pattern"})
    all.set(none, Json::object());
  all.set("auto_mapping", Json{{"base_model_class", "Qwen2ForCausalLM"}});
  all.set("lora_dropout", 0.0);
  all.set("megatron_core", "megatron.core");
  all.set("peft_version", "0.21.2");
  all.set("qalora_group_size", 16);
  all.set("target_modules", Json::list({"q_proj"}));
  CHECK(read(all).alpha == 8);
  for (const Json& off : {Json(nullptr), Json(false), Json(""), Json::list(), Json::object()}) {
    Json newer = all;
    newer.set("use_newlora", off);
    CHECK_NOTHROW(read(newer));
  }
  for (const Json& on :
       {Json(true), Json(0), Json(0.5), Json("fast"), Json::list({1}), Json{{"size", 2}}}) {
    Json newer = all;
    newer.set("use_newlora", on);
    try {
      read(newer);
      FAIL("it was read");
    } catch (const InputError& error) {
      CHECK_THAT(error.what(), Contains("adapter_config.json: use_newlora: got " + on.dump()) &&
                                   Contains("does not know"));
    }
  }
}

// peft 0.21.2 multiplies B A with alpha / r, whatever the sign.
TEST_CASE("adapter: a negative alpha subtracts the pairs, zero leaves the base as it is") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  const TensorSet set = read_sharded(base, "model");
  const at::Tensor before = float_tensor_from(set.at(kWeight));
  at::manual_seed(4);
  const Pair pair;
  const auto merged = [&](const Json& config) {
    pair.write(folder / "x", config);
    const VlmCheckpoint c = open_checkpoint(folder / "x", {.base = base});
    return float_tensor_from(c.set.at(kWeight)).clone();
  };
  const at::Tensor product = pair.b.matmul(pair.a);
  const auto is_close = [](const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<float>() < 1e-5;
  };
  CHECK(is_close(merged(with("lora_alpha", -8)), before - 2.0 * product));
  CHECK(at::equal(merged(with("lora_alpha", 0)), before));
  Json stabilised = with("lora_alpha", -8);
  stabilised.set("use_rslora", true);
  CHECK(is_close(merged(stabilised), before - 4.0 * product));
  CHECK(is_close(merged(with("alpha_pattern", Json{{"q_proj", -2.0}})), before - 0.5 * product));
}

TEST_CASE("adapter: ranks and alphas of single modules, as peft matches them") {
  Adapter adapter;
  adapter.rank = 8;
  adapter.alpha = 16;
  adapter.ranks = {{"self_attn.q_proj", 4}, {"layers\\.1\\..*", 2}};
  adapter.alphas = {{"^model.layers.0.self_attn.q_proj", 6}, {"[qk]_proj", 3}};
  const auto scale = [&](int layer, const char* name) {
    return adapter.scale_of("model.layers." + std::to_string(layer) + "." + name);
  };
  CHECK(scale(0, "self_attn.q_proj") == 6.0 / 4);
  CHECK(scale(1, "self_attn.q_proj") == 3.0 / 4);  // the first pattern that matches
  CHECK(scale(1, "self_attn.k_proj") == 3.0 / 2);
  CHECK(scale(0, "self_attn.v_proj") == 16.0 / 8);
  CHECK(scale(0, "self_attn.xq_proj") == 16.0 / 8);  // whole parts of the name alone
  CHECK(adapter.rank_of("model.layers.11.mlp.up_proj") == 8);
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  at::manual_seed(4);
  const Pair pair;
  Json config = with("alpha_pattern", Json{{"q_proj", 2}});
  config.set("rank_pattern", Json{{"layers.0.self_attn.q_proj", 4}});
  config.set("r", 16);
  config.set("use_rslora", true);
  pair.write(folder / "x", config);
  const VlmCheckpoint c = open_checkpoint(folder / "x", {.base = base});
  const at::Tensor expected =
      float_tensor_from(read_sharded(base, "model").at(kWeight)) + pair.b.matmul(pair.a);
  CHECK((float_tensor_from(c.set.at(kWeight)) - expected).abs().max().item<float>() < 1e-5);
}

TEST_CASE("adapter: rows of single tokens replace those of the embedding") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  const TensorSet before = read_sharded(base, "model");
  const at::Tensor rows = at::randn({2, 256});
  for (const Json& tokens : {Json::list({260, 7}), Json{{"embed_tokens", Json::list({260, 7})}}}) {
    Pair().write(folder / "x", with("trainable_token_indices", tokens), {{kRows, rows}});
    const VlmCheckpoint c = open_checkpoint(folder / "x", {.base = base});
    at::Tensor expected = owned_float_from(before.at("model.embed_tokens.weight"));
    expected[260].copy_(rows[0]);
    expected[7].copy_(rows[1]);
    CHECK(at::equal(float_tensor_from(c.set.at("model.embed_tokens.weight")), expected));
    CHECK(c.set.find("model.embed_tokens.token_adapter.trainable_tokens_delta") == nullptr);
  }
}

TEST_CASE("adapter: where the head is the embedding, a change of one alone is refused") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  const TensorSet before = read_sharded(base, "model");
  const at::Tensor table = float_tensor_from(before.at("model.embed_tokens.weight"));
  Json config = with("modules_to_save", Json::list({"embed_tokens"}));
  Pair().write(folder / "x", config, {{"base_model.model.model.embed_tokens.weight", table + 1}});
  const Adapter loose = read_adapter(folder / "x");
  CHECK_THROWS_WITH(adapter_changes(loose, false), Contains("ensure_weight_tying"));
  CHECK_NOTHROW(adapter_changes(loose, true));
  config.set("ensure_weight_tying", true);
  Pair().write(folder / "x", config, {{"base_model.model.model.embed_tokens.weight", table + 1}});
  CHECK_NOTHROW(adapter_changes(read_adapter(folder / "x"), false));
}

TEST_CASE("adapter: the base is named, or asked for") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  Pair().write(folder / "x", with("base_model_name_or_path", base.string()));
  CHECK(open_checkpoint(folder / "x").family == Family::kVega);
  Pair().write(folder / "x", with("base_model_name_or_path", "lmms-lab/LLaVA-Video-7B-Qwen2"));
  CHECK_THROWS_WITH(open_checkpoint(folder / "x"), Contains("--base"));
}

// R060: golden_test.cpp reads LLaVA's folder of both files under the name run7.
TEST_CASE("adapter: LLaVA's folder without its whole tensors is refused") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  Pair().write(folder / "checkpoint-lora", plain_config());
  std::filesystem::copy_file(base / "config.json", folder / "checkpoint-lora" / "config.json");
  CHECK_THROWS_WITH(
      open_checkpoint(folder / "checkpoint-lora", {.base = base}),
      Contains("non_lora_trainables.bin") && Contains("projectors") && Contains("fusion"));
}

TEST_CASE("adapter: generation settings are the adapter's own, or else the base's") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  CHECK(open_checkpoint(base).generation_folder == base);
  Pair().write(folder / "x", plain_config());
  CHECK(open_checkpoint(folder / "x", {.base = base}).generation_folder == base);
  test::write_text(folder / "x" / "generation_config.json", "{}");
  CHECK(open_checkpoint(folder / "x", {.base = base}).generation_folder == folder / "x");
}

TEST_CASE("adapter: a folder without a tokeniser takes the base's") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  const auto own = folder / "checkpoint-lora";
  Pair().write(own, plain_config());
  const auto open = [&] { return open_checkpoint(own, {.base = base}); };
  CHECK(open().words().id_of("<ground>") == 260);
  // LLaVA's kind, with a config.json of its own.
  std::filesystem::copy_file(base / "config.json", own / "config.json");
  const at::Tensor newline = at::ones({256});
  write_torch_file(own / kWholeTensors, {{"model.image_newline", view_of(newline)}});
  CHECK(open().words().id_of("<ground>") == 260);
  CHECK(open().generation_folder == base);
  // Its own counts where there is one.
  std::filesystem::rename(base / "tokenizer.json", own / "tokenizer.json");
  CHECK(open().words().id_of("<ground>") == 260);
  std::filesystem::remove(own / "tokenizer.json");
  CHECK_THROWS_WITH(open().words(), Contains(own.string() + " and its base " + base.string()) &&
                                        Contains("no tokenizer.json"));
}

// As LoRA of the baseline does: names are matched as suffixes, and the tower has such names too.
TEST_CASE("adapter: pairs of the vision tower change the tower") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder);
  const std::string name =
      "base_model.model.model.vision_tower.vision_tower.vision_model.encoder.layers.3.self_attn."
      "q_proj.lora_";
  const at::Tensor a = at::ones({4, 144}), b = at::ones({144, 4});
  Pair().write(folder / "x", plain_config(), {{name + "A.weight", a}, {name + "B.weight", b}});
  const VlmCheckpoint c = open_checkpoint(folder / "x", {.base = base});
  const VlmCheckpoint before = open_checkpoint(base);
  REQUIRE(c.tower);
  CHECK(c.tower->model_fingerprint() != before.tower->model_fingerprint());
  CHECK(c.tower->folder == base);
  CHECK(c.base == base);
}

TEST_CASE("adapter: a head is resized as training does it") {
  at::manual_seed(6);
  const at::Tensor rows = at::randn({12, 3});
  TensorSet set;
  set.add("lm_head.weight", view_of(rows), {}, "head.safetensors");
  const std::vector<std::int64_t> added = {7, 8};
  const TensorSet got = with_rows(set, "lm_head.weight", 9, added);
  const at::Tensor out = float_tensor_from(got.at("lm_head.weight"));
  REQUIRE(out.sizes() == at::IntArrayRef({9, 3}));
  CHECK(at::equal(out.slice(0, 0, 7), rows.slice(0, 0, 7)));
  CHECK((out[7] - rows.slice(0, 0, 7).mean(0)).abs().max().item<float>() < 1e-6);
  CHECK((out[8] - out.slice(0, 0, 8).mean(0)).abs().max().item<float>() < 1e-6);
}
