#include "synth/vsi.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numbers>
#include <optional>
#include <set>

#include "synth/phrases.h"
#include "synth/words.h"
#include "tasks/vsi.h"

namespace vega::synth {
namespace {

constexpr double kLeastDistance = 1.0, kNearerBy = 0.25, kBetweenPlaces = 1.2, kLeg = 1.0,
                 kPass = 0.15;
constexpr double kOverHead = 1.9;  // m: what hangs higher is in nobody's way

// A thing that its name alone tells from all others.
struct Named {
  const Thing* thing;
  std::string name;  // "red cone", "sofa"
};

bool is_ground_furniture(const Thing& t) {
  static const std::set<std::string> kNot = {
      "wall",        "floor", "ceiling", "skirting board", "door",        "door frame", "window",
      "window sill", "rug",   "curtain", "light switch",   "curtain rod", "pillow"};
  return !t.is_shape() && t.low[2] < 0.1 && !kNot.contains(t.label);
}

std::vector<Named> named_things(const RoomFacts& room) {
  std::vector<Named> out;
  for (const Thing& t : room.things) {
    if (t.seen < kSeen || !(t.is_shape() || is_ground_furniture(t))) continue;
    const Kind kind{t.label, t.colour};
    // A label without colour is of furniture alone: shapes are never called by it.
    std::size_t same = 0;
    for (const Thing& other : room.things)
      same += other.label == t.label && other.colour == t.colour ? 1 : 0;
    if (same == 1) out.push_back({&t, noun(kind)});
  }
  return out;
}

std::vector<Named> named_shapes(const std::vector<Named>& all) {
  std::vector<Named> out;
  std::copy_if(all.begin(), all.end(), std::back_inserter(out),
               [](const Named& one) { return one.thing->is_shape(); });
  return out;
}

// The direction from a to c, from that from a to b, in degrees; positive to the left.
double turn(const Thing& a, const Thing& b, const Thing& from, const Thing& to) {
  const double x = b.x() - a.x(), y = b.y() - a.y();
  const double u = to.x() - from.x(), v = to.y() - from.y();
  return std::atan2(x * v - y * u, x * u + y * v) * 180 / std::numbers::pi;
}

class Maker {
 public:
  Maker(const RoomFacts& room, std::size_t most, Draw& draw)
      : room_(room), most_(most), draw_(draw), named_(named_things(room)) {}

  std::vector<VsiQuestion> all() {
    counts();
    distances();
    sizes();
    room_size();
    nearest();
    directions();
    routes();
    orders();
    return std::move(out_);
  }

