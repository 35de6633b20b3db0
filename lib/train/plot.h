// `vega-train plot`: curves of what runs noted of their steps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/options.h"
#include "run/verb.h"

namespace vega::train {

enum class PlotPanel { kLoss, kTasks, kRate, kGate, kGradient, kValidation, kSpeed, kMemory };
inline constexpr Choice<PlotPanel> kPlotPanels[] = {
    {PlotPanel::kLoss, "loss"},
    {PlotPanel::kTasks, "tasks", "loss by task; of a generator by noise"},
    {PlotPanel::kRate, "rate"},
    {PlotPanel::kGate, "gate"},
    {PlotPanel::kGradient, "gradient"},
    {PlotPanel::kValidation, "validation"},
    {PlotPanel::kSpeed, "speed"},
    {PlotPanel::kMemory, "memory"}};

enum class PlotScale { kAuto, kLinear, kLog };
inline constexpr Choice<PlotScale> kPlotScales[] = {
    {PlotScale::kAuto, "auto", "log where the numbers span more than a power of ten"},
    {PlotScale::kLinear, "linear"},
    {PlotScale::kLog, "log"}};

struct RunPlotOptions {
  std::vector<std::string> inputs;  // run folders, NAME=FOLDER, or their metrics.jsonl
  std::vector<std::string> outs;    // .svg, .pdf, .png
  std::vector<PlotPanel> panels = {PlotPanel::kLoss, PlotPanel::kTasks,    PlotPanel::kRate,
                                   PlotPanel::kGate, PlotPanel::kGradient, PlotPanel::kValidation};
  PlotScale scale = PlotScale::kAuto;
  std::int64_t smooth = 0;  // points that a bold curve averages over; 0: a fiftieth of them
  std::string title;
  double width_mm = 84, height_mm = 60, dpi = 200;  // of a panel

  void visit(OptionVisitor& v);
};

// Writes the pictures and logs their names. Throws UsageError, InputError, FormatError,
// OutputError.
RunResult run_plot(const RunPlotOptions& options, const Context& context);

Verb plot_verb();

}  // namespace vega::train
