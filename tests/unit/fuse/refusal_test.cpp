// What `vega-fuse tokens` refuses, and that each message says what is wrong; nothing is written.
#include <catch2/catch.hpp>
#include <limits>

#include "base/error.h"
#include "fuse_samples.h"
#include "geometry/points.h"

using namespace vega;
using namespace vega::test;
using Catch::Matchers::Contains;

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
    room.options.items.inputs = {(room.folder / "f" / "nowhere.h5").string()};
    CHECK_THAT(room.refusal<InputError>(), Contains("nowhere.h5"));
  }
  SECTION("a renamed generative file") {
    fs::rename(room.features(), room.folder / "f" / "kitchen.h5");
    fs::rename(room.semantics(), room.folder / "s" / "kitchen.h5");
    room.options.items.inputs = {(room.folder / "f" / "kitchen.h5").string()};
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
               Contains("frame 3 of the list is none in the first, 30 in the second"));
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
    set(room.options, "--align", "pixel");
    CHECK(room.run().done == 1);
  }
  SECTION("coordinates of another view") {
    room.semantic.view = "center_crop";
    room.write();
    room.write_scene();
    CHECK_THAT(room.refusal<InputError>(),
               Contains("views center_crop and mllm") && Contains("--view center_crop"));
  }
  SECTION("coordinates that do not say how they were made") {
    room.write();
    SceneFile scene = made_scene(room.generative).file;
    scene.header.options_json =
        GENERATE(R"({"view": "mllm", "zero_depth": "keep"})",
                 R"({"view": "mllm", "zero_depth": "keep", "geometry": 32})",
                 R"({"view": "mllm", "zero_depth": "keep", "geometry": "fp8"})",
                 R"({"view": "mllm", "zero_depth": "drop", "geometry": "fp32"})");
    fs::create_directories(room.scenes().parent_path());
    write_scene_file(room.scenes(), scene);
    room.options.scenes = (room.folder / "scenes").string();
    CHECK_THAT(room.refusal<FormatError>(),
               Contains("scenes/room.h5: options") && (Contains("geometry") || Contains("'drop'")));
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
    room.options.run.threads = 2;
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
    room.options.output.overwrite = true;
    CHECK_THROWS_AS(room.run(), InputError);
    CHECK((read_bytes(room.output()) == before));
    CHECK(std::distance(fs::directory_iterator(room.output().parent_path()), {}) == 1);
  }
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
    const std::string parts = GENERATE("", "fused,fused", "gate", "fused,,semantic");
    CHECK_THAT(refused_text(o, "--parts", parts), Contains("--parts") && Contains("generative"));
  }
  SECTION("parts without their stream") {
    o.semantic.clear(), o.scenes.clear(), test::set(o, "--method", "only"),
        test::set(o, "--parts", "semantic");
    CHECK_THAT(message(), Contains("--parts semantic") && Contains("--semantic"));
  }
  SECTION("a method that needs the semantic stream") {
    o.semantic.clear(), o.scenes.clear();
    CHECK_THAT(message(), Contains("token_gated") && Contains("--semantic"));
  }
  SECTION("objects without the tokens they are means of") {
    o.semantic.clear(), test::set(o, "--method", "only");
    CHECK_THAT(message(), Contains("--objects patch14") && Contains("--semantic"));
    test::set(o, "--objects", "none"), test::set(o, "--align", "pixel");
    CHECK_THAT(message(), Contains("--align pixel --scenes") && Contains("--semantic"));
    test::set(o, "--align", "reference");
    CHECK(room.run().done == 1);
  }
  SECTION("words") {
    for (const auto& [name, value, known] : {std::tuple{"--method", "gate", "token_gated"},
                                             {"--form", "rough", "residual"},
                                             {"--align", "cells", "pixel"},
                                             {"--objects", "patch28", "patch27"},
                                             {"--store-dtype", "fp16", "bf16"},
                                             {"--dtype", "fp64", "bf16"},
                                             {"--batch", "0", "4096"},
                                             {"--threads", "-1", "1024"},
                                             {"--width", "0", "1 or more"}})
      CHECK_THAT(refused_text(o, name, value),
                 Contains(name) && Contains(value) && Contains(known));
    set(o, "--method", "add"), set(o, "--form", "raw");
    CHECK_THAT(message(), Contains("raw"));
    o.method.reset(), o.form.reset();
    o.width = 1000000;
    CHECK_THAT(message(), Contains("--width") && Contains("32768"));
    o.width = 32, o.projector = "mlp";
    CHECK_THAT(message(), Contains("mlp") && Contains("mlpNx_gelu"));
    o.projector = "pooler";
    CHECK_THAT(message(), Contains("pooler") && Contains("13"));
    o.projector = "linear", o.width = 30, test::set(o, "--method", "cross_attention");
    CHECK_THAT(message(), Contains("--width 30") && Contains("heads"));
    o.width = 32;
    for (const char* tag : {"../up", "a/b", ".", "..", ".hidden", "a b"}) {
      o.output.tag = tag;
      CHECK_THAT(message(), Contains("--tag") && Contains(tag));
    }
  }
  SECTION("a key twice") {
    o.items.inputs.push_back(o.items.inputs[0]);
    CHECK_THAT(message(), Contains("key room"));
  }
}
