#include "base/file_kind.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/printable.h"

namespace vega {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kCopyAgain = "download or copy the file again";
constexpr std::string_view kSaveAsUtf8 = "save it as UTF-8";
constexpr std::string_view kUnpack = "unpack it and give the file inside";

// Bytes that a kind has at one place.
struct Signature {
  std::size_t offset;
  std::string_view bytes, name, remedy;
};

// The first that fits counts: longer ones stand before those that they begin with.
constexpr Signature kSignatures[] = {
    {0, "version https://git-lfs.github.com/"sv, "a Git LFS pointer",
     "fetch the file itself with git lfs pull"},
    {0, "/annex/objects/"sv, "a git-annex pointer", "fetch the file itself with git annex get"},
    {0, "\xff\xd8\xff"sv, "a JPEG picture", ""},
    {0, "\x89PNG\r\n\x1a\n"sv, "a PNG picture", ""},
    {8, "WEBP"sv, "a WebP picture", ""},
    {8, "AVI "sv, "an AVI video", ""},
    {0, "GIF8"sv, "a GIF picture", ""},
    {0, "II*\0"sv, "a TIFF picture", ""},
    {0, "MM\0*"sv, "a TIFF picture", ""},
    {0, "II+\0"sv, "a BigTIFF picture", ""},
    {0, "BM"sv, "a BMP picture", ""},
    {0, "\xff\x0a"sv, "a JPEG XL picture", ""},
    {4, "JXL \r\n"sv, "a JPEG XL picture", ""},
    {4, "jP  \r\n"sv, "a JPEG 2000 picture", ""},
    {0, "\x76\x2f\x31\x01"sv, "an OpenEXR picture", ""},
    {0, "P5"sv, "a PGM picture", ""},
    {0, "P6"sv, "a PPM picture", ""},
    {4, "ftypavif"sv, "an AVIF picture", ""},
    {4, "ftypavis"sv, "an AVIF picture", ""},
    {4, "ftyphe"sv, "a HEIC picture", ""},
    {4, "ftypmif1"sv, "a HEIF picture", ""},
    {4, "ftypmsf1"sv, "a HEIF picture", ""},
    {4, "ftyp"sv, "an MP4 or QuickTime video", ""},
    {0, "\x1a\x45\xdf\xa3"sv, "a Matroska or WebM video", ""},
    {0, "\x1f\x8b"sv, "a gzip archive", kUnpack},
    {0, "PK\3\4"sv, "a zip archive", kUnpack},
    {0, "PK\5\6"sv, "an empty zip archive", ""},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", kUnpack},
    {0, "Rar!\x1a\x07"sv, "a RAR archive", kUnpack},
    {0, "\xfd\x37zXZ\0"sv, "an xz archive", kUnpack},
    {0, "\x28\xb5\x2f\xfd"sv, "a Zstandard archive", kUnpack},
    {4, "1AY&SY"sv, "a bzip2 archive", kUnpack},
    {257, "ustar"sv, "a tar archive", kUnpack},
    {0, "%PDF-"sv, "a PDF document", ""},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file", ""},
    {0, "\x93NUMPY"sv, "a NumPy array", ""},
    {4, "\0\0\0\0{\""sv, "a safetensors file", ""},
    {0, "ply\n"sv, "a PLY mesh", ""},
    {0, "ply\r\n"sv, "a PLY mesh", ""},
    {0, "\xff\xfe\0\0"sv, "UTF-32 text", kSaveAsUtf8},
    {0, "\0\0\xfe\xff"sv, "UTF-32 text", kSaveAsUtf8},
    {0, "\xff\xfe"sv, "UTF-16 text", kSaveAsUtf8},
    {0, "\xfe\xff"sv, "UTF-16 text", kSaveAsUtf8},
};

bool fits(std::string_view head, const Signature& signature) {
  return head.size() > signature.offset &&
         head.substr(signature.offset).starts_with(signature.bytes);
}

// Without a byte order mark: ASCII characters, each with one or three zero bytes beside it.
bool is_wide_text(std::string_view head, std::size_t unit, std::size_t place) {
  if (head.size() < 2 * unit) return false;
  for (std::size_t i = 0; i + unit <= head.size(); ++i) {
    const char c = head[i];
    const bool plain = (c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n';
    if (i % unit == place ? !plain : c != '\0') return false;
  }
  return true;
}

// The text without a byte order mark and blanks in front, ASCII letters small.
std::string start_of_text(std::string_view head) {
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  head.remove_prefix(std::min(head.size(), head.find_first_not_of(" \t\r\n")));
  std::string text(head.substr(0, 64));
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

FileKind kind_of_text(std::string_view head) {
  const std::string text = start_of_text(head);
  const auto starts = [&](std::string_view with) { return text.starts_with(with); };
  if (starts("<!doctype html") || starts("<html") || starts("<head") || starts("<!--")) {
    return {"a web page (HTML)",
            "download the file itself: the server answered with a page, perhaps to log in"};
  }
  if (starts("<?xml") || starts("<error")) {
    return {"an XML text", "download the file itself: the server may have answered with an error"};
  }
  for (const std::size_t unit : {4, 2}) {
    if (is_wide_text(head, unit, 0) || is_wide_text(head, unit, unit - 1))
      return {unit == 4 ? "UTF-32 text" : "UTF-16 text", std::string(kSaveAsUtf8)};
  }
  if (starts("{")) return {"a JSON text", ""};
  return {};
}

// Of a kind without a name: the first words of a text in ASCII, else the first bytes.
std::string start_of(std::string_view head) {
  const bool ascii = std::all_of(head.begin(), head.end(), [](char c) {
    return (c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n';
  });
  if (ascii) {
    const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
    return fmt::format("a text file that starts with \"{}\"", printable(line, 40));
  }
  std::string text = "a file that starts with";
  for (const char c : head.substr(0, 8))
    text += fmt::format(" {:02x}", static_cast<unsigned char>(c));
  return text;
}

}  // namespace

FileKind file_kind(std::span<const std::byte> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kFileKindBytes));
  if (head.empty()) return {"an empty file", std::string(kCopyAgain)};
  if (head.size() >= 8 && head.find_first_not_of('\0') == head.npos) {
    return {"a file that starts with zeros only (a download or copy that did not finish)",
            std::string(kCopyAgain)};
  }
  const auto found = std::find_if(std::begin(kSignatures), std::end(kSignatures),
                                  [&](const Signature& s) { return fits(head, s); });
  if (found != std::end(kSignatures)) {
    return {std::string(found->name), std::string(found->remedy)};
  }
  FileKind text = kind_of_text(head);
  if (text.name.empty()) text.name = start_of(head);
  return text;
}

FileKind file_kind(std::string_view head) { return file_kind(std::as_bytes(std::span(head))); }

bool is_filled_file(const std::filesystem::path& path) {
  std::error_code none;
  return std::filesystem::is_regular_file(path, none) &&
         std::filesystem::file_size(path, none) > 0 && !none;
}

void require_text(std::string_view where, std::string_view head, std::string_view expected) {
  head = head.substr(0, kFileKindBytes);
  if (head.empty()) return;
  FileKind kind = file_kind(head);
  const bool zeros = head.find('\0') != head.npos;
  if (!zeros && kind.remedy.empty())
    return;  // a text, perhaps one that begins as some picture does
  if (kind.remedy.empty() && kind.name.starts_with("a file that"))
    kind = {"a file with zero bytes", "give a text file"};
  throw FormatError(explain(where, kind.name, expected, kind.remedy));
}

}  // namespace vega
