// Bytes in the middle of a video file, or at its end, that belong to nothing: a copy that was never
// finished, or damage. libav jumps over them and the frames that were there without an error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace vega {

struct VideoHole {
  std::uint64_t begin = 0;  // the first byte, or the head of the part that is broken
  std::string expected;     // what should begin there, such as "an element of Matroska"
};

// Where the content of a coded frame lies in the file; -1: not known.
struct FramePlace {
  std::int64_t begin = -1, size = 0;
};

// Follows the parts of the container, one behind the other, and returns the first place where none
// begins: Matroska and WebM (elements, and the blocks of clusters), FLV (tags and the sizes behind
// them), ASF and WMV (packets), MPEG-TS (packets), MPEG-PS (packs and packets), Ogg (pages),
// fragmented MP4 (boxes), AVI that was written to a pipe (chunks; elsewhere its index lists them).
// Reads heads, not pictures. Nothing for other files, and where the file is only cut
// (media/video/end.h). Times are not looked at: a recording may pause.
//
// NUT has no sizes to follow: `places` are then all coded frames of a file of one stream, in order,
// and what lies between them must be small or begin with a start code.
//
// Source: RFC 8794 and RFC 9559; Adobe, Video File Format Specification 10.1, annex E; Microsoft,
// Advanced Systems Format Specification 1.20.03; ISO/IEC 13818-1, 2.4.3 and 2.5.3; RFC 3533, 6;
// ISO/IEC 14496-12, 4.2 and 8.8; Microsoft, AVI RIFF File Reference; NUT Open Container Format.
std::optional<VideoHole> find_hole(const std::filesystem::path& file,
                                   std::span<const FramePlace> places = {});

}  // namespace vega
