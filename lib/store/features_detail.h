// Names and attributes inside a feature file, shared by its reader and its writer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/features.h"
#include "store/h5.h"

namespace vega::detail {

std::string tap_group(const std::string& tap);    // "/taps/NAME"
std::string tokens_path(const std::string& tap);  // "/taps/NAME/tokens"
Shape tokens_shape(const TapInfo& tap, std::size_t frames);

// Throws InputError: names, sizes and types that cannot be stored.
void check_frames(const FrameTable& frames);
void check_taps(const std::vector<TapInfo>& taps, std::size_t frames);

void write_frames(h5::File& file, const FrameTable& frames);

// Makes the group, its attributes, cell_to_px, and tokens without values.
void write_tap(h5::File& file, const TapInfo& tap, std::size_t frames);

// Throws FormatError.
TapInfo read_tap(const h5::File& file, const std::string& name, std::size_t frames);
FrameTable read_frames(const h5::File& file, std::size_t frames);  // without thumbnails
std::vector<std::vector<std::byte>> read_thumbs(const h5::File& file, std::size_t frames);

}  // namespace vega::detail
