// Curves and points over one pair of axes.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "viz/plot_parts.h"

namespace vega {
namespace {

// The axis over just this range, with the ticks in it.
Axis cut_to(Axis axis, const ValueRange& range) {
  axis.low = range.low, axis.high = range.high;
  const double more = (axis.high - axis.low) * 1e-9;
  std::erase_if(axis.ticks, [&](double t) { return t < axis.low - more || t > axis.high + more; });
  return axis;
}

// Whether a point has a place.
bool is_shown(const Curves& plot, const PlotPoint& p) {
  return std::isfinite(p.y) && (!plot.log_y || p.y > 0);
}

struct CurveRanges {
  ValueRange x, y;
};

// What the axes reach over: all points and intervals, with room around them.
CurveRanges ranges_of(const Curves& plot) {
  CurveRanges out;
  range_of(plot.series);  // throws: no number at all
  for (const PlotSeries& s : plot.series) {
    for (const PlotPoint& p : s.points) {
      if (!is_shown(plot, p)) continue;
      out.x.add(p.x), out.y.add(p.y), out.y.add(p.high);
      if (!plot.log_y || p.low > 0) out.y.add(p.low);
    }
  }
  if (out.y.empty())
    throw InputError(explain("plot", "no number above 0", "one at least on a logarithmic axis"));
  if (out.x.empty()) throw InputError(explain("plot", "no place on the x axis", "finite numbers"));
  ValueRange& y = out.y;
  if (plot.log_y) {
    const double room = y.is_narrow() ? 2 : std::pow(y.high / y.low, 0.05);
    y.low /= room, y.high *= room;
    return out;
  }
  if (y.is_narrow()) y = {y.low - 1, y.high + 1};
  const double room = (y.high - y.low) * 0.05;
  y.low -= y.low >= 0 && y.low < room ? y.low : room, y.high += room;
  return out;
}

Axis y_axis(const Curves& plot, const PlotSize& size, const ValueRange& range) {
  if (!plot.log_y) return cut_to(ticked(range, y_ticks(size) + 2), range);
  Axis out;
  out.logarithmic = true;
  out.low = range.low, out.high = range.high;
  out.ticks = log_ticks(range.low, range.high, y_ticks(size) + 2);
  return out;
}

Axis x_axis(const Curves& plot, const PlotSize& size, const ValueRange& range) {
  if (!plot.categories.empty()) return places(plot.categories.size());
  const Axis out = ticked(range, std::max(3, static_cast<int>(size.width / 32)));
  const double more = std::max(range.high - range.low, out.step()) * 0.04;
  return cut_to(out, {range.low - more, range.high + more});
}

// The lines between neighbouring points, with a gap where a point has no place.
std::vector<Path> runs_of(const Curves& plot, const PlotSeries& series, const Axis& x,
                          const Axis& y, double shift) {
  std::vector<Path> out(1);
  for (const PlotPoint& p : series.points) {
    if (is_shown(plot, p))
      out.back().push_back({x.place(p.x) + shift, y.place(p.y)});
    else
      out.emplace_back();
  }
  std::erase_if(out, [](const Path& run) { return run.size() < 2; });
  return out;
}

// The area between the ends of neighbouring intervals.
void draw_band(Canvas& canvas, const Curves& plot, const PlotSeries& series, const Axis& x,
               const Axis& y, Color color) {
  Path upper, lower;
  const auto end = [&] {
    upper.insert(upper.end(), lower.rbegin(), lower.rend());
    if (upper.size() > 3) canvas.fill(upper, color, 0.15);
    upper.clear(), lower.clear();
  };
  for (const PlotPoint& p : series.points) {
    if (!is_shown(plot, p) || !has_interval(p)) {
      end();
      continue;
    }
    upper.push_back({x.place(p.x), y.place(p.high)});
    lower.push_back({x.place(p.x), plot.log_y && p.low <= 0 ? y.from : y.place(p.low)});
  }
  end();
}

// A point's interval, unless the series draws a band of them.
void draw_intervals(Canvas& canvas, const Curves& plot, const PlotSeries& series, const Axis& x,
                    const Axis& y, double shift, Color color) {
  for (const PlotPoint& p : series.points)
    if (is_shown(plot, p) && has_interval(p))
      draw_interval(canvas, x.place(p.x) + shift,
                    plot.log_y && p.low <= 0 ? y.from : y.place(p.low), y.place(p.high), color);
}

}  // namespace

Drawing plot_curves(const Curves& plot, const PlotSize& size) {
  const CurveRanges ranges = ranges_of(plot);
  if (!plot.categories.empty() &&
      (ranges.x.low < 0 || ranges.x.high > static_cast<double>(plot.categories.size()) - 1))
    throw InputError(explain("plot", "a point beyond the named places",
                             std::to_string(plot.categories.size()) + " names"));
  return [=](Canvas& canvas) {
    const bool lines = std::any_of(plot.series.begin(), plot.series.end(),
                                   [](const PlotSeries& s) { return s.joined; });
    const PageBox head = draw_head(canvas, size, plot.title, plot.note, plot.series,
                                   lines ? LegendMark::kLine : LegendMark::kPoint);
    Axis y = y_axis(plot, size, ranges.y), x = x_axis(plot, size, ranges.x);
    const PageBox area = draw_axes(canvas, head, x, y, plot.x_label, plot.y_label, plot.categories);
    // Where intervals would lie on each other the series stand side by side.
    const bool aside = plot.series.size() > 1 &&
                       std::any_of(plot.series.begin(), plot.series.end(), [](const auto& s) {
                         return !s.band && has_intervals({&s, 1});
                       });
    const auto shift_of = [&](std::size_t i) {
      return aside
                 ? (plot.categories.empty() ? 2.5 : 6.0) *
                       (static_cast<double>(i) - (static_cast<double>(plot.series.size()) - 1) / 2)
                 : 0;
    };
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
      const PlotSeries& s = plot.series[i];
      const Color color = series_color(look_of(s, i));
      if (s.band) draw_band(canvas, plot, s, x, y, color);
      if (s.faint && s.joined)
        canvas.stroke(runs_of(plot, s, x, y, shift_of(i)), {color, 0.5, 0.35});
    }
    std::vector<Point2> points;
    std::vector<PointLabel> labels;
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
      const PlotSeries& s = plot.series[i];
      if (s.faint) continue;
      const std::size_t look = look_of(s, i);
      if (!s.band) draw_intervals(canvas, plot, s, x, y, shift_of(i), series_color(look));
      if (s.joined) canvas.stroke(runs_of(plot, s, x, y, shift_of(i)), series_pen(look));
      for (const PlotPoint& p : s.points) {
        if (!is_shown(plot, p)) continue;
        points.push_back({x.place(p.x) + shift_of(i), y.place(p.y)});
        labels.push_back({points.back(), p.label});
      }
    }
    std::size_t next = 0;
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
      const PlotSeries& s = plot.series[i];
      if (s.faint) continue;
      for (const PlotPoint& p : s.points) {
        if (!is_shown(plot, p)) continue;
        if (s.markers) draw_marker(canvas, look_of(s, i), points[next], kMarker);
        ++next;
      }
    }
    draw_labels(canvas, area, labels, points);
  };
}

}  // namespace vega
