#include "extract/scene_job.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>

#include "base/build_info.h"
#include "base/error.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "core/device.h"
#include "extract/chosen.h"
#include "extract/compute.h"
#include "extract/frame_cache.h"
#include "extract/noise_source.h"
#include "extract/scene_input.h"
#include "run/provenance.h"
#include "scene/checks.h"
#include "scene/frame.h"
#include "scene/root.h"
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

void add_geometry(TapInfo& tap, const Tap& from, const SceneFrames& frames) {
  for (const std::size_t place : frames.chosen.frame_of_row) {
    const ImageSize size = frames.recipe.size;
    const Affine cells =
        cell_to_px(frames.recipe.view, frames.cache.size(place), size, frames.depth,
                   static_cast<int>(tap.grid_w), static_cast<int>(tap.grid_h));
    // A grid that covers only the first pixels of the picture has smaller cells than one over the
    // whole picture.
    tap.cell_to_px.push_back(from.covered == 0 ? cells
                                               : rescale_cells(cells, {from.covered, from.covered},
                                                               {size.height, size.width}));
  }
}

// The tap of --block and --timestep (20 and 300: the paper's) where it is there, else the nearest.
std::string default_tap(const std::vector<Tap>& taps, const FeatureOptions& options) {
  const auto distance = [&](const Tap& tap) {
    return std::pair(std::abs(tap.block - options.block),
                     std::abs(tap.timestep_asked - options.timestep));
  };
  return std::min_element(taps.begin(), taps.end(),
                          [&](const Tap& a, const Tap& b) { return distance(a) < distance(b); })
      ->name;
}

// Which of the backbone's taps are written, in the writer's order.
std::vector<std::size_t> taps_to_write(const std::vector<TapInfo>& taps,
                                       const RerunDecision& plan) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const auto& missing = plan.missing_taps;
    const bool asked = std::find(missing.begin(), missing.end(), taps[i].name) != missing.end();
    if (plan.decision != Decision::kAddTaps || asked) out.push_back(i);
  }
  return out;
}

// Everything that lives as long as the scene is under way.
class Scene final : public ItemWork {
 public:
  Scene(const Item& item, SceneRun& run)
      : item_(item), run_(run), output_(run.folder / (item.key + ".h5")) {}

  void prepare() override;
  bool complete() const override { return plan_.decision == Decision::kSkip; }
  void compute() override;
  void finish() override;
  double wait_s() const override { return work_.wait_s; }
  double load_s() const override { return load_s_; }
  std::string output() const override { return output_.string(); }
  void describe(ItemReport& report) const override;

 private:
  void open();
  void tell_turned() const;
  void tell_bright() const;
  bool turned() const { return cache_->turned() > 0 && follows_exif(source_); }
  void decode();
  void check_pictures();
  void describe_taps();
  SceneFrames frames() const { return {run_.recipe, source_, chosen_, *cache_, *noise_, depth_}; }
  Provenance provenance() const;

  const Item item_;
  SceneRun& run_;
  fs::path output_;
  Findings findings_{Findings::AtError::kThrow};
  SceneSource source_;
  Chosen chosen_;
  ImageSize depth_;
  std::int64_t left_out_ = 0;  // frames that could not be decoded
  bool decoded_ = false;
  std::optional<FrameCache> cache_;
  std::optional<NoiseSource> noise_;
  FeatureHeader header_;
  std::vector<TapInfo> taps_;        // all that were asked for
  std::vector<std::size_t> wanted_;  // of them, those that are computed
  std::vector<TapInfo> written_;
  RerunDecision plan_;
  std::optional<FileLock> lock_;
  std::unique_ptr<BatchFeed> feed_;
  std::optional<FeatureWriter> writer_;
  Work work_;
  double load_s_ = 0;
};

void Scene::open() {
  source_ = open_source(scene_path(item_, run_.options), run_.recipe.source, findings_);
  check_alignment(source_, findings_);
  chosen_ = choose(source_, item_, run_.recipe);
  cache_.emplace(source_, chosen_.frames);
  cache_->read(run_.recipe.threads);
  tell_turned();
  depth_ = run_.recipe.view == View::kCenterCrop ? depth_size(source_) : ImageSize{};
}

