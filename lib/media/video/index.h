// Which packets of a video stream make which presented frames. Behind media/video/video.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "media/video/input.h"

namespace vega {

// A packet of the stream, in decoding order. Timestamps in the stream's time base.
struct CodedFrame {
  std::int64_t pts = 0, dts = 0;
  bool key = false;
  bool discard = false;       // outside the edit list: decoded, not shown
  bool disposable = false;    // no other frame builds on it
  std::int64_t ordinal = -1;  // of the frame that it shows; -1: none
};

struct VideoIndex {
  // linked: every frame is tied to one packet by its timestamp, so that seeking can be checked.
  // Otherwise `coded` is empty and a frame is found by counting from the start.
  bool linked = false;
  std::vector<CodedFrame> coded;
  std::vector<VideoFrameTime> frames;  // by ordinal
  std::vector<std::int64_t> coded_of;  // by ordinal: position in `coded`
  std::vector<std::int64_t> start_of;  // by ordinal: the key frame to start decoding at
  std::unordered_map<std::int64_t, std::int64_t> by_pts;  // pts: position in `coded`
  std::int64_t decoded = 0;  // packets that building it gave to the decoder
  std::int64_t lost = 0;     // not linked: broken coded frames, which have no ordinal
  std::string damage;        // why the file breaks off early; empty: it does not, as far as known
  std::string hole;          // what the file lacks in its middle or at its end; empty: nothing
  bool end_known = false;    // false: only decoding the last group can tell whether it is whole

  // Position in `coded` of the packet; nothing where it is not in the index.
  std::optional<std::int64_t> position(std::int64_t pts) const;
  // Last key frame at or before the position, or 0.
  std::int64_t key_before(std::int64_t position) const;
  // First key frame after the position, or the number of packets.
  std::int64_t next_key(std::int64_t position) const;
  std::int64_t longest_group() const;
};

// Reads the stream to its end, decoding it only where packets do not tell. A frame that fails to
// decode keeps its ordinal where packets have timestamps; elsewhere the first failure is thrown
// (FormatError), or left out when skip. Throws FormatError when there is no frame.
VideoIndex build_video_index(const std::filesystem::path& path, int stream, bool skip);

// True for a frame that libav gives out although it is broken.
bool is_damaged(const AVFrame& frame);

// Where frames are counted: after a failure, those up to the next intra frame are not shown.
class WholeFrames {
 public:
  void fail() { broken_ = true; }
  bool pass(const AVFrame& frame);

 private:
  bool broken_ = false;
};

}  // namespace vega
