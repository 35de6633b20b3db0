// Reads depth maps and pictures of a scene's chosen frames in order, and can do so a second time: a
// scene is read once for its key and once to be written.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "scene/source.h"

namespace vega::extract {

// Bytes of the first reading that are kept for the second.
inline constexpr std::size_t kKeptRowBytes = std::size_t{32} << 20;

struct SceneRow {
  ImageU16 depth;                       // mm
  std::vector<std::byte> picture;       // encoded
  std::vector<float> world14, valid14;  // `Work` may fill these for `Take`
};

// A frame that was chosen twice is two rows. Rows are read in blocks of a few, so that memory does
// not grow with their number; up to kKeptRowBytes of the first reading are kept for the second.
class SceneRows {
 public:
  // `rows`: indices into source.frames. Both must outlive it.
  SceneRows(const SceneSource& source, std::span<const std::size_t> rows, int threads)
      : source_(source), rows_(rows), threads_(threads), kept_(rows.size()), sums_(rows.size()) {}

  // Calls `work` for several rows at a time, on any thread; then `take` for each row in order, on
  // the caller's thread.
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
  std::vector<std::string> sums_;  // checksums of the first reading
  std::size_t bytes_ = 0;          // of the rows that are kept
};

}  // namespace vega::extract
