// Nr3D: which questions count, and which group each belongs to. Source: referit3d/referit3d.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vega::tasks {

// `scan-label-n-target[-distractor ...]`: "scene0011_00-coffee_table-3-5-6-7".
struct Nr3dStimulus {
  std::string scan, label;               // blanks of the label are put back
  std::int64_t objects = 0, target = 0;  // objects of the target's class in the scan
  std::vector<std::int64_t> distractors;

  bool hard() const { return objects > 2; }
};
std::optional<Nr3dStimulus> nr3d_stimulus(std::string_view text);

// Words of a Python list literal: "['the', \"chair's\"]". Nothing where it is none.
std::optional<std::vector<std::string>> python_words(std::string_view literal);

// The utterance says where the speaker stands: one of its words is front, behind, back, right,
// left, facing, leftmost, rightmost, looking or across.
bool nr3d_view_dependent(const std::vector<std::string>& words);

}  // namespace vega::tasks
