// The chosen frames of a scene: encoded bytes, decoded pixels, thumbnails, each made once.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "media/image.h"
#include "scene/source.h"

namespace vega::extract {

// Bytes of encoded and of decoded pictures that a FrameCache keeps.
inline constexpr std::size_t kEncodedBudget = std::size_t{256} << 20;
inline constexpr std::size_t kPixelBudget = std::size_t{512} << 20;

// What stands in /frames/thumb_jpeg: longest side 320, JPEG of quality 85.
std::vector<std::byte> thumbnail(const ImageU8& picture);

// Encoded and decoded pictures stay in memory up to these bounds; beyond them they are read and
// decoded again where they are needed.
class FrameCache {
 public:
  FrameCache(const SceneSource& source, std::vector<std::size_t> frames);

  void read(int threads);  // encoded bytes of every frame
  // Sizes, thumbnails, pixels. Returns the places of the frames that cannot be decoded, where
  // `skip` lets them be; throws FormatError otherwise.
  std::vector<std::size_t> decode(int threads, bool with_thumbs, bool skip);
  void drop(const std::vector<std::size_t>& places);  // ascending; the others move up
  void release();                                     // frees bytes and pixels

  std::vector<std::byte> encoded(std::size_t place) const;
  ImageSize size(std::size_t place) const { return entries_[place].size; }
  // Pictures whose EXIF orientation is not upright, whether it is followed or not.
  std::int64_t turned() const;
  const std::vector<std::byte>& thumb(std::size_t place) const { return entries_[place].thumb; }
  ImageU8 image(std::size_t place) const;

 private:
  void decode_in_order(const std::function<void(std::size_t, ImageU8&&)>& keep);

  struct Entry {
    std::vector<std::byte> encoded, thumb;
    ImageSize size;
    ImageU8 pixels;
    bool turned = false;
  };
  const SceneSource& source_;
  std::vector<std::size_t> frames_;
  std::vector<Entry> entries_;
};

}  // namespace vega::extract
