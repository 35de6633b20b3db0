// Answers and found objects of a made-up model, end to end: prompts, shared prefix, text.
#include "vlm/vlm.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "tiny_model.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

namespace {

Vlm model_of(const std::filesystem::path& path, const Switches& switches = {},
             at::ScalarType type = at::kFloat) {
  VlmOptions options;
  options.placement.dtype = type;
  options.switches = switches;
  return {open_checkpoint(path), options};
}

qwen2::GenerationConfig greedy(const Vlm& model, std::int64_t most) {
  auto config = qwen2::benchmark_generation(model.checkpoint().config_folder);
  config.max_new_tokens = most;
  return config;
}

}  // namespace

TEST_CASE("vlm: a question is answered as text, in pieces that make the whole") {
  const test::TempFolder folder;
  const Vlm model = model_of(test::tiny_checkpoint(folder), switches_of(Compat::kFixed));
  VisualScene scene = model.see(test::tiny_scene());
  std::string pieces;
  const Reply reply = model.answer(scene, free_turn("What is on the table?"), greedy(model, 24), {},
                                   [&](std::string_view text) {
                                     pieces += text;
                                     return true;
                                   });
  CHECK(reply.answer.ids.size() > 0);
  CHECK(reply.answer.ids.size() <= 24);
  CHECK_THAT(pieces, Contains(reply.text));
  int calls = 0;
  const Reply cut = model.answer(scene, free_turn("What is on the table?"), greedy(model, 24), {},
                                 [&](std::string_view) { return ++calls < 3; });
  CHECK(cut.answer.ending == qwen2::Ending::kStopped);
  CHECK(cut.answer.ids.size() < reply.answer.ids.size());
}

TEST_CASE("vlm: questions share the visual prefix, and get what each alone gets") {
  const test::TempFolder folder;
  const Vlm model = model_of(test::tiny_checkpoint(folder));
  VisualScene shared = model.see(test::tiny_scene());
  for (const char* question : {"How many chairs?", "Where is the door, and what is behind it?"}) {
    VisualScene alone = model.see(test::tiny_scene());
    const Reply a = model.answer(shared, free_turn(question), greedy(model, 12));
    const Reply b = model.answer(alone, free_turn(question), greedy(model, 12));
    CHECK(a.answer.ids == b.answer.ids);
    // The whole sequence at once, without a prefix.
    const PromptIds prompt = model.prompts().evaluation(free_turn(question));
    const Sequence s = model.assemble(alone, prompt);
    qwen2::Prompt whole;
    whole.embeddings = s.embeddings;
    const auto answers = qwen2::generate(model.decoder(), {&whole, 1}, greedy(model, 12));
    CHECK(a.answer.ids == answers.at(0).ids);
  }
  const Grounding a = model.ground(shared, "the chair by the window");
  VisualScene alone = model.see(test::tiny_scene());
  const Grounding b = model.ground(alone, "the chair by the window");
  REQUIRE(a.scores.size() == 3);
  REQUIRE(a.none);
  CHECK(a.best == b.best);
  for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(a.scores[i] - b.scores[i]) < 1e-5);
  CHECK(a.scores[static_cast<std::size_t>(a.best)] ==
        *std::max_element(a.scores.begin(), a.scores.end()));
}

TEST_CASE("vlm: a caption needs the place of its object, once") {
  const test::TempFolder folder;
  const Vlm model = model_of(test::tiny_checkpoint(folder));
  VisualScene scene = model.see(test::tiny_scene());
  const Turn turn = task_turn(Task::kScan2Cap, {});
  CHECK_THROWS_WITH(model.answer(scene, turn, greedy(model, 4)),
                    Contains("scene room: a prompt with 1 <coord>: got 0 places in the room, "
                             "expected 1, one for each <coord>") &&
                        Contains("--compat fixed"));
  const Reply here = model.answer(scene, turn, greedy(model, 4), {{1, 1, 1}});
  CHECK(here.answer.ids.size() > 0);
  const PromptIds prompt = model.prompts().evaluation(turn);
  const at::Tensor a = model.assemble(scene, prompt, {{1, 1, 1}}).embeddings;
  const at::Tensor b = model.assemble(scene, prompt, {{-2, 1, 1}}).embeddings;
  CHECK((a - b).abs().sum(1).gt(0).sum().item<std::int64_t>() == 1);
}

TEST_CASE("vlm: bfloat16 follows float32, and scores in float32 are a switch") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder);
  const Vlm wide = model_of(path);
  VisualScene exact = wide.see(test::tiny_scene());
  const Grounding expected = wide.ground(exact, "the chair");
  for (const bool f32_head : {false, true}) {
    Switches switches;
    switches.f32_head = f32_head;
    const Vlm narrow = model_of(path, switches, at::kBFloat16);
    VisualScene scene = narrow.see(test::tiny_scene());
    const Grounding got = narrow.ground(scene, "the chair");
    bool all_bf16 = true;
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(std::abs(got.scores[i] - expected.scores[i]) < 0.1);
      all_bf16 &= f32_from_bf16(bf16_from_f32(got.scores[i])) == got.scores[i];
    }
    CHECK(all_bf16 != f32_head);
  }
}

