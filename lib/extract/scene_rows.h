// Depth maps and pictures of the chosen frames of a scene, one after the other, twice.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "scene/source.h"

namespace vega::extract {

struct SceneRow {
  ImageU16 depth;                       // mm
  std::vector<std::byte> picture;       // encoded
  std::vector<float> world14, valid14;  // for whoever works on it
};

// A row is a frame as often as it was chosen. Rows are read in blocks of a few, so that memory does
// not grow with their number; of the first reading up to 32 MB are kept for the second.
class SceneRows {
 public:
  // `rows`: indices into source.frames. Both must outlive it.
  SceneRows(const SceneSource& source, std::span<const std::size_t> rows, int threads)
      : source_(source), rows_(rows), threads_(threads), kept_(rows.size()), sums_(rows.size()) {}

  // `work` on several rows at a time, from any thread; then `take` in order, on the caller's.
  // Throws InputError (a file that cannot be read, or that is not what it was the first time),
  // FormatError, Stopped.
  using Work = std::function<void(std::size_t row, SceneRow&)>;
  using Take = std::function<void(std::size_t row, const SceneRow&)>;
  void each(const Work& work, const Take& take);

 private:
  SceneRow read(std::size_t row);

  const SceneSource& source_;
  std::span<const std::size_t> rows_;
  int threads_;
  std::vector<SceneRow> kept_;     // an empty depth map: not kept
  std::vector<std::string> sums_;  // of the first reading
  std::size_t bytes_ = 0;          // that are kept
};

}  // namespace vega::extract
