// Names of outputs of verbs that make one file an input, such as previews.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vega {

// Where the output of each input goes: `out` itself when there is one input and `out` ends in
// `ending` (".png"), else a file in the folder `out`, named after the input; where inputs of
// several folders have one name, after the folder too. any_name: for one input `out` is the file
// whatever its ending, unless it is a folder. option: who gave `out`, for messages. Throws
// UsageError: no input, no `out`, one name for several files.
std::vector<std::filesystem::path> output_names(const std::vector<std::string>& inputs,
                                                const std::filesystem::path& out,
                                                const std::string& option,
                                                const std::string& ending, bool any_name = false);

}  // namespace vega
