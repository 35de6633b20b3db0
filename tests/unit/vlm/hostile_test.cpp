// Damaged configurations: each key with values that nobody expects is read, or refused as what it
// is, and never anything else.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "tiny_model.h"
#include "vlm/adapter.h"
#include "vlm/checkpoint.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::vlm;

namespace {

std::vector<Json> hostile_values() {
  return {nullptr,
          true,
          -1,
          0,
          1e300,
          std::int64_t{0x7fffffffffffffff},
          "x",
          std::string(300, '-'),
          Json::list(),
          Json::list({1, "x", nullptr}),
          Json::list({-15, 1e300, 5}),
          Json::object(),
          Json{{"rope_theta", Json::list()}, {"full_attention", 3}}};
}

// Sets each key of a JSON file to each value in turn; the numbers of files that were read and that
// were refused.
template <typename Open>
std::pair<int, int> try_all(const std::filesystem::path& file, std::vector<std::string> more,
                            const Open& open) {
  const std::string text = test::read_text(file);
  const Json original = *parse_json(text);
  std::vector<std::string> keys = std::move(more);
  for (const JsonMember& member : original.members()) keys.push_back(member.name);
  int read = 0, refused = 0;
  for (const std::string& key : keys) {
    for (const Json& value : hostile_values()) {
      Json changed = original;
      changed.set(key, value);
      test::write_text(file, changed.dump());
      INFO(key << ": " << value.dump());
      try {
        open();
        ++read;
      } catch (const InputError& error) {
        CHECK(std::string(error.what()).size() > 20);
        ++refused;
      }
    }
  }
  test::write_text(file, text);
  return {read, refused};
}

}  // namespace

TEST_CASE("hostile: keys of config.json") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder);
  const auto [read, refused] =
      try_all(path / "config.json",
              {"instruction_relation_token_ids", "instruction_tail_keep_tokens", "rope_parameters",
               "text_config", "fusion_num_layers", "generative_vision_tower_view"},
              [&] { open_checkpoint(path); });
  CHECK(read > 100);
  CHECK(refused > 200);
}

TEST_CASE("hostile: keys of adapter_config.json") {
  const test::TempFolder folder;
  const auto base = test::tiny_checkpoint(folder), own = folder / "x";
  std::filesystem::create_directory(own);
  const Json config{{"peft_type", "LORA"},
                    {"r", 4},
                    {"lora_alpha", 8},
                    {"use_rslora", false},
                    {"use_dora", false},
                    {"init_lora_weights", true},
                    {"alpha_pattern", Json::object()},
                    {"base_model_name_or_path", base.string()},
                    {"fan_in_fan_out", false},
                    {"target_modules", Json::list({"q_proj"})}};
  test::write_text(own / kAdapterConfig, config.dump());
  const at::Tensor a = at::ones({4, 256}), b = at::ones({256, 4});
  const std::string name = "base_model.model.model.layers.1.self_attn.q_proj.lora_";
  write_safetensors(own / "adapter_model.safetensors",
                    {{name + "A.weight", view_of(a)}, {name + "B.weight", view_of(b)}});
  const auto [read, refused] =
      try_all(own / kAdapterConfig, {}, [&] { open_checkpoint(own, {.base = base}); });
  CHECK(read > 20);
  CHECK(refused > 50);
}
