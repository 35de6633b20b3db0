// Names and attributes inside a feature file, shared by its reader and its writer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/features.h"
#include "store/part_store.h"

namespace vega::detail {

std::string tap_group(const std::string& tap);    // "/taps/NAME"
std::string tokens_path(const std::string& tap);  // "/taps/NAME/tokens"
Shape tokens_shape(const TapInfo& tap, std::size_t frames);

// Throws InputError: names, sizes and types that cannot be stored.
void check_frames(const FrameTable& frames);
void check_taps(const std::vector<TapInfo>& taps, std::size_t frames);

void write_frames(PartStore& store, const FrameTable& frames);

// The group with its attributes and cell_to_px; begins the rows of tokens.
void write_tap(PartStore& store, const TapInfo& tap, std::size_t frames);

// Throws FormatError.
TapInfo read_tap(const h5::File& file, const std::string& name, std::size_t frames);
std::vector<std::vector<std::byte>> read_thumbs(const h5::File& file, std::size_t frames);

}  // namespace vega::detail
