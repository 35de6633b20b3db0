#include "synth/dataset/cameras.h"

#include <fmt/core.h>

#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "scan/files.h"
#include "scan/scan_text.h"

namespace vega::synth {

std::vector<Pose> read_cameras(const std::filesystem::path& folder, int frames, int every) {
  const Pose aligned = scan::read_scan_text(scan::find_scan_files(folder).text).axis_align;
  std::vector<Pose> out;
  for (int id = 0; id < frames; id += every) {
    const std::filesystem::path path = folder / fmt::format("{:05d}.txt", id);
    std::istringstream numbers(read_text(path, "a camera's pose"));
    Pose pose{};
    for (double& number : pose) numbers >> number;
    if (!numbers)
      throw FormatError(explain(path.string(), "another text", "a camera's pose: 16 numbers"));
    out.push_back(multiply(aligned, pose));
  }
  return out;
}

}  // namespace vega::synth
