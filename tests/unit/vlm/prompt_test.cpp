// Conversations as ids, with the tokeniser of Qwen2: against the `tokenizers` package
// (tests/golden/export_vlm_prompts.py) and the golden ids of docs/language.md.
#include "vlm/prompt.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/json.h"
#include "support/support.h"
#include "vlm/assembly.h"
#include "vlm/instruction.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;
using text::Control;

namespace {

// The real vocabulary with the words of a fine-tuned checkpoint.
std::optional<text::Tokenizer> qwen_words() {
  const auto shared = test::shared_data();
  const auto path = shared ? *shared / "tokenizer" / "tokenizer.json" : std::filesystem::path();
  if (!shared || !std::filesystem::exists(path)) {
    test::note_skip("shared/data/tokenizer is not there: prompts against the real vocabulary");
    return std::nullopt;
  }
  Json json = *parse_json(test::read_text(path));
  Json added = Json::list();
  for (const Json& token : json["added_tokens"].elements())
    if (*token["id"].whole() <= 151645) added.push(token);
  json.set("added_tokens", added);
  const test::TempFolder folder;
  test::write_text(folder / "tokenizer.json", json.dump());
  text::Tokenizer words = text::Tokenizer::open(folder.path());
  words.add_token("<image>", true, 151646);
  words.add_token("<ground>", false, 151647);
  words.add_token("<coord>", false, 151648);
  return words;
}

ControlIds ids_of(const text::Tokenizer& words) {
  ControlIds out = control_ids(words);
  out.ground = {151647};
  out.coord = {151648};
  return out;
}

std::string without(std::string text, std::string_view head, std::string_view tail) {
  REQUIRE(text.starts_with(head));
  REQUIRE(text.ends_with(tail));
  return text.substr(head.size(), text.size() - head.size() - tail.size());
}

// The annotation that makes the user's text.
TaskText annotation(Task task, const std::string& user, const std::string& answer) {
  TaskText out;
  out.answer = answer;
  const std::string identify =
      "<image>Identify the object according to the following description.\n";
  switch (task) {
    case Task::kScanRefer: out.description = without(user, identify, ""); break;
    case Task::kMulti3DRefer:
      out.description =
          without(user, identify,
                  "\nThere may be no corresponding object, or there may be one or more objects.");
      break;
    case Task::kScan2Cap: out.description = answer; break;
    case Task::kScanQa:
      out.question = without(user, "<image> ", " Answer the question simply.");
      break;
    default: {
      const std::string both =
          without(user, "<image> ", " Answer the question using a single word or phrase.");
      out.situation = both.substr(0, both.find(' '));
      out.question = both.substr(both.find(' ') + 1);
    }
  }
  return out;
}

std::vector<std::int64_t> numbers(const Json& json) {
  std::vector<std::int64_t> out;
  for (const Json& id : json.elements()) out.push_back(*id.whole());
  return out;
}

}  // namespace

TEST_CASE("prompts: every task and form has the ids and labels of the golden file", "[shared]") {
  const auto words = qwen_words();
  if (!words) return;
  const Json golden = *parse_json(test::read_text(test::golden("vlm_prompts.json")));
  std::size_t count = 0, labelled = 0;
  for (const Json& prompt : golden["prompts"].elements()) {
    const std::string task_name = prompt["task"].text_or(""), form = prompt["form"].text_or("");
    INFO(task_name << " " << form << ": " << prompt["user"].text_or(""));
    const Task task = *find_choice<Task>(kTasks, task_name);
    const std::string answer = prompt["answer"].text_or("");
    Turn turn = task_turn(task, annotation(task, prompt["user"].text_or(""), answer));
    PromptOptions options;
    options.control_words = prompt["control"] == Json("text") ? Control::kText : Control::kTokens;
    options.spatial_instruction = form == "train" || form == "evaluate_instruction";
    const PromptMaker maker(*words, ids_of(*words), options);
    const bool train = form.starts_with("train");
    if (!train && form != "evaluate_ground") turn.answer.clear();
    const PromptIds got = train ? maker.training(turn) : maker.evaluation(turn);
    CHECK(got.ids == numbers(prompt["ids"]));
    REQUIRE(got.labels.size() == got.ids.size());
    CHECK(got.answered == prompt.contains("labels"));
    ++count;
    if (!prompt.contains("labels")) continue;
    CHECK(got.labels == numbers(prompt["labels"]));
    ++labelled;
  }
  CHECK(count >= 40);
  CHECK(labelled >= 20);
}

TEST_CASE("prompts: golden ids", "[shared]") {
  const auto words = qwen_words();
  if (!words) return;
  const PromptMaker maker(*words, ids_of(*words), {});
  const PromptIds caption = maker.evaluation(task_turn(Task::kScan2Cap, {.description = "x"}));
  const std::vector<std::int64_t> head = {151644, 8948,   198, 2610,   525, 264, 10950,    17847,
                                          13,     151645, 198, 151644, 872, 198, kImageId, 198};
  const std::vector<std::int64_t> rest = {16246, 458,  1633, 7407, 518, 220,  151648,
                                          1154,  7512, 279,  1633, 304, 7716, 13};
  REQUIRE(caption.ids.size() > head.size() + rest.size());
  CHECK(std::equal(head.begin(), head.end(), caption.ids.begin()));
  CHECK(std::equal(rest.begin(), rest.end(), caption.ids.begin() + 16));
  const PromptIds found = maker.evaluation(task_turn(Task::kScanRefer, {.description = "a CHAIR"}));
  const std::vector<std::int64_t> tail = {624,   32,  10496,  151645, 198, 151644,
                                          77091, 198, 151647, 151645, 198};
  REQUIRE(found.ids.size() > tail.size());
  CHECK(std::equal(tail.rbegin(), tail.rend(), found.ids.rbegin()));
}

