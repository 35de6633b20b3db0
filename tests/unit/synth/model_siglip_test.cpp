// The presets siglip-*: what Hugging Face and LLaVA-Video ship, in names and shapes.
#include <catch2/catch.hpp>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/siglip/names.h"
#include "support/support.h"
#include "synth/model.h"
#include "synth/model_siglip.h"
#include "synth/weight_law.h"
#include "weights/safetensors.h"

namespace vega {
namespace {
namespace fs = std::filesystem;

synth::ModelOptions siglip_options(const fs::path& folder, const std::string& layout) {
  synth::ModelOptions o;
  o.folder = folder, o.preset = "siglip-tiny", o.layout = layout;
  o.progress = ProgressMode::kOff;
  return o;
}

bool same_values(const TensorView& a, const TensorView& b) {
  return a.dtype == b.dtype && a.shape == b.shape && std::memcmp(a.data, b.data, a.bytes()) == 0;
}

TEST_CASE("model: siglip-tiny is one tower in two layouts", "[model]") {
  const test::TempFolder temp;
  const auto made = synth::write_model(siglip_options(temp / "m", "both"));
  REQUIRE(made == std::vector<fs::path>{temp / "m" / "original", temp / "m" / "llava-video"});
  const TensorSet original = read_sharded(made[0], "model"), llava = read_sharded(made[1], "model");
  // Hugging Face's vision_model: 448 tensors. LLaVA-Video's: one layer and the head less; beside it
  // the projector.
  CHECK(original.size() == 448);
  CHECK(llava.size() == 448 - 16 - 11 + 4);
  const siglip::Config c = synth::siglip_preset("siglip-tiny");
  for (const auto& spec : siglip::tower_tensors(c)) {
    INFO(spec.canonical);
    REQUIRE(original.at(spec.canonical).shape == spec.shape);
    CHECK(same_values(original.at(spec.canonical), llava.at(spec.alias)));
  }
  CHECK(original.find("vision_model.encoder.layers.26.mlp.fc2.bias") != nullptr);
  CHECK(original.at("vision_model.head.attention.in_proj_weight").shape == Shape{432, 144});
  CHECK(llava.at("model.mm_projector.2.weight").shape == Shape{64, 64});

  const auto tower = nlohmann::json::parse(test::read_text(made[0] / "config.json"));
  CHECK(tower["vision_config"]["num_hidden_layers"] == 27);
  CHECK(tower["vision_config"]["num_attention_heads"] == 2);
  const auto around = nlohmann::json::parse(test::read_text(made[1] / "config.json"));
  CHECK_FALSE(around.contains("vision_config"));
  CHECK(around["mm_hidden_size"] == 144);
}

TEST_CASE("model: siglip-so400m has the released sizes", "[model]") {
  const siglip::Config c = synth::siglip_preset("siglip-so400m");
  std::int64_t values = 0;
  for (const auto& spec : siglip::tower_tensors(c)) values += element_count(spec.shape);
  CHECK(c.head_dim() == 72);
  CHECK(values == 397745440);
}

TEST_CASE("model: each network has its own layouts", "[model]") {
  const test::TempFolder temp;
  CHECK_THROWS_AS(synth::write_model(siglip_options(temp / "m", "diffusers")), UsageError);
  CHECK_THROWS_WITH(
      synth::write_model(siglip_options(temp / "m", "diffusers")),
      Catch::Contains("original, llava-video or both") && Catch::Contains("siglip-tiny"));
}

}  // namespace
}  // namespace vega
