#include "score/plot.h"

#include <fmt/core.h>

#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "metrics/correlation.h"
#include "run/output_names.h"
#include "score/plot_data.h"

namespace vega::score {
namespace {

constexpr auto kPlotHelp =
    R"(Draws numbers for a paper, in SVG, PDF or PNG by the ending of -o; series differ in black and white too.

  ablation     one metric over timestep, layer or fusion, with intervals, beside the published points; inputs:
               X=SCORES or SERIES:X=SCORES (score files or folders of them), CSV files series,x,value[,column,low,high]
  delta        change of rows against a baseline row, a metric a group; without inputs: what the paper states
  correlation  correspondence score against overall score, labelled; inputs: for each NAME a file of vega-eval
               correspondence and score files (NAME=FILE), or CSV files name,x,y. Prints Pearson and Spearman
  radar, bars  rows over metrics; inputs as vega-eval table takes them, published rows by --rows

Examples:
  vega-eval plot ablation --vary layer 10=runs/b10/scores 20=runs/b20/scores --columns scanrefer:Acc@0.5 -o layer.pdf
  vega-eval plot delta semantic=runs/sem fused=runs/fused --baseline semantic -o delta.svg
  vega-eval plot correlation wan=corr/wan.json wan=runs/wan siglip=corr/siglip.json siglip=runs/siglip -o corr.pdf
  vega-eval plot radar ours=runs/ours --rows "3DRS,VEGA-3D,Video-3D LLM" -o radar.png

See also: vega-eval table, vega-eval score; docs/scoring.md)";

constexpr Choice<Vary> kVaries[] = {{Vary::kTimestep, "timestep", "noise ratio"},
                                    {Vary::kLayer, "layer", "block of the network"},
                                    {Vary::kFusion, "fusion", "names, not numbers"}};
constexpr Choice<bool> kPublishedPoints[] = {{true, "auto"}, {false, "none"}};
constexpr Choice<bool> kUnits[] = {{false, "percent", "of the baseline's number"},
                                   {true, "points", "differences of percentages"}};

enum class Kind { kAblation, kDelta, kCorrelation, kRadar, kBars };
constexpr Choice<Kind> kKinds[] = {{Kind::kAblation, "ablation"},
                                   {Kind::kDelta, "delta"},
                                   {Kind::kCorrelation, "correlation"},
                                   {Kind::kRadar, "radar"},
                                   {Kind::kBars, "bars"}};

std::string coefficient(double value) {
  return std::isfinite(value) ? fmt::format("{:.3f}", value) : "not defined";
}

// The note of the plot, which is printed too.
std::string correlation_note(const Correlation& found) {
  return fmt::format("Pearson {}, Spearman {} (n = {})",
                     coefficient(metrics::pearson(found.x, found.y)),
                     coefficient(metrics::spearman(found.x, found.y)), found.x.size());
}

}  // namespace

void PlotOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "INPUT...",
           "the kind (ablation, delta, correlation, radar, bars), then files, see below");
  v.text("-o,--out", out, "FILE", "the plot: .svg, .pdf or .png");
  v.group("What is drawn");
  v.text("--columns", columns, "LIST",
         "metrics as vega-eval table takes them; ablation takes the first one (default: "
         "scanrefer:Acc@0.5; the others: table1; correlation: those that all names have)");
  v.text("--rows", rows, "LIST", "names of published rows for radar, bars and delta");
  v.choice("--published", published, kPublishedPoints, "ablation: the published points too");
  v.choice("--vary", vary, kVaries, "ablation: what the x axis is");
  v.text("--baseline", baseline, "NAME", "delta: the row to compare with (default: the first)");
  v.choice("--unit", points, kUnits, "delta: what a change is given in");
  v.text("--metric", metric, "NAME", "correlation: metric of the correspondence files");
  v.group("How it looks");
  v.text("--title", title, "TEXT", "above the plot");
  v.text("--x-label", x_label, "TEXT", "below the x axis (default: by the kind)");
  v.text("--y-label", y_label, "TEXT", "beside the y axis (default: by the kind)");
  v.real("--width", width_mm, "MM", {40, 1000}, "of the page; 84: one column of a paper");
  v.real("--height", height_mm, "MM", {30, 1000}, "of the page");
  v.real("--dpi", dpi, "N", {30, 1200}, "PNG: pixels an inch");
}

RunResult run_plot(const PlotOptions& options, const Context& context) {
  const std::span<const Choice<Kind>> kinds(kKinds);
  if (options.inputs.empty())
    throw UsageError(explain("plot", "no kind", "one of " + listed(kinds, ", ")));
  const Kind kind = choice_of(kinds, "plot", options.inputs[0]);
  if (options.out.empty())
    throw UsageError(explain("plot", "no -o", "the file of the plot: .svg, .pdf or .png"));
  const PageFormat format = page_format(options.out);
  PlotOptions files = options;
  files.inputs.erase(files.inputs.begin());
  constexpr double kPointsPerMm = 72 / 25.4;
  const PlotSize size{options.width_mm * kPointsPerMm, options.height_mm * kPointsPerMm};
  Drawing drawing;
  switch (kind) {
    case Kind::kAblation: drawing = plot_curves(ablation_curves(files), size); break;
    case Kind::kDelta: drawing = plot_bars(delta_bars(files), size); break;
    case Kind::kRadar: drawing = plot_radar(score_radar(files), size); break;
    case Kind::kBars: drawing = plot_bars(score_bars(files), size); break;
    case Kind::kCorrelation: {
      Correlation found = score_correlation(files);
      const std::string note = correlation_note(found);
      context.print(note + "\n");
      found.plot.note = note + (found.plot.note.empty() ? "" : "; ") + found.plot.note;
      drawing = plot_curves(found.plot, size);
      break;
    }
  }
  publish_output(options.out, draw_page(format, size.width, size.height, drawing, options.dpi));
  log_info("plot in {}", options.out);
  return {};
}

Verb plot_verb() {
  return make_verb("plot", "draw scores for a paper: SVG, PDF or PNG", kPlotHelp, run_plot);
}

}  // namespace vega::score
