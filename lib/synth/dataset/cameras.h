// The cameras of a made-up scan, read back from its files.
#pragma once

#include <filesystem>
#include <vector>

#include "geometry/pose.h"

namespace vega::synth {

// Of each picture of a walk of `frames`, of which every `every`-th was written: room from camera,
// the alignment of the scan applied. Throws InputError (no such file), FormatError.
std::vector<Pose> read_cameras(const std::filesystem::path& folder, int frames, int every);

}  // namespace vega::synth
