// Shared by the sources of this folder: messages, and JSON as a stream of events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace vega::scan::detail {

// The remedy for a damaged file.
inline constexpr const char* kFetchAgain = "fetch the file again and compare its checksum";

// Names come from files that may be hostile: control bytes become '?', long ones are cut.
std::string printable(std::string_view text);

// Throws FormatError(explain(...)).
[[noreturn]] void fail(const std::string& where, const std::string& got,
                       const std::string& expected, const std::string& remedy = kFetchAgain);

// What a JSON file holds, in order. A path is the keys from the root, each with a slash before it,
// "#" for an element of a list: "/segGroups/#/label". Keys are encoded by path_key, so that none
// can pass for another.
class JsonSink {
 public:
  virtual ~JsonSink() = default;
  virtual void open(const std::string& path, bool list) = 0;  // an object or a list begins
  virtual void close(const std::string& path) = 0;
  // `whole`: the value where it is an integer of 64 bits.
  virtual void number(const std::string& path, double value, std::optional<std::int64_t> whole) = 0;
  virtual void text(const std::string& path, const std::string& value) = 0;
  virtual void other(const std::string& path) = 0;  // null, true, false
};

// '/', '#' and control bytes of a key become other control bytes.
std::string path_key(std::string_view key);

// Gives the file to the sink, event by event, in memory that does not grow with the file: a token
// (or the space between two) of more than 64 KiB and more than 32 open objects and lists are
// refused beforehand. `what` is what the file should hold, for messages. Throws InputError (cannot
// be opened), FormatError with the byte where it is no JSON (NaN and Infinity are none), and what
// the sink throws.
void read_json(const std::filesystem::path& file, const std::string& what, JsonSink& sink);

}  // namespace vega::scan::detail
