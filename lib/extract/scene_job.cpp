#include "extract/scene_job.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/build_info.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "core/device.h"
#include "extract/chosen.h"
#include "extract/compute.h"
#include "extract/frame_cache.h"
#include "extract/noise_source.h"
#include "scene/frame.h"
#include "scene/source.h"
#include "store/cache_key.h"
#include "store/decide.h"
#include "store/features.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

std::vector<TapInfo> tap_infos(const Recipe& recipe, const Backbone& backbone,
                               const std::string& file_key) {
  std::vector<TapInfo> out;
  for (const Tap& tap : backbone.taps()) {
    TapInfo info;
    info.name = tap.name;
    info.cache_key = tap_key(file_key, tap.block, static_cast<double>(tap.timestep_asked));
    info.block = tap.block;
    info.timestep_asked = static_cast<double>(tap.timestep_asked);
    info.timestep_used = tap.timestep_used;
    info.sigma = tap.sigma;
    info.view = std::string(name_of(recipe.view));
    info.width = recipe.size.width;
    info.height = recipe.size.height;
    info.pool = recipe.pool_name;
    info.compute_dtype = std::string(name_of(recipe.compute));
    info.store_dtype = recipe.store;
    info.grid_h = tap.grid_h;
    info.grid_w = tap.grid_w;
    info.channels = tap.channels;
    out.push_back(info);
  }
  return out;
}

void add_geometry(std::vector<TapInfo>& taps, const Recipe& recipe, const Chosen& chosen,
                  const FrameCache& cache, ImageSize depth) {
  for (TapInfo& tap : taps) {
    for (const std::size_t place : chosen.frame_of_row) {
      const Affine a = cell_to_px(recipe.view, cache.size(place), recipe.size, depth,
                                  static_cast<int>(tap.grid_w), static_cast<int>(tap.grid_h));
      tap.cell_to_px.push_back({a.m[0][0], a.m[0][1], a.m[0][2], a.m[1][0], a.m[1][1], a.m[1][2]});
    }
  }
}

// The block of --block (20: the paper's) where it is among the taps, else the first.
std::string default_tap(const std::vector<Tap>& taps, std::int64_t block) {
  for (const Tap& tap : taps) {
    if (tap.block == block) return tap.name;
  }
  return taps.front().name;
}

// Which of the backbone's taps are written, in the writer's order.
std::vector<std::size_t> taps_to_write(const std::vector<TapInfo>& taps, const Plan& plan) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const auto& missing = plan.missing_taps;
    const bool asked = std::find(missing.begin(), missing.end(), taps[i].name) != missing.end();
    if (plan.decision != Decision::kAddTaps || asked) out.push_back(i);
  }
  return out;
}

std::map<std::string, std::string> provenance(const SceneSource& source, const Item& item,
                                              const Recipe& recipe) {
  return {{"version", version()},
          {"command", command_line()},
          {"host", host_name()},
          {"started", utc_now()},
          {"input", fs::absolute(item.path).string()},
          {"dialect", source.dialect},
          {"dropped_nonfinite_poses", std::to_string(source.dropped_nonfinite_poses)},
          {"device", device_name(recipe.device)},
          {"threads", std::to_string(recipe.threads)},
          {"batch", std::to_string(recipe.device.is_cuda() ? recipe.batch : 1)}};
}

}  // namespace

const Backbone& LazyBackbone::loaded() {
  if (!loaded_) {
    try {
      backbone_->load();
    } catch (const InputError& error) {
      throw ModelError(error.what());
    }
    loaded_ = true;
  }
  return *backbone_;
}

const std::string& LazyBackbone::fingerprint() {
  if (!fingerprinted_) {
    try {
      fingerprint_ = backbone_->fingerprint();
    } catch (const InputError& error) {
      throw ModelError(error.what());
    }
    fingerprinted_ = true;
  }
  return fingerprint_;
}

Outcome run_scene(const Item& item, const FeatureOptions& options, const Recipe& recipe,
                  LazyBackbone& lazy, const fs::path& output, const Context& context) {
  const SceneSource source = open_source(item.path, recipe.jpeg);
  if (source.dropped_nonfinite_poses > 0) {
    log_warn("{}: {} frames without a finite pose dropped", item.key,
             source.dropped_nonfinite_poses);
  }
  const Chosen chosen = choose(source, item, recipe);
  FrameCache cache(source, chosen.frames);
  cache.read(recipe.threads);

  const bool noisy = lazy.known().noise_size() > 0;
  FeatureHeader header;
  header.key = item.key;
  const ImageSize depth = recipe.view == View::kCenterCrop ? depth_size(source) : ImageSize{};
  header.options_json = recipe.key_options(options, item.key, source, depth, noisy);
  header.model_fp = lazy.fingerprint();
  header.input_fp = input_fingerprint(source, chosen, cache);
  header.cache_key =
      cache_key(kFeaturesSchema, header.options_json, header.model_fp, header.input_fp);
  header.default_tap = default_tap(lazy.known().taps(), options.block);
  header.seed = options.seed;
  std::vector<TapInfo> taps = tap_infos(recipe, lazy.known(), header.cache_key);
  Plan plan = decide(output, header, taps, options.overwrite);
  // Who adds taps reads the file and renames a new one over it: one at a time, or additions get
  // lost.
  std::optional<FileLock> lock;
  if (plan.decision == Decision::kAddTaps) {
    lock.emplace(output);
    plan = decide(output, header, taps, options.overwrite);
  }
  if (plan.decision == Decision::kSkip) return Outcome::kSkipped;

  const std::vector<std::size_t> wanted = taps_to_write(taps, plan);
  std::vector<TapInfo> written;
  for (const std::size_t tap : wanted) written.push_back(taps[tap]);
  const NoiseSource noise(options, recipe, item.key, lazy.known().noise_size());
  cache.decode(recipe.threads, !options.no_thumbs);
  add_geometry(written, recipe, chosen, cache, depth);
  const std::string checksum = noise.checksum(source, chosen);
  for (TapInfo& tap : written) tap.noise_xxh3 = checksum;

  const Backbone& backbone = lazy.loaded();
  header.provenance = provenance(source, item, recipe);
  std::optional<FeatureWriter> writer;
  if (plan.decision == Decision::kAddTaps)
    writer.emplace(output, header.provenance, written);
  else
    writer.emplace(output, header, frame_table(source, chosen, cache, !options.no_thumbs), written);
  {
    Progress progress(item.key, "frames", static_cast<std::int64_t>(chosen.frames.size()),
                      context.progress);
    const Job job{recipe, source, chosen, cache, noise, depth, wanted, *writer, progress};
    compute(job, backbone);
  }
  writer->finish({{"ended", utc_now()}});
  return plan.decision == Decision::kAddTaps ? Outcome::kTapsAdded : Outcome::kComputed;
}

}  // namespace vega::extract
