#include "synth/dataset/pictures.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "synth/dataset/phrases.h"
#include "synth/dataset/vsi_maker.h"

namespace vega::synth {
namespace {

constexpr double kDepthsApart = 0.25, kAside = 0.5, kBeforeCamera = 0.1;

struct Reach {
  double low = std::numeric_limits<double>::max(), high = -low;
  void take(double value) { low = std::min(low, value), high = std::max(high, value); }
};

// A box as a camera sees it: how far to the right (of the depth), and how deep.
struct Sight {
  Reach right, depth;
};

// A vector of the room along the camera's axes.
std::array<double, 3> in_camera(const Pose& camera, const std::array<double, 3>& v) {
  std::array<double, 3> out{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (std::size_t row = 0; row < 3; ++row) out[axis] += camera[4 * row + axis] * v[row];
  return out;
}

// Nothing: a corner of the box is beside or behind the camera.
std::optional<Sight> sight_of(const Thing& thing, const Pose& camera) {
  Sight out;
  for (int corner = 0; corner < 8; ++corner) {
    std::array<double, 3> v{};
    for (std::size_t a = 0; a < 3; ++a)
      v[a] = (((corner >> a) & 1) != 0 ? thing.high[a] : thing.low[a]) - camera[4 * a + 3];
    const std::array<double, 3> seen = in_camera(camera, v);
    if (seen[2] < kBeforeCamera) return std::nullopt;
    out.right.take(seen[0] / seen[2]);
    out.depth.take(seen[2]);
  }
  return out;
}

class PictureMaker {
 public:
  PictureMaker(const RoomFacts& room, const std::vector<Pose>& cameras, std::size_t most,
               Draw& draw)
      : room_(room), cameras_(cameras), most_(most), draw_(draw), named_(named_things(room)) {
    for (std::size_t p = 0; p < cameras_.size(); ++p) {
      auto& here = seen_.emplace_back();
      for (std::size_t i = 0; i < named_.size(); ++i)
        if (named_[i].thing->shown.at(p) >= kSeen)
          if (const auto sight = sight_of(*named_[i].thing, cameras_[p]))
            here.emplace_back(i, *sight);
    }
  }

  std::vector<PictureQuestion> all() {
    counts();
    pairs("Relation", "COCO");
    depths("Depth", "Omni3D");
    distances();
    views();
    depths("Relative_Depth", "");
    pairs("Spatial_Relation", "");
    return std::move(out_);
  }

 private:
  struct Pair {
    std::size_t picture, a, b;  // named things
    const Sight *of_a, *of_b;
  };

  // Calls make with candidates in random order until it has made `most` questions.
  template <typename T>
  void some_of(std::vector<T> candidates, const std::function<bool(const T&)>& make) {
    draw_.shuffle(candidates);
    std::size_t made = 0;
    for (std::size_t i = 0; i < candidates.size() && made < most_; ++i)
      made += make(candidates[i]) ? 1 : 0;
  }

  // choices[0] is right; they are shuffled here.
  void ask(PictureQuestion question) {
    std::vector<std::pair<std::string, bool>> order;
    for (const std::string& choice : question.choices) order.emplace_back(choice, order.empty());
    draw_.shuffle(order);
    for (std::size_t i = 0; i < order.size(); ++i) {
      question.choices[i] = order[i].first;
      if (order[i].second) question.right = i;
    }
    out_.push_back(std::move(question));
  }

  // Both ways round.
  std::vector<Pair> seen_together() const {
    std::vector<Pair> out;
    for (std::size_t p = 0; p < seen_.size(); ++p)
      for (const auto& [a, of_a] : seen_[p])
        for (const auto& [b, of_b] : seen_[p])
          if (a != b) out.push_back({p, a, b, &of_a, &of_b});
    return out;
  }

  void counts() {
    using Kinds = std::map<std::string, std::pair<std::size_t, bool>>;  // how many; all seen well
    std::vector<std::pair<std::size_t, std::pair<std::string, std::size_t>>> known;
    for (std::size_t p = 0; p < cameras_.size(); ++p) {
      Kinds kinds;
      for (const Thing& t : room_.things) {
        if (!t.is_shape() || t.shown.at(p) <= 0) continue;
        for (const Kind& kind : {Kind{t.label, ""}, Kind{t.label, t.colour}}) {
          auto& [count, well] = kinds.try_emplace(noun(kind, true), 0, true).first->second;
          ++count;
          well = well && t.shown[p] >= kSeen;
        }
      }
      for (const auto& [name, kind] : kinds)
        if (kind.second) known.push_back({p, {name, kind.first}});
    }
    std::set<std::pair<std::string, std::size_t>> asked;
    some_of<decltype(known)::value_type>(known, [&](const auto& one) {
      const auto& [name, count] = one.second;
      if (!asked.insert(one.second).second) return false;
      PictureQuestion out{"Count", "ADE20K", fmt::format("How many {} are in the image?", name)};
      const std::size_t least = count > 2 ? count - 2 : 0;
      out.choices = {std::to_string(count)};
      for (std::size_t other = least; other < least + 4; ++other)
        if (other != count) out.choices.push_back(std::to_string(other));
      out.choices.resize(4);
      out.pictures = {one.first};
      ask(std::move(out));
      return true;
    });
  }

  // Left and right. Of CV-Bench where, of BLINK whether.
  void pairs(const char* type, const char* source) {
    const bool where = *source != 0;
    std::set<std::set<std::size_t>> asked;
    some_of<Pair>(seen_together(), [&](const Pair& pair) {
      const Reach &a = pair.of_a->right, &b = pair.of_b->right;
      const bool left = a.high < b.low;
      if ((!left && b.high >= a.low) || !asked.insert({pair.a, pair.b}).second) return false;
      const std::string &first = named_[pair.a].name, &second = named_[pair.b].name;
      PictureQuestion out{type, source};
      out.pictures = {pair.picture};
      if (where) {
        out.text = fmt::format("Where is the {} in the image, seen from the {}?", first, second);
        out.choices = {left ? "left" : "right", left ? "right" : "left"};
      } else {
        out.text = fmt::format("Is the {} left of the {}?", first, second);
        out.choices = {left ? "yes" : "no", left ? "no" : "yes"};
      }
      ask(std::move(out));
      return true;
    });
  }

  void depths(const char* type, const char* source) {
    std::set<std::set<std::size_t>> asked;
    some_of<Pair>(seen_together(), [&](const Pair& pair) {  // a is the closer one
      if (pair.of_b->depth.low - pair.of_a->depth.high < kDepthsApart) return false;
      if (!asked.insert({pair.a, pair.b}).second) return false;
      std::vector<std::string> names = {named_[pair.a].name, named_[pair.b].name};
      PictureQuestion out{type, source};
      out.choices = names;
      draw_.shuffle(names);
      out.text = fmt::format("Which is closer to the camera of the image, the {} or the {}?",
                             names[0], names[1]);
      out.pictures = {pair.picture};
      ask(std::move(out));
      return true;
    });
  }

  void distances() {
    struct Three {
      std::size_t picture, target, near, far;
    };
    std::vector<Three> known;
    for (std::size_t p = 0; p < seen_.size(); ++p) {
      std::vector<std::size_t> shapes;
      for (const auto& [i, sight] : seen_[p])
        if (named_[i].thing->is_shape()) shapes.push_back(i);
      for (const std::size_t target : shapes)
        for (const std::size_t near : shapes)
          for (const std::size_t far : shapes)
            if (target != near && target != far && near != far)
              known.push_back({p, target, near, far});
    }
    std::set<std::set<std::size_t>> asked;
    some_of<Three>(known, [&](const Three& three) {
      const Thing& target = *named_[three.target].thing;
      if (shape_distance(target, *named_[three.far].thing) -
              shape_distance(target, *named_[three.near].thing) <
          kDepthsApart)
        return false;
      if (!asked.insert({three.target, three.near, three.far}).second) return false;
      std::vector<std::string> names = {named_[three.near].name, named_[three.far].name};
      PictureQuestion out{"Distance", "Omni3D"};
      out.choices = names;
      draw_.shuffle(names);
      out.text = fmt::format("Which is closer to the {} in the room, the {} or the {}?",
                             named_[three.target].name, names[0], names[1]);
      out.pictures = {three.picture};
      ask(std::move(out));
      return true;
    });
  }

  void views() {
    std::vector<std::pair<std::size_t, std::size_t>> known;
    for (std::size_t p = 0; p < cameras_.size(); ++p)
      for (std::size_t q = p + 1; q < cameras_.size(); ++q) known.emplace_back(p, q);
    some_of<std::pair<std::size_t, std::size_t>>(known, [&](const auto& two) {
      const Pose &first = cameras_[two.first], &second = cameras_[two.second];
      std::array<double, 3> v{};
      for (std::size_t a = 0; a < 3; ++a) v[a] = second[4 * a + 3] - first[4 * a + 3];
      const std::array<double, 3> way = in_camera(first, v);
      if (std::abs(way[0]) < kAside || std::abs(way[0]) < std::abs(way[2])) return false;
      const bool left = way[0] < 0;
      PictureQuestion out{"Multi-view_Reasoning", ""};
      out.text =
          "The images are of one walk. Seen as in the first, is the second taken further to the "
          "left or to the right?";
      out.choices = {left ? "left" : "right", left ? "right" : "left"};
      out.pictures = {two.first, two.second};
      ask(std::move(out));
      return true;
    });
  }

  const RoomFacts& room_;
  const std::vector<Pose>& cameras_;
  const std::size_t most_;
  Draw& draw_;
  const std::vector<Named> named_;
  std::vector<std::vector<std::pair<std::size_t, Sight>>> seen_;  // by picture
  std::vector<PictureQuestion> out_;
};

}  // namespace

std::vector<PictureQuestion> picture_questions(const RoomFacts& room,
                                               const std::vector<Pose>& cameras, std::size_t most,
                                               Draw& draw) {
  if (most == 0) return {};
  return PictureMaker(room, cameras, most, draw).all();
}

}  // namespace vega::synth
