// Shared by the sources of this folder: messages, and JSON element by element.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "base/json.h"

namespace vega::scan::detail {

// The remedy for a damaged file.
inline constexpr const char* kFetchAgain = "fetch the file again and compare its checksum";

// Names come from files that may be hostile: control bytes become '?', long ones are cut.
std::string printable(std::string_view text);

// Throws FormatError(explain(...)).
[[noreturn]] void fail(const std::string& where, const std::string& got,
                       const std::string& expected, const std::string& remedy = kFetchAgain);

// How the release's JSON files name a scene: "scannet/scene0000_00". The prefix may be there
// already.
std::string release_name(const std::string& scene);

// Gives the elements of a list to `take`, in order: the list is the member `name` of the object
// that the file holds. twice: the name of a member that the element, or a part of it, has twice
// (the first one counts); empty: there is none. One element is held at a time, of at most 1,000,000
// values; a token of more than 64 KiB and more than 32 open objects and lists are refused
// beforehand. `expected` is what the list should hold, for messages. Throws InputError (cannot be
// opened), FormatError (no JSON, the list is missing, twice or no list), and what `take` throws.
using TakeElement =
    std::function<void(std::size_t index, const Json& element, const std::string& twice)>;
void read_list(const std::filesystem::path& file, const std::string& name,
               const std::string& expected, const TakeElement& take);

// The same for the members of the object that the file holds. A name twice is refused.
void read_members(const std::filesystem::path& file, const std::string& what,
                  const std::function<void(const std::string& name, const Json& value)>& take);

// One value of a stored type, little endian, as a number. Whole numbers up to 2^53 stay exact.
double widen(DType type, const std::byte* at);

// A whole number from 0 to `most`.
std::optional<std::int32_t> whole_to(const Json& value, std::int64_t most);

}  // namespace vega::scan::detail
