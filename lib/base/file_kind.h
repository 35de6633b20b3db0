// Names what a file holds by its first bytes, for messages about a file of the wrong kind.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace vega {

// Bytes from the start of a file that file_kind looks at; fewer are enough for short files.
inline constexpr std::size_t kFileKindBytes = 512;

struct FileKind {
  std::string name;    // "a Git LFS pointer", "a WebP picture"; unknown: "a file that starts with
                       // 76 65 72 73", or the first words of a text
  std::string remedy;  // "fetch the file itself with git lfs pull"; empty where the reader's own
                       // remedy is as good
};

// head: the first bytes of the file, none for an empty file. Never fails.
FileKind file_kind(std::span<const std::byte> head);

}  // namespace vega
