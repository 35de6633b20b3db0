#include "synth/dataset/refer.h"

#include <algorithm>
#include <map>
#include <set>

#include "synth/dataset/phrases.h"

namespace vega::synth {
namespace {

constexpr double kFloor = 0.02;  // m

// What rooms lack, for descriptions of nothing.
constexpr const char* kAbsent[] = {
    "bed",   "refrigerator", "toilet",   "bathtub", "guitar", "washing machine",
    "stove", "bicycle",      "suitcase", "piano"};

class ReferenceCollector {
 public:
  explicit ReferenceCollector(const RoomFacts& room) : room_(room) {
    shape_anchors_ = single_kinds(room, true, false);
    all_anchors_ = single_kinds(room, true, true);
    for (const char* label : {"door", "window", "television", "sofa", "bookshelf"})
      if (const Thing* thing = only_thing(room, {label, ""});
          thing != nullptr && thing->seen >= kSeen)
        views_.push_back({label, ""});
    for (const Thing& thing : room.things) stacked_ |= thing.is_shape() && !on_floor(thing);
  }

  std::vector<Reference> collect() {
    const auto shapes = shapes_of(room_), colours = colours_of(room_);
    std::vector<Kind> heads;  // that several things may have
    for (const std::string& shape : shapes) {
      heads.push_back({shape, ""});
      for (const std::string& colour : colours) {
        add({{shape, colour}, Relation::kNone, {}, {}});
        if (things_of(room_, {shape, colour}).size() > 1) heads.push_back({shape, colour});
      }
    }
    for (const Kind& head : heads)
      for (const Relation r : {Relation::kLargest, Relation::kSmallest, Relation::kTallest})
        add({head, r, {}, {}});
    for (const Kind& head : heads)
      if (stacked_) add({head, Relation::kHighest, {}, {}});
    for (const std::string& colour : colours) heads.push_back({"", colour});
    for (const Kind& head : heads) add_places(head);
    add_absent(shapes, colours);
    add_furniture();
    return std::move(out_);
  }

 private:
  void add_places(const Kind& head) {
    for (const Kind& anchor : all_anchors_) {
      add({head, Relation::kNearest, {anchor}, {}});
      add({head, Relation::kFarthest, {anchor}, {}});
    }
    for (std::size_t i = 0; i < shape_anchors_.size(); ++i) {
      if (stacked_) add({head, Relation::kOn, {shape_anchors_[i]}, {}});
      for (std::size_t j = i + 1; j < shape_anchors_.size(); ++j)
        add({head, Relation::kBetween, {shape_anchors_[i], shape_anchors_[j]}, {}});
      for (const Kind& view : views_)
        for (const Relation r :
             {Relation::kLeft, Relation::kRight, Relation::kFront, Relation::kBehind})
          add({head, r, {shape_anchors_[i]}, view});
    }
  }

  void add_absent(const std::vector<std::string>& shapes, const std::vector<std::string>& colours) {
    std::set<std::string> absent{"box", "ball", "cylinder", "cone"};
    for (const std::string& shape : shapes) absent.erase(shape);
    absent.insert(std::begin(kAbsent), std::end(kAbsent));
    for (const std::string& label : absent) {
      if (!things_of(room_, {label, ""}).empty()) continue;
      for (const std::string& colour : colours)
        out_.push_back({{{label, colour}, Relation::kNone, {}, {}}, {}, ReferKind::kNoneAlone, {}});
    }
  }

  void add_furniture() {
    for (const Kind& kind : single_kinds(room_, false, true))
      out_.push_back({{kind, Relation::kNone, {}, {}},
                      {only_thing(room_, kind)->id},
                      ReferKind::kOneAlone,
                      {}});
  }

  void add(Description d) {
    const auto ids = referents(room_, d);
    if (!ids) return;
    for (const int id : *ids)
      if (room_.things[id].seen < kSeen) return;
    if (!needs_appearance(room_, d, *ids)) return;
    if (ids->empty()) {
      const bool shape = !d.head.label.empty() && !things_of(room_, {d.head.label, ""}).empty();
      const bool colour = d.head.colour.empty() || !things_of(room_, {"", d.head.colour}).empty();
      if (!shape || !colour) return;
    } else if (!have_distractors(room_, *ids)) {
      return;
    }
    const ReferKind kind = ids->empty()       ? ReferKind::kNoneAmongOthers
                           : ids->size() == 1 ? ReferKind::kOneAmongOthers
                                              : ReferKind::kSeveral;
    const bool floor =
        std::all_of(ids->begin(), ids->end(), [&](int id) { return on_floor(room_.things[id]); });
    out_.push_back({std::move(d), *ids, kind, {}, floor});
  }

