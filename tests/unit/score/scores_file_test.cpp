#include "score/scores_file.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "score/sha256.h"

using namespace vega;
using namespace vega::score;
using Catch::Matchers::Contains;

namespace {

Scores sample() {
  Scores out;
  out.task = "scanqa";
  out.split = "val";
  out.matcher = "raw";
  out.n = 2;
  out.of = 3;
  out.empty = 1;
  ScoreValue em;
  em.value = 1.0 / 3;
  em.low = 0;
  em.high = 40;
  em.n = 2;
  em.seeds = {1, 2};
  ScoreValue none;
  none.reason = "no WordNet";
  out.metrics = {{"EM", em}, {"meteor-wordnet", none}};
  out.breakdown = {{"what", {{"EM", em}}}};
  out.run = Json{{"seed", 42}};
  out.inputs = {{"a.jsonl", "00"}};
  return out;
}

}  // namespace

TEST_CASE("scores come back from their file, digit for digit and in order") {
  const Scores before = sample();
  const std::string text = scores_text(before);
  const Scores after = parse_scores(text, "scores.json");
  CHECK(scores_text(after) == text);
  CHECK(after.partial());
  REQUIRE(after.find("EM") != nullptr);
  CHECK(after.find("EM")->value == before.find("EM")->value);
  CHECK(after.find("EM")->seeds == std::vector<double>{1, 2});
  CHECK(after.metrics[1].first == "meteor-wordnet");
  CHECK(std::isnan(after.metrics[1].second.value));
  CHECK(after.metrics[1].second.reason == "no WordNet");
  CHECK(after.breakdown.at(0).first == "what");
  CHECK_FALSE(after.cut.has_value());
}

TEST_CASE("a number that there is none of is null with a reason, never NaN") {
  const std::string text = scores_text(sample());
  CHECK_THAT(text, Contains("\"value\": null") && Contains("\"reason\": \"no WordNet\""));
  CHECK_THAT(text, !Contains("nan") && !Contains("NaN"));
}

TEST_CASE("a file of another schema or shape is refused by key") {
  CHECK_THROWS_WITH(parse_scores("{}", "f"), Contains("f: schema"));
  std::string text = scores_text(sample());
  text.replace(text.find("\"n\": 2"), 6, "\"n\": -1");
  CHECK_THROWS_WITH(parse_scores(text, "f"), Contains("f: n: got -1"));
  text = scores_text(sample());
  text.replace(text.find("\"lo\": 0.0"), 9, "\"lo\": \"x\"");
  CHECK_THROWS_WITH(parse_scores(text, "f"), Contains("metrics.EM.lo"));
}

TEST_CASE("SHA-256 of the vectors of FIPS 180-4") {
  const auto hex = [](const std::string& text) {
    return sha256_hex(std::as_bytes(std::span(text)));
  };
  CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
