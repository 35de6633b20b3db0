// The frames of a scene that features are computed of.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/progress.h"
#include "media/image.h"
#include "scene/frame_checks.h"
#include "scene/source.h"
#include "store/features.h"

namespace vega::extract {

// Bytes of encoded and of decoded pictures that ChosenFrames keeps; beyond them pictures are read
// and decoded again where they are needed.
inline constexpr std::size_t kEncodedBudget = std::size_t{256} << 20;
inline constexpr std::size_t kPixelBudget = std::size_t{512} << 20;

// What stands in /frames/thumb_jpeg: longest side 320, JPEG of quality 85.
std::vector<std::byte> thumbnail(const ImageU8& picture);

// Frames in the order of use. A frame that fills several rows of the output is there once; `place`
// counts the distinct ones.
class ChosenFrames {
 public:
  // rows: an index into source.frames for each row. The source must outlive this object.
  ChosenFrames(const SceneSource& source, const std::vector<std::size_t>& rows);

  std::size_t count() const { return frames_.size(); }
  std::size_t row_count() const { return place_of_row_.size(); }
  std::int64_t id(std::size_t place) const { return source_.frames[frames_[place].index].id; }
  const std::vector<std::size_t>& rows(std::size_t place) const { return frames_[place].rows; }
  const std::vector<std::size_t>& place_of_row() const { return place_of_row_; }
  std::vector<std::size_t> indices() const;  // into source.frames, by place

  // Reads the encoded pictures that the budget holds. A picture that cannot be read is no error
  // yet: decode() finds it, or fingerprint() throws.
  void read(int threads);
  bool any_turned() const;  // by EXIF data, whether they are followed or not; after read()

  // Decodes every frame: sizes, thumbnails, pixels; faults go to `seen`.
  void decode(int threads, bool with_thumbs, std::vector<FrameSeen>& seen,
              Progress* progress = nullptr);
  // Frames (indices into source.frames, ascending) leave, and all their rows.
  void drop(const std::vector<std::size_t>& lost);
  void release();  // frees bytes and pixels

  ImageSize size(std::size_t place) const { return frames_[place].size; }
  ImageU8 picture(std::size_t place) const;  // throws InputError

  // Computed from ids, encoded bytes and poses, row by row. Throws InputError.
  std::string fingerprint() const;
  // One entry a row; after decode().
  FrameTable table(bool with_thumbs) const;

 private:
  struct Frame {
    std::size_t index = 0;  // in source.frames
    std::vector<std::size_t> rows;
    std::vector<std::byte> encoded, thumb;
    ImageSize size;
    ImageU8 pixels;
    bool turned = false;
  };
  std::vector<std::byte> encoded(const Frame& frame) const;
  void number_rows(const std::vector<std::size_t>& rows);

  const SceneSource& source_;
  std::vector<Frame> frames_;
  std::vector<std::size_t> place_of_row_;
};

}  // namespace vega::extract
