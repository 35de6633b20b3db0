#include "models/qwen2/config_json.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "qwen2_samples.h"

using namespace vega;
using namespace vega::test;

namespace {

// What transformers 4.43 writes for Qwen2-0.5B.
Json released() {
  return {{"architectures", Json::list({"Qwen2ForCausalLM"})},
          {"attention_dropout", 0.0},
          {"bos_token_id", 151643},
          {"eos_token_id", 151643},
          {"hidden_act", "silu"},
          {"hidden_size", 896},
          {"initializer_range", 0.02},
          {"intermediate_size", 4864},
          {"max_position_embeddings", 131072},
          {"max_window_layers", 24},
          {"model_type", "qwen2"},
          {"num_attention_heads", 14},
          {"num_hidden_layers", 24},
          {"num_key_value_heads", 2},
          {"rms_norm_eps", 1e-06},
          {"rope_theta", 1000000.0},
          {"sliding_window", 131072},
          {"tie_word_embeddings", true},
          {"torch_dtype", "bfloat16"},
          {"transformers_version", "4.40.1"},
          {"use_cache", true},
          {"use_sliding_window", false},
          {"vocab_size", 151936}};
}

// With members set, or removed where the value is null.
Json with(Json json, std::initializer_list<JsonMember> changes) {
  for (const JsonMember& change : changes) {
    json.erase(change.name);
    if (!change.value.is_null()) json.set(change.name, change.value);
  }
  return json;
}

qwen2::Config read(const Json& json) {
  return qwen2::config_from_json(JsonFields(json, "a/config.json"));
}

Json mrope(std::initializer_list<JsonMember> more) {
  Json json{{"mrope_section", Json::list({8, 12, 12})}};
  for (const JsonMember& member : more) json.set(member.name, member.value);
  return json;
}

}  // namespace

TEST_CASE("Qwen2's config.json of transformers 4") {
  const qwen2::Config c = read(released());
  CHECK(c.hidden == 896);
  CHECK(c.layers == 24);
  CHECK(c.heads == 14);
  CHECK(c.kv_heads == 2);
  CHECK(c.head_dim == 64);
  CHECK(c.mlp == 4864);
  CHECK(c.vocab == 151936);
  CHECK(c.max_positions == 131072);
  CHECK(c.norm_eps == 1e-6);
  CHECK(c.rope_theta == 1e6);
  CHECK(c.tied);
  CHECK_FALSE(c.three_components());
  CHECK(read(with(released(), {{"num_key_value_heads", nullptr}})).kv_heads == 14);
  CHECK(read(with(released(), {{"head_dim", 128}})).head_dim == 128);
  CHECK_FALSE(read(with(released(), {{"tie_word_embeddings", nullptr}})).tied);
  CHECK(read(with(released(), {{"model_type", "llava_qwen"}})).heads == 14);
  // As in lmms-lab/LLaVA-Video-7B-Qwen2; a LLaVA over another language model is none.
  const auto llava = [](const char* name) {
    return with(released(),
                {{"model_type", "llava"}, {"architectures", std::vector<std::string>{name}}});
  };
  CHECK(read(llava("LlavaQwenForCausalLM")).heads == 14);
  CHECK_THROWS_WITH(read(llava("LlavaLlamaForCausalLM")), Catch::Contains("model_type"));
}

TEST_CASE("R049: config.json of transformers 5 and of 4 give the same logits") {
  for (const char* name : {"half_b", "three"}) {
    const Qwen2Sample sample(name);  // as transformers 5.24 writes it
    const Json now = sample.notes()["config"];
    REQUIRE(now.contains("rope_parameters"));
    REQUIRE_FALSE(now.contains("rope_theta"));
    Json scaling;  // null
    if (sample.config().three_components())
      scaling = {{"type", "mrope"}, {"mrope_section", qwen2_notes()["sections"]}};
    const Json before = with(now, {{"rope_parameters", nullptr},
                                   {"layer_types", nullptr},
                                   {"rope_theta", 1e6},
                                   {"rope_scaling", scaling},
                                   {"torch_dtype", "float32"}});
    Json inner = now;
    const Json around{{"model_type", "qwen2_5_vl"},
                      {"text_config", inner},
                      {"vocab_size", 5},
                      {"tie_word_embeddings", false}};
    std::vector<at::Tensor> logits;
    const auto ids = numbers_of(sample.notes()["prompt"]);
    for (const Json& json : {now, before, around}) {
      const qwen2::Decoder model(sample.set(), read(json), {.where = name}, {});
      KvCache cache = model.new_cache();
      const auto count = static_cast<std::int64_t>(ids.size());
      logits.push_back(model.logits(
          model.forward(model.embed(ids), qwen2_positions(model.config(), 0, count), cache)));
    }
    CHECK(at::equal(logits[0], logits[1]));
    CHECK(at::equal(logits[0], logits[2]));
  }
}

