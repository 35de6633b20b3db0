// Annotation of a mesh: over-segmentation (`segs.json`) and its grouping into objects
// (`aggregation.json`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace vega::scan {

// `segIndices`: the segment of each vertex, [P]. `vertex_count`: of the mesh; the file must hold
// just as many, and no more than that is kept in memory. Throws InputError (cannot be opened, or
// another number of vertices: got, expected), FormatError with the byte: broken JSON, no list, an
// entry that is not an integer in 0..2^31-1.
std::vector<std::int32_t> read_segments(const std::filesystem::path& path,
                                        std::size_t vertex_count);

struct SegGroup {
  std::int32_t object_id = 0;
  std::string label;
  std::vector<std::int32_t> segments;
};

// `segGroups`, in file order. Throws InputError (cannot be opened), FormatError: broken JSON, no
// list, a group without objectId, label or segments (named by its place), an id outside 0..32767
// (the release keeps 16 bits), a segment outside 0..2^31-1, control bytes in a label, a label
// over 256 bytes, more than 32768 groups.
std::vector<SegGroup> read_aggregation(const std::filesystem::path& path);

// The object of each vertex, [P], -1: none. Groups in file order, later ones overwrite earlier ones
// on shared segments. Of two groups with one id the later one's segments count, at the place of the
// first (a Python dictionary's rule). Throws InputError when a group names a segment that no vertex
// has (the release stops there too): the files belong to different scans.
// Source: Video-3D-LLM, extract_scannet_pcd.py.
std::vector<std::int32_t> instance_ids(std::span<const std::int32_t> segment_of_vertex,
                                       std::span<const SegGroup> groups);

}  // namespace vega::scan
