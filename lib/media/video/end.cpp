#include "media/video/end.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "media/video/file_bytes.h"

namespace vega {
namespace {

using Size = FileSize;
using Bytes = FileBytes;

std::string cut_text(Size there, Size stated) {
  return fmt::format("the file has {} bytes, its header states {}", there, stated);
}

std::string second_text(Size at) {
  return fmt::format(
      "a second movie begins at byte {} and is not read; ffmpeg -f concat joins movies", at);
}

// Behind the pictures: index, tags, attachments, chapters.
constexpr std::array<Size, 4> kBehind{0x1c53bb6b, 0x1254c367, 0x1941a469, 0x1043a770};

bool is_behind(Size id) {
  for (const Size one : kBehind) {
    if (one == id) return true;
  }
  return false;
}

// Clusters of unknown size are walked block by block. Returns how far the elements reach, and
// whether the last one holds pictures.
VideoEnd end_of_matroska(Bytes& file) {
  const EbmlElement head = ebml_element(file, 0);
  const EbmlElement segment = head.id == kEbmlHead ? ebml_element(file, head.end) : EbmlElement{};
  if (segment.id != kSegmentId) return {};
  VideoEnd end;
  end.known = segment.end != kUnknownSize;
  bool pictures = false, begun = false;  // the last element holds pictures; one was seen
  Size at = segment.content;
  const Size stop = std::min(segment.end, file.size());
  while (at < stop) {
    const EbmlElement element = ebml_element(file, at);
    if (element.id == 0) {  // the file ends in an element's head, or this is no element
      at = end.known ? segment.end : at;
      break;
    }
    if (element.id == kSegmentId || element.id == kEbmlHead) break;  // another file behind this one
    begun = begun || element.id == kClusterId;
    pictures = begun && !is_behind(element.id);
    at = element.id == kClusterId && element.end == kUnknownSize ? element.content : element.end;
    if (at == kUnknownSize) return {};
  }
  const Size stated = end.known ? std::max(segment.end, at) : at;
  if (stated > file.size() && (pictures || !begun)) end.damage = cut_text(file.size(), stated);
  return end;
}

// MP4 and QuickTime: boxes of a size (4 bytes; 1: 8 bytes follow the name; 0: to the end) and name.
// Some writers count a few bytes too many into `mdat`: where the header lists every picture before
// the end of the file, nothing is missing.
VideoEnd end_of_mp4(Bytes& file, Size pictures_end) {
  const bool pictures_there = pictures_end > 0 && pictures_end <= file.size();
  VideoEnd end;
  end.known = true;
  int movies = 0;
  for (Size at = 0; at + 8 <= file.size();) {
    const std::string name = file.text(at + 4, 4);
    Size size = file.big(at, 4);
    if (size == 1) size = file.big(at + 8, 8);
    if (size == 0) size = file.size() - at;
    if (size < 8 || at + size < at) break;  // no box: junk behind the last one
    if (name == "moov" && ++movies == 2) {
      end.damage = second_text(at);
      break;
    }
    if (at + size > file.size() && (name == "moof" || (name == "mdat" && !pictures_there)))
      end.damage = cut_text(file.size(), at + size);
    at += size;
  }
  return end;
}

// FLV: a head that states its size, then tags (media/video/hole.h).
VideoEnd end_of_flv(Bytes& file) {
  for (Size at = file.big(5, 4) + 4; at + 11 <= file.size();) {
    if (file.text(at, 3) == "FLV") return {false, second_text(at)};
    const Size kind = file.big(at, 1) & 0x1f;
    if (kind != 8 && kind != 9 && kind != 18) break;  // sound, pictures, data; else a hole
    at += 11 + file.big(at + 1, 3) + 4;
  }
  return {};
}

// ASF, which WMV is: objects of a GUID and a size, the first of them the header.
VideoEnd end_of_asf(Bytes& file) {
  for (Size at = 0; at + 24 <= file.size();) {
    if (at > 0 && file.text(at, 16) == kAsfHeaderGuid) return {false, second_text(at)};
    const Size size = file.little(at + 16, 8);
    if (size < 24 || at + size < at) break;  // a live stream does not state the size of its data
    at += size;
  }
  return {};
}

// AVI: chunks "RIFF", size, kind, one behind the other ("AVIX" from the second on). Some writers
// count 8 bytes too many, or forget the size.
VideoEnd end_of_avi(Bytes& file) {
  VideoEnd end;
  for (Size at = 0; file.text(at, 4) == "RIFF";) {
    const Size size = file.little(at + 4, 4);
    if (size == 0 || size > 0xfffffff0) {
      end.unfinished = true;
      return end;
    }
    end.known = true;
    at += 8 + size + size % 2;
    if (at > file.size() + 9) end.damage = cut_text(file.size(), at);
  }
  return end;
}

// Ogg: the last page ends with the file and says that it is a stream's last.
VideoEnd end_of_ogg(Bytes& file) {
  constexpr Size kLongestPage = 65307;
  const Size from = file.size() - std::min(file.size(), kLongestPage);
  const std::string tail = file.text(from, static_cast<std::size_t>(file.size() - from));
  VideoEnd end;
  end.known = true;
  const std::size_t page = tail.rfind("OggS");
  const auto at = [&](std::size_t i) {
    return page + i < tail.size() ? static_cast<unsigned char>(tail[page + i]) : 0U;
  };
  if (page == tail.npos || page + 27 > tail.size()) {
    end.damage = "the file ends within an Ogg page";
    return end;
  }
  Size size = 27 + at(26);
  for (std::size_t i = 0; i < at(26); ++i) size += at(27 + i);
  if (page + size > tail.size()) {
    end.damage = "the file ends within an Ogg page";
  } else if ((at(5) & 4) == 0) {
    end.damage = "the last Ogg page is not the end of its stream";
  }
  return end;
}

// MPEG-TS: packets of 188 bytes, each with 0x47 first. The end of a stream is not marked.
VideoEnd end_of_ts(Bytes& file) {
  constexpr Size kPacket = 188;
  for (Size i = 0; i < 4; ++i) {
    if (file.big(i * kPacket, 1) != 0x47) return {};
  }
  VideoEnd end;
  if (const Size rest = file.size() % kPacket; rest != 0)
    end.damage = fmt::format("its last packet has {} of {} bytes", rest, kPacket);
  return end;
}

// GIF: a head, a table of colours, then blocks: 0x21 kind, 0x2c picture, each with pieces of a size
// up to the empty one; 0x3b at the end.
VideoEnd end_of_gif(Bytes& file) {
  const auto table = [&](Size flags) { return (flags & 0x80) != 0 ? 3U << ((flags & 7) + 1) : 0U; };
  VideoEnd end;
  for (Size at = 13 + table(file.big(10, 1)); at < file.size();) {
    const Size kind = file.big(at, 1);
    if (kind == 0x3b) {
      end.known = true;
      return end;
    }
    if (kind == 0x2c) {
      at += 10 + table(file.big(at + 9, 1)) + 1;
    } else if (kind == 0x21) {
      at += 2;
    } else {
      end.damage = fmt::format("no block of GIF begins at byte {}", at);
      return end;
    }
    while (const Size piece = file.big(at, 1)) at += 1 + piece;
    ++at;
  }
  end.damage = "the file ends without the end mark of GIF (0x3b)";
  return end;
}

// PNG: chunks of a size, a name, content and a checksum, "IEND" last.
VideoEnd end_of_png(Bytes& file) {
  VideoEnd end;
  Size stated = 0, there = 0, at = 8;
  for (std::string name; name != "IEND" && at + 8 <= file.size();) {
    name = file.text(at + 4, 4);
    if (name == "acTL") stated = file.big(at + 8, 4);
    if (name == "fcTL") ++there;
    at += 12 + file.big(at, 4);
    if (name == "IEND") end.known = true;
  }
  if (there < stated) {
    end.damage = fmt::format("{} of {} pictures are there", there, stated);
  } else if (end.known && file.text(at, 8) == file.text(0, 8)) {
    end.damage = fmt::format("a second PNG begins at byte {} and is not read", at);
  }
  return end;
}

// YUV4MPEG2: libav drops a last frame that is not whole.
VideoEnd end_of_y4m(Bytes& file, Size pictures_end) {
  VideoEnd end;
  if (pictures_end > 0 && pictures_end < file.size())
    end.damage = fmt::format("the {} bytes behind the last frame are no whole frame",
                             file.size() - pictures_end);
  return end;
}

// NUT: writers put an index, which begins with "N" as every start code does, behind the last frame.
// A frame that is cut has no other mark.
VideoEnd end_of_nut(Bytes& file, Size pictures_end) {
  VideoEnd end;
  if (pictures_end > 0 && file.text(pictures_end, 1) != "N")
    end.damage = "no index of NUT follows the last frame";
  return end;
}

// Multipart JPEG: a last boundary, "--name" or "--name--", may end the file.
VideoEnd end_of_multipart(Bytes& file, Size pictures_end) {
  constexpr Size kLongest = 80;
  VideoEnd end;
  if (pictures_end == 0 || pictures_end > file.size() || file.size() - pictures_end > kLongest)
    return end;
  std::string rest = file.text(pictures_end, static_cast<std::size_t>(file.size() - pictures_end));
  const auto is_break = [](char c) { return c == '\r' || c == '\n'; };
  while (!rest.empty() && is_break(rest.back())) rest.pop_back();
  while (!rest.empty() && is_break(rest.front())) rest.erase(0, 1);
  end.whole =
      rest.empty() || (rest.starts_with("--") && std::none_of(rest.begin(), rest.end(), is_break));
  return end;
}

}  // namespace

VideoEnd video_end(const std::filesystem::path& path, std::uint64_t pictures_end) {
  Bytes file(path);
  const std::string head = file.text(0, 16);
  if (head.starts_with("\x1a\x45\xdf\xa3")) return end_of_matroska(file);
  if (head.starts_with("RIFF") && head.substr(8, 4) == "AVI ") return end_of_avi(file);
  if (head.starts_with("OggS")) return end_of_ogg(file);
  if (head.starts_with("GIF8")) return end_of_gif(file);
  if (head.starts_with("\x89PNG")) return end_of_png(file);
  if (head.starts_with("YUV4MPEG2")) return end_of_y4m(file, pictures_end);
  if (head.starts_with("nut/")) return end_of_nut(file, pictures_end);
  if (head.starts_with("--")) return end_of_multipart(file, pictures_end);
  if (head.starts_with("FLV")) return end_of_flv(file);
  if (head == kAsfHeaderGuid) return end_of_asf(file);
  if (head[0] == '\x47') return end_of_ts(file);
  const std::string box = head.substr(4, 4);
  for (const std::string_view name : {"ftyp", "moov", "mdat", "wide", "free", "skip"}) {
    if (box == name) return end_of_mp4(file, pictures_end);
  }
  return {};
}

}  // namespace vega
