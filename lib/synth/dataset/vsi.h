// Questions about a room in the manner of VSI-Bench, all eight tasks, whose answers follow from the
// boxes of objects.json and the pictures of the walk. A question is made only where its answer is
// clear by a margin. Lengths in metres; a thing stands where the middle of its footprint is.
//   things        a plain shape by shape and colour, or furniture on the floor by its name; each
//                 name is of one thing, which some picture shows well (kSeen). Of counts: all are
//   object count  two at least
//   distance      of the surfaces of two plain shapes, which are solids of known form within their
//                 boxes (shape_distance); 1 m at least, said to 0.1 m
//   object size   the longest side of the box; of plain shapes, and of furniture along the walls
//   room size     the floor, said to 0.1 m2
//   relative distance   of four shapes the closest one is so by 0.25 m
//   direction     from A, 1.2 m from B and C at least, facing B, C is at a bearing (positive: left)
//                 easy: 25 to 155 degrees on one side; medium: left and right 35 to 120, back from
//                 150 on; hard: in a quadrant, 20 degrees off its borders
//   route         legs of 1 m at least that pass other things by 0.15 m; turns left and right of 55
//                 to 125 degrees, back from 160 on; one or two turns
//   order         a thing appears well (kSeen) before any pixel of the next one does, in all
//                 pictures and in those that an evaluation takes of them (tasks::vsi_frames)
#pragma once

#include <string>
#include <vector>

#include "synth/dataset/draw.h"
#include "synth/dataset/facts.h"

namespace vega::synth {

struct VsiQuestion {
  std::string type;  // question_type: "object_counting", ...
  std::string text, answer;
  std::vector<std::string> options;  // "A. ..."; empty: the answer is a number
};

// The distance of the surfaces of two plain shapes (box, ball, cylinder, cone) that fill their
// boxes, within 1e-4 m; 0 where they touch. Throws InputError: not such shapes.
double shape_distance(const Thing& a, const Thing& b);

// At most `most` questions of each question type, in the order of VSI-Bench's table.
std::vector<VsiQuestion> vsi_questions(const RoomFacts& room, std::size_t most, Draw& draw);

}  // namespace vega::synth
