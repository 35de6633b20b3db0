// What sentences about a room mean, decided once more: from the boxes in objects.json and a line of
// meanings.jsonl, with plain loops and with coordinates turned into the gaze instead of angles.
// The definitions are those of docs/dataset.md. `why` says what is wrong; empty: all is right.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace vega::ref {

using RefJson = nlohmann::json;

struct RefThing {
  int id;
  std::string label, colour;
  double x, y, half_x, half_y, bottom, tall;
  double volume() const { return 4 * half_x * half_y * tall; }
};

class RoomWords {
 public:
  explicit RoomWords(const RefJson& objects) {
    for (const auto& o : objects) {
      const auto lo = o["min"].get<std::array<double, 3>>(),
                 hi = o["max"].get<std::array<double, 3>>();
      things_.push_back({o["id"], o["label"], o.value("colour", ""), (lo[0] + hi[0]) / 2,
                         (lo[1] + hi[1]) / 2, (hi[0] - lo[0]) / 2, (hi[1] - lo[1]) / 2, lo[2],
                         hi[2] - lo[2]});
      if (things_.back().label == "floor") floor_ = things_.back();
    }
  }

  std::string why(const RefJson& line) const {
    const RefJson& m = line["meaning"];
    if (m.contains("ask")) return m.contains("situation") ? why_situated(line) : why_question(line);
    return why_reference(line);
  }

 private:
  using Ids = std::set<int>;

  bool is(const RefThing& t, const RefJson& kind) const {
    if (kind.contains("colour") && t.colour != kind["colour"]) return false;
    return kind.contains("label") ? t.label == kind["label"] : !t.colour.empty();
  }
  std::vector<const RefThing*> all(const RefJson& kind) const {
    std::vector<const RefThing*> out;
    for (const RefThing& t : things_)
      if (is(t, kind)) out.push_back(&t);
    return out;
  }
  const RefThing* one(const RefJson& kind) const {
    const auto found = all(kind);
    return found.size() == 1 ? found[0] : nullptr;
  }
  static double gap(const RefThing& a, const RefThing& b) {
    const double x = std::max(0.0, std::abs(a.x - b.x) - a.half_x - b.half_x);
    const double y = std::max(0.0, std::abs(a.y - b.y) - a.half_y - b.half_y);
    return std::sqrt(x * x + y * y);
  }
  static double apart(const RefThing& a, const RefThing& b) {
    return std::sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
  }

  // How far off the word's direction something lies, in degrees: place and gaze are turned so that
  // the word's direction is +x.
  static double off(const std::string& word, double x, double y, double gaze_x, double gaze_y) {
    const double ahead = x * gaze_x + y * gaze_y, left = y * gaze_x - x * gaze_y;
    double along = ahead, across = left;
    if (word == "left") along = left, across = ahead;
    if (word == "right") along = -left, across = ahead;
    if (word == "behind") along = -ahead;
    return std::acos(std::clamp(along / std::sqrt(along * along + across * across), -1.0, 1.0)) *
           57.29577951308232;
  }

  // 1: clearly, -1: clearly not, 0: neither.
  int holds(const std::string& word, const RefThing& t, const RefJson& m) const {
    const RefThing& a = *one(m["anchors"][0]);
    if (word == "between") {
      const RefThing& b = *one(m["anchors"][1]);
      const double length = apart(a, b), ux = (b.x - a.x) / length, uy = (b.y - a.y) / length;
      const double along = ((t.x - a.x) * ux + (t.y - a.y) * uy) / length;
      const double across = std::abs((t.y - a.y) * ux - (t.x - a.x) * uy);
      if (apart(t, a) < 0.01 || apart(t, b) < 0.01) return -1;  // one stands on the other
      if (along <= 0 || along >= 1 || across >= 0.7) return -1;
      return along >= 0.2 && along <= 0.8 && across <= 0.3 ? 1 : 0;
    }
    if (word == "on") {
      const double off = std::abs(t.bottom - a.bottom - a.tall);
      if (off >= 0.1 || gap(t, a) > 0) return -1;
      const bool above = std::abs(t.x - a.x) <= a.half_x && std::abs(t.y - a.y) <= a.half_y;
      return off <= 0.02 && above ? 1 : 0;
    }
    const RefThing& view = *one(m["view"]);
    double gx = view.x - floor_.x, gy = view.y - floor_.y;
    const double length = std::sqrt(gx * gx + gy * gy);
    gx /= length, gy /= length;
    if (word == "front" || word == "behind") gx = -gx, gy = -gy;  // as the anchor would see it
    if (apart(t, a) < 0.35) return 0;
    const double degrees = off(word, t.x - a.x, t.y - a.y, gx, gy);
    return degrees <= 40 ? 1 : degrees >= 115 ? -1 : 0;
  }

