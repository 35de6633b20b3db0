// Many questions about one scene: shared prefix, batches, failures of single questions.
#include "vlm/questions.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include <cmath>
#include <optional>

#include "base/error.h"
#include "golden_cases.h"
#include "support/qwen2_shapes.h"
#include "tiny_model.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

namespace {

// The outcome of each question: a reply, a grounding or an error.
struct Outcomes {
  std::vector<std::optional<Reply>> replies;
  std::vector<std::optional<Grounding>> found;
  std::vector<std::string> errors;

  explicit Outcomes(std::size_t count) : replies(count), found(count), errors(count) {}

  OnReply on_reply() {
    return [this](std::size_t i, Reply&& reply) {
      REQUIRE_FALSE(replies.at(i));
      replies[i] = std::move(reply);
    };
  }
  OnGrounding on_found() {
    return [this](std::size_t i, Grounding&& grounding) {
      REQUIRE_FALSE(found.at(i));
      found[i] = std::move(grounding);
    };
  }
  OnFailure on_failure() {
    return [this](std::size_t i, const std::exception& error) {
      REQUIRE(errors.at(i).empty());
      errors[i] = error.what();
    };
  }
};

Outcomes answered(const Vlm& model, VisualScene& scene, const std::vector<Ask>& asks,
                  const qwen2::GenerationConfig& config, const BatchOptions& options) {
  Outcomes out(asks.size());
  answer_all(model, scene, asks, config, options, out.on_reply(), out.on_failure());
  return out;
}

std::vector<std::vector<std::int64_t>> question_ids(const Outcomes& outcomes) {
  std::vector<std::vector<std::int64_t>> out;
  for (const auto& reply : outcomes.replies) {
    REQUIRE(reply);
    out.push_back(reply->answer.ids);
  }
  return out;
}

Vlm tiny(const test::TempFolder& folder) {
  return {open_checkpoint(test::tiny_checkpoint(folder)), {{}, switches_of(Compat::kFixed)}};
}

qwen2::GenerationConfig greedy_answers(std::int64_t most) {
  qwen2::GenerationConfig config;
  config.max_new_tokens = most;
  return config;
}

// Of unlike lengths, with a caption's coordinate among them.
std::vector<Ask> questions() {
  std::vector<Ask> out;
  for (const char* text :
       {"What color is the chair?", "How many?", "Is there a window behind the long white table?",
        "Where does this door lead to, and who could have walked through it a minute ago?", "What?",
        "Which way?", "Is the bed made?", "What is on the desk next to the lamp?"})
    out.push_back({free_turn(text)});
  out.push_back({task_turn(Task::kScan2Cap, {}), {{1, 0.5F, 1}}});
  return out;
}

}  // namespace

TEST_CASE("questions: a sample of the processed schema is the conversation of its task") {
  const test::TempFolder folder;
  const Vlm model = tiny(folder);
  const auto ids = [&](const Turn& turn) { return model.prompts().training(turn).ids; };
  const auto sample = [](Task task, std::string user, std::string answer) {
    tasks::Sample out;
    out.task = task;
    out.user = std::move(user);
    out.answer = std::move(answer);
    out.id_text = "7";
    return out;
  };
  const std::string find = "<image>Identify the object according to the following description.\n";
  const TaskText text{.description = "a chair <coord> by it",
                      .situation = "I sit.",
                      .question = "What is this?",
                      .answer = "a bed"};
  CHECK(ids(turn_of(sample(Task::kScanRefer, find + "A chair <coord> by it", "<ground>"))) ==
        ids(task_turn(Task::kScanRefer, text)));
  CHECK(ids(turn_of(sample(Task::kNr3d, find + "A chair <coord> by it", ""))) ==
        ids(task_turn(Task::kScanRefer, text)));
  CHECK(ids(turn_of(sample(Task::kMulti3DRefer,
                           find + "A chair <coord> by it\nThere may be no corresponding object, or "
                                  "there may be one or more objects.",
                           "<ground>"))) == ids(task_turn(Task::kMulti3DRefer, text)));
  CHECK(ids(turn_of(sample(Task::kScanQa, "<image> What is this? Answer the question simply.",
                           "a bed"))) == ids(task_turn(Task::kScanQa, text)));
  CHECK(ids(turn_of(sample(Task::kSqa3d,
                           "<image> I sit. What is this? Answer the question using a single word "
                           "or phrase.",
                           "a bed"))) == ids(task_turn(Task::kSqa3d, text)));
  tasks::Sample caption =
      sample(Task::kScan2Cap,
             "<image> Given an object located at <coord> , describe the object in detail.",
             "A chair <coord> by it");
  caption.box_input = {{1, 2, 3, 4, 5, 6}};
  CHECK(ids(turn_of(caption)) == ids(task_turn(Task::kScan2Cap, text)));
  const Ask ask = ask_of(caption);
  CHECK(ask.key == "7");
  REQUIRE(ask.coords.size() == 1);
  CHECK(ask.coords[0] == std::array<float, 3>{1, 2, 3});
  // Only the first place is vega's own: the rest is what an annotator wrote.
  const Turn turn = turn_of(sample(Task::kScanQa, "<image>What is <image>?", "x"));
  CHECK_THROWS_WITH(model.prompts().evaluation(turn), Contains("<image> within the text"));
  CHECK(turn_of(sample(Task::kScanQa, "Is it?", "")).user.size() == 1);
}

