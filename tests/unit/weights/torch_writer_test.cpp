#include "weights/torch_writer.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "base/error.h"
#include "pickles.h"
#include "weights/torch_file.h"
#include "weights/zip_archive.h"
#include "zips.h"

using namespace vega;
using namespace vega::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

std::vector<std::byte> ramp(std::size_t bytes, int seed) {
  std::vector<std::byte> out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 5 + seed);
  return out;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A zip archive of one record in the zip64 form, whatever its size.
std::string zip64_archive(const std::string& name, const std::string& data, std::uint16_t method,
                          std::uint64_t size, std::uint32_t crc) {
  std::string zip = le(0x04034b50, 4) + le(45, 2) + le(0, 2) + le(method, 2) + le(0, 4) +
                    le(crc, 4) + le(0xffffffff, 4) + le(0xffffffff, 4) + le(name.size(), 2) +
                    le(20, 2) + name + le(1, 2) + le(16, 2) + le(size, 8) + le(data.size(), 8) +
                    data;
  const auto directory = zip.size();
  zip += le(0x02014b50, 4) + le(45, 2) + le(45, 2) + le(0, 2) + le(method, 2) + le(0, 4) +
         le(crc, 4) + le(0xffffffff, 4) + le(0xffffffff, 4) + le(name.size(), 2) + le(28, 2) +
         le(0, 2) + le(0, 2) + le(0, 2) + le(0, 4) + le(0xffffffff, 4) + name + le(1, 2) +
         le(24, 2) + le(size, 8) + le(data.size(), 8) + le(0, 8);
  const auto end = zip.size();
  zip += le(0x06064b50, 4) + le(44, 8) + le(45, 2) + le(45, 2) + le(0, 4) + le(0, 4) + le(1, 8) +
         le(1, 8) + le(end - directory, 8) + le(directory, 8);
  zip += le(0x07064b50, 4) + le(0, 4) + le(end, 8) + le(1, 4);
  zip += le(0x06054b50, 4) + le(0, 2) + le(0, 2) + le(0xffff, 2) + le(0xffff, 2) +
         le(0xffffffff, 4) + le(0xffffffff, 4) + le(0, 2);
  return zip;
}

std::uint32_t crc_of(const std::string& text) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

}  // namespace

TEST_CASE("torch writer: every type goes round, aligned, twice the same bytes") {
  TempFolder folder;
  std::map<std::string, std::vector<std::byte>> data;
  std::map<std::string, TensorView> in;
  for (int i = 0; i <= static_cast<int>(DType::kF64); ++i) {
    const auto type = static_cast<DType>(i);
    const auto name = "t." + std::string(name_of(type));
    data[name] = ramp(6 * size_of(type), i);
    in[name] = {type, {2, 1, 3}, data[name].data()};
  }
  in["empty"] = {DType::kF32, {0, 4}, nullptr};
  in["scalar"] = {DType::kF32, {}, data["t.f32"].data()};
  for (const bool ordered : {false, true}) {
    const auto path = folder / (ordered ? "o.pth" : "d.pth");
    write_torch_file(path, in, ordered);
    const auto set = read_torch_file(path);
    CHECK(set.size() == in.size());
    for (const auto& [name, view] : in) {
      CAPTURE(name);
      const auto& out = set.at(name);
      CHECK(out.dtype == view.dtype);
      CHECK(out.shape == view.shape);
      if (view.bytes() == 0) continue;
      CHECK(std::memcmp(out.data, view.data, view.bytes()) == 0);
      CHECK(reinterpret_cast<std::uintptr_t>(out.data) % 64 == 0);
    }
    const auto once = read_bytes(path);
    write_torch_file(path, in, ordered);
    CHECK(once == read_bytes(path));
    // CRCs of all records are right.
    const ZipArchive zip(MappedFile::open(path));
    for (const auto& entry : zip.entries()) CHECK_NOTHROW(zip.read(entry.first, true));
    CHECK(text_of(zip.read("archive/byteorder", true).bytes) == "little");
  }
}

