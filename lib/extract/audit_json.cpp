// The audit for programs: "vega.audit/1".
#include <cmath>

#include "base/build_info.h"
#include "base/json.h"
#include "extract/audit.h"

namespace vega::extract {
namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json size(ImageSize size) {
  return size.width > 0 ? Json{{"width", size.width}, {"height", size.height}} : Json();
}

Json list(const Findings& findings) {
  Json out = Json::list();
  for (const Finding& f : findings.list()) {
    out.push({{"severity", name_of(f.severity)},
              {"topic", f.topic},
              {"where", f.where},
              {"frames", f.frames},
              {"ranges", f.ranges},
              {"what", f.what},
              {"remedy", f.remedy}});
  }
  return out;
}

Json amounts(const Forecast& e, const Audit& audit) {
  Json out{{"output_bytes", number(std::round(e.output_bytes))},
           {"host_bytes", number(std::round(e.host_bytes))},
           {"seconds", number(e.seconds)}};
  if (audit.of_scenes) return out;
  out.set("device_bytes", number(std::round(e.device_bytes)));
  out.set("flop", number(e.flops));
  return out;
}

Json of_output(const SceneAudit& scene, const Audit& audit) {
  Json out{{"path", scene.output}, {"state", name_of(scene.existing.state)}};
  if (audit.of_scenes) return out;
  Json& taps = out.set("taps_to_compute", Json::list());
  if (scene.existing.state != OutputState::kUnknown) {
    for (const std::size_t tap : scene.existing.wanted) taps.push(audit.taps.at(tap));
  }
  out.set("differences", scene.existing.differences);
  return out;
}

Json of_scan(const ScanAudit& scan) {
  const auto count = [](std::int64_t n) { return n < 0 ? Json() : Json(n); };
  return {{"alignment", scan.alignment},
          {"vertices", count(scan.vertices)},
          {"objects", count(scan.objects)},
          {"dense_object_ids", scan.objects < 0 ? Json() : Json(scan.dense_ids)},
          {"proposals", count(scan.proposals)},
          {"proposal_source", scan.proposals < 0 ? Json() : Json(scan.proposal_source)}};
}

Json of_scene(const SceneAudit& scene, const Audit& audit) {
  Json depth = size(scene.pictures.depth);
  if (scene.pictures.valid) depth.set("valid", *scene.pictures.valid);
  Json out{{"key", scene.key},
           {"input", scene.input},
           {"source", scene.dialect.empty() ? Json() : Json(scene.dialect)},
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
  if (audit.of_scenes) out.set("scan", of_scan(scene.scan));
  return out;
}

Json of_machine(const Machine& m, bool of_scenes) {
  Json out{{"device", m.device},
           {m.cuda ? "batch" : "threads", m.workers},
           {"host_free_bytes", number(m.host_free)},
           {"disk_free_bytes", number(m.disk_free)}};
  if (of_scenes) return out;
  out.set("compute_dtype", m.dtype);
  out.set("gemm_flop_per_s", number(m.gemm));
  out.set("efficiency", std::isfinite(m.gemm) ? Json(m.efficiency) : Json());
  out.set("device_free_bytes", number(m.device_free));
  out.set("fault", m.fault);
  return out;
}

}  // namespace

std::string audit_json(const Audit& audit) {
  Json scenes = Json::list();
  for (const SceneAudit& scene : audit.scenes) scenes.push(of_scene(scene, audit));
  const AuditTotals totals = add_up(audit);
  Json out{{"schema", "vega.audit/1"},
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
  if (!audit.of_scenes) out.set("taps", audit.taps);
  return out.sorted().dump(2) + "\n";
}

}  // namespace vega::extract
