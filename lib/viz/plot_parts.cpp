#include "viz/plot_parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace vega {
namespace {

constexpr double kMargin = 5;

// Okabe and Ito's colours, which colour-blind readers tell apart, dark beside light.
constexpr std::array<Color, 7> kColors = {{{0, 0, 0},
                                           {213, 94, 0},
                                           {0, 114, 178},
                                           {0, 158, 115},
                                           {204, 121, 167},
                                           {86, 180, 233},
                                           {230, 159, 0}}};
const std::array<std::vector<double>, 5> kDashes = {
    {{}, {4.5, 2}, {1.2, 1.6}, {5, 1.6, 1.2, 1.6}, {2.6, 1.4}}};

Color tint(Color c, double part) {
  const auto mix = [part](std::uint8_t v) {
    return static_cast<std::uint8_t>(std::lround(255 - (255 - v) * part));
  };
  return {mix(c.r), mix(c.g), mix(c.b)};
}

Path regular(Point2 at, double radius, int corners, double first_degrees) {
  Path out;
  for (int k = 0; k < corners; ++k) {
    const double a = (first_degrees + 360.0 * k / corners) * std::numbers::pi / 180;
    out.push_back({at.x + radius * std::cos(a), at.y - radius * std::sin(a)});
  }
  return out;
}

double overlap(const PageBox& a, const PageBox& b) {
  const double w = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double h = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return w > 0 && h > 0 ? w * h : 0;
}

PageBox box_around(Point2 at, double reach) {
  return {at.x - reach, at.y - reach, at.x + reach, at.y + reach};
}

}  // namespace

std::size_t look_of(const PlotSeries& series, std::size_t i) {
  return series.look < 0 ? i : static_cast<std::size_t>(series.look);
}

double Axis::place(double value) const {
  const double part =
      logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return from + part * (to - from);
}

std::string Axis::text(double tick) const {
  return logarithmic ? log_tick_text(tick) : tick_text(tick, step());
}

void ValueRange::add(double value) {
  if (!std::isfinite(value)) return;
  low = std::min(low, value), high = std::max(high, value);
}

bool ValueRange::is_narrow() const {
  return !(high - low > 1e-10 * std::max(std::abs(low), std::abs(high)));
}

ValueRange range_of(std::span<const PlotSeries> series) {
  ValueRange out;
  for (const PlotSeries& s : series)
    for (const PlotPoint& p : s.points)
      if (std::isfinite(p.y)) out.add(p.y), out.add(p.low), out.add(p.high);
  if (out.empty())
    throw InputError(explain("plot", "no number", "at least one point with a finite number"));
  return out;
}

Axis ticked(const ValueRange& range, int most) {
  Axis out;
  out.ticks = nice_ticks(range.low, range.high, most);
  out.low = out.ticks.front(), out.high = out.ticks.back();
  return out;
}

Axis places(std::size_t count) {
  Axis out;
  out.low = -0.5, out.high = static_cast<double>(count) - 0.5;
  return out;
}

bool has_interval(const PlotPoint& p) { return std::isfinite(p.low) && std::isfinite(p.high); }

bool has_intervals(std::span<const PlotSeries> series) {
  for (const PlotSeries& s : series)
    if (std::any_of(s.points.begin(), s.points.end(), has_interval)) return true;
  return false;
}

int y_ticks(const PlotSize& size) { return std::max(3, static_cast<int>(size.height / 28)); }

Color series_color(std::size_t i) { return kColors[i % kColors.size()]; }

Pen series_pen(std::size_t i) { return {series_color(i), 1.2, 1, kDashes[i % kDashes.size()]}; }

void draw_marker(Canvas& canvas, std::size_t i, Point2 at, double size) {
  const Color color = series_color(i);
  const double r = size / 2;
  if (i % 7 == 5) {  // a cross
    const double d = r * 0.85;
    const Path strokes[] = {{{at.x - d, at.y - d}, {at.x + d, at.y + d}},
                            {{at.x - d, at.y + d}, {at.x + d, at.y - d}}};
    canvas.stroke(strokes, {kPaper, 2.4});
    return canvas.stroke(strokes, {color, 1.3});
  }
  const std::array<Path, 7> shapes = {regular(at, r, 24, 0),         regular(at, r * 1.25, 4, 45),
                                      regular(at, r * 1.35, 3, 90),  regular(at, r * 1.35, 4, 0),
                                      regular(at, r * 1.35, 3, 270), {},
                                      regular(at, r * 1.2, 6, 0)};
  Path shape = shapes[i % 7];
  canvas.fill(shape, i % 2 == 0 ? color : kPaper);  // full, hollow, ...
  shape.push_back(shape.front());
  canvas.line(shape, {color, 1});
}

