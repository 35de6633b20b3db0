#include "extract/scene_job.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <optional>

#include "base/build_info.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "core/device.h"
#include "extract/frame_cache.h"
#include "extract/prefetch.h"
#include "scene/frame.h"
#include "scene/source.h"
#include "store/cache_key.h"
#include "store/decide.h"
#include "store/features.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// The frames of a scene in the order of use; a frame that is used twice is computed once.
struct Chosen {
  std::vector<std::size_t> frames;             // indices into the source, distinct
  std::vector<std::vector<std::size_t>> rows;  // rows of the output that each of them fills
  std::vector<std::size_t> frame_of_row;       // index into `frames`
};

Chosen choose(const SceneSource& source, const Item& item, const Recipe& recipe) {
  std::vector<std::size_t> indices;
  if (recipe.selection.kind == SelectKind::kFrames) {
    const FeatureReader other(recipe.selection.path / (item.key + ".h5"));
    indices = select_ids(source, other.frames().id, other.path().string());
  } else {
    indices = select_frames(source, recipe.candidates, recipe.selection);
  }
  Chosen chosen;
  std::map<std::size_t, std::size_t> place;
  for (std::size_t row = 0; row < indices.size(); ++row) {
    const auto [at, fresh] = place.emplace(indices[row], chosen.frames.size());
    if (fresh) {
      chosen.frames.push_back(indices[row]);
      chosen.rows.emplace_back();
    }
    chosen.rows[at->second].push_back(row);
    chosen.frame_of_row.push_back(at->second);
  }
  return chosen;
}

std::string input_fingerprint(const SceneSource& source, const Chosen& chosen,
                              const FrameCache& cache) {
  InputFingerprint print;
  for (const std::size_t place : chosen.frame_of_row) {
    const FrameRef& frame = source.frames[chosen.frames[place]];
    print.add_frame(frame.id, cache.encoded(place),
                    frame.world_from_cam ? &*frame.world_from_cam : nullptr);
  }
  return print.hex();
}

// Noise of one frame as the recipe says.
class Noise {
 public:
  Noise(const FeatureOptions& o, const Recipe& r, std::string scene, std::int64_t size)
      : recipe_(r),
        seed_(static_cast<std::uint64_t>(o.seed)),
        scene_(std::move(scene)),
        size_(size) {
    if (r.noise != NoiseKind::kStored || size == 0) return;
    const auto& stored = *r.stored_noise;
    if (stored.channels * stored.height * stored.width != size) {
      throw InputError(explain(o.noise,
                               to_string(Shape{stored.channels, stored.height, stored.width}),
                               "(16, " + std::to_string(r.size.height / 8) + ", " +
                                   std::to_string(r.size.width / 8) + ")",
                               "store noise for this --size"));
    }
  }

  std::int64_t size() const { return size_; }
  void fill(std::int64_t frame_id, std::span<float> out) const {
    if (recipe_.noise == NoiseKind::kV1) noise_v1(seed_, scene_, frame_id, out);
    if (recipe_.noise == NoiseKind::kZero) std::fill(out.begin(), out.end(), 0.0F);
    if (recipe_.noise == NoiseKind::kStored)
      std::copy_n(recipe_.stored_noise->frame(frame_id), out.size(), out.begin());
  }

 private:
  const Recipe& recipe_;
  std::uint64_t seed_;
  std::string scene_;
  std::int64_t size_;
};

// Checksum of the noise of all rows, hashed frame by frame.
std::string noise_checksum(const SceneSource& source, const Chosen& chosen, const Noise& noise,
                           int threads) {
  if (noise.size() == 0) return "";
  std::vector<std::string> each(chosen.frames.size());
  parallel_for(chosen.frames.size(), threads, [&](std::size_t i) {
    std::vector<float> eps(static_cast<std::size_t>(noise.size()));
    noise.fill(source.frames[chosen.frames[i]].id, eps);
    each[i] = xxh3_hex(std::as_bytes(std::span(eps)));
  });
  Hasher all;
  for (const std::size_t place : chosen.frame_of_row) all.field(each[place]);
  return all.hex();
}

FrameTable frame_table(const SceneSource& source, const Chosen& chosen, const FrameCache& cache,
                       bool thumbs) {
  FrameTable table;
  std::array<double, 16> no_pose{};
  std::array<double, 9> no_camera{};
  no_pose.fill(kUnknown);
  no_camera.fill(kUnknown);
  for (const std::size_t place : chosen.frame_of_row) {
    const FrameRef& frame = source.frames[chosen.frames[place]];
    table.id.push_back(frame.id);
    table.time_s.push_back(frame.time_s);
    table.world_from_cam.push_back(frame.world_from_cam.value_or(no_pose));
    table.K_color.push_back(source.K_color.value_or(no_camera));
    table.size_color.push_back({cache.size(place).height, cache.size(place).width});
    if (thumbs) table.thumb_jpeg.push_back(cache.thumb(place));
  }
  return table;
}

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

// Everything that the steps of one scene share.
struct Job {
  const Recipe& recipe;
  const SceneSource& source;
  const Chosen& chosen;
  const FrameCache& cache;
  const Noise& noise;
  ImageSize depth;
  const std::vector<std::size_t>&
      taps;  // taps of the backbone that are written, in the writer's order
  FeatureWriter& writer;
  Progress& progress;

