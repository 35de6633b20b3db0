// The measurement behind `vega-eval profile`: what the first token of an answer takes on this
// machine, with and without the generative branch.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "evaluate/profile_flops.h"
#include "models/backbone.h"
#include "nn/parameters.h"
#include "vlm/checkpoint.h"
#include "vlm/scene.h"

namespace vega::evaluate {

enum class ProfileSetting {
  kNone,    // the checkpoint's semantic path only: the baseline
  kCached,  // generative features are there
  kOnline   // the diffusion model computes them
};
inline constexpr Choice<ProfileSetting> kProfileSettings[] = {
    {ProfileSetting::kNone, "no generative branch"},
    {ProfileSetting::kCached, "cached features"},
    {ProfileSetting::kOnline, "online"}};

// In the order in which they run.
enum class Stage {
  kTower,    // pixels to semantic features
  kFile,     // generative features out of their file
  kVae,      // pixels to latents
  kDit,      // latents to generative features
  kFuse,     // projectors, pooling, fusion, positions
  kLanguage  // the prompt with its visual tokens, and the first token of the answer
};
inline constexpr Choice<Stage> kStages[] = {
    {Stage::kTower, "tower"}, {Stage::kFile, "file"}, {Stage::kVae, "vae"},
    {Stage::kDit, "dit"},     {Stage::kFuse, "fuse"}, {Stage::kLanguage, "language"}};
inline constexpr std::size_t kStageCount = std::size(kStages);

// Seconds: of one run, or the median of several.
using StageSeconds = std::array<double, kStageCount>;

struct ProfileRow {
  ProfileSetting setting{};
  std::array<bool, kStageCount> runs{};        // which stages this setting has
  StageSeconds stages{};                       // medians
  double median_s = 0, low_s = 0, high_s = 0;  // of whole runs: median, quartiles
  double peak_bytes = 0;
  ProfileFlops flops;
  std::int64_t visual_tokens = 0, text_tokens = 0;

  std::string name() const;            // of the setting
  double stage_ms(Stage stage) const;  // NaN: the setting has no such stage
};

// All inputs of a measurement: the checkpoint, the scene, the question, the device.
struct ProfileJob {
  std::filesystem::path checkpoint;
  vlm::CheckpointOptions checkpoint_options;
  std::filesystem::path tower;               // empty: the checkpoint's own
  std::optional<BackboneOptions> diffusion;  // of kOnline
  Placement placement;                       // its device is open
  vlm::Switches switches;
  vlm::SceneInput scene;                      // features, positions
  const FeatureReader* generative = nullptr;  // read anew in each run of kCached; null: in memory
  std::string tap;
  std::string question;
  std::int64_t repeats = 5, warmup = 1;
  int threads = 1;

  std::int64_t frames() const;
};

// Features and positions of a checkpoint's shapes, out of a fixed seed.
vlm::SceneInput made_scene(const vlm::VlmCheckpoint& checkpoint, std::int64_t frames);

// Throws InputError (files and models that do not belong together), DeviceError, Stopped.
ProfileRow measure(const ProfileJob& job, ProfileSetting setting);

}  // namespace vega::evaluate
