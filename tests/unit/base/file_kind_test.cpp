// Files of the wrong kind are called by their name.
#include "base/file_kind.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace vega;
using Catch::Matchers::Contains;

namespace {

FileKind kind_of(const std::string& bytes) { return file_kind(std::as_bytes(std::span(bytes))); }

std::string padded(std::string bytes, std::size_t size) {
  bytes.resize(size, 'x');
  return bytes;
}

}  // namespace

TEST_CASE("a file is called by what its first bytes say") {
  const std::string zero(1, '\0');
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"\xff\xd8\xff\xe0", "a JPEG picture"},
      {"\x89PNG\r\n\x1a\n", "a PNG picture"},
      {"RIFF1234WEBPVP8 ", "a WebP picture"},
      {"RIFF1234AVI LIST", "an AVI video"},
      {"GIF89a", "a GIF picture"},
      {"II*" + zero, "a TIFF picture"},
      {"MM" + zero + "*", "a TIFF picture"},
      {zero + zero + zero + "\x1c" + "ftypheic", "a HEIC picture"},
      {zero + zero + zero + "\x1c" + "ftypmif1", "a HEIF picture"},
      {zero + zero + zero + "\x1c" + "ftypavif", "an AVIF picture"},
      {zero + zero + zero + "\x1c" + "ftypisom", "an MP4 or QuickTime video"},
      {"\x1f\x8b\x08", "a gzip archive"},
      {"PK\x03\x04", "a zip archive"},
      {padded("scans/0001.jpg", 257) + "ustar", "a tar archive"},
      {"\x89HDF\r\n\x1a\n", "an HDF5 file"},
      {"\x93NUMPY\x01", "a NumPy array"},
      {"\x40" + std::string(7, '\0') + "{\"a\":", "a safetensors file"},
      {"{\"metadata\": {}}", "a JSON text"},
      {"\n <?xml version=\"1.0\"?><Error>", "an XML text"},
      {"version 2\nof it", "a text file that starts with \"version 2\""},
      {"ab\x01", "a file that starts with 61 62 01"},
      {"", "an empty file"},
  };
  for (const auto& [bytes, name] : kinds) {
    INFO(name);
    CHECK(kind_of(bytes).name == name);
  }
}

TEST_CASE("what stands in for a file says how to get the file") {
  const FileKind pointer =
      kind_of("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
  CHECK(pointer.name == "a Git LFS pointer");
  CHECK_THAT(pointer.remedy, Contains("git lfs pull"));
  for (const std::string page :
       {"<!DOCTYPE html><html>login</html>", "\xef\xbb\xbf\r\n<HTML lang=en>"}) {
    CHECK(kind_of(page).name == "a web page (HTML)");
    CHECK_THAT(kind_of(page).remedy, Contains("download the file itself"));
  }
  CHECK_THAT(kind_of(std::string(4096, '\0')).name, Contains("zeros only"));
  CHECK_THAT(kind_of("\x1f\x8b\x08").remedy, Contains("unpack"));
}
