#include "train/plot_panels.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "base/text.h"

namespace vega::train {
namespace {

constexpr std::size_t kMostPoints = 1500;  // of a line: more than a printed panel can show
constexpr double kLogRatio = 10;           // from where on --scale auto takes a logarithm
constexpr double kRateRatio = 30;          // the same of the rates of parts
constexpr double kLeastRate = 1e-3;        // of the peak, on a logarithmic axis

// A curve before it is smoothed.
struct RawCurve {
  std::string name;
  int look = 0;
  std::vector<double> x, y, low, high;  // the last two: empty, or an interval each

  void add(double at, double value) { x.push_back(at), y.push_back(value); }
  bool has_number() const {
    return std::any_of(y.begin(), y.end(), [](double v) { return std::isfinite(v); });
  }
};

std::string joined_name(const std::string& run, const std::string& rest) {
  return run.empty() ? rest : rest.empty() ? run : run + ": " + rest;
}

// The least and the largest of every few points, in their order, so that spikes stay.
std::vector<PlotPoint> thinned(const std::vector<PlotPoint>& points) {
  if (points.size() <= kMostPoints) return points;
  const std::size_t bin = 2 * ((points.size() + kMostPoints - 1) / kMostPoints);
  std::vector<PlotPoint> out;
  const auto less = [](const PlotPoint& a, const PlotPoint& b) { return a.y < b.y; };
  for (std::size_t i = 0; i < points.size(); i += bin) {
    const auto first = points.begin() + static_cast<std::ptrdiff_t>(i);
    const auto last =
        points.begin() + static_cast<std::ptrdiff_t>(std::min(points.size(), i + bin));
    auto [least, most] = std::minmax_element(first, last, less);
    if (most < least) std::swap(least, most);
    out.push_back(*least);
    if (most != least) out.push_back(*most);
  }
  return out;
}

std::vector<PlotPoint> points_of(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<PlotPoint> out;
  for (std::size_t i = 0; i < x.size(); ++i) out.push_back({.x = x[i], .y = y[i]});
  return out;
}

// Adds a curve: as it is in thin, and its running mean in bold.
void add_curve(Curves& panel, const RawCurve& raw, std::int64_t window) {
  if (!raw.has_number()) return;
  PlotSeries bold{.name = raw.name, .points = {}, .markers = false};
  bold.look = raw.look;
  const bool few = raw.x.size() == 1;  // a line needs two
  bold.markers = few;
  if (window > 1) {
    PlotSeries thin{.name = "", .points = thinned(points_of(raw.x, raw.y)), .markers = false};
    thin.faint = true, thin.look = raw.look;
    panel.series.push_back(std::move(thin));
  }
  bold.points = thinned(points_of(raw.x, smoothed(raw.y, window)));
  panel.series.push_back(std::move(bold));
}

std::int64_t window_of(const std::vector<RawCurve>& curves, std::int64_t smooth) {
  if (smooth > 0) return smooth;
  std::size_t longest = 0;
  for (const RawCurve& one : curves) longest = std::max(longest, one.x.size());
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(longest) / 50);
}

bool wants_log(const std::vector<RawCurve>& curves, PlotScale scale, double ratio) {
  double least = 1e300, most = 0;
  for (const RawCurve& one : curves)
    for (const double value : one.y)
      if (value > 0 && std::isfinite(value))
        least = std::min(least, value), most = std::max(most, value);
  if (!(most > 0)) return false;
  return scale == PlotScale::kLog || (scale == PlotScale::kAuto && most > ratio * least);
}

// Adds the curves with their window's note.
void add_smoothed(Curves& panel, const std::vector<RawCurve>& curves, std::int64_t smooth) {
  const std::int64_t window = window_of(curves, smooth);
  if (window > 1) panel.note = fmt::format("bold: mean of {} points", window);
  for (const RawCurve& one : curves) add_curve(panel, one, window);
}

using NumberOf = std::function<double(const StepMetrics&)>;

RawCurve curve_of(const PlottedRun& run, int look, const NumberOf& number) {
  RawCurve out{run.name, look, {}, {}, {}, {}};
  for (const StepMetrics& step : run.steps) out.add(static_cast<double>(step.step), number(step));
  return out;
}

std::vector<RawCurve> curves_of(const std::vector<PlottedRun>& runs, const NumberOf& number) {
  std::vector<RawCurve> out;
  for (std::size_t i = 0; i < runs.size(); ++i)
    out.push_back(curve_of(runs[i], static_cast<int>(i), number));
  return out;
}

Curves panel_of(const std::string& title, const std::string& y_label) {
  return {.title = title, .x_label = "step", .y_label = y_label};
}

Curves number_panel(const std::vector<PlottedRun>& runs, const std::string& title,
                    const std::string& y_label, const NumberOf& number, PlotScale scale,
                    std::int64_t smooth) {
  Curves out = panel_of(title, y_label);
  const std::vector<RawCurve> curves = curves_of(runs, number);
  out.log_y = wants_log(curves, scale, kLogRatio);
  add_smoothed(out, curves, smooth);
  return out;
}

template <typename Member>
std::vector<std::string> names_in(const std::vector<PlottedRun>& runs, Member member) {
  std::set<std::string> out;
  for (const PlottedRun& run : runs)
    for (const StepMetrics& step : run.steps)
      for (const auto& [name, value] : step.*member) out.insert(name);
  return {out.begin(), out.end()};
}

// What losses are split by, and what they are counted in.
struct LossSplit {
  std::map<std::string, double> StepMetrics::*losses;
  std::string by, unit;
};

// Points only where a step has the loss: a step may be of one task alone.
RawCurve split_curve(const PlottedRun& run, const LossSplit& split, const std::string& part,
                     const std::string& name, int look) {
  RawCurve out{name, look, {}, {}, {}, {}};
  for (const StepMetrics& step : run.steps)
    if (const auto at = (step.*split.losses).find(part); at != (step.*split.losses).end())
      out.add(static_cast<double>(step.step), at->second);
  return out;
}

// One run: all parts in one panel. Several: a panel a part.
std::vector<Curves> split_panels(const std::vector<PlottedRun>& runs, const LossSplit& split,
                                 PlotScale scale, std::int64_t smooth) {
  const std::vector<std::string> parts = names_in(runs, split.losses);
  std::vector<std::pair<std::string, std::vector<RawCurve>>> groups;
  if (runs.size() == 1) groups.emplace_back("loss by " + split.by, std::vector<RawCurve>());
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (runs.size() > 1) groups.emplace_back("loss of " + parts[p], std::vector<RawCurve>());
    for (std::size_t r = 0; r < runs.size(); ++r)
      groups.back().second.push_back(split_curve(runs[r], split, parts[p],
                                                 runs.size() == 1 ? parts[p] : runs[r].name,
                                                 static_cast<int>(runs.size() == 1 ? p : r)));
  }
  std::vector<Curves> out;
  for (const auto& [title, curves] : groups) {
    Curves panel = panel_of(title, "loss" + split.unit);
    panel.log_y = wants_log(curves, scale, kLogRatio);
    add_smoothed(panel, curves, smooth);
    out.push_back(std::move(panel));
  }
  return out;
}

