// A narrow door to HDF5's C library: files, groups, datasets and attributes, addressed by path.
//   - One lock for the whole process: the distribution's serial library is not thread-safe.
//   - HDF5's own error printing is off; its error stack is folded into our messages.
//   - Element types are stored as they are in memory (little endian) and moved raw: HDF5's own
//     bfloat16 conversion is about 500 times slower. bfloat16 is a 16-bit float type: sign 15,
//     exponent 7..14, mantissa 0..6, bias 127, so h5py and h5dump read real numbers.
//   - Files are of HDF5 1.10 (2016): every piece of metadata has a checksum.
//   - What is read lies in the file itself: soft and external links, external storage and virtual
//     datasets are refused wherever they are met.
//   - HDF5's file locks are off (NFS, Lustre); base/publish.h locks part files itself.
// Errors: FormatError where an existing file is read (file, object, got, expected), OutputError
// where one is written. Rules common to all files: docs/formats.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace vega::h5 {

// What a dataset is, without its values.
struct DatasetInfo {
  DType dtype = DType::kF32;
  Shape shape;
  Shape chunk;              // empty: contiguous
  bool fletcher32 = false;  // a checksum on every chunk
  std::int64_t row_count() const { return shape.empty() ? 1 : shape[0]; }
  std::size_t row_bytes() const;  // one index of the first axis; the whole of a scalar
  std::size_t bytes() const;
};

// One open file; closed by the destructor (which reports nothing: call `close` after writing).
// Object paths are absolute: "/taps/b20_t300/tokens"; "/" is the root group.
class File {
 public:
  struct State;                        // store/h5_detail.h
  enum class Mode { kRead, kChange };  // kChange: an existing file, for more attributes

  static File create(const std::filesystem::path& path);  // truncates; OutputError
  // FormatError; with kChange OutputError: the file is our own.
  static File open(const std::filesystem::path& path, Mode mode = Mode::kRead);
  ~File();
  File(File&&) noexcept;
  File& operator=(File&&) noexcept;

  const std::filesystem::path& path() const;
  void flush();  // OutputError
  void close();  // OutputError; nothing else may be called after it

  // Objects.
  bool exists(const std::string& object) const;
  bool is_dataset(const std::string& object) const;
  std::vector<std::string> children(const std::string& group) const;        // names, sorted
  std::vector<std::string> datasets(const std::string& group = "/") const;  // paths, depth first
  void make_group(const std::string& group);  // and its parents; existing ones are kept
  void copy_from(const File& source, const std::string& object);  // bytewise, to the same path
  void copy_from(const File& source, const std::string& object, const std::string& as);

  // Datasets. `create` makes it without values, one chunk a row (`rows_per_chunk` of the first
  // axis) with fletcher32; scalars and empty datasets are contiguous.
  void create_dataset(const std::string& object, DType dtype, const Shape& shape,
                      std::int64_t rows_per_chunk = 1);
  void write_rows(const std::string& object, std::int64_t first, std::int64_t count,
                  std::span<const std::byte> raw);
  // create_dataset, all values, and the attribute `xxh3` over the raw bytes.
  void write_dataset(const std::string& object, DType dtype, const Shape& shape,
                     std::span<const std::byte> raw, std::int64_t rows_per_chunk = 1);
  DatasetInfo info(const std::string& object) const;
  void read_rows(const std::string& object, std::int64_t first, std::int64_t count,
                 std::span<std::byte> raw) const;
  // Rows [first, first + count) in runs of 4 MiB or one row: memory stays bounded.
  void read_runs(const std::string& object, std::int64_t first, std::int64_t count,
                 const std::function<void(std::span<const std::byte>)>& use) const;
  std::vector<std::byte> read_dataset(const std::string& object) const;  // all, checksum compared
  // As read_dataset, but refuses another element type or shape; -1 in `shape` matches any extent.
  std::vector<std::byte> read_dataset(const std::string& object, DType dtype,
                                      const Shape& shape) const;
  // Reads every value: fletcher32 of each chunk, and the whole against its `xxh3`, which must be
  // there.
  void check_dataset(const std::string& object) const;
  // XXH3-128 over the raw bytes.
  std::string hash_dataset(const std::string& object) const;

  // Attributes. Text is fixed-length UTF-8 (variable length is read too), numbers are i64 or f64.
  bool has_attribute(const std::string& object, const std::string& name) const;
  std::vector<std::string> attributes(const std::string& object) const;  // names, sorted
  void write_text(const std::string& object, const std::string& name, const std::string& value);
  void write_int(const std::string& object, const std::string& name, std::int64_t value);
  void write_number(const std::string& object, const std::string& name, double value);
  // One of these, by the type of the value.
  void write(const std::string& object, const std::string& name, const std::string& value) {
    write_text(object, name, value);
  }
  void write(const std::string& object, const std::string& name, std::int64_t value) {
    write_int(object, name, value);
  }
  void write(const std::string& object, const std::string& name, double value) {
    write_number(object, name, value);
  }
  bool is_text(const std::string& object, const std::string& name) const;
  std::string read_text(const std::string& object, const std::string& name) const;
  std::int64_t read_int(const std::string& object, const std::string& name) const;
  double read_number(const std::string& object, const std::string& name) const;
  void read(const std::string& object, const std::string& name, std::string& value) const {
    value = read_text(object, name);
  }
  void read(const std::string& object, const std::string& name, std::int64_t& value) const {
    value = read_int(object, name);
  }
  void read(const std::string& object, const std::string& name, double& value) const {
    value = read_number(object, name);
  }
  // Any of the above as readable text, for summaries.
  std::string attribute_as_text(const std::string& object, const std::string& name) const;

 private:
  explicit File(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The raw bytes of a run of plain values.
template <typename T>
std::span<const std::byte> raw_bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span<const T>(values));
}

// Raw bytes, as read, as plain values (sizes must divide).
template <typename T>
std::vector<T> values_of(const std::vector<std::byte>& raw) {
  std::vector<T> values(raw.size() / sizeof(T));
  const auto out = std::as_writable_bytes(std::span<T>(values));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = raw[i];
  return values;
}

}  // namespace vega::h5
