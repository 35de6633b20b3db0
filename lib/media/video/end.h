// Whether a video file ends where its container says, by the container's own sizes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vega {

struct VideoEnd {
  bool known = false;  // the container states its size; else only decoding the end can tell
  std::string damage;  // what is missing or not read; empty: nothing
};

// Looks at Matroska and WebM (segment, clusters, blocks), MP4 and QuickTime (boxes), AVI (RIFF
// chunks), Ogg (last page) and MPEG-TS (whole packets); of other files nothing is known. A file
// that is cut behind its last picture, in an index or in tags, is not damaged. A second MP4 behind
// the first, which libav leaves unread, is damage.
// pictures_end  the byte behind the last coded frame that an MP4's header lists; 0: not known. If
// it
//               lies within the file, an `mdat` box that states more bytes than there are is no
//               damage.
// Source: RFC 8794 and RFC 9559; ISO/IEC 14496-12, 4.2; Microsoft, AVI RIFF File Reference; RFC
// 3533, 6; ISO/IEC 13818-1, 2.4.3.
VideoEnd video_end(const std::filesystem::path& file, std::uint64_t pictures_end = 0);

}  // namespace vega
