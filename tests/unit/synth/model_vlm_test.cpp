// The presets vlm-*: whole checkpoints that lib/vlm reads strictly.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/json.h"
#include "support/support.h"
#include "synth/model.h"
#include "vlm/checkpoint.h"

namespace vega {
namespace {

synth::ModelOptions vlm_options(const std::filesystem::path& folder, const std::string& preset) {
  synth::ModelOptions o;
  o.folder = folder, o.preset = preset;
  o.progress = ProgressMode::kOff;
  return o;
}

TEST_CASE("model: vlm-tiny is each family's checkpoint", "[model]") {
  const test::TempFolder temp;
  for (const auto& [preset, family] : {std::pair{"vlm-tiny", vlm::Family::kVega},
                                       {"vlm-tiny-3d", vlm::Family::kVideo3d},
                                       {"vlm-tiny-video", vlm::Family::kLlavaVideo}}) {
    INFO(preset);
    const auto made = synth::write_model(vlm_options(temp / preset, preset));
    const vlm::VlmCheckpoint c = vlm::open_checkpoint(made.front());
    CHECK(c.family == family);
    CHECK(c.tower.has_value());
    CHECK(c.modules.has_fusion == (family == vlm::Family::kVega));
    CHECK(c.config.ground.has_value() == (family != vlm::Family::kLlavaVideo));
    // Bytes, four marks, <ground> and <coord>.
    CHECK(c.config.text.vocab == 256 + 4 + 2);
    CHECK(c.words().encode("a b", text::Control::kText).size() == 3);
    const bool scene = family != vlm::Family::kLlavaVideo;  // there config.json names no such ids
    CHECK(c.words().id_of("<coord>") == (scene ? std::optional<std::int32_t>(261) : std::nullopt));
  }
}

TEST_CASE("model: vlm-study is a row of the study", "[model]") {
  const test::TempFolder temp;
  const auto open = [&](const synth::StudyRow& row, std::uint64_t seed = 1) {
    auto o = vlm_options(temp / "study", "vlm-study");
    o.row = row, o.seed = seed, o.overwrite = true;
    return vlm::open_checkpoint(synth::write_model(o).front());
  };
  const vlm::VlmCheckpoint fused = open({});
  CHECK(fused.family == vlm::Family::kVega);
  CHECK_FALSE(fused.tower.has_value());
  CHECK(fused.view() == "mllm");
  CHECK(fused.config.objects == ObjectMode::kPatch27);
  CHECK(fused.config.ground.has_value());
  CHECK_FALSE(fused.config.zero_visual);
  CHECK(fused.modules.fusion.method == FusionMethod::kTokenGated);
  CHECK(fused.modules.semantic->in == 144);
  CHECK(fused.modules.generative->in == 256);
  CHECK(fused.modules.trained_on.block == -1);  // features of any block fit
  CHECK(fused.needs().semantic);
  CHECK(fused.needs().generative);
  const std::string one = fused.fingerprint();

  const vlm::VlmCheckpoint generative = open({.generative = 5, .fusion = "only"});
  CHECK(generative.modules.fusion.method == FusionMethod::kOnly);
  CHECK(generative.modules.generative->in == 5);
  CHECK_FALSE(generative.needs().semantic);
  CHECK(generative.needs().generative);

  const vlm::VlmCheckpoint geometry = open({.semantic = 3, .fusion = "none", .zero_visual = true});
  CHECK(geometry.config.zero_visual);
  CHECK(geometry.modules.semantic->in == 3);
  CHECK_FALSE(geometry.needs().generative);
  CHECK(geometry.view() == "mllm");  // as the rows that it stands beside

  CHECK(open({}).fingerprint() == one);
  CHECK(open({}, 2).fingerprint() != one);
  auto o = vlm_options(temp / "tiny", "vlm-tiny");
  o.row.zero_visual = true;
  CHECK_THROWS_AS(synth::write_model(o), UsageError);
}

TEST_CASE("model: vlm-tiny takes a tokeniser that is given", "[model]") {
  const test::TempFolder temp;
  synth::write_model(vlm_options(temp / "a", "vlm-tiny"));
  Json words = *parse_json(test::read_text(temp / "a" / "tokenizer.json"));
  Json added = words["added_tokens"];
  Json more = *parse_json(R"({"id": 260, "content": "<more>", "special": true, "normalized": false,
                              "single_word": false, "lstrip": false, "rstrip": false})");
  added.push(more);
  words.set("added_tokens", added);
  std::filesystem::create_directory(temp / "words");
  test::write_text(temp / "words" / "tokenizer.json", words.dump());
  auto o = vlm_options(temp / "b", "vlm-tiny");
  o.tokenizer = temp / "words";
  const vlm::VlmCheckpoint c = vlm::open_checkpoint(synth::write_model(o).front());
  CHECK(c.config.text.vocab == 263);
  CHECK(c.words().id_of("<more>") == 260);
  o = vlm_options(temp / "c", "siglip-tiny");
  o.tokenizer = temp / "words";
  CHECK_THROWS_AS(synth::write_model(o), UsageError);
}

}  // namespace
}  // namespace vega
