// What a run of training does, with every default resolved. Below resolve() nothing reads the
// options.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "train/augment.h"
#include "train/optimizer.h"
#include "train/options.h"
#include "vlm/train_model.h"

namespace vega::train {

// The files of scenes: FOLDER/KEY.h5.
struct SceneFolders {
  std::filesystem::path scenes, semantic, generative;  // empty: none
  std::string semantic_tap, generative_tap;            // empty: the file's default
  ObjectKind objects = ObjectKind::kGt;
  bool allow_mismatch = false;
};

struct Recipe {
  std::filesystem::path checkpoint, base, data, out;
  SceneFolders folders;
  bool skip_missing = false, overwrite = false;
  std::int64_t assumed_frames = 0;  // of each scene; no file of a scene is looked for. 0: none are

  vlm::TrainModelOptions model;  // its parts are those that train
  bool preset_parts = false;  // they are a preset's: those that the checkpoint lacks are left out
  std::map<vlm::Part, double> rates;  // of every part that trains
  std::optional<std::int64_t> max_tokens;
  vlm::Masking masking = vlm::Masking::kReleased;

  std::optional<std::int64_t> epochs, steps;  // one of them
  std::int64_t batch = 128, micro_batch = 1;
  Division division = Division::kToken;
  SamplerKind sampler = SamplerKind::kTaskLength;
  bool drop_last = false;  // SamplerKind::kTaskLength, as released
  std::int64_t step_scenes = 4, scene_questions = 16;
  std::int64_t visual_from = 0;
  AugmentOptions augment;

  ScheduleKind schedule = ScheduleKind::kCosine;
  double warmup = 0.03;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0, clip = 1;
  Decay decay = Decay::kMatrices;  // what weight_decay concerns

  std::int64_t save_every = 500, keep = 2;
  ValidationOptions validation;
  double scene_bytes = 0;  // of scenes that are kept
  int threads = 1;
  int ranks = 1;  // that share each step's work
  int zero = 0;   // what of the training they share out
  std::uint64_t seed = 42;
  DType dtype = DType::kF32;

  // What changes numbers, for run.json: without data, base and scenes, whose fingerprints the loop
  // adds.
  Json describe() const;
};

// A plan needs a checkpoint's shapes alone, and one that measures nothing no device.
enum class Purpose { kRun, kPlan, kPlanUnmeasured };

// Checks everything that the options alone can tell, and opens the device. `model.new_parts` lacks
// the widths of features, which their files tell (train/data.h). Throws UsageError, DeviceError.
Recipe resolve(const TrainVerb& options, Purpose purpose = Purpose::kRun);

}  // namespace vega::train