TEST_CASE("questions: an answer depends neither on the batch nor on the shared prefix") {
  const test::TempFolder folder;
  const Vlm model = tiny(folder);
  const std::vector<Ask> asks = questions();
  const auto config = greedy_answers(20);
  VisualScene alone = model.see(test::tiny_scene());
  const auto want =
      question_ids(answered(model, alone, asks, config, {.rows = 0, .share_prefix = false}));
  CHECK_FALSE(alone.has_prefix());
  for (const std::int64_t rows : {0, 1, 2, 7, 64}) {
    CAPTURE(rows);
    VisualScene scene = model.see(test::tiny_scene());
    CHECK(question_ids(answered(model, scene, asks, config, {.rows = rows})) == want);
    CHECK(scene.has_prefix());
  }
}

TEST_CASE("questions: drawn answers depend on the question's key, not on the batch") {
  const test::TempFolder folder;
  const Vlm model = tiny(folder);
  auto config = greedy_answers(12);
  config.sampling.sample = true;
  config.sampling.temperature = 2;
  std::vector<Ask> asks(6, Ask{free_turn("What is this?")});
  for (std::size_t i = 0; i < asks.size(); ++i) asks[i].key = "q" + std::to_string(i % 3);
  VisualScene scene = model.see(test::tiny_scene());
  const auto all = question_ids(answered(model, scene, asks, config, {}));
  CHECK(all == question_ids(answered(model, scene, asks, config, {.rows = 2})));
  CHECK(all[0] == all[3]);
  CHECK(all[0] != all[1]);
}

TEST_CASE("questions: one that cannot be asked costs only itself") {
  const test::TempFolder folder;
  const Vlm model = tiny(folder);
  VisualScene scene = model.see(test::tiny_scene());
  std::vector<Ask> asks = questions();
  const auto want = question_ids(answered(model, scene, asks, greedy_answers(8), {}));
  asks.insert(asks.begin() + 1, {free_turn("What is <image>?")});
  asks.insert(asks.begin() + 4, {task_turn(Task::kScan2Cap, {})});  // without its place
  for (const std::int64_t rows : {1, 3, 64}) {
    const Outcomes got = answered(model, scene, asks, greedy_answers(8), {.rows = rows});
    CHECK_THAT(got.errors[1], Contains("<image> within the text"));
    CHECK_THAT(got.errors[4], Contains("a prompt with 1 <coord>"));
    std::size_t n = 0;
    for (std::size_t i = 0; i < asks.size(); ++i) {
      if (i == 1 || i == 4) continue;
      REQUIRE(got.replies[i]);
      CHECK(got.errors[i].empty());
      CHECK(got.replies[i]->answer.ids == want[n++]);
    }
  }
  // What a callback throws is no failure of a question.
  CHECK_THROWS_AS(answer_all(
                      model, scene, asks, greedy_answers(2), {},
                      [](std::size_t, Reply&&) { throw OutputError("disk full"); },
                      [](std::size_t, const std::exception&) {}),
                  OutputError);
}

TEST_CASE("questions: a place that is not a number costs only its question") {
  const test::TempFolder folder;
  const Vlm model = tiny(folder);
  VisualScene scene = model.see(test::tiny_scene());
  std::vector<Ask> asks = questions();
  const auto want = question_ids(answered(model, scene, asks, greedy_answers(8), {}));
  Turn turn = task_turn(Task::kScan2Cap, {});
  asks.insert(asks.begin() + 2, {turn, {{std::nanf(""), 1, 1}}});
  const Outcomes got = answered(model, scene, asks, greedy_answers(8), {});
  for (std::size_t i = 0, n = 0; i < asks.size(); ++i) {
    if (i == 2) continue;
    REQUIRE(got.replies[i]);
    CHECK(got.replies[i]->answer.ids == want[n++]);
  }
}

