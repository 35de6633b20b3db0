// Between the sources of the audit (scene/audit.h).
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "scene/audit.h"

namespace vega::detail {

using Ids = std::vector<std::int64_t>;

// A folder of frames.
SourceAudit audit_folder(const std::filesystem::path& folder, const SourceOptions& options,
                         Findings& findings);
SourceAudit audit_sens(const std::filesystem::path& file, const SourceOptions& options,
                       Findings& findings);
SourceAudit audit_video(const std::filesystem::path& file, const SourceOptions& options,
                        Findings& findings);

// Rotations, last rows, jumps and repetitions among the frames that are used.
void audit_poses(const SceneSource& source, Findings& findings);

// How far a camera-to-world matrix is from rotation and translation; empty: it is one.
std::string not_rigid(const Pose& pose);

// ScanNet's NAME.txt: the line `axisAlignment = ` with 16 numbers. frames: pictures found, 0
// unknown.
void audit_scan_text(const std::filesystem::path& file, std::int64_t frames, Findings& findings);

// All words of a text file as numbers; nothing where one is none. A missing file has no words.
std::optional<std::vector<double>> numbers_of(const std::filesystem::path& file);

std::string counted(std::int64_t count, const std::string& noun);  // "1 frame", "2 frames"

}  // namespace vega::detail
