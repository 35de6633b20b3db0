#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/deflate.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "weights/detail.h"
#include "weights/npy.h"
#include "weights/zip_archive.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

using Bytes = std::span<const std::byte>;
using Owner = std::shared_ptr<const void>;

constexpr std::uint64_t kMostNpyBytes = std::uint64_t{1} << 30;
constexpr std::size_t kMostArrays = 65536;
constexpr std::string_view kSuffix = ".npy";

std::string where_of(const fs::path& file, const std::string& name) {
  return name.empty() ? file.string() : file.string() + ": array '" + detail::printable(name) + "'";
}

std::uint32_t crc_of(std::uint32_t crc, Bytes bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Raw bytes from front to back.
class Bytestream {
 public:
  virtual ~Bytestream() = default;
  virtual void rewind() = 0;
  virtual void read(std::span<std::byte> out) = 0;
};

// Bytes in memory; at the end their CRC-32 is compared where there is one.
class MemoryBytes final : public Bytestream {
 public:
  MemoryBytes(Bytes bytes, std::optional<std::uint32_t> crc, std::string where, Owner owner)
      : bytes_(bytes), crc_(crc), where_(std::move(where)), owner_(std::move(owner)) {}

  void rewind() override { at_ = found_ = 0; }

  void read(std::span<std::byte> out) override {
    if (out.size() > bytes_.size() - at_)
      detail::fail(where_, "the end of the values", std::to_string(out.size()) + " bytes more",
                   detail::kFetchAgain);
    if (out.empty()) return;
    std::memcpy(out.data(), bytes_.data() + at_, out.size());
    at_ += out.size();
    if (!crc_) return;
    found_ = crc_of(found_, out);
    if (at_ == bytes_.size() && found_ != *crc_)
      detail::fail(where_, "a wrong CRC-32", "bytes as they were written", detail::kFetchAgain);
  }

 private:
  Bytes bytes_;
  std::optional<std::uint32_t> crc_;
  std::string where_;
  Owner owner_;
  std::size_t at_ = 0;
  std::uint32_t found_ = 0;
};

// A deflated record, inflated as it is read.
class InflatedBytes final : public Bytestream {
 public:
  InflatedBytes(Bytes packed, std::uint64_t size, std::uint32_t crc, std::string where, Owner owner)
      : packed_(packed),
        size_(size),
        crc_(crc),
        where_(std::move(where)),
        owner_(std::move(owner)) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~InflatedBytes() override { inflateEnd(&stream_); }
  InflatedBytes(const InflatedBytes&) = delete;
  InflatedBytes& operator=(const InflatedBytes&) = delete;

  void rewind() override {
    inflateReset(&stream_);
    stream_.avail_in = 0;
    taken_ = made_ = 0;
    found_ = 0;
  }

  void read(std::span<std::byte> out) override {
    if (out.size() > size_ - made_) damaged();
    for (auto rest = out; !rest.empty();) {
      const auto piece = rest.first(std::min<std::size_t>(rest.size(), kPiece));
      inflate_into(piece);
      rest = rest.subspan(piece.size());
    }
    if (made_ == size_) check_end();
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{1} << 20;

  [[noreturn]] void damaged() const {
    detail::fail(where_, "broken compressed data", std::to_string(size_) + " bytes once inflated",
                 detail::kFetchAgain);
  }

  void feed() {
    if (stream_.avail_in > 0) return;
    const auto next = packed_.subspan(taken_, std::min(packed_.size() - taken_, kPiece));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(next.data()));
    stream_.avail_in = static_cast<uInt>(next.size());
    taken_ += next.size();
  }

  void inflate_into(std::span<std::byte> out) {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out > 0) {
      feed();
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      const bool dry = stream_.avail_in == 0 && taken_ == packed_.size();
      if (stream_.avail_out > 0 && (status != Z_OK || dry)) damaged();
    }
    made_ += out.size();
    found_ = crc_of(found_, out);
  }

  // The stream must end where the directory says.
  void check_end() {
    std::byte spare{};
    stream_.next_out = reinterpret_cast<Bytef*>(&spare);
    stream_.avail_out = 1;
    int status = Z_OK;
    while (status == Z_OK && stream_.avail_out == 1 &&
           (stream_.avail_in > 0 || taken_ < packed_.size())) {
      feed();
      status = ::inflate(&stream_, Z_NO_FLUSH);
    }
    if (stream_.avail_out == 0) damaged();
    if (found_ != crc_)
      detail::fail(where_, "a wrong CRC-32", "bytes as they were written", detail::kFetchAgain);
  }

  Bytes packed_;
  std::uint64_t size_;
  std::uint32_t crc_;
  std::string where_;
  Owner owner_;
  z_stream stream_{};
  std::size_t taken_ = 0;
  std::uint64_t made_ = 0;
  std::uint32_t found_ = 0;
};

