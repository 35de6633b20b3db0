#include "synth/dataset/phrases.h"

#include <cctype>

namespace vega::synth {
namespace {

// "closest to the sofa", without the view of a side.
std::string place_of(const Description& d, Draw& draw) {
  switch (d.relation) {
    case Relation::kNearest:
      return (draw.chance(0.6) ? "closest to " : "nearest to ") + the(d.anchors[0]);
    case Relation::kFarthest:
      return (draw.chance(0.6) ? "farthest from " : "farthest away from ") + the(d.anchors[0]);
    case Relation::kBetween: return "between " + the(d.anchors[0]) + " and " + the(d.anchors[1]);
    case Relation::kLeft:
      return (draw.chance(0.6) ? "to the left of " : "left of ") + the(d.anchors[0]);
    case Relation::kRight:
      return (draw.chance(0.6) ? "to the right of " : "right of ") + the(d.anchors[0]);
    case Relation::kFront: return "in front of " + the(d.anchors[0]);
    case Relation::kBehind: return "behind " + the(d.anchors[0]);
    case Relation::kOn: return (draw.chance(0.6) ? "on top of " : "on ") + the(d.anchors[0]);
    default: return {};
  }
}

std::string size_word(Relation relation, Draw& draw) {
  if (relation == Relation::kLargest) return draw.chance(0.6) ? "largest" : "biggest";
  if (relation == Relation::kHighest) return "highest";
  return relation == Relation::kSmallest ? "smallest" : "tallest";
}

// Said of a thing alone, without a place.
bool has_no_place(Relation r) { return is_size(r) || r == Relation::kHighest; }

}  // namespace

std::string noun(const Kind& kind, bool several) {
  std::string word = kind.label.empty() ? "object" : kind.label;
  if (several) word += word.ends_with('x') || word.ends_with("sh") ? "es" : "s";
  return kind.colour.empty() ? word : kind.colour + " " + word;
}

std::string the(const Kind& kind) { return "the " + noun(kind); }

std::string with_article(const std::string& noun) {
  return (std::string_view("aeiou").find(noun[0]) != std::string_view::npos ? "an " : "a ") + noun;
}

std::string of_me(Relation side) {
  switch (side) {
    case Relation::kLeft: return "on my left";
    case Relation::kRight: return "on my right";
    case Relation::kFront: return "in front of me";
    default: return "behind me";
  }
}

std::string short_phrase(const Description& d, bool several, Draw& draw, bool may_lead) {
  const std::string head = noun(d.head, several);
  if (d.relation == Relation::kNone) {
    if (several) return (draw.chance(0.5) ? "the " : "all of the ") + head;
    return "the " + head;
  }
  if (has_no_place(d.relation)) {
    const std::string size = size_word(d.relation, draw);
    return draw.chance(0.6) ? "the " + size + " " + head
                            : "the " + size + " " + head + " in the room";
  }
  const std::string place = place_of(d, draw);
  if (!is_side(d.relation)) {
    if (draw.chance(0.3)) return "the " + head + (several ? " that are " : " that is ") + place;
    return "the " + head + " " + place;
  }
  if (may_lead && draw.chance(0.5)) return "facing " + the(d.view) + ", the " + head + " " + place;
  return "the " + head + " " + place + (draw.chance(0.5) ? " when facing " : " when you face ") +
         the(d.view);
}

std::string long_phrase(const Description& d, bool on_floor, Draw& draw) {
  const std::string head = noun(d.head), a_head = with_article(head);
  const Kind bare{d.head.label, ""};
  const std::string floor = on_floor ? "on the floor" : "on another object";
  const std::string stands = " it stands " + floor + ".";
  const std::string intro = (draw.chance(0.5) ? "this is " : "there is ") + a_head;
  if (d.relation == Relation::kNone) {
    const std::string whole[] = {
        "this is " + a_head + "." + stands,
        "there is " + a_head + " " + floor + (on_floor ? " of the room." : "."),
        "the " + noun(bare) + " is " + d.head.colour + "." + stands,
        "it is " + a_head + ". it is " + floor + "."};
    return whole[draw.below(4)];
  }
  if (has_no_place(d.relation))
    return intro + ". it is the " + size_word(d.relation, draw) + " " + head + " in the room.";
  const std::string place = place_of(d, draw);
  if (is_superlative(d.relation))
    return draw.chance(0.6) ? intro + ". it is the " + head + " " + place + "."
                            : "the " + head + " " + place + "." + stands;
  if (d.relation == Relation::kOn)
    return draw.chance(0.5) ? intro + ". it stands " + place + "." : intro + " " + place + ".";
  if (d.relation == Relation::kBetween)
    return draw.chance(0.5) ? intro + ". it stands " + place + "."
                            : intro + " " + place + ". it is " + floor + ".";
  return draw.chance(0.5)
             ? intro + ". when you face " + the(d.view) + ", it is " + place + "."
             : "facing " + the(d.view) + ", there is " + a_head + " " + place + "." + stands;
}

std::array<std::string, 4> plain_phrases(const Kind& kind) {
  return {the(kind), with_article(noun(kind)), the({kind.label, ""}) + " is " + kind.colour,
          "there is " + with_article(noun(kind))};
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  const auto end = [&] {
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
      continue;
    }
    end();
    if (c != ' ') out.emplace_back(1, c);
  }
  end();
  return out;
}

std::string number_word(std::size_t number) {
  static constexpr const char* kWords[] = {
      "zero",     "one",     "two",     "three",     "four",     "five",     "six",
      "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
      "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
  return number <= 20 ? kWords[number] : std::to_string(number);
}

}  // namespace vega::synth
