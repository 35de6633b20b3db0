// Files of the wrong kind are called by their name.
#include "base/file_kind.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

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

TEST_CASE("a reader of text refuses what is no text, by its name") {
  const auto said = [](const std::string& head) -> std::string {
    try {
      require_text("FILE", head, "numbers");
    } catch (const FormatError& error) {
      return error.what();
    }
    return "accepted";
  };
  const auto wide = [](const std::string& text, std::size_t before, std::size_t after) {
    std::string out;
    for (const char c : text) out += std::string(before, '\0') + c + std::string(after, '\0');
    return out;
  };
  for (const std::string good : {"", "1 0 0 0", "{\"a\": 1}", "BMW/scene\n", "P5/scene\n", "ply\n",
                                 "\xef\xbb\xbf# caf\xc3\xa9\n", "BZhang/room\n"})
    CHECK(said(good) == "accepted");
  CHECK(said("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n") ==
        "FILE: got a Git LFS pointer, expected numbers; fetch the file itself with git lfs pull");
  CHECK_THAT(said("<!DOCTYPE html><html>login</html>"), Contains("a web page (HTML)"));
  CHECK_THAT(said("\x1f\x8b\x08"), Contains("a gzip archive") && Contains("unpack it"));
  CHECK_THAT(said(std::string(64, '\0')), Contains("zeros only"));
  CHECK_THAT(said("/a/b" + std::string(1, '\0') + "/c"), Contains("a file with zero bytes"));
  for (const std::string& text :
       {"\xff\xfe" + wide("1 2\n", 0, 1), "\xfe\xff" + wide("1 2\n", 1, 0), wide("1 2\n", 0, 1),
        wide("1 2\n", 1, 0)})
    CHECK(said(text) == "FILE: got UTF-16 text, expected numbers; save it as UTF-8");
  for (const std::string& text : {std::string("\xff\xfe\0\0", 4) + wide("1 2\n", 0, 3),
                                  wide("1 2\n", 0, 3), wide("1 2\n", 3, 0)})
    CHECK_THAT(said(text), Contains("UTF-32 text"));
}