// Values that lie in C order already: what follows the header.
class PlainStream final : public ArrayStream {
 public:
  PlainStream(std::unique_ptr<Bytestream> bytes, std::size_t skip)
      : bytes_(std::move(bytes)), skip_(skip) {
    PlainStream::rewind();
  }
  void rewind() override {
    bytes_->rewind();
    std::vector<std::byte> head(skip_);
    bytes_->read(head);
  }
  void read(std::span<std::byte> out) override { bytes_->read(out); }

 private:
  std::unique_ptr<Bytestream> bytes_;
  std::size_t skip_;
};

// Values in memory with the first index fastest, handed out in C order.
class FortranStream final : public ArrayStream {
 public:
  FortranStream(Bytes values, const NpyHeader& header, Owner owner)
      : values_(values),
        shape_(header.shape),
        unit_(size_of(header.dtype)),
        index_(shape_.size(), 0),
        stride_(shape_.size(), unit_),
        owner_(std::move(owner)) {
    for (std::size_t d = 1; d < stride_.size(); ++d)
      stride_[d] = stride_[d - 1] * static_cast<std::size_t>(shape_[d - 1]);
  }

  void rewind() override {
    std::fill(index_.begin(), index_.end(), 0);
    place_ = 0;
    left_ = values_.size();
  }

  void read(std::span<std::byte> out) override {
    if (out.size() > left_ || out.size() % unit_ != 0)
      throw InputError(explain("array in Fortran order", std::to_string(out.size()) + " bytes",
                               "whole values within the array"));
    left_ -= out.size();
    for (std::size_t i = 0; i < out.size(); i += unit_) {
      std::memcpy(out.data() + i, values_.data() + place_, unit_);
      step();
    }
  }

 private:
  void step() {
    for (std::size_t d = shape_.size(); d-- > 0;) {
      place_ += stride_[d];
      if (++index_[d] < shape_[d]) return;
      place_ -= stride_[d] * static_cast<std::size_t>(shape_[d]);
      index_[d] = 0;
    }
  }

  Bytes values_;
  Shape shape_;
  std::size_t unit_;
  Shape index_;
  std::vector<std::size_t> stride_;
  Owner owner_;
  std::size_t place_ = 0, left_ = values_.size();
};

}  // namespace

struct NpyFile::State {
  std::shared_ptr<const MappedFile> file;
  std::unique_ptr<ZipArchive> zip;  // of a .npz
  std::vector<Array> arrays;

  // What an array is made of, and how long that is.
  struct Source {
    std::unique_ptr<Bytestream> stream;
    std::uint64_t size = 0;
    Bytes mapped;  // empty where it is compressed
    std::optional<std::uint32_t> crc;
  };

  Source source(const std::string& name) const {
    const std::string where = where_of(file->path(), name);
    if (!zip) {
      const auto bytes = file->bytes();
      return {
          std::make_unique<MemoryBytes>(bytes, std::nullopt, where, file), bytes.size(), bytes, {}};
    }
    const auto record = name + std::string(kSuffix);
    const auto& entry = zip->entries().at(record);
    if (entry.method != Z_DEFLATED) {
      const auto bytes = zip->read(record, false).bytes;
      return {std::make_unique<MemoryBytes>(bytes, entry.crc, where, file), bytes.size(), bytes,
              entry.crc};
    }
    return {
        std::make_unique<InflatedBytes>(packed(record, where), entry.size, entry.crc, where, file),
        entry.size,
        {},
        entry.crc};
  }