 private:
  void number(const char* type, std::string text, std::string answer) {
    out_.push_back({type, std::move(text), std::move(answer), {}});
  }
  // options[0] is right; they are shuffled here.
  void choice(const char* type, std::string text, const std::vector<std::string>& options) {
    std::vector<std::size_t> order(options.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    draw_.shuffle(order);
    VsiQuestion one{type, std::move(text), {}, {}};
    for (std::size_t i = 0; i < order.size(); ++i) {
      const char letter = static_cast<char>('A' + i);
      if (order[i] == 0) one.answer = std::string(1, letter);
      one.options.push_back(fmt::format("{}. {}", letter, options[order[i]]));
    }
    out_.push_back(std::move(one));
  }
  // Calls make with candidates in random order until it has made `most` questions.
  template <typename T>
  void some_of(std::vector<T> candidates, const std::function<bool(const T&)>& make) {
    draw_.shuffle(candidates);
    std::size_t made = 0;
    for (std::size_t i = 0; i < candidates.size() && made < most_; ++i)
      made += make(candidates[i]) ? 1 : 0;
  }

  void counts() {
    std::map<std::string, std::size_t> kinds;  // plural name: how many; 0: some is not seen well
    std::set<std::string> hidden;
    for (const Thing& t : room_.things) {
      if (!t.is_shape()) continue;
      for (const Kind& kind : {Kind{t.label, ""}, Kind{t.label, t.colour}}) {
        const std::string name = noun(kind, true);
        ++kinds[name];
        if (t.seen < kSeen) hidden.insert(name);
      }
    }
    std::vector<std::pair<std::string, std::size_t>> known;
    for (const auto& [name, count] : kinds)
      if (count >= 2 && !hidden.contains(name)) known.emplace_back(name, count);
    some_of<std::pair<std::string, std::size_t>>(known, [&](const auto& one) {
      number("object_counting", fmt::format("How many {} are there in this room?", one.first),
             std::to_string(one.second));
      return true;
    });
  }

  void distances() {
    const std::vector<Named> shapes = named_shapes(named_);
    std::vector<std::array<std::size_t, 2>> pairs;
    for (std::size_t i = 0; i < shapes.size(); ++i)
      for (std::size_t k = 0; k < shapes.size(); ++k)
        if (i != k) pairs.push_back({i, k});
    std::set<std::set<std::size_t>> asked;
    some_of<std::array<std::size_t, 2>>(pairs, [&](const auto& pair) {
      const double metres = shape_distance(*shapes[pair[0]].thing, *shapes[pair[1]].thing);
      if (metres < kLeastDistance || !asked.insert({pair[0], pair[1]}).second) return false;
      number("object_abs_distance",
             fmt::format("Measured between their closest points, how far is the {} from the {}, in "
                         "meters?",
                         shapes[pair[0]].name, shapes[pair[1]].name),
             fmt::format("{:.1f}", metres));
      return true;
    });
  }

  void sizes() {
    std::vector<Named> known;
    for (const Named& one : named_) {
      const std::string& label = one.thing->label;
      if (one.thing->is_shape() || label == "sofa" || label == "bookshelf" || label == "radiator")
        known.push_back(one);
    }
    some_of<Named>(known, [&](const Named& one) {
      double longest = 0;
      for (std::size_t a = 0; a < 3; ++a)
        longest = std::max(longest, one.thing->high[a] - one.thing->low[a]);
      number("object_size_estimation",
             fmt::format("How long is the {} along the longest of its length, width and height, in "
                         "centimeters?",
                         one.name),
             std::to_string(std::lround(100 * longest)));
      return true;
    });
  }

  // The floor between the walls.
  void room_size() {
    double low[2] = {-1e30, -1e30}, high[2] = {1e30, 1e30};
    for (const Thing& t : room_.things) {
      if (t.label != "wall") continue;
      for (int a = 0; a < 2; ++a) {
        if (t.low[a] > 0) high[a] = std::min(high[a], t.low[a]);
        if (t.high[a] < 0) low[a] = std::max(low[a], t.high[a]);
      }
    }
    const double area = (high[0] - low[0]) * (high[1] - low[1]);
    if (!(area < 1e4)) return;  // no four walls
    number("room_size_estimation", "How large is the floor of this room, in square meters?",
           fmt::format("{:.1f}", area));
  }

  void nearest() {
    const std::vector<Named> shapes = named_shapes(named_);
    if (shapes.size() < 5) return;
    constexpr std::size_t kTries = 400;
    std::vector<std::size_t> tries(kTries);
    std::set<std::set<std::size_t>> asked;
    some_of<std::size_t>(tries, [&](std::size_t) {
      std::vector<std::size_t> five(shapes.size());
      for (std::size_t i = 0; i < five.size(); ++i) five[i] = i;
      draw_.shuffle(five);
      five.resize(5);
      std::vector<std::pair<double, std::size_t>> ways;
      for (std::size_t i = 1; i < 5; ++i)
        ways.emplace_back(shape_distance(*shapes[five[0]].thing, *shapes[five[i]].thing), five[i]);
      std::sort(ways.begin(), ways.end());
      if (ways[1].first - ways[0].first < kNearerBy) return false;
      if (!asked.insert({five[0], ways[0].second}).second) return false;
      std::vector<std::string> options;
      for (const auto& [metres, place] : ways) options.push_back(shapes[place].name);
      std::vector<std::string> shown = options;
      draw_.shuffle(shown);
      choice("object_rel_distance",
             fmt::format("Measured between their closest points, which of these is the closest to "
                         "the {}: {}, {}, {} or {}?",
                         shapes[five[0]].name, shown[0], shown[1], shown[2], shown[3]),
             options);
      return true;
    });
  }

  bool near(const Named& a, const Named& b, double metres) const {
    return middle_distance(*a.thing, *b.thing) < metres;
  }

  // Triples of places among the named things, with equal weight for every answer that there is.
  using Three = std::array<std::size_t, 3>;
  void directions() {
    std::vector<Three> all;
    for (std::size_t a = 0; a < named_.size(); ++a)
      for (std::size_t b = 0; b < named_.size(); ++b)
        for (std::size_t c = 0; c < named_.size(); ++c)
          if (a != b && b != c && a != c && !near(named_[a], named_[b], kBetweenPlaces) &&
              !near(named_[a], named_[c], kBetweenPlaces) &&
              !near(named_[b], named_[c], kBetweenPlaces / 2))
            all.push_back({a, b, c});
    const auto angle = [&](const Three& t) {
      const Thing &a = *named_[t[0]].thing, &b = *named_[t[1]].thing, &c = *named_[t[2]].thing;
      return turn(a, b, a, c);
    };
    const auto ask = [&](const char* type, const Three& t, const std::string& how,
                         std::vector<std::string> options, std::size_t right) {
      std::swap(options[0], options[right]);
      choice(type,
             fmt::format("I stand by the {} and face the {}. {} {}", named_[t[0]].name,
                         named_[t[1]].name, fmt::format("Is the {}", named_[t[2]].name), how),
             options);
    };
    balanced(
        all, [&](const Three& t) { return easy(angle(t)); }, 2,
        [&](const Three& t, std::size_t right) {
          ask("object_rel_direction_easy", t, "to my left or to my right?", {"left", "right"},
              right);
        });
    balanced(
        all, [&](const Three& t) { return medium(angle(t)); }, 3,
        [&](const Three& t, std::size_t right) {
          ask("object_rel_direction_medium", t,
              "to my left, to my right or at my back? It is at my back if I must turn by 135 "
              "degrees or more to face it.",
              {"left", "right", "back"}, right);
        });
    balanced(
        all, [&](const Three& t) { return hard(angle(t)); }, 4,
        [&](const Three& t, std::size_t right) {
          ask("object_rel_direction_hard", t,
              "to my front-left, front-right, back-left or back-right? These are the four "
              "quarters around me.",
              {"front-left", "front-right", "back-left", "back-right"}, right);
        });
  }

  // The place of the right answer; nothing: it is not clear.
  static std::optional<std::size_t> easy(double angle) {
    const double a = std::abs(angle);
    if (a < 25 || a > 155) return std::nullopt;
    return angle > 0 ? 0 : 1;
  }
  static std::optional<std::size_t> medium(double angle) {
    const double a = std::abs(angle);
    if (a >= 150) return 2;
    if (a < 35 || a > 120) return std::nullopt;
    return angle > 0 ? 0 : 1;
  }
  static std::optional<std::size_t> hard(double angle) {
    const double a = std::abs(angle);
    if (a < 20 || a > 160 || (a > 70 && a < 110)) return std::nullopt;
    return (a > 90 ? 2U : 0U) + (angle > 0 ? 0U : 1U);
  }

  // `most` candidates whose answers come in turn.
  void balanced(std::vector<Three> candidates,
                const std::function<std::optional<std::size_t>(const Three&)>& answer,
                std::size_t answers, const std::function<void(const Three&, std::size_t)>& make) {
    draw_.shuffle(candidates);
    std::vector<std::vector<Three>> by_answer(answers);
    for (const Three& one : candidates)
      if (const auto right = answer(one)) by_answer[*right].push_back(one);
    std::vector<std::size_t> order(answers);
    for (std::size_t i = 0; i < answers; ++i) order[i] = i;
    draw_.shuffle(order);
    std::size_t made = 0;
    for (std::size_t round = 0; made < most_; ++round) {
      bool any = false;
      for (const std::size_t right : order) {
        if (round >= by_answer[right].size() || made >= most_) continue;
        make(by_answer[right][round], right);
        ++made;
        any = true;
      }
      if (!any) return;
    }
  }

  // Whether someone can go straight from a to b.
  bool free_way(const Thing& a, const Thing& b) const {
    const double x = b.x() - a.x(), y = b.y() - a.y(), length = std::hypot(x, y);
    if (length < kLeg) return false;
    for (const Thing& other : room_.things) {
      if (&other == &a || &other == &b || other.low[2] > kOverHead) continue;
      if (!other.is_shape() && !is_ground_furniture(other)) continue;
      const int steps = static_cast<int>(std::ceil(length / 0.02));
      for (int i = 0; i <= steps; ++i) {
        const double t = static_cast<double>(i) / steps;
        if (point_gap(a.x() + t * x, a.y() + t * y, other) < kPass) return false;
      }
    }
    return true;
  }
  static std::optional<std::string> turn_word(double angle) {
    const double a = std::abs(angle);
    if (a >= 160) return "turn back";
    if (a < 55 || a > 125) return std::nullopt;
    return angle > 0 ? "turn left" : "turn right";
  }

  void routes() {
    const std::size_t n = named_.size();
    std::vector<std::vector<std::size_t>> ways(n);
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b)
        if (a != b && free_way(*named_[a].thing, *named_[b].thing)) ways[a].push_back(b);
    const auto word = [&](std::size_t a, std::size_t b, std::size_t c) {
      return turn_word(
          turn(*named_[a].thing, *named_[b].thing, *named_[b].thing, *named_[c].thing));
    };
    struct Route {
      std::vector<std::size_t> places;
      std::vector<std::string> turns;
    };
    std::map<std::string, std::vector<Route>> by_turns;
    for (std::size_t a = 0; a < n; ++a) {
      for (const std::size_t b : ways[a]) {
        for (const std::size_t c : ways[b]) {
          const auto first = a == c ? std::nullopt : word(a, b, c);
          if (!first) continue;
          by_turns[*first].push_back({{a, b, c}, {*first}});
          for (const std::size_t d : ways[c]) {
            const auto second = d == a || d == b ? std::nullopt : word(b, c, d);
            if (second)
              by_turns[*first + ", " + *second].push_back({{a, b, c, d}, {*first, *second}});
          }
        }
      }
    }
    std::vector<std::string> kinds;
    for (auto& [turns, routes] : by_turns) {
      draw_.shuffle(routes);
      kinds.push_back(turns);
    }
    draw_.shuffle(kinds);
    for (std::size_t made = 0, round = 0; made < most_ && !kinds.empty(); ++round) {
      bool any = false;
      for (const std::string& turns : kinds) {
        const auto& routes = by_turns.at(turns);
        if (round >= routes.size() || made >= most_) continue;
        ask_route(routes[round].places, turns, routes[round].turns.size());
        ++made, any = true;
      }
      if (!any) break;
    }
  }

