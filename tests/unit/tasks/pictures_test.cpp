#include "tasks/pictures.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "tasks/prompts.h"
#include "tasks/sample.h"

namespace vega::tasks::pictures_test {
namespace {

std::string record(const std::string& more, const std::string& images = R"(["img/a.png"])") {
  return R"([{"id": 3, "images": )" + images +
         R"(, "conversations": [{"value": "<image>What?", "from": "human"}, )"
         R"({"value": "B", "from": "gpt"}], "metadata": {"dataset": "cvbench", )" +
         more + "}}]";
}

const std::string kGood =
    R"("question_type": "Count", "source": "COCO", "options": ["A. 1", "B. 2"])";

}  // namespace

TEST_CASE("the released scorer takes the first capital A to F for the answer") {
  const auto said = [](std::string_view answer) { return released_letter(answer).value_or('-'); };
  CHECK(said("Answer: D") == 'A');
  CHECK(said("Best answer: E") == 'B');  // letters of the phrase itself win
  CHECK(said("The answer is (E) because") == 'E');
  CHECK(said("a") == '-');
  CHECK(said("") == '-');
  CHECK(said(" (C)\n") == 'C');
  CHECK(said("The best option is C") == 'C');  // "The" has no such letter
  CHECK(said("The best option isThe correct option is") == '-');
  CHECK(said("G or H") == '-');
}

TEST_CASE("right answers are letters, alone or in brackets") {
  CHECK(right_letter("(C)") == 'C');
  CHECK(right_letter("F") == 'F');
  for (const char* text : {"", "(G)", "hidden", "c", "(AB)", "A.", "((A"}) {
    CAPTURE(text);
    CHECK_FALSE(right_letter(text));
  }
  CHECK(lettered({"left", "right"}) == std::vector<std::string>{"A. left", "B. right"});
}

TEST_CASE("names of pictures stay below their folder") {
  for (const char* name : {"a.png", "img/2D/count/a b.png", "./a.png", "a..b/c"}) {
    CAPTURE(name);
    CHECK(is_picture_name(name));
  }
  for (const char* name : {"", "/etc/passwd", "../a.png", "img/../../a.png", "img/", "a\nb.png"}) {
    CAPTURE(name);
    CHECK_FALSE(is_picture_name(name));
  }
}

TEST_CASE("questions about pictures are read, written, and answered in lines") {
  const SampleFile file = parse_samples(record(kGood), "q.json", Task::kCvBench);
  const Sample& one = file.samples.at(0);
  CHECK(one.pictures == std::vector<std::string>{"img/a.png"});
  CHECK(one.scene == "img/a.png");
  CHECK(one.source == "COCO");
  CHECK(one.video.empty());
  CHECK(samples_text(parse_samples(samples_text({one}), "r", Task::kCvBench).samples) ==
        samples_text({one}));
  CHECK(samples_text({one}).find("video") == std::string::npos);
  const Json line = answer_line(one, {.text = "B", .objects = {}, .scores = {}, .ids = {}}, "m");
  CHECK(line.dump() ==
        R"({"dataset":"cvbench","sample_id":3,"prompt":"<image>What?","pred_response":"B",)"
        R"("gt_response":"B","model_id":"m","question_type":"Count","images":["img/a.png"],)"
        R"("source":"COCO","options":["A. 1","B. 2"]})");

  const auto why = [](const std::string& text) {
    try {
      parse_samples(text, "q.json", Task::kCvBench);
    } catch (const FormatError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(why(record(kGood, "[]")).find("images") != std::string::npos);
  CHECK(why(record(kGood, R"(["a.png", "b.png"])")).find("one picture") != std::string::npos);
  CHECK(why(record(kGood, R"(["../a.png"])")).find("below the folder") != std::string::npos);
  CHECK(why(record(R"("question_type": "Size", "source": "COCO", "options": ["A. 1", "B. 2"])"))
            .find("metadata.question_type") != std::string::npos);
  CHECK(why(record(R"("question_type": "Count", "source": "X", "options": ["A. 1", "B. 2"])"))
            .find("metadata.source") != std::string::npos);
  CHECK(why(record(R"("question_type": "Count", "source": "COCO", "options": ["A. 1"])"))
            .find("metadata.options") != std::string::npos);
}

TEST_CASE("the released words of questions about pictures") {
  CHECK(filled(released_prompts(Task::kCvBench).of(Task::kCvBench).user,
               {.question = "How many?", .options = "A. 1\nB. 2"}) ==
        "<image>These are frames of a video.\nHow many?\nOptions:\nA. 1\nB. 2\nAnswer with the "
        "option's letter from the given choices directly.");
  CHECK(filled(released_prompts(Task::kBlink).of(Task::kBlink).user, {.question = "Left?"}) ==
        "<image>Left?\nAnswer with the option's letter from the given choices directly.");
  CHECK(released_prompts(Task::kBlink).instruction().empty());
}

}  // namespace vega::tasks::pictures_test
