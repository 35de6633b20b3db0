// Reader and writer of numpy's .npy, reader of .npz: bounded memory, whatever the archive claims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/publish.h"

namespace vega {

// The values of one array in C order, from front to back, as often as wanted.
class ArrayStream {
 public:
  virtual ~ArrayStream() = default;
  virtual void rewind() = 0;
  // The next out.size() bytes. Throws FormatError (truncated, damaged, more than there are).
  virtual void read(std::span<std::byte> out) = 0;
};

// The header of a .npy, versions 1 to 3.
struct NpyHeader {
  DType dtype = DType::kF32;
  Shape shape;
  bool fortran = false;        // first index fastest
  std::size_t data_begin = 0;  // bytes before the values
};

// Throws FormatError that begins with `where`: no .npy, a broken header, big-endian values, objects
// (these are pickles), structures and other element types than those of base/dtype.h. `bytes` may
// be the front of a file as long as it holds the header (at most kNpyHeaderBytes).
NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& where);
inline constexpr std::size_t kNpyHeaderBytes = std::size_t{64} << 10;

// Arrays of a .npy (one, its name is "") or of a .npz (names without ".npy", sorted). The file is
// mapped. Compressed arrays are inflated piece by piece. Arrays in Fortran order come out in C
// order all the same; only a compressed one of these needs memory, of its own size, and is refused
// above 1 GiB. Source: numpy/lib/format.py (NEP 1); PKWARE APPNOTE.TXT 6.3 for the archive.
class NpyFile {
 public:
  // Throws InputError (cannot be opened), FormatError (neither .npy nor .npz, a broken archive).
  explicit NpyFile(const std::filesystem::path& path);
  ~NpyFile();

  struct Array {
    std::string name;
    NpyHeader header;
    std::string problem;  // why it cannot be read (an object array, say); `open` throws it
  };
  const std::vector<Array>& arrays() const;

  // The stream must not outlive this object. Throws FormatError.
  std::unique_ptr<ArrayStream> open(const Array& array) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A .npy (version 1.0, C order) written in pieces; it appears whole or not at all.
class NpyWriter {
 public:
  // Throws InputError for bf16, which numpy does not know; OutputError.
  NpyWriter(std::filesystem::path path, DType dtype, const Shape& shape);

  // Throws InputError (more bytes than declared), OutputError.
  void write(std::span<const std::byte> piece);

  // Throws InputError (fewer bytes than declared), OutputError.
  void publish();

 private:
  PartFile part_;
  std::uint64_t at_ = 0, end_ = 0;
};

}  // namespace vega
