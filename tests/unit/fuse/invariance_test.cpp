// What changes nothing about the files of `vega-fuse tokens`, and what a rerun does.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "fuse_samples.h"
#include "store/inspect.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::test;
using Catch::Matchers::Contains;

namespace {

// Every value of a file, and its key.
struct Content {
  std::string cache_key, fingerprint;
  std::vector<float> semantic, generative, fused, gate, world, gt, proposal;
  std::vector<std::uint8_t> covered;
  std::vector<std::int16_t> voxel;
  std::vector<std::vector<std::byte>> thumbs;
  bool trained = false;

  explicit Content(const fs::path& path) {
    const TokensReader file(path);
    const auto count = file.frame_count();
    cache_key = file.header().cache_key;
    fingerprint = file.info().fingerprint;
    trained = file.info().trained;
    semantic = file.read(TokenPart::kSemantic, 0, count);
    generative = file.read(TokenPart::kGenerative, 0, count);
    fused = file.read(TokenPart::kFused, 0, count);
    gate = file.gate();
    covered = file.covered();
    thumbs = file.thumbs();
    if (const auto p = file.positions()) {
      voxel = p->voxel;
      for (const float v : p->world) world.push_back(std::isnan(v) ? -999 : v);
    }
    if (const auto o = file.objects(ObjectKind::kGt)) gt = o->feature;
    if (const auto o = file.objects(ObjectKind::kProposal)) proposal = o->feature;
  }
  bool operator==(const Content&) const = default;
};

// Two scenes of 35 frames: more than are kept at a time, no multiple of the threads.
struct TwoRooms : Room {
  Stream generative2, semantic2 = semantic_stream();

  TwoRooms() {
    generative.ids.clear();
    for (std::int64_t i = 0; i < 35; ++i) generative.ids.push_back(3 * i);
    semantic.ids = semantic2.ids = generative.ids;
    generative2.ids = {0, 1, 1, 2};  // a short scene: frames repeat
    semantic2.ids = generative2.ids;
    generative2.key = semantic2.key = "bath";
    write();
    write_scene();
    write_features(folder / "f" / "bath.h5", generative2);
    write_features(folder / "s" / "bath.h5", semantic2);
    write_scene_file(folder / "scenes" / "bath.h5", made_scene(generative2).file);
    options.items.inputs = {features().string(), (folder / "f" / "bath.h5").string()};
    set(options, "--parts", "fused,semantic,generative");
    set(options, "--align", "pixel");
    use(Weights());
  }
  Content content(const std::string& key) const {
    return Content(folder / "out" / "t" / (key + ".h5"));
  }
};

}  // namespace

TEST_CASE("threads, order, shards and lists change nothing") {
  TwoRooms rooms;
  set(rooms.options, "--objects", GENERATE("patch14", "patch27"));
  Manifest manifest;
  fuse::run_tokens(rooms.options, manifest.context());
  REQUIRE(manifest.lines.size() == 2);
  CHECK(manifest.lines[0].first == "room");
  CHECK(manifest.lines[0].second == rooms.output().string());
  const Content room = rooms.content("room"), bath = rooms.content("bath");
  CHECK(room.gt != bath.gt);
  CHECK(bath.thumbs.size() == 4);
  const auto again = [&] {
    CHECK(rooms.content("room") == room);
    CHECK(rooms.content("bath") == bath);
  };
  rooms.options.output.overwrite = true;
  for (const int threads : {2, 3}) {
    rooms.options.run.threads = threads;
    rooms.run();
    again();
  }
  std::swap(rooms.options.items.inputs[0], rooms.options.items.inputs[1]);
  rooms.run();
  again();
  // From a list, by shards, the order of the parts otherwise.
  write_text(rooms.folder / "list", "room\t" + rooms.options.items.inputs[1] + "\n" +
                                        rooms.options.items.inputs[0] + "\n");
  rooms.options.items.inputs.clear();
  rooms.options.items.list = (rooms.folder / "list").string();
  set(rooms.options, "--parts", "semantic,fused,generative");
  fs::remove_all(rooms.folder / "out");
  for (const char* shard : {"1/2", "0/2"}) {
    rooms.options.items.shard = shard;
    CHECK(rooms.run().done == 1);
  }
  again();
}

TEST_CASE("one file or shards, names or folders: the same checkpoint has the same key") {
  TwoRooms rooms;
  rooms.run();
  const Content room = rooms.content("room");
  CHECK(room.trained);
  // Shards of at most 2 kB, beside tensors of a language model.
  const Weights weights;
  std::map<std::string, at::Tensor> all{{"lm_head.weight", at::ones({4, kWidth})}};
  const auto add = [&](const std::string& prefix, const Parameters& values) {
    for (const auto& [name, value] : values) all[prefix + name] = value.contiguous();
  };
  add(kSemanticPrefix, weights.values.semantic);
  add(kGenerativePrefix, weights.values.generative);
  add(kFusionPrefix, weights.values.fusion);
  std::vector<TensorSpec> specs;
  for (const auto& [name, value] : all)
    specs.push_back({name, DType::kF32, Shape(value.sizes().begin(), value.sizes().end())});
  fs::create_directories(rooms.folder / "shards");
  ShardedWriter writer(rooms.folder / "shards", "model", specs, 2048);
  for (const auto& [name, value] : all) writer.write(name, bytes_of(value));
  CHECK(writer.publish().size() > 3);
  const auto rerun = [&](const fs::path& checkpoint) {
    rooms.options.checkpoint = checkpoint.string();
    CHECK(rooms.run().complete == 2);
    rooms.options.output.overwrite = true;
    CHECK(rooms.run().done == 2);
    CHECK(rooms.content("room") == room);
    rooms.options.output.overwrite = false;
  };
  rerun(rooms.folder / "shards");
  rerun(rooms.folder / "ckpt" / "model.safetensors");
  // By default the folder is named after the checkpoint, whatever its path looks like.
  rooms.options.output.tag.clear();
  for (const char* path : {"ckpt", "ckpt/", "ckpt/model.safetensors", "shards/../ckpt/."}) {
    rooms.options.checkpoint = (rooms.folder.path() / path).string();
    Manifest manifest;
    fuse::run_tokens(rooms.options, manifest.context());
    const std::string name = std::string(path) == "ckpt/model.safetensors" ? "model" : "ckpt";
    CHECK(
        manifest.lines[0].second ==
        (rooms.folder / "out" / ("f-token_gated-normed-" + name + "-pixel") / "room.h5").string());
  }
}

