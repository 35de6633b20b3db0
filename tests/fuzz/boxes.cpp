// A box list, or, where the name data_list occurs, a frame list; of both the scene "s".
#include <cmath>
#include <string_view>

#include "fuzz/target.h"
#include "scan/frame_list.h"
#include "scan/proposals.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(bytes_of(data, size));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    if (text.find("data_list") != text.npos) {
      const auto list = scan::read_frame_list(file.path(), "s");
      if (!list) return;
      require(list->ids.size() == list->paths.size(), "an id a path");
      for (const double v : list->axis_align) require(std::isfinite(v), "a finite alignment");
      for (const double v : list->depth_intrinsics) require(std::isfinite(v), "finite intrinsics");
      return;
    }
    const auto boxes = scan::read_box_json(file.path(), "s");
    if (!boxes) return;
    for (const scan::Box& box : *boxes) {
      for (const double v : box) require(std::isfinite(v), "finite boxes");
      require(box[3] >= 0 && box[4] >= 0 && box[5] >= 0, "extents");
    }
  });
  return 0;
}
