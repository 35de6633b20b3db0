// What `vega-fuse tokens` refuses, and that each message says what is wrong; nothing is written.
#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "fuse_samples.h"
#include "geometry/points.h"
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
  room.options.inputs.push_back((room.folder / "f" / "bath.h5").string());
}

nlohmann::json run_report(Room& room) {
  room.options.report = (room.folder / "report.json").string();
  const RunResult result = room.run();
  auto json = nlohmann::json::parse(read_text(room.options.report));
  CHECK(json["exit_code"] == result.exit_code);
  return json;
}

const nlohmann::json kReleased = {{"generative_vision_tower_type", "wan_t2v_online"},
                                  {"generative_vision_tower_feat_block_idx", 20},
                                  {"generative_vision_tower_timestep", 300},
                                  {"generative_vision_tower_shift", 5.0},
                                  {"generative_vision_tower_size", "832*480"}};

}  // namespace

TEST_CASE("files that are missing, renamed or of another scene") {
  Room room;
  room.write();
  SECTION("no semantic file") {
    fs::remove(room.semantics());
    const auto text = room.refusal<InputError>();
    CHECK_THAT(text, Contains("--semantic") && Contains(room.semantics().string()) &&
                         Contains("no such file") && Contains("--backbone siglip"));
  }
  SECTION("no scene file") {
    room.options.scenes = (room.folder / "scenes").string();
    const auto text = room.refusal<InputError>();
    CHECK_THAT(text, Contains("--scenes") && Contains(room.scenes().string()) &&
                         Contains("vega-extract scene"));
  }
  SECTION("no generative file") {
    room.options.inputs = {(room.folder / "f" / "nowhere.h5").string()};
    CHECK_THAT(room.refusal<InputError>(), Contains("nowhere.h5"));
  }
  SECTION("a renamed generative file") {
    fs::rename(room.features(), room.folder / "f" / "kitchen.h5");
    fs::rename(room.semantics(), room.folder / "s" / "kitchen.h5");
    room.options.inputs = {(room.folder / "f" / "kitchen.h5").string()};
    CHECK_THAT(room.refusal<InputError>(),
               Contains("f/kitchen.h5") && Contains("'room'") && Contains("'kitchen'"));
  }
  SECTION("a renamed semantic file") {
    Stream other = semantic_stream();
    other.key = "kitchen";
    write_features(room.folder / "kitchen.h5", other);
    fs::rename(room.folder / "kitchen.h5", room.semantics());
    CHECK_THAT(room.refusal<InputError>(),
               Contains("s/room.h5") && Contains("'kitchen'") && Contains("'room'"));
  }
  SECTION("a renamed scene file") {
    room.write_scene();
    SceneFile scene = made_scene(room.generative).file;
    scene.header.key = "kitchen";
    fs::remove(room.scenes());
    write_scene_file(room.scenes(), scene);
    CHECK_THAT(room.refusal<InputError>(),
               Contains("scenes/room.h5") && Contains("'kitchen'") && Contains("'room'"));
  }
  SECTION("not a feature file") {
    write_text(room.semantics(), "no HDF5");
    CHECK_THAT(room.refusal<FormatError>(), Contains(room.semantics().string()));
  }
  SECTION("a scene file as semantic features") {
    room.write_scene();
    room.options.semantic = room.options.scenes;
    CHECK_THAT(room.refusal<FormatError>(),
               Contains("vega.scene/1") && Contains("vega.features/1"));
  }
}

