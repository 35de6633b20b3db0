// Names what a file holds by its first bytes, for messages about a file of the wrong kind, and
// whether it holds anything.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

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
FileKind file_kind(std::string_view head);

// Whether the path is of a file that is not empty. Never fails.
bool is_filled_file(const std::filesystem::path& path);

// For readers of text. Throws FormatError where the first bytes of the file `where` are none of a
// plain text: a pointer of Git LFS or git-annex, a web page, an archive, UTF-16 or UTF-32, zero
// bytes. `expected` says in messages what belongs in the file. An empty head passes: readers know
// what an empty file lacks.
void require_text(std::string_view where, std::string_view head, std::string_view expected);

}  // namespace vega
