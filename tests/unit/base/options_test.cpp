#include "base/options.h"

#include <catch2/catch.hpp>
#include <map>

#include "base/error.h"

namespace vega {
namespace {

enum class Fruit { kApple, kPear };
constexpr Choice<Fruit> kFruits[] = {{Fruit::kApple, "apple", "red"}, {Fruit::kPear, "pear"}};

// Keeps what an options struct shows.
struct Recorder final : OptionVisitor {
  std::map<std::string, OptionSpec> specs;
  void group(const char*) override {}
  void option(const OptionSpec& spec) override { specs[spec.name] = spec; }
  void flag(const char*, bool&, const char*) override {}
  void inputs(std::vector<std::string>&, const char*, const char*) override {}
};

using Catch::Contains;

TEST_CASE("The help of a number states its range, whichever end it has") {
  Recorder v;
  double number = 2;
  std::int64_t whole = 2;
  v.real("--none", number, "X", {}, "help");
  v.real("--least", number, "X", {.least = 1}, "help");
  v.real("--above", number, "X", {.least = 0, .above_least = true}, "help");
  v.real("--most", number, "X", {.most = 9}, "help");
  v.real("--both", number, "X", {.least = 1, .most = 9}, "help");
  v.real("--inside", number, "X", {.least = 0, .most = 9, .above_least = true}, "help");
  v.integer("--whole-most", whole, "N", {.most = 9}, "help");
  v.integer("--whole", whole, "N", {1, 9}, "help");
  CHECK(v.specs["--none"].help == "help");
  CHECK(v.specs["--least"].help == "help (1 or more)");
  CHECK(v.specs["--above"].help == "help (more than 0)");
  CHECK(v.specs["--most"].help == "help (9 or less)");
  CHECK(v.specs["--both"].help == "help (1 to 9)");
  CHECK(v.specs["--inside"].help == "help (more than 0, 9 or less)");
  CHECK(v.specs["--whole-most"].help == "help (9 or less)");
  CHECK(v.specs["--whole"].help == "help (1 to 9)");
}

TEST_CASE("A number outside its range is refused with option, value and range") {
  Recorder v;
  double number = 2;
  v.real("-x,--above", number, "X", {.least = 0, .most = 9, .above_least = true}, "help");
  const auto& set = v.specs["-x,--above"].set;
  set("9");
  CHECK(number == 9);
  for (const char* bad : {"0", "9.5", "nan", "inf", "one", ""}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(set(bad), UsageError);
    CHECK_THROWS_WITH(set(bad), Contains("--above") && Contains(bad) && Contains("more than 0"));
  }
  CHECK(number == 9);
}

TEST_CASE("An option that may be repeated keeps all its values in order") {
  Recorder v;
  std::vector<std::string> asked;
  v.texts("--ask", asked, "TEXT", "a question");
  CHECK(v.specs["--ask"].repeated);
  v.specs["--ask"].set("one, two");
  v.specs["--ask"].set("three");
  CHECK(asked == std::vector<std::string>{"one, two", "three"});
}

TEST_CASE("A choice is listed, defaulted, parsed and refused from one table") {
  Recorder v;
  Fruit fruit = Fruit::kPear;
  v.choice("--fruit", fruit, kFruits, "what to eat");
  const OptionSpec& spec = v.specs["--fruit"];
  CHECK(spec.placeholder == "apple|pear");
  CHECK(spec.standard == "pear");
  CHECK_THAT(spec.help, Contains("what to eat") && Contains("apple: red"));
  spec.set("apple");
  CHECK(fruit == Fruit::kApple);
  CHECK_THROWS_WITH(spec.set("plum"), Contains("--fruit") && Contains("plum") &&
                                          Contains("apple") && Contains("pear"));
}

}  // namespace
}  // namespace vega
