// The features of one scene, from opening it to publishing its file. The steps share the state of
// one item of work, and so one file of over 400 lines.
#include "extract/feature_work.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/build_info.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "core/device.h"
#include "extract/chosen_frames.h"
#include "extract/compute.h"
#include "extract/noise_source.h"
#include "extract/scene_input.h"
#include "media/view.h"
#include "models/backbone.h"
#include "run/provenance.h"
#include "scene/frame.h"
#include "scene/root.h"
#include "store/cache_key.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kSamples = 4;  // frames on which a dry run measures time

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
    info.pool = recipe.pool.name;
    info.compute_dtype = std::string(name_of(recipe.compute));
    info.store_dtype = recipe.store_dtype;
    info.grid_h = tap.grid_h;
    info.grid_w = tap.grid_w;
    info.channels = tap.channels;
    out.push_back(info);
  }
  return out;
}

void add_geometry(TapInfo& tap, const Tap& from, const NetworkInput& input) {
  const ImageSize size = input.recipe.size;
  for (const std::size_t place : input.frames.place_of_row()) {
    const Affine cells = cell_to_px(input.recipe.view, input.frames.size(place), size, input.depth,
                                    static_cast<int>(tap.grid_w), static_cast<int>(tap.grid_h));
    // A grid that covers only the first pixels of the picture has smaller cells than one over the
    // whole picture.
    tap.cell_to_px.push_back(from.covered == 0 ? cells
                                               : rescale_cells(cells, {from.covered, from.covered},
                                                               {size.height, size.width}));
  }
}

