// Looking for the files of a model without tripping over what cannot be looked at.
#pragma once

#include <filesystem>

namespace vega {

// Whether there is such a file or folder. Throws InputError (path, reason, remedy) when that cannot
// be told: no permission, a loop of links.
bool is_there(const std::filesystem::path& path);

// The same for a folder.
bool is_folder(const std::filesystem::path& path);

}  // namespace vega
