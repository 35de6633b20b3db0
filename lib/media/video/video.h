// Videos: any file that libav decodes, as RGB frames with times, upright, by presentation order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "media/orientation.h"
#include "media/video/color.h"

namespace vega {

// What Video::decode does with a frame that cannot be decoded.
enum class OnDecodeError {
  kFail,  // throw FormatError with file, ordinal and time
  kSkip   // leave it out, warn, count it
};

struct VideoOptions {
  int stream = -1;  // index in the file; -1: the first video stream that is no cover picture
  OnDecodeError on_decode_error = OnDecodeError::kFail;
};

struct VideoInfo {
  std::string container, codec;                     // libav's names: "mov,mp4,...", "h264"
  int stream = -1;                                  // index in the file
  ImageSize coded;                                  // as stored, before rotation
  ImageSize size;                                   // of the images given out, after rotation
  Orientation orientation = Orientation::kUpright;  // applied to every image
  int sar_num = 1, sar_den = 1;  // width : height of one pixel as coded; pixels stay as they are
  std::string pixel_format;      // libav's name: "yuv420p10le"
  int bit_depth = 8;             // of the stored components; images are 8 bit always
  VideoColor color;
  double duration_s = 0;    // NaN: the file does not say
  double frames_per_s = 0;  // average; NaN: the file does not say
  std::string note;         // what was seen and not applied (pixel shape, odd matrix, HDR); or ""
};

// One presented frame. ordinal: 0, 1, ... in presentation order; time_s: its timestamp in seconds
// on the file's clock (edit lists applied as ffmpeg does; the first frame need not be at 0).
struct VideoFrameTime {
  std::int64_t ordinal = 0;
  double time_s = 0;
};

struct VideoFrame {
  std::int64_t ordinal = 0;
  double time_s = 0;
  ImageU8 image;
};

// One opened video stream. Not for use by two threads at once; movable.
//
// Damage is never shown as a picture: a frame that libav reports broken or conceals is an error,
// and so are the frames after it, in decoding order, up to the next key frame, which may build on
// it (unless the broken frame is marked as one that no other uses).
class Video {
 public:
  // Reads the headers. Throws InputError (no such file, no such stream), FormatError (no video, no
  // video stream, no picture size, no decoder).
  explicit Video(const std::filesystem::path& path, const VideoOptions& options = {});
  Video(Video&&) noexcept;
  Video& operator=(Video&&) noexcept;
  ~Video();

  const VideoInfo& info() const;

  // Every presented frame, ascending. The first call reads the packets of the stream without
  // decoding; streams where packets do not tell (fields, hidden frames, no timestamps) are decoded
  // once. Throws FormatError when there is no frame at all, or the file breaks off.
  const std::vector<VideoFrameTime>& index();

  // One frame: seeks to the key frame at or before it and decodes forward, at most one group of
  // pictures. Open groups take more: a frame that is shown before a key frame and builds on it
  // needs the group before and the packets up to its own; after an H.264 recovery point the first
  // few frames need the group before. Where seeking was seen to lose frames: from the start of the
  // file. Throws InputError (ordinal out of range), FormatError (decoding; whatever the option
  // says).
  ImageU8 frame(std::int64_t ordinal);

  // Gives the frames of `ordinals` (any order, repeats once) in ascending order. Groups of pictures
  // are shared. What `take` throws passes through. Throws as frame(), subject to on_decode_error;
  // with kSkip, FormatError only when none of the asked frames could be decoded.
  void decode(std::span<const std::int64_t> ordinals,
              const std::function<void(VideoFrame&&)>& take);

  // Coded frames given to the decoder so far (building the index included).
  std::int64_t decoded_frames() const;

  // Asked frames that decode() left out so far; without timestamps, where broken frames have no
  // ordinal, all of the stream.
  std::int64_t skipped_frames() const;

  // Longest run of coded frames from one key frame to the next. 0: no seeking in this stream.
  std::int64_t longest_group();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vega
