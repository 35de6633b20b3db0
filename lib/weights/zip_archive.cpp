#include "weights/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/deflate.h"
#include "weights/detail.h"

namespace vega {
namespace detail = weights_detail;
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr std::size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56, kEnd64LocatorBytes = 20;
constexpr std::uint64_t kMostEntries = 1'000'000;
constexpr std::uint64_t kMostInflated = std::uint64_t{64} << 20;

constexpr const char* kSaveStored =
    "save it again without compression (torch.save, numpy.savez), or unpack and repack it";
constexpr const char* kSeparate =
    "give the files one by one, or fetch the file again where it is meant to be one archive";

// The names that APPNOTE 4.4.5 gives to methods that writers offer.
std::string method_name(std::uint16_t method) {
  switch (method) {
    case 9: return "9 (deflate64)";
    case 12: return "12 (bzip2)";
    case 14: return "14 (LZMA)";
    case 93: return "93 (Zstandard)";
    case 95: return "95 (xz)";
    default: return std::to_string(method);
  }
}

std::uint16_t u16(std::span<const std::byte> b, std::size_t at) {
  return detail::load<std::uint16_t>(b, at);
}
std::uint32_t u32(std::span<const std::byte> b, std::size_t at) {
  return detail::load<std::uint32_t>(b, at);
}
std::uint64_t u64(std::span<const std::byte> b, std::size_t at) {
  return detail::load<std::uint64_t>(b, at);
}

// The end record lies last, before a comment of at most 65535 bytes whose length must fit.
std::optional<std::size_t> find_end(std::span<const std::byte> bytes) {
  if (bytes.size() < kEndBytes) return std::nullopt;
  const std::size_t last = bytes.size() - kEndBytes;
  const std::size_t first = last > 0xffff ? last - 0xffff : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (u32(bytes, at) == kEnd && u16(bytes, at + 20) == bytes.size() - at - kEndBytes) return at;
  }
  return std::nullopt;
}

std::uint32_t crc_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

bool ZipArchive::is_zip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && (u32(bytes, 0) == kLocal || u32(bytes, 0) == kEnd);
}

ZipArchive::ZipArchive(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
  read_directory();
}

void ZipArchive::fail(const std::string& entry, const std::string& got, const std::string& expected,
                      const std::string& remedy) const {
  const auto where =
      file_->path().string() + (entry.empty() ? "" : ": record '" + detail::printable(entry) + "'");
  detail::fail(where, got, expected, remedy.empty() ? detail::kFetchAgain : remedy);
}

void ZipArchive::read_directory() {
  const auto bytes = file_->bytes();
  const auto end = find_end(bytes);
  if (!end) fail("", "no zip directory at the end", "a complete zip archive (truncated file?)");
  if (u16(bytes, *end + 4) != 0 || u16(bytes, *end + 6) != 0)
    fail("", "one part of several disks", "a zip archive in one file");
  std::uint64_t count = u16(bytes, *end + 10);
  std::uint64_t size = u32(bytes, *end + 12);
  std::uint64_t offset = u32(bytes, *end + 16);
  std::uint64_t limit = *end;
  if (*end >= kEnd64LocatorBytes && u32(bytes, *end - kEnd64LocatorBytes) == kEnd64Locator) {
    const auto at = u64(bytes, *end - kEnd64LocatorBytes + 8);
    limit = *end - kEnd64LocatorBytes;
    if (limit < kEnd64Bytes || at > limit - kEnd64Bytes || u32(bytes, at) != kEnd64)
      fail("", "a zip64 locator that points nowhere", "the zip64 end record");
    // The record states its size less the 12 bytes in front, and its locator follows it.
    if (const auto rest = u64(bytes, at + 4); rest > limit - at || at + 12 + rest != limit)
      fail("",
           "a zip64 end record at byte " + std::to_string(at) + " that its locator at byte " +
               std::to_string(limit) + " does not follow",
           "one archive (two files joined?)", kSeparate);
    count = u64(bytes, at + 32);
    size = u64(bytes, at + 40);
    offset = u64(bytes, at + 48);
    limit = at;
  }
  if (offset > limit || size > limit - offset)
    fail("",
         "a directory out of bounds (begin " + std::to_string(offset) + ", " +
             std::to_string(size) + " bytes)",
         "one before byte " + std::to_string(limit));
  if (offset + size != limit)
    fail("",
         "a directory that ends at byte " + std::to_string(offset + size) + ", " +
             std::to_string(limit - offset - size) + " bytes before the end record",
         "one archive whose directory ends there (two files joined?)", kSeparate);
  if (count > kMostEntries || count * kCentralBytes > size)
    fail("", std::to_string(count) + " entries in " + std::to_string(size) + " bytes",
         "a directory that holds them");
  std::size_t at = offset;
  for (std::uint64_t i = 0; i < count; ++i) at = read_entry(at, offset + size);
  std::uint64_t first = bytes.size();
  for (const auto& [name, entry] : entries_) first = std::min(first, entry.header);
  if (first > 0 && first < offset)  // beyond: read() says what is wrong
    fail("", std::to_string(first) + " bytes before the first record",
         "one archive that begins with a record (two files joined?)", kSeparate);
}

