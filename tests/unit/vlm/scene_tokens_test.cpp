// Tokens that `vega-fuse tokens` wrote in place of features: the same answers, and what is refused.
#include "vlm/scene_tokens.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "fuse/tokens.h"
#include "run/context.h"
#include "support/options.h"
#include "support/scene_sample.h"
#include "support/write_scene.h"
#include "tiny_model.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

namespace {

// A scene's features and scene file, a checkpoint, and tokens of them.
struct TokenRoom {
  test::TempFolder folder;
  std::filesystem::path path;
  test::Stream semantic = test::semantic_stream(), generative;
  fuse::TokensOptions options;

  explicit TokenRoom(bool fuses = true) {
    path = test::tiny_checkpoint(folder);
    if (!fuses) drop_fusion();
    semantic.channels = 144;
    semantic.model_fp = open_checkpoint(path).tower->model_fingerprint();
    generative.channels = 256;
    write();
  }

  void write() {
    test::write_features(folder / "s/room.h5", semantic);
    test::write_features(folder / "g/room.h5", generative);
    std::filesystem::create_directories(folder / "scenes");
    std::filesystem::remove(folder / "scenes/room.h5");
    write_scene_file(folder / "scenes/room.h5", test::made_scene(semantic).file);
    options.items.inputs = {(folder / "g/room.h5").string()};
    options.semantic = (folder / "s").string();
    options.scenes = (folder / "scenes").string();
    options.checkpoint = path.string();
    options.output.out = (folder / "t").string();
    options.output.tag = "t";
    options.output.overwrite = true;
    options.run.threads = 1;
    test::set(options, "--store-dtype", "fp32");
  }

  // A checkpoint that was trained without a gate.
  void drop_fusion() const {
    replace_fusion({});
    test::change_config(path, {{"use_feat_fusion", false}});
  }

  // A checkpoint of another method; all its weights are zero.
  void change_method(const std::string& method) const {
    FusionConfig fusion = open_checkpoint(path).modules.fusion;
    set_method(fusion, method);
    replace_fusion(fusion_specs(fusion));
    test::change_config(path, {{"feature_fusion_method", method},
                               {"instruction_relation_token_ids", Json::list()},
                               {"instruction_template_token_ids", Json::list()}});
  }

  void replace_fusion(const std::vector<ParameterSpec>& fusion) const {
    const TensorSet set = read_sharded(path, "model");
    std::vector<TensorSpec> specs;
    for (const auto& [name, view] : set.tensors())
      if (!name.starts_with(kFusionPrefix)) specs.push_back({name, view.dtype, view.shape});
    const std::size_t kept = specs.size();
    for (const ParameterSpec& spec : fusion)
      specs.push_back({kFusionPrefix + spec.name, DType::kF32, spec.shape});
    const auto changed = path / "changed.safetensors";
    SafetensorsWriter writer(changed, specs);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (i < kept) {
        const TensorView& view = set.at(specs[i].name);
        writer.write(specs[i].name, {view.data, view.bytes()});
      } else {
        const std::vector<float> zeros(static_cast<std::size_t>(element_count(specs[i].shape)));
        writer.write(specs[i].name, std::as_bytes(std::span(zeros)));
      }
    }
    writer.publish();
    for (const auto& file : set.files()) std::filesystem::remove(file);
    std::filesystem::remove(path / "model.safetensors.index.json");
    std::filesystem::rename(changed, path / "model.safetensors");
  }

  void fuse(const std::string& parts = "fused") {
    test::set(options, "--parts", parts);
    CHECK(fuse::run_tokens(options, Context{}).failed == 0);
  }

  SceneInput read(const Switches& switches, bool with_tokens, bool with_features = false,
                  bool allow = false) const {
    const VlmCheckpoint checkpoint = open_checkpoint(path);
    const FeatureReader s(folder / "s/room.h5"), g(folder / "g/room.h5");
    const SceneReader scene(folder / "scenes/room.h5");
    SceneFiles files;
    files.scene = &scene;
    files.objects = ObjectKind::kGt;
    files.allow_mismatch = allow;
    std::optional<TokensReader> tokens;
    if (with_tokens) files.tokens = &tokens.emplace(folder / "t/t/room.h5");
    if (!with_tokens || with_features) {
      files.semantic = &s;
      files.generative = &g;
    }
    return read_scene(checkpoint, files, switches);
  }
};

