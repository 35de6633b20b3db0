// Frame lists as JSON: what the EmbodiedScan pickles hold, {"data_list": [{"sample_idx",
// "axis_align_matrix", "depth_cam2img", "images": [{"img_path"}, ...]}, ...]}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "scan/geometry.h"

namespace vega::scan {

struct FrameList {
  std::string sample_idx;                 // as in the file, "scannet/scene0415_00"
  std::vector<std::int64_t> ids;          // frame ids in list order: the number in the file's name
  std::vector<std::string> paths;         // img_path of each
  Matrix4 axis_align = kIdentity4;        // aligned_from_scan
  Matrix4 depth_intrinsics = kIdentity4;  // 4x4 (a 3x3 in the file is widened)
};

// The item of one scene; `scene` with or without "scannet/". Nothing when the file does not have
// it. One item at a time is kept in memory (files have several 100 MB).
// Other fields are ignored. Throws InputError (cannot be opened), FormatError with the byte or
// item: broken JSON, no data_list, the scene twice, one of the four fields missing or of another
// shape, numbers that are not finite, an alignment that is not rigid, an img_path without a number,
// an id twice, more than 2^18 images in an item.
std::optional<FrameList> read_frame_list(const std::filesystem::path& path,
                                         const std::string& scene);

}  // namespace vega::scan