  Bytes packed(const std::string& record, const std::string& where) const {
    constexpr std::uint64_t kLocal = 30;
    const auto& entry = zip->entries().at(record);
    const auto bytes = file->bytes();
    const bool head = bytes.size() >= kLocal && entry.header <= bytes.size() - kLocal;
    const std::uint64_t begin = head ? entry.header + kLocal +
                                           detail::load<std::uint16_t>(bytes, entry.header + 26) +
                                           detail::load<std::uint16_t>(bytes, entry.header + 28)
                                     : bytes.size();
    if (!head || begin > bytes.size() || entry.packed > bytes.size() - begin)
      detail::fail(
          where,
          std::to_string(entry.packed) + " compressed bytes from byte " + std::to_string(begin),
          "a record within the file of " + std::to_string(bytes.size()) + " bytes",
          detail::kFetchAgain);
    if (entry.size > kMostInflation * entry.packed + 64)
      detail::fail(where,
                   std::to_string(entry.size) + " bytes out of " + std::to_string(entry.packed) +
                       " compressed ones",
                   "what deflate can do", detail::kFetchAgain);
    return bytes.subspan(begin, entry.packed);
  }

  void add(const std::string& name) {
    Array array;
    array.name = name;
    const std::string where = where_of(file->path(), name);
    try {
      const Source from = source(name);
      std::vector<std::byte> front(std::min<std::uint64_t>(from.size, kNpyHeaderBytes));
      from.stream->read(front);
      array.header = parse_npy_header(front, where);
      const auto wanted = TensorView{array.header.dtype, array.header.shape, nullptr}.bytes();
      if (from.size - array.header.data_begin != wanted)
        detail::fail(where,
                     std::to_string(from.size - array.header.data_begin) + " bytes of values",
                     std::to_string(wanted) + " for shape " + to_string(array.header.shape),
                     detail::kFetchAgain);
    } catch (const FormatError& error) {
      array.problem = error.what();
    }
    arrays.push_back(std::move(array));
  }
};

NpyFile::NpyFile(const fs::path& path) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.file = MappedFile::open(path);
  if (s.file->bytes().empty())
    detail::fail(path.string(), "an empty file", "a .npy or .npz", detail::kFetchAgain);
  if (!ZipArchive::is_zip(s.file->bytes())) {
    s.add("");
    if (!s.arrays.front().problem.empty()) throw FormatError(s.arrays.front().problem);
    return;
  }
  s.zip = std::make_unique<ZipArchive>(s.file);
  for (const auto& [record, entry] : s.zip->entries()) {
    if (!record.ends_with(kSuffix)) continue;
    if (s.arrays.size() >= kMostArrays)
      detail::fail(path.string(), "more than 65536 arrays", "an .npz of features", "split it");
    s.add(record.substr(0, record.size() - kSuffix.size()));
  }
  if (s.arrays.empty())
    detail::fail(path.string(), "a zip archive without a .npy in it", "what numpy.savez writes",
                 "a torch file must end in .pt or .pth");
}

NpyFile::~NpyFile() = default;

const std::vector<NpyFile::Array>& NpyFile::arrays() const { return state_->arrays; }

std::unique_ptr<ArrayStream> NpyFile::open(const Array& array) const {
  if (!array.problem.empty()) throw FormatError(array.problem);
  const std::string where = where_of(state_->file->path(), array.name);
  auto source = state_->source(array.name);
  const std::size_t begin = array.header.data_begin;
  const bool one_axis = array.header.shape.size() < 2;
  if (!array.header.fortran || one_axis)
    return std::make_unique<PlainStream>(std::move(source.stream), begin);
  if (!source.mapped.empty()) {
    if (source.crc && crc_of(0, source.mapped) != *source.crc)
      detail::fail(where, "a wrong CRC-32", "bytes as they were written", detail::kFetchAgain);
    return std::make_unique<FortranStream>(source.mapped.subspan(begin), array.header,
                                           state_->file);
  }
  if (source.size > kMostNpyBytes)
    detail::fail(where,
                 "a compressed array in Fortran order of " + std::to_string(source.size) + " bytes",
                 "at most 1 GiB of these", "save it with np.ascontiguousarray(array)");
  const auto all = std::make_shared<std::vector<std::byte>>(source.size);
  source.stream->read(*all);
  return std::make_unique<FortranStream>(Bytes(*all).subspan(begin), array.header, all);
}

}  // namespace vega
