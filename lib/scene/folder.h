// What lies in the folder of a scene: its layout, and which files belong to which frame.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>

#include "run/findings.h"

namespace vega::detail {

// The files of one frame, relative to the folder; empty: not there.
struct FrameFiles {
  std::string color, pose, depth;
  double time_s = std::numeric_limits<double>::quiet_NaN();  // as the name says
};

// The layouts are those of open_source (scene/source.h).
struct FolderLayout {
  std::string dialect;                        // as SceneSource's; empty: `stream`
  std::map<std::int64_t, FrameFiles> frames;  // by id, 0 to kMaxFrameId (scene/picture_names.h)
  std::filesystem::path stream;               // a .sens file instead
  bool with_poses = false;                    // a frame without a pose file is a fault
  // Relative; empty: not there. `info`: the SensReader's _info.txt, with both cameras.
  std::string K_color, K_depth, info;
  std::string scan;  // NAME of the scan's other files (NAME_vh_clean_2.ply, ...)
};

// Opens no file but the heads of PNG files that might be depth maps. Files that are not read are
// named in a finding, and the order of the frames where their names leave it open. Throws
// InputError: no folder, not readable, nothing to read, frames of two layouts; two files for one
// frame are an error finding.
FolderLayout read_layout(const std::filesystem::path& folder, Findings& findings);

// The name of the scan that `sens` belongs to: that of the one other scan's file beside it where
// no file has its own name, else its own.
std::string scan_of_stream(const std::filesystem::path& sens);

}  // namespace vega::detail