  // a beats b.
  bool more(const std::string& word, const RefThing& a, const RefThing& b, const RefJson& m) const {
    if (word == "largest") return a.volume() >= 1.5 * b.volume();
    if (word == "smallest") return b.volume() >= 1.5 * a.volume();
    if (word == "tallest") return a.tall >= b.tall + 0.08;
    if (word == "highest") return a.bottom + a.tall / 2 >= b.bottom + b.tall / 2 + 0.15;
    const RefThing& at = *one(m["anchors"][0]);
    const auto closer = [&](const RefThing& s, const RefThing& t) {
      return gap(s, at) + 0.25 <= gap(t, at) && apart(s, at) + 0.1 <= apart(t, at);
    };
    return word == "nearest" ? closer(a, b) : closer(b, a);
  }

  static bool superlative(const std::string& word) {
    return word == "nearest" || word == "farthest" || word == "largest" || word == "smallest" ||
           word == "tallest" || word == "highest";
  }

  // What a description means; `wrong` is set where that is not clear.
  Ids meant(const RefJson& m, std::string& wrong) const {
    const std::string word = m.value("relation", "none");
    std::set<const RefThing*> anchors;
    for (const RefJson& kind : m.value("anchors", RefJson::array())) {
      if (one(kind) == nullptr) wrong = "an anchor that is not one thing";
      anchors.insert(one(kind));
    }
    if (!wrong.empty()) return {};
    if (m.contains("view") && one(m["view"]) == nullptr) wrong = "a view that is not one thing";
    if (word == "between" &&
        (anchors.size() != 2 || apart(**anchors.begin(), **anchors.rbegin()) < 1.2))
      wrong = "a line that is too short";
    if (!wrong.empty()) return {};
    std::vector<const RefThing*> heads;
    for (const RefThing* t : all(m["head"]))
      if (!anchors.contains(t)) heads.push_back(t);
    Ids out;
    if (superlative(word)) {
      if (heads.size() < 2) wrong = "no rival";
      for (const RefThing* a : heads) {
        bool best = true;
        for (const RefThing* b : heads) best = best && (a == b || more(word, *a, *b, m));
        if (best) out.insert(a->id);
      }
      if (out.size() != 1) wrong = "no clear winner";
      return out;
    }
    for (const RefThing* t : heads) {
      const int is = word == "none" ? 1 : holds(word, *t, m);
      if (is == 0) wrong = "thing " + std::to_string(t->id) + " is neither in nor out";
      if (is > 0) out.insert(t->id);
    }
    return out;
  }

  // The place alone would lead to other shapes.
  bool place_is_not_enough(const RefJson& m, const Ids& ids) const {
    const std::string word = m.value("relation", "none");
    if (word == "none" || word == "on") return true;
    std::set<int> anchors;
    for (const RefJson& kind : m.value("anchors", RefJson::array())) anchors.insert(one(kind)->id);
    for (const RefThing& t : things_) {
      if (t.colour.empty() || ids.contains(t.id) || anchors.contains(t.id)) continue;
      if (superlative(word) ? more(word, t, things_[*ids.begin()], m) : holds(word, t, m) > 0)
        return true;
    }
    return false;
  }

