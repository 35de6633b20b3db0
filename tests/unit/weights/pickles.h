// Pickles and archives made by hand, for tests of the checkpoint reader.
#pragma once

#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/support.h"
#include "weights/zip_writer.h"

namespace vega::test {

inline std::string le(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// Opcodes of protocol 2.
inline std::string p_text(const std::string& text) { return "X" + le(text.size(), 4) + text; }
inline std::string p_int(std::int64_t value) {
  return "\x8a\x08" + le(static_cast<std::uint64_t>(value), 8);
}
inline std::string p_global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string p_tuple(const std::vector<std::int64_t>& values) {
  std::string out = "(";
  for (const auto value : values) out += p_int(value);
  return out + "t";
}
inline std::string p_storage(const std::string& type, const std::string& key, std::int64_t count) {
  return "(" + p_text("storage") + p_global("torch", type) + p_text(key) + p_text("cpu") +
         p_int(count) + "tQ";
}
inline std::string p_tensor(const std::string& storage, std::int64_t offset,
                            const std::vector<std::int64_t>& shape,
                            const std::vector<std::int64_t>& stride) {
  return p_global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + p_int(offset) +
         p_tuple(shape) + p_tuple(stride) + "\x89" + p_global("collections", "OrderedDict") +
         ")RtR";
}
inline std::string p_dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string out = "}(";
  for (const auto& [key, value] : items) out += key + value;
  return out + "u";
}
inline std::string p_file(const std::string& body) { return "\x80\x02" + body + "."; }

using Records = std::vector<std::pair<std::string, std::string>>;

// An archive with this data.pkl and these further records (names without "archive/").
inline void write_archive(const std::filesystem::path& path, const std::string& pickle,
                          const Records& records = {}) {
  ZipWriter zip(path);
  zip.add("archive/data.pkl", pickle);
  for (const auto& [name, data] : records) zip.add("archive/" + name, data);
  zip.publish();
}

}  // namespace vega::test
