// Options of `vega-train run` and `vega-train plan`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "fusion/objects.h"
#include "ranks/place.h"
#include "run/option_groups.h"
#include "store/scene_file.h"
#include "train/schedule.h"
#include "train/validate.h"
#include "vlm/ground.h"
#include "vlm/prompt.h"
#include "vlm/train_parts.h"

namespace vega::train {

// What trains and how, where no other option says it (docs/training.md has the table).
enum class Preset { kGateOnly, kLora, kFull, kVideo3d, kSpatial };
inline constexpr Choice<Preset> kPresets[] = {
    {Preset::kGateOnly, "gate-only", "fusion and generative projector"},
    {Preset::kLora, "lora",
     "these, adapters on the decoder, ground head, rows of the new tokens of <ground> and <coord>"},
    {Preset::kFull, "full", "everything, as VEGA-3D was trained"},
    {Preset::kVideo3d, "video3d-llm", "everything, as the baseline without fusion was trained"},
    {Preset::kSpatial, "spatial",
     "of Qwen2.5-VL: decoder, generative merger and fusion, as VEGA-3D's spatial model was "
     "trained"}};

// What the losses of a step are divided by.
enum class Division {
  kToken,    // words: the mean over all targets of the step; grounding: the mean over its samples
  kReleased  // the mean of the means of its micro-batches
};
inline constexpr Choice<Division> kDivisions[] = {
    {Division::kToken, "token", "each target token of a step counts the same"},
    {Division::kReleased, "released", "the mean of the means of micro-batches"}};

enum class SamplerKind { kTaskLength, kRandom, kScene };
inline constexpr Choice<SamplerKind> kSamplers[] = {
    {SamplerKind::kTaskLength, "task-length", "steps of one group of tasks"},
    {SamplerKind::kRandom, "random"},
    {SamplerKind::kScene, "scene", "some questions about each of a few scenes"}};

struct TrainVerb {
  std::string checkpoint, base;
  std::string model, prompt;               // Wan, of a model that is shown pictures
  std::string data;                        // a mixture (train/mixture.h)
  std::string scenes, semantic, features;  // folders of KEY.h5
  std::string tap, semantic_tap;           // empty: the file's default
  ObjectKind objects = ObjectKind::kGt;    // among which grounding chooses
  bool allow_mismatch = false, skip_missing = false;

  Preset preset = Preset::kGateOnly;
  std::vector<vlm::Part> train;           // empty: the preset's
  std::optional<double> rate;             // unset: the preset's
  std::map<vlm::Part, double> rates;      // of single parts, over `rate`
  std::optional<std::int64_t> lora_rank;  // unset: 64; given without the part: an error
  double lora_alpha = 16, lora_dropout = 0.05;
  bool lora_rslora = false;

  // What the base checkpoint lacks (vlm::NewParts).
  std::string fusion, form, position;
  std::int64_t fusion_layers = 1, fusion_heads = 8;
  double fusion_dropout = 0.1;
  std::optional<vlm::GroundType> ground_head;
  std::optional<ObjectMode> object_features;

  std::optional<std::int64_t> epochs, steps;  // neither: one epoch
  std::optional<std::int64_t> batch;          // unset: the preset's
  std::int64_t micro_batch = 1;
  std::optional<Division> division;  // unset: the preset's
  vlm::Masking masking = vlm::Masking::kReleased;
  bool spatial_instruction = true;
  std::optional<std::int64_t> max_tokens;  // unset: the checkpoint's
  SamplerKind sampler = SamplerKind::kTaskLength;
  std::int64_t step_scenes = 4, scene_questions = 16;  // of SamplerKind::kScene
  std::int64_t visual_from = 0;                        // steps before it see no visual tokens
  bool augment_turn = false;
  double augment_shift = 0;
  std::int64_t augment_frames = 0;

  ScheduleKind schedule = ScheduleKind::kCosine;
  double warmup = 0.03;  // share of the steps
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  std::optional<double> weight_decay, clip;  // unset: the preset's
  std::optional<Compat> compat;  // unset: reference, but control words of texts stay text

  std::string out;
  bool overwrite = false;
  std::int64_t save_every = 500, keep = 2;
  ValidationOptions validation;

  bool recompute = true;
  std::int64_t pass_tokens = 16384;
  double scene_memory = 2;  // GiB of scenes that are kept
  DeviceOptions device;     // without --batch
  std::int64_t threads = 0, seed = 42;
  Launcher launcher = Launcher::kAuto;
  Collectives collectives = Collectives::kAuto;
  double rank_timeout = 600;        // s
  std::int64_t zero = 0;            // what ranks share out (docs/training.md)
  std::int64_t assumed_frames = 0;  // of a plan: of every scene, whose files are not there

  void visit(OptionVisitor& v);
  int workers() const;  // --threads; all cores this process may use where it is 0
};

// "part=rate,part=rate". Throws UsageError.
std::map<vlm::Part, double> parse_rates(const std::string& option, const std::string& text);

}  // namespace vega::train
