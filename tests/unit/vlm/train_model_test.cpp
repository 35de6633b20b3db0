// One model in training: what trains and what does not, questions read together, weights of
// targets, new parts, and what it is as a checkpoint.
#include "vlm/train_model.h"

#include <c10/core/GradMode.h>

#include <set>

#include "base/error.h"
#include "tiny_model.h"
#include "train_cases.h"
#include "vlm/checkpoint_config.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;
using test::TrainCase;

namespace {

std::vector<at::Tensor> gradients(const TrainModel& model) {
  std::vector<at::Tensor> out;
  for (const Trained& t : model.trained()) {
    out.push_back(t.tensor.grad().clone());
    t.tensor.mutable_grad().reset();
  }
  return out;
}

void check_same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, double share) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK((a[i] - b[i]).norm().item<double>() <= share * b[i].norm().item<double>());
}

// A step of plain gradient descent.
void descend(TrainModel& model, double rate) {
  const c10::NoGradGuard no_grad;
  for (const Trained& t : model.trained()) {
    t.tensor.sub_(t.tensor.grad(), rate);
    t.tensor.mutable_grad().reset();
  }
}

TrainSample grounding(const PromptMaker& prompts, const std::string& description,
                      std::vector<std::int64_t> positives) {
  TrainSample out;
  out.id = description;
  out.task = Task::kScanRefer;
  out.prompt = prompts.training(task_turn(Task::kScanRefer, {.description = description}));
  out.positives = std::move(positives);
  return out;
}

TrainSample answering(const PromptMaker& prompts, const std::string& question,
                      const std::string& answer, Masking masking = Masking::kReleased) {
  TrainSample out;
  out.id = question;
  out.task = Task::kScanQa;
  Turn turn = task_turn(Task::kScanQa, {.question = question, .answer = answer});
  out.prompt = prompts.training(turn, masking);
  return out;
}

// Everything of a checkpoint in memory as a folder that open_checkpoint reads.
std::filesystem::path written(const test::TempFolder& folder, const TrainModel& model) {
  const VlmCheckpoint now = model.snapshot();
  const auto out = folder / "written";
  std::filesystem::create_directories(out);
  std::map<std::string, TensorView> views(now.set.tensors().begin(), now.set.tensors().end());
  write_safetensors(out / "model.safetensors", views);
  test::write_text(out / "config.json", model.config().dump(2));
  for (const char* name : {"tokenizer.json", "generation_config.json"})
    std::filesystem::copy_file(now.path / name, out / name);
  return out;
}

}  // namespace

TEST_CASE("train: frozen tensors stay as they are, and have no gradient") {
  TrainCase c("token_gated.train");
  c.options.placement.dtype = at::kFloat;
  const VlmCheckpoint base = c.open();
  TrainModel model = c.model({Part::kGenerativeProjector, Part::kFusion});
  std::set<std::string> trained;
  for (const Trained& t : model.trained()) {
    trained.insert(t.name);
    CHECK(t.tensor.scalar_type() == at::kFloat);
    CHECK(t.tensor.is_leaf());
    CHECK((t.name.starts_with(kFusionPrefix) || t.name.starts_with(kGenerativePrefix)));
  }
  CHECK(trained.size() == 6 + 4);
  CHECK(model.trained().front().part == Part::kFusion);  // in the order of kParts
  CHECK(model.added().empty());
  const TrainSample sample = c.sample();
  model.add_gradients(c.scene(), {&sample, 1});
  descend(model, 0.1);
  const VlmCheckpoint now = model.snapshot();
  REQUIRE(now.set.names() == base.set.names());
  for (const auto& [name, view] : base.set.tensors()) {
    INFO(name);
    const bool same = at::equal(float_tensor_from(view), float_tensor_from(now.set.at(name)));
    CHECK(same != trained.contains(name));
  }
}