// The tap of --block and --timestep (or the model's own) where it is there, else the nearest.
std::string default_tap(const std::vector<Tap>& taps, const Recipe& recipe) {
  const auto distance = [&](const Tap& tap) {
    return std::pair(std::abs(tap.block - recipe.block),
                     std::abs(tap.timestep_asked - recipe.timestep));
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

// The key of a model, as a complete file that exists has it; empty: there is none.
std::string model_of(const fs::path& path) {
  try {
    return FeatureReader(path).header().model_fp;
  } catch (const InputError&) {
    return {};
  }
}

class FeatureWork final : public ItemWork {
 public:
  FeatureWork(const Item& item, FeatureRun& run, Findings::AtError at_error)
      : item_(item),
        run_(run),
        recipe_(run.recipe),
        output_(run.folder / (item.key + ".h5")),
        findings_(at_error) {}

  void prepare() override;
  bool complete() const override { return plan_.decision == Decision::kSkip; }
  void compute() override;
  void finish() override;
  double wait_s() const override { return work_.wait_s; }
  bool counts_all_waits() const override { return recipe_.device.is_cuda(); }
  double load_s() const override { return load_s_; }
  std::string output() const override { return output_.string(); }
  void describe(ItemReport& report) const override;

  DryScene look(const Machine& machine);

 private:
  void look_ahead(const Machine& machine, DryScene& scene);
  bool skips() const { return recipe_.source.on_decode_error == OnDecodeError::kSkip; }
  bool turned() const { return frames_->any_turned() && follows_exif(source_); }
  void open();
  void decode(bool with_thumbs, Progress* progress = nullptr);
  void check_pictures();
  void identify(const std::string& model_fp);
  void describe_taps();
  void check_sizes() const;
  void warn_of_bright() const;
  void measure_fp8(Backbone& backbone);
  FrameSample measure_frames() const;
  Forecast forecast(const Machine& machine, const FramesSummary& seen) const;
  NetworkInput input() const { return {recipe_, *frames_, *noise_, depth_}; }
  Provenance provenance() const;

  const Item item_;
  FeatureRun& run_;
  const Recipe& recipe_;
  const fs::path output_;
  Findings findings_;
  SceneSource source_;
  ImageSize depth_;
  std::optional<ChosenFrames> frames_;
  std::vector<FrameSeen> seen_;  // of the source's frames; empty before decode()
  std::int64_t left_out_ = 0;    // frames that could not be decoded
  std::optional<NoiseSource> noise_;
  FeatureHeader header_;
  std::vector<TapInfo> taps_;        // all that were asked for
  std::vector<std::size_t> wanted_;  // of them, those that are computed
  std::vector<TapInfo> written_;
  RerunDecision plan_;
  std::optional<FileLock> lock_;
  std::unique_ptr<BatchFeed> feed_;
  std::optional<FeatureWriter> writer_;
  ComputeWork work_;
  double load_s_ = 0;
  bool measured_fp8_ = false;   // on this scene's first frame
  Backlog storing_{kUnstored};  // last: it uses the others
};

void FeatureWork::open() {
  findings_.attempt("frames", item_.path.string(), [&] {
    source_.root = find_scene(recipe_.root, item_.path);
    source_ = open_source(source_.root, recipe_.source, findings_);
  });
  if (source_.frames.empty()) return;
  const std::string where = source_.root.string();
  check_alignment(source_, findings_);
  findings_.attempt("frames", where, [&] {
    frames_.emplace(source_, selected_rows(source_, item_.key, recipe_.candidates, recipe_.select));
  });
  // Depth decides the picture of one view only.
  if (recipe_.view == View::kCenterCrop)
    findings_.attempt("depth", where, [&] { depth_ = depth_size(source_); });
  if (frames_) frames_->read(recipe_.threads);
}

void FeatureWork::decode(bool with_thumbs, Progress* progress) {
  if (!seen_.empty()) return;
  seen_ = unseen_frames(source_, frames_->indices());
  frames_->decode(recipe_.threads, with_thumbs, seen_, progress);
}

// Frames that cannot be decoded are an error, or leave here where that is wanted.
void FeatureWork::check_pictures() {
  const auto lost = check_frames(source_, seen_, {.skip_broken = skips()}, findings_);
  if (!skips() || lost.empty()) return;
  frames_->drop(lost);
  left_out_ = std::ssize(lost);
}

// Keys, and what there is to do. Throws RefusedError, FormatError.
void FeatureWork::identify(const std::string& model_fp) {
  const Backbone& backbone = run_.backbone.known();
  header_.key = item_.key;
  header_.options_json =
      recipe_.key_options(item_.key, source_, depth_, backbone.noise_size() > 0, turned());
  header_.model_fp = model_fp;
  header_.input_fp = frames_->fingerprint();
  header_.cache_key =
      cache_key(kFeaturesSchema, header_.options_json, header_.model_fp, header_.input_fp);
  header_.default_tap = default_tap(backbone.taps(), recipe_);
  header_.seed = recipe_.seed;
  taps_ = tap_infos(recipe_, backbone, header_.cache_key);
  plan_ = decide(output_, header_, taps_, recipe_.output.overwrite);
}

void FeatureWork::prepare() {
  open();
  // Frames that are left out change the key, and only decoding shows which ones they are.
  if (skips()) {
    decode(recipe_.thumbs);
    check_pictures();
  }
  identify(run_.backbone.fingerprint());
  // Adding taps rewrites the file and renames it. Two processes doing this at once would lose one
  // addition, so the lock comes first.
  if (plan_.decision == Decision::kAddTaps) {
    lock_.emplace(output_);
    plan_ = decide(output_, header_, taps_, recipe_.output.overwrite);
  }
  if (!complete() && !skips()) {
    decode(recipe_.thumbs);
    check_pictures();
  }
  findings_.log(item_.key, source_.root.string());
  if (complete()) return;
  check_sizes();
  warn_of_bright();
  describe_taps();
  if (recipe_.device.is_cuda())
    feed_ = std::make_unique<BatchFeed>(input(), 0, run_.batching.size(frames_->count()),
                                        run_.backbone.known().pixel_type());
}

// A backbone that takes pictures as they are has one size of them.
void FeatureWork::check_sizes() const {
  if (!backbone_entry(recipe_.backbone).defaults.as_it_is) return;
  for (std::size_t place = 0; place < frames_->count(); ++place) {
    const ImageSize frame = frames_->picture(place).size(), shown = plan_spatial(frame).cut;
    if (shown == recipe_.size) continue;
    throw InputError(
        explain(fmt::format("{}: frame {}", source_.root.string(), frames_->id(place)),
                fmt::format("{}, of which {} is shown", to_string(frame), to_string(shown)),
                to_string(recipe_.size) + ", --size",
                "scenes whose frames have another shape need a run of their own: "
                "--size " +
                    to_string(shown)));
  }
}

// Warns of a scene without a pixel below mid-grey: only its features differ from the release's with
// --compat reference (docs/frames.md).
void FeatureWork::warn_of_bright() const {
  const bool square = recipe_.view == View::kMllm || recipe_.view == View::kCenterCrop;
  if (!square || recipe_.compat != Compat::kReference || run_.backbone.known().noise_size() == 0)
    return;
  for (std::size_t place = 0; place < frames_->count(); ++place) {
    if (!above_mid_grey(frames_->picture(place), recipe_.view, depth_)) return;
  }
  log_warn(
      "{}: no pixel of its {} frames is below mid-grey: the released code would take them for "
      "another range and see them darker; here they are as every other picture",
      item_.key, frames_->count());
}

void FeatureWork::describe_taps() {
  noise_.emplace(recipe_, item_.key, run_.backbone.known().noise_size());
  wanted_ = taps_to_write(taps_, plan_);
  for (const std::size_t tap : wanted_) {
    written_.push_back(taps_[tap]);
    add_geometry(written_.back(), run_.backbone.known().taps()[tap], input());
  }
  const std::string checksum = noise_->checksum(*frames_);
  for (TapInfo& tap : written_) tap.noise_xxh3 = checksum;
}

// Once a run, on its first frame. Where the device has no room for it nothing is stated.
void FeatureWork::measure_fp8(Backbone& backbone) {
  try {
    run_.precision = measure_precision(input(), backbone, wanted_);
  } catch (const DeviceMemoryError& error) {
    run_.precision.emplace();
    empty_cache(recipe_.device);
    log_warn("--precision fp8: its error is not measured: {}", error.what());
    return;
  }
  measured_fp8_ = true;
  log_info("--precision fp8: distance from float32 of the features of frame {} of {}: {}",
           run_.precision->frame, item_.key, run_.precision->text());
}

void FeatureWork::compute() {
  // Until the first scene computes nobody has told the device to do anything.
  const double unused_s = run_.lane.used() ? 0 : seconds_since(run_.begun);
  const auto begun = Clock::now();
  Backbone& backbone = run_.backbone.loaded();
  load_s_ = seconds_since(begun);
  if (recipe_.precision == Precision::kFp8 && !run_.precision) measure_fp8(backbone);
  header_.provenance = provenance();
  if (plan_.decision == Decision::kAddTaps)
    writer_.emplace(output_, header_.provenance, written_);
  else
    writer_.emplace(
        output_, header_, frames_->table(recipe_.thumbs), written_,
        plan_.decision == Decision::kOverwrite ? OtherTaps::kReplace : OtherTaps::kKeep);
  const auto passes = backbone.passes(wanted_).size();
  Progress progress(item_.key, passes > 1 ? "frame passes" : "frames",
                    static_cast<std::int64_t>(frames_->count() * passes), run_.progress);
  ComputeJob job{input(), wanted_, *writer_, progress, run_.lane, storing_, std::move(feed_)};
  work_ = extract::compute(job, backbone, run_.batching);
  if (recipe_.device.is_cuda()) work_.wait_s = unused_s;
  if (wanted_.size() > 1) {
    log_info("{}: {} frames encoded once, {} pass{} over them, {} taps", item_.key, work_.encoded,
             work_.passes, work_.passes == 1 ? "" : "es", wanted_.size());
  }
}

void FeatureWork::finish() {
  frames_->release();
  storing_.finish();
  if (recipe_.device.is_cuda()) work_.wait_s += work_.times.idle_s();
  writer_->finish({{"ended", utc_now()},
                   {"batch", std::to_string(work_.batch)},
                   {"batch_halvings", std::to_string(work_.halvings)},
                   {"encoded_frames", std::to_string(work_.encoded)},
                   {"passes", std::to_string(work_.passes)}});
  writer_.reset();
  lock_.reset();
}

Provenance FeatureWork::provenance() const {
  Provenance facts{{"input", fs::absolute(source_.root).string()},
                   {"dialect", source_.dialect},
                   {"dropped_nonfinite_poses", std::to_string(source_.dropped_nonfinite_poses)},
                   {"left_out_undecodable", std::to_string(left_out_)},
                   {"device", device_name(recipe_.device)},
                   {"threads", std::to_string(recipe_.threads)}};
  if (measured_fp8_) facts["precision_error"] = run_.precision->text();
  return vega::provenance(std::move(facts));
}

void FeatureWork::describe(ItemReport& report) const {
  report.numbers["frames"] = static_cast<double>(frames_->row_count());
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
  report.numbers["latents_on_host"] = static_cast<double>(work_.on_host);
  if (recipe_.device.is_cuda()) report.compute_s = work_.times.busy_s();
  if (measured_fp8_) {
    report.numbers["fp8_error"] = run_.precision->taps.back().fp8;
    report.numbers["bf16_error"] = run_.precision->taps.back().bf16;
  }
  report.numbers["left_out_undecodable"] = static_cast<double>(left_out_);
  report.numbers["dropped_nonfinite_poses"] = static_cast<double>(source_.dropped_nonfinite_poses);
  const auto decoded = source_.container ? source_.container->decoded_frames() : -1;
  if (decoded >= 0) report.numbers["video_frames_decoded"] = static_cast<double>(decoded);
  std::error_code code;
  if (const auto bytes = fs::file_size(output_, code); !code)
    report.numbers["output_bytes"] = static_cast<double>(bytes);
}

// The mean of a few frames, spread over those that can be decoded. Throws InputError: the view does
// not fit the pictures.
FrameSample FeatureWork::measure_frames() const {
  std::vector<std::size_t> good;
  for (std::size_t place = 0; place < frames_->count(); ++place) {
    if (frames_->size(place).width > 0) good.push_back(place);
  }
  const std::size_t step = std::max<std::size_t>(1, good.size() / kSamples);
  const auto count = static_cast<double>((good.size() + step - 1 - step / 2) / step);
  FrameSample mean;
  for (std::size_t n = step / 2; n < good.size(); n += step) {
    const FrameSample one =
        measure_frame(frames_->picture(good[n]), recipe_, run_.backbone.known(), depth_);
    mean.size = one.size;
    mean.view += one.view / count;
    mean.thumb += one.thumb / count;
    mean.thumb_bytes += one.thumb_bytes / count;
  }
  return mean;
}

Forecast FeatureWork::forecast(const Machine& machine, const FramesSummary& seen) const {
  FrameSample sample = measure_frames();
  sample.decode = seen.decode_seconds;
  sample.encoded_bytes = seen.encoded_bytes;
  sample.decode_in_order = source_.container && source_.container->ordered();
  Workload work;
  work.frames = static_cast<std::int64_t>(frames_->count());
  work.rows = static_cast<std::int64_t>(frames_->row_count());
  work.taps = wanted_;
  work.thumbs = recipe_.thumbs;
  std::error_code code;
  const auto bytes = fs::file_size(output_, code);
  if (plan_.decision == Decision::kAddTaps && !code)
    work.existing_bytes = static_cast<double>(bytes);
  return forecast_features(work, sample, recipe_, run_.backbone.known(), machine);
}

// Checks stored noise, compares the output that exists, and forecasts what is left to do.
void FeatureWork::look_ahead(const Machine& machine, DryScene& scene) {
  const Backbone& backbone = run_.backbone.known();
  if (recipe_.noise.kind == NoiseKind::kStored) {
    scene.findings.attempt("noise", recipe_.noise.text, [&] {
      NoiseSource(recipe_, item_.key, backbone.noise_size()).checksum(*frames_);
    });
  }
  compare_output(scene, recipe_.output.overwrite, [&] {
    identify(model_of(output_));
    return plan_.decision;
  });
  taps_ = tap_infos(recipe_, backbone, "");
  if (!complete()) wanted_ = taps_to_write(taps_, plan_);
  for (const std::size_t tap : wanted_) scene.taps.push_back(taps_[tap].name);
  scene.findings.attempt("color", scene.input,
                         [&] { scene.forecast = forecast(machine, scene.frames); });
}

DryScene FeatureWork::look(const Machine& machine) {
  DryScene scene;
  scene.key = item_.key;
  scene.output = output_.string();
  source_.root = item_.path;
  open();
  scene.input = source_.root.string();
  scene.dialect = source_.dialect;
  scene.found = source_.found;
  if (!source_.frames.empty()) {
    const auto every = recipe_.candidates.value_or(usual_candidates(source_)).every;
    scene.usable = std::count_if(source_.frames.begin(), source_.frames.end(),
                                 [&](const FrameRef& frame) { return frame.id % every == 0; });
    const bool selected = frames_.has_value();
    if (!selected) frames_.emplace(source_, std::vector<std::size_t>{});
    const std::vector<std::size_t> used = frames_->indices();
    {
      Progress progress(item_.key, "frames", std::ssize(used), run_.progress);
      decode(false, &progress);
    }
    measure_depths(source_, used, recipe_.threads, seen_);
    glance_at_others(source_, recipe_.threads, seen_);
    check_pictures();
    scene.frames = summarize_frames(seen_);
    scene.findings = std::move(findings_);
    count_frames(scene, frames_->row_count(), frames_->count());
    if (selected && frames_->count() > 0) look_ahead(machine, scene);
  } else {
    scene.findings = std::move(findings_);
  }
  return scene;
}

}  // namespace

std::unique_ptr<ItemWork> make_feature_work(const Item& item, FeatureRun& run) {
  return std::make_unique<FeatureWork>(item, run, Findings::AtError::kThrow);
}

DryScene look_at_features(const Item& item, FeatureRun& run, const Machine& machine) {
  return FeatureWork(item, run, Findings::AtError::kCollect).look(machine);
}

}  // namespace vega::extract