TEST_CASE("frames that differ") {
  Room room;
  const auto with_ids = [&](const std::vector<std::int64_t>& ids) {
    room.semantic.ids = ids;
    room.write();
    return room.refusal<InputError>();
  };
  SECTION("order") {
    CHECK_THAT(with_ids({3, 25, 10}), Contains(room.features().string()) &&
                                          Contains(room.semantics().string()) &&
                                          Contains("3 and 3 frames") &&
                                          Contains("frame 1 of the list is 10 in the first, 25") &&
                                          Contains("--select frames:"));
  }
  SECTION("fewer") {
    CHECK_THAT(with_ids({3, 10}), Contains("3 and 2 frames") &&
                                      Contains("frame 2 of the list is 25 in the first, none"));
  }
  SECTION("more") {
    CHECK_THAT(with_ids({3, 10, 25, 30}),
               Contains("3 is none in the first") || Contains("frame 3 of the list is none"));
  }
  SECTION("of the scene file") {
    room.write();
    Stream other = room.generative;
    other.ids = {3, 11, 25};
    fs::create_directories(room.scenes().parent_path());
    write_scene_file(room.scenes(), made_scene(other).file);
    room.options.scenes = (room.folder / "scenes").string();
    CHECK_THAT(room.refusal<InputError>(),
               Contains(room.scenes().string()) &&
                   Contains("frame 1 of the list is 10 in the first, 11") &&
                   Contains("vega-extract scene --select frames:"));
  }
  SECTION("poses of another scan") {
    room.semantic.shift_pose = 0.001;
    room.write();
    CHECK_THAT(room.refusal<InputError>(),
               Contains("two poses of frame 3") && Contains(room.semantics().string()));
  }
  SECTION("poses of another scan in the scene file") {
    room.write();
    Stream other = room.generative;
    other.shift_pose = 0.01;
    fs::create_directories(room.scenes().parent_path());
    write_scene_file(room.scenes(), made_scene(other).file);
    room.options.scenes = (room.folder / "scenes").string();
    CHECK_THAT(room.refusal<InputError>(),
               Contains("two poses of frame 3") && Contains(room.scenes().string()));
  }
}

TEST_CASE("a scene file whose poses are turned and moved by its alignment belongs to the scan") {
  Room room;
  room.write();
  SceneFile scene = made_scene(room.generative).file;
  scene.axis_align = {0, -1, 0, 2, 1, 0, 0, -3, 0, 0, 1, 0.5, 0, 0, 0, 1};
  for (auto& pose : scene.frames.world_from_cam) {
    pose = multiply(scene.axis_align, pose);
    for (double& v : pose) v = std::round(v * 1e6) / 1e6;  // as printed
  }
  fs::create_directories(room.scenes().parent_path());
  write_scene_file(room.scenes(), scene);
  room.options.scenes = (room.folder / "scenes").string();
  CHECK(room.run().done == 1);
}

TEST_CASE("grids and views that do not fit") {
  Room room;
  SECTION("a pooled semantic grid") {
    room.semantic.rows = room.semantic.columns = 14;
    room.write();
    CHECK_THAT(room.refusal<InputError>(), Contains("siglip_l26") && Contains("14x14 cells") &&
                                               Contains("27x27") && Contains("--pool native"));
  }
  SECTION("a native generative grid, cell by cell") {
    room.generative.rows = 30, room.generative.columns = 52;
    room.write();
    CHECK_THAT(room.refusal<InputError>(), Contains("b20_t300") && Contains("30x52 cells") &&
                                               Contains("--align pixel") &&
                                               Contains("--pool 14x14"));
    room.options.align = "pixel";
    CHECK(room.run().done == 1);
  }
  SECTION("coordinates of another view") {
    room.semantic.view = "center_crop";
    room.write();
    room.write_scene();
    CHECK_THAT(room.refusal<InputError>(),
               Contains("views center_crop and mllm") && Contains("--view center_crop"));
  }
  SECTION("a tap that is not there") {
    room.write();
    room.options.tap = "b5_t500";
    CHECK_THAT(room.refusal<InputError>(),
               Contains("'b5_t500'") && Contains("one of b20_t300") && Contains("f/room.h5"));
    room.options.tap.clear();
    room.options.semantic_tap = "siglip_l3";
    CHECK_THAT(room.refusal<InputError>(),
               Contains("'siglip_l3'") && Contains("siglip_l26") && Contains("s/room.h5"));
  }
}

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
    room.options.inputs = {(room.folder / "f" / "bath.h5").string(), room.features().string()};
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
    room.options.overwrite = true;
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
                         Contains("one file a scene"));
    room.options.checkpoint.clear();
    room.options.method = "context_gated";
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
    room.options.method = "concat";
    CHECK_THAT(room.refusal<InputError>(), Contains("concat") && Contains("gated"));
  }
}

