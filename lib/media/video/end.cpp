#include "media/video/end.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string_view>

namespace vega {
namespace {

using Size = std::uint64_t;
constexpr Size kUnknown = std::numeric_limits<Size>::max();

// Numbers and texts at places of the file; what is behind its end reads as 0.
class Bytes {
 public:
  explicit Bytes(const std::filesystem::path& path) : file_(path, std::ios::binary) {
    std::error_code code;
    size_ = std::filesystem::file_size(path, code);
    if (code) size_ = 0;
  }

  Size size() const { return size_; }

  std::string text(Size at, std::size_t count) {
    std::string out(count, '\0');
    if (at > size_ || count > size_ - at) return out;
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(at));
    file_.read(out.data(), static_cast<std::streamsize>(count));
    return out;
  }

  Size big(Size at, std::size_t count) {
    Size value = 0;
    for (const char c : text(at, count)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }

  Size little(Size at, std::size_t count) {
    const std::string digits = text(at, count);
    Size value = 0;
    for (std::size_t i = count; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(digits[i]);
    return value;
  }

 private:
  std::ifstream file_;
  Size size_ = 0;
};

std::string cut_text(Size there, Size stated) {
  return fmt::format("the file has {} bytes, its header states {}", there, stated);
}

// Matroska: elements of an id, a size and content.
struct Element {
  Size id = 0, content = 0, end = 0;  // offsets; end: kUnknown where the size is not stated
};

// The element at `at`; id 0: the file ends in its head, or there is none.
Element element_at(Bytes& file, Size at) {
  const auto width = [&](Size place) {  // of the number there, by its leading zeros
    const Size first = file.big(place, 1);
    int bytes = 1;
    for (Size mask = 0x80; mask != 0 && (first & mask) == 0; mask >>= 1) ++bytes;
    return static_cast<Size>(bytes);
  };
  const Size id_width = width(at), size_at = at + id_width;
  if (id_width > 4 || size_at >= file.size()) return {};
  const Size size_width = width(size_at);
  if (size_width > 8 || size_at + size_width > file.size()) return {};
  const Size mask = (Size{1} << (7 * size_width)) - 1;
  const Size size = file.big(size_at, static_cast<std::size_t>(size_width)) & mask;
  Element element;
  element.id = file.big(at, static_cast<std::size_t>(id_width));
  element.content = size_at + size_width;
  element.end = size == mask ? kUnknown : element.content + size;
  return element;
}

constexpr Size kEbml = 0x1a45dfa3, kSegment = 0x18538067, kCluster = 0x1f43b675;
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
  const Element head = element_at(file, 0);
  const Element segment = head.id == kEbml ? element_at(file, head.end) : Element{};
  if (segment.id != kSegment) return {};
  VideoEnd end;
  end.known = segment.end != kUnknown;
  bool pictures = false, begun = false;  // the last element holds pictures; one was seen
  Size at = segment.content;
  const Size stop = std::min(segment.end, file.size());
  while (at < stop) {
    const Element element = element_at(file, at);
    if (element.id == 0) {  // the file ends in an element's head, or this is no element
      at = end.known ? segment.end : at;
      break;
    }
    if (element.id == kSegment || element.id == kEbml) break;  // another file behind this one
    begun = begun || element.id == kCluster;
    pictures = begun && !is_behind(element.id);
    at = element.id == kCluster && element.end == kUnknown ? element.content : element.end;
    if (at == kUnknown) return {};
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
      end.damage = fmt::format(
          "a second movie begins at byte {} and is not read; ffmpeg -f concat joins movies", at);
      break;
    }
    if (at + size > file.size() && (name == "moof" || (name == "mdat" && !pictures_there)))
      end.damage = cut_text(file.size(), at + size);
    at += size;
  }
  return end;
}

// AVI: chunks "RIFF", size, kind, one behind the other ("AVIX" from the second on). Some writers
// count 8 bytes too many, or forget the size.
VideoEnd end_of_avi(Bytes& file) {
  VideoEnd end;
  for (Size at = 0; file.text(at, 4) == "RIFF";) {
    const Size size = file.little(at + 4, 4);
    if (size == 0 || size > 0xfffffff0) return {};
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

}  // namespace

VideoEnd video_end(const std::filesystem::path& path, std::uint64_t pictures_end) {
  Bytes file(path);
  const std::string head = file.text(0, 12);
  if (head.starts_with("\x1a\x45\xdf\xa3")) return end_of_matroska(file);
  if (head.starts_with("RIFF") && head.substr(8) == "AVI ") return end_of_avi(file);
  if (head.starts_with("OggS")) return end_of_ogg(file);
  if (head[0] == '\x47') return end_of_ts(file);
  const std::string box = head.substr(4, 4);
  for (const std::string_view name : {"ftyp", "moov", "mdat", "wide", "free", "skip"}) {
    if (box == name) return end_of_mp4(file, pictures_end);
  }
  return {};
}

}  // namespace vega
