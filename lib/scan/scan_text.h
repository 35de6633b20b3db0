// The text file of a scan, `NAME.txt`: lines "key = value".
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "scan/geometry.h"

namespace vega::scan {

struct ScanText {
  Matrix4 axis_align = kIdentity4;  // aligned_from_scan, float64
  bool has_axis_align = false;      // false: no such line (test scans), the identity stands in
  std::optional<std::int64_t> color_frames;  // numColorFrames: frames of the scan's stream
};

// Reads `axisAlignment = ` + 16 numbers, row-major, and numColorFrames; the first such line counts.
// Throws InputError (cannot be opened), FormatError with the line: not 16 numbers, not finite, not
// rigid (bottom row 0 0 0 1; |R R^T - I| <= 1e-3 and det R > 0: six printed decimals give 3e-6,
// four give 3e-4), an empty file, or one of more than 1 MiB.
ScanText read_scan_text(const std::filesystem::path& path);

// Throws FormatError that begins with `where` unless m is finite and rigid as above.
void check_rigid(const Matrix4& m, const std::string& where);

}  // namespace vega::scan
