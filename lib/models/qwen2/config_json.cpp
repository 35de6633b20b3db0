#include "models/qwen2/config_json.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "models/config_keys.h"

namespace vega::qwen2 {
namespace fs = std::filesystem;
namespace {

constexpr auto kRemedy = "vega computes Qwen2 decoders; give the checkpoint of one";
constexpr auto kFetch = "fetch config.json again from where the checkpoint comes from";
// Written in place of a value that the classes of transformers have as their default.
constexpr double kNormEps = 1e-6;

// The keys of a text model: "text_config" first, then the file around it.
class Keys {
 public:
  explicit Keys(const JsonFields& file) : outer_(file) {
    if (const Json* text = file.find("text_config"); text != nullptr && text->is_object())
      inner_.emplace(*text, file.path());
  }
  const JsonFields& of(std::string_view name) const {
    return inner_ && inner_->find(name) != nullptr ? *inner_ : outer_;
  }
  std::int64_t whole(std::string_view name) const {
    const auto value = of(name).whole(name);
    if (!value) of(name).refuse(name, "a whole number from 1", kFetch);
    return *value;
  }
  const std::optional<JsonFields>& inner() const { return inner_; }
  const JsonFields& outer() const { return outer_; }

 private:
  const JsonFields& outer_;
  std::optional<JsonFields> inner_;
};

// LLaVA-Video-7B-Qwen2 and LLaVA-OneVision name the type of all LLaVA models, and their class.
bool is_llava_qwen(const JsonFields& file) {
  const Json* classes = file.find("architectures");
  if (classes == nullptr || !classes->is_list()) return false;
  return std::ranges::find(classes->elements(), Json("LlavaQwenForCausalLM")) !=
         classes->elements().end();
}

void check_model(const Keys& keys) {
  const JsonFields& own = keys.inner() ? *keys.inner() : keys.outer();
  const auto type = own.text("model_type");
  if (type) {
    if (*type == "llava" && is_llava_qwen(own)) return;
    for (const char* known :
         {"qwen2", "qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text", "llava_qwen"}) {
      if (*type == known) return;
    }
    own.deny("model_type",
             R"("qwen2", "qwen2_vl_text", "qwen2_5_vl_text", "llava_qwen", )"
             R"(or "llava" of a LlavaQwenForCausalLM)",
             kRemedy);
  }
}

// What would change numbers and is not computed.
void check_unused(const Keys& keys) {
  const auto expect = [&](const char* name, const Json& value) {
    keys.of(name).expect(name, value, kRemedy);
  };
  expect("hidden_act", "silu");
  expect("attention_bias", true);
  expect("qkv_bias", true);
  expect("mlp_bias", false);
  expect("partial_rotary_factor", 1);
  if (keys.of("quantization_config").find("quantization_config") != nullptr)
    keys.of("quantization_config")
        .deny("quantization_config", "weights in f32, f16 or bf16",
              "take the checkpoint that was quantised");
}

// A rotary embedding, as one of the files' three ways states it.
struct Rope {
  std::optional<double> theta;
  std::array<std::int64_t, 3> sections{};
  std::string from;  // the key
};

// rope_scaling or rope_parameters. `key` may hold one object a kind of layer; all that vega has is
// "full_attention".
Rope rope_of(const JsonFields& file, const char* key) {
  Rope rope;
  const Json* json = file.find(key);
  if (json == nullptr) return rope;
  if (const Json* full = json->find("full_attention"); full != nullptr) json = full;
  if (!json->is_object()) file.refuse(key, "an object, or null", kFetch);
  const JsonFields fields(*json, file.path().string() + ": " + key);
  rope.from = key;
  rope.theta = fields.positive("rope_theta");
  const auto type = fields.text("rope_type"), old_type = fields.text("type");
  bool sectioned = false;
  for (const auto& [name, value] : {std::pair{"rope_type", type}, {"type", old_type}}) {
    if (!value || *value == "default") continue;
    if (*value != "mrope")
      fields.deny(name, R"("default" or "mrope")",
                  "vega scales no rotary embedding; remove the entry only if the checkpoint was "
                  "trained without it");
    sectioned = true;
  }
  fields.expect("partial_rotary_factor", 1, kRemedy);
  fields.expect("mrope_interleaved", false, kRemedy);
  const Json* sections = fields.find("mrope_section");
  if (sections == nullptr) {
    if (sectioned) fields.refuse("mrope_section", "three counts of pairs of a head", kFetch);
    return rope;
  }
  if (!sections->is_list() || sections->size() != 3)
    fields.refuse("mrope_section", "three counts of pairs of a head", kFetch);
  for (std::size_t n = 0; n < 3; ++n) {
    const auto count = (*sections)[n].whole();
    if (!count || *count < 0 || *count > 1 << 16)
      fields.refuse("mrope_section", "three counts of pairs of a head", kFetch);
    rope.sections[n] = *count;
  }
  return rope;
}

void read_rope(const Keys& keys, Config& c) {
  const char* const flat = "rope_theta";
  Rope stated{keys.of(flat).positive(flat), {}, flat};
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Rope rope = rope_of(keys.of(key), key);
    if (rope.theta && stated.theta && *rope.theta != *stated.theta)
      throw FormatError(explain(keys.outer().path().string(),
                                stated.from + " " + shown(*stated.theta) + " and rope_theta " +
                                    shown(*rope.theta) + " in " + key,
                                "one theta", "keep the one that the checkpoint was trained with"));
    if (rope.theta && !stated.theta) stated = {rope.theta, stated.sections, rope.from};
    if (rope.sections != decltype(rope.sections){}) stated.sections = rope.sections;
  }
  if (!stated.theta)
    throw FormatError(explain(keys.outer().path().string() + ": rope_theta",
                              "no such key, and none in rope_parameters",
                              "the base of the rotary "
                              "embedding, such as 1000000.0",
                              "fetch config.json again, or state the theta that the checkpoint was "
                              "trained with"));
  c.rope_theta = *stated.theta;
  c.rope_sections = stated.sections;
  const std::int64_t sum = c.rope_sections[0] + c.rope_sections[1] + c.rope_sections[2];
  if (sum != 0 && sum != c.head_dim / 2)
    throw FormatError(explain(keys.outer().path().string() + ": mrope_section",
                              "a sum of " + std::to_string(sum),
                              "half the head width, " + std::to_string(c.head_dim / 2), kFetch));
}

// Layers whose attention ends at a window are not computed. Whether a layer is one is said layer by
// layer, or by the number of the first.
void check_windows(const Keys& keys, std::int64_t layers) {
  constexpr auto kWindow = "vega lets every token see all tokens before it";
  const auto uses = keys.of("use_sliding_window").flag("use_sliding_window").value_or(false);
  const auto first = keys.of("max_window_layers").whole("max_window_layers", 0);
  const JsonFields& file = keys.of("layer_types");
  if (const Json* types = file.find("layer_types")) {
    if (!types->is_list() || static_cast<std::int64_t>(types->size()) != layers)
      file.refuse("layer_types", "a list of " + std::to_string(layers) + " texts", kFetch);
    for (const Json& type : types->elements()) {
      if (type != Json("full_attention"))
        file.deny("layer_types", R"("full_attention" for every layer)", kWindow);
    }
    return;
  }
  if (uses && (!first || *first < layers))
    keys.of("use_sliding_window")
        .deny("use_sliding_window",
              "false, or max_window_layers of " + std::to_string(layers) + " or more", kWindow);
}

void check_sizes(const Keys& keys, const Config& c) {
  const auto fail = [&](const std::string& got, const std::string& expected) {
    throw FormatError(explain(keys.outer().path().string(), got, expected, kFetch));
  };
  if (c.heads % c.kv_heads != 0)
    fail(std::to_string(c.heads) + " num_attention_heads, " + std::to_string(c.kv_heads) +
             " num_key_value_heads",
         "the latter to divide the former");
  if (c.head_dim % 2 != 0)
    fail("a head width of " + std::to_string(c.head_dim),
         "an even one: hidden_size / "
         "num_attention_heads, or head_dim");
}

// Of training, of saving, of parts around the text model that their own readers look at.
void ignore_rest(const JsonFields& file) {
  file.ignore({"architectures", "dtype", "torch_dtype", "transformers_version", "use_cache",
               "initializer_range", "attention_dropout", "bos_token_id", "eos_token_id",
               "pad_token_id", "sliding_window", "return_dict", "output_attentions",
               "output_hidden_states", "image_token_id", "video_token_id", "vision_start_token_id",
               "vision_end_token_id", "vision_token_id"});
}

}  // namespace