TEST_CASE("values that are not finite are named, and nothing is written") {
  Room room;
  const auto bad =
      GENERATE(std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity());
  SECTION("generative") {
    fill(room.generative);
    room.generative.values[1][2][3][7] = bad;
    room.write();
    CHECK_THAT(room.refusal<InputError>(), Contains("f/room.h5: tap b20_t300") &&
                                               Contains("in frame 10, cell 31, channel 7") &&
                                               Contains("verify"));
  }
  SECTION("semantic, the last of all values") {
    fill(room.semantic);
    room.semantic.values[2][26][26][11] = bad;
    room.write();
    room.options.threads = 2;
    CHECK_THAT(room.refusal<InputError>(), Contains("s/room.h5: tap siglip_l26") &&
                                               Contains("in frame 25, cell 728, channel 11"));
  }
  SECTION("an older file stays") {
    room.write();
    room.run();
    const auto before = read_bytes(room.output());
    fill(room.generative);
    room.generative.values[0][0][0][0] = bad;
    fs::remove(room.features());
    write_features(room.features(), room.generative);
    room.options.overwrite = true;
    CHECK_THROWS_AS(room.run(), InputError);
    CHECK((read_bytes(room.output()) == before));
    CHECK(std::distance(fs::directory_iterator(room.output().parent_path()), {}) == 1);
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
    room.options.overwrite = true;
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
  room.options.overwrite = true;
  CHECK_THROWS_WITH(room.run(), Contains("view: features have mllm, trained on stretch"));
}

TEST_CASE("options that make no sense are refused before any work") {
  Room room;
  room.write();
  room.write_scene();
  auto& o = room.options;
  const auto message = [&] { return room.refusal<UsageError>(); };
  SECTION("pool modes") {
    o.pool_mode = GENERATE("average", "max");
    CHECK_THAT(message(), Contains(o.pool_mode) && Contains("13"));
  }
  SECTION("an unknown pool mode") {
    o.pool_mode = "median";
    CHECK_THAT(message(), Contains("median") && Contains("bilinear"));
  }
  SECTION("parts") {
    o.parts = GENERATE("", "fused,fused", "gate", "fused,,semantic");
    CHECK_THAT(message(), Contains("--parts") && Contains("generative"));
  }
  SECTION("parts without their stream") {
    o.semantic.clear(), o.scenes.clear(), o.method = "only", o.parts = "semantic";
    CHECK_THAT(message(), Contains("--parts semantic") && Contains("--semantic"));
  }
  SECTION("a method that needs the semantic stream") {
    o.semantic.clear();
    CHECK_THAT(message(), Contains("token_gated") && Contains("--semantic"));
  }
  SECTION("objects without the tokens they are means of") {
    o.semantic.clear(), o.method = "only";
    CHECK_THAT(message(), Contains("--objects patch14") && Contains("--semantic"));
    o.objects = "none", o.align = "pixel";
    CHECK_THAT(message(), Contains("--align pixel --scenes") && Contains("--semantic"));
    o.align = "reference";
    CHECK(room.run().done == 1);
  }
  SECTION("words") {
    o.method = "gate";
    CHECK_THAT(message(), Contains("gate") && Contains("token_gated"));
    o.method = "add", o.form = "raw";
    CHECK_THAT(message(), Contains("raw"));
    o.method = "token_gated", o.form = "rough";
    CHECK_THAT(message(), Contains("rough") && Contains("residual"));
    o.form.clear(), o.align = "cells";
    CHECK_THAT(message(), Contains("--align") && Contains("cells"));
    o.align = "pixel", o.objects = "patch28";
    CHECK_THAT(message(), Contains("--objects") && Contains("patch28"));
    o.objects = "none", o.store_dtype = "fp16";
    CHECK_THAT(message(), Contains("--store-dtype") && Contains("fp16"));
    o.store_dtype = "bf16", o.dtype = "fp64";
    CHECK_THAT(message(), Contains("--dtype") && Contains("fp64"));
    o.dtype.clear(), o.batch = "0";
    CHECK_THAT(message(), Contains("--batch") && Contains("'0'"));
    o.batch = "8", o.threads = -1;
    CHECK_THAT(message(), Contains("--threads") && Contains("-1"));
    o.threads = 1, o.width = 0;
    CHECK_THAT(message(), Contains("--width"));
    o.width = 32, o.projector = "mlp";
    CHECK_THAT(message(), Contains("mlp") && Contains("mlpNx_gelu"));
    o.projector = "pooler";
    CHECK_THAT(message(), Contains("pooler") && Contains("13"));
  }
  SECTION("a key twice") {
    o.inputs.push_back(o.inputs[0]);
    CHECK_THAT(message(), Contains("key room"));
  }
}
