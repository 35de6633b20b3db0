// Training of Qwen2.5-VL with and without a generative branch against tests/golden/
// export_spatial_train.py: ids, labels, losses and gradients of PyTorch.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "../models/qwen2_5_vl/qwen2_5_vl_samples.h"
#include "base/error.h"
#include "core/tensor.h"
#include "support/own_memory.h"
#include "synth/model.h"
#include "synth/weight_law.h"
#include "vlm/picture_checkpoint.h"
#include "vlm/picture_eyes.h"
#include "vlm/picture_prompt.h"
#include "vlm/train_model.h"

using namespace vega;
using namespace vega::vlm;
namespace fs = std::filesystem;

namespace {

constexpr qwen2_5_vl::PixelBounds kPictureBounds{3136, 30000};

const Json& picture_gold() {
  static const Json all =
      read_json(test::golden("spatial_train.json"), "the notes of the exporter");
  return all;
}

fs::path made_preset(const fs::path& folder, const char* preset) {
  synth::ModelOptions options;
  options.folder = folder;
  options.preset = preset;
  options.progress = ProgressMode::kOff;
  return synth::write_model(options).front();
}

struct PictureBench {
  test::TempFolder folder;
  test::OwnMemory memory{folder / "memory"};
  fs::path wan = made_preset(folder / "wan", "wan-tiny");
  fs::path spatial = made_preset(folder / "spatial", "spatial-tiny");
  fs::path plain = made_preset(folder / "plain", "qwen2.5-vl-tiny");
  PictureBench() {
    Json config = read_json(spatial / "config.json", "config");
    config.set("generative_vision_tower_size", "96*64");
    test::write_text(spatial / "config.json", config.dump());
  }
};

PictureBench& picture_bench() {
  static PictureBench one;
  return one;
}

std::vector<std::int64_t> whole_numbers(const Json& list) {
  std::vector<std::int64_t> out;
  for (const Json& one : list.elements()) out.push_back(one.whole().value());
  return out;
}

// The three pictures of the golden.
SceneInput golden_pictures(bool branch) {
  SceneInput out;
  out.key = "room";
  out.frame_ids = whole_numbers(picture_gold()["ids_of_frames"]);
  std::vector<at::Tensor> patches, wan;
  for (const Json& name : picture_gold()["frames"].elements()) {
    const ImageU8 frame = test::qwen_vl_picture(name.text_or(""), 96, 40);
    const UnitImage unit =
        qwen2_5_vl::prepare_frame(frame, qwen2_5_vl::Preparation::kSpatial, kPictureBounds);
    out.grid = {unit.height / qwen2_5_vl::kCell, unit.width / qwen2_5_vl::kCell};
    patches.push_back(qwen2_5_vl::patches_of(unit, {}));
    const SignedImage pixels = branch_pixels(frame, qwen2_5_vl::Preparation::kSpatial, {96, 64});
    wan.push_back(float_tensor(pixels.chw, {3, 64, 96}));
  }
  out.patches = at::stack(patches);
  if (branch) out.wan_pixels = at::stack(wan);
  return out;
}

std::vector<TrainSample> picture_samples(const VlmCheckpoint& c) {
  std::vector<TrainSample> out;
  for (const Json& one : picture_gold()["conversations"].elements()) {
    Json record = Json::object();
    Json turns = Json::list();
    for (const Json& turn : one["turns"].elements())
      turns.push({{"from", turn[std::size_t{0}]}, {"value", turn[std::size_t{1}]}});
    record.set("conversations", turns);
    record.set("images", Json::list({Json("a.jpg"), Json("b.jpg"), Json("c.jpg")}));
    const auto sample = tasks::picture_sample_of(record, tasks::Task::kSpar);
    TrainSample made;
    made.id = std::to_string(out.size());
    made.task = tasks::Task::kSpar;
    made.prompt = picture_prompt(c.words(), tasks::shown_turns(sample, 3));
    std::int64_t targets = 0;
    for (const std::int64_t label : made.prompt.labels) targets += label >= 0 ? 1 : 0;
    made.weight = 0.5 / static_cast<double>(targets);  // half of the sample's mean
    out.push_back(std::move(made));
  }
  return out;
}

TrainModelOptions picture_options(std::vector<Part> parts) {
  TrainModelOptions out;
  out.parts = std::move(parts);
  out.branch.model = picture_bench().wan.string();
  return out;
}

const std::vector<Part> kPictureParts{Part::kFusion, Part::kGenerativeProjector, Part::kDecoder};

}  // namespace

