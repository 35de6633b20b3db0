// The audit for programs: "vega.audit/1".
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/build_info.h"
#include "extract/audit.h"

namespace vega::extract {
namespace {

using nlohmann::json;

json number(double value) { return std::isfinite(value) ? json(value) : json(); }

json size(ImageSize size) {
  return size.width > 0 ? json{{"width", size.width}, {"height", size.height}} : json();
}

json list(const Findings& findings) {
  json out = json::array();
  for (const Finding& f : findings.list()) {
    out.push_back({{"severity", name_of(f.severity)},
                   {"topic", f.topic},
                   {"where", f.where},
                   {"frames", f.frames},
                   {"ranges", f.ranges},
                   {"what", f.what},
                   {"remedy", f.remedy}});
  }
  return out;
}

json amounts(const Forecast& e, const Audit& audit) {
  json out{{"output_bytes", number(std::round(e.output_bytes))},
           {"host_bytes", number(std::round(e.host_bytes))},
           {"seconds", number(e.seconds)}};
  if (audit.of_scenes) return out;
  out["device_bytes"] = number(std::round(e.device_bytes));
  out["flop"] = number(e.flops);
  return out;
}

json of_output(const SceneAudit& scene, const Audit& audit) {
  json out{{"path", scene.output}, {"state", name_of(scene.existing.state)}};
  if (audit.of_scenes) return out;
  out["taps_to_compute"] = json::array();
  if (scene.existing.state != OutputState::kUnknown) {
    for (const std::size_t tap : scene.existing.wanted)
      out["taps_to_compute"].push_back(audit.taps.at(tap));
  }
  out["differences"] = scene.existing.differences;
  return out;
}

json of_scan(const ScanAudit& scan) {
  const auto count = [](std::int64_t n) { return n < 0 ? json() : json(n); };
  return {{"alignment", scan.alignment},
          {"vertices", count(scan.vertices)},
          {"objects", count(scan.objects)},
          {"dense_object_ids", scan.objects < 0 ? json() : json(scan.dense_ids)},
          {"proposals", count(scan.proposals)},
          {"proposal_source", scan.proposals < 0 ? json() : json(scan.proposal_source)}};
}

json of_scene(const SceneAudit& scene, const Audit& audit) {
  json depth = size(scene.pictures.depth);
  if (scene.pictures.valid) depth["valid"] = *scene.pictures.valid;
  json out{{"key", scene.key},
           {"input", scene.input},
           {"source", scene.dialect.empty() ? json() : json(scene.dialect)},
           {"possible", scene.possible()},
           {"frames",
            {{"found", scene.found},
             {"usable", scene.candidates},
             {"used", scene.selected},
             {"rows", scene.rows},
             {"decoded", scene.pictures.decoded}}},
           {"color", size(scene.pictures.color)},
           {"depth", depth},
           {"decode_s", number(scene.pictures.decode_seconds)},
           {"output", of_output(scene, audit)},
           {"estimate", amounts(scene.estimate, audit)},
           {"findings", list(scene.findings)}};
  if (audit.of_scenes) out["scan"] = of_scan(scene.scan);
  return out;
}

json of_machine(const Machine& m, bool of_scenes) {
  json out{{"device", m.device},
           {m.cuda ? "batch" : "threads", m.workers},
           {"host_free_bytes", number(m.host_free)},
           {"disk_free_bytes", number(m.disk_free)}};
  if (of_scenes) return out;
  out["compute_dtype"] = m.dtype;
  out["gemm_flop_per_s"] = number(m.gemm);
  out["efficiency"] = std::isfinite(m.gemm) ? json(m.efficiency) : json();
  out["device_free_bytes"] = number(m.device_free);
  out["fault"] = m.fault;
  return out;
}

}  // namespace

std::string audit_json(const Audit& audit) {
  json scenes = json::array();
  for (const SceneAudit& scene : audit.scenes) scenes.push_back(of_scene(scene, audit));
  const AuditTotals totals = add_up(audit);
  json out{{"schema", "vega.audit/1"},
           {"of", audit.of_scenes ? "scenes" : "features"},
           {"version", version()},
           {"command", command_line()},
           {"host", host_name()},
           {"made", utc_now()},
           {"recipe", audit.title},
           {"machine", of_machine(audit.machine, audit.of_scenes)},
           {"scenes", scenes},
           {"impossible", totals.impossible},
           {"estimate", amounts(totals.estimate, audit)},
           {"findings", list(audit.findings)},
           {"exit_code", audit.exit_code()}};
  if (!audit.of_scenes) out["taps"] = audit.taps;
  // Paths need not be UTF-8.
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace vega::extract
