// Answers that state a box in the camera of a frame. Source: VEGA-3D, branch spatial-reasoning (as
// VG-LLM), lmms_eval/tasks/scanrefer/utils.py.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "geometry/oriented_box.h"

namespace vega::tasks {

// The lines that the released scorers look at: without newlines, then "`", then letters of "json",
// then newlines at both ends of the answer.
std::vector<std::string_view> answer_lines(std::string_view answer);

struct BoxAnswer {
  std::size_t frame = 0;  // its place among those that were shown
  OrientedBox box{};      // in the coordinates of that frame's camera
};

// What the released scorer takes an answer for: its first line with "bbox_3d" is a dictionary whose
// `frame` is a whole number of 0 to frames - 1 and whose `bbox_3d` is a list of nine numbers. The
// release evaluates the line as Python; here it is a literal (python_literal), so that a line of
// arithmetic is no answer. Nothing: `why` says what is wrong.
std::optional<BoxAnswer> read_box_answer(std::string_view answer, std::size_t frames,
                                         std::string& why);

// The box of an answer in the world; poses: of the frames, world from camera. Nothing: as above.
std::optional<OrientedBox> answered_box(std::string_view answer, std::span<const Pose> poses,
                                        std::string& why);

}  // namespace vega::tasks
