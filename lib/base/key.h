// Keys of scenes and names in files: [A-Za-z0-9._-]+ (docs/formats.md, "Keys").
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace vega {

// Whether a text is a key as it stands.
bool is_key(std::string_view text);

// Other characters replaced by '_' (one for each UTF-8 character). Throws InputError when empty.
std::string clean_key(std::string_view text);

// The key of an input: the folder's name or the file's stem, cleaned; a change is logged. Throws
// InputError when the path has no name (such as "/").
std::string scene_key(const std::filesystem::path& path);

}  // namespace vega
