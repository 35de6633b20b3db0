// What single answers earn: the vectors of the specifications.
#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "tasks/grounding.h"
#include "tasks/nr3d.h"
#include "tasks/sqa3d.h"
#include "tasks/vsi.h"

using namespace vega::tasks;

TEST_CASE("SQA3D cleaning") {
  const std::pair<const char*, const char*> vectors[] = {{" Left. ", "left"},
                                                         {"a an the chair", "chair"},
                                                         {"an a chair", "chair"},
                                                         {"a", "a"},
                                                         {"the  chair", "chair"},
                                                         {"The TV", "TV"},
                                                         {"none.", "zero"},
                                                         {"21 chairs", "21 chairs"},
                                                         {"no12", "no12"},
                                                         {"3 o clock", "three o clock"},
                                                         {"3/4", "34"},
                                                         {"1-2", "one-two"},
                                                         {"a.b", "ab"},
                                                         {"left .", "left "},
                                                         {"no1", "no"},
                                                         {"backwards", "backward"},
                                                         {"o'  clock", "o'clock"},
                                                         {"oclock", "o'clock"},
                                                         {"23", "twenty-three"},
                                                         {"", ""}};
  for (const auto& [from, to] : vectors) {
    INFO(from);
    CHECK(sqa3d_clean(from) == to);
  }
}

TEST_CASE("SQA3D matches, strictest first") {
  CHECK(sqa3d_match("left", "left") == Sqa3dMatch::kStrict);
  CHECK(sqa3d_match("Left.", "left") == Sqa3dMatch::kOfficial);
  CHECK(sqa3d_match("the left side", "left") == Sqa3dMatch::kRefined);
  CHECK(sqa3d_match("", "left") == Sqa3dMatch::kRefined);
  CHECK(sqa3d_match("right", "left") == Sqa3dMatch::kNone);
}

TEST_CASE("VSI options: the strict reader") {
  const std::pair<const char*, bool> of_a[] = {{"A.", true},
                                               {"a", true},
                                               {" A", false},
                                               {"A\n", true},
                                               {"A.\n", false},
                                               {"A\nbecause", false},
                                               {"A, x", false},
                                               {"(A)", false},
                                               {"A..", true},
                                               {"\nA", true},
                                               {"A\u3000", true},
                                               {"A\tB", false},
                                               {"Answer: **A**", false}};
  for (const auto& [answer, right] : of_a) {
    INFO(answer);
    CHECK((vsi_letter(answer, "ABCD", VsiParser::kStrict) == 'A') == right);
  }
}

TEST_CASE("VSI options: the lenient reader") {
  const auto letter = [](const char* answer) {
    return vsi_letter(answer, "ABCD", VsiParser::kLenient).value_or('-');
  };
  CHECK(letter("Answer: **D**") == 'D');
  CHECK(letter("d") == 'D');
  CHECK(letter("D.") == 'D');
  CHECK(letter("The correct answer is (B).") == 'B');
  CHECK(letter("Based on it") == '-');
  CHECK(letter("The answer is B because a car moves") == 'B');
  CHECK(letter("") == '-');
  CHECK(vsi_letter("D", "AB", VsiParser::kLenient) == std::nullopt);
}

TEST_CASE("VSI numbers") {
  const auto score = [](const char* answer, double truth) {
    const auto number = vsi_number(answer, VsiParser::kStrict);
    return number ? mean_relative_accuracy(*number, truth, VsiThresholds::kOfficial) : 0.0;
  };
  CHECK(score("3 chairs", 3) == 1);
  CHECK(score("3.0.", 3) == 1);
  CHECK(score("...", 3) == 0);
  CHECK(score("3.", 4) == Approx(0.6));
  CHECK(score("three", 3) == 0);
  CHECK(score("2.5m", 2.5) == 0);
  CHECK(score("9", 10) == Approx(0.9));
  CHECK(score("8", 10) == Approx(0.6));
  CHECK(score("0.8", 1) == Approx(0.7));
  CHECK(score("1.2", 1) == Approx(0.7));
  CHECK(score("1.35", 1) == Approx(0.3));
  CHECK(score("0.65", 1) == Approx(0.4));
  CHECK(score("1,000", 1000) == 0);
  CHECK(score("1_0", 10) == 1);
  CHECK(score("inf", 3) == 0);
  CHECK(score("nan", 3) == 0);
  CHECK(score("3", -3) == 1);
  CHECK(score("0", 3) == 0);
  CHECK(score("+3", 3) == 1);
  CHECK(score("1e3", 1000) == 1);
  CHECK(score("\u0663", 3) == 1);  // an Arabic digit
  const std::pair<const char*, double> lenient[] = {
      {"1,000", 1},       {".5", 5},          {"1e3", 1},
      {"3rd", 3},         {"room2", 2},       {"two hundred and five", 205},
      {"twenty-one", 21}, {"a hundred", 100}, {"one apple, room 2", 1}};
  for (const auto& [text, value] : lenient) {
    INFO(text);
    CHECK(vsi_number(text, VsiParser::kLenient).value_or(NAN) == value);
  }
  CHECK_FALSE(vsi_number("someone", VsiParser::kLenient));
}

