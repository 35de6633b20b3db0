#include "train/plot_panels.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace vega;
using namespace vega::train;

namespace {

PlottedRun run_of(const std::string& name, int steps) {
  PlottedRun out{name, {}, {}};
  for (int step = 1; step <= steps; ++step) {
    StepMetrics one;
    one.step = step;
    one.loss = 100.0 / step;
    one.gate = 0.5;
    one.rate = {{"fusion", 1e-5 * step}, {"projector", 1e-5 * step}, {"tower", 2e-6 * step}};
    one.task_loss = {{step % 2 == 0 ? "scanqa" : "scanrefer", 1.0}};
    out.steps.push_back(one);
  }
  return out;
}

std::vector<std::string> series_names(const Curves& panel) {
  std::vector<std::string> out;
  for (const PlotSeries& s : panel.series)
    if (!s.faint) out.push_back(s.name);
  return out;
}

}  // namespace

TEST_CASE("a running mean is centred, takes what is there at the ends, and keeps gaps") {
  CHECK(smoothed({1, 2, 3, 4, 5}, 1) == std::vector<double>{1, 2, 3, 4, 5});
  CHECK(smoothed({1, 2, 3, 4, 8}, 3) == std::vector<double>{1.5, 2, 3, 5, 6});
  const auto gap = smoothed({1, kNoNumber, 3}, 3);
  CHECK(gap[0] == 1);
  CHECK(std::isnan(gap[1]));
  CHECK(gap[2] == 3);
}

TEST_CASE("loss: one point a step, thin and bold in one colour, a logarithm over many sizes") {
  const auto panels = run_panels({run_of("a", 200)}, PlotPanel::kLoss, PlotScale::kAuto, 0);
  REQUIRE(panels.size() == 1);
  CHECK(panels[0].log_y);
  REQUIRE(panels[0].series.size() == 2);
  for (const PlotSeries& s : panels[0].series) {
    CHECK(s.points.size() == 200);
    CHECK(s.look == 0);
  }
  CHECK(panels[0].series[0].faint);
  CHECK(!panels[0].series[1].faint);
  CHECK(!run_panels({run_of("a", 5)}, PlotPanel::kLoss, PlotScale::kAuto, 0)[0].log_y);
  CHECK(run_panels({run_of("a", 5)}, PlotPanel::kLoss, PlotScale::kLog, 0)[0].log_y);
}

TEST_CASE("a generator: losses by noise and kind of step, frames a second") {
  PlottedRun run;
  for (int step = 1; step <= 6; ++step) {
    StepMetrics one;
    one.step = step;
    one.loss = 1, one.frames = 32, one.seconds = 2;
    one.loss_by = {{step % 3 == 0 ? "single frames" : "clips", 1.0}, {"noise < 0.4", 0.5}};
    run.steps.push_back(one);
  }
  CHECK(run_panels({run}, PlotPanel::kLoss, PlotScale::kAuto, 0)[0].y_label ==
        "loss (squared error)");
  const auto split = run_panels({run}, PlotPanel::kTasks, PlotScale::kAuto, 0);
  REQUIRE(split.size() == 1);
  CHECK(series_names(split[0]) ==
        std::vector<std::string>{"clips", "noise < 0.4", "single frames"});
  CHECK(split[0].series[0].points.size() == 4);
  CHECK(split[0].series[2].points.size() == 2);
  const auto speed = run_panels({run}, PlotPanel::kSpeed, PlotScale::kAuto, 0);
  REQUIRE(speed.size() == 1);
  CHECK(speed[0].y_label == "frames/s");
  CHECK(speed[0].series[0].points[0].y == 16);
}

TEST_CASE("a long run is thinned to what a panel can show, with its spikes") {
  PlottedRun run = run_of("", 30000);
  run.steps[17000].loss = 1e4;
  const auto panel = run_panels({run}, PlotPanel::kLoss, PlotScale::kAuto, 1).at(0);
  REQUIRE(panel.series.size() == 1);
  CHECK(panel.series[0].points.size() < 2000);
  double most = 0;
  for (std::size_t i = 0; i < panel.series[0].points.size(); ++i) {
    most = std::max(most, panel.series[0].points[i].y);
    if (i > 0) CHECK(panel.series[0].points[i].x > panel.series[0].points[i - 1].x);
  }
  CHECK(most == 1e4);
}

TEST_CASE(
    "rates: parts of equal rates are one curve; small numbers have their power in the label") {
  const auto panel = run_panels({run_of("", 10)}, PlotPanel::kRate, PlotScale::kAuto, 0).at(0);
  CHECK(series_names(panel) == std::vector<std::string>{"fusion, projector", "tower"});
  CHECK(panel.y_label == "rate (1e-4)");
  CHECK(panel.series[0].points.back().y == Approx(1));
  const auto two =
      run_panels({run_of("a", 10), run_of("b", 10)}, PlotPanel::kRate, PlotScale::kAuto, 0).at(0);
  CHECK(series_names(two) == std::vector<std::string>{"a: fusion, projector", "a: tower",
                                                      "b: fusion, projector", "b: tower"});
}

TEST_CASE("tasks: one panel of a run, a panel a task of several; a step counts for its task") {
  const auto one = run_panels({run_of("", 10)}, PlotPanel::kTasks, PlotScale::kAuto, 0);
  REQUIRE(one.size() == 1);
  CHECK(series_names(one[0]) == std::vector<std::string>{"scanqa", "scanrefer"});
  CHECK(one[0].series[0].points.size() == 5);
  CHECK(one[0].series[0].points[0].x == 2);
  const auto two =
      run_panels({run_of("a", 10), run_of("b", 4)}, PlotPanel::kTasks, PlotScale::kAuto, 0);
  REQUIRE(two.size() == 2);
  CHECK(two[1].title == "loss of scanrefer");
  CHECK(series_names(two[1]) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("panels without a number are left out; validation has a panel a task") {
  PlottedRun run = run_of("", 4);
  for (StepMetrics& step : run.steps) step.gate = kNoNumber;
  CHECK(run_panels({run}, PlotPanel::kGate, PlotScale::kAuto, 0).empty());
  CHECK(run_panels({run}, PlotPanel::kValidation, PlotScale::kAuto, 0).empty());
  run.scores = {{2, "scanqa", "EM", 10, 8, 12},
                {4, "scanqa", "EM", 20, 15, 25},
                {4, "nr3d", "Acc", 30, kNoNumber, kNoNumber}};
  const auto panels = run_panels({run}, PlotPanel::kValidation, PlotScale::kAuto, 0);
  REQUIRE(panels.size() == 2);
  CHECK(panels[1].title == "validation: scanqa");
  CHECK(panels[1].series.at(0).points.size() == 2);
  CHECK(panels[1].series.at(0).points[1].low == 15);
}
