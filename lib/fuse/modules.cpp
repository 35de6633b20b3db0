#include "fuse/modules.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/key.h"
#include "base/log.h"
#include "core/on_device.h"
#include "fusion/pool.h"
#include "vlm/checkpoint.h"

namespace vega::fuse {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kWidest = 32768;  // of initial values: a layer takes 4 GiB

void refuse_question(const FusionConfig& config) {
  if (config.method != FusionMethod::kInstructionTokenGated) return;
  throw UsageError(explain("method instruction_token_gated", "a gate that depends on the question",
                           "a method whose tokens depend on the scene alone",
                           "one file a scene cannot hold its tokens; vega-eval answer computes "
                           "them for each question, from the features"));
}

}  // namespace

Modules::Modules(const Recipe& recipe) : recipe_(recipe) {
  check_pool_mode(recipe.pool_mode);
  if (recipe.checkpoint.empty()) {
    if (recipe.method) set_method(fusion_, *recipe.method);
    if (recipe.form) set_form(fusion_, *recipe.form);
    fusion_.width = recipe.width;
  } else {
    read_checkpoint();
  }
  refuse_question(fusion_);
  if (recipe.checkpoint.empty() || recipe.initial_values) check_asked();
  if (needs_semantic() && recipe.semantic.empty())
    throw UsageError(explain("--method " + method(), "no --semantic",
                             "the folder of the semantic features",
                             "make them with vega-extract features --backbone siglip"));
}

// What no scene can be blamed for.
void Modules::check_asked() const {
  if (fusion_.width > kWidest)
    throw UsageError(explain("--width", std::to_string(fusion_.width),
                             "at most " + std::to_string(kWidest) + " for initial values"));
  try {
    static_cast<void>(fusion_specs(fusion_));
    static_cast<void>(projector_specs({recipe_.projector, fusion_.width, fusion_.width}));
  } catch (const InputError& error) {
    throw UsageError("--width " + std::to_string(fusion_.width) + ": " + error.what());
  }
}

void Modules::read_checkpoint() {
  checkpoint_ = vlm::open_modules(recipe_.checkpoint,
                                  {std::string(recipe_.method.value_or("")),
                                   std::string(recipe_.form.value_or("")), recipe_.initial_values},
                                  recipe_.base);
  if (checkpoint_->release == Release::kSpatial)
    throw InputError(explain(
        recipe_.checkpoint, "a checkpoint of the spatial-reasoning release",
        "one of the main release",
        "give its whole folder with config.json: its tokens are those of Qwen2.5-VL's tower, "
        "and are made another way"));
  fusion_ = checkpoint_->fusion;
  semantic_config_ = checkpoint_->semantic;
  generative_config_ = checkpoint_->generative;
  const auto require = [&](const char* prefix, bool there) {
    if (there || recipe_.initial_values) return;
    throw InputError(explain(recipe_.checkpoint, "no tensors " + std::string(prefix) + "*",
                             "projectors and fusion of one model",
                             "--initial-values gives seeded values to what is missing"));
  };
  require(kGenerativePrefix, generative_config_.has_value());
  require(kSemanticPrefix, semantic_config_ || recipe_.semantic.empty());
  if (fusion_.width < 1) fusion_.width = recipe_.width;  // no tensor tells it
  trained_ =
      checkpoint_->has_fusion && generative_config_ && (semantic_config_ || !needs_semantic());
  trained_on_ = checkpoint_->trained_on;
  if (checkpoint_->initial_values) trained_ = false;
}

std::string Modules::form() const {
  return fusion_.method == FusionMethod::kTokenGated ? vega::name_of(fusion_.form) : "";
}

bool Modules::has_gate() const { return vega::has_gate(fusion_.method); }

std::string Modules::name() const {
  if (!checkpoint_) return "seed" + std::to_string(recipe_.seed);
  return checkpoint_name(recipe_.checkpoint);
}