// R090 and its kin.
TEST_CASE("vlm: what a scene lacks is said") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder);
  const Vlm model = model_of(path);
  auto scene = test::tiny_scene();
  scene.points = at::Tensor();
  CHECK_THROWS_WITH(model.see(std::move(scene)),
                    Contains("no positions") && Contains("vega-extract scene"));
  scene = test::tiny_scene();
  scene.generative = at::Tensor();
  CHECK_THROWS_WITH(model.see(std::move(scene)),
                    Contains("no generative features") && Contains("vega-extract features"));
  scene = test::tiny_scene();
  scene.selected = at::Tensor();
  scene.boxes.clear();
  VisualScene seen = model.see(std::move(scene));
  CHECK_THROWS_WITH(model.ground(seen, "the chair"), Contains("no objects to choose from"));
  CHECK_THROWS_WITH(read_scene(model.checkpoint(), {}, {}), Contains("no semantic features"));
  CHECK(model.answer(seen, free_turn("What is this?"), greedy(model, 2)).answer.ids.size() > 0);
  CHECK_THROWS_AS(model.answer(seen, free_turn("What is <image>?"), greedy(model, 2)), InputError);

  const Vlm video = model_of(test::tiny_checkpoint(folder, "vlm-tiny-video"));
  CHECK(video.checkpoint().family == Family::kLlavaVideo);
  auto frames = test::tiny_scene();
  frames.points = frames.generative = at::Tensor();
  VisualScene film = video.see(std::move(frames));
  CHECK(video.answer(film, free_turn("What is this?"), greedy(video, 2)).answer.ids.size() > 0);
  CHECK_THROWS_WITH(video.ground(film, "the chair"), Contains("no grounding head"));
}

TEST_CASE("vlm: an id of a spare row of the embedding says nothing, and the answer goes on") {
  const test::TempFolder folder;
  const Vlm model = model_of(test::tiny_checkpoint(folder, "vlm-tiny-video"));
  const std::int64_t spare = static_cast<std::int64_t>(model.checkpoint().words().size());
  REQUIRE(spare < model.checkpoint().config.text.vocab);
  qwen2::Answer answer;
  answer.ids = {'a', spare, 'b'};
  CHECK(model.reply_of(std::move(answer)).text == "ab");
}

// S 6.3: the release cuts the end off.
TEST_CASE(
    "vlm: a prompt beyond the model's limit is refused before it is read, or cut as released") {
  const test::TempFolder folder;
  const auto path = test::tiny_checkpoint(folder);
  const Turn turn = free_turn(std::string(300, 'x'));
  const auto limit = [&](std::int64_t most) {
    test::change_config(path, {{"tokenizer_model_max_length", most}});
  };
  const std::int64_t most = 500;
  limit(most);
  const Vlm fixed = model_of(path, switches_of(Compat::kFixed));
  VisualScene scene = fixed.see(test::tiny_scene());
  CHECK_THROWS_WITH(fixed.answer(scene, turn, greedy(fixed, 2)),
                    Contains("scene room: a prompt: got ") &&
                        Contains(" tokens, 420 of the frames and ") &&
                        Contains("fewer than 500, tokenizer_model_max_length in config.json; ") &&
                        Contains("shorten the question"));
  const Vlm released = model_of(path);
  scene = released.see(test::tiny_scene());
  const PromptIds prompt = released.prompts().evaluation(turn);
  const ReadPrompt cut = released.read(scene, prompt, {});
  const ReadPrompt whole = released.read(scene, prompt, {}, false);
  CHECK(whole.prompt.embeddings.size(0) == most);
  REQUIRE(cut.prompt.prefix != nullptr);
  CHECK(cut.prompt.prefix->length() + cut.prompt.embeddings.size(0) == most);
  CHECK(at::equal(cut.prompt.embeddings,
                  whole.prompt.embeddings.slice(0, cut.prompt.prefix->length())));
  CHECK(released.answer(scene, turn, greedy(released, 3)).answer.ids.size() > 0);
  // So short that the frames are cut, too: then nothing is shared.
  limit(300);
  const Vlm tight = model_of(path);
  scene = tight.see(test::tiny_scene());
  const ReadPrompt frames = tight.read(scene, prompt, {});
  CHECK(frames.prompt.prefix == nullptr);
  CHECK(frames.prompt.embeddings.size(0) == 300);
  CHECK(tight.answer(scene, turn, greedy(tight, 3)).answer.ids.size() > 0);
}

TEST_CASE("vlm: what is in force can be recorded") {
  const test::TempFolder folder;
  const Vlm model = model_of(test::tiny_checkpoint(folder, "vlm-tiny-3d"), {});
  const Json json = model.describe();
  CHECK(json["family"] == Json("video-3d-llm"));
  CHECK(json["switches"]["geometry"] == Json("bf16"));
  CHECK(json["switches"]["control_words"] == Json("ids"));
  CHECK(json["switches"]["cut_prompts"] == Json(true));
  CHECK(json["checkpoint_fingerprint"].text_or("").size() == 32);
  const Json fixed = to_json(switches_of(Compat::kFixed));
  CHECK(fixed["geometry"] == Json("fp32"));
  CHECK(fixed["zero_depth"] == Json("mask"));
  CHECK(fixed["f32_head"] == Json(true));
  CHECK(fixed["cut_prompts"] == Json(false));
  CHECK(fixed["control_words"] == Json("text"));
}