void draw_area(Canvas& canvas, std::size_t i, const Path& shape) {
  constexpr std::array<double, 5> kTurns = {45, 135, 0, 90, 45};
  const Color color = series_color(i);
  canvas.fill(shape, tint(color, i == 0 ? 0.75 : 0.25));
  if (i > 0) canvas.hatch({&shape, 1}, {color, 0.7}, 3, kTurns[(i - 1) % 5]);
  if (i % 6 == 5) canvas.hatch({&shape, 1}, {color, 0.7}, 3, 135);  // both diagonals
  Path outline = shape;
  outline.push_back(shape.front());
  canvas.line(outline, {color, 0.8});
}

PageBox draw_head(Canvas& canvas, const PlotSize& size, const std::string& title,
                  const std::string& note, std::span<const PlotSeries> series, LegendMark mark) {
  double y = kMargin;
  const double room = size.width - 2 * kMargin;
  for (const auto& [text, style] : {std::pair{title, kPlotTitle}, {note, kNoteText}}) {
    if (text.empty()) continue;
    y += style.size;
    canvas.text(fit_text(text, room, style), {kMargin, y}, style);
    y += 3;
  }
  const auto named = std::count_if(series.begin(), series.end(),
                                   [](const PlotSeries& s) { return !s.name.empty(); });
  if (named > 1) {
    constexpr double kMark = 20, kGap = 9, kLine = 10;
    double x = kMargin;
    y += 2;
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (series[i].name.empty()) continue;
      const std::string name = fit_text(series[i].name, room - kMark, kPlotText);
      const double width = kMark + text_width(name, kPlotText);
      if (x > kMargin && x + width > kMargin + room) x = kMargin, y += kLine;
      const double middle = y + kLine / 2;
      const std::size_t look = look_of(series[i], i);
      if (mark == LegendMark::kArea) {
        draw_area(canvas, look, rect_path(x, middle - 3.5, 15, 7));
      } else {
        if (mark == LegendMark::kLine && series[i].joined)
          canvas.line({{x, middle}, {x + 16, middle}}, series_pen(look));
        if (series[i].markers) draw_marker(canvas, look, {x + 8, middle}, kMarker);
      }
      canvas.text(name, {x + kMark, middle + 2.7}, kPlotText);
      x += width + kGap;
    }
    y += kLine;
  }
  return {kMargin, y + (y > kMargin ? 3 : 0), size.width - kMargin, size.height - kMargin};
}

PageBox draw_axes(Canvas& canvas, PageBox room, Axis& x, Axis& y, const std::string& x_label,
                  const std::string& y_label, std::span<const std::string> categories) {
  PageBox area = room;
  area.top += cap_height(kTickText) / 2;
  double wide = 0;
  for (const double tick : y.ticks) wide = std::max(wide, text_width(y.text(tick), kTickText));
  area.left += wide + 5 + (y_label.empty() ? 0 : kPlotText.size + 4);

  // Texts below: level, or turned where two would meet.
  std::vector<std::string> texts(categories.begin(), categories.end());
  if (categories.empty())
    for (const double tick : x.ticks) texts.push_back(x.text(tick));
  double widest = 0;
  for (const std::string& text : texts) widest = std::max(widest, text_width(text, kTickText));
  if (categories.empty() && !texts.empty()) area.right -= text_width(texts.back(), kTickText) / 2;
  const double each =
      area.width() / std::max<double>(1, double(texts.size()) - (categories.empty() ? 1 : 0));
  const bool turned = !categories.empty() && widest + 3 > each;
  const double most = area.height() * 0.45;  // what turned texts may take
  for (std::string& text : texts)
    text = fit_text(text, turned ? most / 0.71 : area.width(), kTickText);
  widest = std::min(widest, most / 0.71);
  area.bottom -= (turned ? widest * 0.71 + 7 : kTickText.size + 4) +
                 (x_label.empty() ? 0 : kPlotText.size + 4);
  if (turned)
    area.left = std::max(area.left, room.left + text_width(texts[0], kTickText) * 0.71 - each / 2);

  x.from = area.left, x.to = area.right, y.from = area.bottom, y.to = area.top;
  for (const double tick : y.ticks) {
    const double at = y.place(tick);
    if (at < area.top - 0.01 || at > area.bottom + 0.01) continue;
    canvas.line({{area.left, at}, {area.right, at}}, {kGrid, 0.5});
    canvas.text(y.text(tick), {area.left - 4, at + cap_height(kTickText) / 2},
                anchored(kTickText, Anchor::kRight));
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const double at = x.place(categories.empty() ? x.ticks[i] : double(i));
    if (at < area.left - 0.01 || at > area.right + 0.01) continue;
    if (categories.empty()) canvas.line({{at, area.bottom}, {at, area.bottom + 2}}, {kInk, 0.6});
    if (turned)
      canvas.text(texts[i], {at + 2.5, area.bottom + 8}, anchored(kTickText, Anchor::kRight, 45));
    else
      canvas.text(texts[i], {at, area.bottom + 3 + kTickText.size},
                  anchored(kTickText, Anchor::kCenter));
  }
  canvas.line({{area.left, area.top}, {area.left, area.bottom}, {area.right, area.bottom}},
              {kInk, 0.6});
  if (!x_label.empty())
    canvas.text(fit_text(x_label, room.width(), kPlotText),
                {(area.left + area.right) / 2, room.bottom - 1},
                anchored(kPlotText, Anchor::kCenter));
  if (!y_label.empty()) {
    const double middle = (area.top + area.bottom) / 2;
    const double long_as = 2 * std::min(middle - room.top, room.bottom - middle);
    canvas.text(fit_text(y_label, long_as, kPlotText), {area.left - wide - 8, middle},
                anchored(kPlotText, Anchor::kCenter, 90));
  }
  return area;
}