TEST_CASE("VSI thresholds: the released ten, eleven, and strictly less") {
  CHECK(mean_relative_accuracy(1.5, 1, VsiThresholds::kOfficial) == Approx(0.1));
  CHECK(mean_relative_accuracy(1.5, 1, VsiThresholds::kStrictLess) == 0);
  CHECK(mean_relative_accuracy(1, 1, VsiThresholds::kEleven) == 1);
  CHECK(mean_relative_accuracy(1.5, 1, VsiThresholds::kEleven) == Approx(1.0 / 11));
}

TEST_CASE("Multi3DRefer: boxes until their probability is enough") {
  const std::vector<double> none = {0.1, 0.2, 0.9};
  CHECK(chosen_boxes(none, {}).empty());
  const std::vector<double> one = {0.9, 0.2, 0.1};
  CHECK(chosen_boxes(one, {}) == std::vector<std::size_t>{0});
  const std::vector<double> three = {0.5, 0.5, 0.5, 0.5, 0.1};
  CHECK(chosen_boxes(three, {}) == std::vector<std::size_t>{0, 1});
  CHECK(chosen_boxes(three, {0.1, false}) == std::vector<std::size_t>{0});
  // The zero target holds half of the mass: all boxes never reach 0.6, renormalised they do.
  const std::vector<double> half = {0.5, 0.5, 0.49};
  CHECK(chosen_boxes(half, {0.9, false}).size() == 2);
  CHECK(chosen_boxes(half, {0.4, true}).size() == 1);
}

TEST_CASE("Nr3D stimuli and utterances") {
  const auto table = nr3d_stimulus("scene0011_00-coffee_table-3-5-6-7");
  REQUIRE(table);
  CHECK(table->scan == "scene0011_00");
  CHECK(table->label == "coffee table");
  CHECK(table->target == 5);
  CHECK(table->distractors == std::vector<std::int64_t>{6, 7});
  CHECK(table->hard());
  REQUIRE(nr3d_stimulus("scene0000_00-lamp-1-4"));
  CHECK_FALSE(nr3d_stimulus("scene0000_00-lamp-1-4")->hard());
  CHECK_FALSE(nr3d_stimulus("scene0000_00-lamp-2-4"));
  CHECK_FALSE(nr3d_stimulus("lamp"));
  CHECK(python_words("['the', \"chair's\", 'a\\'b',]") ==
        std::vector<std::string>{"the", "chair's", "a'b"});
  CHECK_FALSE(python_words("['the'"));
  CHECK(nr3d_view_dependent({"the", "left", "one"}));
  CHECK_FALSE(nr3d_view_dependent({"leftover", "food"}));
}

TEST_CASE("a video is shown in the frames that numpy's linspace names, all of a short one") {
  using Frames = std::vector<std::int64_t>;
  CHECK(vsi_frames(1) == Frames{0});
  CHECK(vsi_frames(5) == Frames{0, 1, 2, 3, 4});
  CHECK(vsi_frames(31).size() == 31);
  CHECK(vsi_frames(32).back() == 31);
  CHECK(vsi_frames(300) ==  // numpy.linspace(0, 299, 32, dtype=int)
        Frames{0,   9,   19,  28,  38,  48,  57,  67,  77,  86,  96,  106, 115, 125, 135, 144,
               154, 163, 173, 183, 192, 202, 212, 221, 231, 241, 250, 260, 270, 279, 289, 299});
  CHECK(vsi_frames(9, 4) == Frames{0, 2, 5, 8});
  CHECK_THROWS_AS(vsi_frames(0), vega::InputError);
}
