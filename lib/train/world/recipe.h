// What a run of `vega-train world` does, with every default resolved. Below resolve_world() nothing
// reads the options.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "models/wan/config.h"
#include "run/items.h"
#include "train/world/options.h"

namespace vega::train {

struct WorldRecipe {
  std::vector<Item> items;
  std::filesystem::path root;  // scenes are ids below it; empty: they are paths
  Selection select;
  ImageSize size;
  View view = View::kStretch;
  double latent_bytes = 0;  // at most
  std::string note;

  wan::DitConfig dit;
  std::filesystem::path
      from;                   // folder of the model whose weights training begins with; empty: none
  std::filesystem::path vae;  // folder of the model whose VAE is taken; empty: one is fitted
  std::int64_t vae_width = 8, vae_pictures = 512;
  double vae_power = 0;

  ClipOptions clips;
  double noise_mean = 0.3, noise_std = 1;
  std::int64_t micro_batch = 8;  // clips

  std::int64_t steps = 750;
  MatrixRule optimizer = MatrixRule::kMuon;
  Schedule schedule;
  double rate = 2e-3, weight_decay = 0, clip = 1, ema = 0.998;
  std::uint64_t seed = 42;

  std::filesystem::path out;
  bool overwrite = false;
  std::int64_t save_every = 100, keep = 2;
  wan::ModelLayout layout = wan::ModelLayout::kDiffusers;
  DType store_dtype = DType::kBF16;
  std::int64_t block = 3, timestep = 300;

  at::Device device{at::kCPU};
  DType dtype = DType::kF32;
  int threads = 1;

  // What changes numbers, for run.json: without the pictures and the models that it begins with,
  // whose fingerprints the run adds.
  Json describe() const;
};

// The type of matrix products where none is asked for: bfloat16 where the device computes it fast.
DType usual_world_type(at::Device device);

// Checks everything that the options alone can tell, reads the configuration of --from, and opens
// the device. Throws UsageError, InputError, FormatError, DeviceError.
WorldRecipe resolve_world(const WorldOptions& options);

}  // namespace vega::train
