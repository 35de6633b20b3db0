// PLY meshes: the vertices of `NAME_vh_clean_2.ply`.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "scan/geometry.h"

namespace vega::scan {

struct Mesh {
  std::vector<Point3f> vertices;                    // P, metres, as stored (scan frame)
  std::vector<std::array<std::uint8_t, 3>> colors;  // P, or none in the file
};

// Reads ascii, binary_little_endian and binary_big_endian 1.0; elements and properties in any
// order, other properties and lists (faces) are stepped over to the end of the file, so that a
// truncated download is seen. x, y, z: any scalar type, rounded to float32; red, green, blue: uchar
// (others are ignored). Memory: 15 bytes a vertex that the file really holds, whatever it claims.
// Throws InputError (cannot be opened), FormatError with the byte offset or line: no PLY, unknown
// type, no vertices with x y z, a count beyond the file (or 2^31), truncated, a coordinate that is
// NaN or infinite (names the first such vertex and how many there are). Bytes after the last
// element are ignored.
// Source: The Stanford PLY format (G. Turk, 1994).
Mesh read_ply(const std::filesystem::path& path);

}  // namespace vega::scan
