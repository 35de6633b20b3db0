// Checkpoints of `vega-fuse tokens`: what they lack, what they were trained on, what is refused.
#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "fuse_samples.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::test;
using Catch::Matchers::Contains;

namespace {

// Tensors by full name, as a checkpoint's folder.
struct Tensors {
  std::map<std::string, at::Tensor> all;

  void add(const std::string& prefix, const Parameters& values) {
    for (const auto& [name, value] : values) all[prefix + name] = value.contiguous();
  }
  void write(const fs::path& folder, const std::string& config = {}) const {
    fs::create_directories(folder);
    std::map<std::string, TensorView> views;
    for (const auto& [name, value] : all) views.emplace(name, view_of(value));
    write_safetensors(folder / "model.safetensors", views);
    if (!config.empty()) write_text(folder / "config.json", config);
  }
};

Tensors tensors_of(const Weights& w) {
  Tensors out;
  out.add(kSemanticPrefix, w.values.semantic);
  out.add(kGenerativePrefix, w.values.generative);
  out.add(kFusionPrefix, w.values.fusion);
  return out;
}

void set_config(const fs::path& folder, const nlohmann::json& more) {
  auto json = nlohmann::json::parse(read_text(folder / "config.json"));
  json.update(more);
  write_text(folder / "config.json", json.dump());
}

// A second scene beside the one of `room`, with a list of both.
void write_second(Room& room, Stream& generative, Stream& semantic) {
  generative.key = semantic.key = "bath";
  write_features(room.folder / "f" / "bath.h5", generative);
  write_features(room.folder / "s" / "bath.h5", semantic);
  room.options.items.inputs.push_back((room.folder / "f" / "bath.h5").string());
}

nlohmann::json run_report(Room& room) {
  room.options.run.report = (room.folder / "report.json").string();
  const RunResult result = room.run();
  auto json = nlohmann::json::parse(read_text(room.options.run.report));
  CHECK(json["exit_code"] == result.exit_code);
  return json;
}

const nlohmann::json kReleased = {{"generative_vision_tower_type", "wan_t2v_online"},
                                  {"generative_vision_tower_feat_block_idx", 20},
                                  {"generative_vision_tower_timestep", 300},
                                  {"generative_vision_tower_shift", 5.0},
                                  {"generative_vision_tower_size", "832*480"}};

}  // namespace

TEST_CASE("widths that disagree") {
  Room room;
  SECTION("with the checkpoint") {
    room.generative.channels = 24;
    room.write();
    room.use(Weights());
    CHECK_THAT(room.refusal<InputError>(), Contains("generative features") &&
                                               Contains("24 channels") && Contains("20") &&
                                               Contains(room.options.checkpoint));
  }
  SECTION("of the semantic stream") {
    room.semantic.channels = 16;
    room.write();
    room.use(Weights());
    CHECK_THAT(room.refusal<InputError>(),
               Contains("semantic features") && Contains("16 channels") && Contains("12"));
  }
  SECTION("between scenes; a scene that is refused decides nothing") {
    Stream generative, semantic = semantic_stream();
    generative.channels = 24;
    room.write();
    write_second(room, generative, semantic);
    auto report = run_report(room);
    CHECK(report["exit_code"] == 4);
    CHECK_THAT(report["items"][1]["error"].get<std::string>(),
               Contains("24 channels") && Contains("20, as the scenes before"));
    // The other way round, with a first scene that does not fit the checkpoint's semantic half.
    Weights weights;
    Tensors tensors = tensors_of(weights);
    std::erase_if(tensors.all, [](const auto& t) { return t.first.starts_with("model.gen"); });
    tensors.write(room.folder / "half");
    Stream wide_generative, wide = semantic_stream();
    wide_generative.channels = 24, wide.channels = 16;
    fs::remove_all(room.folder / "out");
    write_second(room, wide_generative, wide);
    room.options.items.inputs = {(room.folder / "f" / "bath.h5").string(),
                                 room.features().string()};
    room.options.checkpoint = (room.folder / "half").string();
    room.options.initial_values = true;
    report = run_report(room);
    CHECK_THAT(report["items"][0]["error"].get<std::string>(), Contains("16 channels"));
    CHECK(report["items"][1]["outcome"] == "written");
  }
}

TEST_CASE("checkpoints without a gate or projectors: seeded values only when asked for") {
  Room room;
  room.write();
  const Weights weights;
  Tensors tensors = tensors_of(weights);
  const auto without = [&](const std::string& prefix) {
    std::erase_if(tensors.all, [&](const auto& t) { return t.first.starts_with(prefix); });
    tensors.write(room.folder / "part");
    room.options.checkpoint = (room.folder / "part").string();
  };
  const auto seeded = [&](at::Tensor& fused) {
    room.options.initial_values = true;
    CHECK(room.run().done == 1);
    const TokensReader file(room.output());
    CHECK_FALSE(file.info().trained);
    CHECK(file.info().width == kWidth);
    fused = part_of(file, TokenPart::kFused);
  };
  at::Tensor fused;
  SECTION("the gate") {
    without(kFusionPrefix);
    CHECK_THAT(room.refusal<InputError>(),
               Contains("without a gate") && Contains(kFusionPrefix) && Contains("part"));
    seeded(fused);
    // The seeded gate with the checkpoint's projectors.
    Weights same;
    same.values.fusion = initial_values(fusion_specs(same.fusion), kFusionPrefix, 42);
    room.use(same);
    room.options.output.overwrite = true;
    room.run();
    CHECK(at::equal(part_of(TokensReader(room.output()), TokenPart::kFused), fused));
  }
  SECTION("the generative projector") {
    without(kGenerativePrefix);
    CHECK_THAT(room.refusal<InputError>(),
               Contains(kGenerativePrefix) && Contains("--initial-values"));
    seeded(fused);
  }
  SECTION("the semantic projector") {
    without(kSemanticPrefix);
    CHECK_THAT(room.refusal<InputError>(),
               Contains(kSemanticPrefix) && Contains("--initial-values"));
    seeded(fused);
  }
  SECTION("everything: the width is the one asked for") {
    tensors.all["lm_head.weight"] = at::ones({4, 8});
    without("model.");
    CHECK_THAT(room.refusal<InputError>(), Contains("without a gate"));
    seeded(fused);
  }
}

