// A vision tower that trains: scenes are pixels.
#include "base/error.h"
#include "models/siglip/backbone.h"
#include "models/siglip/tower.h"
#include "tiny_model.h"
#include "train_cases.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

namespace {

// Numbers that stand for 8-bit pictures.
SceneInput pictured_scene(std::int64_t frames) {
  SceneInput out = test::tiny_scene(frames);
  out.pixels = at::round(at::rand({frames, 3, 384, 384}) * 255) / 127.5 - 1;
  out.semantic = at::Tensor();
  return out;
}

TrainSample chair(const PromptMaker& prompts) {
  TrainSample out;
  out.id = "chair";
  out.task = Task::kScanRefer;
  out.prompt = prompts.training(task_turn(Task::kScanRefer, {.description = "the chair"}));
  out.positives = {1};
  return out;
}

}  // namespace

TEST_CASE("train: a tower sees what extraction sees, and its gradients are differences of losses") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder, "vlm-tiny-3d");
  TrainModelOptions options;
  options.parts = {Part::kTower};
  options.switches.geometry = GeometryType::kF32;
  TrainModel model(open_checkpoint(path), options);
  const SceneInput scene = pictured_scene(1);
  const TrainSample sample = chair(model.prompts());
  const double loss = model.losses(scene, {&sample, 1}).samples[0].loss;

  // The same picture through the tower that extracts.
  const siglip::Checkpoint& tower = *model.checkpoint().tower;
  const siglip::Tower extracts(tower.weights, tower.config, {at::kCPU, at::kFloat});
  SceneInput extracted = scene;
  extracted.pixels = at::Tensor();
  extracted.semantic = extracts.forward(siglip::tower_pixels(scene.pixels));
  options.parts = {Part::kGroundHead};
  TrainModel cached(open_checkpoint(path), options);
  CHECK(std::abs(cached.losses(extracted, {&sample, 1}).samples[0].loss - loss) < 1e-4);
  CHECK_THROWS_WITH(model.losses(extracted, {&sample, 1}), Contains("no pixels"));
  CHECK_THROWS_WITH(cached.losses(scene, {&sample, 1}), Contains("no semantic features"));

  options.parts = {Part::kTower};
  options.placement.dtype = at::kDouble;
  TrainModel exact(open_checkpoint(path), options);
  for (const Trained& t : exact.trained()) CHECK(t.name.starts_with(tower.prefix));
  test::check_gradients(exact, scene, {sample}, false,
                        {"patch_embedding.weight", "position_embedding.weight",
                         "layers.0.self_attn.q_proj.weight", "layers.1.mlp.fc2.bias"});

  // Its steps are seen by a snapshot.
  const VlmCheckpoint now = exact.snapshot();
  REQUIRE(now.tower);
  CHECK(now.tower->fingerprint() == tower.fingerprint());
  exact.restore(exact.trained()[0].name, exact.trained()[0].tensor.detach() + 0.1);
  CHECK(exact.snapshot().tower->fingerprint() != tower.fingerprint());
}
