// Projectors and fusion of a run: from a checkpoint, or with initial values.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "fuse/inputs.h"
#include "fuse/recipe.h"
#include "fusion/checkpoint.h"
#include "fusion/fusion.h"
#include "fusion/projector.h"
#include "fusion/streams.h"

namespace vega::fuse {

// Thread-safe. The recipe must outlive it. Headers are read when it is made, values when they are
// first needed.
class Modules {
 public:
  // Throws UsageError (options that contradict each other, a method that depends on the question),
  // InputError, FormatError (the checkpoint).
  explicit Modules(const Recipe& recipe);

  // The channels of the first scene decide what initial values need; every other scene must have
  // the same, and the widths of a checkpoint. semantic 0: none. Throws InputError.
  void use_channels(const std::string& where, std::int64_t semantic, std::int64_t generative);

  const FusionConfig& config() const { return fusion_; }
  std::string method() const { return name_of(fusion_.method); }
  std::string form() const;  // empty where the method is no token gate
  bool needs_semantic() const { return fusion_.method != FusionMethod::kOnly; }
  bool has_gate() const;
  bool trained() const { return trained_; }
  std::string name() const;  // of the checkpoint, or "seed42"
  const TrainedOn& trained_on() const { return trained_on_; }

  // After use_channels. Equal for equal values, wherever they come from.
  std::string fingerprint();

  const StreamModules& load();  // after use_channels; throws ModelError

 private:
  void read_checkpoint();
  void check_asked() const;
  Parameters initial(const std::vector<ParameterSpec>& specs, const char* prefix) const;
  void make_initial();
  void make_modules();

  const Recipe& recipe_;
  FusionConfig fusion_;
  std::optional<FusionCheckpoint> checkpoint_;
  TrainedOn trained_on_;
  bool trained_ = false;
  std::mutex mutex_;
  std::int64_t semantic_channels_ = -1, generative_channels_ = -1;
  std::optional<ProjectorConfig> semantic_config_, generative_config_;
  // Initial values of what the checkpoint lacks; empty until needed.
  std::optional<Parameters> semantic_, generative_, gate_;
  std::string fingerprint_;
  std::unique_ptr<StreamModules> loaded_;
};

}  // namespace vega::fuse
