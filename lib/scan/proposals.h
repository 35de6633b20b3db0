// Object proposals: Mask3D instance masks as SciPy sparse `.npz`, and box lists as official JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scan/geometry.h"

namespace vega::scan {

inline constexpr std::size_t kMaxProposals = 50;  // the release keeps the first 50 mask rows

struct InstanceMasks {
  std::int64_t instances = 0;  // rows in the file
  // The first rows (at most `max_rows`), in order of falling confidence: vertices whose value is 1,
  // ascending.
  std::vector<std::vector<std::int32_t>> rows;
};

// A matrix [instances, vertices] as scipy.sparse.save_npz writes it: csr, csc or coo; bool, integer
// or float values (f16 to f64), packed or not. Double entries are added up, as SciPy does. Memory:
// bounded by max_rows * vertex_count entries of what the file holds. Throws InputError (cannot be
// opened; another number of columns than vertex_count: got, expected), FormatError: not such a
// file, another format (bsr, dia), index out of range, pointers that fall, more entries in a row
// than columns, arrays of different lengths, truncated.
InstanceMasks read_masks(const std::filesystem::path& path, std::size_t vertex_count,
                         std::size_t max_rows = kMaxProposals);

// What an empty mask does. Source: Video-3D-LLM, extract_pred_box.
enum class EmptyMask {
  kTruncate,  // reference: the list ends there
  kSkip,      // fixed: that one is left out
};

struct MaskBoxes {
  std::vector<Box> boxes;           // N
  std::vector<std::int32_t> rows;   // N: row of the mask in the file, 0-based
  std::vector<std::int32_t> empty;  // rows without vertices, among those read
};

// Box of each mask: min and max over its aligned vertices [P] as the release stores them (float32),
// in float64 from there on; centre = (min + max) / 2, extent = max - min. Throws InputError when a
// mask names a vertex outside `aligned`.
MaskBoxes mask_boxes(const InstanceMasks& masks, std::span<const Point3f> aligned, EmptyMask empty);

// Boxes of one scene from `scannet_*_box.json`: {"scannet/<scene>": [[cx, cy, cz, dx, dy, dz],
// ...], ...}; list index = object id (ground truth) or rank (proposals). `scene`: with or without
// "scannet/". Nothing when the scene is not in the file. One scene at a time is kept in memory.
// Throws InputError (cannot be opened), FormatError with the byte: broken JSON, a box that is not
// six finite numbers, a negative extent, the scene twice, more than 65536 boxes.
std::optional<std::vector<Box>> read_box_json(const std::filesystem::path& path,
                                              const std::string& scene);

}  // namespace vega::scan