Config config_from_json(const JsonFields& file) {
  const Keys keys(file);
  check_model(keys);
  check_unused(keys);
  Config c;
  c.hidden = keys.whole("hidden_size");
  c.layers = keys.whole("num_hidden_layers");
  c.heads = keys.whole("num_attention_heads");
  c.kv_heads = keys.of("num_key_value_heads").whole("num_key_value_heads").value_or(c.heads);
  c.mlp = keys.whole("intermediate_size");
  c.vocab = keys.whole("vocab_size");
  const auto head_dim = keys.of("head_dim").whole("head_dim");
  if (!head_dim && c.hidden % c.heads != 0)
    keys.of("hidden_size")
        .refuse("hidden_size", "a multiple of num_attention_heads, or head_dim", kFetch);
  c.head_dim = head_dim.value_or(c.hidden / c.heads);
  c.max_positions = keys.of("max_position_embeddings").whole("max_position_embeddings").value_or(0);
  c.norm_eps = keys.of("rms_norm_eps").positive("rms_norm_eps").value_or(kNormEps);
  c.tied = keys.of("tie_word_embeddings").flag("tie_word_embeddings").value_or(false);
  check_sizes(keys, c);
  read_rope(keys, c);
  check_windows(keys, c.layers);
  ignore_rest(file);
  if (keys.inner()) {
    ignore_rest(*keys.inner());
    warn_unread(*keys.inner());
  }
  return c;
}

Config config_from_json(const fs::path& path) {
  const JsonFields file(path);
  const Config config = config_from_json(file);
  warn_unread(file);
  return config;
}

}  // namespace vega::qwen2
