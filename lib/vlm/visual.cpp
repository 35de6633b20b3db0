#include "vlm/visual.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/error.h"
#include "core/wide_type.h"
#include "vlm/assembly.h"
#include "vlm/instruction.h"

namespace vega::vlm {
namespace {

std::vector<std::array<float, 3>> box_centres(const std::vector<Box>& boxes) {
  std::vector<std::array<float, 3>> out;
  for (const Box& box : boxes)
    out.push_back(
        {static_cast<float>(box[0]), static_cast<float>(box[1]), static_cast<float>(box[2])});
  return out;
}

}  // namespace

Placement head_placement(const Placement& placement, const Switches& switches) {
  Placement out = placement;
  if (switches.f32_head) out.dtype = wide_type(placement.dtype);
  return out;
}

std::int64_t block_length(const VlmConfig& config, std::int64_t frames) {
  const std::int64_t rows = frames * kTokenGrid * (kTokenGrid + 1);
  std::int64_t out = frames * kTokenCells;
  if (config.newlines == Newlines::kGrid) out = rows;
  if (config.newlines == Newlines::kFrame) out += frames;
  if (config.newlines == Newlines::kOneToken) ++out;
  return config.generative && !config.fuses ? out + rows : out;
}

Visual::Visual(const VlmCheckpoint& checkpoint, const Switches& switches,
               const Placement& placement, VisualModules modules)
    : config_(checkpoint.config),
      needs_(checkpoint.needs()),
      family_(name_of(checkpoint.family)),
      switches_(switches),
      placement_(placement),
      modules_(std::move(modules)) {}

bool Visual::gate_reads_question() const {
  const auto& fusion = modules_.streams.fusion;
  return fusion && fusion->config().method == FusionMethod::kInstructionTokenGated;
}

bool Visual::fine_objects() const {
  return object_mode(config_, switches_) == ObjectMode::kPatch14;
}

void Visual::check(const SceneInput& scene) const {
  const auto require = [&](bool there, const char* what, const char* remedy) {
    if (!there)
      throw InputError(explain("scene " + scene.key, std::string("no ") + what,
                               "what " + family_ + " needs", remedy));
  };
  const bool tokens = scene.has_tokens();
  require(!needs_.semantic || scene.semantic.defined() || tokens, "semantic features",
          "vega-extract features --backbone siglip --pool native makes them");
  require(!needs_.generative || scene.generative.defined() || tokens, "generative features",
          "vega-extract features --backbone wan --recipe CHECKPOINT makes them");
  require(!modules_.position || scene.points.defined(), "positions: depth and camera poses",
          "vega-extract scene makes a scene file of a scan that has both");
}

Streams Visual::streams_of(const SceneInput& in) const {
  const auto features = [&](const at::Tensor& t) {
    return t.defined() ? t.to(placement_.device) : t;
  };
  if (!in.has_tokens())
    return project(modules_.streams, features(in.semantic),
                   needs_.generative ? features(in.generative) : at::Tensor());
  const auto tokens = [&](const at::Tensor& t) {
    return t.defined() ? t.to(placement_.device, placement_.dtype) : t;
  };
  Streams out;
  out.semantic = tokens(in.semantic_tokens);
  out.generative = tokens(in.generative_tokens);
  out.fused = tokens(in.fused_tokens);
  return out;
}

void Visual::fuse(const SceneInput& scene, const FusionInputs& inputs, Streams& streams) const {
  if (!modules_.streams.fusion || streams.fused.defined()) return;
  const at::Tensor& uncovered = scene.uncovered;
  fuse_streams(*modules_.streams.fusion, inputs,
               uncovered.defined() ? uncovered.to(placement_.device) : uncovered, streams);
}

at::Tensor Visual::instruction(const PromptIds& prompt, const Embed& embed) const {
  const std::span<const std::int64_t> all = prompt.labels, none;
  std::vector<std::int64_t> ids;
  std::vector<float> weights;
  for (const auto& [id, weight] :
       instruction_ids(prompt.ids, prompt.answered ? all : none, config_.instruction)) {
    ids.push_back(id);
    weights.push_back(weight);
  }
  return instruction_vector(embed(ids), weights);
}

at::Tensor Visual::shift(const SceneInput& scene) const {
  const auto& position = modules_.position;
  if (!position || position->config().embedding == Embedding::kNone) return {};
  return position->embed(scene.points);
}

at::Tensor Visual::block(const Streams& streams, const at::Tensor& shift) const {
  const at::Tensor& main = streams.fused.defined() ? streams.fused : streams.semantic;
  const auto placed = [&](const at::Tensor& tokens) {
    if (!shift.defined()) return tokens;
    const at::ScalarType type = tokens.scalar_type();
    return (tokens.to(wide_type(type)) + shift.view_as(tokens)).to(type);
  };
  const at::Tensor block = add_newlines(placed(main), modules_.newline, config_.newlines);
  if (modules_.streams.fusion || !streams.generative.defined()) return block;
  // Not fused: the generative tokens follow, in rows whatever the setting.
  const bool shifted = modules_.position && modules_.position->config().on_generative;
  const at::Tensor more = shifted ? placed(streams.generative) : streams.generative;
  return at::cat({block, add_newlines(more, modules_.newline, Newlines::kGrid)});
}

at::Tensor Visual::objects(const SceneInput& scene, const Streams& streams) const {
  const at::Tensor& tokens = fine_objects()            ? streams.encoded
                             : streams.fused.defined() ? streams.fused
                                                       : streams.semantic;
  const at::ScalarType type = head_placement(placement_, switches_).dtype;
  const at::Device device = placement_.device;
  const at::Tensor out =
      scene.object_tokens.defined()
          ? scene.object_tokens.to(device, type).to(wide_type(type))
          : object_features(tokens.flatten(0, 1), scene.selected.to(device), type);
  const auto& position = modules_.position;
  if (!position || position->config().embedding == Embedding::kNone) return out;
  return out + position->embed_centres(points_tensor(box_centres(scene.boxes)));
}

at::Tensor Visual::text(const std::vector<std::int64_t>& given,
                        const std::vector<std::array<float, 3>>& coords, const Embed& embed,
                        const std::string& key) const {
  std::vector<std::int64_t> ids = given, places;
  const auto& coord = config_.control.coord;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == kImageId) ids[i] = 0;
    if (std::ranges::find(coord, ids[i]) != coord.end())
      places.push_back(static_cast<std::int64_t>(i));
  }
  at::Tensor out = embed(ids);
  const auto& position = modules_.position;
  if (!position || position->config().embedding == Embedding::kNone) return out;
  if (places.size() != coords.size())
    throw InputError(explain(
        "scene " + key + ": a prompt with " + std::to_string(places.size()) + " <coord>",
        std::to_string(coords.size()) + " places in the room",
        std::to_string(places.size()) + ", one for each <coord>",
        "take the word out of the question, or use --compat fixed, where a question's words stay "
        "text"));
  if (places.empty()) return out;
  const at::Tensor rows = at::tensor(places, at::kLong).to(out.device());
  const at::Tensor moved = out.index_select(0, rows).to(wide_type(out.scalar_type())) +
                           position->embed_centres(points_tensor(coords));
  return out.index_copy(0, rows, moved.to(out.scalar_type()));
}

at::Tensor Visual::positions(const SceneInput& scene, std::int64_t image_first,
                             std::int64_t length) const {
  const at::Tensor counted = at::arange(length, at::kLong);
  const auto& position = modules_.position;
  if (!position || !position->config().rope || image_first < 0)
    return config_.text.three_components() ? counted.expand({3, length}).contiguous() : counted;
  const at::Tensor voxels = position->voxels(scene.points.squeeze(1)).view({-1, kTokenCells, 3});
  // Enough after the block, then cut as the sequence was.
  return rope_positions(image_first, voxels, length).slice(1, 0, length).contiguous();
}

}  // namespace vega::vlm
