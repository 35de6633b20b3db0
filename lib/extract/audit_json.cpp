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

json amounts(const Estimate& e) {
  return {{"output_bytes", number(std::round(e.output_bytes))},
          {"host_bytes", number(std::round(e.host_bytes))},
          {"device_bytes", number(std::round(e.device_bytes))},
          {"seconds", number(e.seconds)},
          {"flop", number(e.flops)}};
}

json of_scene(const SceneAudit& scene, const Audit& audit) {
  json wanted = json::array();
  if (scene.existing.state != OutputState::kUnknown) {
    for (const std::size_t tap : scene.existing.wanted) wanted.push_back(audit.taps.at(tap));
  }
  json depth = size(scene.pictures.depth);
  if (scene.pictures.valid) depth["valid"] = *scene.pictures.valid;
  return {{"key", scene.key},
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
          {"output",
           {{"path", scene.output},
            {"state", name_of(scene.existing.state)},
            {"taps_to_compute", wanted},
            {"differences", scene.existing.differences}}},
          {"estimate", amounts(scene.estimate)},
          {"findings", list(scene.findings)}};
}

json of_machine(const Machine& m) {
  return {{"device", m.device},
          {"compute_dtype", m.dtype},
          {m.cuda ? "batch" : "threads", m.workers},
          {"gemm_flop_per_s", number(m.gemm)},
          {"efficiency", std::isfinite(m.gemm) ? json(m.efficiency) : json()},
          {"host_free_bytes", number(m.host_free)},
          {"device_free_bytes", number(m.device_free)},
          {"disk_free_bytes", number(m.disk_free)},
          {"fault", m.fault}};
}

}  // namespace

std::string audit_json(const Audit& audit) {
  json scenes = json::array();
  Estimate sum;
  std::size_t impossible = 0;
  for (const SceneAudit& scene : audit.scenes) {
    scenes.push_back(of_scene(scene, audit));
    impossible += scene.possible() ? 0 : 1;
    if (!scene.possible()) continue;
    sum.output_bytes += scene.estimate.output_bytes;
    sum.seconds += scene.estimate.seconds;
    sum.flops += scene.estimate.flops;
    sum.host_bytes = std::max(sum.host_bytes, scene.estimate.host_bytes);
    sum.device_bytes = std::max(sum.device_bytes, scene.estimate.device_bytes);
  }
  const json out{{"schema", "vega.audit/1"},
                 {"version", version()},
                 {"command", command_line()},
                 {"host", host_name()},
                 {"made", utc_now()},
                 {"recipe", audit.title},
                 {"taps", audit.taps},
                 {"machine", of_machine(audit.machine)},
                 {"scenes", scenes},
                 {"impossible", impossible},
                 {"estimate", amounts(sum)},
                 {"findings", list(audit.findings)},
                 {"exit_code", audit.exit_code()}};
  // Paths need not be UTF-8.
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace vega::extract
