#include "fuse/spatial_tokens.h"

#include <ATen/ATen.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "core/device.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "fuse/recipe.h"
#include "fusion/features.h"
#include "fusion/spatial_fusion.h"
#include "run/provenance.h"
#include "run/refuse_given.h"
#include "store/cache_key.h"
#include "store/decide.h"
#include "store/join.h"

namespace vega::fuse {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFrames = 8;  // a step

// What all scenes of a run share.
struct SpatialRun {
  const Recipe& recipe;
  FusionCheckpoint checkpoint;
  ProgressMode progress = ProgressMode::kOff;
  bool dry = false;
  std::optional<SpatialFusion> modules = {};  // read when the first scene needs them

  bool has_gate() const { return vega::has_gate(checkpoint.fusion.method); }
  fs::path folder_of(const Item& item) const {
    const std::string folder = fs::absolute(item.path).parent_path().filename().string();
    return recipe.tag_folder(folder + "-" + checkpoint_name(recipe.checkpoint));
  }
};

class SpatialWork final : public ItemWork {
 public:
  SpatialWork(Item item, SpatialRun& run) : item_(std::move(item)), run_(run) {}

  void prepare() override;
  bool complete() const override { return plan_.decision == Decision::kSkip; }
  void compute() override;
  void finish() override;
  std::string output() const override { return output_.string(); }
  void describe(ItemReport& report) const override;

 private:
  const TapInfo& semantic() const { return semantic_->taps()[semantic_tap_]; }
  const TapInfo& generative() const { return generative_->taps()[generative_tap_]; }
  void open();
  void check_features();
  TokensInfo info() const;
  at::Tensor read(const FeatureReader& file, std::size_t tap, std::size_t first,
                  std::size_t count) const;

