// Questions about left and right and about ways.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "synth/dataset/vsi_maker.h"
#include "synth/dataset/words.h"

namespace vega::synth {
namespace {

constexpr double kBetweenPlaces = 1.2, kLeg = 1.0, kPass = 0.15;
constexpr double kOverHead = 1.9;  // m: what hangs higher is in nobody's way

// The direction from a to c, from that from a to b, in degrees; positive to the left.
double turn(const Thing& a, const Thing& b, const Thing& from, const Thing& to) {
  const double x = b.x() - a.x(), y = b.y() - a.y();
  const double u = to.x() - from.x(), v = to.y() - from.y();
  return std::atan2(x * v - y * u, x * u + y * v) * 180 / std::numbers::pi;
}

// The place of the right answer; nothing: it is not clear.
std::optional<std::size_t> easy(double angle) {
  const double a = std::abs(angle);
  if (a < 25 || a > 155) return std::nullopt;
  return angle > 0 ? 0 : 1;
}
std::optional<std::size_t> medium(double angle) {
  const double a = std::abs(angle);
  if (a >= 150) return 2;
  if (a < 35 || a > 120) return std::nullopt;
  return angle > 0 ? 0 : 1;
}
std::optional<std::size_t> hard(double angle) {
  const double a = std::abs(angle);
  if (a < 20 || a > 160 || (a > 70 && a < 110)) return std::nullopt;
  return (a > 90 ? 2U : 0U) + (angle > 0 ? 0U : 1U);
}

std::optional<std::string> turn_word(double angle) {
  const double a = std::abs(angle);
  if (a >= 160) return "turn back";
  if (a < 55 || a > 125) return std::nullopt;
  return angle > 0 ? "turn left" : "turn right";
}

}  // namespace

bool VsiMaker::near(const Named& a, const Named& b, double metres) const {
  return middle_distance(*a.thing, *b.thing) < metres;
}

void VsiMaker::directions() {
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
  balanced(
      all, [&](const Three& t) { return easy(angle(t)); }, 2,
      [&](const Three& t, std::size_t right) {
        ask_direction("object_rel_direction_easy", t, "to my left or to my right?",
                      {"left", "right"}, right);
      });
  balanced(
      all, [&](const Three& t) { return medium(angle(t)); }, 3,
      [&](const Three& t, std::size_t right) {
        ask_direction(
            "object_rel_direction_medium", t,
            "to my left, to my right or at my back? It is at my back if I must turn by 135 "
            "degrees or more to face it.",
            {"left", "right", "back"}, right);
      });
  balanced(
      all, [&](const Three& t) { return hard(angle(t)); }, 4,
      [&](const Three& t, std::size_t right) {
        ask_direction("object_rel_direction_hard", t,
                      "to my front-left, front-right, back-left or back-right? These are the four "
                      "quarters around me.",
                      {"front-left", "front-right", "back-left", "back-right"}, right);
      });
}

void VsiMaker::ask_direction(const char* type, const Three& three, const std::string& how,
                             std::vector<std::string> options, std::size_t right) {
  std::swap(options[0], options[right]);
  choice(type,
         fmt::format("I stand by the {} and face the {}. Is the {} {}", named_[three[0]].name,
                     named_[three[1]].name, named_[three[2]].name, how),
         options);
}

// `most` candidates whose answers come in turn.
void VsiMaker::balanced(std::vector<Three> candidates,
                        const std::function<std::optional<std::size_t>(const Three&)>& answer,
                        std::size_t answers,
                        const std::function<void(const Three&, std::size_t)>& make) {
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
bool VsiMaker::free_way(const Thing& a, const Thing& b) const {
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

void VsiMaker::routes() {
  const std::size_t n = named_.size();
  std::vector<std::vector<std::size_t>> ways(n);
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b)
      if (a != b && free_way(*named_[a].thing, *named_[b].thing)) ways[a].push_back(b);
  const auto word = [&](std::size_t a, std::size_t b, std::size_t c) {
    return turn_word(turn(*named_[a].thing, *named_[b].thing, *named_[b].thing, *named_[c].thing));
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

void VsiMaker::ask_route(const std::vector<std::size_t>& places, const std::string& turns,
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

}  // namespace vega::synth
