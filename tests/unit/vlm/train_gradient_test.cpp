// Gradients of every part that can train, against differences of the losses in float64.
#include <catch2/catch.hpp>

#include "train_cases.h"

using namespace vega;
using namespace vega::vlm;
using test::check_gradients;
using test::TrainCase;

namespace {

// Words of one case and, where it has objects, a question for one of them.
void check_parts(const std::string& name, const std::vector<Part>& parts) {
  TrainCase c(name);
  TrainModel model = c.model(parts);
  TrainSample sample = c.sample();
  sample.weight = 0.25;
  CHECK(check_gradients(model, c.scene(), {sample}) == model.trained().size());
}

}  // namespace

TEST_CASE("train: gradients of every fusion method and of both projectors") {
  const std::vector<Part> parts = {Part::kFusion, Part::kGenerativeProjector, Part::kProjector,
                                   Part::kNewline};
  for (const char* name : {"token_gated.train", "concat.train", "weighted.train", "gated.train",
                           "cross_attention.train", "instruction.train"})
    check_parts(name, parts);
  check_parts("add.train", {Part::kGenerativeProjector, Part::kProjector});
  check_parts("only.train", {Part::kGenerativeProjector});
  check_parts("apart.gen", {Part::kGenerativeProjector, Part::kProjector, Part::kNewline});
}

TEST_CASE("train: gradients of the grounding heads, and of what objects are made of") {
  for (const char* name : {"token_gated.find", "ground.mlp", "ground.score", "ground.none",
                           "objects.patch27", "instruction.find"})
    check_parts(name, {Part::kProjector, Part::kGenerativeProjector, Part::kGroundHead});
  check_parts("position.avg-mlp.find", {Part::kPosition, Part::kProjector, Part::kGroundHead});
  check_parts("projector.res", {Part::kProjector});
}

TEST_CASE("train: gradients of the decoder, its embedding and its head") {
  check_parts("token_gated.train", {Part::kDecoder});
  check_parts("position.mrope", {Part::kDecoder, Part::kProjector});
}

TEST_CASE("train: gradients of the embedding reach it through the gate that reads the question") {
  // Rows of relation words that stand in the question: with the decoder's part alone they would be
  // the same whether or not the gate reads them.
  check_parts("instruction.train", {Part::kDecoder});
}

TEST_CASE("train: gradients of adapters and of rows of new tokens") {
  TrainCase c("ground.train");
  c.options.lora = LoraConfig{3, 6, 0.0, false};
  TrainModel model = c.model({Part::kNewTokens, Part::kLora, Part::kGroundHead});
  at::manual_seed(3);
  for (const Trained& t : model.trained())  // B begins at zero, and A has no gradient then
    if (t.name.ends_with("lora_B.weight")) model.restore(t.name, 0.1 * at::randn_like(t.tensor));
  TrainCase with_place("position.avg-discrete-sin3d.coord");
  TrainSample caption;
  caption.id = "caption";
  caption.task = tasks::Task::kScan2Cap;
  caption.prompt.ids = with_place.golden.ids("ids");
  caption.prompt.labels = caption.prompt.ids;
  for (std::int64_t& label : caption.prompt.labels)
    if (label < 0) label = kIgnoreLabel;
  caption.coords = with_place.golden.coords();
  caption.weight = 0.1;
  CHECK(check_gradients(model, c.scene(), {c.sample(), caption}) == model.trained().size());
}

TEST_CASE("train: gradients of several questions behind one beginning, seen and unseen") {
  TrainCase c("token_gated.find");
  TrainModel model =
      c.model({Part::kFusion, Part::kGenerativeProjector, Part::kProjector, Part::kGroundHead});
  TrainSample find = c.sample(), other = test::asked_otherwise(find, 7);
  other.positives = {};
  other.weight = 2;
  TrainSample words = test::asked_otherwise(find, 13);
  words.task = tasks::Task::kScanQa;
  words.weight = 0.125;
  CHECK(check_gradients(model, c.scene(), {find, words, other}) == model.trained().size());
  TrainModel blind = c.model({Part::kProjector, Part::kGroundHead});
  CHECK(check_gradients(blind, c.scene(), {find, words, other}, false) == blind.trained().size());
}
