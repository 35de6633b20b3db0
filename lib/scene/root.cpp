#include "scene/root.h"

#include <array>

#include "base/error.h"

namespace vega {
namespace fs = std::filesystem;

fs::path find_scene(const fs::path& root, const fs::path& id) {
  if (root.empty()) return id;
  std::error_code code;
  if (!fs::is_directory(root, code)) {
    throw InputError(explain("--root " + root.string(),
                             fs::exists(root, code) ? "a file" : "nothing there",
                             "a ScanNet folder or the official data tree"));
  }
  const std::string name = id.filename().string();
  const bool plain = !name.empty() && name != "." && name != ".." &&
                     (id == name || id == fs::path("scannet") / name);
  if (!plain) {
    throw InputError(explain("--root " + root.string(), "'" + id.string() + "'",
                             "the id of a scene, such as scene0000_00 or scannet/scene0000_00",
                             "give paths without --root"));
  }
  static constexpr std::array kFolders{"scannet/posed_images", "scannet/scans",
                                       "scannet/scans_test",   "scans",
                                       "scans_test",           "posed_images"};
  std::string tried;
  for (const char* folder : kFolders) {
    if (const fs::path scene = root / folder / name; fs::is_directory(scene, code)) return scene;
    tried += std::string(folder) + "/, ";
  }
  if (fs::is_directory(root / name, code)) return root / name;
  if (const fs::path stream = root / (name + ".sens"); fs::is_regular_file(stream, code)) {
    return stream;
  }
  throw InputError(explain(root.string(), "no scene " + name,
                           "it in " + tried + "or here as " + name + " or " + name + ".sens",
                           "see what is there with ls"));
}

}  // namespace vega