  Item item_;
  SpatialRun& run_;
  fs::path output_;
  std::unique_ptr<const FeatureReader> generative_, semantic_;
  std::size_t generative_tap_ = 0, semantic_tap_ = 0, frames_ = 0;
  FrameTable table_;
  FileHeader header_;
  RerunDecision plan_;
  bool mismatch_ = false;
  std::unique_ptr<TokensWriter> writer_;
  Provenance provenance_;
};

void SpatialWork::open() {
  const Recipe& r = run_.recipe;
  generative_ = std::make_unique<const FeatureReader>(item_.path);
  require_key(item_.path, generative_->header().key, item_.key);
  generative_tap_ = generative_->tap_index(r.tap);
  semantic_ = std::make_unique<const FeatureReader>(file_of_scene(
      "--semantic", r.semantic, item_.key, "vega-extract features --backbone qwen2.5-vl"));
  semantic_tap_ = semantic_->tap_index(r.semantic_tap);
  join_frames(frames_of(*generative_), frames_of(*semantic_), FrameMatch::kEqual);
  table_ = generative_->frames();
  frames_ = table_.id.size();
}

void SpatialWork::check_features() {
  const FusionCheckpoint& c = run_.checkpoint;
  const auto check = [&](const FeatureReader& file, const TapInfo& tap, std::int64_t channels,
                         const char* whose) {
    if (tap.channels == channels) return;
    throw InputError(explain(file.path().string() + ": tap " + tap.name,
                             fmt::format("{} channels", tap.channels),
                             fmt::format("{}, as {} of {}", channels, whose, c.path.string())));
  };
  check(*semantic_, semantic(), c.fusion.width, "the width");
  check(*generative_, generative(), c.merger->in, "generative_merger");
  mismatch_ = run_.recipe.mismatch(c.trained_on, *generative_, generative_tap_,
                                   "extract them with --recipe");
}

void SpatialWork::prepare() {
  const Recipe& r = run_.recipe;
  provenance_ = provenance();
  output_ = run_.folder_of(item_) / (item_.key + ".h5");
  open();
  check_features();
  const FusionConfig& config = run_.checkpoint.fusion;
  Json parts = Json::list();
  for (const TokenPart part : r.parts) parts.push(name_of(part));
  Json options{{"method", name_of(config.method)},
               {"form", name_of(config.form)},
               {"release", name_of(Release::kSpatial)},
               {"parts", parts},
               {"store_dtype", name_of(r.store_dtype)},
               {"compute_dtype", r.placement.dtype == at::kBFloat16 ? "bf16" : "f32"},
               {"thumbs", r.thumbs}};
  if (config.method == FusionMethod::kCrossAttention) options.set("heads", config.heads);
  if (mismatch_) options.set("allow_mismatch", true);
  header_.key = item_.key;
  header_.options_json = options.sorted().dump();
  header_.seed = r.seed;
  header_.model_fp = run_.checkpoint.fingerprint();
  header_.input_fp = Hasher().field(generative().cache_key).field(semantic().cache_key).hex();
  header_.cache_key =
      cache_key(kTokensSchema, header_.options_json, header_.model_fp, header_.input_fp);
  plan_ = decide(output_, kTokensSchema, header_, r.overwrite);
  if (!complete() && r.thumbs) table_.thumb_jpeg = generative_->thumbs();
}

TokensInfo SpatialWork::info() const {
  const FusionConfig& config = run_.checkpoint.fusion;
  TokensInfo out;
  out.width = config.width;
  out.grid_h = semantic().grid_h;
  out.grid_w = semantic().grid_w;
  out.store_dtype = run_.recipe.store_dtype;
  out.parts = run_.recipe.parts;
  out.has_gate = run_.has_gate();
  out.method = name_of(config.method);
  if (config.method == FusionMethod::kTokenGated) out.form = name_of(config.form);
  out.align = "reference";
  out.view = semantic().view;
  out.fingerprint = header_.model_fp;
  out.trained = !run_.checkpoint.initial_values;
  out.compute_dtype = run_.recipe.placement.dtype == at::kBFloat16 ? "bf16" : "f32";
  out.generative_key = generative().cache_key;
  out.semantic_key = semantic().cache_key;
  out.cell_to_px = semantic().cell_to_px;
  return out;
}

// (count, gh, gw, C) float32 on the device.
at::Tensor SpatialWork::read(const FeatureReader& file, std::size_t tap, std::size_t first,
                             std::size_t count) const {
  const TapInfo& info = file.taps()[tap];
  return float_tensor(read_finite(file, tap, first, count),
                      {static_cast<std::int64_t>(count), info.grid_h, info.grid_w, info.channels})
      .to(run_.recipe.placement.device);
}

void SpatialWork::compute() {
  if (run_.dry) return;
  const Placement& placement = run_.recipe.placement;
  if (!run_.modules) {
    log_info("reading {}", run_.recipe.checkpoint);
    run_.checkpoint.check_finite();
    on_device(placement.device, [&] { run_.modules.emplace(run_.checkpoint, placement); });
  }
  writer_ = std::make_unique<TokensWriter>(output_, header_, table_, info());
  Progress progress(item_.key, "frames", static_cast<std::int64_t>(frames_), run_.progress);
  on_device(placement.device, [&] {
    for (std::size_t first = 0; first < frames_; first += kFrames) {
      check_stop();
      const std::size_t count = std::min(kFrames, frames_ - first);
      const at::Tensor tokens = read(*semantic_, semantic_tap_, first, count);
      const SpatialFusion::Result out =
          run_.modules->forward(tokens, read(*generative_, generative_tap_, first, count));
      const auto values = [](const at::Tensor& t) {
        return t.to(at::kCPU, at::kFloat).contiguous();
      };
      const auto put = [&](TokenPart part, const at::Tensor& made) {
        if (!run_.recipe.wants(part)) return;
        const at::Tensor host = values(made);
        writer_->put(part, first, count,
                     {host.const_data_ptr<float>(), static_cast<std::size_t>(host.numel())});
      };
      put(TokenPart::kSemantic, tokens.to(placement.dtype));
      put(TokenPart::kGenerative, out.generative);
      put(TokenPart::kFused, out.fused);
      if (run_.has_gate()) {
        const at::Tensor& share =
            out.trace.semantic_weight.defined() ? out.trace.semantic_weight : out.trace.gate;
        const at::Tensor host = values(share);
        writer_->put_gate(first, count,
                          {host.const_data_ptr<float>(), static_cast<std::size_t>(host.numel())});
      }
      progress.add(static_cast<std::int64_t>(count));
    }
  });
}

void SpatialWork::finish() {
  if (run_.dry) return;
  // The released alignment stretches Wan's picture over all cells, whatever it shows.
  const TapInfo& tap = semantic();
  writer_->put_covered(
      std::vector<std::uint8_t>(frames_ * static_cast<std::size_t>(tap.grid_h * tap.grid_w), 1));
  provenance_.insert({{"ended", utc_now()},
                      {"device", device_name(run_.recipe.placement.device)},
                      {"checkpoint", run_.recipe.checkpoint},
                      {"generative", item_.path.string()}});
  writer_->finish(provenance_);
  writer_.reset();
  generative_.reset();
  semantic_.reset();
}

void SpatialWork::describe(ItemReport& report) const {
  report.outcome = complete() ? Outcome::kComplete
                   : run_.dry ? Outcome::kNotStarted
                              : Outcome::kWritten;
  report.numbers = {{"frames", static_cast<double>(frames_)}};
}

void refuse_other_options(const TokensOptions& o) {
  const TokensOptions usual;
  refuse_given({{!o.base.empty(), "--base"},
                {o.initial_values, "--initial-values"},
                {o.method.has_value(), "--method"},
                {o.form.has_value(), "--form"},
                {o.pixel(), "--align pixel"},
                {!o.scenes.empty(), "--scenes"}},
               o.checkpoint + ", VEGA-3D's spatial model",
               "--semantic, --parts and the like: its modules are as they are, and "
               "it knows no positions");
  if (o.semantic.empty())
    throw UsageError(explain("--checkpoint " + o.checkpoint, "no --semantic",
                             "the folder of the tower's tokens",
                             "make them with vega-extract features --backbone qwen2.5-vl"));
}

}  // namespace

bool is_spatial_checkpoint(const std::string& checkpoint) {
  const fs::path config = fs::path(checkpoint) / "config.json";
  std::error_code none;
  return !checkpoint.empty() && fs::exists(config, none) &&
         JsonFields(config).flag("use_generative_encoder").value_or(false);
}

RunResult run_spatial_tokens(const TokensOptions& options, const Context& context) {
  refuse_other_options(options);
  const Recipe recipe = resolve(options);
  SpatialRun run{recipe, open_fusion_checkpoint(options.checkpoint), context.progress,
                 options.run.dry_run};
  if (!run.checkpoint.merger || !run.checkpoint.has_fusion)
    throw InputError(explain(options.checkpoint, "no generative_merger or no generative_fusion",
                             "both", "the checkpoint is not whole: fetch it again"));
  const ItemList list = gather_items(options.items);
  std::set<fs::path> folders;
  for (const Item& item : list.items) folders.insert(run.folder_of(item));
  const RunPlan plan{list, options.run, {folders.begin(), folders.end()}, true};
  return run_items(plan, context,
                   [&](const Item& item) { return std::make_unique<SpatialWork>(item, run); });
}

}  // namespace vega::fuse
