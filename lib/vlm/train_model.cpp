#include "vlm/train_model.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "base/error.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "core/wide_type.h"
#include "models/qwen2/names.h"
#include "vlm/memory_checkpoint.h"
#include "vlm/train_config.h"
#include "vlm/train_pictures.h"
#include "vlm/train_state.h"

namespace vega::vlm {
namespace {

bool trains(const TrainModelOptions& options, Part part) {
  return std::ranges::find(options.parts, part) != options.parts.end();
}

}  // namespace

TrainModel::Impl::Impl(VlmCheckpoint base, const TrainModelOptions& given) : options(given) {
  checkpoint = extended_checkpoint(base, options.new_parts, options.seed);
  const auto specs = trained_specs(checkpoint, options.parts, options.lora);
  checkpoint.modules.check_finite();
  on_device(options.placement.device, [&] {
    take(specs);
    qwen2::TrainDecoderOptions how{options.placement.dtype, options.recompute, {}, {}};
    if (trains(options, Part::kLora)) how.lora = options.lora;
    if (table.contains(kNewRows)) how.new_ids = new_token_ids(checkpoint.config);
    decoder.emplace(checkpoint.config.text, table, "model.", kLanguageHead, how);
    if (checkpoint.pictures) {
      eyes.emplace(checkpoint, options);
      return;
    }
    if (trains(options, Part::kTower))
      tower.emplace(checkpoint.tower->config, table, checkpoint.tower->prefix,
                    siglip::TrainTowerOptions{options.placement.dtype, options.recompute});
  });
  take_added(base);
  PromptOptions how;
  how.control_words = options.switches.control_words;
  how.spatial_instruction = options.switches.spatial_instruction;
  if (checkpoint.tokenizer && !checkpoint.pictures)
    prompts = std::make_unique<PromptMaker>(*checkpoint.tokenizer, checkpoint.config.control, how);
}

// Rows of the embedding as the checkpoint has them.
at::Tensor TrainModel::Impl::new_rows() const {
  const at::Tensor all = tensor_from(checkpoint.set.at(embedding_name()));
  const auto ids = new_token_ids(checkpoint.config);
  return all.index_select(0, at::tensor(ids, at::kLong)).to(at::kFloat);
}

// What the base lacks is saved with what trains, or a checkpoint of the run could not be read.
void TrainModel::Impl::take_added(const VlmCheckpoint& base) {
  const auto has_base = [&](const std::string& name) { return base.set.find(name) != nullptr; };
  for (const auto& [name, tensor] : table)
    if (!has_base(name) && !tensor.requires_grad()) added.push_back({name, tensor, {}});
  const bool grew = new_token_ids(base.config) != new_token_ids(checkpoint.config);
  const bool held = trains(options, Part::kDecoder) || trains(options, Part::kNewTokens);
  if (grew && !held)
    added.push_back(
        {kNewRows, new_rows().to(options.placement.device, options.placement.dtype), {}});
}

at::ScalarType TrainModel::Impl::master_type() const { return wide_type(options.placement.dtype); }

at::Tensor TrainModel::Impl::frozen(const TensorView& view) const {
  return tensor_from(view).to(options.placement.device, options.placement.dtype);
}

// Fills the table: leaves for what trains, the compute type for the rest.
void TrainModel::Impl::take(const std::vector<TrainedSpec>& specs) {
  const Placement& at = options.placement;
  std::map<std::string, at::Tensor> adapters;
  if (trains(options, Part::kLora))
    for (auto& [name, value] :
         initial_lora(qwen2::lora_targets(checkpoint.config.text), *options.lora, options.seed))
      adapters.emplace(name, value);
  for (const TrainedSpec& spec : specs) {
    const Kept kept = options.kept ? options.kept(spec.name) : Kept::kByAll;
    if (kept == Kept::kElsewhere) {
      const at::Tensor nothing = at::full({1}, std::numeric_limits<double>::quiet_NaN(),
                                          at::TensorOptions(at.device).dtype(master_type()));
      const at::Tensor leaf = nothing.expand(spec.shape).detach().requires_grad_(true);
      table.emplace(spec.name, leaf);
      trained.push_back({spec.name, leaf, spec.part, kept});
      continue;
    }
    const auto adapter = adapters.find(spec.name);
    const at::Tensor start = spec.part == Part::kNewTokens ? new_rows()
                             : adapter != adapters.end()
                                 ? adapter->second
                                 : owned_float_from(checkpoint.set.at(spec.name));
    const at::Tensor leaf = start.to(at.device, master_type()).requires_grad_(true);
    table.emplace(spec.name, leaf);
    trained.push_back({spec.name, leaf, spec.part, kept});
  }
  for (const auto& [name, shape] : forward_shapes(checkpoint))
    if (!table.contains(name)) table.emplace(name, frozen(checkpoint.set.at(name)));
}

Parameters TrainModel::Impl::parameters(const std::vector<ParameterSpec>& specs, const char* prefix,
                                        at::ScalarType type) const {
  Parameters out;
  for (const ParameterSpec& spec : specs)
    out.emplace_back(spec.name, find_weight(table, prefix + spec.name).to(type));
  return out;
}

Visual TrainModel::Impl::visual() const {
  const Placement& at = options.placement;
  const VlmConfig& config = checkpoint.config;
  const FusionCheckpoint& modules = checkpoint.modules;
  const auto values = [&](const std::vector<ParameterSpec>& specs, const char* prefix) {
    return parameters(specs, prefix, at.dtype);
  };
  const auto projector = [&](const ProjectorConfig& of, const char* prefix) {
    return Projector::over(of, values(projector_specs(of), prefix), at);
  };
  VisualModules out;
  out.streams.semantic = projector(*modules.semantic, kSemanticPrefix);
  if (config.generative) out.streams.generative = projector(*modules.generative, kGenerativePrefix);
  if (config.fuses)
    out.streams.fusion =
        Fusion::over(modules.fusion, values(fusion_specs(modules.fusion), kFusionPrefix), at);
  if (const auto newline = table.find(kNewlineName); newline != table.end())
    out.newline = newline->second.to(at.dtype);
  if (const auto& position = config.position)
    out.position = PositionEmbedding::over(
        *position, config.text.hidden, options.switches.geometry,
        values(position_specs(*position, config.text.hidden), kPositionPrefix), at);
  if (const auto& ground = config.ground) {
    const Placement head = head_placement(at, options.switches);
    out.ground = GroundHead::over(
        *ground, parameters(ground_specs(*ground), kGroundPrefix, head.dtype), head);
  }
  return {checkpoint, options.switches, at, std::move(out)};
}

SpatialFusion TrainModel::Impl::picture_fusion() const {
  const FusionCheckpoint& modules = checkpoint.modules;
  const Placement& at = options.placement;
  Parameters fusion =
      parameters(spatial_fusion_specs(modules.fusion), kSpatialFusionPrefix, at.dtype);
  const std::vector<ParameterSpec> own = fusion_specs(modules.fusion);
  for (std::size_t i = 0; i < own.size(); ++i) fusion[i].first = own[i].name;
  return {
      Merger::over(*modules.merger,
                   parameters(merger_specs(*modules.merger), kSpatialMergerPrefix, at.dtype), at),
      Fusion::over(modules.fusion, std::move(fusion), at), at};
}

std::map<std::string, at::Tensor> TrainModel::Impl::current_values() const {
  const c10::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> out;
  constexpr std::string_view kFirst = ".lora_A.weight";
  for (const Trained& t : trained) {
    const at::Tensor value = t.tensor.detach().to(at::kFloat);
    if (t.part == Part::kNewTokens) {
      const auto ids = new_token_ids(checkpoint.config);
      const at::Tensor rows = at::tensor(ids, at::kLong);
      out[embedding_name()] = owned_float_from(checkpoint.set.at(embedding_name()))
                                  .index_copy_(0, rows, value.to(at::kCPU, at::kFloat));
    } else if (t.part != Part::kLora) {
      out[t.name] = value;
    } else if (t.name.ends_with(kFirst)) {
      const std::string linear = t.name.substr(0, t.name.size() - kFirst.size());
      const at::Tensor b = table.at(lora_b_name(linear)).detach().to(at::kFloat);
      const at::Tensor weight = owned_float_from(checkpoint.set.at(linear + ".weight"));
      const at::Tensor delta = b.matmul(value).to(at::kCPU, at::kFloat);
      out[linear + ".weight"] = weight + options.lora->scale() * delta;
    }
  }
  return out;
}

TrainModel::TrainModel(VlmCheckpoint base, const TrainModelOptions& options)
    : impl_(std::make_unique<Impl>(std::move(base), options)) {}
TrainModel::~TrainModel() = default;
TrainModel::TrainModel(TrainModel&&) noexcept = default;
TrainModel& TrainModel::operator=(TrainModel&&) noexcept = default;

const TrainModelOptions& TrainModel::options() const { return impl_->options; }
const VlmCheckpoint& TrainModel::checkpoint() const { return impl_->checkpoint; }
const std::vector<Trained>& TrainModel::trained() const { return impl_->trained; }
const std::vector<Trained>& TrainModel::added() const { return impl_->added; }

const PromptMaker& TrainModel::prompts() const {
  if (impl_->checkpoint.pictures)
    throw std::logic_error("prompts of a model that is shown pictures: vlm/picture_prompt.h");
  static_cast<void>(impl_->checkpoint.words());  // throws where there is no tokeniser
  return *impl_->prompts;
}

std::vector<std::vector<at::Tensor>> TrainModel::layer_leaves() const {
  return impl_->decoder->leaves();
}

void TrainModel::take_layer_values(qwen2::LayerValues& source) {
  impl_->decoder->take_values_from(source);
}

void TrainModel::restore(std::string_view name, const at::Tensor& value) {
  const c10::NoGradGuard no_grad;
  for (const auto* list : {&impl_->trained, &impl_->added}) {
    for (const Trained& t : *list) {
      if (t.name != name) continue;
      if (t.tensor.sizes() != value.sizes())
        throw FormatError(explain("tensor " + t.name, to_string(value.sizes().vec()),
                                  to_string(t.tensor.sizes().vec()),
                                  "the checkpoint is of another model"));
      if (t.kept != Kept::kElsewhere) t.tensor.copy_(value);
      return;
    }
  }
  throw FormatError(explain("tensor " + std::string(name), "no such part of this training",
                            "the tensors that train", "give the options that the run began with"));
}

std::int64_t TrainModel::visual_tokens(std::int64_t frames) const {
  return block_length(impl_->checkpoint.config, frames);
}

std::int64_t TrainModel::target_count(const TrainSample& sample, std::int64_t visual_tokens) const {
  const ControlIds& control = impl_->checkpoint.config.control;
  return train_prompt(sample, visual_tokens > 0, control)
      .target_count(visual_tokens, impl_->most_tokens(), control.ground);
}

std::int64_t TrainModel::token_count(const TrainSample& sample, std::int64_t visual_tokens) const {
  return train_prompt(sample, visual_tokens > 0, impl_->checkpoint.config.control)
      .length(visual_tokens);
}

namespace {

PassResult run_pass(const TrainModel::Impl& model, const SceneInput& scene,
                    std::span<const TrainSample> samples, const PassOptions& options,
                    bool gradients) {
  return on_device(model.options.placement.device, [&] {
    if (model.eyes) return PicturePass(model, scene, samples, options, gradients).run();
    return TrainPass(model, scene, samples, options, gradients).run();
  });
}

}  // namespace

PassResult TrainModel::add_gradients(const SceneInput& scene, std::span<const TrainSample> samples,
                                     const PassOptions& options) {
  return run_pass(*impl_, scene, samples, options, true);
}

PassResult TrainModel::losses(const SceneInput& scene, std::span<const TrainSample> samples,
                              bool see_visual) {
  const c10::NoGradGuard no_grad;
  const PassOptions options{{}, see_visual};
  return run_pass(*impl_, scene, samples, options, false);
}

at::Tensor TrainModel::see(const SceneInput& pictures) const {
  if (!impl_->eyes) throw std::logic_error("pictures for a model that reads features");
  const c10::NoGradGuard no_grad;
  return on_device(impl_->options.placement.device, [&] {
    const PictureEyes::Seen seen = impl_->eyes->compute(pictures);
    return seen.features.defined()
               ? impl_->picture_fusion().forward(seen.tokens, seen.features).fused
               : seen.tokens;
  });
}

Json TrainModel::config() const { return training_config(impl_->checkpoint); }

VlmCheckpoint TrainModel::snapshot() const {
  for (const Trained& t : impl_->trained)
    if (t.kept == Kept::kElsewhere) throw std::logic_error("a snapshot without " + t.name);
  VlmCheckpoint out = with_tensors(impl_->checkpoint, impl_->current_values());
  out.modules.initial_values = false;
  return out;
}

}  // namespace vega::vlm