TEST_CASE("R049: a missing theta is refused, two that differ too") {
  const Json none = with(released(), {{"rope_theta", nullptr}});
  CHECK_THROWS_AS(read(none), FormatError);
  CHECK_THROWS_WITH(read(none), Catch::Contains("a/config.json: rope_theta: got no such key"));
  CHECK_THROWS_WITH(read(with(none, {{"rope_parameters", {{"rope_type", "default"}}}})),
                    Catch::Contains("rope_theta"));
  CHECK_THROWS_WITH(read(with(none, {{"rope_theta", 0}})), Catch::Contains("rope_theta"));
  const auto both = [&](double theta) {
    return with(released(),
                {{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", theta}}}});
  };
  CHECK(read(both(1e6)).rope_theta == 1e6);
  CHECK_THROWS_WITH(read(both(1e4)), Catch::Contains("1000000") && Catch::Contains("10000") &&
                                         Catch::Contains("rope_parameters"));
}

TEST_CASE("three components: by every way of stating them") {
  const auto sections = [](const Json& json) { return read(json).rope_sections; };
  const std::array<std::int64_t, 3> want{8, 12, 12};
  CHECK(sections(with(released(), {{"rope_scaling", mrope({{"type", "mrope"}})}})) == want);
  CHECK(sections(with(released(), {{"rope_scaling", mrope({{"rope_type", "default"},
                                                           {"type", "default"}})}})) == want);
  const Json now = with(released(), {{"rope_theta", nullptr}});
  CHECK(sections(with(now, {{"rope_parameters",
                             mrope({{"rope_type", "default"}, {"rope_theta", 1e6}})}})) == want);
  CHECK(read(with(now, {{"rope_parameters",
                         {{"full_attention", {{"rope_type", "default"}, {"rope_theta", 5e5}}}}}}))
            .rope_theta == 5e5);
  const auto refused = [&](const Json& scaling, const char* word) {
    CHECK_THROWS_WITH(read(with(released(), {{"rope_scaling", scaling}})), Catch::Contains(word));
  };
  refused({{"type", "mrope"}}, "mrope_section");
  refused({{"type", "mrope"}, {"mrope_section", Json::list({16, 24, 24})}}, "a sum of 64");
  refused({{"type", "mrope"}, {"mrope_section", Json::list({16, 16})}}, "mrope_section");
  refused(mrope({{"type", "mrope"}, {"mrope_interleaved", true}}), "mrope_interleaved");
}

TEST_CASE("what vega does not compute is refused with key, value and remedy") {
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, Json>>{
           {"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}}},
           {"rope_scaling", {{"rope_type", "linear"}, {"factor", 2.0}}},
           {"rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2.0}}},
           {"hidden_act", "gelu"},
           {"model_type", "llama"},
           {"model_type", "qwen2_moe"},
           {"model_type", "qwen3"},
           {"attention_bias", false},
           {"partial_rotary_factor", 0.5},
           {"quantization_config", {{"quant_method", "gptq"}}},
           {"layer_types", std::vector<std::string>(24, "sliding_attention")}}) {
    CAPTURE(key, value.dump());
    const Json json = with(released(), {{key, value}});
    CHECK_THROWS_AS(read(json), InputError);
    CHECK_THROWS_WITH(read(json), Catch::Contains("a/config.json") && Catch::Contains(key) &&
                                      Catch::Contains(", expected ") && Catch::Contains("; "));
  }
  CHECK_THROWS_WITH(read(with(released(), {{"rope_scaling", {{"type", "yarn"}}}})),
                    Catch::Contains("\"yarn\""));
}

TEST_CASE("sliding windows are refused where a layer has one") {
  const Json on = with(released(), {{"use_sliding_window", true}});
  CHECK(read(on).layers == 24);  // from layer 24 on: none
  CHECK_THROWS_WITH(read(with(on, {{"max_window_layers", 23}})),
                    Catch::Contains("use_sliding_window") && Catch::Contains("max_window_layers"));
  CHECK_THROWS_AS(read(with(on, {{"max_window_layers", nullptr}})), InputError);
  CHECK(read(with(on, {{"max_window_layers", 3},
                       {"layer_types", std::vector<std::string>(24, "full_attention")}}))
            .layers == 24);
  CHECK_THROWS_AS(read(with(on, {{"layer_types", Json::list({"full_attention"})}})), FormatError);
}

TEST_CASE("sizes that are missing or impossible are errors of the file") {
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads",
                          "intermediate_size", "vocab_size"}) {
    CAPTURE(key);
    CHECK_THROWS_AS(read(with(released(), {{key, nullptr}})), FormatError);
    CHECK_THROWS_WITH(read(with(released(), {{key, nullptr}})), Catch::Contains(key));
    CHECK_THROWS_WITH(read(with(released(), {{key, "many"}})), Catch::Contains(key));
    CHECK_THROWS_WITH(read(with(released(), {{key, 0}})), Catch::Contains(key));
  }
  CHECK_THROWS_WITH(read(with(released(), {{"num_key_value_heads", 3}})),
                    Catch::Contains("divide"));
  CHECK_THROWS_WITH(read(with(released(), {{"hidden_size", 897}})), Catch::Contains("hidden_size"));
  CHECK_THROWS_WITH(read(with(released(), {{"head_dim", 63}})), Catch::Contains("63"));
  CHECK_THROWS_WITH(read(with(released(), {{"rms_norm_eps", -1}})),
                    Catch::Contains("rms_norm_eps"));
}

TEST_CASE("values of text_config come before those around it") {
  const Json inner = with(released(), {{"model_type", "qwen2"}, {"vocab_size", nullptr}});
  const Json json{{"model_type", "llava_onevision"},
                  {"vocab_size", 152000},
                  {"hidden_size", 5},
                  {"text_config", inner}};
  CHECK(read(json).hidden == 896);
  CHECK(read(json).vocab == 152000);
  CHECK_THROWS_AS(read(with(json, {{"text_config", with(inner, {{"model_type", "gemma2"}})}})),
                  InputError);
}
