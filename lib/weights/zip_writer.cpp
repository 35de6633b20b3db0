#include "weights/zip_writer.h"

#include <zlib.h>

#include <algorithm>

#include "base/error.h"
#include "weights/detail.h"

namespace vega {
namespace detail = weights_detail;
namespace {

constexpr std::uint64_t kAlignment = 64;  // as torch.save does
constexpr std::uint32_t kFull = 0xffffffffU;
constexpr std::size_t kCrcPlace = 14;  // of the local header
constexpr std::uint16_t kDate = 0x21;  // 1980-01-01

// Little-endian fields, one after the other.
class Fields {
 public:
  Fields& u16(std::uint64_t value) { return put(value, 2); }
  Fields& u32(std::uint64_t value) { return put(value, 4); }
  Fields& u64(std::uint64_t value) { return put(value, 8); }
  Fields& text(std::string_view value) {
    text_ += value;
    return *this;
  }
  const std::string& str() const { return text_; }

 private:
  Fields& put(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text_ += static_cast<char>((value >> (8 * i)) & 0xffU);
    return *this;
  }
  std::string text_;
};

std::uint64_t cut32(std::uint64_t value) { return std::min<std::uint64_t>(value, kFull); }

std::string local_header(const std::string& name, std::uint64_t size, std::uint64_t at) {
  const bool big = size >= kFull;
  Fields extra;
  if (big) extra.u16(1).u16(16).u64(size).u64(size);
  // A filler field brings the data to the next multiple; it cannot be smaller than its 4 bytes.
  const std::uint64_t bare = at + 30 + name.size() + extra.str().size() + 4;
  const std::uint64_t fill = (kAlignment - bare % kAlignment) % kAlignment;
  extra.u16(0x4246).u16(fill).text(std::string(fill, 'Z'));
  Fields header;
  header.u32(0x04034b50).u16(big ? 45 : 20).u16(0x800).u16(0).u16(0).u16(kDate).u32(0);
  header.u32(cut32(size)).u32(cut32(size)).u16(name.size()).u16(extra.str().size());
  return header.text(name).text(extra.str()).str();
}

}  // namespace

void ZipWriter::add(const std::string& name, std::uint64_t size,
                    const std::function<void(const Sink&)>& fill) {
  Entry entry{name, at_, size, 0};
  const auto header = local_header(name, size, at_);
  detail::write_at(part_.descriptor(), part_.path(), detail::as_bytes(header), at_);
  at_ += header.size();
  std::uint64_t written = 0;
  uLong crc = crc32_z(0, nullptr, 0);
  const auto where = part_.final_path().string() + ": record '" + detail::printable(name) + "'";
  fill([&](std::span<const std::byte> piece) {
    if (piece.size() > size - written)
      throw InputError(explain(where, "more bytes than declared", std::to_string(size)));
    if (piece.empty()) return;
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(piece.data()), piece.size());
    detail::write_at(part_.descriptor(), part_.path(), piece, at_ + written);
    written += piece.size();
  });
  if (written != size)
    throw InputError(explain(where, std::to_string(written) + " bytes", std::to_string(size)));
  at_ += size;
  entry.crc = static_cast<std::uint32_t>(crc);
  detail::write_at(part_.descriptor(), part_.path(), std::as_bytes(std::span(&entry.crc, 1)),
                   entry.header + kCrcPlace);
  entries_.push_back(std::move(entry));
}

void ZipWriter::add(const std::string& name, std::string_view text) {
  add(name, text.size(), [&](const Sink& sink) { sink(detail::as_bytes(text)); });
}

void ZipWriter::publish() {
  Fields directory;
  for (const auto& entry : entries_) {
    Fields extra;
    if (entry.size >= kFull) extra.u64(entry.size).u64(entry.size);
    if (entry.header >= kFull) extra.u64(entry.header);
    const auto sizes = extra.str();
    const bool big = !sizes.empty();
    directory.u32(0x02014b50).u16(45).u16(big ? 45 : 20).u16(0x800).u16(0).u16(0).u16(kDate);
    directory.u32(entry.crc).u32(cut32(entry.size)).u32(cut32(entry.size));
    directory.u16(entry.name.size()).u16(big ? sizes.size() + 4 : 0).u16(0).u16(0).u16(0).u32(0);
    directory.u32(cut32(entry.header)).text(entry.name);
    if (big) directory.u16(1).u16(sizes.size()).text(sizes);
  }
  detail::write_at(part_.descriptor(), part_.path(), detail::as_bytes(directory.str()), at_);
  write_end(at_, directory.str().size());
  part_.publish();
}

void ZipWriter::write_end(std::uint64_t begin, std::uint64_t size) {
  const std::uint64_t count = entries_.size();
  Fields end;
  if (count >= 0xffff || begin >= kFull || size >= kFull) {
    end.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(count).u64(count);
    end.u64(size).u64(begin);
    end.u32(0x07064b50).u32(0).u64(begin + size).u32(1);
  }
  const auto small = std::min<std::uint64_t>(count, 0xffff);
  end.u32(0x06054b50).u16(0).u16(0).u16(small).u16(small).u32(cut32(size)).u32(cut32(begin));
  end.u16(0);
  detail::write_at(part_.descriptor(), part_.path(), detail::as_bytes(end.str()), begin + size);
}

}  // namespace vega
