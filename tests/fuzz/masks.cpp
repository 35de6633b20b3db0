// Instance masks, a SciPy sparse .npz over five vertices: the zip directory, the .npy headers in
// it, pointers and indices, boxes of the masks. A file whose checksums alone are wrong is read
// again with the right ones.
#include <cmath>

#include "fuzz/repair.h"
#include "fuzz/target.h"
#include "scan/proposals.h"

using namespace vega;
using namespace vega::fuzz;

namespace {

void check(const scan::InstanceMasks& masks) {
  require(masks.rows.size() <= scan::kMaxProposals, "as many rows as the release keeps");
  require(static_cast<std::int64_t>(masks.rows.size()) <= masks.instances, "rows of the file");
  for (const auto& row : masks.rows) {
    require(row.size() <= 5, "at most the vertices that there are");
    for (std::size_t i = 0; i < row.size(); ++i) {
      require(row[i] >= 0 && row[i] < 5, "a vertex of the mesh");
      require(i == 0 || row[i - 1] < row[i], "ascending vertices");
    }
  }
  const scan::Point3f points[5] = {{0, 0, 0}, {1, 1, 1}, {2, 0, 1}, {3, 3, 3}, {-1, 5, 2}};
  for (const auto empty : {scan::EmptyMask::kTruncate, scan::EmptyMask::kSkip}) {
    const auto boxes = scan::mask_boxes(masks, points, empty);
    require(boxes.boxes.size() == boxes.rows.size(), "a row a box");
    for (const scan::Box& box : boxes.boxes) {
      for (const double v : box) require(std::isfinite(v), "finite boxes");
      require(box[3] >= 0 && box[4] >= 0 && box[5] >= 0, "extents");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = [](std::span<const std::byte> bytes) {
    const InputFile file(bytes);
    return attempt([&] { check(scan::read_masks(file.path(), 5)); });
  };
  const auto bytes = bytes_of(data, size);
  if (!read(bytes) && tally().last.find("CRC-32") != std::string::npos)
    read(with_right_zip_sums(bytes));
  return 0;
}
