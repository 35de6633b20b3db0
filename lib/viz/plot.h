// Plots for papers: curves and points with intervals, grouped bars, radar charts. What tells two
// series apart also shows in black and white: dashes and markers, or hatching.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "viz/canvas.h"

namespace vega {

inline constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

// Points (1/72 inch); one column of a paper is 240 wide.
struct PlotSize {
  double width = 240, height = 180;
};

struct PlotPoint {
  double x = 0, y = 0;
  double low = kNoNumber, high = kNoNumber;  // interval of y; NaN: none is known
  std::string label;                         // beside the point
};

struct PlotSeries {
  std::string name;  // in the legend; empty: not listed
  std::vector<PlotPoint> points;
  bool joined = true;   // by lines, in the order given
  bool markers = true;  // at the points
  // Thin and pale, below the others: what a bold series smooths.
  bool faint = false;
  // The number of its colour, dashes and marker; -1: its place in the list.
  int look = -1;
  bool band = false;  // intervals as one pale area along the line, not as bars
};

// One pair of axes. `categories` names the places x = 0, 1, ...; none: x is a number.
struct Curves {
  std::string title, x_label, y_label;
  std::vector<std::string> categories;
  std::vector<PlotSeries> series;
  std::string note;  // below the title: "Pearson 0.91, Spearman 0.94"
  // A logarithmic y axis. Numbers from 0 down have no place on it: they are gaps.
  bool log_y = false;
};

// A group of bars a category, a bar a series. Bars begin at 0.
struct Bars {
  std::string title, y_label;
  std::vector<std::string> categories;
  // points[i].y belongs to category i; x is not used. NaN: no bar.
  std::vector<PlotSeries> series;
  bool changes = false;  // numbers are differences: written with their sign
  std::string note;
};

// Every axis has a range of its own, which stands at its name.
struct Radar {
  std::string title;
  std::vector<std::string> axes;   // three or more
  std::vector<PlotSeries> series;  // points[i].y on axis i; NaN: the outline has a gap
  std::string note;
};

// All throw InputError where there is no finite number to draw, a category has no name or an axis
// of a radar is missing.
Drawing plot_curves(const Curves& plot, const PlotSize& size);
Drawing plot_bars(const Bars& plot, const PlotSize& size);
Drawing plot_radar(const Radar& plot, const PlotSize& size);

// Round numbers at equal steps of 1, 2 or 5 times a power of ten, from the last one at or below
// `low` to the first at or above `high`; at most `most` of them where that is possible (most >= 2).
std::vector<double> nice_ticks(double low, double high, int most);
// Ticks of a logarithmic axis within the range (low > 0): powers of ten, with 2 and 5 or with 3
// times of them where these fit, else every so many powers; round numbers at equal steps where the
// range is narrower than that. At most `most` (>= 2).
std::vector<double> log_ticks(double low, double high, int most);
// A tick's number with as many digits as its neighbours need; U+2212 as minus.
std::string tick_text(double value, double step);
// "0.001", "20", "1e+07": at most six digits.
std::string log_tick_text(double value);

}  // namespace vega
