#include "media/video/hole.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "media/video/file_bytes.h"

namespace vega {
namespace {

using Hole = std::optional<VideoHole>;

bool is_one_of(FileSize id, std::initializer_list<FileSize> ids) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

constexpr FileSize kVoid = 0xec, kCrc = 0xbf;

// Index of seeking, information, tracks, cues, attachments, chapters, tags.
bool is_in_segment(FileSize id) {
  return is_one_of(id, {kClusterId, 0x114d9b74, 0x1549a966, 0x1654ae6b, 0x1c53bb6b, 0x1941a469,
                        0x1043a770, 0x1254c367, kVoid, kCrc});
}

// Time, silent tracks, position, size before, blocks.
bool is_in_cluster(FileSize id) {
  return is_one_of(id, {0xe7, 0x5854, 0xa7, 0xab, 0xa3, 0xa0, 0xaf, kVoid, kCrc});
}

constexpr const char* kElement = "an element of Matroska";

// Elements of a cluster from `at` to `end`, which they must fill. Unknown ones are passed over, as
// EBML wants it; where it breaks behind one, that one was damage already.
Hole hole_in_cluster(FileBytes& file, FileSize at, FileSize end) {
  FileSize suspect = kUnknownSize;
  while (at < end) {
    const EbmlElement element = ebml_element(file, at);
    if (!is_in_cluster(element.id)) suspect = std::min(suspect, at);
    if (element.id == 0 || element.end > end) return VideoHole{std::min(suspect, at), kElement};
    at = element.end;
  }
  return {};
}

// One segment from `at` to `end`. A cluster of unknown size ends where the next one begins, so its
// blocks are met here. *reached: where the walk ended.
Hole hole_in_segment(FileBytes& file, FileSize at, FileSize end, FileSize* reached) {
  FileSize suspect = kUnknownSize;
  bool open = false;  // within a cluster of unknown size
  for (; at < std::min(end, file.size()); *reached = at) {
    const EbmlElement element = ebml_element(file, at);
    if (end == kUnknownSize && is_one_of(element.id, {kSegmentId, kEbmlHead})) return {};
    const bool known = is_in_segment(element.id) || (open && is_in_cluster(element.id));
    if (!known) suspect = std::min(suspect, at);
    const bool head_cut = file.size() - at < 12;  // the file ends within the element's head
    if (element.id == 0 && head_cut && file.text(at, 1)[0] != '\0') return {};
    const bool sizeless = element.end == kUnknownSize;
    if (element.id == 0 || (sizeless && element.id != kClusterId) ||
        (!sizeless && element.end > end) || (!known && element.end > file.size()))
      return VideoHole{std::min(suspect, at), kElement};
    if (element.id == kClusterId && !sizeless && element.end <= file.size()) {
      if (Hole hole = hole_in_cluster(file, element.content, element.end)) return hole;
    }
    if (element.id == kClusterId) open = sizeless;
    at = sizeless ? element.content : element.end;
    if (known) suspect = kUnknownSize;
  }
  return {};
}

// Files may be put one behind the other. What follows a segment of a stated size and is no second
// file holds no pictures.
Hole hole_in_matroska(FileBytes& file) {
  for (FileSize at = 0; at < file.size();) {
    const EbmlElement head = ebml_element(file, at);
    const EbmlElement segment = head.id == kEbmlHead ? ebml_element(file, head.end) : EbmlElement{};
    if (segment.id != kSegmentId) return {};
    FileSize reached = segment.content;
    if (Hole hole = hole_in_segment(file, segment.content, segment.end, &reached)) return hole;
    if (reached <= at) return {};
    at = reached;
  }
  return {};
}

// Tags: kind, size of the content, time, stream; content; the size of all that. Writers that state
// another size behind the first tag are not held to it.
Hole hole_in_flv(FileBytes& file) {
  constexpr FileSize kHead = 11, kBehind = 4;
  const char* expected = "a tag of FLV";
  FileSize at = file.big(5, 4) + kBehind;
  bool first = true, held = false;
  while (at < file.size() && file.text(at, 3) != "FLV") {
    const bool zero = file.big(at, 1) == 0;
    if (at + kHead > file.size() && !zero) return {};  // cut within the head
    if (!is_one_of(file.big(at, 1) & 0x1f, {8, 9, 18})) return VideoHole{at, expected};
    const FileSize size = kHead + file.big(at + 1, 3);
    if (at + size + kBehind > file.size()) return {};  // cut within the content
    const bool same = file.big(at + size, kBehind) == size;
    if (held && !same) return VideoHole{at, expected};
    if (first) held = same;
    first = false;
    at += size + kBehind;
  }
  return {};
}

constexpr std::string_view kAsfData(
    "\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", 16);
constexpr std::string_view kAsfProperties(
    "\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65", 16);

constexpr std::string_view kAsfSimpleIndex(
    "\x90\x08\x00\x33\xb1\xe5\xcf\x11\x89\xf4\x00\xa0\xc9\x03\x49\xcb", 16);
constexpr std::string_view kAsfIndex(
    "\xd3\x29\xe2\xd6\xda\x35\xd1\x11\x90\x34\x00\xa0\xc9\x03\x49\xbe", 16);

// Packets of one size, each with the same three bytes first (error correction: 82 00 00).
Hole hole_in_asf(FileBytes& file) {
  const FileSize header_end = file.little(16, 8);
  FileSize packet = 0;
  for (FileSize at = 30; at + 24 <= header_end && header_end <= file.size();) {
    if (file.text(at, 16) == kAsfProperties && file.little(at + 92, 4) == file.little(at + 96, 4))
      packet = file.little(at + 92, 4);
    const FileSize size = file.little(at + 16, 8);
    if (size < 24 || size > header_end) break;
    at += size;
  }
  if (packet < 16 || file.text(header_end, 16) != kAsfData) return {};
  const FileSize stated = file.little(header_end + 16, 8);
  FileSize end = file.size();
  if (stated > 50 && stated < end - header_end) end = header_end + stated;
  const FileSize begin = header_end + 50;
  const std::string start("\x82\x00\x00", 3);
  if (file.text(begin, 3) != start) return {};
  for (FileSize at = begin; at + packet <= end; at += packet) {
    if (file.text(at, 3) == start) continue;
    const std::string object = file.text(at, 16);  // behind the data of a live stream
    if (object == kAsfHeaderGuid || object == kAsfSimpleIndex || object == kAsfIndex) return {};
    return VideoHole{at, "a packet of ASF"};
  }
  return {};
}

// Packets of 188 bytes, 0x47 first; of 192 in files that carry a time in front of each.
Hole hole_in_ts(FileBytes& file, FileSize packet, FileSize first) {
  for (FileSize i = 0; i < 4; ++i) {
    if (file.big(first + i * packet, 1) != 0x47) return {};
  }
  for (FileSize at = first; at < file.size(); at += packet) {
    if (file.big(at, 1) != 0x47) return VideoHole{at - first, "a packet of MPEG-TS"};
  }
  return {};
}

// Packs (of MPEG-1 or MPEG-2), system headers and packets, each with a start code and a size.
Hole hole_in_ps(FileBytes& file) {
  constexpr FileSize kPack = 0x1ba, kEnd = 0x1b9;
  for (FileSize at = 0; at < file.size();) {
    const FileSize code = file.big(at, 4);
    const bool zeros = file.size() - at < 6 && code == 0;
    if (file.size() - at < 6 && !zeros && code != kEnd) return {};  // cut within the head
    if (code < kEnd || code > 0x1ff) return VideoHole{at, "a packet of MPEG-PS"};
    if (code == kEnd) {
      at += 4;
    } else if (code == kPack) {
      const bool second = file.big(at + 4, 1) >> 6 == 1;
      at += second ? 14 + (file.big(at + 13, 1) & 7) : 12;
    } else {
      const FileSize size = file.big(at + 4, 2);
      if (size == 0) return {};  // of unknown size
      at += 6 + size;
    }
  }
  return {};
}

// Pages: "OggS", 23 bytes, the count of segments and their sizes, the segments.
Hole hole_in_ogg(FileBytes& file) {
  for (FileSize at = 0; at < file.size();) {
    if (file.size() - at < 27) return {};  // cut within the head
    if (file.text(at, 4) != "OggS") return VideoHole{at, "a page of Ogg"};
    const auto segments = static_cast<std::size_t>(file.big(at + 26, 1));
    FileSize size = 27 + segments;
    for (const char segment : file.text(at + 27, segments))
      size += static_cast<unsigned char>(segment);
    at += size;
  }
  return {};
}

// Fragments: boxes of a size and a name of four letters. Where the header lists the pictures
// instead, what lies between them does not matter.
Hole hole_in_mp4(FileBytes& file) {
  bool fragments = false;
  for (FileSize at = 0; at + 8 <= file.size();) {
    const std::string name = file.text(at + 4, 4);
    FileSize size = file.big(at, 4);
    if (size == 1) size = file.big(at + 8, 8);
    const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= ' ' && c <= '~') || static_cast<unsigned char>(c) == 0xa9;
    });
    fragments = fragments || name == "moof";
    if (!letters || (size != 0 && size < 8) || at + size < at)
      return fragments ? Hole(VideoHole{at, "a box of MP4"}) : std::nullopt;
    if (size == 0) return {};
    at += size;
  }
  return {};
}