void Modules::use_channels(const std::string& where, std::int64_t semantic,
                           std::int64_t generative) {
  const std::lock_guard held(mutex_);
  const auto check = [&](const char* stream, std::int64_t got, std::int64_t expected,
                         const std::string& whose) {
    if (got == expected) return;
    throw InputError(explain(where + ": " + stream, std::to_string(got) + " channels",
                             std::to_string(expected) + ", as " + whose));
  };
  if (generative_channels_ >= 0) {
    check("generative features", generative, generative_channels_, "the scenes before");
    check("semantic features", semantic, semantic_channels_, "the scenes before");
    return;
  }
  const std::string whose = "the projector of " + recipe_.checkpoint;
  const auto config_of = [&](const char* stream, std::int64_t channels,
                             const std::optional<ProjectorConfig>& read) {
    if (!read) return ProjectorConfig{recipe_.projector, channels, fusion_.width};
    check(stream, channels, read->in, whose);
    return *read;
  };
  auto config = config_of("generative features", generative, generative_config_);
  if (semantic > 0)
    semantic_config_ = config_of("semantic features", semantic, semantic_config_);
  else
    semantic_config_.reset();
  generative_config_ = std::move(config);
  semantic_channels_ = semantic;
  generative_channels_ = generative;
}

Parameters Modules::initial(const std::vector<ParameterSpec>& specs, const char* prefix) const {
  return initial_values(specs, prefix, static_cast<std::uint64_t>(recipe_.seed));
}

void Modules::make_initial() {
  if (semantic_config_ && !(checkpoint_ && checkpoint_->semantic) && !semantic_)
    semantic_ = initial(projector_specs(*semantic_config_), kSemanticPrefix);
  if (!(checkpoint_ && checkpoint_->generative) && !generative_)
    generative_ = initial(projector_specs(*generative_config_), kGenerativePrefix);
  if (!(checkpoint_ && checkpoint_->has_fusion) && !gate_)
    gate_ = initial(fusion_specs(fusion_), kFusionPrefix);
}

std::string Modules::fingerprint() {
  const std::lock_guard held(mutex_);
  if (!fingerprint_.empty()) return fingerprint_;
  make_initial();
  Parameters names;
  const auto add = [&](const std::optional<Parameters>& values, const char* prefix) {
    if (!values) return;
    for (const auto& [name, tensor] : *values) names.emplace_back(prefix + name, tensor);
  };
  add(semantic_, kSemanticPrefix);
  add(generative_, kGenerativePrefix);
  add(gate_, kFusionPrefix);
  if (!checkpoint_)
    fingerprint_ = fingerprint_of(names);
  else if (names.empty())
    fingerprint_ = checkpoint_->fingerprint();
  else
    fingerprint_ = Hasher().field(checkpoint_->fingerprint()).field(fingerprint_of(names)).hex();
  return fingerprint_;
}

const StreamModules& Modules::load() {
  const std::lock_guard held(mutex_);
  if (loaded_) return *loaded_;
  try {
    on_device(recipe_.placement.device, [this] { make_modules(); });
  } catch (const InputError& error) {
    throw ModelError(error.what());  // the fault of no scene
  }
  return *loaded_;
}

void Modules::make_modules() {
  if (checkpoint_) {
    log_info("reading {}", recipe_.checkpoint);
    checkpoint_->check_finite();
  }
  make_initial();
  std::optional<Projector> semantic;
  if (semantic_)
    semantic.emplace(*semantic_config_, *semantic_, recipe_.placement);
  else if (semantic_config_)
    semantic.emplace(checkpoint_->semantic_projector(recipe_.placement));
  loaded_ = std::make_unique<StreamModules>(
      StreamModules{std::move(semantic),
                    generative_ ? Projector(*generative_config_, *generative_, recipe_.placement)
                                : checkpoint_->generative_projector(recipe_.placement),
                    gate_ ? Fusion(fusion_, *gate_, recipe_.placement)
                          : checkpoint_->fusion_module(recipe_.placement)});
  semantic_.reset();
  generative_.reset();
  gate_.reset();
}

}  // namespace vega::fuse
