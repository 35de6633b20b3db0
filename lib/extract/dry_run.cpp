#include "extract/dry_run.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace vega::extract {
namespace {

// One scene of a dry run on its way.
class DryWork final : public ItemWork {
 public:
  DryWork(Item item, DryRun& dry, const std::function<DryScene(const Item&)>& look)
      : item_(std::move(item)), dry_(dry), look_(look) {}

  void prepare() override { scene_ = look_(item_); }
  bool complete() const override { return false; }
  void compute() override {
    scene_.findings.sort();
    dry_.scenes.push_back(scene_);
  }
  std::string output() const override { return scene_.output; }
  void describe(ItemReport& report) const override;

 private:
  const Item item_;
  DryRun& dry_;
  const std::function<DryScene(const Item&)>& look_;
  DryScene scene_;
};

Json json_of(ImageSize size) {
  return size.width > 0 ? Json{{"width", size.width}, {"height", size.height}} : Json();
}

Json json_of(const ScanSummary& scan) {
  const auto count = [](std::int64_t n) { return n < 0 ? Json() : Json(n); };
  return {{"alignment", scan.alignment},
          {"vertices", count(scan.vertices)},
          {"objects", count(scan.objects)},
          {"dense_object_ids", scan.objects < 0 ? Json() : Json(scan.dense_ids)},
          {"proposals", count(scan.proposals)},
          {"proposal_source", scan.proposals < 0 ? Json() : Json(scan.proposal_source)}};
}

Json json_of(const Machine& m, bool of_features) {
  Json out{{"device", m.device},
           {m.cuda ? "batch" : "threads", m.workers},
           {"host_free_bytes", m.host_free},
           {"disk_free_bytes", m.disk_free}};
  if (!of_features) return out;
  out.set("compute_dtype", m.dtype);
  out.set("gemm_flop_per_s", m.gemm);
  out.set("efficiency", std::isfinite(m.gemm) ? Json(m.efficiency) : Json());
  out.set("device_free_bytes", m.device_free);
  out.set("fault", m.fault);
  return out;
}

void DryWork::describe(ItemReport& report) const {
  const bool complete = scene_.existing == OutputState::kComplete;
  report.input = scene_.input;
  report.outcome = !scene_.possible() ? Outcome::kFailed
                   : complete         ? Outcome::kComplete
                                      : Outcome::kNotStarted;
  if (!scene_.possible()) report.error = scene_.findings.list().front().line();
  report.findings = scene_.findings.list();
  report.forecast = scene_.forecast;
  Json depth = json_of(scene_.frames.depth);
  if (scene_.frames.valid) depth.set("valid", *scene_.frames.valid);
  Json details{{"source", scene_.dialect.empty() ? Json() : Json(scene_.dialect)},
               {"frames",
                {{"found", scene_.found},
                 {"usable", scene_.usable},
                 {"used", scene_.used},
                 {"rows", scene_.rows},
                 {"decoded", scene_.frames.decoded}}},
               {"color", json_of(scene_.frames.color)},
               {"depth", depth},
               {"decode_s", scene_.frames.decode_seconds},
               {"existing", name_of(scene_.existing)}};
  if (dry_.of_features()) details.set("taps_to_compute", scene_.taps);
  if (scene_.scan) details.set("scan", json_of(*scene_.scan));
  report.details = details.dump();
}

// What the disk, the memory and the device lack for the whole run.
Findings check_machine(const DryRun& dry) {
  Findings findings;
  const Forecast need = dry.forecast();
  const Machine& m = dry.machine;
  const auto compare = [&](const char* topic, double wanted, double have, const char* remedy) {
    if (wanted > have)
      findings.add(Severity::kWarning, topic, "",
                   "about " + bytes_text(wanted) + " needed, " + bytes_text(have) + " free here",
                   remedy);
  };
  compare("disk", need.output_bytes, m.disk_free,
          dry.of_features() ? "another -o, fewer taps, --pool or --store-dtype bf16"
                            : "another -o, or --no-color");
  compare("memory", need.host_bytes - m.host_used, m.host_free,
          dry.of_features() ? "fewer --threads, or a smaller --size" : "fewer --threads");
  compare("device", need.device_bytes, m.device_free,
          "a smaller --batch or --size, or --dtype bf16");
  if (!m.fault.empty())
    findings.add(Severity::kWarning, "device", "", m.fault, "the time is not known from here");
  return findings;
}

RunNotes notes_of(const DryRun& dry) {
  Json details{{"recipe", dry.title}, {"machine", json_of(dry.machine, dry.of_features())}};
  if (dry.of_features()) details.set("taps", dry.taps);
  return {dry.findings.list(), dry.forecast(), details.dump()};
}

}  // namespace

Forecast DryRun::forecast() const {
  Forecast sum;
  for (const DryScene& scene : scenes) {
    if (scene.possible()) sum.add(scene.forecast);
  }
  return sum;
}

RunResult dry_run(DryRun& dry, const ItemList& list, const RunOptions& how, const Context& context,
                  const std::function<DryScene(const Item&)>& look) {
  const auto notes = [&] {
    dry.findings = check_machine(dry);
    return notes_of(dry);
  };
  RunOptions options = how;
  options.dry_run = true;
  const RunResult result =
      run_items({.list = list, .options = options, .notes = notes}, context,
                [&](const Item& item) { return std::make_unique<DryWork>(item, dry, look); });
  if (context.print) context.print(dry_run_table(dry));
  return result;
}

void compare_output(DryScene& scene, bool overwrite, const std::function<Decision()>& decide) {
  std::error_code code;
  const bool exists = std::filesystem::exists(scene.output, code);
  scene.existing = !exists            ? OutputState::kAbsent
                   : overwrite        ? OutputState::kReplaced
                   : scene.possible() ? OutputState::kComplete
                                      : OutputState::kUnknown;
  if (scene.existing != OutputState::kComplete) return;
  try {
    if (decide() == Decision::kAddTaps) scene.existing = OutputState::kTapsMissing;
  } catch (const RefusedError& error) {
    scene.existing = OutputState::kOther;
    scene.findings.add(Severity::kError, "output", scene.output, error.what());
  } catch (const InputError& error) {
    scene.existing = OutputState::kDamaged;
    scene.findings.add(Severity::kError, "output", scene.output, error.what());
  }
}

void count_frames(DryScene& scene, std::size_t rows, std::size_t frames) {
  scene.rows = static_cast<std::int64_t>(rows);
  scene.used = static_cast<std::int64_t>(frames);
  if (rows <= frames) return;
  scene.findings.add(Severity::kNote, "frames", scene.input,
                     std::to_string(rows) + " frames are asked for, of " + std::to_string(frames) +
                         ": some fill several rows");
}

std::string_view name_of(OutputState state) {
  switch (state) {
    case OutputState::kAbsent: return "absent";
    case OutputState::kComplete: return "complete";
    case OutputState::kTapsMissing: return "taps missing";
    case OutputState::kOther: return "other recipe";
    case OutputState::kDamaged: return "damaged";
    case OutputState::kReplaced: return "replaced";
    case OutputState::kUnknown: break;
  }
  return "unknown";
}

}  // namespace vega::extract
