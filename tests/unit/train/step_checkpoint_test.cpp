// Steps of a training as checkpoints: what open_checkpoint reads is what was trained.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "step_samples.h"
#include "store/checkpoint_file.h"
#include "vlm/saved_step.h"

using namespace vega;
using namespace vega::test;
using namespace vega::vlm;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

TEST_CASE("step: projectors and fusion that were trained, over the base") {
  const test::TempFolder folder;
  const fs::path base = made_base(folder.path());
  TrainModelOptions options;
  options.parts = {Part::kFusion, Part::kGenerativeProjector};
  const TrainModel model = drawn_model(base, options);
  const StepFolder step = save_model(model, folder / "run");
  CHECK(CheckpointFile(step.path / "model-0-of-1.h5").entries().size() == model.trained().size());
  for (const fs::path& path : {step.path, folder / "run"}) {
    const VlmCheckpoint c = open_checkpoint(path);
    check_equal(c.set, model.snapshot().set);
    CHECK_FALSE(c.modules.initial_values);
    CHECK(c.base == base);
    CHECK(c.words().id_of("<ground>") == 260);
    CHECK(c.fingerprint() == open_checkpoint(step.path).fingerprint());
    CHECK(c.fingerprint() != open_checkpoint(base).fingerprint());
  }
  CHECK(open_checkpoint(base).modules.initial_values);
  const FusionCheckpoint modules = open_modules(step.path, {});
  CHECK_FALSE(modules.initial_values);
  CHECK(modules.fingerprint() == open_checkpoint(step.path).modules.fingerprint());
  CHECK(modules.fingerprint() != open_modules(base, {}).fingerprint());
}

TEST_CASE("step: a model without fusion was trained where its projector was") {
  const test::TempFolder folder;
  const fs::path base = made_base(folder.path(), "vlm-tiny-3d");
  REQUIRE(open_checkpoint(base).modules.initial_values);
  TrainModelOptions options;
  options.parts = {Part::kProjector};
  const StepFolder projector = save_model(drawn_model(base, options), folder / "projector");
  CHECK_FALSE(open_checkpoint(projector.path).modules.initial_values);
  options.parts = {Part::kGroundHead};
  const StepFolder head = save_model(drawn_model(base, options), folder / "head");
  CHECK(open_checkpoint(head.path).modules.initial_values);
}

TEST_CASE("step: LoRA, new rows and the grounding head, over the base") {
  const test::TempFolder folder;
  const fs::path base = made_base(folder.path());
  TrainModelOptions options;
  options.parts = {Part::kLora, Part::kNewTokens, Part::kGroundHead};
  options.lora = LoraConfig{.rank = 4, .alpha = 16, .rank_stabilised = true};
  const TrainModel model = drawn_model(base, options);
  const StepFolder step = save_model(model, folder / "run");
  check_equal(open_checkpoint(step.path).set, model.snapshot().set);
  CHECK(open_checkpoint(step.path).modules.initial_values);  // the gate is as it was
  const VlmCheckpoint narrow = open_checkpoint(step.path, {.merged = DType::kBF16});
  const std::string name = "model.layers.1.mlp.down_proj.weight";
  CHECK(at::equal(tensor_from(narrow.set.at(name)),
                  float_tensor_from(model.snapshot().set.at(name)).to(at::kBFloat16)));
  CHECK(narrow.fingerprint() != open_checkpoint(step.path).fingerprint());
  // Projectors and fusion need no pair of the decoder.
  const auto modules = open_modules(step.path, {});
  CHECK(at::equal(tensor_from(modules.set.at(name)),
                  tensor_from(open_checkpoint(base).set.at(name))));
}

TEST_CASE("step: parts that the base lacks come from the step") {
  const test::TempFolder folder;
  const fs::path base = made_base(folder.path(), "vlm-tiny-video");
  TrainModelOptions options;
  options.parts = {Part::kFusion, Part::kGenerativeProjector, Part::kNewTokens};
  options.new_parts.generative_width = 96;
  options.new_parts.fusion = "token_gated";
  options.new_parts.position = "avg-discrete-sin3d";
  options.new_parts.ground = GroundType::kScore;
  const TrainModel model = drawn_model(base, options);
  const StepFolder step = save_model(model, folder / "run");
  const VlmCheckpoint c = open_checkpoint(step.path);
  check_equal(c.set, model.snapshot().set);
  CHECK(c.family == Family::kVega);
  CHECK(c.config.control.ground == model.checkpoint().config.control.ground);
  CHECK(c.words().id_of("<coord>") == c.config.control.coord.front());
}

TEST_CASE("step: another fusion method replaces the base's") {
  const test::TempFolder folder;
  const fs::path base = made_base(folder.path());
  TrainModelOptions options;
  options.parts = {Part::kFusion};
  options.new_parts.fusion = "concat";
  const TrainModel model = drawn_model(base, options);
  const StepFolder step = save_model(model, folder / "run");
  check_equal(open_checkpoint(step.path).set, model.snapshot().set);
}

TEST_CASE("step: a training may begin at a step of another one") {
  const test::TempFolder folder;
  const fs::path base = made_base(folder.path());
  TrainModelOptions options;
  options.parts = {Part::kFusion, Part::kGenerativeProjector};
  const StepFolder first = save_model(drawn_model(base, options), folder / "first");
  options.parts = {Part::kLora};
  options.lora = LoraConfig{.rank = 4};
  const TrainModel model = drawn_model(first.path, options);
  const StepFolder second = save_model(model, folder / "second");
  const VlmCheckpoint c = open_checkpoint(folder / "second");
  check_equal(c.set, model.snapshot().set);
  CHECK(c.base == base);
  CHECK_FALSE(c.modules.initial_values);
  // A third one, over merged weights: the type that they were merged in is kept.
  options.parts = {Part::kNewline};
  options.lora.reset();
  const TrainModel third = drawn_model(second.path, options);
  save_model(third, folder / "third");
  check_equal(open_checkpoint(folder / "third", {.merged = DType::kBF16}).set,
              third.snapshot().set);
}

TEST_CASE("step: another base than the one that was trained on is refused") {
  const test::TempFolder folder;
  const fs::path base = made_base(folder.path());
  TrainModelOptions options;
  options.parts = {Part::kNewline};
  const StepFolder step = save_model(drawn_model(base, options), folder / "run");
  synth::ModelOptions other;
  other.folder = folder / "other";
  other.preset = "vlm-tiny";
  other.seed = 43;
  other.progress = ProgressMode::kOff;
  const fs::path wrong = synth::write_model(other).front();
  const std::string expected = open_checkpoint(base).fingerprint();
  CHECK_THROWS_WITH(open_checkpoint(step.path, {.base = wrong}),
                    Contains(expected) && Contains(open_checkpoint(wrong).fingerprint()) &&
                        Contains(wrong.string()) && Contains("--base"));
  fs::rename(base, folder / "moved");
  CHECK_THROWS_WITH(open_checkpoint(step.path), Contains("--base"));
  CHECK(open_checkpoint(step.path, {.base = folder / "moved"}).base == folder / "moved");
  fs::remove(step.path / "DONE");
  CHECK_THROWS_WITH(open_checkpoint(step.path, {.base = folder / "moved"}), Contains("DONE"));
  CHECK_THROWS_WITH(open_checkpoint(folder / "run", {.base = folder / "moved"}),
                    Contains("no complete checkpoint"));
}
