// Contact sheets: source frames above pictures of their features, many frames on one page.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "geometry/affine.h"
#include "viz/colormap.h"

namespace vega {

// A grid of coloured cells: (grid_h, grid_w, 3).
struct CellPanel {
  int grid_h = 0, grid_w = 0;
  std::vector<std::uint8_t> rgb;
};

// The part of a picture that the features cover: top left, top right, bottom right, bottom left, in
// pixels. (0, 0) is the centre of the top left pixel, so a picture reaches from -0.5 to width -
// 0.5.
using CoveredQuad = std::array<Point2, 4>;

struct SheetFrame {
  ImageU8 picture;
  std::vector<CellPanel> panels;       // one a tap, drawn below the picture from top to bottom
  std::string caption;                 // one line above the picture, such as the frame id
  std::optional<CoveredQuad> covered;  // nothing: the whole picture
};

struct SheetOptions {
  int columns = 0;       // frames side by side; 0: the page comes near 3:2
  int tile_width = 0;    // pixels of a picture; 0: 240, more for few frames, less for many
  int max_width = 2000;  // pixels of the page; more only if both numbers above ask for it
  bool smooth = false;   // cells blend into one another instead of having sharp edges
  bool dark = true;      // light lettering on a dark page, or the reverse
  std::vector<std::string> labels;  // one a panel, left of the rows; none: no labels
  std::optional<ColorBar> bar;      // below everything
};

// Where the parts of a sheet are, in its pixels.
struct SheetLayout {
  ImageSize page;
  int columns = 0, rows = 0;
  ImageSize picture, panel;           // of one tile
  int panels = 0;                     // below each picture
  int left = 0, top = 0;              // corner of the first picture
  int column_step = 0, row_step = 0;  // from a picture to its neighbours
  int panel_step = 0;                 // from a panel to the one below

  // Top left corner of the picture of frame i, and of its panel k.
  int picture_x(int i) const { return left + (i % columns) * column_step; }
  int picture_y(int i) const { return top + (i / columns) * row_step; }
  int panel_y(int i, int k) const {
    return picture_y(i) + picture.height + k * panel_step + (panel_step - panel.height);
  }
};

// The layout of `contact_sheet`; the first frame's picture, quad and panel count decide.
// A panel is as wide as its picture, as high as the covered part seen at that width.
SheetLayout layout_sheet(std::span<const SheetFrame> frames, const std::string& title,
                         const std::string& subtitle, const SheetOptions& options);

// title, subtitle: one line each, cut where they do not fit; empty: left out.
// Pictures of another shape than the first one are fitted into its place, centred. A quad that
// leaves out a pixel or more at some side is outlined on the picture and the rest is dimmed.
// Throws InputError (no frames, an empty picture, panels whose bytes do not fit their grid, frames
// with different numbers of panels, labels of another number).
ImageU8 contact_sheet(const std::string& title, const std::string& subtitle,
                      std::span<const SheetFrame> frames, const SheetOptions& options = {});

}  // namespace vega