TEST_CASE("train: questions read together have the losses and gradients of each alone") {
  for (const char* name : {"token_gated.find", "objects.patch27", "instruction.find"}) {
    INFO(name);
    TrainCase c(name);
    c.options.lora = LoraConfig{2, 4, 0.0, false};
    TrainModel model = c.model({Part::kFusion, Part::kProjector, Part::kGroundHead, Part::kLora});
    std::vector<TrainSample> samples = {c.sample()};
    for (const std::int64_t shift : {3, 7, 11, 19})
      samples.push_back(test::asked_otherwise(samples.front(), shift));
    samples[1].task = samples[3].task = Task::kScanQa;
    samples[2].positives = {};
    samples[3].weight = 0.5;
    const SceneInput scene = c.scene();
    std::vector<at::Tensor> sum;
    std::vector<double> losses;
    std::int64_t tokens = 0;
    for (const TrainSample& sample : samples) {
      const PassResult alone = model.add_gradients(scene, {&sample, 1});
      losses.push_back(alone.samples.at(0).loss);
      tokens += alone.tokens;
    }
    sum = gradients(model);
    const bool shares = c.golden.name() != "instruction.find";
    for (const std::int64_t most : {std::int64_t{16384}, std::int64_t{460}}) {
      c.options.pass_tokens = most;
      TrainModel together = c.model(c.options.parts);
      const PassResult got = together.add_gradients(scene, samples);
      for (std::size_t i = 0; i < samples.size(); ++i)
        CHECK(std::abs(got.samples[i].loss - losses[i]) < 1e-10);
      check_same(gradients(together), sum, 1e-9);
      if (shares && most > 460) CHECK(got.tokens < tokens / 3);
      if (!shares) CHECK(got.tokens == tokens);
    }
  }
}

TEST_CASE("train: rotary positions, cut ends and coordinates are right behind a shared beginning") {
  for (const char* name :
       {"position.mrope", "cut", "apart.gen", "position.avg-discrete-sin3d.coord"}) {
    INFO(name);
    TrainCase c(name);
    TrainSample first;
    first.id = name;
    first.task = Task::kScan2Cap;
    first.prompt = {c.golden.ids("ids"), c.golden.ids("ids")};
    std::ranges::replace(first.prompt.labels, kImageId, kIgnoreLabel);
    first.coords = c.golden.coords();
    std::vector<TrainSample> samples = {first, test::asked_otherwise(first, 5),
                                        test::asked_otherwise(first, 23)};
    for (std::size_t i = 0; i < samples.size(); ++i)
      for (auto& place : samples[i].coords) place[0] += static_cast<float>(i);
    const std::vector<Part> parts = {Part::kProjector, Part::kNewline, Part::kDecoder};
    TrainModel alone = c.model(parts), together = c.model(parts);
    const SceneInput scene = c.scene();
    std::vector<double> losses;
    std::int64_t tokens = 0;
    for (const TrainSample& sample : samples) {
      const PassResult one = alone.add_gradients(scene, {&sample, 1});
      losses.push_back(one.samples.at(0).loss);
      tokens += one.tokens;
    }
    const PassResult got = together.add_gradients(scene, samples);
    for (std::size_t i = 0; i < samples.size(); ++i)
      CHECK(std::abs(got.samples[i].loss - losses[i]) < 1e-10);
    // The limit of `cut` lies within the visual block: nothing can be shared.
    CHECK((got.tokens < tokens / 2) == (c.golden.name() != "cut"));
    check_same(gradients(together), gradients(alone), 1e-9);
  }
}

// R064.
TEST_CASE("train: a sample counts by its weight and its targets") {
  TrainCase c("token_gated.train");
  TrainModel model = c.model({Part::kFusion});
  TrainSample sample = c.sample();
  const SceneInput scene = c.scene();
  model.add_gradients(scene, {&sample, 1});
  std::vector<at::Tensor> once = gradients(model);
  sample.weight = 3;
  model.add_gradients(scene, {&sample, 1});
  for (at::Tensor& t : once) t = 3 * t;
  check_same(gradients(model), once, 1e-12);
  // Gradients of several calls add up: accumulation is what one call of all gives.
  sample.weight = 1;
  for (int i = 0; i < 3; ++i) model.add_gradients(scene, {&sample, 1});
  check_same(gradients(model), once, 1e-12);
  const PassResult result = model.losses(scene, {&sample, 1});
  CHECK(result.samples[0].targets == model.target_count(sample, model.visual_tokens(2)));
  REQUIRE(result.gate);
  CHECK(*result.gate > 0);
  CHECK(*result.gate < 1);
}

