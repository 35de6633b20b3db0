// Scenes by id below a folder that holds many.
#pragma once

#include <filesystem>
#include <string>

namespace vega {

// The path `id` itself where `root` is empty. Else the scene `id` ("scene0000_00" or
// "scannet/scene0000_00") below a root: the official data tree (scannet/posed_images/ID;
// scannet/scans/ID where frames were not exported), ScanNet's own folder (scans/ID, scans_test/ID),
// or any folder of scenes (posed_images/ID, ID, ID.sens), the first that is there. Throws
// InputError naming what was looked for. Source: the data folder of Video-3D-LLM.
std::filesystem::path find_scene(const std::filesystem::path& root,
                                 const std::filesystem::path& id);

}  // namespace vega
