#include "viz/plot.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "viz/plot_parts.h"

namespace vega {
namespace {

void require_categories(std::span<const PlotSeries> series, std::size_t count) {
  for (const PlotSeries& s : series)
    if (s.points.size() != count)
      throw InputError(explain("plot: series '" + s.name + "'",
                               std::to_string(s.points.size()) + " numbers",
                               "one for each of " + std::to_string(count) + " names"));
}

// A number on a bar.
std::string bar_text(double value, int digits, bool sign) {
  const std::string text = fmt::format("{:.{}f}", std::abs(value), digits);
  if (value < 0) return "\u2212" + text;
  return sign ? "+" + text : text;
}

// Digits behind the point: three that count for numbers below 1, two for differences.
int bar_digits(double largest, bool changes) {
  if (largest >= 1 || changes) return largest < 1 ? 2 : largest < 1000 ? 1 : 0;
  if (!(largest > 0)) return 1;
  return std::min(9, 2 - static_cast<int>(std::floor(std::log10(largest))));
}

constexpr double kFromLine = 3;   // points between an interval's line and a number beside it
constexpr double kNarrowest = 7;  // half of a bar that has room for a number beside the line

// How the numbers of a plot's bars are written.
struct BarNumbers {
  TextStyle style{kInk, 6};
  int digits = 0;       // behind the point
  bool level = true;    // where all of them are narrow enough; else they stand upright
  bool beside = false;  // right of an interval's line at the bar's end; else beyond the line
  double room = 0;      // points beyond the largest bar