// A file that was written to a pipe, whose sizes were never filled in: chunks of a name and a size
// behind "movi" or "rec ", at even places.
Hole hole_in_piped_avi(FileBytes& file) {
  if (!is_one_of(file.little(4, 4), {0, 0xffffffff})) return {};
  bool pictures = false;
  for (FileSize at = 12; at + 8 <= file.size();) {
    const std::string name = file.text(at, 4);
    const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ';
    });
    if (!letters && pictures) return VideoHole{at, "a chunk of AVI"};
    if (!letters) return {};
    const std::string kind = name == "LIST" || name == "RIFF" ? file.text(at + 8, 4) : "";
    pictures = pictures || kind == "movi";
    const FileSize size = file.little(at + 4, 4);
    const bool inside = kind == "movi" || kind == "rec " || kind == "AVIX";
    at += inside ? 12 : 8 + size + size % 2;
  }
  return {};
}

Hole hole_in_nut(FileBytes& file, std::span<const FramePlace> places) {
  constexpr FileSize kMostHead = 64;  // of a frame
  for (std::size_t i = 0; i + 1 < places.size(); ++i) {
    if (places[i].begin < 0 || places[i + 1].begin < 0) return {};
    const auto end = static_cast<FileSize>(places[i].begin + places[i].size);
    const auto next = static_cast<FileSize>(places[i + 1].begin);
    if (next > end + kMostHead && file.text(end, 1) != "N") return VideoHole{end, "a frame of NUT"};
  }
  return {};
}

}  // namespace

std::optional<VideoHole> find_hole(const std::filesystem::path& path,
                                   std::span<const FramePlace> places) {
  FileBytes file(path);
  const std::string head = file.text(0, 16);
  if (head.starts_with("\x1a\x45\xdf\xa3")) return hole_in_matroska(file);
  if (head.starts_with("FLV")) return hole_in_flv(file);
  if (head == kAsfHeaderGuid) return hole_in_asf(file);
  if (head.starts_with(std::string_view("\0\0\1\xba", 4))) return hole_in_ps(file);
  if (head.starts_with("OggS")) return hole_in_ogg(file);
  if (head.starts_with("RIFF") && head.substr(8, 4) == "AVI ") return hole_in_piped_avi(file);
  if (head.starts_with("nut/")) return hole_in_nut(file, places);
  if (head[0] == '\x47') return hole_in_ts(file, 188, 0);
  if (head[4] == '\x47') {
    if (Hole hole = hole_in_ts(file, 192, 4)) return hole;
  }
  const std::string box = head.substr(4, 4);
  for (const std::string_view name : {"ftyp", "moov", "styp", "moof"}) {
    if (box == name) return hole_in_mp4(file);
  }
  return {};
}

}  // namespace vega
