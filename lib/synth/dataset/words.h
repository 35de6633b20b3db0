// What the words of a made-up data set mean, decided on the boxes of a room, with a margin: a
// sentence is used only where every word of it is clearly true or clearly false of everything that
// it might be about. Lengths in the floor plane, metres; the middle of a thing is that of its
// footprint.
//   closest to A    the gap between the footprints is 0.25 m smaller than that of any rival, and
//                   the middle 0.1 m closer; farthest from A: the reverse
//   between A, B    the middle lies within 0.3 m of the line from A to B, in its inner 60 %;
//                   clearly not: beyond its ends, above or below A or B, or 0.7 m off the line. A
//                   and B are 1.2 m apart
//   left, right, in front of, behind A, facing W   as someone in the middle of the room who looks
//                   at W sees it: the direction from A is within 40 degrees of the word's own
//                   (left: 90 degrees from the gaze; behind: along it); clearly not: 115 or more
//   on my left, ... the same from where someone stands and looks ("in front of me" is along the
//                   gaze)
//   largest, smallest   the box has 1.5 times the volume of any rival, or its inverse
//   tallest         0.08 m taller than any rival
//   on top of A     the bottom is within 0.02 m of A's top, the middle above A's footprint; clearly
//                   not: the footprints lie apart, or the bottom is 0.1 m off A's top
//   highest         the middle of the box is 0.15 m higher than that of any rival
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/choice.h"
#include "base/json.h"
#include "synth/dataset/facts.h"

namespace vega::synth {

// Things of a label and a colour. An empty label is any plain shape ("object"), an empty colour any
// colour.
struct Kind {
  std::string label, colour;
  bool operator==(const Kind&) const = default;
};

enum class Relation {
  kNone,
  kNearest,
  kFarthest,
  kBetween,
  kLeft,
  kRight,
  kFront,
  kBehind,
  kLargest,
  kSmallest,
  kTallest,
  kOn,
  kHighest
};
std::span<const Choice<Relation>> relation_names();  // "nearest", ...
bool is_side(Relation relation);                     // left, right, front, behind
bool is_size(Relation relation);                     // largest, smallest, tallest
bool is_superlative(Relation relation);

// "the red cone closest to the sofa".
struct Description {
  Kind head;
  Relation relation = Relation::kNone;
  std::vector<Kind> anchors;  // each names one thing of the room; between has two
  Kind view;                  // of sides: the one thing that is faced
};

enum class Truth { kNo, kUnclear, kYes };

// A place on the floor and a direction (unit vector).
struct Stand {
  double x = 0, y = 0, dx = 1, dy = 0;
};

double middle_distance(const Thing& a, const Thing& b);
double footprint_gap(const Thing& a, const Thing& b);  // 0 where they overlap
double point_gap(double x, double y, const Thing& a);

// From -180 to 180 degrees, positive to the left of the gaze.
double bearing(const Stand& stand, double x, double y);

// Whether something at this bearing is on that side of the one who stands. strict: with the margin
// above; else within 65 degrees and beyond 95, for what must hold of neighbouring places too.
Truth on_side(Relation side, double bearing, bool strict = true);

// a beats b by the relation's margin. anchor: of nearest and farthest.
bool clearly_more(Relation relation, const Thing& a, const Thing& b, const Thing* anchor);

bool is_kind(const Thing& thing, const Kind& kind);
std::vector<const Thing*> things_of(const RoomFacts& room, const Kind& kind);
const Thing* only_thing(const RoomFacts& room, const Kind& kind);  // null: none, or several
const Thing* floor_of(const RoomFacts& room);                      // null: none

// Ids of what is meant, ascending; nothing where that is not clear, an anchor is not one thing, or
// a superlative has no rival.
std::optional<std::vector<int>> referents(const RoomFacts& room, const Description& description);

// The place that is described is that of other plain shapes too: without label and colour the
// referents would not be found. On top of a thing stands one at most: it is found by the looks of
// what is below.
bool needs_appearance(const RoomFacts& room, const Description& description,
                      const std::vector<int>& ids);

// Each of these has a thing of its label and one of its colour that is not among them.
bool have_distractors(const RoomFacts& room, const std::vector<int>& ids);

Json to_json(const Kind& kind);
Json to_json(const Description& description);

}  // namespace vega::synth
