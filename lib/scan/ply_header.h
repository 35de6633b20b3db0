// The header of a PLY file. Private to lib/scan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"

namespace vega::scan::detail {

enum class PlyFormat : std::uint8_t { kAscii, kLittle, kBig };

struct PlyProperty {
  std::string name;
  DType type = DType::kF32;         // of the value, or of a list's items
  std::optional<DType> count_type;  // of a list's length
};

struct PlyElement {
  std::string name;
  std::uint64_t count = 0;  // at most 2^31
  std::vector<PlyProperty> properties;
};

struct PlyHeader {
  PlyFormat format = PlyFormat::kAscii;
  std::vector<PlyElement> elements;
  std::size_t size = 0;  // bytes of the header, its last newline included
  int lines = 0;
};

// At most 64 KiB, 64 elements, 256 properties an element. Throws FormatError that begins with
// `where` and names the line.
PlyHeader parse_ply_header(std::string_view file, const std::string& where);

}  // namespace vega::scan::detail