// One row of the directory; returns where the next begins.
std::size_t ZipArchive::read_entry(std::size_t at, std::size_t end) {
  const auto bytes = file_->bytes();
  if (end - at < kCentralBytes || u32(bytes, at) != kCentral)
    fail("", "a directory that breaks at byte " + std::to_string(at), "an entry");
  const std::size_t name_size = u16(bytes, at + 28), extra_size = u16(bytes, at + 30);
  const std::size_t next = at + kCentralBytes + name_size + extra_size + u16(bytes, at + 32);
  if (next > end) fail("", "an entry that reaches over the directory", "complete entries");
  std::string name(reinterpret_cast<const char*>(bytes.data()) + at + kCentralBytes, name_size);
  if ((u16(bytes, at + 8) & 1U) != 0) fail(name, "an encrypted entry", "plain data", kSaveStored);
  Entry entry;
  entry.method = u16(bytes, at + 10);
  entry.crc = u32(bytes, at + 16);
  entry.packed = u32(bytes, at + 20);
  entry.size = u32(bytes, at + 24);
  entry.header = u32(bytes, at + 42);
  // zip64: the extra field 1 holds, in this order, what is all ones above.
  const auto extra = bytes.subspan(at + kCentralBytes + name_size, extra_size);
  for (std::size_t e = 0; e + 4 <= extra.size();) {
    const std::size_t field_size = u16(extra, e + 2);
    if (field_size > extra.size() - e - 4) break;
    if (u16(extra, e) == 1) {
      std::size_t from = e + 4;
      for (auto* value : {&entry.size, &entry.packed, &entry.header}) {
        if (*value != 0xffffffffU) continue;
        if (from + 8 > e + 4 + field_size) fail(name, "a short zip64 field", "8 bytes a size");
        *value = u64(extra, from);
        from += 8;
      }
    }
    e += 4 + field_size;
  }
  if (!entries_.emplace(name, entry).second) fail(name, "the record twice", "unique records");
  return next;
}

ZipArchive::Record ZipArchive::read(const std::string& name, bool check_crc) const {
  const auto place = entries_.find(name);
  if (place == entries_.end()) fail(name, "no such record", "a complete archive");
  const auto& entry = place->second;
  const auto bytes = file_->bytes();
  if (bytes.size() < kLocalBytes || entry.header > bytes.size() - kLocalBytes ||
      u32(bytes, entry.header) != kLocal)
    fail(name, "no local header at byte " + std::to_string(entry.header), "the start of a record");
  const std::size_t name_size = u16(bytes, entry.header + 26);
  const std::uint64_t begin =
      entry.header + kLocalBytes + name_size + u16(bytes, entry.header + 28);
  if (begin > bytes.size() || entry.packed > bytes.size() - begin)
    fail(name, std::to_string(entry.packed) + " bytes from byte " + std::to_string(begin),
         "a record within the file of " + std::to_string(bytes.size()) + " bytes");
  const std::string_view local_name(
      reinterpret_cast<const char*>(bytes.data()) + entry.header + kLocalBytes, name_size);
  if (local_name != name)
    fail(name, "the name '" + detail::printable(local_name) + "' in its header", "the same name");
  const auto packed = bytes.subspan(begin, entry.packed);
  if (entry.method == Z_DEFLATED) return inflate(name, entry, packed);
  if (entry.method != 0)
    fail(name, "compression method " + method_name(entry.method),
         "a record that is stored or deflated", kSaveStored);
  if (entry.packed != entry.size)
    fail(name, std::to_string(entry.packed) + " bytes stored",
         std::to_string(entry.size) + " as the directory says");
  if (check_crc && crc_of(packed) != entry.crc)
    fail(name, "a wrong CRC-32", "bytes as they were written");
  return {packed, file_};
}

void ZipArchive::verify(const std::string& name) const {
  const std::lock_guard held(mutex_);
  const auto place = entries_.find(name);
  if (verified_.contains(name) || (place != entries_.end() && place->second.method == Z_DEFLATED))
    return;  // what was inflated was checked then
  static_cast<void>(read(name, true));
  verified_.insert(name);
}

ZipArchive::Record ZipArchive::inflate(const std::string& name, const Entry& entry,
                                       std::span<const std::byte> packed) const {
  if (entry.packed > kMostInflated || entry.size > kMostInflated ||
      (inflated_ += entry.size) > kMostInflated)
    fail(name, "a compressed record of " + std::to_string(entry.size) + " bytes",
         "stored records, as torch.save writes them (compressed: 64 MiB in all)", kSaveStored);
  if (entry.size / kMostInflation > entry.packed)
    fail(name,
         "a record of " + std::to_string(entry.size) + " bytes packed into " +
             std::to_string(entry.packed),
         "at least one byte for " + std::to_string(kMostInflation));
  auto out = std::make_shared<std::vector<std::byte>>(std::max<std::uint64_t>(entry.size, 1));
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail(name, "no memory to inflate", "some");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out->data());
  stream.avail_out = static_cast<uInt>(out->size());
  const int status = ::inflate(&stream, Z_FINISH);
  const auto made = stream.total_out;
  inflateEnd(&stream);
  if (status != Z_STREAM_END || made != entry.size)
    fail(name, "broken compressed data", std::to_string(entry.size) + " bytes once inflated");
  const std::span<const std::byte> bytes(out->data(), entry.size);
  if (crc_of(bytes) != entry.crc) fail(name, "a wrong CRC-32", "bytes as they were written");
  return {bytes, std::move(out)};
}

}  // namespace vega
