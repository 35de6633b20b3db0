#include "synth/dataset/words.h"

#include <algorithm>
#include <cmath>

namespace vega::synth {
namespace {

constexpr double kDegrees = 57.29577951308232;
constexpr double kNearGap = 0.25, kNearMiddle = 0.1;  // m
constexpr double kLineNear = 0.3, kLineFar = 0.7;     // m off the line
constexpr double kLineLength = 1.2;                   // m
constexpr double kInner = 0.2;                        // of the line, at either end
constexpr double kVolumes = 1.5, kHeights = 0.08;     // ratio; m
constexpr double kSamePlace = 0.01;                   // m: one stands on the other
constexpr double kOnTop = 0.02, kOffTop = 0.1;        // m from the top of what is below
constexpr double kHigher = 0.15;                      // m
constexpr double kApart = 0.35;                       // m: closer things have no direction
constexpr double kIn = 40, kOut = 115, kLaxIn = 65, kLaxOut = 95;  // degrees

double gap_along(const Thing& a, const Thing& b, int axis) {
  return std::max({0.0, a.low[axis] - b.high[axis], b.low[axis] - a.high[axis]});
}

Truth between(const Thing& x, const Thing& a, const Thing& b) {
  if (std::min(middle_distance(x, a), middle_distance(x, b)) < kSamePlace) return Truth::kNo;
  const double lx = b.x() - a.x(), ly = b.y() - a.y(), length = std::hypot(lx, ly);
  const double px = x.x() - a.x(), py = x.y() - a.y();
  const double along = (px * lx + py * ly) / (length * length);
  const double off = std::abs(px * ly - py * lx) / length;
  if (along <= 0 || along >= 1 || off >= kLineFar) return Truth::kNo;
  return off <= kLineNear && along >= kInner && along <= 1 - kInner ? Truth::kYes : Truth::kUnclear;
}

Truth on_top(const Thing& x, const Thing& below) {
  const double off = std::abs(x.low[2] - below.high[2]);
  if (off >= kOffTop || footprint_gap(x, below) > 0) return Truth::kNo;
  return off <= kOnTop && point_gap(x.x(), x.y(), below) == 0 ? Truth::kYes : Truth::kUnclear;
}

// From the anchor, with the gaze of one in the middle of the room who faces `view`.
Stand seen_from(const RoomFacts& room, const Thing& anchor, const Thing& view) {
  const Thing* floor = floor_of(room);
  const double dx = view.x() - floor->x(), dy = view.y() - floor->y(), d = std::hypot(dx, dy);
  return {anchor.x(), anchor.y(), dx / d, dy / d};
}

// The bearing is taken at the anchor, along the gaze of the one who faces it. What that one calls
// "behind the anchor" therefore lies in front of this stand, and the other way round.
Relation turned(Relation side) {
  if (side == Relation::kFront) return Relation::kBehind;
  return side == Relation::kBehind ? Relation::kFront : side;
}

// The anchors and the faced thing of a description; empty where one of them is not clear.
struct Places {
  std::vector<const Thing*> anchors;
  const Thing* view = nullptr;
};

std::optional<Places> places_of(const RoomFacts& room, const Description& d) {
  Places out;
  for (const Kind& kind : d.anchors) {
    out.anchors.push_back(only_thing(room, kind));
    if (out.anchors.back() == nullptr) return std::nullopt;
  }
  const bool near = d.relation == Relation::kNearest || d.relation == Relation::kFarthest;
  const bool one = near || is_side(d.relation) || d.relation == Relation::kOn;
  if (out.anchors.size() != (d.relation == Relation::kBetween ? 2U : one ? 1U : 0U))
    return std::nullopt;
  if (d.relation == Relation::kBetween &&
      (out.anchors[0] == out.anchors[1] ||
       middle_distance(*out.anchors[0], *out.anchors[1]) < kLineLength))
    return std::nullopt;
  if (!is_side(d.relation)) return out;
  out.view = only_thing(room, d.view);
  const Thing* floor = floor_of(room);
  if (out.view == nullptr || floor == nullptr || out.view == out.anchors[0] ||
      std::hypot(out.view->x() - floor->x(), out.view->y() - floor->y()) < 1)
    return std::nullopt;
  return out;
}

Truth holds(const RoomFacts& room, const Description& d, const Places& places, const Thing& x) {
  if (d.relation == Relation::kBetween) return between(x, *places.anchors[0], *places.anchors[1]);
  const Thing& anchor = *places.anchors[0];
  if (d.relation == Relation::kOn) return on_top(x, anchor);
  if (middle_distance(x, anchor) < kApart) return Truth::kUnclear;
  const Stand stand = seen_from(room, anchor, *places.view);
  return on_side(turned(d.relation), bearing(stand, x.x(), x.y()));
}

bool contains(const std::vector<int>& ids, int id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

std::span<const Choice<Relation>> relation_names() {
  static constexpr Choice<Relation> kNames[] = {
      {Relation::kNone, "none"},         {Relation::kNearest, "nearest"},
      {Relation::kFarthest, "farthest"}, {Relation::kBetween, "between"},
      {Relation::kLeft, "left"},         {Relation::kRight, "right"},
      {Relation::kFront, "front"},       {Relation::kBehind, "behind"},
      {Relation::kLargest, "largest"},   {Relation::kSmallest, "smallest"},
      {Relation::kTallest, "tallest"},   {Relation::kOn, "on"},
      {Relation::kHighest, "highest"}};
  return kNames;
}

bool is_side(Relation r) {
  return r == Relation::kLeft || r == Relation::kRight || r == Relation::kFront ||
         r == Relation::kBehind;
}

bool is_size(Relation r) {
  return r == Relation::kLargest || r == Relation::kSmallest || r == Relation::kTallest;
}

bool is_superlative(Relation r) {
  return r == Relation::kNearest || r == Relation::kFarthest || r == Relation::kHighest ||
         is_size(r);
}

double middle_distance(const Thing& a, const Thing& b) {
  return std::hypot(a.x() - b.x(), a.y() - b.y());
}

double footprint_gap(const Thing& a, const Thing& b) {
  return std::hypot(gap_along(a, b, 0), gap_along(a, b, 1));
}

double point_gap(double x, double y, const Thing& a) {
  return std::hypot(std::max({0.0, a.low[0] - x, x - a.high[0]}),
                    std::max({0.0, a.low[1] - y, y - a.high[1]}));
}

double bearing(const Stand& s, double x, double y) {
  const double px = x - s.x, py = y - s.y;
  return std::atan2(s.dx * py - s.dy * px, s.dx * px + s.dy * py) * kDegrees;
}

Truth on_side(Relation side, double degrees, bool strict) {
  const double axis = side == Relation::kLeft     ? 90
                      : side == Relation::kRight  ? -90
                      : side == Relation::kBehind ? 180
                                                  : 0;
  double off = std::abs(degrees - axis);
  if (off > 180) off = 360 - off;
  if (off <= (strict ? kIn : kLaxIn)) return Truth::kYes;
  return off >= (strict ? kOut : kLaxOut) ? Truth::kNo : Truth::kUnclear;
}

bool clearly_more(Relation relation, const Thing& a, const Thing& b, const Thing* anchor) {
  switch (relation) {
    case Relation::kNearest:
      return footprint_gap(a, *anchor) + kNearGap <= footprint_gap(b, *anchor) &&
             middle_distance(a, *anchor) + kNearMiddle <= middle_distance(b, *anchor);
    case Relation::kFarthest: return clearly_more(Relation::kNearest, b, a, anchor);
    case Relation::kLargest: return a.volume() >= kVolumes * b.volume();
    case Relation::kSmallest: return b.volume() >= kVolumes * a.volume();
    case Relation::kTallest: return a.height() >= b.height() + kHeights;
    case Relation::kHighest: return a.z() >= b.z() + kHigher;
    default: return false;
  }
}

bool is_kind(const Thing& thing, const Kind& kind) {
  if (!kind.colour.empty() && thing.colour != kind.colour) return false;
  return kind.label.empty() ? thing.is_shape() : thing.label == kind.label;
}

std::vector<const Thing*> things_of(const RoomFacts& room, const Kind& kind) {
  std::vector<const Thing*> out;
  for (const Thing& thing : room.things)
    if (is_kind(thing, kind)) out.push_back(&thing);
  return out;
}

const Thing* only_thing(const RoomFacts& room, const Kind& kind) {
  const auto found = things_of(room, kind);
  return found.size() == 1 ? found[0] : nullptr;
}

const Thing* floor_of(const RoomFacts& room) { return only_thing(room, {"floor", ""}); }

std::optional<std::vector<int>> referents(const RoomFacts& room, const Description& d) {
  const auto places = places_of(room, d);
  if (!places) return std::nullopt;
  std::vector<int> out;
  std::vector<const Thing*> heads = things_of(room, d.head);
  std::erase_if(heads, [&](const Thing* thing) {
    return std::find(places->anchors.begin(), places->anchors.end(), thing) !=
           places->anchors.end();
  });
  if (is_superlative(d.relation)) {
    const Thing* anchor = places->anchors.empty() ? nullptr : places->anchors[0];
    for (const Thing* best : heads) {
      const bool wins = std::all_of(heads.begin(), heads.end(), [&](const Thing* other) {
        return other == best || clearly_more(d.relation, *best, *other, anchor);
      });
      if (wins) out.push_back(best->id);
    }
    if (heads.size() < 2 || out.size() != 1) return std::nullopt;
    return out;
  }
  for (const Thing* thing : heads) {
    const Truth truth =
        d.relation == Relation::kNone ? Truth::kYes : holds(room, d, *places, *thing);
    if (truth == Truth::kUnclear) return std::nullopt;
    if (truth == Truth::kYes) out.push_back(thing->id);
  }
  return out;
}

bool needs_appearance(const RoomFacts& room, const Description& d, const std::vector<int>& ids) {
  if (d.relation == Relation::kNone || d.relation == Relation::kOn) return true;
  const auto places = places_of(room, d);
  if (!places) return false;
  const Thing* anchor = places->anchors.empty() ? nullptr : places->anchors[0];
  for (const Thing& x : room.things) {
    if (!x.is_shape() || contains(ids, x.id) ||
        std::find(places->anchors.begin(), places->anchors.end(), &x) != places->anchors.end())
      continue;
    if (is_superlative(d.relation)
            ? !ids.empty() && clearly_more(d.relation, x, room.things[ids[0]], anchor)
            : holds(room, d, *places, x) == Truth::kYes)
      return true;
  }
  return false;
}

bool have_distractors(const RoomFacts& room, const std::vector<int>& ids) {
  return std::all_of(ids.begin(), ids.end(), [&](int id) {
    bool shape = false, colour = false;
    for (const Thing& other : room.things) {
      if (!other.is_shape() || contains(ids, other.id)) continue;
      shape |= other.label == room.things[id].label;
      colour |= other.colour == room.things[id].colour;
    }
    return shape && colour;
  });
}

Json to_json(const Kind& kind) {
  Json out = Json::object();
  if (!kind.label.empty()) out.add("label", kind.label);
  if (!kind.colour.empty()) out.add("colour", kind.colour);
  return out;
}

Json to_json(const Description& d) {
  Json out = {{"head", to_json(d.head)}};
  if (d.relation == Relation::kNone) return out;
  out.add("relation", name_in(relation_names(), d.relation));
  Json anchors = Json::list();
  for (const Kind& kind : d.anchors) anchors.push(to_json(kind));
  if (!d.anchors.empty()) out.add("anchors", std::move(anchors));
  if (is_side(d.relation)) out.add("view", to_json(d.view));
  return out;
}

}  // namespace vega::synth