TEST_CASE("checkpoints that this stage does not take") {
  Room room;
  room.write();
  SECTION("spatial-reasoning") {
    FusionConfig fusion;
    set_method(fusion, "token_gated_residual");
    fusion.width = kWidth;
    const MergerConfig merger{"mlp", kGenerativeChannels, 16, kWidth};
    Tensors tensors;
    tensors.add(kSpatialMergerPrefix,
                initial_values(merger_specs(merger), kSpatialMergerPrefix, 1));
    tensors.add(kSpatialFusionPrefix,
                initial_values(fusion_specs(fusion), kSpatialFusionPrefix, 1));
    tensors.write(room.folder / "spatial");
    room.options.checkpoint = (room.folder / "spatial").string();
    CHECK_THAT(room.refusal<InputError>(), Contains("spatial-reasoning") && Contains("Qwen2.5-VL"));
  }
  SECTION("a gate that reads the question") {
    room.use(Weights("instruction_token_gated"));
    const auto text = room.refusal<UsageError>();
    CHECK_THAT(text, Contains("instruction_token_gated") && Contains("depends on the question") &&
                         Contains("one file a scene") && Contains("vega-eval answer"));
    room.options.checkpoint.clear();
    set(room.options, "--method", "context_gated");
    CHECK_THAT(room.refusal<UsageError>(), Contains("depends on the question"));
  }
  SECTION("nothing there") {
    room.options.checkpoint = (room.folder / "nowhere").string();
    CHECK_THAT(room.refusal<InputError>(), Contains("nowhere") && Contains("no such"));
  }
  SECTION("a value that is not finite: the model's fault, no scene's") {
    Weights weights;
    find_parameter(weights.values.generative, "2.weight")[3][5] = NAN;
    room.use(weights);
    Stream generative, semantic = semantic_stream();
    write_second(room, generative, semantic);
    CHECK_THAT(room.refusal<ModelError>(),
               Contains("model.generative_projector.2.weight") && Contains("NaN at index [3, 5]"));
  }
  SECTION("another method than its tensors") {
    room.use(Weights("gated"));
    set(room.options, "--method", "concat");
    CHECK_THAT(room.refusal<InputError>(), Contains("concat") && Contains("gated"));
  }
}

TEST_CASE("features of another recipe than the checkpoint was trained on") {
  Room room;
  room.generative.tap = "b5_t500";
  room.generative.block = 5;
  room.generative.timestep = 500;
  room.generative.view = "stretch";
  room.generative.size = {64, 64};
  room.generative.options = R"({"shift": 3.0})";
  room.write();
  const Weights weights;
  room.use(weights);
  set_config(room.options.checkpoint, kReleased);
  const auto text = room.refusal<InputError>();
  CHECK_THAT(text, Contains("f/room.h5") && Contains(room.options.checkpoint));
  CHECK_THAT(text, Contains("block: features have 5, trained on 20"));
  CHECK_THAT(text, Contains("timestep: features have 500, trained on 300"));
  CHECK_THAT(text, Contains("size: features have 64x64, trained on 832x480"));
  CHECK_THAT(text, Contains("view: features have stretch, trained on mllm"));
  CHECK_THAT(text, Contains("shift: features have 3, trained on 5"));
  CHECK_THAT(text, Contains("--allow-mismatch"));
  room.options.allow_mismatch = true;
  CHECK(room.run().done == 1);
  const auto key = TokensReader(room.output()).header().cache_key;
  CHECK(nlohmann::json::parse(TokensReader(room.output()).header().options_json)["allow_mismatch"]
            .get<bool>());
  // A checkpoint that says nothing, or null, has nothing against them.
  for (const nlohmann::json& silent :
       {nlohmann::json{{"generative_vision_tower_type", nullptr}},
        nlohmann::json{{"generative_vision_tower_type", "sd21_online"}}}) {
    weights.write(room.folder / "ckpt");
    set_config(room.options.checkpoint, silent);
    room.options.output.overwrite = true;
    room.options.allow_mismatch = GENERATE(false, true);
    CHECK(room.run().done == 1);
    CHECK(TokensReader(room.output()).header().cache_key != key);
  }
}

TEST_CASE("features of the recipe: nothing to allow, nothing recorded") {
  Room room;
  room.write();
  room.use(Weights());
  set_config(room.options.checkpoint, kReleased);
  CHECK(room.run().done == 1);
  room.options.allow_mismatch = true;
  CHECK(room.run().complete == 1);
  // vega's own key names another view.
  set_config(room.options.checkpoint, {{"generative_vision_tower_view", "stretch"}});
  room.options.allow_mismatch = false;
  room.options.output.overwrite = true;
  CHECK_THROWS_WITH(room.run(), Contains("view: features have mllm, trained on stretch"));
}