  // Pixels (3, H, W) and noise of one frame, written in place.
  void prepare(std::size_t place, float* pixels, float* eps) const {
    const SignedImage seen = apply_view(cache.image(place), recipe.view, recipe.size, depth);
    std::copy(seen.chw.begin(), seen.chw.end(), pixels);
    if (noise.size() > 0) {
      noise.fill(source.frames[chosen.frames[place]].id,
                 {eps, static_cast<std::size_t>(noise.size())});
    }
  }

  // What cannot be stored as a finite number is an error, not a feature.
  void check_values(std::size_t place, std::size_t tap, std::span<const float> values) const {
    const float most = recipe.store == DType::kF16 ? 65504.0F : 3.38e38F;
    for (const float value : values) {
      if (std::abs(value) <= most) continue;
      const std::int64_t id = source.frames[chosen.frames[place]].id;
      throw InputError(
          explain("frame " + std::to_string(id) + ", tap " + std::to_string(tap),
                  "the value " + std::to_string(value),
                  "finite " + std::string(name_of(recipe.store)) + " numbers",
                  "try --store-dtype fp32 and --dtype fp32; else the weights are broken"));
    }
  }

  void put(std::size_t place, const std::vector<at::Tensor>& out, std::int64_t n) const {
    for (std::size_t tap = 0; tap < taps.size(); ++tap) {
      const at::Tensor one = out[taps[tap]][n].contiguous();
      const std::span values(one.const_data_ptr<float>(), static_cast<std::size_t>(one.numel()));
      check_values(place, tap, values);
      for (const std::size_t row : chosen.rows[place]) writer.put_f32(tap, row, values);
    }
    progress.add();
  }
};

// CPU: one frame a worker, one intra-op thread each; bits do not depend on the number of workers.
void compute_on_cpu(const Job& job, const Backbone& backbone) {
  const auto body = [&](std::size_t place) {
    at::Tensor pixels =
        at::empty({1, 3, job.recipe.size.height, job.recipe.size.width}, at::kFloat);
    at::Tensor eps = at::empty({1, job.noise.size()}, at::kFloat);
    job.prepare(place, pixels.data_ptr<float>(), eps.data_ptr<float>());
    job.put(place, backbone.run(pixels, eps), 0);
  };
  parallel_for(job.chosen.frames.size(), job.recipe.threads, body, [] { at::set_num_threads(1); });
}

// CUDA: workers prepare batches ahead of the device; the last batch is padded so that every batch
// has one size.
void compute_on_cuda(const Job& job, const Backbone& backbone) {
  const auto total = job.chosen.frames.size();
  const auto batch = static_cast<std::size_t>(job.recipe.batch);
  struct Batch {
    at::Tensor pixels, eps;
  };
  const auto make = [&](std::size_t index) {
    const auto n = static_cast<std::int64_t>(batch);
    Batch made{at::zeros({n, 3, job.recipe.size.height, job.recipe.size.width}, at::kFloat),
               at::zeros({n, job.noise.size()}, at::kFloat)};
    const auto frame = static_cast<std::size_t>(made.pixels.stride(0));
    for (std::size_t i = 0; i < batch && index * batch + i < total; ++i) {
      job.prepare(index * batch + i, made.pixels.data_ptr<float>() + i * frame,
                  made.eps.data_ptr<float>() + i * static_cast<std::size_t>(job.noise.size()));
    }
    return made;
  };
  Prefetch<Batch> batches((total + batch - 1) / batch, std::min(job.recipe.threads, 8), make);
  for (std::size_t first = 0; first < total; first += batch) {
    const Batch now = batches.next();
    const std::vector<at::Tensor> out = backbone.run(now.pixels, now.eps);
    for (std::size_t i = 0; i < batch && first + i < total; ++i)
      job.put(first + i, out, static_cast<std::int64_t>(i));
  }
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
  const SceneSource source = open_source(item.path);
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
  header.options_json = recipe.key_options(options, item.key, depth, noisy);
  header.model_fp = lazy.fingerprint();
  header.input_fp = input_fingerprint(source, chosen, cache);
  header.cache_key =
      cache_key(kFeaturesSchema, header.options_json, header.model_fp, header.input_fp);
  header.default_tap = lazy.known().taps().front().name;
  header.seed = options.seed;
  std::vector<TapInfo> taps = tap_infos(recipe, lazy.known(), header.cache_key);
  const Plan plan = decide(output, header, taps, options.overwrite);
  if (plan.decision == Decision::kSkip) return Outcome::kSkipped;

  // Which of the backbone's taps are written, in the writer's order.
  std::vector<std::size_t> wanted;
  std::vector<TapInfo> written;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const auto& missing = plan.missing_taps;
    if (plan.decision == Decision::kAddTaps &&
        std::find(missing.begin(), missing.end(), taps[i].name) == missing.end()) {
      continue;
    }
    wanted.push_back(i);
    written.push_back(taps[i]);
  }
  const Noise noise(options, recipe, item.key, lazy.known().noise_size());
  cache.decode(recipe.threads, !options.no_thumbs);
  add_geometry(written, recipe, chosen, cache, depth);
  const std::string checksum = noise_checksum(source, chosen, noise, recipe.threads);
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
    if (recipe.device.is_cuda())
      compute_on_cuda(job, backbone);
    else
      compute_on_cpu(job, backbone);
  }
  writer->finish({{"ended", utc_now()}});
  return plan.decision == Decision::kAddTaps ? Outcome::kTapsAdded : Outcome::kComputed;
}

}  // namespace vega::extract