TEST_CASE("prompts: the repaired masking supervises the answer and its end mark alone",
          "[shared]") {
  const auto words = qwen_words();
  if (!words) return;
  const PromptMaker maker(*words, ids_of(*words), {});
  const Turn turn =
      task_turn(Task::kScanQa, {.question = "What color is the chair?", .answer = "brown"});
  const PromptIds released = maker.training(turn);
  const PromptIds answer = maker.training(turn, Masking::kAnswer);
  // ..., im_start, assistant, newline, brown, im_end, newline.
  const std::vector<std::int64_t> tail = {151644, 77091, 198, 64461, 151645, 198};
  const auto ignored = static_cast<std::size_t>(
      std::count(answer.labels.begin(), answer.labels.end(), kIgnoreLabel));
  CHECK(answer.ids == released.ids);
  REQUIRE(answer.ids.size() == answer.labels.size());
  CHECK(std::equal(tail.rbegin(), tail.rend(), answer.ids.rbegin()));
  CHECK(ignored == answer.ids.size() - 2);
  CHECK(answer.labels[answer.ids.size() - 3] == 64461);
  CHECK(answer.labels[answer.ids.size() - 2] == 151645);
  CHECK(released.labels.back() == 198);
  CHECK(released.labels[released.ids.size() - 5] == 77091);
  // An answer that begins with a newline: one token with the header's, and a part of the answer.
  const PromptIds odd = maker.training(
      task_turn(Task::kScanQa, {.question = "x", .answer = "\nbrown"}), Masking::kAnswer);
  const auto first = std::find_if(odd.labels.begin(), odd.labels.end(),
                                  [](std::int64_t label) { return label != kIgnoreLabel; });
  CHECK(*first == 271);
  const PromptIds found =
      maker.training(task_turn(Task::kScanRefer, {.description = "a chair"}), Masking::kAnswer);
  CHECK(found.labels[found.labels.size() - 3] == 151647);
}

// S 4.4.
TEST_CASE("prompts: words that tell relations have the released ids", "[shared]") {
  const auto words = qwen_words();
  if (!words) return;
  const InstructionConfig found = instruction_of(*words);
  const std::vector<std::int64_t> expected = {
      83,    258,   263,   279,   315,   453,   484,   580,   983,   1290,  1291,
      1909,  2115,  2128,  2359,  3600,  4065,  6951,  7995,  13607, 13757, 23559,
      29898, 41350, 41867, 48432, 51659, 53177, 66990, 73425, 81971};
  CHECK(found.relation == expected);
  const auto has = [&](std::int64_t id) {
    return std::find(found.templates.begin(), found.templates.end(), id) != found.templates.end();
  };
  CHECK(has(13));         // "."
  CHECK(has(264));        // " a"
  CHECK(has(3405));       // " question"
  CHECK_FALSE(has(279));  // " the" tells a relation
  CHECK(found.templates.size() < 43);
}

// R042.
TEST_CASE("prompts: control words within a text", "[shared]") {
  const auto words = qwen_words();
  if (!words) return;
  const auto ids = [&](Control control, const std::string& question) {
    PromptOptions options;
    options.control_words = control;
    const PromptIds prompt =
        PromptMaker(*words, ids_of(*words), options).evaluation(free_turn(question));
    const auto image = std::find(prompt.ids.begin(), prompt.ids.end(), kImageId);
    // After the image and its newline, up to the end mark, newline, assistant's header.
    return std::vector<std::int64_t>(image + 2, prompt.ids.end() - 5);
  };
  CHECK(ids(Control::kText, "a<|im_end|>b") ==
        std::vector<std::int64_t>{64, 27, 91, 318, 6213, 91, 29, 65});
  CHECK(ids(Control::kTokens, "a<|im_end|>b") == std::vector<std::int64_t>{64, 151645, 65});
  for (const Control control : {Control::kText, Control::kTokens})
    CHECK_THROWS_WITH(ids(control, "what is in <image>?"), Contains("<image> within the text"));
}

TEST_CASE("prompts: a place for a token that the checkpoint lacks is refused", "[shared]") {
  const auto words = qwen_words();
  if (!words) return;
  const PromptMaker maker(*words, control_ids(*words), {});
  CHECK_THROWS_WITH(maker.evaluation(task_turn(Task::kScan2Cap, {.description = "x"})),
                    Contains("<coord>"));
  CHECK_THROWS_AS(maker.evaluation(task_turn(Task::kScanRefer, {.description = "x"})), InputError);
  CHECK(maker.evaluation(free_turn("What is this?")).ids.size() > 20);
}
