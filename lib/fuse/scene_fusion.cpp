#include "fuse/scene_fusion.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <mutex>

#include "base/build_info.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/key.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "core/device.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "fusion/features.h"
#include "fusion/streams.h"
#include "geometry/patches.h"
#include "store/cache_key.h"

namespace vega::fuse {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kSettle = 32;  // frames whose object sums are kept at a time

// As (frames, cells, channels) float32 on the CPU; frames beyond the end are 0.
at::Tensor read_tensor(const FeatureReader& file, std::size_t tap, std::size_t first,
                       std::size_t count, std::size_t padded) {
  const TapInfo& info = file.taps()[tap];
  std::vector<float> values = read_finite(file, tap, first, count);
  values.resize(values.size() / count * padded);
  return float_tensor(
      values, {static_cast<std::int64_t>(padded), info.grid_h * info.grid_w, info.channels});
}

// The first `count` frames as float32 on the CPU.
at::Tensor host(const at::Tensor& tensor, std::size_t count) {
  return tensor.slice(0, 0, static_cast<std::int64_t>(count)).to(at::kCPU, at::kFloat).contiguous();
}

std::span<const float> span_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

fs::path folder_of(const Item& item, const FuseRun& run) {
  const std::string folder = fs::absolute(item.path).parent_path().filename().string();
  const std::string form = run.modules.form();
  const std::string made = folder + "-" + run.modules.method() + (form.empty() ? "" : "-" + form) +
                           "-" + run.modules.name() + (run.recipe.pixel() ? "-pixel" : "");
  return run.recipe.tag_folder(made);
}

std::string SceneFusion::options_json() const {
  Json parts = Json::list();
  for (const TokenPart part : run_.recipe.parts) parts.push(name_of(part));
  Json json{{"method", run_.modules.method()},
            {"form", run_.modules.form()},
            {"align", std::string(name_in<AlignMode>(kAlignModes, run_.recipe.align))},
            {"parts", parts},
            {"store_dtype", name_of(run_.recipe.store_dtype)},
            {"compute_dtype", run_.recipe.placement.dtype == at::kBFloat16 ? "bf16" : "f32"},
            {"objects", in_.scene ? name_of(run_.recipe.objects) : "none"},
            {"positions", in_.scene != nullptr},
            {"thumbs", run_.recipe.thumbs},
            {"trained", run_.modules.trained()}};
  const FusionConfig& config = run_.modules.config();
  // Weights do not tell the number of heads.
  if (config.method == FusionMethod::kCrossAttention) json.set("heads", config.heads);
  if (mismatch_) json.set("allow_mismatch", true);
  return json.sorted().dump();
}

// Whether the features are those that the checkpoint was trained on.
void SceneFusion::check_training() {
  mismatch_ = run_.recipe.mismatch(run_.modules.trained_on(), *in_.generative, in_.generative_tap,
                                   "extract them so");
}

std::string SceneFusion::input_fingerprint() const {
  Hasher hash;
  hash.field(in_.generative_info().cache_key);
  hash.field(in_.semantic ? in_.semantic_info().cache_key : "");
  hash.field(in_.scene ? in_.scene->header().cache_key : "");
  return hash.hex();
}

void SceneFusion::prepare() {
  provenance_ = provenance();
  output_ = folder_of(item_, run_) / (item_.key + ".h5");
  in_ = open_inputs(item_, run_.recipe);
  frames_ = in_.frames.id.size();
  if (in_.scene) geometry_ = scene_geometry(*in_.scene).type;
  check_training();
  run_.modules.use_channels(item_.path.string(), in_.semantic ? in_.semantic_info().channels : 0,
                            in_.generative_info().channels);
  header_.key = item_.key;
  header_.options_json = options_json();
  header_.seed = run_.recipe.seed;
  header_.model_fp = run_.modules.fingerprint();
  header_.input_fp = input_fingerprint();
  header_.cache_key =
      cache_key(kTokensSchema, header_.options_json, header_.model_fp, header_.input_fp);
  plan_ = decide(output_, kTokensSchema, header_, run_.recipe.overwrite);
  if (plan_.decision == Decision::kSkip) return;
  align_frames();
  if (run_.recipe.thumbs) in_.frames.thumb_jpeg = in_.generative->thumbs();
}

// How the generative cells lie to the tokens, and how much of them they cover.
void SceneFusion::align_frames() {
  std::shared_ptr<const Alignment> last;
  Affine last_target{}, last_source{};
  double covered = 0, area = 0;
  for (std::size_t v = 0; v < frames_; ++v) {
    const Affine target = in_.token_cells(v), source = in_.generative_info().cell_to_px[v];
    if (!last || target != last_target || source != last_source) {
      last =
          std::make_shared<const Alignment>(align(target, kTokens, source, in_.generative_grid()));
      last_target = target;
      last_source = source;
    }
    alignment_.push_back(last);
    covered += static_cast<double>(std::count(last->covered.begin(), last->covered.end(), 1));
    area += last->area;
  }
  covered_ = covered / static_cast<double>(frames_ * kTokenCells);
  area_ = area / static_cast<double>(frames_);
}

TokensInfo SceneFusion::info() const {
  TokensInfo out;
  out.width = run_.modules.config().width;
  out.store_dtype = run_.recipe.store_dtype;
  out.parts = run_.recipe.parts;
  out.has_gate = run_.modules.has_gate();
  out.method = run_.modules.method();
  out.form = run_.modules.form();
  out.align = name_in<AlignMode>(kAlignModes, run_.recipe.align);
  out.view = in_.semantic ? in_.semantic_info().view : in_.generative_info().view;
  out.fingerprint = header_.model_fp;
  out.trained = run_.modules.trained();
  out.compute_dtype = run_.recipe.placement.dtype == at::kBFloat16 ? "bf16" : "f32";
  out.generative_key = in_.generative_info().cache_key;
  if (in_.semantic) out.semantic_key = in_.semantic_info().cache_key;
  if (in_.scene) out.scene_key = in_.scene->header().cache_key;
  for (std::size_t v = 0; v < frames_; ++v) out.cell_to_px.push_back(in_.token_cells(v));
  return out;
}

// Generative features of the tokens' cells, (frames, 196, C) float32.
at::Tensor SceneFusion::aligned(std::size_t first, std::size_t count, std::size_t padded) const {
  const at::Tensor cells = read_tensor(*in_.generative, in_.generative_tap, first, count, padded);
  if (!run_.recipe.pixel()) return cells;
  std::vector<at::Tensor> out;
  for (std::size_t i = 0; i < padded; ++i) {
    const Alignment& how = *alignment_[std::min(first + i, frames_ - 1)];
    const auto others = static_cast<std::int64_t>(how.weights.size() / kTokenCells);
    out.push_back(float_tensor(how.weights, {kTokenCells, others})
                      .matmul(cells[static_cast<std::int64_t>(i)]));
  }
  return at::stack(out);
}

SceneFusion::Feed SceneFusion::read(std::size_t first, std::size_t count,
                                    std::size_t padded) const {
  Feed out;
  if (in_.semantic)
    out.semantic = read_tensor(*in_.semantic, in_.semantic_tap, first, count, padded);
  out.generative = aligned(first, count, padded);
  return out;
}

Streams SceneFusion::step(const StreamModules& modules, const Feed& feed, std::size_t first,
                          std::size_t count) const {
  const at::Device device = run_.recipe.placement.device;
  Streams out = project(modules, in_.semantic ? feed.semantic.to(device) : at::Tensor(),
                        feed.generative.to(device));
  at::Tensor uncovered;
  if (run_.recipe.pixel() && in_.semantic) uncovered = uncovered_cells(first, count, out);
  fuse_streams(*modules.fusion, {}, uncovered, out);
  if (!run_.modules.has_gate()) out.gate = at::Tensor();
  return out;
}

// (frames, cells) of bool: where the generative view sees nothing.
at::Tensor SceneFusion::uncovered_cells(std::size_t first, std::size_t count,
                                        const Streams& streams) const {
  at::Tensor out = at::zeros({streams.generative.size(0), streams.generative.size(1)}, at::kBool);
  bool* at_cell = out.mutable_data_ptr<bool>();
  for (std::size_t i = 0; i < count; ++i) {
    const auto& covered = alignment_[first + i]->covered;
    for (std::size_t c = 0; c < kTokenCells; ++c) at_cell[i * kTokenCells + c] = covered[c] == 0;
  }
  return out.to(run_.recipe.placement.device);
}

void SceneFusion::store(std::size_t first, std::size_t count, const Streams& step) {
  const auto put = [&](TokenPart part, const at::Tensor& tokens) {
    if (run_.recipe.wants(part)) writer_->put(part, first, count, span_of(host(tokens, count)));
  };
  if (step.semantic.defined()) put(TokenPart::kSemantic, step.semantic);
  put(TokenPart::kGenerative, step.generative);
  put(TokenPart::kFused, step.fused);
  if (step.gate.defined()) writer_->put_gate(first, count, span_of(host(step.gate, count)));
}

// Frames [first, first + count) of one step: to the objects and into the file.
void SceneFusion::take(std::size_t first, std::size_t count, const Streams& step) {
  for (ObjectMeans& means : objects_) {
    const at::Tensor& tokens = means.mode() == ObjectMode::kPatch14 ? step.encoded : step.fused;
    for (std::size_t i = 0; i < count; ++i)
      means.add(first + i, tokens[static_cast<std::int64_t>(i)]);
  }
  const std::lock_guard held(writing_);
  store(first, count, step);
}

void SceneFusion::by_frames(const StreamModules& modules, Progress& progress) {
  for (std::size_t begin = 0; begin < frames_; begin += kSettle) {
    const std::size_t end = std::min(frames_, begin + kSettle);
    const auto body = [&](std::size_t i) {
      const std::size_t frame = begin + i;
      take(frame, 1, step(modules, read(frame, 1, 1), frame, 1));
      progress.add();
    };
    parallel_for(end - begin, run_.recipe.threads, body, [] { at::set_num_threads(1); });
    for (ObjectMeans& means : objects_) means.settle(end);
  }
}

// The next batch is read while this one is computed and written.
void SceneFusion::by_batches(const StreamModules& modules, Progress& progress) {
  const auto batch = static_cast<std::size_t>(run_.recipe.batch);
  const auto begin_reading = [&](std::size_t first) {
    return std::async(std::launch::async, [this, first, batch] {
      return read(first, std::min(batch, frames_ - first), batch);
    });
  };
  std::future<Feed> next = begin_reading(0);
  for (std::size_t first = 0; first < frames_; first += batch) {
    check_stop();
    const auto asked = std::chrono::steady_clock::now();
    const Feed feed = next.get();
    wait_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - asked).count();
    if (first + batch < frames_) next = begin_reading(first + batch);
    const std::size_t count = std::min(batch, frames_ - first);
    take(first, count, step(modules, feed, first, count));
    for (ObjectMeans& means : objects_) means.settle(first + count);
    progress.add(static_cast<std::int64_t>(count));
  }
}