  std::string why_reference(const RefJson& line) const {
    const RefJson& m = line["meaning"];
    std::string wrong;
    const Ids ids = meant(m, wrong);
    if (!wrong.empty()) return wrong;
    if (ids != line["referents"].get<Ids>()) return "other referents";
    const std::string type = line["eval_type"];
    if ((ids.size() > 1) != (type == "mt") || ids.empty() != type.starts_with("zt"))
      return "another eval_type";
    const auto same_label =
        m["head"].contains("label") ? all({{"label", m["head"]["label"]}}) : all(RefJson::object());
    if (type == "zt_wo_d") return same_label.empty() ? "" : "a thing of the label is there";
    if (type == "zt_w_d") {
      const bool colour =
          !m["head"].contains("colour") || !all({{"colour", m["head"]["colour"]}}).empty();
      if (same_label.empty() || !colour) return "nothing to mistake for it";
      return place_is_not_enough(m, ids) ? "" : "the place is enough";
    }
    if (type == "st_wo_d")
      return same_label.size() == 1 ? "" : "another thing of the label is there";
    for (const int id : ids) {
      bool shape = false, colour = false;
      for (const RefThing& t : things_) {
        if (t.colour.empty() || ids.contains(t.id)) continue;
        shape = shape || t.label == things_[id].label;
        colour = colour || t.colour == things_[id].colour;
      }
      if (!shape || !colour) return "no distractor of shape or colour";
    }
    return place_is_not_enough(m, ids) ? "" : "the place is enough";
  }

  static const char* number_word(std::size_t n) {
    static const char* words[] = {"zero", "one",   "two",   "three", "four", "five",
                                  "six",  "seven", "eight", "nine",  "ten"};
    return n < 11 ? words[n] : "many";
  }
  static std::string name(const RefThing& t) {
    return t.colour.empty() ? t.label : t.colour + " " + t.label;
  }
  static std::string compare(const std::string& right, const RefJson& line) {
    for (const RefJson& answer : line["answers"])
      if (answer != right && answer != "the " + right && answer != "a " + right)
        return "answer " + answer.dump() + ", right is " + right;
    return line["answers"].empty() ? "no answer" : "";
  }

  std::string why_question(const RefJson& line) const {
    const RefJson& m = line["meaning"];
    const std::string ask = m["ask"];
    std::string wrong;
    if (ask == "larger" || ask == "nearer") {
      const RefThing *a = one(m["of"]["head"]), *b = one(m["other"]);
      if (a == nullptr || b == nullptr) return "not one thing";
      if (ask == "larger") {
        if (a->label != b->label) return "other shapes have other boxes";
        if (a->volume() >= 1.5 * b->volume()) return compare(name(*a), line);
        return b->volume() >= 1.5 * a->volume() ? compare(name(*b), line) : "no clear difference";
      }
      const RefThing* at = one(m["to"]);
      if (at == nullptr) return "not one thing";
      const double way = gap(*b, *at) - gap(*a, *at), middles = apart(*b, *at) - apart(*a, *at);
      if (way >= 0.4 && middles >= 0.1) return compare(name(*a), line);
      return way <= -0.4 && middles <= -0.1 ? compare(name(*b), line) : "no clear difference";
    }
    const Ids ids = meant(m["of"], wrong);
    if (!wrong.empty()) return wrong;
    if (ids != line["referents"].get<Ids>()) return "other things";
    if (ask == "exists") return compare(ids.empty() ? "no" : "yes", line);
    if (ask == "count") {
      const RefJson right = {number_word(ids.size()), std::to_string(ids.size())};
      return line["answers"] == right ? "" : "another number";
    }
    if (ids.size() != 1) return "not one thing";
    const RefThing& t = things_[*ids.begin()];
    if (m["of"]["head"].contains(ask == "colour" ? "colour" : "label")) return "the answer is told";
    return compare(ask == "colour" ? t.colour : t.label, line);
  }

  struct Place {
    double x, y, gx, gy;
  };

