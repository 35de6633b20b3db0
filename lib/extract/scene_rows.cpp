#include "extract/scene_rows.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "scene/frame.h"

namespace vega::extract {
namespace {

std::span<const std::byte> depth_bytes(const SceneRow& row) {
  return std::as_bytes(std::span(row.depth.v));
}

}  // namespace

SceneRow SceneRows::read(std::size_t row) {
  if (!kept_[row].depth.v.empty()) return std::move(kept_[row]);
  const FrameRef& frame = source_.frames[rows_[row]];
  SceneRow out;
  out.depth = load_depth(source_, frame);
  out.picture = color_bytes(source_, frame);
  Hasher hash;
  const std::string sum = hash.field(depth_bytes(out)).field(out.picture).hex();
  if (sums_[row].empty()) {
    sums_[row] = sum;
  } else if (sums_[row] != sum) {
    throw InputError(explain(where(source_, frame), "other bytes than a moment ago",
                             "files that nobody writes to", "run again"));
  }
  return out;
}

void SceneRows::each(const Work& work, const Take& take) {
  const std::size_t several = 2 * static_cast<std::size_t>(std::max(1, threads_));
  std::vector<SceneRow> block;
  for (std::size_t first = 0; first < rows_.size(); first += several) {
    block.assign(std::min(several, rows_.size() - first), {});
    parallel_for(block.size(), threads_, [&](std::size_t i) {
      block[i] = read(first + i);
      if (work) work(first + i, block[i]);
    });
    for (std::size_t i = 0; i < block.size(); ++i) {
      take(first + i, block[i]);
      const std::size_t size = depth_bytes(block[i]).size() + block[i].picture.size();
      if (bytes_ + size > kKeptRowBytes) continue;
      bytes_ += size;
      kept_[first + i] = std::move(block[i]);
    }
  }
}

}  // namespace vega::extract
