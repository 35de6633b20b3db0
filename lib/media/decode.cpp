#include "media/decode.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/file_kind.h"
#include "media/jpeg.h"
#include "media/png.h"

namespace vega {

namespace {
[[noreturn]] void refuse_unknown(std::span<const std::byte> bytes, std::string_view where) {
  const FileKind kind = file_kind(bytes);
  throw FormatError(explain(where, kind.name, "a JPEG or PNG picture",
                            kind.name.ends_with(" picture") ? "convert it" : kind.remedy));
}
}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    throw InputError(explain(path.string(), "a folder", "a file"));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::streamoff>(file.tellg()) : std::streamoff{-1};
  std::vector<std::byte> bytes(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size >= 0) {
    file.seekg(0);
    file.read(reinterpret_cast<char*>(bytes.data()), size);
  }
  if (!file) {
    throw InputError(explain(
        path.string(),
        fmt::format("cannot be read ({})", errno != 0 ? std::strerror(errno) : "short read"),
        "a readable file"));
  }
  return bytes;
}

ImageU8 decode_image(std::span<const std::byte> bytes, std::string_view where) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, where);
  if (is_png(bytes)) return decode_png(bytes, where);
  refuse_unknown(bytes, where);
}

ImageSize image_size(std::span<const std::byte> bytes, std::string_view where) {
  if (is_jpeg(bytes)) return jpeg_size(bytes, where);
  if (is_png(bytes)) return png_size(bytes, where);
  refuse_unknown(bytes, where);
}

}  // namespace vega
