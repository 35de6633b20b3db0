// The letters of OpenCV's FONT_HERSHEY_SIMPLEX that labels of SPAR-7M are made of.
#pragma once

#include <cstdint>
#include <vector>

namespace vega::train {

// A place in a letter, in units of the font: x to the right of the letter's middle, y downwards
// from 9 units above the baseline.
struct LetterPoint {
  std::int8_t x = 0, y = 0;
};

struct OpenCvLetter {
  int left = 0, right = 0;  // of the middle; the next letter begins at `right`
  std::vector<std::vector<LetterPoint>> strokes;  // lines from point to point
};

// Of '0' to '9' and of the letters of "object" and "A". Throws InputError: another.
const OpenCvLetter& opencv_letter(char letter);

}  // namespace vega::train
