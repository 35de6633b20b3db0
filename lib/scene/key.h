// Keys of scenes: [A-Za-z0-9._-]+ (contracts 2).
#pragma once

#include <filesystem>
#include <string>

#include "base/key.h"

namespace vega {

// The folder's name or the file's stem, cleaned; a change is logged. Throws InputError when the
// path has no name (such as "/").
std::string scene_key(const std::filesystem::path& path);

}  // namespace vega
