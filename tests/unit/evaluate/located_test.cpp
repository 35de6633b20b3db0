// What a located object looks like as text and JSON, in both frames.
#include "evaluate/located.h"

#include <catch2/catch.hpp>

using namespace vega;
using Catch::Contains;

namespace {

// The aligned frame is the scan's, turned by 90 degrees about z and raised by 1 m.
evaluate::Located located() {
  evaluate::Located out;
  out.text = "the red chair";
  out.candidates = {{7, "chair", Box{1, 2, 3, 0.5f, 0.6f, 0.7f}, 0.9}, {3, "", Box{}, 0.2}};
  out.none = 0.1;
  out.aligned_from_scan = {0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1};
  return out;
}

}  // namespace

TEST_CASE("the best candidate, unless no object is meant") {
  evaluate::Located found = located();
  REQUIRE(found.best() != nullptr);
  CHECK(found.best()->id == 7);
  found.none = 0.95;
  CHECK(found.best() == nullptr);
  CHECK_THAT(to_text(found), Contains("no object of 2 is meant") && Contains("0.950"));
  CHECK(to_json(found)["found"].flag() == false);
  CHECK_FALSE(to_json(found).contains("box_aligned"));
  found.candidates.clear();
  found.none.reset();
  CHECK(found.best() == nullptr);
}

TEST_CASE("a located object in both frames") {
  const evaluate::Located found = located();
  const Json json = to_json(found, 1);
  CHECK(json["id"].whole() == 7);
  CHECK(json["label"].text_or("") == "chair");
  CHECK(json["box_aligned"].dump() == "[1.0,2.0,3.0,0.5,0.6,0.7]");
  CHECK(json["best"].size() == 1);
  CHECK(json["proposals"].whole() == 2);
  CHECK(json["score_none"].number() == 0.1);
  // Aligned (0.75, 1.7, 2.65) is (1.7, -0.75, 1.65) in the scan.
  const Json& corner = json["corners_scan"][0];
  CHECK(corner[0].number().value() == Approx(1.7));
  CHECK(corner[1].number().value() == Approx(-0.75));
  CHECK(corner[2].number().value() == Approx(1.65));
  const std::string text = to_text(found);
  CHECK_THAT(text, Contains("object 7, chair, score 0.900"));
  CHECK_THAT(text, Contains("scan frame:    centre 2.000 -1.000 2.000 m"));
  CHECK_THAT(to_mesh(found, false), Contains("frame of the scan") && Contains("vertex 96"));
  CHECK_THAT(to_mesh(found, true), Contains("axis-aligned"));
}
