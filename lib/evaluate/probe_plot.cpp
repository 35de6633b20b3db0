// The bars of a probe: a panel a measure.
#include <cmath>

#include "evaluate/probe_report.h"
#include "viz/canvas.h"
#include "viz/panels.h"
#include "viz/plot.h"

namespace vega::evaluate {
namespace {

struct MeasurePanel {
  SpaceMeasure measure;
  const char* title;
  const char* y_label;
};
// Accuracy over all cells stands in the tables: it says little beside the mean over classes.
constexpr MeasurePanel kMeasurePanels[] = {
    {SpaceMeasure::kDepth, "depth", "R2"},
    {SpaceMeasure::kHeight, "height above the floor", "R2"},
    {SpaceMeasure::kNormal, "surface normal (less is better)", "degrees"},
    {SpaceMeasure::kLabel, "label", "mean accuracy of classes"}};
constexpr PlotSize kMeasureSize{230, 190};

// A bar a row.
Drawing draw_measure(const ProbeReport& report, const MeasurePanel& panel) {
  Bars bars;
  bars.title = panel.title;
  bars.y_label = panel.y_label;
  PlotSeries series;
  bool any = false;
  for (const ProbeRow& row : report.rows) {
    const SpaceScore& score = row.score[static_cast<std::size_t>(panel.measure)];
    bars.categories.push_back(row.name);
    series.points.push_back({.x = 0,
                             .y = score.value,
                             .low = score.interval.low,
                             .high = score.interval.high,
                             .label = {}});
    any |= std::isfinite(score.value);
  }
  bars.series.push_back(std::move(series));
  if (any) return plot_bars(bars, kMeasureSize);
  return [title = bars.title](Canvas& canvas) {
    canvas.text(title, {kMeasureSize.width / 2, 14}, {{0, 0, 0}, 8, true, Anchor::kCenter});
    canvas.text("not measured", {kMeasureSize.width / 2, kMeasureSize.height / 2},
                {{90, 90, 90}, 7, false, Anchor::kCenter});
  };
}

}  // namespace

std::string draw_probe(const ProbeReport& report, const std::filesystem::path& path) {
  std::vector<Panel> panels;
  for (const MeasurePanel& one : kMeasurePanels) {
    const auto number = static_cast<double>(panels.size());
    panels.push_back({draw_measure(report, one), {kMeasureSize.width * number, 0}});
  }
  const double width = kMeasureSize.width * static_cast<double>(panels.size());
  return draw_page(page_format(path.string()), width, kMeasureSize.height,
                   draw_panels(std::move(panels)));
}

}  // namespace vega::evaluate
