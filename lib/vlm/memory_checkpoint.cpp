#include "vlm/memory_checkpoint.h"

#include <ATen/ATen.h>

#include <memory>

#include "core/tensor.h"

namespace vega::vlm {
namespace {

// Stands for the file of tensors in memory: there is no such file.
constexpr auto kInMemory = "(tensors in memory)";

TensorSet replaced(const TensorSet& base, const std::map<std::string, at::Tensor>& values,
                   const std::set<std::string>& gone, const std::filesystem::path& file) {
  TensorSet out;
  for (const auto& [name, view] : base.tensors())
    if (!values.contains(name) && !gone.contains(name))
      out.add(name, view, base.owner(name), base.origin(name));
  for (const auto& [name, type] : base.unreadable())
    out.add_unreadable(name, type, base.origin(name));
  for (const auto& [name, value] : values) {
    const auto owner = std::make_shared<const at::Tensor>(value.detach().to(at::kCPU).contiguous());
    out.add(name, view_of(*owner), owner, file);
  }
  return out;
}

}  // namespace

VlmCheckpoint with_tensors(VlmCheckpoint c, const std::map<std::string, at::Tensor>& values,
                           const std::set<std::string>& gone) {
  const std::filesystem::path memory = c.path / kInMemory;
  c.set = replaced(c.set, values, gone, memory);
  c.files.push_back(memory);
  const std::string where = c.path.string();
  FusionCheckpoint& modules = c.modules;
  modules.set = c.set;
  modules.files.push_back(memory);
  const auto take = [&](WeightViews& views, const std::vector<ParameterSpec>& specs,
                        const char* prefix) {
    views = take_parameters(c.set, specs, {where, prefix, {}});
  };
  if (c.pictures) {
    c.pictures->model.set = c.set;
    if (!c.config.generative) return c;
    take(modules.merger_views, merger_specs(*modules.merger), kSpatialMergerPrefix);
    modules.fusion_views =
        take_parameters(c.set, fusion_specs(modules.fusion), {where, kSpatialFusionPrefix, {}},
                        {{"weight_gen", "weight_3d"}});
    return c;
  }
  take(modules.semantic_views, projector_specs(*modules.semantic), kSemanticPrefix);
  if (modules.generative)
    take(modules.generative_views, projector_specs(*modules.generative), kGenerativePrefix);
  if (modules.has_fusion) take(modules.fusion_views, fusion_specs(modules.fusion), kFusionPrefix);
  if (c.config.position)
    take(c.position, position_specs(*c.config.position, c.config.text.hidden), kPositionPrefix);
  if (c.config.ground) take(c.ground, ground_specs(*c.config.ground), kGroundPrefix);
  if (c.tower) c.tower = siglip::open_checkpoint(c.set, c.base);
  return c;
}

}  // namespace vega::vlm
