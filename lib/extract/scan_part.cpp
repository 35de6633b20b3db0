#include "extract/scan_part.h"

#include <cmath>

#include "extract/features.h"
#include "extract/scene_verb.h"

namespace vega::extract {
namespace {

Selection frames_of(const ScanJob& job) {
  return job.frames.empty() ? Selection{} : parse_selection("frames:" + job.frames.string());
}

template <typename Options>
Options common_options(const ScanJob& job) {
  Options o;
  o.items.inputs = {job.scan.string()};
  o.items.key = job.key;
  o.output.out = job.out.string();
  o.run.threads = job.threads;
  o.compat = job.compat;
  return o;
}

SceneFileOptions scene_options(const ScanJob& job) {
  auto o = common_options<SceneFileOptions>(job);
  o.select.frames = frames_of(job);
  o.select.text = o.select.frames.text;
  if (job.center_crop) o.view = View::kCenterCrop;
  return o;
}

FeatureOptions feature_options(const ScanJob& job) {
  auto o = common_options<FeatureOptions>(job);
  o.device.device = job.device;
  o.device.dtype = job.dtype;
  o.select = frames_of(job);
  o.model = job.model.string();
  if (job.part == ScanPart::kSemantic) {
    o.backbone = "siglip";
    if (job.center_crop) o.view = View::kCenterCrop;
    return o;
  }
  o.prompt = job.prompt.string();
  if (job.block >= 0) o.block = job.block;
  if (job.timestep >= 0) o.timestep = std::llround(job.timestep);
  if (job.shift >= 0) o.shift = job.shift;
  if (!job.size.empty()) o.size = job.size;
  if (!job.view.empty()) o.view = view_from_name(job.view);
  return o;
}

}  // namespace

std::filesystem::path make_scan_part(const ScanJob& job, const Context& context) {
  std::filesystem::path made;
  Context quiet = context;
  quiet.manifest = [&made](const std::string&, const std::string& path) { made = path; };
  if (job.part == ScanPart::kScene)
    run_scene(scene_options(job), quiet);
  else
    run_features(feature_options(job), quiet);
  return made;
}

}  // namespace vega::extract