TEST_CASE("train: conversations about pictures are those of the released loader") {
  const VlmCheckpoint c = open_picture_checkpoint(picture_bench().spatial);
  const auto made = picture_samples(c);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const Json& want = picture_gold()["conversations"][i];
    CHECK(made[i].prompt.ids == whole_numbers(want["ids"]));
    CHECK(made[i].prompt.labels == whole_numbers(want["labels"]));
  }
  const auto answer =
      picture_prompt(c.words(), std::vector<tasks::PictureTurn>{{false, "a<image>b"}, {true, "c"}},
                     text::Control::kText, Masking::kAnswer);
  std::size_t supervised = 0;
  for (const std::int64_t label : answer.labels) supervised += label >= 0 ? 1 : 0;
  // "ssistant" and the newline behind the role's first letter stand for tokens of a byte each.
  CHECK(supervised == std::string("sistant\nc").size() + 1);
}

TEST_CASE("train: losses and gradients of Qwen2.5-VL are those of PyTorch") {
  TrainModel model(open_picture_checkpoint(picture_bench().spatial),
                   picture_options(kPictureParts));
  const SceneInput scene = golden_pictures(true);
  CHECK(scene.grid[0] == picture_gold()["grid"][std::size_t{0}].whole());
  CHECK(scene.grid[1] == picture_gold()["grid"][std::size_t{1}].whole());
  const auto asked = picture_samples(model.checkpoint());
  // Five times what PyTorch's own float32 is away from float64.
  const double loss_bar = 5 * picture_gold()["float32"]["loss"].number().value() + 1e-6;
  const double gradient_bar = 5 * picture_gold()["float32"]["gradient"].number().value();
  const PassResult got = model.add_gradients(scene, asked);
  REQUIRE(got.samples.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const double want = picture_gold()["conversations"][i]["loss"].number().value();
    CHECK(std::abs(got.samples[i].loss - want) < loss_bar);
    // A model that does not see what Wan sees is far off.
    CHECK(std::abs(picture_gold()["without"][i].number().value() - want) > 100 * loss_bar);
  }
  CHECK(got.gate.has_value());
  std::size_t compared = 0;
  for (const Trained& one : model.trained()) {
    const Json& want = picture_gold()["gradients"][one.name];
    INFO(one.name);
    REQUIRE(want.is_list());
    REQUIRE(one.tensor.grad().defined());
    const double norm = want[std::size_t{0}].number().value();
    const auto shape = one.tensor.sizes().vec();
    std::vector<float> along(static_cast<std::size_t>(one.tensor.numel()));
    synth::fill_weights(42, "spatial.direction." + one.name, shape, 0, along);
    const at::Tensor direction = float_tensor(along, shape);
    const at::Tensor gradient = one.tensor.grad();
    CHECK(std::abs(gradient.norm().item<double>() - norm) <= gradient_bar * norm + 1e-9);
    const double dot = (gradient.to(at::kDouble) * direction).sum().item<double>();
    CHECK(std::abs(dot - want[std::size_t{1}].number().value()) <=
          gradient_bar * norm * direction.norm().item<double>() + 1e-9);
    ++compared;
  }
  CHECK(compared == picture_gold()["gradients"].size());

  SECTION("each conversation in a pass of its own") {
    std::map<std::string, at::Tensor> before;
    for (const Trained& one : model.trained()) before.emplace(one.name, one.tensor.grad().clone());
    TrainModelOptions alone = picture_options(kPictureParts);
    alone.pass_tokens = 1;
    TrainModel other(open_picture_checkpoint(picture_bench().spatial), alone);
    other.add_gradients(scene, asked);
    for (const Trained& one : other.trained()) {
      const at::Tensor& was = before.at(one.name);
      INFO(one.name);
      CHECK((one.tensor.grad() - was).norm().item<double>() <=
            gradient_bar * was.norm().item<double>() + 1e-9);
    }
  }
  SECTION("what was seen before changes no bit") {
    TrainModelOptions keeps = picture_options(kPictureParts);
    keeps.seen_bytes = 1e9;
    TrainModel other(open_picture_checkpoint(picture_bench().spatial), keeps);
    const PassResult first = other.losses(scene, asked), again = other.losses(scene, asked);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(first.samples[i].loss == again.samples[i].loss);
      CHECK(first.samples[i].loss == got.samples[i].loss);
    }
  }
}

