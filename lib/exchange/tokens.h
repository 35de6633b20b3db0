// Tokens of another program's file as vega stores them: frame by frame, (rows, columns, channels),
// finite, of the stored type.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exchange/foreign.h"
#include "exchange/layout.h"

namespace vega::exchange {

bool is_float(DType dtype);  // f16, bf16, f32, f64

class TokenStream {
 public:
  // entry: rank 4 in the order of `layout`, f16, bf16, f32 or f64; store: bf16, f16 or f32. `file`
  // must outlive it. Throws FormatError (element type, rank, an empty axis, frames of more than 64
  // million values), with the remedy.
  TokenStream(const Foreign& file, const Foreign::Entry& entry, Layout layout, DType store);

  std::int64_t frames() const { return frames_; }
  std::int64_t grid_h() const { return grid_h_; }
  std::int64_t grid_w() const { return grid_w_; }
  std::int64_t channels() const { return channels_; }
  DType store() const { return store_; }

  // Of a file's type: f64 is stored as f32.
  static DType natural(DType dtype) { return dtype == DType::kF64 ? DType::kF32 : dtype; }

  void rewind();
  // The next frame, valid until the next call. Widening is exact, narrowing rounds to nearest, ties
  // to even. Throws FormatError naming frame, cell and channel of the first value that is not
  // finite, or is too large for the stored type.
  std::span<const std::byte> next();

 private:
  void convert();
  [[noreturn]] void refuse(std::size_t element, float wide) const;

  std::string where_;
  Layout layout_;
  DType from_, store_;
  std::int64_t frames_ = 0, grid_h_ = 0, grid_w_ = 0, channels_ = 0, at_ = 0;
  std::size_t count_ = 0;  // values of a frame
  std::unique_ptr<ArrayStream> stream_;
  std::vector<std::byte> raw_, converted_, turned_;
};

}  // namespace vega::exchange