// R065.
TEST_CASE("train: a sample whose targets the limit cuts off adds nothing") {
  TrainCase c("token_gated.find");
  test::change_config(c.path, {{"tokenizer_model_max_length", 300}});
  TrainModel model = c.model({Part::kGroundHead});
  const TrainSample sample = c.sample();
  CHECK(model.target_count(sample, model.visual_tokens(2)) == 0);
  CHECK(model.token_count(sample, model.visual_tokens(2)) == 455);
  CHECK(model.target_count(sample, 0) == 1);
  const PassResult result = model.add_gradients(c.scene(), {&sample, 1});
  CHECK(result.samples[0].targets == 0);
  CHECK(result.samples[0].loss == 0);
  CHECK(result.tokens == 300);
  for (const Trained& t : model.trained()) CHECK_FALSE(t.tensor.grad().defined());
}

TEST_CASE("train: without visual tokens the decoder reads the text, and objects are there") {
  TrainCase c("token_gated.find");
  TrainModel model = c.model({Part::kProjector, Part::kGroundHead});
  const TrainSample sample = c.sample();
  PassOptions blind;
  blind.see_visual = false;
  const PassResult result = model.add_gradients(c.scene(), {&sample, 1}, blind);
  CHECK(result.tokens == 455 - 420);
  CHECK(result.samples[0].targets == 1);
  CHECK_FALSE(result.gate);  // the fusion makes nothing that is read
  for (const Trained& t : model.trained()) CHECK(t.tensor.grad().defined());
}

TEST_CASE("train: parts that a checkpoint does not have are refused, as are pairs of parts") {
  TrainCase c("baseline.train");
  CHECK_THROWS_WITH(c.model({Part::kFusion}), Contains("part fusion") && Contains("two streams"));
  CHECK_THROWS_WITH(c.model({Part::kPosition}), Contains("part position"));
  CHECK_THROWS_WITH(c.model({Part::kTower}), Contains("vision tower"));
  CHECK_THROWS_WITH(c.model({}), Contains("nothing that trains"));
  CHECK_THROWS_WITH(c.model({Part::kLora}), Contains("rank and alpha"));
  c.options.lora = LoraConfig{};
  CHECK_THROWS_WITH(c.model({Part::kLora, Part::kDecoder}), Contains("decoder beside lora"));
  TrainModel model = c.model({Part::kGroundHead});
  TrainSample sample = c.sample();
  sample.task = Task::kScanRefer;
  CHECK_THROWS_WITH(model.losses(c.scene(), {&sample, 1}), Contains("no <ground> in its answer"));
  sample.task = Task::kScanQa;
  SceneInput scene = c.scene();
  scene.semantic = at::Tensor();
  CHECK_THROWS_WITH(model.losses(scene, {&sample, 1}), Contains("no semantic features"));
  CHECK_THROWS_AS(model.restore("model.norm.weight", at::zeros({64})), FormatError);
  CHECK_THROWS_AS(model.restore("ground_head_zero_target", at::zeros({3})), FormatError);
}

// R069.
TEST_CASE("train: adapters are seven pairs a layer of the decoder, and none of the tower") {
  const test::TempFolder folder;
  TrainModelOptions options;
  options.lora = LoraConfig{4, 8, 0.05, false};
  options.parts = {Part::kLora};
  const TrainModel model(open_checkpoint(test::tiny_checkpoint(folder)), options);
  REQUIRE(model.checkpoint().tower);
  CHECK(model.trained().size() == 2 * 7 * 2);
  for (const Trained& t : model.trained()) CHECK(t.name.starts_with("model.layers."));
}

