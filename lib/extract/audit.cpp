#include "extract/audit.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/publish.h"
#include "base/stop.h"
#include "base/text.h"
#include "extract/chosen.h"
#include "extract/frame_cache.h"
#include "extract/noise_source.h"
#include "extract/scene_input.h"
#include "extract/scene_job.h"
#include "scene/checks.h"
#include "scene/frame.h"

namespace vega::extract {
namespace {

namespace fs = std::filesystem;

// The audit of one scene under way.
struct Look {
  const Item& item;
  const FeatureOptions& options;
  const Recipe& recipe;
  const Backbone& backbone;
  const Machine& machine;
  SceneAudit& audit;

  void fault(const char* topic, const std::string& where, const std::string& what,
             const std::string& remedy = {}) const {
    audit.findings.add(Severity::kError, topic, where, what, remedy);
  }
};

// The frames that a run would use; nothing, with a finding, where it would refuse.
std::optional<Chosen> select(const Look& look, const SceneSource& source) {
  const std::int64_t every = look.recipe.candidates(source).every;
  look.audit.candidates =
      std::count_if(source.frames.begin(), source.frames.end(),
                    [&](const FrameRef& frame) { return frame.id % every == 0; });
  try {
    Chosen chosen = choose(source, look.item, look.recipe);
    look.audit.rows = std::ssize(chosen.frame_of_row);
    look.audit.selected = std::ssize(chosen.frames);
    if (look.audit.rows > look.audit.selected) {
      look.audit.findings.add(Severity::kNote, "frames", look.audit.input,
                              std::to_string(look.audit.rows) + " frames are asked for, of " +
                                  std::to_string(look.audit.selected) + ": some fill several rows");
    }
    return chosen;
  } catch (const InputError& error) {
    look.fault("frames", look.audit.input, error.what());
    return std::nullopt;
  }
}

// Depth decides the picture of one view only.
ImageSize depth_for_view(const Look& look, const SceneSource& source) {
  if (look.recipe.view != View::kCenterCrop) return {};
  try {
    return depth_size(source);
  } catch (const InputError& error) {
    look.fault("depth", look.audit.input, error.what(),
               "--view center_crop takes the size of the depth maps");
    return {};
  }
}

FrameSample mean(const std::vector<FrameSample>& samples) {
  FrameSample sum;
  for (const FrameSample& one : samples) {
    const auto count = static_cast<double>(samples.size());
    sum.size = one.size;
    sum.view += one.view / count;
    sum.thumb += one.thumb / count;
    sum.thumb_bytes += one.thumb_bytes / count;
  }
  return sum;
}

FrameSample look_at_pictures(const Look& look, const SceneSource& source, const Chosen& chosen,
                             ImageSize depth, ProgressMode progress) {
  std::vector<FrameSample> samples;
  std::string refused;
  PictureAuditOptions options;
  options.threads = look.recipe.threads;
  options.skip_broken = look.recipe.source.on_decode_error == OnDecodeError::kSkip;
  options.label = look.audit.key;
  options.progress = progress;
  options.sample = [&](const ImageU8& frame) {
    try {
      samples.push_back(measure_frame(frame, look.options, look.recipe, look.backbone, depth));
    } catch (const InputError& error) {
      refused = error.what();
    }
  };
  look.audit.pictures = audit_pictures(source, chosen.frames, options, look.audit.findings);
  FrameSample sample = mean(samples);
  sample.decode = look.audit.pictures.decode_seconds;
  sample.encoded_bytes = look.audit.pictures.encoded_bytes;
  sample.decode_in_order = source.container && source.container->ordered();
  if (!refused.empty()) look.fault("color", look.audit.input, refused, "choose another --view");
  return sample;
}

void look_at_noise(const Look& look, const SceneSource& source, const Chosen& chosen) {
  if (look.recipe.noise != NoiseKind::kStored || look.backbone.noise_size() == 0) return;
  try {
    NoiseSource noise(look.options, look.recipe, look.item.key, look.backbone.noise_size());
    noise.checksum(source, chosen);
  } catch (const InputError& error) {
    look.fault("noise", look.options.noise, error.what());
  }
}

void look_at_output(const Look& look, const SceneSource& source, const Chosen& chosen,
                    ImageSize depth) {
  OutputAudit& existing = look.audit.existing;
  try {
    std::string fingerprint;
    bool turned = false;
    std::error_code code;
    if (fs::exists(look.audit.output, code)) {
      FrameCache cache(source, chosen.frames);
      cache.read(look.recipe.threads);
      fingerprint = input_fingerprint(source, chosen, cache);
      turned = cache.turned() > 0 && follows_exif(source);
    }
    const bool noisy = look.backbone.noise_size() > 0;
    existing = audit_output(
        look.audit.output,
        look.recipe.key_options(look.options, look.item.key, source, depth, noisy, turned),
        fingerprint, look.backbone, look.options.overwrite);
  } catch (const InputError&) {
    return;  // pictures that cannot be read are findings already
  }
  constexpr const char* kRemedy = "--overwrite computes it again; or another -o or --tag";
  if (existing.state == OutputState::kOther) {
    std::string what = "made otherwise:";
    for (const std::string& line : existing.differences)
      what += (&line == &existing.differences.front() ? " " : "; ") + line;
    look.fault("output", look.audit.output, what, kRemedy);
  }
  if (existing.state == OutputState::kDamaged)
    look.fault("output", look.audit.output, existing.fault, kRemedy);
}

// Disk, memory and time of what is left to do.
void look_ahead(const Look& look, const FrameSample& sample) {
  SceneAudit& audit = look.audit;
  Workload work;
  work.frames = audit.selected;
  work.rows = audit.rows;
  work.taps = audit.existing.wanted;
  work.thumbs = !look.options.no_thumbs;
  if (audit.existing.state == OutputState::kTapsMissing) {
    std::error_code code;
    const auto bytes = fs::file_size(audit.output, code);
    if (!code) work.existing_bytes = static_cast<double>(bytes);
  }
  audit.estimate = estimate(work, sample, look.recipe, look.backbone, look.machine);
}

}  // namespace

SceneAudit audit_scene(const Item& item, const FeatureOptions& options, const Recipe& recipe,
                       const Backbone& backbone, const Machine& machine, const fs::path& output,
                       ProgressMode progress) {
  SceneAudit audit;
  audit.key = item.key;
  audit.input = item.path.string();
  audit.output = output.string();
  const Look look{item, options, recipe, backbone, machine, audit};
  SceneSource source;
  audit.findings.attempt("frames", audit.input, [&] {
    const fs::path path = scene_path(item, options);
    audit.input = path.string();
    source = open_source(path, recipe.source, audit.findings);
    audit.dialect = source.dialect;
    audit.found = source.found;
  });
  if (!source.frames.empty()) {
    check_alignment(source, audit.findings);
    const std::optional<Chosen> selection = select(look, source);
    Chosen chosen = selection.value_or(Chosen{});
    const ImageSize depth = depth_for_view(look, source);
    const FrameSample sample = look_at_pictures(look, source, chosen, depth, progress);
    check_cameras(source, audit.pictures.color, audit.pictures.depth, audit.findings);
    const auto& lost = audit.pictures.lost;
    if (recipe.source.on_decode_error == OnDecodeError::kSkip && !lost.empty()) {
      chosen.drop(lost);
      audit.rows = std::ssize(chosen.frame_of_row);
      audit.selected = std::ssize(chosen.frames);
    }
    if (selection && !chosen.frames.empty()) {
      look_at_noise(look, source, chosen);
      look_at_output(look, source, chosen, depth);
      look_ahead(look, sample);
    }
  }
  audit.findings.sort();
  return audit;
}

Audit audit_scenes(const std::vector<Item>& items, const FeatureOptions& options,
                   const Recipe& recipe, const Backbone& backbone, const fs::path& folder,
                   ProgressMode progress) {
  Audit audit;
  audit.title = backbone.name() + ", " + to_string(recipe.size) + ", view " +
                std::string(name_of(recipe.view)) + ", pool " + recipe.pool_name + ", stored as " +
                std::string(name_of(recipe.store));
  for (const Tap& tap : backbone.taps()) audit.taps.push_back(tap.name);
  audit.alone = options.list.empty() && items.size() == 1;
  audit.machine = measure_machine(options, recipe, backbone.cost(), folder);
  for (const Item& item : items) {
    check_stop();
    audit.scenes.push_back(audit_scene(item, options, recipe, backbone, audit.machine,
                                       folder / (item.key + ".h5"), progress));
  }
  audit.findings = run_findings(audit);
  return audit;
}

int Audit::exit_code() const {
  const bool all = std::all_of(scenes.begin(), scenes.end(),
                               [](const SceneAudit& scene) { return scene.possible(); });
  return all ? 0 : alone ? 3 : 4;
}

Findings run_findings(const Audit& audit) {
  Findings findings;
  const Forecast need = add_up(audit).estimate;
  const Machine& m = audit.machine;
  const auto tell = [&](const char* topic, double wanted, double have, const char* remedy) {
    if (wanted > have)
      findings.add(Severity::kWarning, topic, "",
                   "about " + bytes_text(wanted) + " needed, " + bytes_text(have) + " free here",
                   remedy);
  };
  const bool scenes = audit.of_scenes;
  tell("disk", need.output_bytes, m.disk_free,
       scenes ? "another -o, or --no-color"
              : "another -o, fewer taps, --pool or --store-dtype bf16");
  tell("memory", need.host_bytes - m.host_used, m.host_free,
       scenes ? "fewer --threads" : "fewer --threads, or a smaller --size");
  tell("device", need.device_bytes, m.device_free, "a smaller --batch or --size, or --dtype bf16");
  if (!m.fault.empty())
    findings.add(Severity::kWarning, "device", "", m.fault, "the time is not known from here");
  return findings;
}

RunResult publish_audit(const Audit& audit, const std::string& report, const Context& context) {
  if (!report.empty()) publish_file(report, audit_json(audit));
  context.print(audit_table(audit));
  const AuditTotals totals = add_up(audit);
  RunResult result;
  result.failed = static_cast<int>(totals.impossible);
  result.complete = static_cast<int>(totals.complete);
  result.exit_code = audit.exit_code();
  return result;
}

}  // namespace vega::extract
