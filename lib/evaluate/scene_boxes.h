// Boxes of annotated objects out of scene files, for the scorers, which know no HDF5.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>

namespace vega::evaluate {

// By object id: centre and full extents, metres, axis-aligned. Throws InputError (cannot be opened,
// no ground-truth objects), FormatError.
std::map<std::int64_t, std::array<double, 6>> scene_boxes(const std::filesystem::path& scene_file);

// The same of the proposals, by their place.
std::map<std::int64_t, std::array<double, 6>> scene_proposals(
    const std::filesystem::path& scene_file);

}  // namespace vega::evaluate