  void ask_route(const std::vector<std::size_t>& places, const std::string& turns,
                 std::size_t count) {
    const auto name = [&](std::size_t i) { return named_[places[i]].name; };
    std::string text = fmt::format(
        "You are a robot at the {} that faces the {} and shall go to the {}. Each gap is one of "
        "'turn back', 'turn left' and 'turn right'. What fills the gaps?",
        name(0), name(1), name(places.size() - 1));
    int step = 0;
    for (std::size_t i = 1; i < places.size(); ++i) {
      text += fmt::format(" {}. Go forward to the {}.", ++step, name(i));
      if (i + 1 < places.size()) text += fmt::format(" {}. [gap]", ++step);
    }
    const std::vector<std::string> words = {"turn back", "turn left", "turn right"};
    std::vector<std::string> others;
    for (const std::string& first : words) {
      if (count == 1) {
        others.push_back(first);
        continue;
      }
      for (const std::string& second : words) others.push_back(first + ", " + second);
    }
    std::erase(others, turns);
    draw_.shuffle(others);
    std::vector<std::string> options = {turns};
    for (std::size_t i = 0; i < others.size() && options.size() < (count == 1 ? 3U : 4U); ++i)
      options.push_back(others[i]);
    choice("route_planning", std::move(text), options);
  }