// The scene file's own geometry: float32, zero depth kept.
Switches own_token_geometry() {
  Switches out;
  out.geometry = GeometryType::kF32;
  return out;
}

struct Result {
  std::vector<std::int64_t> ids;
  Grounding found;
  at::Tensor embeddings;
};

Result result_of(const TokenRoom& room, const Switches& switches, bool with_tokens) {
  const Vlm model(open_checkpoint(room.path), {{}, switches});
  VisualScene scene = model.see(room.read(switches, with_tokens));
  const Turn turn = free_turn("What is on the table?");
  qwen2::GenerationConfig config;
  config.max_new_tokens = 12;
  return {model.answer(scene, turn, config).answer.ids, model.ground(scene, "the red chair"),
          model.assemble(scene, model.prompts().evaluation(turn)).embeddings};
}

void check_near(const Result& got, const Result& want, double embeddings, double scores) {
  CHECK((got.embeddings - want.embeddings).abs().max().item<double>() <= embeddings);
  CHECK(got.found.best == want.found.best);
  REQUIRE(got.found.scores.size() == want.found.scores.size());
  for (std::size_t i = 0; i < want.found.scores.size(); ++i)
    CHECK(std::abs(got.found.scores[i] - want.found.scores[i]) <= scores);
}

}  // namespace

TEST_CASE("tokens: what answers from tokens is what answers from features") {
  TokenRoom room;
  Switches fused_objects = own_token_geometry();
  fused_objects.fused_objects = true;
  const Result want = result_of(room, own_token_geometry(), false);
  for (const char* parts : {"fused", "semantic,generative,fused", "semantic,generative"}) {
    INFO(parts);
    room.fuse(parts);
    const Result got = result_of(room, own_token_geometry(), true);
    // vega-fuse projects frame by frame, which is another matrix product.
    check_near(got, want, 2e-5, 1e-5);
    CHECK(got.ids == want.ids);
    const Result objects = result_of(room, fused_objects, true);
    check_near(objects, result_of(room, fused_objects, false), 2e-5, 1e-5);
  }
  CHECK_FALSE(room.read(own_token_geometry(), true).trained);  // made up, as the file says
  const SceneInput in = room.read(own_token_geometry(), true, true);
  CHECK(in.key == "room");
  CHECK(in.object_ids == std::vector<std::int32_t>{0, 7, 14});
  CHECK(in.object_labels[0] == "chair");
  CHECK(in.has_objects());
}

TEST_CASE("tokens: stored in bfloat16 they are rounded once") {
  TokenRoom room;
  const Result want = result_of(room, own_token_geometry(), false);
  test::set(room.options, "--store-dtype", "bf16");
  room.fuse();
  const Result got = result_of(room, own_token_geometry(), true);
  // Half a step of the largest token; the rest is the rounding of float32.
  const double largest = want.embeddings.abs().max().item<double>();
  check_near(got, want, largest * 0x1p-8, 2e-2);
}

TEST_CASE("tokens: the alignment by pixels goes through the file, too") {
  TokenRoom room;
  Switches pixel = own_token_geometry();
  pixel.align = AlignMode::kPixel;
  const Result want = result_of(room, pixel, false);
  room.fuse();
  CHECK_THROWS_WITH(room.read(pixel, true),
                    Contains("alignment of the streams: got reference, expected pixel") &&
                        Contains("--align pixel"));
  test::set(room.options, "--align", "pixel");
  for (const char* parts : {"fused", "semantic,generative"}) {
    INFO(parts);
    room.fuse(parts);
    check_near(result_of(room, pixel, true), want, 2e-5, 1e-5);
  }
}

