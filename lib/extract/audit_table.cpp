// The audit for people.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/text.h"
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
  const std::string threads = plural(static_cast<std::size_t>(m.workers), "thread");
  if (audit.of_scenes) {
    return fmt::format(
        "Nothing was written. Disk, time and memory ({} at the peak) are estimates, time as "
        "measured on a frame of each scene (1 of {}).",
        bytes_text(add_up(audit).estimate.host_bytes), threads);
  }
  if (std::isfinite(m.gemm)) {
    return fmt::format(
        "Time: {} of matrix products were measured here ({}, {}, {}), of which a run reaches about "
        "{:.0f} %. Reading the model comes on top, once; so does the memory of its mapped file, "
        "where there is room.",
        rate_text(m.gemm), m.device, m.dtype,
        m.cuda ? fmt::format("batches of {}", m.workers) : threads, 100 * m.efficiency);
  }
  if (!m.fault.empty()) return "Time: not known, the device cannot be measured.";
  return fmt::format("Time: decoding and resizing as measured here ({}, {}).", m.device, threads);
}

std::string taps_text(const std::vector<std::string>& taps) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(taps.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + taps[i];
  if (taps.size() > kShown) text += fmt::format(", ... ({} in all)", taps.size());
  return text;
}

std::string thousands(std::int64_t count) {
  if (count < 0) return kNone;
  return count < 10000 ? std::to_string(count) : fmt::format("{:.0f}k", double(count) / 1e3);
}

std::string proposals_text(const ScanAudit& scan) {
  if (scan.proposals < 0) return kNone;
  const char* what = scan.proposal_source == "annotation" ? "gt" : scan.proposal_source.c_str();
  return fmt::format("{} {}", scan.proposals, what);
}

std::string alignment_text(const ScanAudit& scan) {
  return scan.alignment == "frame list" ? "list"
         : scan.alignment == "none"     ? kNone
                                        : scan.alignment;
}

std::string used_text(std::int64_t used, std::int64_t found) {
  return found == 0 ? kNone : fmt::format("{} of {}", used, found);
}

// One column: what a scene says, and what all of them say together.
struct Column {
  TableColumn head;
  std::function<std::string(const SceneAudit&)> scene;
  std::function<std::string(const AuditTotals&)> total = [](const AuditTotals&) { return ""; };
};

// A column of an amount that is forecast, of scenes that can be done.
Column amount(const char* title, std::string (*text)(double), double Forecast::*member) {
  return {{title, Align::kRight},
          [=](const SceneAudit& s) { return text(s.possible() ? s.estimate.*member : 0); },
          [=](const AuditTotals& t) { return text(t.estimate.*member); }};
}

std::vector<Column> columns_of(const Audit& audit) {
  using Scene = const SceneAudit&;
  using Totals = const AuditTotals&;
  const std::size_t scenes = audit.scenes.size();
  const Column depth{{"depth", Align::kRight}, [](Scene s) {
                       return s.pictures.valid ? fmt::format("{:.0f} %", 100 * *s.pictures.valid)
                                               : kNone;
                     }};
  std::vector<Column> out{
      {{"scene"}, [](Scene s) { return s.key; }, [=](Totals) { return plural(scenes, "scene"); }},
      {{"source"}, [](Scene s) { return s.dialect.empty() ? kNone : s.dialect; }}};
  if (audit.of_scenes) {
    out.push_back({{"frames", Align::kRight},
                   [](Scene s) { return used_text(s.selected, s.found); },
                   [](Totals t) { return used_text(t.selected, t.found); }});
    out.push_back(depth);
    out.push_back({{"mesh", Align::kRight}, [](Scene s) { return thousands(s.scan.vertices); }});
    out.push_back({{"objects", Align::kRight}, [](Scene s) {
                     return s.scan.objects < 0 ? kNone : std::to_string(s.scan.objects);
                   }});
    out.push_back({{"proposals", Align::kRight}, [](Scene s) { return proposals_text(s.scan); }});
    out.push_back({{"aligned"}, [](Scene s) { return alignment_text(s.scan); }});
  } else {
    const auto count = [&](const char* title, auto scene, auto total) {
      out.push_back({{title, Align::kRight},
                     [=](Scene s) { return count_text(s.*scene); },
                     [=](Totals t) { return count_text(t.*total); }});
    };
    count("frames", &SceneAudit::found, &AuditTotals::found);
    count("usable", &SceneAudit::candidates, &AuditTotals::candidates);
    count("used", &SceneAudit::selected, &AuditTotals::selected);
    out.push_back({{"picture", Align::kRight}, [](Scene s) {
                     return s.pictures.color.width > 0 ? to_string(s.pictures.color) : kNone;
                   }});
    out.push_back(depth);
  }
  out.push_back({{"output"}, [](Scene s) {
                   const bool known = s.existing.state != OutputState::kUnknown;
                   return known ? std::string(name_of(s.existing.state)) : kNone;
                 }});
  out.push_back(amount("disk", size_text, &Forecast::output_bytes));
  if (!audit.of_scenes) out.push_back(amount("memory", size_text, &Forecast::host_bytes));
  if (audit.machine.cuda) out.push_back(amount("GPU", size_text, &Forecast::device_bytes));
  out.push_back(amount("time", seconds_text, &Forecast::seconds));
  out.push_back({{"verdict"},
                 [](Scene s) { return verdict(s.findings); },
                 [=](Totals t) {
                   return t.impossible == 0 ? "ok"
                                            : fmt::format("{} of {} fail", t.impossible, scenes);
                 }});
  return out;
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
    t.estimate.add(scene.estimate);
  }
  return t;
}

std::string audit_table(const Audit& audit) {
  std::string out;
  const std::string what = plural(audit.scenes.size(), audit.of_scenes ? "scene file" : "scene");
  put(out, "",
      fmt::format("Dry run of {}: {}{}", what, audit.title,
                  audit.of_scenes ? "" : "; taps " + taps_text(audit.taps)));
  if (!audit.of_scenes)
    put(out, "", "Nothing was computed, no weight was read. Disk, memory and time are estimates.");
  put(out, "", machine_text(audit));
  out += "\n";
  const std::vector<Column> columns = columns_of(audit);
  std::vector<TableColumn> heads;
  for (const Column& column : columns) heads.push_back(column.head);
  Table table(heads);
  const auto add = [&](const auto& cell) {
    std::vector<std::string> cells;
    for (const Column& column : columns) cells.push_back(cell(column));
    table.add_row(std::move(cells));
  };
  for (const SceneAudit& scene : audit.scenes)
    add([&](const Column& column) { return column.scene(scene); });
  if (audit.scenes.size() > 1) {
    const AuditTotals totals = add_up(audit);
    table.add_rule();
    add([&](const Column& column) { return column.total(totals); });
  }
  out += table.text();
  put_findings(out, audit);
  return out;
}

}  // namespace vega::extract
