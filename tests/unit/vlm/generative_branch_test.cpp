// Qwen2.5-VL with the generative branch against tests/golden/export_spatial.py, which assembles the
// same from its description in PyTorch.
#include "vlm/generative_branch.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "../models/qwen2_5_vl/qwen2_5_vl_samples.h"
#include "base/error.h"
#include "fusion/spatial_fusion.h"
#include "models/wan/checkpoint.h"
#include "models/wan/origin.h"
#include "support/own_memory.h"
#include "synth/weight_law.h"
#include "vlm/qwen_vl.h"

using namespace vega;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// The golden is float64; the assembly itself is up to 5e-6 from it in float32.
constexpr double kBar = 2e-5;
// One bilinear mean of four numbers in float32, of float64.
constexpr double kPatchBar = 5e-7;
constexpr qwen2_5_vl::PixelBounds kBounds{3136, 30000};
constexpr std::int64_t kWidth = 256, kHidden = 96;

at::Tensor golden(const std::string& name) {
  static const TensorSet set = read_safetensors(test::golden("spatial.safetensors"));
  return float_tensor_from(set.at(name));
}

const Json& notes() {
  static const Json all = read_json(test::golden("spatial.json"), "the notes of the exporter");
  return all;
}

double distance(const at::Tensor& got, const at::Tensor& want) {
  REQUIRE(got.sizes() == want.sizes());
  return ((got.to(at::kCPU, at::kFloat) - want).norm() / want.norm()).item<double>();
}

fs::path write_preset(const fs::path& folder, const char* preset) {
  synth::ModelOptions options;
  options.folder = folder;
  options.preset = preset;
  options.progress = ProgressMode::kOff;
  return synth::write_model(options).front();
}

void set_config(const fs::path& folder, const std::string& name, const Json& value) {
  Json config = read_json(folder / "config.json", "config");
  config.set(name, value);
  test::write_text(folder / "config.json", config.dump());
}

struct Bench {
  test::TempFolder folder;
  test::OwnMemory memory{folder / "memory"};
  fs::path wan = write_preset(folder / "wan", "wan-tiny");
  fs::path own = write_preset(folder / "own", "spatial-tiny");
  Bench() { set_config(own, "generative_vision_tower_size", "96*64"); }
};

const Bench& bench() {
  static const Bench one;
  return one;
}

vlm::QwenVl open_model(const vlm::BranchOptions& branch, bool sees_frames = true) {
  const fs::path& folder = bench().own;
  return {qwen2_5_vl::open_checkpoint(folder),
          text::Tokenizer::open(folder),
          {.bounds = kBounds, .branch = branch, .sees_frames = sees_frames}};
}

struct Shown {
  std::vector<UnitImage> pictures;
  vlm::BranchFrames branch;
};

Shown frames_of(const vlm::QwenVl& model) {
  Shown out;
  const auto add = [&](const std::string& name, int width, int height) {
    const ImageU8 frame = test::qwen_vl_picture(name, width, height);
    out.pictures.push_back(model.prepare(frame));
    out.branch.pixels.push_back(vlm::branch_pixels(frame, qwen2_5_vl::Preparation::kSpatial,
                                                   model.branch()->source().settings.size));
  };
  for (const char* name : {"room0", "room1", "room2"}) add(name, 96, 40);
  add("room3", 40, 50);
  for (const Json& id : notes()["ids"].elements()) out.branch.ids.push_back(id.whole().value());
  return out;
}

std::vector<std::int64_t> numbers(const Json& list) {
  std::vector<std::int64_t> out;
  for (const Json& one : list.elements()) out.push_back(one.whole().value());
  return out;
}

// Parameters of the exporter: `set` is "" or a method or merger other than the released ones.
Parameters drawn(const std::vector<ParameterSpec>& specs, const std::string& set,
                 const std::string& prefix) {
  Parameters out;
  for (const ParameterSpec& spec : specs) {
    const std::string name = spec.name == "weight_gen" ? "weight_3d" : spec.name;
    std::vector<float> values(static_cast<std::size_t>(element_count(spec.shape)));
    synth::fill_weights(42, "spatial." + set + prefix + name, spec.shape, 0, values);
    out.emplace_back(spec.name, float_tensor(values, spec.shape));
  }
  return out;
}

}  // namespace