void SceneFusion::compute() {
  if (run_.forecasts != nullptr) return;
  const auto begun = std::chrono::steady_clock::now();
  const StreamModules& modules = run_.modules.load();
  load_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (in_.scene && run_.recipe.objects != ObjectMode::kNone) {
    for (const ObjectKind kind : {ObjectKind::kGt, ObjectKind::kProposal}) {
      if (!in_.scene->has_objects(kind)) continue;
      objects_.emplace_back(*in_.scene, kind, run_.recipe.objects, run_.modules.config().width);
      kinds_.push_back(kind);
    }
  }
  writer_ = std::make_unique<TokensWriter>(output_, header_, in_.frames, info());
  Progress progress(item_.key, "frames", static_cast<std::int64_t>(frames_), run_.progress);
  on_device(run_.recipe.placement.device, [&] {
    if (run_.recipe.placement.device.is_cuda())
      by_batches(modules, progress);
    else
      by_frames(modules, progress);
    return 0;
  });
}

void SceneFusion::finish() {
  if (run_.forecasts != nullptr) {
    (*run_.forecasts)[item_.key] = forecast();
    return;
  }
  std::vector<std::uint8_t> covered;
  for (const auto& how : alignment_)
    covered.insert(covered.end(), how->covered.begin(), how->covered.end());
  writer_->put_covered(covered);
  if (in_.scene) {
    const ScenePatches patches = in_.scene->patches();
    const auto discrete = discretise(patches.world14, geometry_);
    writer_->put_positions({patches.world14, voxel_triples(discrete)});
  }
  const bool round = run_.recipe.placement.dtype == at::kBFloat16;
  for (std::size_t i = 0; i < objects_.size(); ++i)
    writer_->put_objects(kinds_[i], objects_[i].finish(round));
  provenance_.insert({{"ended", utc_now()},
                      {"device", device_name(run_.recipe.placement.device)},
                      {"checkpoint", run_.recipe.checkpoint},
                      {"generative", item_.path.string()}});
  writer_->finish(provenance_);
  writer_.reset();
  log_info("{}: the generative view covers {:.1f} % of the cells ({:.1f} % of the area)", item_.key,
           100 * covered_, 100 * area_);
  in_ = {};
}

