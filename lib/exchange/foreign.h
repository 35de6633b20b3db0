// Files of other programs, opened: named arrays of .pt, .safetensors, .npy and .npz, read in
// pieces.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "exchange/card.h"
#include "weights/npy.h"

namespace vega::exchange {

class Foreign {
 public:
  // By the file's ending. Throws InputError (unknown ending, cannot be opened), FormatError.
  explicit Foreign(const std::filesystem::path& path);
  ~Foreign();

  // ".npy, .npz, ...": whether files of this ending are read, and all of them for messages.
  static bool is_known(const std::filesystem::path& path);

  struct Entry {
    std::string name;  // a.b of nested dicts; "" of a file that is one array
    DType dtype = DType::kF32;
    Shape shape;
    std::string problem;  // why it cannot be read; `open` throws it
  };
  const std::filesystem::path& path() const;
  const std::vector<Entry>& entries() const;
  const Entry* find(const std::string& name) const;  // null: no such array
  const Card& card() const;                          // metadata; empty where there is none

  // C order. The stream must not outlive this object. Throws FormatError.
  std::unique_ptr<ArrayStream> open(const Entry& entry) const;
  // A small array whole, when it has this type and shape (-1 matches any extent). Throws
  // FormatError (other type, other shape, more than 256 MiB).
  std::vector<std::byte> read(const Entry& entry, DType dtype, const Shape& shape) const;

  // "FILE: array 'NAME'".
  std::string where(const Entry& entry) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vega::exchange
