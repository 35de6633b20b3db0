// A question as pictures: the frames that see its boxes best, and the room from above.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "evaluate/show_scene.h"
#include "tasks/scored.h"
#include "viz/canvas.h"

namespace vega::evaluate {

// The source of a box: the annotation, the system that is shown, or the other one (B).
enum class BoxOf { kTruth, kAnswer, kAgainst };
Pen box_pen(BoxOf of, double scale = 1);  // colours differ, and so do dashes and widths

struct CaseBox {
  Box box{};  // m, axis-aligned
  BoxOf of{};
};

// The boxes of a question; object ids (Nr3D, Scan2Cap) are looked up in the scene.
std::vector<CaseBox> case_boxes(const tasks::ScoredQuestion& question, const ShownScene& scene);

struct CaseFrame {
  ImageU8 picture;  // with boxes drawn
  std::int64_t id = 0;
  std::size_t place = 0;  // among the frames of the scene
  std::string caption;    // "frame 120 shows the true box"
};

// `count` frames: those that show the true boxes best; where an answer's box is not in them, the
// last one is the frame that shows it best. Without boxes, or where no frame shows one: evenly
// spread. Each at most `width` x `height` pixels.
std::vector<CaseFrame> case_frames(std::span<const CaseBox> boxes, const ShownScene& scene,
                                   std::size_t count, ImageSize most);

// A picture resized to the largest one of its shape within `most`.
ImageU8 fitted(const ImageU8& picture, ImageSize most);

// Draws the boxes over a picture, the true ones below.
void draw_boxes(ImageU8& picture, std::span<const CaseBox> boxes, const PictureCamera& camera);

// The room from above: points below 2 m, the way of the camera, where the frames were taken (1, 2,
// ...), boxes, a scale bar. x to the right, y upwards. At most `most` pixels.
ImageU8 top_view(std::span<const CaseBox> boxes, const ShownScene& scene,
                 std::span<const CaseFrame> frames, ImageSize most);

}  // namespace vega::evaluate
