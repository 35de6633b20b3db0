#include "evaluate/branch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "core/tensor.h"
#include "fusion/spatial.h"
#include "models/backbone.h"
#include "run/refuse_given.h"
#include "scene/select.h"
#include "store/features.h"
#include "store/join.h"
#include "store/tokens_file.h"

namespace vega::evaluate {
namespace fs = std::filesystem;

void take_branch_options(const AnswerVerb& o, const qwen2_5_vl::Checkpoint& checkpoint,
                         vlm::QwenVlOptions& options) {
  const std::string& weights = o.frames.generative_weights;
  if (!checkpoint.config.generative) {
    refuse_given({{!o.model.empty(), "--model"},
                  {!o.prompt.empty(), "--prompt"},
                  {!weights.empty(), "--generative-weights"}},
                 o.checkpoint + ", a Qwen2.5-VL without generative branch",
                 "the checkpoint of VEGA-3D's spatial model");
    return;
  }
  options.branch.model = o.model;
  options.branch.prompt = o.prompt;
  if (!weights.empty()) options.branch.weights = weights;
  options.branch.bf16_latent_constants =
      options.placement.dtype == at::kBFloat16 &&
      o.compat.value_or(Compat::kReference) == Compat::kReference;
  options.branch_size =
      read_spatial_settings(checkpoint.folder / "config.json", checkpoint.set).size;
}

bool reads_tokens(const AnswerVerb& o) { return !o.tokens.empty() || !o.semantic.empty(); }

namespace {

void check_model(const fs::path& path, const std::string& got, const std::string& expected,
                 const AnswerVerb& o, const char* remedy) {
  if (got == expected) return;
  const std::string message =
      explain(path.string(), "tokens of another model", "those of " + o.checkpoint, remedy);
  if (!o.allow_mismatch) throw InputError(message);
  log_warn("{}", message);
}

// The rows that are shown, of float32 values (V, gh, gw, H).
at::Tensor shown_rows(const AnswerVerb& o, const at::Tensor& all, StoredTokens& out) {
  std::vector<std::int64_t> rows, ids;
  const std::int64_t total = all.size(0);
  for (const std::size_t row : uniform_indices(total, std::min(o.frames.most, total))) {
    rows.push_back(static_cast<std::int64_t>(row));
    ids.push_back(out.ids.at(row));
  }
  out.ids = std::move(ids);
  return all.index_select(0, at::tensor(rows, at::kLong));
}

StoredTokens read_fused(const AnswerVerb& o, const qwen2_5_vl::Checkpoint& checkpoint,
                        const std::string& key) {
  constexpr auto kMake = "vega-fuse tokens --checkpoint CHECKPOINT";
  StoredTokens out;
  out.path = file_of_scene("--tokens", o.tokens, key, kMake);
  const TokensReader file(out.path);
  require_key(out.path, file.header().key, key);
  const TokensInfo& info = file.info();
  check_model(out.path, info.fingerprint, vlm::open_branch_modules(checkpoint).fingerprint(), o,
              kMake);
  out.cache_key = file.header().cache_key;
  out.ids = file.frames().id;
  out.tokens = shown_rows(o,
                          float_tensor(file.read(TokenPart::kFused, 0, file.frame_count()),
                                       {static_cast<std::int64_t>(file.frame_count()), info.grid_h,
                                        info.grid_w, info.width}),
                          out);
  return out;
}

StoredTokens read_tower(const AnswerVerb& o, const std::string& key) {
  constexpr auto kMake = "vega-extract features --backbone qwen2.5-vl --model CHECKPOINT";
  StoredTokens out;
  out.path = file_of_scene("--semantic", o.semantic, key, kMake);
  const FeatureReader file(out.path);
  require_key(out.path, file.header().key, key);
  const std::size_t tap = file.tap_index(o.tap);
  const TapInfo& info = file.taps()[tap];
  BackboneOptions tower;
  tower.backbone = "qwen2.5-vl";
  tower.model = o.checkpoint;
  tower.size = {static_cast<int>(info.width), static_cast<int>(info.height)};
  tower.pool_h = tower.pool_w = 0;
  check_model(out.path, file.header().model_fp, make_backbone(tower)->fingerprint(), o, kMake);
  out.cache_key = info.cache_key;
  out.ids = file.frames().id;
  out.tokens = shown_rows(o,
                          float_tensor(file.read_f32(tap, 0, file.frame_count()),
                                       {static_cast<std::int64_t>(file.frame_count()), info.grid_h,
                                        info.grid_w, info.channels}),
                          out);
  return out;
}

}  // namespace

StoredTokens read_tokens(const AnswerVerb& o, const qwen2_5_vl::Checkpoint& checkpoint,
                         const std::string& key) {
  const std::pair<bool, const char*> unread[] = {
      {!o.model.empty(), "--model"},
      {!o.prompt.empty(), "--prompt"},
      {!o.frames.generative_weights.empty(), "--generative-weights"},
      {o.frames.preparation.has_value(), "--preparation"},
      {o.frames.min_pixels.has_value(), "--min-pixels"},
      {o.frames.max_pixels.has_value(), "--max-pixels"}};
  for (const auto& [is_given, name] : unread)
    if (is_given)
      throw UsageError(explain(name, "stored tokens, which are as they are",
                               "a folder of frames, a scan or a video", "leave the option out"));
  const bool branch = checkpoint.config.generative;
  const std::string& other = branch ? o.semantic : o.tokens;
  if (!other.empty())
    throw UsageError(explain(branch ? "--semantic" : "--tokens", o.checkpoint,
                             branch ? "--tokens DIR of vega-fuse tokens: it has a generative branch"
                                    : "--semantic DIR of vega-extract features --backbone "
                                      "qwen2.5-vl: it has no generative branch"));
  return branch ? read_fused(o, checkpoint, key) : read_tower(o, key);
}

Json describe_source(const qwen2_5_vl::Checkpoint& checkpoint, const vlm::QwenVlOptions& options) {
  const vlm::BranchSource source = vlm::find_branch(checkpoint, options.branch);
  const SpatialSettings& s = source.settings;
  return {{"transformer", source.text}, {"block", s.block},
          {"timestep", s.timestep},     {"shift", s.shift},
          {"size", to_string(s.size)},  {"seed", static_cast<std::int64_t>(options.branch.seed)}};
}

void say_branch(const vlm::QwenVl& model) {
  if (model.branch() == nullptr) return;
  const vlm::BranchSource& source = model.branch()->source();
  const SpatialSettings& s = source.settings;
  log_info("generative branch: {}", source.text);
  log_info("generative branch: block {}, timestep {}, shift {:g}, {}; VAE of {}", s.block,
           s.timestep, s.shift, to_string(s.size), source.model.string());
  const std::string differences = model.branch()->differences();
  if (!differences.empty()) log_info("not as the paper has it: {}", differences);
}

}  // namespace vega::evaluate
