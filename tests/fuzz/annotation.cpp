// segs.json of a mesh with four vertices; or, where the name segGroups occurs, aggregation.json for
// the segments 1, 1, 2, 3.
#include <string_view>

#include "fuzz/target.h"
#include "scan/objects.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(bytes_of(data, size));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    if (text.find("segGroups") == text.npos) {
      const auto segments = scan::read_segments(file.path(), 4);
      require(segments.size() == 4, "one segment a vertex");
      for (const auto segment : segments) require(segment >= 0, "a segment id");
      return;
    }
    const auto groups = scan::read_aggregation(file.path());
    constexpr std::int32_t kSegments[] = {1, 1, 2, 3};
    const auto ids = scan::instance_ids(kSegments, groups);
    const scan::Point3f points[4] = {{0, 0, 0}, {1, 1, 1}, {2, 0, 1}, {3, 3, 3}};
    const auto list = scan::ground_truth_objects(points, ids, groups, {});
    for (const auto& object : list.objects) {
      require(object.vertices > 0 && object.box[3] >= 0, "objects with vertices");
    }
  });
  return 0;
}