TEST_CASE("tokens: tokens that follow each other un-fused") {
  TokenRoom room(false);
  const Result want = result_of(room, own_token_geometry(), false);
  CHECK(want.embeddings.size(0) > 2 * 3 * 210);
  test::set(room.options, "--method", "add");  // of which the file keeps nothing
  room.options.initial_values = true;
  room.fuse("semantic,generative");
  const Result got = result_of(room, own_token_geometry(), true);
  check_near(got, want, 2e-5, 1e-5);
  CHECK(got.ids == want.ids);
  room.fuse("semantic,fused");
  CHECK_THROWS_WITH(room.read(own_token_geometry(), true), Contains("parts: got no generative"));
}

TEST_CASE("tokens: of other modules, or without a part, they are refused with both values") {
  TokenRoom room;
  room.fuse("generative");
  CHECK_THROWS_WITH(room.read(own_token_geometry(), true),
                    Contains("parts: got no fused, expected fused tokens") &&
                        Contains("vega-fuse tokens --parts with fused"));
  test::set(room.options, "--form", "raw");
  room.fuse();
  CHECK_THROWS_WITH(room.read(own_token_geometry(), true),
                    Contains("form of the gate: got raw, expected normed") &&
                        Contains("vega-fuse tokens --checkpoint "));
  room.options.form = {};
  room.options.checkpoint = "";
  room.options.width = 256;
  room.fuse();
  CHECK_THROWS_WITH(room.read(own_token_geometry(), true),
                    Contains("fingerprint of projectors and fusion: got ") &&
                        Contains(open_checkpoint(room.path).modules.fingerprint()));
  test::set(room.options, "--method", "add");
  room.fuse();
  CHECK_THROWS_WITH(room.read(own_token_geometry(), true),
                    Contains("method: got add, expected token_gated"));
}

TEST_CASE("tokens: a gate that reads the question has no tokens file") {
  TokenRoom room;
  room.fuse();
  room.change_method("instruction_token_gated");
  CHECK_THROWS_WITH(room.read(own_token_geometry(), true),
                    Contains("method: got token_gated, expected instruction_token_gated") &&
                        Contains("its gate reads the question"));
}

TEST_CASE("tokens: objects of another scene file, geometry or mode are refused") {
  TokenRoom room;
  room.fuse();
  CHECK_THROWS_WITH(room.read(Switches{}, true),
                    Contains("objects: got geometry fp32, zero depth keep, of the scene file, "
                             "expected bf16 and keep") &&
                        Contains("vega-extract scene --geometry bf16 --zero-depth keep"));
  test::set(room.options, "--objects", "patch27");
  room.fuse();
  CHECK_THROWS_WITH(room.read(own_token_geometry(), true), Contains("objects: got patch27"));
  test::set(room.options, "--objects", "none");
  room.fuse();
  const Vlm model(open_checkpoint(room.path), {{}, own_token_geometry()});
  VisualScene scene = model.see(room.read(own_token_geometry(), true));
  CHECK_THROWS_WITH(model.ground(scene, "the chair"),
                    Contains("no objects to choose from (") &&
                        Contains("vega-fuse tokens --scenes DIR --objects patch14"));
}

TEST_CASE("tokens: files that do not belong together are refused") {
  TokenRoom room;
  room.fuse();
  room.generative.seed = 9;
  room.generative.values = at::Tensor();
  room.write();
  CHECK_NOTHROW(room.read(own_token_geometry(), true));
  CHECK_THROWS_WITH(
      room.read(own_token_geometry(), true, true),
      Contains("tokens of the features with cache key") && Contains("leave one of the two out"));
  room.generative.ids = room.semantic.ids = {3, 10, 26};
  room.generative.values = room.semantic.values = at::Tensor();
  room.write();
  CHECK_THROWS_AS(room.read(own_token_geometry(), true),
                  InputError);  // other frames than the scene's
}

TEST_CASE("tokens: of features that training did not see, they say so") {
  TokenRoom room;
  room.generative.block = 15;
  room.generative.values = at::Tensor();
  room.write();
  room.options.allow_mismatch = true;
  room.fuse();
  CHECK_THROWS_WITH(
      room.read(own_token_geometry(), true),
      Contains("fused from others than those of training") && Contains("--allow-mismatch"));
  CHECK_THAT(room.read(own_token_geometry(), true, false, true).mismatch,
             Contains("--allow-mismatch"));
}
