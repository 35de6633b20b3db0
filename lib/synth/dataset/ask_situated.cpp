// SQA3D's questions.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "synth/dataset/ask.h"
#include "synth/dataset/phrases.h"
#include "synth/dataset/refer.h"

namespace vega::synth {
namespace {

constexpr int kRing = 96;  // places tried around a thing
// The places tried are up to 4.5 cm apart; one that is free within this counts as allowed, so that
// every place between two of them is spoken for.
constexpr double kSlack = 0.03;
constexpr double kReach = 0.35;     // m from the thing that one stands by
constexpr double kElbow = 0.12;     // m of free floor around the one who stands
constexpr double kWall = 0.55;      // m from the edge of the floor, which lies behind the walls
constexpr double kOverhead = 1.0;   // m: what hangs higher stands in nobody's way
constexpr double kLeastLook = 1.2;  // m to the thing that is faced
constexpr double kNearby = 0.35;    // m: closer things have no direction
constexpr double kCloser = 0.5, kLaxCloser = 0.1;  // m, of kNearer
constexpr std::size_t kOfOneSituation = 3;
constexpr Relation kSides[] = {Relation::kLeft, Relation::kRight, Relation::kFront,
                               Relation::kBehind};

bool is_free(const RoomFacts& room, double x, double y, double slack) {
  const double wall = kWall - slack;
  for (const Thing& thing : room.things) {
    if (thing.label == "floor") {
      if (x < thing.low[0] + wall || x > thing.high[0] - wall || y < thing.low[1] + wall ||
          y > thing.high[1] - wall)
        return false;
    } else if (thing.low[2] < kOverhead && point_gap(x, y, thing) < kElbow - slack) {
      return false;
    }
  }
  return true;
}

Stand looking_at(double x, double y, const Thing& thing) {
  const double dx = thing.x() - x, dy = thing.y() - y, d = std::hypot(dx, dy);
  return {x, y, dx / d, dy / d};
}

// Places around `by` from which one can look at `facing`: all that are nearly free, and a fourth of
// those that are wholly so.
struct Places {
  std::vector<Stand> allowed, free;
};

Places places_by(const RoomFacts& room, const Thing& by, const Thing& facing) {
  Places out;
  const double half = std::hypot(by.high[0] - by.low[0], by.high[1] - by.low[1]) / 2;
  for (int i = 0; i < kRing; ++i) {
    const double angle = 2 * 3.14159265358979323846 * i / kRing;
    const double x = by.x() + (half + kReach) * std::cos(angle);
    const double y = by.y() + (half + kReach) * std::sin(angle);
    const double way = std::hypot(facing.x() - x, facing.y() - y);
    if (way < kLeastLook - kSlack || !is_free(room, x, y, kSlack)) continue;
    out.allowed.push_back(looking_at(x, y, facing));
    if (i % 4 == 0 && way >= kLeastLook && is_free(room, x, y, 0))
      out.free.push_back(out.allowed.back());
  }
  return out;
}

struct Scene {
  Situation situation;
  const Thing *by = nullptr, *facing = nullptr;
  std::vector<Stand> others;  // places that the words allow
};

std::vector<Scene> situations(const RoomFacts& room) {
  std::vector<Scene> out;
  for (const Kind& by : single_kinds(room, true, false)) {
    for (const Kind& facing : single_kinds(room, true, true)) {
      if (facing == by) continue;
      const Thing *a = only_thing(room, by), *b = only_thing(room, facing);
      const Places places = places_by(room, *a, *b);
      for (const Relation side : {Relation::kLeft, Relation::kRight, Relation::kBehind}) {
        const auto at = [&](const Stand& stand) { return bearing(stand, a->x(), a->y()); };
        std::vector<Stand> allowed, clear;
        for (const Stand& stand : places.allowed)
          if (on_side(side, at(stand), false) == Truth::kYes) allowed.push_back(stand);
        for (const Stand& stand : places.free)
          if (on_side(side, at(stand)) == Truth::kYes) clear.push_back(stand);
        for (const Stand& stand : clear) {
          Scene scene{{by, facing, side, stand, {}, {}}, a, b, allowed};
          out.push_back(std::move(scene));
        }
      }
    }
  }
  return out;
}

// Three ways to say where one stands, in an order drawn.
void put_in_words(Situation& s, Draw& draw) {
  std::vector<std::string> texts;
  if (s.by_side == Relation::kBehind) {
    texts = {"I am standing with my back to " + the(s.by) + " close behind me, facing " +
                 the(s.facing) + ".",
             "I am facing " + the(s.facing) + " and " + the(s.by) + " is close behind me.",
             "Standing close to " + the(s.by) + " with my back to it, I am looking at " +
                 the(s.facing) + "."};
  } else {
    const std::string side = of_me(s.by_side);
    texts = {
        "I am standing by " + the(s.by) + " " + side + " and facing " + the(s.facing) + ".",
        "I am facing " + the(s.facing) + " and " + the(s.by) + " is next to me " + side + ".",
        "Standing next to " + the(s.by) + " " + side + ", I am looking at " + the(s.facing) + "."};
  }
  draw.shuffle(texts);
  s.text = texts[0];
  s.other_texts = {texts[1], texts[2]};
}

class Asker {
 public:
  Asker(const RoomFacts& room, Draw& draw) : room_(room), draw_(draw) {
    for (const std::string& shape : shapes_of(room)) shapes_.push_back({shape, ""});
    for (const std::string& colour : colours_of(room)) {
      colours_.push_back({"", colour});
      for (const std::string& shape : shapes_of(room)) pairs_.push_back({shape, colour});
    }
    shape_singles_ = single_kinds(room, true, false);
    singles_ = single_kinds(room, true, true);
  }

