// Names of outputs of verbs that make one file an input, such as previews.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
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

// Writes a file whose name a user typed, as publish_file does. Throws UsageError where a file of
// another kind has this name, so that a slip (`--report scans.txt`) destroys nothing: a picture
// replaces a picture, JSON of a vega schema replaces JSON of that schema, JSON without a schema any
// JSON, a text replaces a text that is no JSON; an empty file may be replaced by anything. Throws
// OutputError.
void publish_output(const std::filesystem::path& path, std::span<const std::byte> bytes);
void publish_output(const std::filesystem::path& path, std::string_view text);

// Throws UsageError where an output is one of the inputs, by whatever name (links, other
// spellings). Outputs that are empty texts or not there yet are passed over.
void refuse_inputs_as_outputs(const std::vector<std::filesystem::path>& outputs,
                              const std::vector<std::filesystem::path>& inputs);

}  // namespace vega