TEST_CASE("generative branch: features are brought to patches as PyTorch does it") {
  const at::Tensor features = golden("features").narrow(0, 0, 1);
  for (const auto& [rows, columns] : {std::pair(4, 6), {3, 5}, {9, 6}}) {
    const at::Tensor got = to_patches(features, {rows, columns})[0].slice(2, 0, 256, 16);
    CHECK(distance(got, golden("patches." + std::to_string(rows) + "x" + std::to_string(columns))) <
          kPatchBar);
  }
}

TEST_CASE("generative branch: both mergers and every fusion method") {
  const at::Tensor semantic = golden("semantic.0").unsqueeze(0);
  const std::int64_t rows = semantic.size(1), columns = semantic.size(2);
  const at::Tensor patches =
      to_patches(golden("features").narrow(0, 0, 1), {2 * rows, 2 * columns});
  CHECK(distance(patches[0].slice(2, 0, 256, 8), golden("patches.0")) < kPatchBar);
  const MergerConfig mlp{"mlp", kWidth, kHidden, kWidth}, avg{"avg", kWidth, kHidden, kWidth};
  const at::Tensor generative =
      Merger(mlp, drawn(merger_specs(mlp), "", kSpatialMergerPrefix)).forward(patches);
  CHECK(distance(generative[0].slice(2, 0, 256, 3), golden("generative.0")) < kBar);
  CHECK(distance(Merger(avg, drawn(merger_specs(avg), "avg.", kSpatialMergerPrefix))
                     .forward(patches)[0]
                     .slice(2, 0, 256, 3),
                 golden("generative.avg")) < kBar);
  for (const std::string method : {"token_gated_residual", "token_gated", "gated", "concat", "add",
                                   "weighted", "cross_attention"}) {
    FusionConfig config;
    set_method(config, method);
    config.width = kWidth;
    const std::string set = method == "token_gated_residual" ? "" : method + ".";
    const Fusion fusion(config, drawn(fusion_specs(config), set, kSpatialFusionPrefix));
    const double error = distance(fusion.forward(semantic, generative)[0].slice(2, 0, 256, 3),
                                  golden("fused." + method));
    CAPTURE(method, error);
    CHECK(error < kBar);
  }
}

TEST_CASE("generative branch: features, logits and 64 greedy tokens of the whole model") {
  const vlm::QwenVl model = open_model({.model = bench().wan.string()});
  REQUIRE(model.branch() != nullptr);
  CHECK(model.branch()->source().settings.block == 29);
  const Shown shown = frames_of(model);
  const double features = distance(
      model.branch()->features(notes()["scene"].text_or(""), shown.branch), golden("features"));
  const vlm::SeenFrames seen =
      model.see(notes()["scene"].text_or(""), shown.pictures, shown.branch);
  for (std::size_t n = 0; n < 4; ++n)
    for (std::size_t side = 0; side < 2; ++side)
      CHECK(seen.grids()[n][side] == notes()["grids"][n][side].whole().value());
  const auto logits_of = [&](const vlm::QwenVl& of, const vlm::SeenFrames& frames) {
    const qwen2::Prompt prompt = of.prompt(frames, notes()["answers"][0]["question"].text_or(""));
    KvCache cache = prompt.prefix->fork();
    const qwen2::Decoder& d = of.decoder();
    const at::Tensor all = d.logits(d.forward(d.embed(prompt.ids), prompt.positions, cache));
    const at::Tensor some = all.slice(1, 0, 270, 5);
    const std::int64_t rows = std::min<std::int64_t>(some.size(0), 40);
    return some.narrow(0, some.size(0) - rows, rows);
  };
  const at::Tensor got = logits_of(model, seen), all = golden("logits");
  const double error = distance(got, all.narrow(0, all.size(0) - got.size(0), got.size(0)));
  std::cout << "Qwen2.5-VL with Wan: features " << features << ", logits " << error << "\n";
  CHECK(features < kBar);
  CHECK(error < kBar);
  for (const Json& row : notes()["answers"].elements()) {
    qwen2::GenerationConfig config;
    config.max_new_tokens = 64;
    const std::string question = row["question"].text_or("");
    CHECK(model.answer(seen, question, config).answer.ids == numbers(row["greedy"]));
    config.sampling.repetition_penalty = 1.05;
    CHECK(model.answer(seen, question, config).answer.ids == numbers(row["penalised"]));
  }
  // Tokens that were made before give the same, without tower and branch.
  const Shown first{{shown.pictures[0]}, {{0}, {shown.branch.pixels[0]}}};
  const at::Tensor tokens = model.tokens_of("room", first.pictures, first.branch);
  const auto& [rows, columns] = seen.grids()[0];
  const vlm::QwenVl blind = open_model({}, false);
  CHECK(blind.branch() == nullptr);
  const at::Tensor again =
      logits_of(blind, blind.see_tokens("room", tokens.view({1, rows, columns, kWidth})));
  CHECK(at::equal(again, logits_of(model, model.see("room", first.pictures, first.branch))));
  // Frames for one of the two alone are refused.
  CHECK_THROWS_WITH(model.see("room", shown.pictures), Contains("0 frames"));
}

