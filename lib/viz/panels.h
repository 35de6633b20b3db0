// Several drawings on one page.
#pragma once

#include <vector>

#include "viz/canvas.h"

namespace vega {

// A drawing whose top left corner is moved to `at`.
struct Panel {
  Drawing drawing;
  Point2 at;
};

Drawing draw_panels(std::vector<Panel> panels);

}  // namespace vega
