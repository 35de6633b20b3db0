// Decodes chosen frames of an indexed video stream, seeking where that is safe. Behind
// media/video/video.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "media/video/index.h"

namespace vega {

// How a run ended.
struct VideoStop {
  std::int64_t ordinal = -1;  // of the frame that could not be had; -1: all were given out
  std::string reason;
};

class VideoRunner {
 public:
  using Take = std::function<void(VideoFrame&&)>;

  // index must outlive the runner; stream as in the index.
  VideoRunner(const std::filesystem::path& path, const VideoInfo& info, const VideoIndex& index);

  // Gives out frames of `wanted` (ascending, none twice) in order and takes them off its front:
  // as many as one pass over neighbouring groups reaches, or until one fails (that one stays).
  VideoStop run(std::span<const std::int64_t>& wanted, const Take& take);

  std::int64_t decoded() const { return decoded_; }

 private:
  struct Pass;  // the frames still wanted and where they go
  VideoStop run_linked(Pass& pass, std::int64_t start);
  VideoStop run_earlier(VideoStop stop, Pass& pass);
  std::int64_t start_for(std::int64_t ordinal) const;
  VideoStop run_counting(Pass& pass);
  VideoStop prove(VideoStop stop, Pass& pass);
  std::int64_t end_of_run(const Pass& pass) const;
  void go_to(std::int64_t position);
  bool land(std::int64_t position);
  void reopen();
  std::string feed(std::int64_t position);
  VideoStop collect(Pass& pass);
  VideoStop missing(const Pass& pass) const;
  void mark_bad(std::int64_t position, const std::string& reason);
  void give(Pass& pass);

  std::filesystem::path path_;
  const VideoInfo& info_;
  const VideoIndex& index_;
  std::unique_ptr<VideoInput> input_;
  RgbConverter converter_;
  AvPtr<AVFrame> frame_;
  std::int64_t decoded_ = 0;
  std::int64_t next_ = 0;   // linked: position of the packet that is read next; -1: not known
  std::int64_t start_ = 0;  // linked: where this run began
  std::int64_t count_ = 0;  // counting: frames that came out since the start
  WholeFrames whole_;       // counting
  bool seeks_ = true;       // false: decoding from a key frame was seen to lose frames
  bool proven_ = false;     // a frame that failed after a seek failed from the start as well
  std::map<std::int64_t, std::string> bad_;  // ordinal: why it cannot be decoded
};

}  // namespace vega
