// What all plots share: styles of series, legend, title, axes, labels that keep clear of each
// other.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "viz/canvas.h"
#include "viz/plot.h"

namespace vega {

constexpr Color kInk{30, 30, 30}, kGrey{110, 110, 110}, kGrid{222, 222, 222}, kPaper{255, 255, 255};
const TextStyle kPlotTitle{kInk, 8.5, true}, kPlotText{kInk, 7.5}, kTickText{kInk, 7};
const TextStyle kNoteText{kGrey, 7};

inline TextStyle anchored(TextStyle style, Anchor anchor, double turn = 0) {
  style.anchor = anchor;
  style.turn = turn;
  return style;
}

// The look of a series, number i of a plot's.
std::size_t look_of(const PlotSeries& series, std::size_t i);
// The look of number i: colours whose brightness differs, and dashes, markers, hatching.
Color series_color(std::size_t i);
Pen series_pen(std::size_t i);
inline constexpr double kMarker = 4.4;  // size of a marker
void draw_marker(Canvas& canvas, std::size_t i, Point2 at, double size);
// A bar's area: tinted, hatched, outlined.
void draw_area(Canvas& canvas, std::size_t i, const Path& shape);

// The least and the largest of some finite numbers.
struct ValueRange {
  double low = 1e300, high = -1e300;
  void add(double value);  // one that is not finite is left out
  bool empty() const { return low > high; }
  // One number but for rounding.
  bool is_narrow() const;
};
// Of the numbers and intervals of some series. Throws InputError: none is finite.
ValueRange range_of(std::span<const PlotSeries> series);
bool has_interval(const PlotPoint& p);
bool has_intervals(std::span<const PlotSeries> series);

// A rectangle of the page.
struct PageBox {
  double left = 0, top = 0, right = 0, bottom = 0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

enum class LegendMark { kLine, kPoint, kArea };

// Writes title, note and the legend (several named series) at the top of the page; returns what is
// left of it.
PageBox draw_head(Canvas& canvas, const PlotSize& size, const std::string& title,
                  const std::string& note, std::span<const PlotSeries> series, LegendMark mark);

// A range of numbers on a side of a box.
struct Axis {
  std::vector<double> ticks;
  double low = 0, high = 1;  // of the range
  double from = 0, to = 0;   // places of low and high on the page
  bool logarithmic = false;  // low > 0

  double place(double value) const;
  double step() const { return ticks.size() > 1 ? ticks[1] - ticks[0] : 1; }
  std::string text(double tick) const;
};

// An axis from its first to its last tick; one with a place for each category.
Axis ticked(const ValueRange& range, int most);
Axis places(std::size_t count);
int y_ticks(const PlotSize& size);

// Draws both axes, tick texts and grid lines into `room` and returns the area of the data.
// categories: names at 0, 1, ... of the x axis instead of numbers; they are turned where they
// would not fit beside each other.
PageBox draw_axes(Canvas& canvas, PageBox room, Axis& x, Axis& y, const std::string& x_label,
                  const std::string& y_label, std::span<const std::string> categories);

// A vertical interval with caps.
void draw_interval(Canvas& canvas, double x, double low, double high, Color color);

// Writes the labels of points where they cover neither each other nor the points, within the area;
// a thin line joins a label that had to move away.
struct PointLabel {
  Point2 at;
  std::string text;
};
void draw_labels(Canvas& canvas, const PageBox& area, std::span<const PointLabel> labels,
                 std::span<const Point2> points);

}  // namespace vega
