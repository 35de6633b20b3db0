// One file to be made from a scan or a video, for a verb that needs it: the extraction room makes
// it (extract/scan_part.h), and the program hands that function to the room that asks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "base/image_types.h"
#include "run/context.h"
#include "run/option_groups.h"

namespace vega {

enum class ScanPart {
  kScene,      // vega.scene/1: depth, poses, patches, objects
  kSemantic,   // vega.features/1 of the vision tower
  kGenerative  // vega.features/1 of the diffusion model
};

struct ScanJob {
  ScanPart part = ScanPart::kScene;
  std::filesystem::path scan;
  std::string key;
  std::filesystem::path out;     // folder for the file
  std::filesystem::path frames;  // folder with KEY.h5 whose frames are taken; empty: 32 of all
  std::filesystem::path model, prompt;  // weights; the diffusion model's text embedding
  // Of the generative part, where it is said: -1, no size and an empty view are the defaults.
  std::int64_t block = -1;
  double timestep = -1, shift = -1;
  ImageSize size;
  std::string view;
  bool center_crop = false;  // the baseline's view instead of the release's
  Compat compat = Compat::kReference;
  std::string device = "cpu";
  std::optional<DType> dtype;
  std::int64_t threads = 0;
};

// Makes the file, or finds it complete, and returns its path. Throws what extraction throws.
using MakeScanPart = std::function<std::filesystem::path(const ScanJob&, const Context&)>;

}  // namespace vega