// A picture that was turned, or that lies on its side beside others, is worth a word.
void Scene::tell_turned() const {
  const std::int64_t count = cache_->turned();
  const std::size_t all = chosen_.frames.size();
  if (turned()) {
    log_info("{}: {} of {} pictures are turned upright, as their EXIF data say", item_.key, count,
             all);
  } else if (count > 0 && run_.recipe.source.exif) {
    log_warn(
        "{}: {} of {} pictures have EXIF data that say to turn them; they are taken as stored, for "
        "which poses and intrinsics hold",
        item_.key, count, all);
  }
}

// The one scene for which --compat reference is not the release's number (docs/frames.md).
void Scene::tell_bright() const {
  const View view = run_.recipe.view;
  const bool square = view == View::kMllm || view == View::kCenterCrop;
  if (!square || run_.options.compat != "reference" || run_.backbone.known().noise_size() == 0)
    return;
  for (std::size_t place = 0; place < chosen_.frames.size(); ++place) {
    if (!above_mid_grey(cache_->image(place), view, depth_)) return;
  }
  log_warn(
      "{}: no pixel of its {} frames is below mid-grey: the released code would take them for "
      "another range and see them darker; here they are as every other picture",
      item_.key, chosen_.frames.size());
}

// Frames that cannot be decoded leave here, where that is wanted.
void Scene::decode() {
  if (decoded_) return;
  decoded_ = true;
  const bool skip = run_.recipe.source.on_decode_error == OnDecodeError::kSkip;
  const auto lost = cache_->decode(run_.recipe.threads, !run_.options.no_thumbs, skip);
  check_pictures();
  if (lost.empty()) return;
  const auto all = chosen_.frames.size();
  if (lost.size() == all) {
    throw FormatError(explain(source_.root.string(), "none of the " + std::to_string(all) +
                                                         " selected frames can be decoded"));
  }
  cache_->drop(lost);
  chosen_.drop(lost);
  left_out_ = static_cast<std::int64_t>(lost.size());
  log_warn("{}: {} of {} selected frames left out (they cannot be decoded)", item_.key, left_out_,
           all);
}

// What only the pictures tell.
void Scene::check_pictures() {
  std::vector<ImageSize> sizes(source_.frames.size());
  for (std::size_t place = 0; place < chosen_.frames.size(); ++place)
    sizes[chosen_.frames[place]] = cache_->size(place);
  check_sizes(source_, sizes, findings_);
  check_cameras(source_, usual_size(sizes), {}, findings_);
}

void Scene::prepare() {
  open();
  // What is left out counts for the key, and only decoding tells.
  if (run_.recipe.source.on_decode_error == OnDecodeError::kSkip) decode();
  const Backbone& backbone = run_.backbone.known();
  header_.key = item_.key;
  header_.options_json = run_.recipe.key_options(run_.options, item_.key, source_, depth_,
                                                 backbone.noise_size() > 0, turned());
  header_.model_fp = run_.backbone.fingerprint();
  header_.input_fp = input_fingerprint(source_, chosen_, *cache_);
  header_.cache_key =
      cache_key(kFeaturesSchema, header_.options_json, header_.model_fp, header_.input_fp);
  header_.default_tap = default_tap(backbone.taps(), run_.options);
  header_.seed = run_.options.seed;
  taps_ = tap_infos(run_.recipe, backbone, header_.cache_key);
  plan_ = decide(output_, header_, taps_, run_.options.overwrite);
  // Adding taps rewrites the file and renames it. Two processes doing this at once would lose one
  // addition, so the lock comes first.
  if (plan_.decision == Decision::kAddTaps) {
    lock_.emplace(output_);
    plan_ = decide(output_, header_, taps_, run_.options.overwrite);
  }
  if (!complete()) decode();
  findings_.log(item_.key, source_.root.string());
  if (complete()) return;
  tell_bright();
  describe_taps();
  if (run_.recipe.device.is_cuda())
    feed_ = std::make_unique<BatchFeed>(frames(), 0, run_.batching.size(frames().count()), true);
}

