// The orientation that a camera wrote into a picture file.
#pragma once

#include <cstddef>
#include <span>

#include "media/orientation.h"

namespace vega {

// What turns the stored picture upright: tag 274 of the Exif data of a JPEG (APP1 segment) or PNG
// (eXIf chunk), and where Exif has no such tag, tiff:Orientation of the XMP packet. Upright where
// the file has none, where the value is none of 1 to 8, and for other files; never fails. The bytes
// up to the pixels are enough. Source: CIPA DC-008 (Exif 2.32), 4.6.4; PNG third edition, 11.3.4.5;
// Adobe XMP specification, part 3.
Orientation exif_orientation(std::span<const std::byte> picture);

}  // namespace vega