TEST_CASE("torch writer: a bare tensor, in pieces; wrong sizes are refused") {
  TempFolder folder;
  const auto path = folder / "prompt.pt";
  const auto data = ramp(24, 1);
  write_torch_tensor(path, {{"ignored", DType::kBF16, {3, 4}}, [&](const ByteSink& sink) {
                              sink(std::span(data).first(7));
                              sink({});
                              sink(std::span(data).subspan(7));
                            }});
  const auto set = read_torch_file(path);
  CHECK(set.at("").shape == Shape{3, 4});
  CHECK(std::memcmp(set.at("").data, data.data(), 24) == 0);
  const auto before = read_bytes(path);
  const auto partly = [&](std::size_t size) {
    return TorchEntry{{"w", DType::kU8, {10}},
                      [&, size](const ByteSink& sink) { sink(std::span(data).first(size)); }};
  };
  CHECK_THROWS_WITH(write_torch_tensor(path, partly(9)), Contains("data/0") && Contains("9 bytes"));
  CHECK_THROWS_WITH(write_torch_tensor(path, partly(11)), Contains("more bytes"));
  CHECK_THROWS_WITH(write_torch_file(path, std::vector{partly(10), partly(10)}), Contains("'w'"));
  CHECK(before == read_bytes(path));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("zip: zip64 and small deflated records") {
  TempFolder folder;
  const auto path = folder / "a.zip";
  const std::string text(5000, 'v');
  write_bytes(path, bytes_of(zip64_archive("r", text, 0, text.size(), crc_of(text))));
  CHECK(text_of(ZipArchive(MappedFile::open(path)).read("r", true).bytes) == text);

  const auto packed = test::deflated(text);
  write_bytes(path, bytes_of(zip64_archive("r", packed, 8, text.size(), crc_of(text))));
  CHECK(text_of(ZipArchive(MappedFile::open(path)).read("r", false).bytes) == text);

  const auto refused = [&](const std::string& zip, const std::string& part) {
    write_bytes(path, bytes_of(zip));
    CHECK_THROWS_WITH(ZipArchive(MappedFile::open(path)).read("r", true),
                      Contains("a.zip") && Contains(part));
  };
  refused(zip64_archive("r", packed, 8, text.size() + 1, crc_of(text)), "broken compressed");
  refused(zip64_archive("r", packed, 8, text.size() - 1, crc_of(text)), "broken compressed");
  refused(zip64_archive("r", packed, 8, std::uint64_t{1} << 40, 0), "compressed record");
  refused(zip64_archive("r", packed, 8, text.size(), 1), "CRC-32");
  refused(zip64_archive("r", text, 0, text.size() + 1, 0), "stored");
  refused(zip64_archive("r", text, 12, text.size(), 0), "method 12");
  auto encrypted = zip64_archive("r", text, 0, text.size(), crc_of(text));
  encrypted[encrypted.find("PK\x01\x02") + 8] = 1;
  refused(encrypted, "encrypted");
  auto other = zip64_archive("r", text, 0, text.size(), crc_of(text));
  other[30] = 'q';
  refused(other, "the name 'q'");
  auto far = zip64_archive("r", text, 0, text.size(), crc_of(text));
  far.replace(far.find("PK\x01\x02") + 46 + 1 + 4 + 16, 8, le(std::uint64_t{1} << 60, 8));
  refused(far, "no local header");
  auto huge = zip64_archive("r", text, 0, text.size(), crc_of(text));
  huge.replace(huge.find("PK\x06\x06") + 32, 8, le(UINT64_MAX, 8));
  refused(huge, "entries");
  auto lost = zip64_archive("r", text, 0, text.size(), crc_of(text));
  lost.replace(lost.find("PK\x06\x07") + 8, 8, le(UINT64_MAX - 3, 8));
  refused(lost, "points nowhere");
  // Joined: the second one's locator points into the first.
  const auto one = zip64_archive("r", text, 0, text.size(), crc_of(text));
  refused(one + one, "joined");
}
