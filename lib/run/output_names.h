// Names of outputs of verbs that make one file an input, such as previews.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vega {

// Where the output of each input goes: `out` itself when there is one input and `out` ends in
// `ending` (".png"), is a stream (base/publish.h) or a link to nothing, else a file in the folder
// `out`, named after the input; where inputs of several folders have one name, after the folder
// too. option: who gave `out`, for messages. Throws UsageError: no input, no `out`, one name for
// several files, an ending of another kind (".jpg").
std::vector<std::filesystem::path> output_names(const std::vector<std::string>& inputs,
                                                const std::filesystem::path& out,
                                                const std::string& option,
                                                const std::string& ending);

// Throws UsageError where an output is one of the inputs, by whatever name (links, other
// spellings). Outputs that are empty texts or not there yet are passed over.
void refuse_inputs_as_outputs(const std::vector<std::filesystem::path>& outputs,
                              const std::vector<std::filesystem::path>& inputs);

}  // namespace vega
