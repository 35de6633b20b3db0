#include "train/plot.h"

#include <filesystem>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "run/output_names.h"
#include "train/plot_panels.h"
#include "viz/panels.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr auto kPlotHelp =
    R"(Draws what runs noted of their steps (metrics.jsonl of their folders) in SVG, PDF or PNG by the ending of -o: loss,
loss by task (of a generator by noise and kind of step), rate of each part, gate (mean weight of the semantic stream),
gradient norm, and the main metric of each validated task with its 95 % interval. Thin lines are the numbers of single
steps, bold ones their running mean. Steps that a run did again after a resume count once: the last time. A run that is
still going can be drawn.

Examples:
  vega-train plot runs/gate-only -o gate.pdf
  vega-train plot first=runs/a second=runs/b -o compare.svg -o compare.png
  vega-train plot runs/a --panels loss,validation --smooth 25 -o loss.png

See also: vega-train run, vega-eval plot; docs/training.md)";

constexpr double kPointsPerMm = 72 / 25.4;
constexpr double kTitleRoom = 16;  // points

// "NAME=FOLDER"; a path with '=' that is there is a path.
std::pair<std::string, fs::path> name_and_path(const std::string& input) {
  std::error_code ignored;
  const std::size_t equals = input.find('=');
  if (equals == input.npos || fs::exists(input, ignored)) {
    fs::path path = fs::path(input).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    const fs::path named = path.filename() == kMetricsFile ? path.parent_path() : path;
    return {named.filename().string(), path};
  }
  return {input.substr(0, equals), input.substr(equals + 1)};
}

// outputs: no file of a run may be one of them.
std::vector<PlottedRun> read_runs(const std::vector<std::string>& inputs,
                                  const std::vector<std::string>& outputs) {
  std::vector<PlottedRun> out;
  std::set<std::string> names;
  for (const std::string& input : inputs) {
    auto [name, path] = name_and_path(input);
    std::error_code ignored;
    const fs::path metrics = fs::is_directory(path, ignored) ? path / kMetricsFile : path;
    if (inputs.size() == 1) name.clear();
    if (inputs.size() > 1 && !names.insert(name).second)
      throw UsageError(explain("plot", "two runs named '" + name + "'", "names that differ",
                               "NAME=FOLDER gives a name"));
    const fs::path validation = metrics.parent_path() / kValidationFile;
    refuse_inputs_as_outputs({outputs.begin(), outputs.end()}, {metrics, validation});
    out.push_back({name, read_metrics(metrics), read_validation_scores(validation)});
  }
  return out;
}

// The panels in rows of two.
struct RunPage {
  double width = 0, height = 0;
  Drawing drawing;
};

RunPage page_of(const RunPlotOptions& options, const std::vector<Curves>& panels) {
  const PlotSize size{options.width_mm * kPointsPerMm, options.height_mm * kPointsPerMm};
  const std::size_t columns = panels.size() > 1 ? 2 : 1,
                    rows = (panels.size() + columns - 1) / columns;
  const double top = options.title.empty() ? 0 : kTitleRoom;
  std::vector<Panel> placed;
  for (std::size_t i = 0; i < panels.size(); ++i)
    placed.push_back({plot_curves(panels[i], size),
                      {size.width * static_cast<double>(i % columns),
                       top + size.height * static_cast<double>(i / columns)}});
  RunPage out{
      size.width * static_cast<double>(columns), top + size.height * static_cast<double>(rows), {}};
  if (!options.title.empty())
    placed.push_back({[title = options.title, width = out.width](Canvas& canvas) {
                        const TextStyle style{{30, 30, 30}, 10, true};
                        canvas.text(fit_text(title, width - 10, style), {5, 12}, style);
                      },
                      {0, 0}});
  out.drawing = draw_panels(std::move(placed));
  return out;
}

}  // namespace

void RunPlotOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "RUN...", "folders of runs, NAME=FOLDER to name them in the picture");
  v.texts("-o,--out", outs, "FILE", "the picture: .svg, .pdf or .png");
  v.group("What is drawn");
  v.choices("--panels", panels, kPlotPanels,
            "which panels, in this order; those without a number are left out");
  v.integer("--smooth", smooth, "N", {0, 1'000'000},
            "points that a bold line averages over; 0: a fiftieth of them; 1: none is thin");
  v.choice("--scale", scale, kPlotScales, "y axis of losses and gradient norms");
  v.group("How it looks");
  v.text("--title", title, "TEXT", "above the panels");
  v.real("--width", width_mm, "MM", {40, 1000}, "of a panel; 84: one column of a paper");
  v.real("--height", height_mm, "MM", {30, 1000}, "of a panel");
  v.real("--dpi", dpi, "N", {30, 1200}, "PNG: pixels an inch");
}

RunResult run_plot(const RunPlotOptions& options, const Context& /*context*/) {
  if (options.inputs.empty())
    throw UsageError(explain("plot", "no run", "the folder of one run or more"));
  if (options.outs.empty())
    throw UsageError(explain("plot", "no -o", "the file of the picture: .svg, .pdf or .png"));
  for (const std::string& out : options.outs) static_cast<void>(page_format(out));
  const std::vector<PlottedRun> runs = read_runs(options.inputs, options.outs);
  std::vector<Curves> panels;
  for (const PlotPanel panel : options.panels)
    for (Curves& one : run_panels(runs, panel, options.scale, options.smooth))
      panels.push_back(std::move(one));
  if (panels.empty())
    throw InputError(
        explain("plot", "no number for these panels", "one at least", "name other --panels"));
  const RunPage page = page_of(options, panels);
  for (const std::string& out : options.outs) {
    publish_output(out,
                   draw_page(page_format(out), page.width, page.height, page.drawing, options.dpi));
    log_info("{} of {} in {}", plural(panels.size(), "panel"), plural(runs.size(), "run"), out);
  }
  return {};
}

Verb plot_verb() {
  return make_verb("plot", "draw loss, rate and gate curves of runs: SVG, PDF or PNG", kPlotHelp,
                   run_plot);
}

}  // namespace vega::train
