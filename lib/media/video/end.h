// Whether a video file ends where its container says, by the container's own sizes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vega {

struct VideoEnd {
  bool known = false;  // the container states its size; else only decoding the end can tell
  std::string damage;  // what is missing or not read; empty: nothing
  // Sizes and lengths were never filled in, as in a pipe: the header's duration says nothing.
  bool unfinished = false;
  bool whole = false;  // the file ends as it should, although libav may call that an error
};

// Looks at Matroska and WebM (segment, clusters, blocks), MP4 and QuickTime (boxes), AVI (RIFF
// chunks), Ogg (last page), MPEG-TS (whole packets), GIF and APNG (end mark), YUV4MPEG2 and NUT
// (what is behind the last frame) and multipart JPEG (last boundary); of other files nothing is
// known. A file that is cut behind its last picture, in an index or in tags, is not damaged. A
// second MP4, FLV, ASF (WMV) or PNG behind the first, which libav leaves unread, is damage.
//
// pictures_end is the byte behind the last coded frame, in MP4 as the header lists it; 0: not
// known. If it lies within an MP4, an `mdat` box that states more bytes than there are is no
// damage.
//
// Source: RFC 8794 and RFC 9559; ISO/IEC 14496-12, 4.2; Microsoft, AVI RIFF File Reference; RFC
// 3533, 6; ISO/IEC 13818-1, 2.4.3; GIF89a, 17 to 27; PNG, third edition, 5 and 11.3.2; YUV4MPEG2
// (mjpegtools, yuv4mpeg(5)); NUT Open Container Format; RFC 2046, 5.1.
VideoEnd video_end(const std::filesystem::path& file, std::uint64_t pictures_end = 0);

}  // namespace vega