TEST_CASE("generative branch: whose transformer, and whether it was trained, is found out") {
  const qwen2_5_vl::Checkpoint own = qwen2_5_vl::open_checkpoint(bench().own);
  const std::string wan = bench().wan.string();
  CHECK_THAT(vlm::find_branch(own, {.model = wan}).text,
             Contains("own transformer: trained, that of " + wan));
  CHECK_THAT(vlm::find_branch(own, {.weights = wan}).text,
             Contains("the transformer of " + wan + ": trained") && Contains("own is not used"));
  CHECK_THROWS_WITH(vlm::find_branch(own, {}),
                    Contains("data/models/Wan2.1-T2V-1.3B") && Contains("--model"));
  CHECK_THROWS_WITH(vlm::find_branch(own, {.model = wan, .weights = "elsewhere"}),
                    Contains("one folder of Wan"));
  // A transformer that was drawn as the released training draws it.
  const qwen2_5_vl::Checkpoint drawn =
      qwen2_5_vl::open_checkpoint(write_preset(bench().folder / "drawn", "spatial-tiny-drawn"));
  CHECK_THAT(
      vlm::find_branch(drawn, {.model = wan}).text,
      Contains("own transformer: drawn, not trained (all biases are 0, weights spread 0.02"));
}

TEST_CASE("generative branch: settings of config.json have the defaults of the release's code") {
  const test::TempFolder folder;
  const fs::path path = folder / "config.json";
  const TensorSet none;
  const auto with = [&](const char* text) {
    test::write_text(path, text);
    return read_spatial_settings(path, none);
  };
  const SpatialSettings usual = with("{}");
  CHECK(usual.block == 29);
  CHECK(usual.timestep == 300);
  CHECK(usual.shift == 5);
  CHECK(usual.size == ImageSize{832, 480});
  CHECK_FALSE(usual.has_dit());
  const SpatialSettings said = with(R"({"generative_vision_tower_feat_block_idx": 20,
      "generative_vision_tower_timestep": 500, "generative_vision_tower_shift": 3.0,
      "generative_vision_tower_size": "1280*720", "generative_encoder_path": "wan"})");
  CHECK(said.block == 20);
  CHECK(said.timestep == 500);
  CHECK(said.size == ImageSize{1280, 720});
  CHECK(said.model == "wan");
  CHECK(with(R"({"generative_vision_tower_feat_block_idx": -1})").block == 29);
  FusionConfig fusion;
  set_method(fusion, "token_gated_residual");
  CHECK(differences_from_paper(usual, fusion, 0.2) ==
        "block 29 (paper: 20); the gate's blend counts 0.2 beside the semantic token (paper: 1)");
  set_form(fusion, "raw");
  CHECK(differences_from_paper(said, fusion, 1) == "timestep 500 (paper: 300)");
  CHECK_THROWS_WITH(with(R"({"generative_vision_tower_feat_block_idx": 30})"), Contains("0 to 29"));
  CHECK_THROWS_WITH(with(R"({"generative_vision_tower_size": "832x480"})"), Contains("832*480"));
  CHECK_THROWS_WITH(with(R"({"generative_encoder_tower_type": "svd_online"})"),
                    Contains("svd_online") && Contains("wan_t2v_online"));
  CHECK_THROWS_WITH(with(R"({"generative_vision_tower_task": "vace-1.3B"})"), Contains("t2v-"));
}