  double width(const std::string& text) const {
    return level ? text_width(text, style) : cap_height(style);
  }
};

// bar: width of a bar, points. Bars that are too narrow for a number beside the line of an interval
// have it beyond the line.
BarNumbers bar_numbers(const Bars& plot, const ValueRange& range, double bar) {
  BarNumbers out;
  out.digits = bar_digits(std::max(std::abs(range.low), std::abs(range.high)), plot.changes);
  double widest = 0;
  for (const PlotSeries& s : plot.series)
    for (const PlotPoint& p : s.points)
      if (std::isfinite(p.y))
        widest = std::max(widest, text_width(bar_text(p.y, out.digits, plot.changes), out.style));
  out.beside = has_intervals(plot.series) && bar / 2 >= kNarrowest;
  const double about = out.beside ? bar / 2 - kFromLine : bar;
  out.level = widest * 0.87 <= about;
  if (widest > about) out.style.size = out.level ? 5.2 : std::clamp(about - 1, 3.5, 6.0);
  out.room = out.level ? 9 : widest + 5;
  return out;
}

// The number of a bar whose end is at `end`: beyond it, level or upright, centred on it.
void draw_bar_number(Canvas& canvas, const std::string& text, Point2 end, bool below,
                     const BarNumbers& how) {
  const TextStyle& style = how.style;
  if (how.level)
    canvas.text(text, {end.x, below ? end.y + 2 + style.size : end.y - 2},
                anchored(style, Anchor::kCenter));
  else
    canvas.text(text, {end.x + cap_height(style) / 2, below ? end.y + 2.5 : end.y - 2.5},
                anchored(style, below ? Anchor::kRight : Anchor::kLeft, 90));
}

// Draws nothing: tells how much room axes leave.
class NoCanvas final : public Canvas {
  void stroke(std::span<const Path>, const Pen&) override {}
  void fill(std::span<const Path>, Color, double) override {}
  void clip(std::span<const Path>) override {}
  void unclip() override {}
  void image(const ImageU8&, Point2, double, double) override {}
  void text(std::string_view, Point2, const TextStyle&) override {}
};

// An axis name in lines, so that it is not wide: "Scan2Cap CIDEr".
std::vector<std::string> name_lines(const std::string& name, double most) {
  const std::size_t blank = name.rfind(' ');
  if (text_width(name, kPlotText) <= most * 0.6 || blank == name.npos)
    return {fit_text(name, most, kPlotText)};
  return {fit_text(name.substr(0, blank), most, kPlotText),
          fit_text(name.substr(blank + 1), most, kPlotText)};
}

}  // namespace

Drawing plot_bars(const Bars& plot, const PlotSize& size) {
  require_categories(plot.series, plot.categories.size());
  ValueRange range = range_of(plot.series);
  range.add(0);
  return [=](Canvas& canvas) {
    const PageBox head =
        draw_head(canvas, size, plot.title, plot.note, plot.series, LegendMark::kArea);
    const std::size_t n = plot.series.size();
    Axis x = places(plot.categories.size()), y = ticked(range, y_ticks(size));
    NoCanvas nothing;
    Axis tried_x = x, tried_y = y;
    const PageBox tried =
        draw_axes(nothing, head, tried_x, tried_y, "", plot.y_label, plot.categories);
    const BarNumbers numbers = bar_numbers(
        plot, range, tried.width() * 0.84 / static_cast<double>(plot.categories.size() * n));
    const double both = numbers.room * ((range.high > 0 ? 1 : 0) + (range.low < 0 ? 1 : 0));
    const double extra =
        numbers.room * (range.high - range.low) / std::max(10.0, tried.height() - both);
    if (range.high > 0) y.high = std::max(y.high, range.high + extra);
    if (range.low < 0) y.low = std::min(y.low, range.low - extra);
    const PageBox area = draw_axes(canvas, head, x, y, "", plot.y_label, plot.categories);
    const double group = (x.place(1) - x.place(0)) * 0.84, wide = group / static_cast<double>(n);
    const double zero = y.place(0);
    for (std::size_t c = 0; c < plot.categories.size(); ++c) {
      for (std::size_t i = 0; i < n; ++i) {
        const PlotPoint& p = plot.series[i].points[c];
        if (!std::isfinite(p.y)) continue;
        const double left =
            x.place(static_cast<double>(c)) - group / 2 + wide * static_cast<double>(i);
        const double middle = left + wide / 2, end = y.place(p.y);
        draw_area(
            canvas, i,
            rect_path(left + wide * 0.06, std::min(zero, end), wide * 0.88, std::abs(end - zero)));
        const std::string text = bar_text(p.y, numbers.digits, plot.changes);
        Point2 tip{middle, end};
        if (has_interval(p)) {
          draw_interval(canvas, middle, y.place(p.low), y.place(p.high), kInk);
          if (numbers.beside)
            tip.x += kFromLine + numbers.width(text) / 2;
          else
            tip.y = y.place(p.y < 0 ? std::min(p.low, p.y) : std::max(p.high, p.y));
        }
        draw_bar_number(canvas, text, tip, p.y < 0, numbers);
      }
    }
    canvas.line({{area.left, zero}, {area.right, zero}}, {kInk, 0.6});
  };
}

Drawing plot_radar(const Radar& plot, const PlotSize& size) {
  const std::size_t n = plot.axes.size();
  if (n < 3)
    throw InputError(
        explain("radar", std::to_string(n) + " axes", "three or more", "plot bars instead"));
  require_categories(plot.series, n);
  range_of(plot.series);
  std::vector<Axis> axes;
  for (std::size_t k = 0; k < n; ++k) {
    ValueRange range;
    for (const PlotSeries& s : plot.series) range.add(s.points[k].y);
    if (range.empty()) range.add(0);
    // The inner end lies below the least number, so that it stands away from the centre.
    range.low -= (range.high - range.low) * 0.25;
    axes.push_back(ticked(range, 6));
  }
  return [=](Canvas& canvas) {
    const std::string note =
        "ranges: from the centre to the rim" + (plot.note.empty() ? "" : "; " + plot.note);
    const PageBox room = draw_head(canvas, size, plot.title, note, plot.series, LegendMark::kLine);
    const auto direction = [n](std::size_t k) {
      const double a = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
      return Point2{std::sin(a), -std::cos(a)};
    };
    // The names of the axes, and below them the ranges: as wide as they need, the web in between.
    std::vector<std::vector<std::string>> names;
    const double line = kTickText.size + 1.5;
    double radius = room.height() / 2 - 4;
    for (std::size_t k = 0; k < n; ++k) {
      const Axis& axis = axes[k];
      names.push_back(name_lines(plot.axes[k], room.width() * 0.3));
      names[k].push_back(tick_text(axis.low, axis.step()) + " to " +
                         tick_text(axis.high, axis.step()));
      double words = 0;
      for (const std::string& text : names[k]) words = std::max(words, text_width(text, kPlotText));
      const Point2 d = direction(k);
      const double high = line * static_cast<double>(names[k].size());
      if (std::abs(d.x) > 0.1)
        radius = std::min(radius, (room.width() / 2 - words - 5) / std::abs(d.x));
      if (std::abs(d.y) > 0.5)
        radius = std::min(radius, (room.height() / 2 - high - 5) / std::abs(d.y));
    }
    radius = std::max(radius, 20.0);
    const Point2 centre{(room.left + room.right) / 2, (room.top + room.bottom) / 2};
    const auto place = [&](std::size_t k, double part) {
      const Point2 d = direction(k);
      return Point2{centre.x + radius * part * d.x, centre.y + radius * part * d.y};
    };
    for (const double part : {0.25, 0.5, 0.75, 1.0}) {
      Path ring;
      for (std::size_t k = 0; k <= n; ++k) ring.push_back(place(k % n, part));
      canvas.line(ring, {kGrid, 0.5});
    }
    for (std::size_t k = 0; k < n; ++k) {
      canvas.line({centre, place(k, 1)}, {kGrid, 0.5});
      const Point2 d = direction(k), at = place(k, 1);
      const Anchor anchor = d.x > 0.1    ? Anchor::kLeft
                            : d.x < -0.1 ? Anchor::kRight
                                         : Anchor::kCenter;
      const double high = line * static_cast<double>(names[k].size());
      double y = at.y + 4 * d.y + (d.y - 1) * high / 2;  // top of the words: above, beside, below
      for (const std::string& text : names[k]) {
        y += line;
        canvas.text(text, {at.x + 4 * d.x, y - 1.5},
                    anchored(&text == &names[k].back() ? kNoteText : kPlotText, anchor));
      }
    }
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
      std::vector<Path> runs(1);
      for (std::size_t k = 0; k <= n; ++k) {
        const double value = plot.series[i].points[k % n].y;
        const Axis& axis = axes[k % n];
        if (std::isfinite(value))
          runs.back().push_back(place(k % n, (value - axis.low) / (axis.high - axis.low)));
        else
          runs.emplace_back();
      }
      for (const Path& run : runs) {
        if (run.size() > 1) canvas.line(run, series_pen(i));
        for (const Point2& p : run) draw_marker(canvas, i, p, kMarker);
      }
    }
  };
}

}  // namespace vega
