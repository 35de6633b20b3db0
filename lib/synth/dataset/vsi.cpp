#include "synth/dataset/vsi.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "synth/dataset/phrases.h"
#include "synth/dataset/vsi_maker.h"
#include "synth/dataset/words.h"
#include "tasks/vsi.h"

namespace vega::synth {
namespace {

constexpr double kLeastDistance = 1.0, kNearerBy = 0.25;

std::vector<Named> named_shapes(const std::vector<Named>& all) {
  std::vector<Named> out;
  std::copy_if(all.begin(), all.end(), std::back_inserter(out),
               [](const Named& one) { return one.thing->is_shape(); });
  return out;
}

// When a thing appears among some pictures: the first that shows a pixel of it, and the first
// that shows it well.
struct Appearance {
  std::size_t any = std::numeric_limits<std::size_t>::max();
  std::size_t well = std::numeric_limits<std::size_t>::max();
};
Appearance appearance(const Thing& t, const std::vector<std::int64_t>& pictures) {
  Appearance out;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const double share = t.shown[static_cast<std::size_t>(pictures[i])];
    if (share > 0) out.any = std::min(out.any, i);
    if (share >= kSeen) out.well = std::min(out.well, i);
  }
  return out;
}

}  // namespace

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

bool is_ground_furniture(const Thing& t) {
  static const std::set<std::string> kNot = {
      "wall",        "floor", "ceiling", "skirting board", "door",        "door frame", "window",
      "window sill", "rug",   "curtain", "light switch",   "curtain rod", "pillow"};
  return !t.is_shape() && t.low[2] < 0.1 && !kNot.contains(t.label);
}

VsiMaker::VsiMaker(const RoomFacts& room, std::size_t most, Draw& draw)
    : room_(room), most_(most), draw_(draw), named_(named_things(room)) {}

std::vector<VsiQuestion> VsiMaker::all() {
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

void VsiMaker::number(const char* type, std::string text, std::string answer) {
  out_.push_back({type, std::move(text), std::move(answer), {}});
}
void VsiMaker::choice(const char* type, std::string text, const std::vector<std::string>& options) {
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

void VsiMaker::counts() {
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

void VsiMaker::distances() {
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

void VsiMaker::sizes() {
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
void VsiMaker::room_size() {
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

void VsiMaker::nearest() {
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

void VsiMaker::orders() {
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

std::vector<VsiQuestion> vsi_questions(const RoomFacts& room, std::size_t most, Draw& draw) {
  if (most == 0) return {};
  return VsiMaker(room, most, draw).all();
}

}  // namespace vega::synth