std::vector<Curves> task_panels(const std::vector<PlottedRun>& runs, PlotScale scale,
                                std::int64_t smooth) {
  std::vector<Curves> out =
      split_panels(runs, {&StepMetrics::task_loss, "task", " (nats)"}, scale, smooth);
  for (Curves& panel :
       split_panels(runs, {&StepMetrics::loss_by, "noise and kind of step", ""}, scale, smooth))
    out.push_back(std::move(panel));
  return out;
}

// Steps of a generator have frames, those of a language model tokens.
bool is_generator(const std::vector<PlottedRun>& runs) {
  return std::any_of(runs.begin(), runs.end(), [](const PlottedRun& run) {
    return !run.steps.empty() && std::isfinite(run.steps.back().frames);
  });
}

// A curve for all parts of a run that share their rates.
std::vector<RawCurve> rate_curves(const PlottedRun& run, int first_look) {
  std::vector<RawCurve> out;
  for (const std::string& part : names_in({run}, &StepMetrics::rate)) {
    RawCurve one =
        curve_of(run, first_look + static_cast<int>(out.size()), [&part](const StepMetrics& step) {
          const auto at = step.rate.find(part);
          return at == step.rate.end() ? StepMetrics::kNone : at->second;
        });
    one.name = part;
    const auto same = std::find_if(out.begin(), out.end(), [&](const RawCurve& other) {
      return std::equal(one.y.begin(), one.y.end(), other.y.begin(), other.y.end(),
                        [](double a, double b) { return a == b || (a != a && b != b); });
    });
    if (same == out.end())
      out.push_back(std::move(one));
    else
      same->name += ", " + part;
  }
  if (out.size() == 1) out[0].name.clear();  // one rate for all parts
  for (RawCurve& one : out) one.name = joined_name(run.name, one.name);
  return out;
}

