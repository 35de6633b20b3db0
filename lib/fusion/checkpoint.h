// Projectors and fusion of a checkpoint of either release, whatever else it holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fusion/fusion.h"
#include "fusion/projector.h"
#include "nn/parameters.h"
#include "weights/tensor_set.h"

namespace vega {

// Whose names a checkpoint has.
enum class Release {
  kScene,   // main: model.mm_projector, model.generative_projector, model.feature_fusion
  kSpatial  // spatial-reasoning: generative_merger, generative_fusion
};
std::string name_of(Release release);  // "scene", "spatial"

// Full names: prefix of a module in a release. The semantic projector is the scene release's only.
inline constexpr auto kSemanticPrefix = "model.mm_projector.";
inline constexpr auto kGenerativePrefix = "model.generative_projector.";
inline constexpr auto kFusionPrefix = "model.feature_fusion.";
inline constexpr auto kSpatialMergerPrefix = "generative_merger.";
inline constexpr auto kSpatialFusionPrefix = "generative_fusion.";

// What the caller knows better than the checkpoint. Empty: what config.json and tensors say.
struct CheckpointChoice {
  std::string method, form;  // names of set_method and set_form; must fit the tensors
  bool partial = false;      // true: modules may be missing (the accessor then throws)
};

// What the generative stream was when a checkpoint was trained, as its config.json says
// (generative_vision_tower_*; of the spatial release with the defaults of its code, see
// fusion/spatial.h). -1 and empty: not said, or no tower of Wan.
struct TrainedOn {
  std::int64_t block = -1;
  double timestep = -1, shift = -1;
  std::int64_t width = -1, height = -1;
  std::string view;
};

struct FusionCheckpoint {
  std::filesystem::path path;
  Release release = Release::kScene;
  // Absent where the checkpoint has no such tensors (identity projectors: where config.json says).
  std::optional<ProjectorConfig> semantic, generative;
  std::optional<MergerConfig> merger;
  FusionConfig fusion;
  bool has_fusion = false;  // false only when partial: no gate, `fusion` is what was chosen
  TrainedOn trained_on;
  bool initial_values = false;  // config.json says that nothing was trained (vega-synth model)
  WeightViews semantic_views, generative_views, merger_views, fusion_views;  // mapped
  std::vector<std::filesystem::path> files;  // configuration and weights
  TensorSet set;                             // keeps the mappings alive

  // Throw InputError when the checkpoint lacks the module (which, what to do).
  Projector semantic_projector(const Placement& placement = {}, bool requires_grad = false) const;
  Projector generative_projector(const Placement& placement = {}, bool requires_grad = false) const;
  Merger generative_merger(const Placement& placement = {}, bool requires_grad = false) const;
  Fusion fusion_module(const Placement& placement = {}, bool requires_grad = false) const;

  // Key of names, shapes and values of the tensors above: equal for every sharding. The method,
  // form and heads are not in it. Remembered by path, size and mtime of the files.
  std::string fingerprint() const;

  // Throws FormatError (file, tensor, index) on NaN or infinity in the tensors above.
  void check_finite() const;
};

// `path`: a folder with model*.safetensors and perhaps config.json, or one .safetensors file (with
// a config.json beside it or not). Reads headers. Method, form, widths and types come from the
// tensors; config.json (feature_fusion_method, generative_projector_type, ...) is checked against
// them and decides where tensors cannot (add or only; heads, dropout).
// Throws InputError (nothing there; no gate, with what is there), FormatError (missing, unknown,
// misshapen tensors; a configuration that the tensors contradict).
FusionCheckpoint open_fusion_checkpoint(const std::filesystem::path& path,
                                        const CheckpointChoice& choice = {});

// The same of tensors that were read already (and perhaps merged); `config` may not exist, `path`
// is for messages.
FusionCheckpoint open_fusion_checkpoint(TensorSet set, const std::filesystem::path& path,
                                        const std::filesystem::path& config,
                                        const CheckpointChoice& choice = {});

// The main release's three modules with initial values (parameters.h), as if read from a checkpoint
// that was never trained.
struct InitialModules {
  Parameters semantic, generative, fusion;  // names below the prefixes
  std::string fingerprint;                  // equals that of the same values read from a file
};
InitialModules initial_modules(const ProjectorConfig& semantic, const ProjectorConfig& generative,
                               const FusionConfig& fusion, std::uint64_t seed);

// Writes modules under the main release's names (float32 as given) and config.json beside them, so
// that open_fusion_checkpoint reads the same. `folder` must exist. Throws OutputError.
void write_fusion_checkpoint(const std::filesystem::path& folder, const ProjectorConfig& semantic,
                             const ProjectorConfig& generative, const FusionConfig& fusion,
                             const InitialModules& modules);

}  // namespace vega