void draw_interval(Canvas& canvas, double x, double low, double high, Color color) {
  const Path lines[] = {
      {{x, low}, {x, high}}, {{x - 1.8, low}, {x + 1.8, low}}, {{x - 1.8, high}, {x + 1.8, high}}};
  canvas.stroke(lines, {color, 0.8});
}

namespace {

// Where a label may stand, and the line that leads to it.
struct Placed {
  PageBox box;
  Path leader;  // empty: the label is beside its point
};

Placed placed(const PointLabel& label, double far, int direction) {
  const double width = text_width(label.text, kTickText), height = kTickText.size;
  const double a = 2 * std::numbers::pi * direction / 24, dx = std::cos(a), dy = -std::sin(a);
  // The edge of the text that is nearest to the point lies `far` away.
  const Point2 middle{label.at.x + dx * (far + width / 2), label.at.y + dy * (far + height / 2)};
  Placed out{
      {middle.x - width / 2, middle.y - height / 2, middle.x + width / 2, middle.y + height / 2},
      {}};
  const Point2 end{std::clamp(label.at.x, out.box.left, out.box.right),
                   std::clamp(label.at.y, out.box.top, out.box.bottom)};
  const double length = std::hypot(end.x - label.at.x, end.y - label.at.y);
  if (length > 7)
    out.leader = {{label.at.x + (end.x - label.at.x) * 3 / length,
                   label.at.y + (end.y - label.at.y) * 3 / length},
                  end};
  return out;
}

// How much of a line lies in a box, in tenths of its length.
double crossing(const Path& line, const PageBox& box) {
  double out = 0;
  for (int k = 1; k < 10 && !line.empty(); ++k) {
    const Point2 at{line[0].x + (line[1].x - line[0].x) * k / 10,
                    line[0].y + (line[1].y - line[0].y) * k / 10};
    out += overlap(box, box_around(at, 0.3)) > 0 ? 1 : 0;
  }
  return out;
}

bool meet(const Path& a, const Path& b) {
  if (a.empty() || b.empty()) return false;
  const auto side = [](const Path& line, Point2 p) {
    return (line[1].x - line[0].x) * (p.y - line[0].y) -
               (line[1].y - line[0].y) * (p.x - line[0].x) >
           0;
  };
  return side(a, b[0]) != side(a, b[1]) && side(b, a[0]) != side(b, a[1]);
}

}  // namespace

void draw_labels(Canvas& canvas, const PageBox& area, std::span<const PointLabel> labels,
                 std::span<const Point2> points) {
  std::vector<Placed> all(labels.size());
  const auto cost_of = [&](const Placed& one, std::size_t self) {
    double cost =
        40 * (std::max(0.0, area.left - one.box.left) + std::max(0.0, one.box.right - area.right) +
              std::max(0.0, area.top - one.box.top) + std::max(0.0, one.box.bottom - area.bottom));
    for (const Point2& p : points)
      cost +=
          10 * overlap(one.box, box_around(p, 3)) + 20 * crossing(one.leader, box_around(p, 2.5));
    for (std::size_t k = 0; k < all.size(); ++k) {
      if (k == self) continue;
      cost += 10 * overlap(one.box, all[k].box) + 60 * crossing(one.leader, all[k].box) +
              60 * crossing(all[k].leader, one.box) + (meet(one.leader, all[k].leader) ? 20 : 0);
    }
    return cost;
  };
  // Later passes know where all the others stand; many labels take long.
  const int passes = labels.size() <= 40 ? 8 : labels.size() <= 150 ? 3 : 1;
  for (int pass = 0; pass < passes; ++pass) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].text.empty()) continue;
      double least = 1e300;
      Placed best;
      for (const double far : {5.0, 8.0, 12.0, 17.0, 23.0, 30.0, 38.0, 47.0}) {
        for (int k = 0; k < 24; ++k) {
          const Placed one = placed(labels[i], far, k);
          const double cost = cost_of(one, i) + far * 0.3 + (k % 6 == 0 ? 0 : 0.2);
          if (cost < least) least = cost, best = one;
        }
      }
      all[i] = best;
    }
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].text.empty()) continue;
    if (!all[i].leader.empty()) canvas.line(all[i].leader, {kGrey, 0.4});
    canvas.text(labels[i].text, {all[i].box.left, all[i].box.bottom - 1.5}, kTickText);
  }
}

}  // namespace vega
