// Gate maps of a report: where a fusion takes the semantic stream, where the generative one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vega::evaluate {

// A figure for each scene, over up to four of its frames: viridis from 0 (generative) to 1
// (semantic). Those of `scenes` that DIR/KEY.h5 has, else the first files of DIR; at most `most`.
// Frames come from the tokens' thumbnails, or from DIR_OF_SCENES/KEY.h5 (may be empty); without
// either, cells alone. A file without a gate says so. Throws InputError: no tokens file at all.
std::string gate_figures(const std::filesystem::path& tokens, const std::filesystem::path& scenes,
                         const std::vector<std::string>& keys, std::size_t most);

}  // namespace vega::evaluate
