// The audit for people.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "extract/audit_text.h"
#include "viz/table.h"

namespace vega::extract {
namespace {

std::string rate_text(double rate) {
  return rate >= 1e13 ? fmt::format("{:.0f} TFLOP/s", rate / 1e12)
                      : fmt::format("{:.0f} GFLOP/s", rate / 1e9);
}

std::string machine_text(const Audit& audit) {
  const Machine& m = audit.machine;
  if (std::isfinite(m.gemm)) {
    return fmt::format(
        "Time: {} of matrix products were measured here ({}, {}, {}), of which a run reaches about "
        "{:.0f} %. Reading the model comes on top, once; so does the memory of its mapped file, "
        "where there is room.",
        rate_text(m.gemm), m.device, m.dtype,
        m.cuda ? fmt::format("batches of {}", m.workers)
               : plural(static_cast<std::size_t>(m.workers), "thread"),
        100 * m.efficiency);
  }
  if (!m.fault.empty()) return "Time: not known, the device cannot be measured.";
  return fmt::format("Time: decoding and resizing as measured here ({}, {}).", m.device,
                     plural(static_cast<std::size_t>(m.workers), "thread"));
}

std::vector<std::string> amounts(const Estimate& e, bool cuda) {
  std::vector<std::string> cells{bytes_text(e.output_bytes), bytes_text(e.host_bytes)};
  if (cuda) cells.push_back(bytes_text(e.device_bytes));
  cells.push_back(seconds_text(e.seconds));
  return cells;
}

std::vector<std::string> row(const SceneAudit& scene, bool cuda) {
  std::vector<std::string> cells{
      scene.key,
      scene.dialect.empty() ? kNone : scene.dialect,
      count_text(scene.found),
      count_text(scene.candidates),
      count_text(scene.selected),
      scene.pictures.color.width > 0 ? to_string(scene.pictures.color) : kNone,
      scene.pictures.valid ? fmt::format("{:.0f} %", 100 * *scene.pictures.valid) : kNone,
      scene.existing.state == OutputState::kUnknown ? kNone
                                                    : std::string(name_of(scene.existing.state))};
  const Estimate nothing;
  for (auto& cell : amounts(scene.possible() ? scene.estimate : nothing, cuda))
    cells.push_back(std::move(cell));
  cells.push_back(verdict(scene.findings));
  return cells;
}

std::vector<std::string> total_row(const Audit& audit, const AuditTotals& t) {
  std::vector<std::string> cells{plural(audit.scenes.size(), "scene"),
                                 "",
                                 count_text(t.found),
                                 count_text(t.candidates),
                                 count_text(t.selected),
                                 "",
                                 "",
                                 ""};
  for (auto& cell : amounts(t.estimate, audit.machine.cuda)) cells.push_back(std::move(cell));
  cells.push_back(
      t.impossible == 0 ? "ok" : fmt::format("{} of {} fail", t.impossible, audit.scenes.size()));
  return cells;
}

std::string taps_text(const std::vector<std::string>& taps) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(taps.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + taps[i];
  if (taps.size() > kShown) text += fmt::format(", ... ({} in all)", taps.size());
  return text;
}

}  // namespace

AuditTotals add_up(const Audit& audit) {
  AuditTotals t;
  for (const SceneAudit& scene : audit.scenes) {
    t.found += scene.found;
    t.candidates += scene.candidates;
    if (!scene.possible()) {
      ++t.impossible;
      continue;
    }
    t.selected += scene.selected;
    t.complete += scene.existing.state == OutputState::kComplete ? 1 : 0;
    t.estimate.output_bytes += scene.estimate.output_bytes;
    t.estimate.seconds += scene.estimate.seconds;
    t.estimate.flops += scene.estimate.flops;
    t.estimate.host_bytes = std::max(t.estimate.host_bytes, scene.estimate.host_bytes);
    t.estimate.device_bytes = std::max(t.estimate.device_bytes, scene.estimate.device_bytes);
  }
  return t;
}

std::string audit_table(const Audit& audit) {
  if (audit.of_scenes) return scene_table(audit);
  std::string out;
  put(out, "",
      fmt::format("Dry run of {}: {}; taps {}", plural(audit.scenes.size(), "scene"), audit.title,
                  taps_text(audit.taps)));
  put(out, "", "Nothing was computed, no weight was read. Disk, memory and time are estimates.");
  put(out, "", machine_text(audit));
  out += "\n";
  const bool cuda = audit.machine.cuda;
  std::vector<TableColumn> columns{{"scene"},
                                   {"source"},
                                   {"frames", Align::kRight},
                                   {"usable", Align::kRight},
                                   {"used", Align::kRight},
                                   {"picture", Align::kRight},
                                   {"depth", Align::kRight},
                                   {"output"},
                                   {"disk", Align::kRight},
                                   {"memory", Align::kRight}};
  if (cuda) columns.push_back({"GPU", Align::kRight});
  columns.push_back({"time", Align::kRight});
  columns.push_back({"verdict"});
  Table table(columns);
  for (const SceneAudit& scene : audit.scenes) table.add_row(row(scene, cuda));
  if (audit.scenes.size() > 1) {
    table.add_rule();
    table.add_row(total_row(audit, add_up(audit)));
  }
  out += table.text();
  put_findings(out, audit);
  return out;
}

}  // namespace vega::extract
