// Small JSON files of models (configurations, indexes), checked before anything parses them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace vega {

// What a file may be at most.
struct JsonLimits {
  std::size_t bytes = std::size_t{1} << 20;
  int depth = 16;  // open objects and arrays
};

// The text of `path`, of which is known: it is JSON, all numbers fit a double or 64 bits, no object
// has a key twice, and it is nested no deeper than limits.depth (printing a value of nlohmann::json
// takes stack for each level). `what` is what the file should hold, for messages ("a model
// configuration"). Throws FormatError (path, byte or key, expected, remedy), InputError when the
// file cannot be opened.
std::string read_json_text(const std::filesystem::path& path, const std::string& what,
                           const JsonLimits& limits = {});

}  // namespace vega