SceneForecast SceneFusion::forecast() const {
  SceneForecast out;
  out.frames = frames_;
  const auto tap_text = [](const TapInfo& tap) {
    return fmt::format("{} {}x{}x{}", tap.name, tap.grid_h, tap.grid_w, tap.channels);
  };
  out.generative = tap_text(in_.generative_info());
  if (in_.semantic) out.semantic = tap_text(in_.semantic_info());
  if (in_.scene) {
    out.scene = "positions";
    for (const ObjectKind kind : {ObjectKind::kGt, ObjectKind::kProposal}) {
      if (run_.recipe.objects == ObjectMode::kNone || !in_.scene->has_objects(kind)) continue;
      out.scene += fmt::format(", {} {}", in_.scene->objects(kind).id.size(),
                               kind == ObjectKind::kGt ? "objects" : "proposals");
    }
  }
  out.complete = plan_.decision == Decision::kSkip;
  out.replaced = plan_.decision == Decision::kOverwrite;
  out.covered = out.complete ? std::numeric_limits<double>::quiet_NaN() : covered_;
  if (out.complete) return out;
  const auto cells = static_cast<double>(frames_ * kTokenCells);
  out.bytes = cells *
                  static_cast<double>(run_.recipe.parts.size() * size_of(run_.recipe.store_dtype)) *
                  static_cast<double>(run_.modules.config().width) +
              cells * 5;
  for (const auto& thumb : in_.frames.thumb_jpeg) out.bytes += static_cast<double>(thumb.size());
  return out;
}

void SceneFusion::describe(ItemReport& report) const {
  const bool skipped = plan_.decision == Decision::kSkip, dry = run_.forecasts != nullptr;
  report.outcome = skipped ? Outcome::kComplete : dry ? Outcome::kNotStarted : Outcome::kWritten;
  report.numbers = {{"frames", static_cast<double>(frames_)}};
  if (dry) report.forecast = Forecast{.output_bytes = run_.forecasts->at(item_.key).bytes};
  if (skipped) return;
  report.numbers["covered"] = covered_;
  report.numbers["covered_area"] = area_;
}

}  // namespace vega::fuse
