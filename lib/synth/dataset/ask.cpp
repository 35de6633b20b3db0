#include "synth/dataset/ask.h"

#include <algorithm>
#include <map>

#include "synth/dataset/phrases.h"
#include "synth/dataset/refer.h"

namespace vega::synth {
namespace {

constexpr double kCloserGap = 0.4;  // m, of kNearer

bool all_seen(const RoomFacts& room, const std::vector<int>& ids) {
  return std::all_of(ids.begin(), ids.end(), [&](int id) { return room.things[id].seen >= kSeen; });
}

std::vector<int> ids_of(const std::vector<const Thing*>& things) {
  std::vector<int> out;
  for (const Thing* thing : things) out.push_back(thing->id);
  return out;
}

// Candidates of ScanQA's questions, by kind of question.
class QuestionCollector {
 public:
  QuestionCollector(const RoomFacts& room, Draw& draw) : room_(room), draw_(draw) {}

  std::map<Ask, std::vector<Question>> collect() {
    for (const Reference& one : references(room_))
      if (one.kind == ReferKind::kOneAmongOthers) add_looks(one);
    for (const std::string& shape : shapes_of(room_)) {
      add_number({shape, ""});
      for (const std::string& colour : colours_of(room_)) add_number({shape, colour});
    }
    for (const std::string& colour : colours_of(room_)) add_number({"", colour});
    const auto singles = single_kinds(room_, true, false);
    const auto anchors = single_kinds(room_, true, true);
    for (std::size_t i = 0; i < singles.size(); ++i) {
      for (std::size_t j = i + 1; j < singles.size(); ++j) {
        const bool swap = draw_.chance(0.5);
        const Kind &a = singles[swap ? j : i], &b = singles[swap ? i : j];
        add_larger(a, b);
        for (const Kind& anchor : anchors)
          if (anchor != a && anchor != b) add_nearer(a, b, anchor);
      }
    }
    return std::move(out_);
  }

 private:
  // The colour or the shape of what a place alone describes.
  void add_looks(const Reference& one) {
    const Description& d = one.description;
    const Thing& thing = room_.things[one.ids[0]];
    if (d.relation == Relation::kNone) return;
    if (d.head.colour.empty()) {
      const std::string phrase = short_phrase(d, false, draw_, false);
      const std::string text = draw_.chance(0.7) ? "What color is " + phrase + "?"
                                                 : "What is the color of " + phrase + "?";
      out_[Ask::kColour].push_back(
          {Ask::kColour, d, {}, Relation::kNone, {}, text, {thing.colour}, one.ids});
    } else if (d.head.label.empty()) {
      const std::string phrase = short_phrase(d, false, draw_, false);
      const std::string text =
          draw_.chance(0.5) ? "What is " + phrase + "?" : "What shape is " + phrase + "?";
      out_[Ask::kShape].push_back({Ask::kShape,
                                   d,
                                   {},
                                   Relation::kNone,
                                   {},
                                   text,
                                   {thing.label, with_article(thing.label)},
                                   one.ids});
    }
  }

  void add_number(const Kind& kind) {
    const std::vector<int> ids = ids_of(things_of(room_, kind));
    if (!all_seen(room_, ids)) return;
    const std::string several = noun(kind, true);
    if (!ids.empty()) {
      const std::string text = draw_.chance(0.5) ? "How many " + several + " are in the room?"
                                                 : "How many " + several + " are there?";
      out_[Ask::kCount].push_back({Ask::kCount,
                                   {kind, Relation::kNone, {}, {}},
                                   {},
                                   Relation::kNone,
                                   {},
                                   text,
                                   {number_word(ids.size()), std::to_string(ids.size())},
                                   ids});
    }
    if (kind.label.empty() || kind.colour.empty()) return;
    const std::string text = "Is there " + with_article(noun(kind)) + " in the room?";
    out_[Ask::kExists].push_back({Ask::kExists,
                                  {kind, Relation::kNone, {}, {}},
                                  {},
                                  Relation::kNone,
                                  {},
                                  text,
                                  {ids.empty() ? "no" : "yes"},
                                  ids});
  }