TEST_CASE("train: new parts start as S 4.3 says, and are a checkpoint that reads back") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder, "vlm-tiny-video");
  TrainModelOptions options;
  options.switches.geometry = GeometryType::kF32;
  options.new_parts.generative_width = 256;
  options.new_parts.generative.block = 20;
  options.new_parts.generative.timestep = 300;
  options.new_parts.fusion = "token_gated";
  options.new_parts.form = "raw";
  options.new_parts.position = "avg-discrete-sin3d";
  options.new_parts.ground = GroundType::kInfoNce;
  options.parts = {Part::kFusion, Part::kGroundHead};
  TrainModel model(open_checkpoint(path), options);
  CHECK(model.checkpoint().family == Family::kVega);
  CHECK(model.checkpoint().needs().generative);

  std::set<std::string> added;
  for (const Trained& t : model.added()) added.insert(t.name);
  CHECK(added.contains("model.generative_projector.0.weight"));
  CHECK(added.contains(kNewRows));
  CHECK(added.size() == 4 + 1);
  const Parameters start =
      initial_values(fusion_specs(model.checkpoint().modules.fusion), kFusionPrefix, options.seed);
  for (std::size_t i = 0; i < start.size(); ++i) {
    CHECK(model.trained()[i].name == kFusionPrefix + start[i].first);
    CHECK(at::equal(model.trained()[i].tensor, start[i].second));
  }
  const at::Tensor rows = float_tensor_from(model.checkpoint().set.at(embedding_name()));
  const std::int64_t ground = model.checkpoint().config.control.ground.at(0);
  CHECK(ground == 260);
  CHECK(
      at::allclose(rows[ground], rows.slice(0, 0, ground).to(at::kDouble).mean(0).to(at::kFloat)));

  const std::vector<TrainSample> samples = {grounding(model.prompts(), "the chair", {0}),
                                            grounding(model.prompts(), "a lamp", {}),
                                            answering(model.prompts(), "how many chairs?", "two")};
  const SceneInput scene = test::tiny_scene();
  for (int step = 0; step < 3; ++step) {
    model.add_gradients(scene, samples);
    descend(model, 0.05);
  }
  const PassResult after = model.losses(scene, samples);

  // In memory, and out of a folder: the same model.
  const Vlm now(model.snapshot(), {options.placement, options.switches});
  const Vlm read(open_checkpoint(written(folder, model)), {options.placement, options.switches});
  CHECK_FALSE(read.checkpoint().modules.initial_values);
  CHECK(read.checkpoint().modules.fusion.form == GateForm::kRaw);
  CHECK(read.checkpoint().modules.trained_on.block == 20);
  CHECK(read.checkpoint().config.position->embedding == Embedding::kSine);
  CHECK(read.checkpoint().fingerprint() == now.checkpoint().fingerprint());
  CHECK(read.checkpoint().fingerprint() != open_checkpoint(path).fingerprint());
  for (const Vlm* vlm : {&now, &read}) {
    VisualScene seen = vlm->see(scene);
    for (std::size_t i = 0; i < 2; ++i) {
      const Grounding found = vlm->ground(seen, samples[i].prompt);
      std::vector<float> scores = found.scores;
      scores.push_back(*found.none);
      const double loss = vlm->head().loss(at::tensor(scores), samples[i].positives).item<double>();
      CHECK(std::abs(loss - after.samples[i].loss) < 1e-4);
    }
  }
}

