// Contact sheets: source frames above pictures of their features, many frames on one page.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "viz/canvas.h"
#include "viz/colormap.h"

namespace vega {

// The part of a picture that the features cover: top left, top right, bottom right, bottom left, in
// pixels. Here (0, 0) is the centre of the top left pixel, so a picture reaches from -0.5 to width
// - 0.5.
using CoveredQuad = std::array<Point2, 4>;

struct SheetFrame {
  ImageU8 picture;
  ImageU8 panel;                       // a pixel a cell, drawn below the picture; empty: none
  std::string caption;                 // one line above the picture, such as the frame id
  std::optional<CoveredQuad> covered;  // nothing: the whole picture
};

struct SheetOptions {
  int columns = 0;              // frames side by side; 0: the page comes near 3:2
  int tile_width = 0;           // pixels of a picture; 0: 240, more for few frames, less for many
  bool smooth = false;          // cells blend into one another instead of having sharp edges
  std::optional<ColorBar> bar;  // below everything
};

// Colours of pages that hold pictures.
struct SheetColors {
  static constexpr Color kPage{17, 19, 24}, kPanel{26, 29, 36}, kLines{52, 57, 68};
  static constexpr Color kText{236, 239, 244}, kMuted{156, 164, 178};
};
constexpr int kSheetMargin = 24;

// Where the parts of a sheet are, in its pixels.
struct SheetLayout {
  ImageSize page;
  int columns = 0, rows = 0;
  ImageSize picture, panel;           // of one tile
  int top = 0;                        // of the first picture
  int column_step = 0, row_step = 0;  // from a picture to its neighbours
  int panel_step = 0;                 // from a picture to its panel

  // Top left corner of the picture of frame i, and the top of its panel.
  int picture_x(int i) const { return kSheetMargin + (i % columns) * column_step; }
  int picture_y(int i) const { return top + (i / columns) * row_step; }
  int panel_y(int i) const { return picture_y(i) + panel_step; }
};

// The layout of `contact_sheet`; the first frame's picture, quad and panel decide. A panel is as
// wide as its picture, as high as the covered part seen at that width.
SheetLayout layout_sheet(std::span<const SheetFrame> frames, const std::string& title,
                         const std::string& subtitle, const SheetOptions& options);

// title, subtitle: one line each, cut where they do not fit; empty: left out.
// Pictures of another shape than the first one are fitted into its place, centred. A quad that
// leaves out a pixel or more at some side is outlined on the picture and the rest is dimmed.
// Throws InputError (no frames, an empty picture, a panel in some frames only).
ImageU8 contact_sheet(const std::string& title, const std::string& subtitle,
                      std::span<const SheetFrame> frames, const SheetOptions& options = {});

// Weight of black over what nothing is known of.
constexpr double kDimmed = 0.6;

}  // namespace vega
