#include <algorithm>
#include <cstring>
#include <memory>

#include "base/dtype.h"
#include "base/error.h"
#include "scan/detail.h"
#include "scan/proposals.h"
#include "weights/npy.h"
#include "weights/zip_archive.h"

namespace vega::scan {
namespace {

constexpr std::int64_t kMostInstances = std::int64_t{1} << 20;
constexpr const char* kExpected = "a matrix saved by scipy.sparse.save_npz: csr, csc or coo";
constexpr const char* kRemedy = "save it again: scipy.sparse.save_npz(path, masks.tocsr())";

[[noreturn]] void refuse(const std::string& where, const std::string& got,
                         const std::string& expected = kExpected) {
  detail::fail(where, got, expected, kRemedy);
}

bool is_whole(DType type) {
  return type == DType::kI32 || type == DType::kI64 || type == DType::kU32 || type == DType::kU64 ||
         type == DType::kI16 || type == DType::kU16 || type == DType::kI8 || type == DType::kU8;
}

// One array of the archive, front to back. Whole numbers up to 2^53 pass through double unharmed;
// larger ones are out of every range here anyway.
class Column {
 public:
  Column(const NpyFile& file, const std::string& name, bool whole, const std::string& where)
      : where_(where + ": array '" + name + "'") {
    const auto& arrays = file.arrays();
    const auto found = std::find_if(arrays.begin(), arrays.end(),
                                    [&](const NpyFile::Array& a) { return a.name == name; });
    if (found == arrays.end()) refuse(where_, "no such array");
    stream_ = file.open(*found);
    type_ = found->header.dtype;
    if (found->header.shape.size() != 1) refuse(where_, to_string(found->header.shape), "a list");
    if (whole && !is_whole(type_)) refuse(where_, std::string(name_of(type_)), "whole numbers");
    size_ = found->header.shape[0];
  }

  std::int64_t size() const { return size_; }
  DType type() const { return type_; }
  const std::string& where() const { return where_; }

  double next() {
    if (at_ == buffered_) fill();
    const double value = detail::widen(type_, buffer_.data() + at_ * size_of(type_));
    ++at_;
    return value;
  }

  // The next value, which must lie in [least, most].
  std::int64_t index(std::int64_t least, std::int64_t most) {
    const double value = next();
    if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most)))
      refuse(where_, "value " + std::to_string(value),
             std::to_string(least) + " to " + std::to_string(most));
    return static_cast<std::int64_t>(value);
  }

 private:
  void fill() {
    constexpr std::int64_t kRun = 16384;
    buffered_ = static_cast<std::size_t>(std::min(kRun, size_ - done_));
    if (buffered_ == 0) refuse(where_, "its end", "more values");
    buffer_.resize(buffered_ * size_of(type_));
    stream_->read(buffer_);
    done_ += static_cast<std::int64_t>(buffered_);
    at_ = 0;
  }

  std::string where_;
  std::unique_ptr<ArrayStream> stream_;
  DType type_ = DType::kI32;
  std::int64_t size_ = 0, done_ = 0;
  std::size_t at_ = 0, buffered_ = 0;
  std::vector<std::byte> buffer_;
};

// "csr", ...: a text array without extents, which NpyFile does not read: bytes (|S3) or UCS-4
// (<U3).
std::string format_of(const std::filesystem::path& path, const std::string& where) {
  const ZipArchive zip(MappedFile::open(path));
  if (zip.entries().find("format.npy") == zip.entries().end()) refuse(where, "no array 'format'");
  const auto record = zip.read("format.npy", true);
  const std::string_view all(reinterpret_cast<const char*>(record.bytes.data()),
                             record.bytes.size());
  if (all.size() < 12 || !all.starts_with("\x93NUMPY")) refuse(where, "a broken array 'format'");
  const std::size_t wide = all.find("'<U3'") != all.npos ? 4 : 1;
  if (all.find(wide == 4 ? "'<U3'" : "'|S3'") == all.npos || all.size() < 12 + 3 * wide)
    refuse(where, "a broken array 'format'");
  std::string name;
  for (std::size_t i = 0; i < 3; ++i) name += all[all.size() - 3 * wide + i * wide];
  return name;
}

// Values at one place add up, but for booleans, of which one is enough.
void add_up(double& sum, double value, DType type) {
  sum = type == DType::kBool ? std::max(sum, value) : sum + value;
}

struct Matrix {
  std::int64_t rows = 0, columns = 0, kept = 0;  // kept: rows that are read
  const NpyFile& file;
  const std::string& where;
};

struct Entry {
  std::int32_t row, column;
  double value;
};

