// Conversations about pictures and videos, on which VEGA-3D's spatial model was trained: records of
// SPAR-7M and of LLaVA-Hound. docs/formats.md, "Conversations about pictures".
// Source: VEGA-3D (branch spatial-reasoning), qwen_vl/data/data_qwen.py, draw_marker.py.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/sample.h"

namespace vega::tasks {

// A disc or a box that is drawn on a picture before it is shown. place, in thousandths of width and
// height: x and y of a disc's centre (the other two are 0), or the corners x1, y1, x2, y2 of a box.
struct PictureMark {
  enum class Kind { kDisc, kBox };
  enum class Style {
    kPlain,    // as Pillow draws, without a label
    kLetters,  // as OpenCV draws, a green label beside it
    kSign      // as OpenCV draws, a white label on a filled box of the mark's colour
  };
  Kind kind = Kind::kDisc;
  Style style = Style::kPlain;
  std::string label = {};   // "objectA", "object0"; empty where plain
  std::size_t picture = 0;  // from 0
  std::array<std::uint8_t, 3> color{};
  std::array<double, 4> place{};
};

struct PictureTurn {
  bool answers = false;  // the model's turn; else the user's
  std::string text;      // "<image>" in a user's turn is a picture
};

struct PictureSample {
  std::string id;     // empty: the record has none
  std::string place;  // "FILE: [12]"
  Task task{};
  // Below the folder of media: a video or a folder of frames, else the pictures. One of the two.
  std::string video;
  std::vector<std::string> pictures;
  std::vector<PictureMark> marks;  // in the order of drawing; of pictures alone
  std::vector<PictureTurn> turns;  // as in the file, but for a first one that is not the user's
  bool whole = true;               // false: there was such a first one
};

struct PictureFile {
  std::vector<PictureSample> samples;  // in the order of the file
  std::vector<BadSample> bad;
};

// Reads a JSON list of records, or a record a line, one at a time. A bad record costs only itself:
// no JSON object, no conversation with an answer, a turn that is neither the user's (human, user)
// nor the model's (gpt, assistant), neither `video` nor `images` (or `image`), a path that leaves
// the folder of media, spar_info of a type that is unknown or without the places that it needs.
// Throws InputError (cannot be opened), FormatError: no such list, or not one good record.
PictureFile read_picture_samples(const std::filesystem::path& path, Task task);
PictureFile parse_picture_samples(std::string_view text, const std::string& name, Task task);

// One record. Throws FormatError that begins with the member.
PictureSample picture_sample_of(const Json& record, Task task);

// The turns where so many pictures are shown: in the record's first turn, where it is the user's,
// "<video>" is an "<image>" for each of them, and a newline behind "<image>" is gone. Throws
// FormatError: user's turns with another number of "<image>".
std::vector<PictureTurn> shown_turns(const PictureSample& sample, std::size_t pictures);

// Frames of a video of `total` at `frames_per_s` that training shows: one every two seconds, at
// least 4 and at most 8, evenly spread from the first to the last and rounded down, each once. A
// folder of frames has one a second. Throws InputError: no frame, no rate.
std::vector<std::int64_t> training_frames(std::int64_t total, double frames_per_s);

}  // namespace vega::tasks
