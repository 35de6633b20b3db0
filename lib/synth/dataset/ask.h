// Questions about a room whose answers a program can check: ScanQA's kind, and SQA3D's, which are
// asked by someone who stands somewhere and looks somewhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "synth/dataset/draw.h"
#include "synth/dataset/words.h"

namespace vega::synth {

enum class Ask {
  kColour,  // what color is it
  kShape,   // which shape is it
  kCount,   // how many are there
  kParity,  // is their number odd or even
  kExists,  // is there one
  kOnSide,  // is it on that side of me
  kTurn,    // which way do I turn to face it
  kNearer,  // which of two is closer (to `of.anchors`, or to me)
  kLarger   // which of two is larger
};
std::span<const Choice<Ask>> ask_names();  // "colour", ...

// Someone who stands by one thing and looks at another.
struct Situation {
  Kind by, facing;                     // each names one thing
  Relation by_side = Relation::kLeft;  // where the first one is: left, right or behind
  Stand stand;                         // one of the places that this may be
  std::string text;
  std::vector<std::string> other_texts;  // the same in other words
};

struct Question {
  Ask ask{};
  // What it is about. ScanQA: kNearer compares of.head and other by their way to of.anchors[0].
  Description of;
  std::optional<Kind> other;
  Relation side = Relation::kNone;     // SQA3D: of me
  std::optional<Situation> situation;  // SQA3D
  std::string text;
  std::vector<std::string> answers;
  std::vector<int> ids;  // things that the answer is about
};

// At most `most` questions of each kind of benchmark. What is asked about is seen (kSeen); yes and
// no, left and right come about equally often. An answer of SQA3D holds, with smaller margins, of
// all places that the situation's words allow: every free place on the circle around the thing
// that one stands by, from which that thing is on the side that the words say.
std::vector<Question> scanqa_questions(const RoomFacts& room, std::size_t most, Draw& draw);
std::vector<Question> sqa3d_questions(const RoomFacts& room, std::size_t most, Draw& draw);

Json to_json(const Question& question);

}  // namespace vega::synth
