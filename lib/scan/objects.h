// Ground-truth objects of a scan: boxes of annotated instances.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "scan/files.h"
#include "scan/geometry.h"
#include "scan/labels.h"
#include "scan/segments.h"

namespace vega::scan {

struct Object {
  std::int32_t id = 0;  // objectId
  std::string label;    // raw category; when several groups have this id, the last one gives it
  int nyu40 = 0;
  // Aligned frame. Corners are rounded to float32, then centre and extent are computed in float64.
  Box box{};
  std::int64_t vertices = 0;  // of the instance
};

struct ObjectList {
  std::vector<Object> objects;  // ascending id
  // The ids are exactly 0..n-1. Where not, the release drops the whole scene from its box files
  // (list index = id there). Source: Video-3D-LLM, extract_gt_box.
  bool dense = true;
  std::vector<std::int32_t> vanished;  // ids of groups that own no vertex any more, ascending
};

// Boxes of the instances of `instance_of_vertex` [P] (-1: none) over the aligned float32 vertices
// [P]: component-wise min and max; the upper corner is float32(min + float32(max - min)), which can
// miss the maximum by one ulp; centre and extent are float64 of these corners. Instances without
// vertices vanish. Labels and ids come from the groups. Throws InputError when the lengths differ.
// Source: Video-3D-LLM, extract_scannet_pcd.py.
ObjectList ground_truth_objects(std::span<const Point3f> aligned,
                                std::span<const std::int32_t> instance_of_vertex,
                                std::span<const SegGroup> groups, const LabelMap& labels);

// The same from the files of a scan that has_annotation(): segments, aggregation. `aligned`: the
// vertices of files.mesh, aligned as files.text says. Throws what the readers throw.
ObjectList read_objects(const ScanFiles& files, std::span<const Point3f> aligned,
                        const LabelMap& labels);

}  // namespace vega::scan
