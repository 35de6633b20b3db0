#include "base/publish.h"
#include "core/tensor.h"
#include "fusion/checkpoint.h"
#include "fusion/checkpoint_config.h"
#include "weights/safetensors_writer.h"

namespace vega {
namespace {

Parameters full_names(const InitialModules& modules) {
  Parameters out;
  const auto add = [&](std::string_view prefix, const Parameters& values) {
    for (const auto& [name, value] : values) {
      out.emplace_back(std::string(prefix) + name,
                       value.detach().to(at::kCPU, at::kFloat).contiguous());
    }
  };
  add(kSemanticPrefix, modules.semantic);
  add(kGenerativePrefix, modules.generative);
  add(kFusionPrefix, modules.fusion);
  return out;
}

}  // namespace

InitialModules initial_modules(const ProjectorConfig& semantic, const ProjectorConfig& generative,
                               const FusionConfig& fusion, std::uint64_t seed) {
  InitialModules out;
  out.semantic = initial_values(projector_specs(semantic), kSemanticPrefix, seed);
  out.generative = initial_values(projector_specs(generative), kGenerativePrefix, seed);
  out.fusion = initial_values(fusion_specs(fusion), kFusionPrefix, seed);
  out.fingerprint = fingerprint_of(full_names(out));
  return out;
}

void write_fusion_checkpoint(const std::filesystem::path& folder, const ProjectorConfig& semantic,
                             const ProjectorConfig& generative, const FusionConfig& fusion,
                             const InitialModules& modules) {
  check_parameters(projector_specs(semantic), modules.semantic, kSemanticPrefix);
  check_parameters(projector_specs(generative), modules.generative, kGenerativePrefix);
  check_parameters(fusion_specs(fusion), modules.fusion, kFusionPrefix);
  const Parameters values = full_names(modules);
  std::map<std::string, TensorView> views;
  for (const auto& [name, value] : values) views.emplace(name, view_of(value));
  write_safetensors(folder / "model.safetensors", views);
  publish_file(folder / "config.json", fusion::config_text(semantic, generative, fusion));
}

}  // namespace vega
