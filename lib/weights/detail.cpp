#include "weights/detail.h"

#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/file_kind.h"

namespace vega::weights_detail {

std::string where(const std::filesystem::path& file, std::string_view tensor) {
  return file.string() + ": tensor '" + printable(tensor) + "'";
}

void fail(const std::string& where, const std::string& got, const std::string& expected,
          const std::string& remedy) {
  throw FormatError(explain(where, got, expected, remedy));
}

void fail_kind(const std::string& where, std::span<const std::byte> bytes,
               const std::string& expected) {
  const FileKind kind = file_kind(bytes);
  fail(where, kind.name, expected, kind.remedy.empty() ? kFetchAgain : kind.remedy);
}

void write_at(int descriptor, const std::filesystem::path& path, std::span<const std::byte> bytes,
              std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int reason = errno;
      const bool full = reason == ENOSPC || reason == EDQUOT;
      throw OutputError(explain(path.string(),
                                std::string("write failed (") + std::strerror(reason) + ")", "",
                                full ? "free some space or choose another output, then run again"
                                     : "check the path and its permissions"));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

}  // namespace vega::weights_detail
