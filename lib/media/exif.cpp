#include "media/exif.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "media/jpeg.h"
#include "media/png.h"

namespace vega {
namespace {

using Bytes = std::span<const std::byte>;

// `bytes` from `first` on, at most `count`; less, or nothing, where they end before.
Bytes part(Bytes bytes, std::size_t first, std::size_t count) {
  if (first >= bytes.size()) return {};
  return bytes.subspan(first, std::min(count, bytes.size() - first));
}

// An unsigned number of 1 to 4 bytes; 0 where the bytes end before.
std::uint32_t number(Bytes bytes, std::size_t at, std::size_t width, bool big_endian) {
  const Bytes digits = part(bytes, at, width);
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < digits.size() && digits.size() == width; ++i) {
    const std::size_t place = big_endian ? i : width - 1 - i;
    value = value << 8 | std::to_integer<std::uint32_t>(digits[place]);
  }
  return value;
}

bool starts_with(Bytes bytes, std::string_view text) {
  const Bytes wanted = std::as_bytes(std::span(text));
  return bytes.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), bytes.begin());
}

// What a picture file says about itself: TIFF data of Exif, and an XMP packet (XML).
struct Metadata {
  Bytes exif, xmp;
};

// The first APP1 segment of either kind, before the pixels.
Metadata metadata_of_jpeg(Bytes bytes) {
  constexpr std::string_view kExif("Exif\0\0", 6), kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  Metadata found;
  for (std::size_t at = 2; at + 4 <= bytes.size() && bytes[at] == std::byte{0xff};) {
    const auto marker = std::to_integer<int>(bytes[at + 1]);
    if (marker == 0xff) {  // a fill byte
      ++at;
      continue;
    }
    if (marker == 0xda || marker == 0xd9) break;
    const std::size_t length = number(bytes, at + 2, 2, true);
    if (length < 2) break;
    const Bytes body = part(bytes, at + 4, length - 2);
    if (marker == 0xe1 && found.exif.empty() && starts_with(body, kExif))
      found.exif = body.subspan(kExif.size());
    if (marker == 0xe1 && found.xmp.empty() && starts_with(body, kXmp))
      found.xmp = body.subspan(kXmp.size());
    at += 2 + length;
  }
  return found;
}

// The XMP text of a PNG is not compressed: after the keyword come two zero bytes.
Metadata metadata_of_png(Bytes bytes) {
  constexpr std::string_view kXmp("XML:com.adobe.xmp\0\0\0", 20);
  Metadata found;
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t length = number(bytes, at, 4, true);
    const Bytes kind = part(bytes, at + 4, 4), body = part(bytes, at + 8, length);
    if (found.exif.empty() && starts_with(kind, "eXIf")) found.exif = body;
    if (found.xmp.empty() && starts_with(kind, "iTXt") && starts_with(body, kXmp))
      found.xmp = body.subspan(kXmp.size());
    at += 12 + length;
  }
  return found;
}

// Tag 274 of the first directory of TIFF data; 0: there is none.
std::uint32_t orientation_tag(Bytes tiff) {
  const bool big = starts_with(tiff, "MM");
  if (!big && !starts_with(tiff, "II")) return 0;
  if (number(tiff, 2, 2, big) != 42) return 0;
  const std::size_t directory = number(tiff, 4, 4, big);
  const std::size_t count = number(tiff, directory, 2, big);
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes entry = part(tiff, directory + 2 + 12 * i, 12);
    if (entry.size() < 12) return 0;
    if (number(entry, 0, 2, big) != 274) continue;
    const std::uint32_t type = number(entry, 2, 2, big);
    const std::size_t width = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
    return width == 0 ? 0 : number(entry, 8, width, big);
  }
  return 0;
}

// tiff:Orientation of an XMP packet, written as attribute (="6") or as element (>6<); 0: there is
// none.
std::uint32_t orientation_of_xmp(Bytes packet) {
  constexpr std::string_view kName = "tiff:Orientation";
  const std::string_view text(reinterpret_cast<const char*>(packet.data()), packet.size());
  for (std::size_t at = text.find(kName); at != text.npos; at = text.find(kName, at)) {
    at += kName.size();
    std::string_view value = text.substr(at, 3);
    if (value.starts_with('>'))
      value.remove_prefix(1);
    else if (value.starts_with("=\"") || value.starts_with("='"))
      value.remove_prefix(2);
    else
      continue;
    if (!value.empty() && value[0] >= '0' && value[0] <= '9')
      return static_cast<std::uint32_t>(value[0] - '0');
  }
  return 0;
}

}  // namespace

Orientation exif_orientation(std::span<const std::byte> picture) {
  constexpr std::array kOf{
      Orientation::kUpright, Orientation::kUpright,       Orientation::kMirror,
      Orientation::kTurn180, Orientation::kMirrorTurn180, Orientation::kMirrorTurn270,
      Orientation::kTurn90,  Orientation::kMirrorTurn90,  Orientation::kTurn270};
  const Metadata found = is_jpeg(picture)  ? metadata_of_jpeg(picture)
                         : is_png(picture) ? metadata_of_png(picture)
                                           : Metadata{};
  std::uint32_t tag = orientation_tag(found.exif);
  if (tag == 0) tag = orientation_of_xmp(found.xmp);
  return tag < kOf.size() ? kOf[tag] : Orientation::kUpright;
}

}  // namespace vega