// Sorts, adds up what falls on one place and keeps the columns whose value is 1.
void keep_ones(std::vector<Entry>& entries, DType type, InstanceMasks& masks) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.row != b.row ? a.row < b.row : a.column < b.column;
  });
  for (std::size_t i = 0; i < entries.size();) {
    const Entry& first = entries[i];
    double sum = 0;
    for (; i < entries.size() && entries[i].row == first.row && entries[i].column == first.column;
         ++i) {
      add_up(sum, entries[i].value, type);
    }
    if (sum == 1) masks.rows[static_cast<std::size_t>(first.row)].push_back(first.column);
  }
}

// csr (`by_row`) and csc: runs of entries along one axis, their places on the other in `indices`.
void read_compressed(const Matrix& m, bool by_row, InstanceMasks& masks) {
  Column pointers(m.file, "indptr", true, m.where), places(m.file, "indices", true, m.where);
  Column values(m.file, "data", false, m.where);
  const std::int64_t runs = by_row ? m.rows : m.columns, across = by_row ? m.columns : m.rows;
  if (pointers.size() != runs + 1)
    refuse(pointers.where(), std::to_string(pointers.size()) + " values", std::to_string(runs + 1));
  if (values.size() != places.size())
    refuse(values.where(), std::to_string(values.size()) + " values",
           std::to_string(places.size()) + ", as many as indices");
  std::int64_t at = pointers.index(0, 0);
  std::vector<Entry> entries;
  for (std::int64_t run = 0; run < (by_row ? m.kept : runs); ++run) {
    const std::int64_t end = pointers.index(at, values.size());
    if (end - at > across)
      refuse(pointers.where(), std::to_string(end - at) + " entries in run " + std::to_string(run),
             "at most " + std::to_string(across));
    entries.clear();
    for (; at < end; ++at) {
      const auto place = static_cast<std::int32_t>(places.index(0, across - 1));
      const double value = values.next();
      const Entry entry = by_row ? Entry{static_cast<std::int32_t>(run), place, value}
                                 : Entry{place, static_cast<std::int32_t>(run), value};
      if (entry.row < m.kept) entries.push_back(entry);
    }
    keep_ones(entries, values.type(), masks);
  }
}

void read_coordinates(const Matrix& m, InstanceMasks& masks) {
  Column rows(m.file, "row", true, m.where), columns(m.file, "col", true, m.where);
  Column values(m.file, "data", false, m.where);
  if (rows.size() != columns.size() || rows.size() != values.size())
    refuse(m.where, "row, col and data of different lengths");
  std::vector<Entry> entries;
  for (std::int64_t i = 0; i < values.size(); ++i) {
    const Entry entry{static_cast<std::int32_t>(rows.index(0, m.rows - 1)),
                      static_cast<std::int32_t>(columns.index(0, m.columns - 1)), values.next()};
    if (entry.row >= m.kept) continue;
    if (static_cast<std::int64_t>(entries.size()) == m.kept * m.columns)
      refuse(m.where, "more entries than places");
    entries.push_back(entry);
  }
  keep_ones(entries, values.type(), masks);
}

}  // namespace

InstanceMasks read_masks(const std::filesystem::path& path, std::size_t vertex_count,
                         std::size_t max_rows) {
  const std::string where = path.string();
  const NpyFile file(path);
  const std::string format = format_of(path, where);
  if (format != "csr" && format != "csc" && format != "coo")
    refuse(where, "format '" + detail::printable(format) + "'");
  Column shape(file, "shape", true, where);
  if (shape.size() != 2) refuse(shape.where(), std::to_string(shape.size()) + " extents", "two");
  Matrix matrix{.file = file, .where = where};
  matrix.rows = shape.index(0, kMostInstances);
  matrix.columns = shape.index(0, INT32_MAX);
  if (matrix.columns != static_cast<std::int64_t>(vertex_count))
    throw InputError(explain(where, "masks over " + std::to_string(matrix.columns) + " vertices",
                             std::to_string(vertex_count) + ", the vertices of the mesh",
                             "take masks and mesh from the same scan"));
  matrix.kept = std::min(
      matrix.rows, static_cast<std::int64_t>(std::min<std::size_t>(max_rows, kMostInstances)));
  InstanceMasks masks;
  masks.instances = matrix.rows;
  masks.rows.resize(static_cast<std::size_t>(matrix.kept));
  if (format == "coo") {
    read_coordinates(matrix, masks);
  } else {
    read_compressed(matrix, format == "csr", masks);
  }
  return masks;
}

}  // namespace vega::scan
