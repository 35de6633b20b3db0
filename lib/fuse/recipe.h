// What a run of `vega-fuse tokens` does, with every default resolved. Below resolve() nothing reads
// the options.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fuse/options.h"
#include "fusion/checkpoint.h"
#include "nn/parameters.h"
#include "store/features.h"

namespace vega::fuse {

struct Recipe : FusionSettings {
  std::filesystem::path out;
  std::string tag;  // empty: see folder_of
  bool overwrite = false, thumbs = true;
  Placement placement;  // its device is open
  int threads = 1;
  std::int64_t batch = 1;  // frames a step on CUDA

  bool wants(TokenPart part) const;
  // out/TAG; without --tag the name that is made for it. Throws UsageError (--tag).
  std::filesystem::path tag_folder(const std::string& made) const;
  // Whether features are others than those that the checkpoint was trained on: warned of with
  // --allow-mismatch, else InputError. features: the item's; remedy: "extract them so".
  bool mismatch(const TrainedOn& trained, const FeatureReader& features, std::size_t tap_place,
                const std::string& remedy) const;
};

// Of a checkpoint's folder or file, for names of folders; of a step "RUN-step-00000100".
std::string checkpoint_name(const std::string& checkpoint);

// Opens the device. Throws UsageError (options that contradict each other), DeviceError.
Recipe resolve(const TokensOptions& options);

}  // namespace vega::fuse
