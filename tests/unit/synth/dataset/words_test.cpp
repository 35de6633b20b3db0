// The geometry of words, on rooms made by hand.
#include "synth/dataset/words.h"

#include <catch2/catch.hpp>

namespace vega::synth {
namespace {

// A floor of 6 x 6 m around the origin, a door at +y, and things of a side of 0.4 m.
class HandRoom {
 public:
  HandRoom() {
    add("floor", "", 0, 0, 6, 0.1);
    add("door", "", 0, 2.9, 0.2, 2);
  }
  int add(const std::string& label, const std::string& colour, double x, double y,
          double side = 0.4, double height = 0.4) {
    const int id = static_cast<int>(room.things.size());
    room.things.push_back({id,
                           label,
                           colour,
                           {x - side / 2, y - side / 2, 0},
                           {x + side / 2, y + side / 2, height},
                           0.1});
    return id;
  }
  std::optional<std::vector<int>> meant(const Kind& head, Relation relation,
                                        std::vector<Kind> anchors = {}) const {
    return referents(room, {head, relation, std::move(anchors), {"door", ""}});
  }
  RoomFacts room;
};

const Kind kRedBox{"box", "red"};

using Ids = std::vector<int>;

}  // namespace

TEST_CASE("words: left, right, in front of and behind are those of one who faces the view",
          "[words]") {
  HandRoom r;
  r.add("box", "red", 0, 0);
  // The door lies at +y: left is -x, behind is +y.
  const int left = r.add("cone", "blue", -1, 0), right = r.add("cone", "green", 1, 0.2);
  const int behind = r.add("ball", "blue", 0.2, 1.2), front = r.add("ball", "green", 0, -1);
  CHECK(r.meant({"cone", ""}, Relation::kLeft, {kRedBox}) == Ids{left});
  CHECK(r.meant({"cone", ""}, Relation::kRight, {kRedBox}) == Ids{right});
  CHECK(r.meant({"ball", ""}, Relation::kBehind, {kRedBox}) == Ids{behind});
  CHECK(r.meant({"ball", ""}, Relation::kFront, {kRedBox}) == Ids{front});
  CHECK(r.meant({"ball", "yellow"}, Relation::kLeft, {kRedBox}) == Ids{});
  // A ball straight behind is neither clearly left nor clearly not.
  CHECK(!r.meant({"ball", ""}, Relation::kLeft, {kRedBox}));
  // Not one anchor, or none.
  CHECK(!r.meant({"cone", ""}, Relation::kLeft, {{"ball", ""}}));
  CHECK(!r.meant({"cone", ""}, Relation::kLeft, {}));
  CHECK(!r.meant({"cone", ""}, Relation::kLeft, {{"ball", "purple"}}));
}

TEST_CASE("words: sides are clear within 40 degrees, and clearly not from 115 on", "[words]") {
  for (const auto& [side, axis] : {std::pair{Relation::kLeft, 90.0},
                                   {Relation::kRight, -90.0},
                                   {Relation::kFront, 0.0},
                                   {Relation::kBehind, 180.0}}) {
    for (const double off : {0.0, 39.9, 40.1, 90.0, 114.9, 115.1, 180.0}) {
      CAPTURE(axis, off);
      const Truth wanted = off <= 40 ? Truth::kYes : off >= 115 ? Truth::kNo : Truth::kUnclear;
      for (const int sign : {-1, 1}) {
        double at = axis + sign * off;
        at = at > 180 ? at - 360 : at < -180 ? at + 360 : at;
        CHECK(on_side(side, at) == wanted);
      }
    }
    CHECK(on_side(side, axis > 0 ? axis - 64 : axis + 64, false) == Truth::kYes);
    CHECK(on_side(side, axis > 0 ? axis - 80 : axis + 80, false) == Truth::kUnclear);
    CHECK(on_side(side, axis > 0 ? axis - 96 : axis + 96, false) == Truth::kNo);
  }
  const Stand stand{1, 1, 0, 1};  // looks at +y
  CHECK(bearing(stand, 0, 1) == Approx(90));
  CHECK(bearing(stand, 2, 1) == Approx(-90));
  CHECK(bearing(stand, 1, 3) == Approx(0).margin(1e-12));
  CHECK(std::abs(bearing(stand, 1, 0)) == Approx(180));
}

TEST_CASE("words: closest and farthest need a margin, between footprints and middles", "[words]") {
  HandRoom r;
  r.add("box", "red", 0, 0);
  const int near = r.add("cone", "blue", 0.8, 0), far = r.add("cone", "green", 0, -1.5);
  CHECK(r.meant({"cone", ""}, Relation::kNearest, {kRedBox}) == Ids{near});
  CHECK(r.meant({"cone", ""}, Relation::kFarthest, {kRedBox}) == Ids{far});
  CHECK(!r.meant({"cone", "blue"}, Relation::kNearest, {kRedBox}));  // no rival
  r.add("cone", "black", -0.95, 0);  // 0.15 m farther than the nearest
  CHECK(!r.meant({"cone", ""}, Relation::kNearest, {kRedBox}));
  CHECK(r.meant({"cone", ""}, Relation::kFarthest, {kRedBox}) == Ids{far});
  CHECK(footprint_gap(r.room.things[2], r.room.things[near]) == Approx(0.4));
  CHECK(point_gap(0, 1, r.room.things[2]) == Approx(0.8));
}

TEST_CASE("words: between is near the line and not at its ends", "[words]") {
  HandRoom r;
  r.add("box", "red", -1, 0);
  r.add("box", "blue", 1, 0);
  const int mid = r.add("cone", "green", 0.1, 0.2);
  r.add("cone", "blue", 0, 1.5);
  const std::vector<Kind> ends{kRedBox, {"box", "blue"}};
  CHECK(r.meant({"cone", ""}, Relation::kBetween, ends) == Ids{mid});
  CHECK(!r.meant({"cone", ""}, Relation::kBetween, {kRedBox}));
  CHECK(!r.meant({"cone", ""}, Relation::kBetween, {kRedBox, kRedBox}));
  r.add("cone", "black", 0, 0.5);  // neither on the line nor off it
  CHECK(!r.meant({"cone", ""}, Relation::kBetween, ends));
  CHECK(r.meant({"cone", "green"}, Relation::kBetween, ends) == Ids{mid});
}

TEST_CASE("words: sizes go by volume and height, with a margin", "[words]") {
  HandRoom r;
  const int large = r.add("box", "red", -1, 0, 0.6, 0.3),
            middle = r.add("box", "blue", 1, 0, 0.4, 0.4);
  CHECK(r.meant({"box", ""}, Relation::kLargest) == Ids{large});
  CHECK(r.meant({"box", ""}, Relation::kSmallest) == Ids{middle});
  CHECK(r.meant({"box", ""}, Relation::kTallest) == Ids{middle});
  r.add("box", "green", 0, 1, 0.42, 0.42);
  CHECK(!r.meant({"box", ""}, Relation::kSmallest));
  CHECK(!r.meant({"box", ""}, Relation::kTallest));
  CHECK(!r.meant({"box", "red"}, Relation::kLargest));
}

TEST_CASE("words: what stands on a thing, and what is highest", "[words]") {
  HandRoom r;
  r.add("box", "red", 0, 0, 0.5, 0.4);
  const int on = r.add("cone", "blue", 0.1, 0, 0.3, 0.4), off = r.add("cone", "green", 1, 0);
  const auto lift = [&](int id, double by) {
    r.room.things[id].low[2] += by, r.room.things[id].high[2] += by;
  };
  lift(on, 0.4);
  CHECK(r.meant({"cone", ""}, Relation::kOn, {kRedBox}) == Ids{on});
  CHECK(r.meant({"cone", ""}, Relation::kHighest) == Ids{on});
  CHECK(!r.meant({"cone", ""}, Relation::kOn));  // no anchor
  const Description d{{"cone", ""}, Relation::kOn, {kRedBox}, {}};
  CHECK(needs_appearance(r.room, d, {on}));
  lift(on, 0.05);  // neither on the box nor clearly above it
  CHECK(!r.meant({"cone", ""}, Relation::kOn, {kRedBox}));
  lift(on, 0.06);
  CHECK(r.meant({"cone", ""}, Relation::kOn, {kRedBox}) == Ids{});
  lift(on, -0.11);
  r.room.things[on].low[0] += 0.2, r.room.things[on].high[0] += 0.2;  // its middle is beside it
  CHECK(!r.meant({"cone", ""}, Relation::kOn, {kRedBox}));
  lift(off, 0.3);  // 0.1 m lower
  CHECK(!r.meant({"cone", ""}, Relation::kHighest));
}

TEST_CASE("words: distractors, and places that are not enough", "[words]") {
  HandRoom r;
  r.add("box", "red", 0, 0);
  const int cone = r.add("cone", "blue", 1.5, 0);
  r.add("cone", "green", -2, 0);
  CHECK(!have_distractors(r.room, {cone}));  // no other blue thing
  r.add("ball", "blue", 0.8, 0);
  CHECK(have_distractors(r.room, {cone}));
  // The ball is closer: only a cone can be meant by its looks.
  const Description d{{"cone", ""}, Relation::kNearest, {kRedBox}, {}};
  CHECK(referents(r.room, d) == Ids{cone});
  CHECK(needs_appearance(r.room, d, {cone}));
  const Description far{{"cone", ""}, Relation::kFarthest, {kRedBox}, {}};
  CHECK(referents(r.room, far) == Ids{cone + 1});
  CHECK(!needs_appearance(r.room, far, {cone + 1}));  // nothing is farther
  CHECK(is_kind(r.room.things[cone], {"", "blue"}));
  CHECK(is_kind(r.room.things[1], {"door", ""}));
  CHECK(!is_kind(r.room.things[1], {"", ""}));  // "object" is a plain shape
  CHECK(
      to_json(d).dump() ==
      R"({"head":{"label":"cone"},"relation":"nearest","anchors":[{"label":"box","colour":"red"}]})");
}

}  // namespace vega::synth