void Scene::describe_taps() {
  noise_.emplace(run_.options, run_.recipe, item_.key, run_.backbone.known().noise_size());
  wanted_ = taps_to_write(taps_, plan_);
  for (const std::size_t tap : wanted_) {
    written_.push_back(taps_[tap]);
    add_geometry(written_.back(), run_.backbone.known().taps()[tap], frames());
  }
  const std::string checksum = noise_->checksum(source_, chosen_);
  for (TapInfo& tap : written_) tap.noise_xxh3 = checksum;
}

void Scene::compute() {
  const auto begun = std::chrono::steady_clock::now();
  Backbone& backbone = run_.backbone.loaded();
  load_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  header_.provenance = provenance();
  if (plan_.decision == Decision::kAddTaps)
    writer_.emplace(output_, header_.provenance, written_);
  else
    writer_.emplace(
        output_, header_, frame_table(source_, chosen_, *cache_, !run_.options.no_thumbs), written_,
        plan_.decision == Decision::kOverwrite ? OtherTaps::kReplace : OtherTaps::kKeep);
  const auto passes = backbone.passes(wanted_).size();
  Progress progress(item_.key, passes > 1 ? "frame passes" : "frames",
                    static_cast<std::int64_t>(chosen_.frames.size() * passes), run_.progress);
  Job job{frames(), wanted_, *writer_, progress, std::move(feed_)};
  work_ = extract::compute(job, backbone, run_.batching);
  if (wanted_.size() > 1) {
    log_info("{}: {} frames encoded once, {} pass{} over them, {} taps", item_.key, work_.encoded,
             work_.passes, work_.passes == 1 ? "" : "es", wanted_.size());
  }
}

void Scene::finish() {
  cache_->release();
  writer_->finish({{"ended", utc_now()},
                   {"batch", std::to_string(work_.batch)},
                   {"batch_halvings", std::to_string(work_.halvings)},
                   {"encoded_frames", std::to_string(work_.encoded)},
                   {"passes", std::to_string(work_.passes)}});
  writer_.reset();
  lock_.reset();
}

Provenance Scene::provenance() const {
  return vega::provenance(
      {{"input", fs::absolute(source_.root).string()},
       {"dialect", source_.dialect},
       {"dropped_nonfinite_poses", std::to_string(source_.dropped_nonfinite_poses)},
       {"left_out_undecodable", std::to_string(left_out_)},
       {"device", device_name(run_.recipe.device)},
       {"threads", std::to_string(run_.recipe.threads)}});
}

void Scene::describe(ItemReport& report) const {
  report.numbers["frames"] = static_cast<double>(chosen_.frame_of_row.size());
  if (complete()) {
    report.outcome = Outcome::kComplete;
    return;
  }
  report.outcome = plan_.decision == Decision::kAddTaps ? Outcome::kTapsAdded : Outcome::kWritten;
  report.numbers["taps"] = static_cast<double>(wanted_.size());
  report.numbers["encoded_frames"] = static_cast<double>(work_.encoded);
  report.numbers["passes"] = static_cast<double>(work_.passes);
  report.numbers["batch"] = static_cast<double>(work_.batch);
  report.numbers["batch_halvings"] = static_cast<double>(work_.halvings);
  report.numbers["left_out_undecodable"] = static_cast<double>(left_out_);
  report.numbers["dropped_nonfinite_poses"] = static_cast<double>(source_.dropped_nonfinite_poses);
  const auto decoded = source_.container ? source_.container->decoded_frames() : -1;
  if (decoded >= 0) report.numbers["video_frames_decoded"] = static_cast<double>(decoded);
  std::error_code code;
  if (const auto bytes = fs::file_size(output_, code); !code)
    report.numbers["output_bytes"] = static_cast<double>(bytes);
}

}  // namespace

Backbone& LazyBackbone::loaded() {
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
  const std::lock_guard held(mutex_);
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

fs::path scene_path(const Item& item, const FeatureOptions& options) {
  return options.root.empty() ? item.path : find_scene(options.root, item.path.string());
}

std::unique_ptr<ItemWork> make_scene(const Item& item, SceneRun& run) {
  return std::make_unique<Scene>(item, run);
}

}  // namespace vega::extract