Curves rate_panel(const std::vector<PlottedRun>& runs) {
  std::vector<RawCurve> curves;
  for (const PlottedRun& run : runs)
    for (RawCurve& one : rate_curves(run, static_cast<int>(curves.size())))
      curves.push_back(std::move(one));
  Curves out = panel_of("learning rate", "rate");
  double most = 0;
  std::vector<RawCurve> peaks = curves;  // warm-up and decay alone ask for no logarithm
  for (RawCurve& one : peaks) {
    double peak = 0;
    for (const double value : one.y)
      if (std::isfinite(value)) peak = std::max(peak, value);
    one.y = {peak};
    most = std::max(most, peak);
  }
  out.log_y = wants_log(peaks, PlotScale::kAuto, kRateRatio);
  const double power = most > 0 ? std::floor(std::log10(most) + 1e-9) : 0;
  if (out.log_y) {  // a decay to zero would take the whole axis
    for (std::size_t i = 0; i < curves.size(); ++i)
      for (double& value : curves[i].y)
        if (value < kLeastRate * peaks[i].y[0]) value = kNoNumber;
  } else if (power < -2) {
    out.y_label = fmt::format("rate (1e{:.0f})", power);
    for (RawCurve& one : curves)
      for (double& value : one.y) value *= std::pow(10, -power);
  }
  for (const RawCurve& one : curves) add_curve(out, one, 1);
  return out;
}

std::vector<Curves> validation_panels(const std::vector<PlottedRun>& runs) {
  std::set<std::pair<std::string, std::string>> kinds;
  for (const PlottedRun& run : runs)
    for (const ValidationScore& score : run.scores) kinds.insert({score.task, score.metric});
  std::vector<Curves> out;
  for (const auto& [task, metric] : kinds) {
    Curves panel = panel_of("validation: " + task, metric + " (%)");
    panel.note = "bars: 95 % interval";
    for (std::size_t r = 0; r < runs.size(); ++r) {
      PlotSeries series{.name = runs[r].name, .points = {}};
      series.look = static_cast<int>(r);
      for (const ValidationScore& score : runs[r].scores)
        if (score.task == task && score.metric == metric)
          series.points.push_back(
              {static_cast<double>(score.step), score.value, score.low, score.high, ""});
      if (!series.points.empty()) panel.series.push_back(std::move(series));
    }
    out.push_back(std::move(panel));
  }
  return out;
}

}  // namespace

std::vector<double> smoothed(const std::vector<double>& values, std::int64_t window) {
  if (window <= 1) return values;
  const std::ptrdiff_t n = std::ssize(values), before = (window - 1) / 2,
                       after = window - 1 - before;
  // Sums of the finite numbers up to each place.
  std::vector<double> sum(values.size() + 1), count(values.size() + 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool finite = std::isfinite(values[i]);
    sum[i + 1] = sum[i] + (finite ? values[i] : 0);
    count[i + 1] = count[i] + (finite ? 1 : 0);
  }
  std::vector<double> out;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const auto from = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, i - before));
    const auto to = static_cast<std::size_t>(std::min(n, i + after + 1));
    out.push_back(std::isfinite(values[static_cast<std::size_t>(i)])
                      ? (sum[to] - sum[from]) / (count[to] - count[from])
                      : kNoNumber);
  }
  return out;
}

std::vector<Curves> run_panels(const std::vector<PlottedRun>& runs, PlotPanel panel,
                               PlotScale scale, std::int64_t smooth) {
  std::vector<Curves> out;
  switch (panel) {
    case PlotPanel::kLoss:
      out = {number_panel(
          runs, "loss", is_generator(runs) ? "loss (squared error)" : "loss (nats)",
          [](const StepMetrics& s) { return s.loss; }, scale, smooth)};
      break;
    case PlotPanel::kTasks: out = task_panels(runs, scale, smooth); break;
    case PlotPanel::kRate: out = {rate_panel(runs)}; break;
    case PlotPanel::kGate:
      out = {number_panel(
          runs, "gate: weight of the semantic stream", "weight",
          [](const StepMetrics& s) { return s.gate; }, PlotScale::kLinear, smooth)};
      break;
    case PlotPanel::kGradient:
      out = {number_panel(
          runs, "gradient norm before clipping", "norm",
          [](const StepMetrics& s) { return s.grad_norm; }, scale, smooth)};
      break;
    case PlotPanel::kValidation: out = validation_panels(runs); break;
    case PlotPanel::kSpeed:
      out = {number_panel(
          runs, "speed", is_generator(runs) ? "frames/s" : "tokens/s",
          [](const StepMetrics& s) {
            const double count = std::isfinite(s.frames) ? s.frames : s.tokens;
            return s.seconds > 0 ? count / s.seconds : kNoNumber;
          },
          PlotScale::kLinear, smooth)};
      break;
    case PlotPanel::kMemory:
      out = {number_panel(
          runs, "peak memory", "GB", [](const StepMetrics& s) { return s.memory / 1e9; },
          PlotScale::kLinear, 1)};
      break;
  }
  std::erase_if(out, [](const Curves& one) { return one.series.empty(); });
  return out;
}

}  // namespace vega::train