  // When a thing appears among some pictures: the first that shows a pixel of it, and the first
  // that shows it well.
  struct Appearance {
    std::size_t any = std::numeric_limits<std::size_t>::max();
    std::size_t well = std::numeric_limits<std::size_t>::max();
  };
  static Appearance appearance(const Thing& t, const std::vector<std::int64_t>& pictures) {
    Appearance out;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const double share = t.shown[static_cast<std::size_t>(pictures[i])];
      if (share > 0) out.any = std::min(out.any, i);
      if (share >= kSeen) out.well = std::min(out.well, i);
    }
    return out;
  }

  void orders() {
    if (named_.empty() || named_[0].thing->shown.empty()) return;
    const auto total = static_cast<std::int64_t>(named_[0].thing->shown.size());
    std::vector<std::int64_t> every(static_cast<std::size_t>(total));
    for (std::size_t i = 0; i < every.size(); ++i) every[i] = static_cast<std::int64_t>(i);
    const std::vector<std::int64_t> taken = tasks::vsi_frames(total);
    const std::vector<std::int64_t>* const lists[] = {&every, &taken};
    const auto before = [&](std::size_t a, std::size_t b) {
      for (const std::vector<std::int64_t>* pictures : lists) {
        const Appearance first = appearance(*named_[a].thing, *pictures),
                         second = appearance(*named_[b].thing, *pictures);
        const auto never = std::numeric_limits<std::size_t>::max();
        if (first.well == never || second.well == never || first.well >= second.any) return false;
      }
      return true;
    };
    std::vector<std::vector<std::size_t>> after(named_.size());
    for (std::size_t a = 0; a < named_.size(); ++a)
      for (std::size_t b = 0; b < named_.size(); ++b)
        if (a != b && before(a, b)) after[a].push_back(b);
    std::vector<std::array<std::size_t, 4>> fours;
    for (std::size_t a = 0; a < named_.size(); ++a)
      for (const std::size_t b : after[a])
        for (const std::size_t c : after[b])
          for (const std::size_t d : after[c]) fours.push_back({a, b, c, d});
    std::set<std::set<std::size_t>> asked;
    some_of<std::array<std::size_t, 4>>(fours, [&](const auto& four) {
      if (!asked.insert({four.begin(), four.end()}).second) return false;
      std::vector<std::size_t> order = {0, 1, 2, 3};
      const auto listed = [&] {
        std::string text;
        for (const std::size_t i : order) text += (text.empty() ? "" : ", ") + named_[four[i]].name;
        return text;
      };
      std::vector<std::string> options = {listed()};
      while (options.size() < 4) {
        draw_.shuffle(order);
        const std::string one = listed();
        if (std::find(options.begin(), options.end(), one) == options.end()) options.push_back(one);
      }
      std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t k) {
        return named_[four[i]].name < named_[four[k]].name;
      });
      choice("obj_appearance_order",
             fmt::format("In which order do these appear first in the video: {}?", listed()),
             options);
      return true;
    });
  }

  const RoomFacts& room_;
  const std::size_t most_;
  Draw& draw_;
  const std::vector<Named> named_;
  std::vector<VsiQuestion> out_;
};

}  // namespace

std::vector<VsiQuestion> vsi_questions(const RoomFacts& room, std::size_t most, Draw& draw) {
  if (most == 0) return {};
  return Maker(room, most, draw).all();
}

}  // namespace vega::synth