TEST_CASE("questions: scores with the shared prefix are those without it, within rounding") {
  const test::TempFolder folder;
  const Vlm model = tiny(folder);
  std::vector<Ask> asks;
  for (const char* text : {"the chair by the window", "a table", "the tall lamp between the beds"})
    asks.push_back({task_turn(Task::kScanRefer, {.description = text})});
  asks.push_back({free_turn("What is this?")});  // no <ground>
  VisualScene scene = model.see(test::tiny_scene()), alone = model.see(test::tiny_scene());
  Outcomes shared(asks.size()), single(asks.size());
  ground_all(model, scene, asks, {}, shared.on_found(), shared.on_failure());
  ground_all(model, alone, asks, {.rows = 0, .share_prefix = false}, single.on_found(),
             single.on_failure());
  CHECK(scene.has_prefix());
  CHECK_FALSE(alone.has_prefix());
  CHECK_THAT(shared.errors[3], Contains("no <ground> in its answer"));
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(shared.found[i]);
    REQUIRE(single.found[i]);
    CHECK(shared.found[i]->best == single.found[i]->best);
    REQUIRE(shared.found[i]->scores.size() == 3);
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(std::abs(shared.found[i]->scores[k] - single.found[i]->scores[k]) < 1e-5);
    CHECK(std::abs(*shared.found[i]->none - *single.found[i]->none) < 1e-5);
  }
  scene = model.see(test::tiny_scene());
  const Grounding one = model.ground(scene, "a table");
  CHECK(one.scores == shared.found[1]->scores);  // one after the other: the same bits
}

// Every fusion method and position embedding, the gate that reads the question among them.
TEST_CASE("questions: golden checkpoints answer alike in batches, alone and without a prefix") {
  std::size_t answers = 0, scores = 0;
  for (const Json& json : test::vlm_json()["cases"].elements()) {
    const test::GoldenCase c(json);
    if (!c.has("greedy") && !c.has("scores")) continue;
    INFO(c.name());
    const test::TempFolder folder;
    const auto path = c.write(folder);
    const Vlm model(open_checkpoint(path, {.base = folder / "base"}), {{}, c.switches()});
    PromptIds prompt{c.ids("ids"), {}};
    if (c.has("labels")) prompt.labels = c.ids("labels");
    if (std::ranges::count(prompt.ids, kImageId) != 1) continue;
    SceneInput input = c.scene(model.checkpoint().config);
    SceneInput again = input;
    VisualScene scene = model.see(std::move(input)), alone = model.see(std::move(again));
    if (c.has("scores")) {
      ++scores;
      const Grounding a = model.ground(scene, prompt), b = model.ground(alone, prompt, false);
      CHECK(scene.has_prefix() == model.shares_prefix());
      REQUIRE(a.scores.size() == b.scores.size());
      for (std::size_t k = 0; k < a.scores.size(); ++k)
        CHECK(std::abs(a.scores[k] - b.scores[k]) < 1e-5);
      continue;
    }
    ++answers;
    const auto config = greedy_answers(static_cast<std::int64_t>(c.ids("greedy").size()));
    std::vector<qwen2::Prompt> prompts;
    for (int i = 0; i < 3; ++i)
      prompts.push_back(model.read(scene, prompt, c.coords(), i < 2).prompt);
    for (const auto& answer : qwen2::generate(model.decoder(), prompts, config))
      CHECK(answer.ids == c.ids("greedy"));
  }
  CHECK(answers > 10);
  CHECK(scores > 15);
}

TEST_CASE("questions: how many fit beside what is there") {
  const qwen2::Config config = test::qwen2_7b();
  const double token = 28 * 2 * 4 * 128 * 2;
  CHECK(qwen2::Decoder::token_bytes(config, at::kBFloat16) == token);
  const double row = token * (128 + 512) + 8.0 * 151649;
  const double pass = 2.0 * (8 * 3584 + 2 * 18944) * 6750;
  const double beside = token * 6750 + pass;
  const auto rows = [&](double bytes) {
    return batch_for_memory(config, at::kBFloat16, bytes, 6750, {128, 512});
  };
  CHECK(rows(beside + 20.5 * row) == 20);
  CHECK(rows(beside + 19.5 * row) == 19);
  CHECK(rows(0) == 1);  // and the allocator says what is missing
  // The prefix is there: only the questions are read.
  CHECK(batch_for_memory(config, at::kBFloat16, pass * 128 / 6750 + 20.5 * row, 0, {128, 512}) ==
        20);
}
