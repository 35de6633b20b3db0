// Options of `vega-train world`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/dtype.h"
#include "base/image_types.h"
#include "media/view.h"
#include "models/wan/write.h"
#include "run/option_groups.h"
#include "scene/select.h"
#include "train/schedule.h"
#include "train/world/clips.h"

namespace vega::train {

// What moves the matrices of the blocks; AdamW moves the rest.
enum class MatrixRule { kMuon, kAdamW };
inline constexpr Choice<MatrixRule> kMatrixRules[] = {
    {MatrixRule::kMuon, "muon", "Muon for the matrices of the blocks, AdamW for the rest"},
    {MatrixRule::kAdamW, "adamw", "AdamW for all"}};

inline constexpr Choice<View> kWorldViews[] = {
    {View::kStretch, "stretch", "the whole frame"},
    {View::kNative, "native", "as much of its middle as has the shape of --size"}};

struct WorldOptions {
  ItemOptions items;                  // inputs, list, root
  std::string select = "stride:1";    // as vega-extract
  std::optional<std::int64_t> every;  // --select stride:N
  ImageSize size{256, 192};
  View view = View::kStretch;
  double memory = 4;  // GiB of latents
  std::string note;

  // Unset: 256, 8, 4, 1024, 2, or of --from.
  std::optional<std::int64_t> width, blocks, heads, ffn, patch;
  std::string from, vae;  // model folders
  std::int64_t vae_width = 8, vae_pictures = 512;
  double vae_power = 0;

  ClipOptions clips;
  double noise_mean = 0.3, noise_std = 1;

  std::int64_t steps = 750;
  MatrixRule optimizer = MatrixRule::kMuon;
  double rate = 2e-3;
  ScheduleKind schedule = ScheduleKind::kHalf;
  double warmup = 0.05;  // share of the steps
  double weight_decay = 0, clip = 1, ema = 0.998;
  std::optional<std::int64_t> micro_batch;  // clips of a graph; unset: all of a step
  std::int64_t seed = 42;

  std::string out;
  bool overwrite = false;
  std::int64_t save_every = 100, keep = 2;
  wan::ModelLayout layout = wan::ModelLayout::kDiffusers;
  DType store_dtype = DType::kBF16;
  std::optional<std::int64_t> block;  // unset: the middle one
  std::int64_t timestep = 300;

  std::string device = "cpu";
  std::optional<DType> dtype;  // unset: bf16 where the device computes it fast
  std::int64_t threads = 0;

  void visit(OptionVisitor& v);
};

}  // namespace vega::train
