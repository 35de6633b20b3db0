// Questions about pictures of a room's walk in the manner of CV-Bench and BLINK-spatial, whose
// answers follow from the boxes of objects.json, the cameras, and what each picture shows. Lengths
// in metres.
//   things      as of VSI-Bench's questions (vsi.h), in a picture that shows them well (kSeen)
//   Count       plain shapes of a label, also of a colour: each that the picture shows it shows
//   well Relation, Spatial_Relation   left and right in the picture: as the camera sees their
//   boxes, one
//               lies wholly beside the other
//   Depth, Relative_Depth   which is closer to the camera: one box ends 0.25 before the other
//   begins Distance    which of two plain shapes is closer to a third, by 0.25 (vsi.h)
//   Multi-view_Reasoning   of two pictures, the second is taken 0.5 or more to the left or right of
//               the first, as the first looks, and more so than ahead or behind
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "geometry/pose.h"
#include "synth/dataset/draw.h"
#include "synth/dataset/facts.h"

namespace vega::synth {

struct PictureQuestion {
  std::string type;    // "Count", "Relative_Depth", ...: of tasks/pictures.h
  std::string source;  // of CV-Bench; empty: a question of BLINK's kind
  std::string text;
  std::vector<std::string> choices;
  std::size_t right = 0;              // place among the choices
  std::vector<std::size_t> pictures;  // of the walk, by their place
};

// At most `most` questions of each type. cameras: of each picture of the walk, room from camera, x
// to the right, y down, z ahead.
std::vector<PictureQuestion> picture_questions(const RoomFacts& room,
                                               const std::vector<Pose>& cameras, std::size_t most,
                                               Draw& draw);

}  // namespace vega::synth