  // Everything that can be asked in this situation.
  std::vector<Question> questions(const Scene& scene) {
    scene_ = &scene;
    out_.clear();
    for (const Relation side : kSides) {
      for (const Kind& kind : shapes_) ask_group(kind, side, Ask::kColour);
      for (const Kind& kind : colours_) ask_group(kind, side, Ask::kShape);
      for (const Kind& kind : shapes_) ask_number(kind, side);
      for (const Kind& kind : pairs_) ask_exists(kind, side);
      for (const Kind& kind : singles_) ask_on_side(kind, side);
    }
    for (const Kind& kind : singles_) ask_turn(kind);
    for (std::size_t i = 0; i < shape_singles_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const bool swap = draw_.chance(0.5);
        ask_nearer(shape_singles_[swap ? j : i], shape_singles_[swap ? i : j]);
      }
    return std::move(out_);
  }

 private:
  // Whether a thing is on that side of me: clear here, and the same from all other places.
  Truth truth(const Thing& thing, Relation side) const {
    const auto at = [&](const Stand& s, bool strict) {
      if (std::hypot(thing.x() - s.x, thing.y() - s.y) < kNearby) return Truth::kUnclear;
      return on_side(side, bearing(s, thing.x(), thing.y()), strict);
    };
    const Truth here = at(scene_->situation.stand, true);
    for (const Stand& other : scene_->others)
      if (at(other, false) != here) return Truth::kUnclear;
    return here;
  }

  // Things of a kind on that side; nothing where that is not clear of one of them, or one is not
  // seen.
  std::optional<std::vector<int>> on(const Kind& kind, Relation side) const {
    std::vector<int> out;
    for (const Thing* thing : things_of(room_, kind)) {
      const Truth is = truth(*thing, side);
      if (is == Truth::kUnclear || thing->seen < kSeen) return std::nullopt;
      if (is == Truth::kYes) out.push_back(thing->id);
    }
    return out;
  }

  void add(Ask ask, const Kind& kind, Relation side, std::string text, std::string answer,
           std::vector<int> ids, std::optional<Kind> other = {}) {
    out_.push_back({ask,
                    {kind, Relation::kNone, {}, {}},
                    std::move(other),
                    side,
                    scene_->situation,
                    std::move(text),
                    {std::move(answer)},
                    std::move(ids)});
  }

  void ask_group(const Kind& kind, Relation side, Ask ask) {
    const auto ids = on(kind, side);
    if (!ids || ids->size() != 1) return;
    // What stands beside me was named.
    if ((*ids)[0] == scene_->by->id || (*ids)[0] == scene_->facing->id) return;
    const Thing& thing = room_.things[(*ids)[0]];
    const std::string where = noun(kind) + " " + of_me(side);
    if (ask == Ask::kColour)
      add(ask, kind, side, "What color is the " + where + "?", thing.colour, *ids);
    else
      add(ask, kind, side,
          draw_.chance(0.5) ? "What is the " + where + "?" : "What shape is the " + where + "?",
          thing.label, *ids);
  }

  void ask_number(const Kind& kind, Relation side) {
    const auto ids = on(kind, side);
    if (!ids || ids->empty()) return;
    const std::string where = noun(kind, true) + " " + of_me(side);
    add(Ask::kCount, kind, side, "How many " + noun(kind, true) + " are " + of_me(side) + "?",
        number_word(ids->size()), *ids);
    add(Ask::kParity, kind, side, "Is the number of " + where + " odd or even?",
        ids->size() % 2 != 0 ? "odd" : "even", *ids);
  }