  static bool on_floor(const Thing& thing) { return thing.low[2] < kFloor; }

  const RoomFacts& room_;
  std::vector<Kind> shape_anchors_, all_anchors_, views_;
  bool stacked_ = false;  // some shape stands on another
  std::vector<Reference> out_;
};

// How often a relation comes, against the others. What a thing looks like comes first.
double weight_of(const Description& d) {
  switch (d.relation) {
    case Relation::kNone: return 8;
    case Relation::kNearest:
    case Relation::kOn:
    case Relation::kBetween: return 3;
    case Relation::kFarthest:
    case Relation::kLargest:
    case Relation::kSmallest:
    case Relation::kTallest:
    case Relation::kHighest: return 1;
    default: return 1.5;
  }
}

// At most `most` of the given ones: round after round, of every thing (or group of things) the one
// whose relation was used least so far, by its weight.
std::vector<Reference> spread(std::vector<Reference> from, std::size_t most, Draw& draw) {
  draw.shuffle(from);
  std::map<std::vector<int>, std::vector<Reference>> groups;
  for (Reference& one : from) groups[one.ids].push_back(std::move(one));
  std::vector<std::vector<int>> order;
  for (const auto& [ids, list] : groups) order.push_back(ids);
  draw.shuffle(order);
  std::map<Relation, double> used;
  std::vector<Reference> out;
  for (bool any = true; any && out.size() < most;) {
    any = false;
    for (const auto& ids : order) {
      auto& list = groups[ids];
      if (list.empty() || out.size() >= most) continue;
      const auto best =
          std::min_element(list.begin(), list.end(), [&](const Reference& a, const Reference& b) {
            return used[a.description.relation] < used[b.description.relation];
          });
      used[best->description.relation] += 1 / weight_of(best->description);
      out.push_back(std::move(*best));
      list.erase(best);
      any = true;
    }
  }
  return out;
}

std::vector<Reference> of_kind(const std::vector<Reference>& all, ReferKind kind) {
  std::vector<Reference> out;
  for (const Reference& one : all)
    if (one.kind == kind) out.push_back(one);
  return out;
}

// One referent among others; of those that are only called "object", one in `part`.
std::vector<Reference> mostly_named(const std::vector<Reference>& all, std::size_t part,
                                    Draw& draw) {
  std::vector<Reference> out = of_kind(all, ReferKind::kOneAmongOthers);
  std::erase_if(out, [&](const Reference& one) {
    return one.description.head.label.empty() && draw.below(part) != 0;
  });
  return out;
}

void append(std::vector<Reference>& to, std::vector<Reference> more) {
  std::move(more.begin(), more.end(), std::back_inserter(to));
}

}  // namespace

std::string_view eval_type(ReferKind kind) {
  switch (kind) {
    case ReferKind::kNoneAlone: return "zt_wo_d";
    case ReferKind::kNoneAmongOthers: return "zt_w_d";
    case ReferKind::kOneAlone: return "st_wo_d";
    case ReferKind::kOneAmongOthers: return "st_w_d";
    case ReferKind::kSeveral: return "mt";
  }
  return {};
}

const std::vector<std::string>& anchor_labels() {
  static const std::vector<std::string> kLabels = {"door",       "window",    "sofa",
                                                   "cabinet",    "bookshelf", "armchair",
                                                   "floor lamp", "radiator",  "television"};
  return kLabels;
}

std::vector<Kind> single_kinds(const RoomFacts& room, bool shapes, bool furniture) {
  std::vector<Kind> out;
  const auto add = [&](const Kind& kind) {
    const Thing* thing = only_thing(room, kind);
    if (thing != nullptr && thing->seen >= kSeen) out.push_back(kind);
  };
  if (shapes)
    for (const std::string& shape : shapes_of(room))
      for (const std::string& colour : colours_of(room)) add({shape, colour});
  if (furniture)
    for (const std::string& label : anchor_labels()) add({label, ""});
  return out;
}

std::vector<std::string> shapes_of(const RoomFacts& room) {
  std::set<std::string> out;
  for (const Thing& thing : room.things)
    if (thing.is_shape()) out.insert(thing.label);
  return {out.begin(), out.end()};
}

std::vector<std::string> colours_of(const RoomFacts& room) {
  std::set<std::string> out;
  for (const Thing& thing : room.things)
    if (thing.is_shape()) out.insert(thing.colour);
  return {out.begin(), out.end()};
}

std::vector<Reference> references(const RoomFacts& room) {
  return ReferenceCollector(room).collect();
}

std::vector<Reference> scanrefer_texts(const std::vector<Reference>& all, std::size_t most,
                                       Draw& draw) {
  // Furniture whose class ScanRefer knows; all else is one class, "others", and so never unique.
  std::vector<Reference> unique = of_kind(all, ReferKind::kOneAlone);
  std::erase_if(unique, [](const Reference& one) {
    const std::string& label = one.description.head.label;
    return label == "floor lamp" || label == "radiator" || label == "television";
  });
  std::vector<Reference> out = spread(std::move(unique), std::max<std::size_t>(1, most / 16), draw);
  append(out, spread(mostly_named(all, 4, draw), most - std::min(most, out.size()), draw));
  for (Reference& one : out)
    one.text = one.kind == ReferKind::kOneAlone
                   ? "this is " + with_article(noun(one.description.head)) + ". it is the only " +
                         noun(one.description.head) + " in the room."
                   : long_phrase(one.description, one.on_floor, draw);
  return out;
}

std::vector<Reference> plain_scanrefer_texts(const std::vector<Reference>& all, std::size_t most) {
  std::vector<Reference> out;
  const std::size_t wordings = plain_phrases({}).size();
  for (std::size_t wording = 0; wording < wordings; ++wording) {
    for (const Reference& one : all) {
      const Description& d = one.description;
      const bool plain = d.relation == Relation::kNone && !d.head.label.empty();
      if (one.kind != ReferKind::kOneAmongOthers || !plain || out.size() >= most) continue;
      out.push_back(one);
      out.back().text = plain_phrases(d.head)[wording];
    }
  }
  return out;
}

std::vector<Reference> space_scanrefer_texts(const std::vector<Reference>& all, std::size_t most,
                                             Draw& draw) {
  std::vector<Reference> placed = of_kind(all, ReferKind::kOneAmongOthers);
  std::erase_if(placed, [](const Reference& one) {
    const Description& d = one.description;
    return d.relation == Relation::kNone || is_size(d.relation) || d.head.label.empty();
  });
  std::vector<Reference> out = spread(std::move(placed), most, draw);
  for (Reference& one : out) one.text = short_phrase(one.description, false, draw);
  return out;
}

std::vector<Reference> nr3d_texts(const std::vector<Reference>& all, std::size_t most, Draw& draw) {
  // Rows that do not name the class do not count; a few, as in the original.
  std::vector<Reference> out = spread(mostly_named(all, 8, draw), most, draw);
  for (Reference& one : out) one.text = short_phrase(one.description, false, draw);
  return out;
}

std::vector<Reference> multi3drefer_texts(const std::vector<Reference>& all, std::size_t most,
                                          Draw& draw) {
  const std::pair<ReferKind, double> shares[] = {{ReferKind::kNoneAlone, 0.08},
                                                 {ReferKind::kNoneAmongOthers, 0.17},
                                                 {ReferKind::kOneAlone, 0.10},
                                                 {ReferKind::kSeveral, 0.30},
                                                 {ReferKind::kOneAmongOthers, 1}};
  std::vector<Reference> out;
  for (const auto& [kind, share] : shares) {
    const auto wanted = static_cast<std::size_t>(share * static_cast<double>(most) + 0.999);
    append(out, spread(of_kind(all, kind), std::min(wanted, most - out.size()), draw));
  }
  draw.shuffle(out);
  for (Reference& one : out) one.text = short_phrase(one.description, one.ids.size() > 1, draw);
  return out;
}

}  // namespace vega::synth