TEST_CASE("train: every method of fusion can be new, in place of the base's own") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder);
  const SceneInput scene = test::tiny_scene(1);
  for (const char* method :
       {"add", "only", "concat", "weighted", "gated", "instruction_token_gated", "cross_attention",
        "token_gated_residual"}) {
    INFO(method);
    TrainModelOptions options;
    options.parts = {Part::kFusion, Part::kGenerativeProjector};
    options.new_parts.fusion = method;
    TrainModel model(open_checkpoint(path), options);
    const FusionConfig& fusion = model.checkpoint().modules.fusion;
    CHECK(std::string(method).starts_with(name_of(fusion.method)));
    const std::vector<TrainSample> samples = {
        answering(model.prompts(), "what is left?", "a lamp")};
    model.add_gradients(scene, samples);
    const auto own = fusion_specs(fusion).size();
    CHECK(model.trained().size() == own + 4);
    for (const Trained& t : model.trained()) CHECK(t.tensor.grad().defined());
    CHECK(model.added().empty());
    // config.json says what it is now.
    const VlmConfig read = read_config(JsonFields(model.config(), "config.json"));
    CHECK(read.fuses);
    CHECK(read.instruction.relation == model.checkpoint().config.instruction.relation);
    CHECK(read.instruction.templates == model.checkpoint().config.instruction.templates);
    CHECK(model.config()["vega_initial_values"] == Json(false));
    for (const auto& [name, view] : model.snapshot().modules.fusion_views)
      CHECK(model.snapshot().set.find(kFusionPrefix + name) != nullptr);
  }
  // The same again is the base's own, with its values.
  TrainModelOptions options;
  options.parts = {Part::kFusion};
  options.new_parts.fusion = "token_gated";
  const VlmCheckpoint base = open_checkpoint(path);
  const TrainModel model(base, options);
  for (const Trained& t : model.trained())
    CHECK(at::equal(t.tensor, float_tensor_from(base.set.at(t.name))));
}

TEST_CASE("train: a snapshot has its adapters merged and its new rows in their place") {
  const test::TempFolder folder;
  TrainModelOptions options;
  options.lora = LoraConfig{4, 8, 0.0, false};
  options.parts = {Part::kLora, Part::kNewTokens, Part::kNewline};
  TrainModel model(open_checkpoint(test::tiny_checkpoint(folder)), options);
  const SceneInput scene = test::tiny_scene();
  const std::vector<TrainSample> samples = {grounding(model.prompts(), "the chair", {0}),
                                            grounding(model.prompts(), "the table", {1, 2})};
  for (int step = 0; step < 3; ++step) {
    model.add_gradients(scene, samples);
    descend(model, 0.5);
  }
  const PassResult after = model.losses(scene, samples);
  const Vlm now(model.snapshot(), {options.placement, options.switches});
  VisualScene seen = now.see(scene);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Grounding found = now.ground(seen, samples[i].prompt);
    std::vector<float> scores = found.scores;
    scores.push_back(*found.none);
    const double loss = now.head().loss(at::tensor(scores), samples[i].positives).item<double>();
    CHECK(std::abs(loss - after.samples[i].loss) < 1e-4);
  }
  const VlmCheckpoint base = open_checkpoint(now.checkpoint().path);
  const auto q = "model.layers.0.self_attn.q_proj.weight";
  CHECK_FALSE(
      at::equal(float_tensor_from(base.set.at(q)), float_tensor_from(now.checkpoint().set.at(q))));
}

TEST_CASE("train: dropout depends on its key, and bfloat16 follows float32") {
  TrainCase c("cross_attention.train");
  c.options.placement.dtype = at::kFloat;
  c.options.lora = LoraConfig{2, 4, 0.5, false};
  const TrainSample sample = c.sample();
  const SceneInput scene = c.scene();
  TrainModel model = c.model({Part::kFusion, Part::kLora});
  const auto loss = [&](std::uint32_t step) {
    PassOptions options;
    options.dropout = DropoutKey{7, step, "room"};
    return model.add_gradients(scene, {&sample, 1}, options).samples[0].loss;
  };
  const double first = loss(1);
  const std::vector<at::Tensor> once = gradients(model);
  CHECK(first == loss(1));
  const std::vector<at::Tensor> again = gradients(model);
  for (std::size_t i = 0; i < once.size(); ++i) CHECK(at::equal(once[i], again[i]));
  CHECK(first != loss(2));
  const double plain = model.losses(scene, {&sample, 1}).samples[0].loss;
  CHECK(first != plain);
  c.options.placement.dtype = at::kBFloat16;
  TrainModel half = c.model({Part::kFusion, Part::kLora});
  const PassResult rounded = half.add_gradients(scene, {&sample, 1});
  CHECK(std::abs(rounded.samples[0].loss - plain) < 2e-2 * plain);
  for (const Trained& t : half.trained()) {
    CHECK(t.tensor.scalar_type() == at::kFloat);
    CHECK(t.tensor.grad().scalar_type() == at::kFloat);
  }
}