  // The place that the line records, and all others that its words allow: on a circle around the
  // thing that one stands by, with that thing on the side that is told, and nothing in the way.
  std::vector<Place> places(const RefJson& s, std::string& wrong) const {
    const RefThing *by = one(s["by"]), *facing = one(s["facing"]);
    if (by == nullptr || facing == nullptr) return wrong = "not one thing", std::vector<Place>{};
    const double r = std::sqrt(by->half_x * by->half_x + by->half_y * by->half_y) + 0.35;
    std::vector<Place> out{{s["x"], s["y"], s["dx"], s["dy"]}};
    const double dx = facing->x - out[0].x, dy = facing->y - out[0].y,
                 d = std::sqrt(dx * dx + dy * dy);
    if (std::abs(dx / d - out[0].gx) > 1e-9 || std::abs(dy / d - out[0].gy) > 1e-9)
      return wrong = "the gaze misses what it faces", out;
    for (int i = 0; i < 360; ++i) {
      const double x = by->x + r * std::cos(i * 0.017453292519943295);
      const double y = by->y + r * std::sin(i * 0.017453292519943295);
      const double fx = facing->x - x, fy = facing->y - y, f = std::sqrt(fx * fx + fy * fy);
      bool free = f >= 1.2 && std::abs(x - floor_.x) <= floor_.half_x - 0.55 &&
                  std::abs(y - floor_.y) <= floor_.half_y - 0.55;
      for (const RefThing& t : things_) {
        if (t.label == "floor" || t.bottom >= 1) continue;
        const RefThing point{0, "", "", x, y, 0, 0, 0, 0};
        free = free && gap(t, point) >= 0.12;
      }
      if (free && off(s["by_side"], by->x - x, by->y - y, fx / f, fy / f) <= 60)
        out.push_back({x, y, fx / f, fy / f});
    }
    return out;
  }

  // 1: on that side of every place, -1: of none, 0: neither. At the recorded place with the margin,
  // at the others by and large.
  int on_side(const std::string& side, const RefThing& t, const std::vector<Place>& places) const {
    int is = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Place& p = places[i];
      const double degrees = off(side, t.x - p.x, t.y - p.y, p.gx, p.gy);
      if (i == 0) is = degrees <= 40 ? 1 : degrees >= 115 ? -1 : 0;
      if (i > 0 && (is > 0 ? degrees > 80 : degrees < 80)) return 0;
    }
    return is;
  }

  std::string why_situated(const RefJson& line) const {
    const RefJson &m = line["meaning"], &head = m["of"]["head"];
    const std::string ask = m["ask"], side = m.value("side", "");
    std::string wrong;
    const std::vector<Place> where = places(m["situation"], wrong);
    if (!wrong.empty()) return wrong;
    const RefThing& by = *one(m["situation"]["by"]);
    if (on_side(m["situation"]["by_side"], by, {where[0]}) != 1) return "stands on another side";
    if (ask == "turn") {
      const RefThing* t = one(head);
      if (t == nullptr) return "not one thing";
      const int left = on_side("left", *t, where), right = on_side("right", *t, where);
      return left == 1    ? compare("left", line)
             : right == 1 ? compare("right", line)
                          : "neither left nor right";
    }
    if (ask == "nearer") {
      const RefThing *a = one(head), *b = one(m["other"]);
      if (a == nullptr || b == nullptr) return "not one thing";
      int first = 0;
      for (std::size_t i = 0; i < where.size(); ++i) {
        const RefThing me{0, "", "", where[i].x, where[i].y, 0, 0, 0, 0};
        const double way = gap(me, *b) - gap(me, *a);
        if (i == 0) first = way >= 0.5 ? 1 : way <= -0.5 ? -1 : 0;
        if (first == 0 || way * first <= 0) return "no clear difference";
      }
      return compare(name(first > 0 ? *a : *b), line);
    }
    Ids ids;
    for (const RefThing* t : all(head)) {
      const int is = on_side(side, *t, where);
      if (is == 0) return "thing " + std::to_string(t->id) + " is on no clear side";
      if (is > 0) ids.insert(t->id);
    }
    if (ask == "on side")
      return one(head) == nullptr ? "not one thing" : compare(ids.empty() ? "no" : "yes", line);
    if (ids != line["referents"].get<Ids>()) return "other things";
    if (ask == "exists") return compare(ids.empty() ? "no" : "yes", line);
    if (ask == "count") return compare(number_word(ids.size()), line);
    if (ask == "parity") return compare(ids.size() % 2 != 0 ? "odd" : "even", line);
    if (ids.size() != 1) return "not one thing";
    if (head.contains(ask == "colour" ? "colour" : "label")) return "the answer is told";
    const RefThing& t = things_[*ids.begin()];
    return compare(ask == "colour" ? t.colour : t.label, line);
  }

  std::vector<RefThing> things_;
  RefThing floor_{};
};

}  // namespace vega::ref
