// The audit of scene files for people.
#include <fmt/core.h>

#include "extract/audit_text.h"
#include "viz/table.h"

namespace vega::extract {
namespace {

std::string thousands(std::int64_t count) {
  if (count < 0) return kNone;
  return count < 10000 ? std::to_string(count) : fmt::format("{:.0f}k", double(count) / 1e3);
}

std::string proposals_text(const ScanAudit& scan) {
  if (scan.proposals < 0) return kNone;
  const char* what = scan.proposal_source == "annotation" ? "gt" : scan.proposal_source.c_str();
  return fmt::format("{} {}", scan.proposals, what);
}

std::string frames_text(std::int64_t used, std::int64_t found) {
  return found == 0 ? kNone : fmt::format("{} of {}", used, found);
}

std::vector<std::string> row(const SceneAudit& scene) {
  const bool known = scene.existing.state != OutputState::kUnknown;
  const Estimate e = scene.possible() ? scene.estimate : Estimate{};
  return {scene.key,
          scene.dialect.empty() ? kNone : scene.dialect,
          frames_text(scene.selected, scene.found),
          scene.pictures.valid ? fmt::format("{:.0f} %", 100 * *scene.pictures.valid) : kNone,
          thousands(scene.scan.vertices),
          scene.scan.objects < 0 ? kNone : std::to_string(scene.scan.objects),
          proposals_text(scene.scan),
          scene.scan.alignment == "frame list" ? "list"
          : scene.scan.alignment == "none"     ? kNone
                                               : scene.scan.alignment,
          known ? std::string(name_of(scene.existing.state)) : kNone,
          bytes_text(e.output_bytes),
          seconds_text(e.seconds),
          verdict(scene.findings)};
}

std::vector<std::string> total_row(const Audit& audit, const AuditTotals& t) {
  const std::string end =
      t.impossible == 0 ? "ok" : fmt::format("{} of {} fail", t.impossible, audit.scenes.size());
  return {plural(audit.scenes.size(), "scene"),
          "",
          frames_text(t.selected, t.found),
          "",
          "",
          "",
          "",
          "",
          "",
          bytes_text(t.estimate.output_bytes),
          seconds_text(t.estimate.seconds),
          end};
}

}  // namespace

std::string scene_table(const Audit& audit) {
  std::string out;
  const AuditTotals totals = add_up(audit);
  put(out, "",
      fmt::format("Dry run of {}: {}", plural(audit.scenes.size(), "scene file"), audit.title));
  put(out, "",
      fmt::format(
          "Nothing was written. Disk, time and memory ({} at the peak) are estimates, time as "
          "measured on a frame of each scene (1 of {}).",
          bytes_text(totals.estimate.host_bytes),
          plural(static_cast<std::size_t>(audit.machine.workers), "thread")));
  out += "\n";
  Table table({{"scene"},
               {"source"},
               {"frames", Align::kRight},
               {"depth", Align::kRight},
               {"mesh", Align::kRight},
               {"objects", Align::kRight},
               {"proposals", Align::kRight},
               {"aligned"},
               {"output"},
               {"disk", Align::kRight},
               {"time", Align::kRight},
               {"verdict"}});
  for (const SceneAudit& scene : audit.scenes) table.add_row(row(scene));
  if (audit.scenes.size() > 1) {
    table.add_rule();
    table.add_row(total_row(audit, totals));
  }
  out += table.text();
  put_findings(out, audit);
  return out;
}

}  // namespace vega::extract