  void ask_exists(const Kind& kind, Relation side) {
    const auto ids = on(kind, side);
    if (!ids) return;
    const std::string what = with_article(noun(kind)) + " " + of_me(side) + "?";
    add(Ask::kExists, kind, side, draw_.chance(0.5) ? "Is there " + what : "Can I find " + what,
        ids->empty() ? "no" : "yes", *ids);
  }

  void ask_on_side(const Kind& kind, Relation side) {
    const Thing* thing = only_thing(room_, kind);
    if (thing == scene_->by || thing == scene_->facing) return;
    const Truth is = middle(*thing) ? truth(*thing, side) : Truth::kUnclear;
    if (is == Truth::kUnclear) return;
    add(Ask::kOnSide, kind, side, "Is " + the(kind) + " " + of_me(side) + "?",
        is == Truth::kYes ? "yes" : "no", {thing->id});
  }

  void ask_turn(const Kind& kind) {
    const Thing* thing = only_thing(room_, kind);
    if (thing == scene_->by || thing == scene_->facing || !middle(*thing)) return;
    for (const Relation side : {Relation::kLeft, Relation::kRight}) {
      if (truth(*thing, side) != Truth::kYes) continue;
      const std::string text = draw_.chance(0.5)
                                   ? "Which direction should I turn to face " + the(kind) + "?"
                                   : "Should I turn left or right to face " + the(kind) + "?";
      add(Ask::kTurn, kind, Relation::kNone, text, side == Relation::kLeft ? "left" : "right",
          {thing->id});
    }
  }

  void ask_nearer(const Kind& a, const Kind& b) {
    const Thing &x = *only_thing(room_, a), &y = *only_thing(room_, b);
    if (&x == scene_->by || &y == scene_->by) return;
    const auto ahead = [&](const Stand& s, double margin) {  // 1: the first is closer
      const double way = point_gap(s.x, s.y, y) - point_gap(s.x, s.y, x);
      return way >= margin ? 1 : way <= -margin ? -1 : 0;
    };
    const int here = ahead(scene_->situation.stand, kCloser);
    if (here == 0) return;
    for (const Stand& other : scene_->others)
      if (ahead(other, kLaxCloser) != here) return;
    add(Ask::kNearer, a, Relation::kNone,
        "Which is closer to me, " + the(a) + " or " + the(b) + "?", noun(here > 0 ? a : b),
        {here > 0 ? x.id : y.id}, b);
  }

  // A thing whose middle says where it is: no long piece of furniture close by.
  bool middle(const Thing& thing) const {
    if (thing.is_shape()) return true;
    const Stand& s = scene_->situation.stand;
    return std::hypot(thing.x() - s.x, thing.y() - s.y) >= 1.5;
  }

  const RoomFacts& room_;
  Draw& draw_;
  std::vector<Kind> shapes_, colours_, pairs_, shape_singles_, singles_;
  const Scene* scene_ = nullptr;
  std::vector<Question> out_;
};

}  // namespace

std::vector<Question> sqa3d_questions(const RoomFacts& room, std::size_t most, Draw& draw) {
  Asker asker(room, draw);
  std::vector<Scene> scenes = situations(room);
  draw.shuffle(scenes);
  std::map<Ask, std::size_t> asked;
  std::map<std::pair<Ask, std::string>, std::size_t> given;
  std::vector<Question> out;
  for (Scene& scene : scenes) {
    if (out.size() >= most) break;
    put_in_words(scene.situation, draw);
    std::vector<Question> from = asker.questions(scene);
    draw.shuffle(from);
    for (std::size_t taken = 0; taken < kOfOneSituation && out.size() < most && !from.empty();
         ++taken) {
      // The kind of question that was asked least comes first, and of it the rarest answer.
      const auto rank = [&](const Question& q) {
        const auto a = asked.find(q.ask);
        const auto g = given.find({q.ask, q.answers[0]});
        return std::pair{a == asked.end() ? 0 : a->second, g == given.end() ? 0 : g->second};
      };
      const auto best =
          std::min_element(from.begin(), from.end(),
                           [&](const Question& a, const Question& b) { return rank(a) < rank(b); });
      ++asked[best->ask];
      ++given[{best->ask, best->answers[0]}];
      const Ask ask = best->ask;
      out.push_back(std::move(*best));
      std::erase_if(from, [&](const Question& q) { return q.ask == ask; });
    }
  }
  return out;
}

}  // namespace vega::synth