TEST_CASE("train: what tower and Wan made of pictures, stored, gives the losses of the pictures") {
  const VlmCheckpoint c = open_picture_checkpoint(picture_bench().spatial);
  TrainModelOptions options = picture_options(kPictureParts);
  TrainModel live(c, options);
  const SceneInput scene = golden_pictures(true);
  const PictureEyes eyes(c, options);
  const PictureEyes::Seen seen = eyes.compute(scene);
  const auto asked = picture_samples(c);
  const PassResult want = live.add_gradients(scene, asked);

  SceneInput stored = scene;
  stored.semantic = seen.tokens.to(at::kFloat).clone();
  stored.generative = seen.features.clone();
  stored.patches.reset();
  stored.wan_pixels.reset();
  options.stored_semantic = options.stored_generative = true;
  options.branch.model = "nowhere";  // Wan is not read
  TrainModel without(c, options);
  const PassResult got = without.add_gradients(stored, asked);
  for (std::size_t i = 0; i < asked.size(); ++i) CHECK(got.samples[i].loss == want.samples[i].loss);
  for (std::size_t i = 0; i < live.trained().size(); ++i) {
    INFO(live.trained()[i].name);
    CHECK(at::equal(live.trained()[i].tensor.grad(), without.trained()[i].tensor.grad()));
  }
  // A scene without them needs what was not read.
  stored.generative.reset();
  stored.wan_pixels = scene.wan_pixels;
  CHECK_THROWS_AS(without.losses(stored, asked), InputError);

  // Noise has a name of its own, where the scene says so.
  SceneInput named = scene;
  named.noise_key = "another";
  CHECK_FALSE(at::equal(eyes.compute(named).features, seen.features));
  named.key = "elsewhere";
  named.noise_key = scene.key;
  CHECK(at::equal(eyes.compute(named).features, seen.features));
}

TEST_CASE("train: without its pictures a conversation is read as if they were not there") {
  TrainModel model(open_picture_checkpoint(picture_bench().spatial),
                   picture_options(kPictureParts));
  auto asked = picture_samples(model.checkpoint());
  PassOptions blind;
  blind.see_visual = false;
  const SceneInput scene = golden_pictures(true);
  const PassResult got = model.add_gradients(scene, asked, blind);
  CHECK_FALSE(got.gate.has_value());
  for (const Trained& one : model.trained())
    if (one.tensor.grad().defined()) CHECK(one.name.find("generative") == std::string::npos);
  // Other pictures change nothing, and what is left is a conversation of text alone.
  SceneInput other = scene;
  other.key = "other";
  other.patches = scene.patches.flip(0);
  const PassResult again = model.losses(other, asked, false);
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    CHECK(again.samples[i].loss == got.samples[i].loss);
    CHECK(got.samples[i].targets > 0);
    tokens += model.token_count(asked[i], 0);
  }
  CHECK(got.tokens <= tokens);
  CHECK(got.tokens > 0);
  const PassResult seen = model.losses(scene, asked);
  CHECK(seen.tokens > got.tokens);
  CHECK(seen.samples[0].loss != got.samples[0].loss);
}

TEST_CASE("train: a plain Qwen2.5-VL trains alone, or gets a branch with initial values") {
  const SceneInput seen = golden_pictures(false);
  TrainModel plain(open_picture_checkpoint(picture_bench().plain),
                   picture_options({Part::kDecoder}));
  const auto asked = picture_samples(plain.checkpoint());
  const PassResult got = plain.add_gradients(seen, asked);
  CHECK_FALSE(got.gate.has_value());
  const double bar = 5 * picture_gold()["float32"]["loss"].number().value() + 1e-6;
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(std::abs(got.samples[i].loss - picture_gold()["without"][i].number().value()) < bar);

  TrainModelOptions with = picture_options(kPictureParts);
  with.new_parts.generative_width = 256;
  with.new_parts.merger_hidden = 96;
  with.new_parts.fusion = "token_gated_residual";
  with.new_parts.generative = {29, 300, 5, 96, 64, "spatial"};
  VlmCheckpoint base = open_picture_checkpoint(picture_bench().plain);
  base.pictures->settings.size = {96, 64};
  TrainModel grown(base, with);
  const PassResult fused = grown.add_gradients(golden_pictures(true), asked);
  CHECK(fused.gate.has_value());
  for (const Trained& one : grown.trained()) {
    INFO(one.name);
    CHECK(one.tensor.grad().defined());
  }
  const Json config = grown.config();
  CHECK(config["use_generative_encoder"].flag() == true);
  CHECK(config["generative_vision_tower_size"].text_or("") == "96*64");
  CHECK(config["generative_vision_tower_feat_block_idx"].whole() == 29);
  CHECK(config["generative_fusion_method"].text_or("") == "token_gated_residual");

  with.new_parts.form = "raw";
  CHECK_THROWS_AS(TrainModel(base, with), InputError);
  with.new_parts.form.clear();
  with.new_parts.fusion = "instruction_token_gated";
  CHECK_THROWS_AS(TrainModel(base, with), InputError);
  CHECK_THROWS_AS(TrainModel(base, picture_options({Part::kTower})), InputError);
  CHECK_THROWS_AS(TrainModel(base, picture_options({Part::kProjector})), InputError);
}