  void add_larger(const Kind& a, const Kind& b) {
    const Thing &x = *only_thing(room_, a), &y = *only_thing(room_, b);
    if (a.label != b.label) return;  // boxes around other shapes are no measure
    const bool first = clearly_more(Relation::kLargest, x, y, nullptr);
    if (!first && !clearly_more(Relation::kLargest, y, x, nullptr)) return;
    add_choice(Ask::kLarger, {a, Relation::kNone, {}, {}}, b, first,
               "Which is larger, " + the(a) + " or " + the(b) + "?");
  }

  void add_nearer(const Kind& a, const Kind& b, const Kind& anchor) {
    const Thing &x = *only_thing(room_, a), &y = *only_thing(room_, b);
    const Thing& at = *only_thing(room_, anchor);
    const auto closer = [&](const Thing& one, const Thing& two) {
      return footprint_gap(one, at) + kCloserGap <= footprint_gap(two, at) &&
             clearly_more(Relation::kNearest, one, two, &at);
    };
    if (closer(x, y) == closer(y, x)) return;
    add_choice(Ask::kNearer, {a, Relation::kNone, {anchor}, {}}, b, closer(x, y),
               "Which is closer to " + the(anchor) + ", " + the(a) + " or " + the(b) + "?");
  }

  void add_choice(Ask ask, Description of, const Kind& b, bool first, std::string text) {
    const Kind right = first ? of.head : b;
    const std::vector<int> ids{only_thing(room_, right)->id};
    out_[ask].push_back({ask,
                         std::move(of),
                         b,
                         Relation::kNone,
                         {},
                         std::move(text),
                         {noun(right), the(right)},
                         ids});
  }

  const RoomFacts& room_;
  Draw& draw_;
  std::map<Ask, std::vector<Question>> out_;
};

}  // namespace

std::span<const Choice<Ask>> ask_names() {
  static constexpr Choice<Ask> kNames[] = {
      {Ask::kColour, "colour"}, {Ask::kShape, "shape"},   {Ask::kCount, "count"},
      {Ask::kParity, "parity"}, {Ask::kExists, "exists"}, {Ask::kOnSide, "on side"},
      {Ask::kTurn, "turn"},     {Ask::kNearer, "nearer"}, {Ask::kLarger, "larger"}};
  return kNames;
}

std::vector<Question> scanqa_questions(const RoomFacts& room, std::size_t most, Draw& draw) {
  auto groups = QuestionCollector(room, draw).collect();
  const std::pair<Ask, double> shares[] = {{Ask::kCount, 0.15},  {Ask::kExists, 0.15},
                                           {Ask::kShape, 0.15},  {Ask::kNearer, 0.12},
                                           {Ask::kLarger, 0.08}, {Ask::kColour, 1}};
  std::vector<Question> out;
  for (const auto& [ask, share] : shares) {
    auto& from = groups[ask];
    draw.shuffle(from);
    const auto wanted = std::min(
        static_cast<std::size_t>(share * static_cast<double>(most) + 0.999), most - out.size());
    std::map<std::string, std::size_t> given;  // answers
    for (std::size_t taken = 0; taken < wanted && !from.empty(); ++taken) {
      const auto best =
          std::min_element(from.begin(), from.end(), [&](const Question& a, const Question& b) {
            return given[a.answers[0]] < given[b.answers[0]];
          });
      ++given[best->answers[0]];
      out.push_back(std::move(*best));
      from.erase(best);
    }
  }
  draw.shuffle(out);
  return out;
}

Json to_json(const Question& q) {
  Json out = {{"ask", name_in(ask_names(), q.ask)}, {"of", to_json(q.of)}};
  if (q.ask == Ask::kNearer && !q.of.anchors.empty()) out.add("to", to_json(q.of.anchors[0]));
  if (q.other) out.add("other", to_json(*q.other));
  if (q.side != Relation::kNone) out.add("side", name_in(relation_names(), q.side));
  if (q.situation) {
    const Situation& s = *q.situation;
    out.add("situation", {{"by", to_json(s.by)},
                          {"by_side", name_in(relation_names(), s.by_side)},
                          {"facing", to_json(s.facing)},
                          {"x", s.stand.x},
                          {"y", s.stand.y},
                          {"dx", s.stand.dx},
                          {"dy", s.stand.dy}});
  }
  return out;
}

}  // namespace vega::synth