TEST_CASE("a rerun skips, refuses with the difference, or computes again") {
  Room room;
  room.write();
  room.write_scene();
  CHECK(room.run().done == 1);
  const auto written = fs::last_write_time(room.output());
  Manifest manifest;
  const RunResult again = fuse::run_tokens(room.options, manifest.context());
  CHECK(again.complete == 1);
  CHECK(manifest.lines.size() == 1);  // the next stage is not starved
  CHECK(fs::last_write_time(room.output()) == written);
  // What changes no number is no difference.
  room.options.run.threads = 3;
  set(room.options, "--batch", "2");
  CHECK(room.run().complete == 1);

  const auto refused = [&](auto change, const std::string& part) {
    const auto kept = room.options;
    change(room.options);
    try {
      room.run();
      FAIL("not refused: " << part);
    } catch (const RefusedError& error) {
      CHECK_THAT(error.what(), Contains(part) && Contains("--overwrite"));
    }
    CHECK(fs::last_write_time(room.output()) == written);
    room.options = kept;
  };
  using Options = fuse::TokensOptions;
  refused([](Options& o) { test::set(o, "--method", "gated"); },
          "method: file has token_gated, asked gated");
  refused([](Options& o) { test::set(o, "--form", "raw"); }, "form: file has normed, asked raw");
  refused([](Options& o) { test::set(o, "--align", "pixel"); },
          "align: file has reference, asked pixel");
  refused([](Options& o) { test::set(o, "--store-dtype", "bf16"); },
          "store_dtype: file has f32, asked bf16");
  refused([](Options& o) { test::set(o, "--dtype", "bf16"); },
          "compute_dtype: file has f32, asked bf16");
  refused([](Options& o) { test::set(o, "--objects", "patch27"); },
          "objects: file has patch14, asked patch27");
  refused([](Options& o) { test::set(o, "--parts", "fused,semantic"); }, "parts");
  refused([](Options& o) { o.no_thumbs = true; }, "thumbs");
  refused([](Options& o) { o.scenes.clear(); }, "positions: file has true, asked false");
  refused([](Options& o) { o.seed = 43; }, "model");
  refused([](Options& o) { o.width = 16; }, "model");
  refused([](Options& o) { o.projector = "linear"; }, "model");
  // Other features.
  Stream other = room.generative;
  other.seed = 9;
  other.values = at::Tensor();
  fs::remove(room.features());
  write_features(room.features(), other);
  refused([](Options&) {}, "input");

  room.options.output.overwrite = true;
  CHECK(room.run().done == 1);
  CHECK(verify(room.output()).empty());
}

TEST_CASE("the number of heads is in the key: the weights do not tell it") {
  Room room;
  room.write();
  Weights weights("cross_attention");
  room.use(weights);
  room.run();
  const at::Tensor eight = part_of(TokensReader(room.output()), TokenPart::kFused);
  weights.fusion.heads = 4;
  room.use(weights);
  CHECK_THROWS_WITH(room.run(), Contains("heads: file has 8, asked 4"));
  room.options.output.overwrite = true;
  room.run();
  CHECK_FALSE(at::equal(part_of(TokensReader(room.output()), TokenPart::kFused), eight));
}

TEST_CASE("what dead writers left is removed, also where nothing is left to do") {
  Room room;
  room.write();
  room.run();
  const fs::path part = room.output().parent_path() / "other.h5.part-vm-999999999";
  write_text(part, "left by a run that was killed");
  CHECK(room.run().complete == 1);
  CHECK_FALSE(fs::exists(part));
}

TEST_CASE("a list with a bad scene: the others are done, and the report says so") {
  TwoRooms rooms;
  fs::remove(rooms.semantics());
  rooms.options.run.report = (rooms.folder / "report.json").string();
  const RunResult result = rooms.run();
  CHECK(result.exit_code == 4);
  CHECK(result.done == 1);
  CHECK(result.failed == 1);
  const auto report = nlohmann::json::parse(read_text(rooms.options.run.report));
  CHECK(report["items"][0]["outcome"] == "failed");
  CHECK(report["items"][1]["outcome"] == "written");
  CHECK(report["items"][1]["covered"].get<double>() == Approx(8.0 / 14));
  CHECK(report["items"][1]["covered_area"].get<double>() == Approx(480.0 / 832).epsilon(1e-12));
  CHECK(report["items"][1]["frames"] == 4);
  rooms.options.run.fail_fast = true;
  fs::remove_all(rooms.folder / "out");
  CHECK(rooms.run().done == 0);
}
