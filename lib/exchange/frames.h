// Frames and geometry of imported features: from lists, vega files, small arrays.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "exchange/foreign.h"
#include "media/image.h"
#include "store/features.h"

namespace vega::exchange {

struct Frames {
  FrameTable table;
  ImageSize depth;  // size of the depth images where the file knows it; else 0x0
};

// A text with one frame id a line (empty lines and what follows a '#' do not count), or any vega
// HDF5 file with /frames/id: its times, poses, cameras, sizes and thumbnails are taken over where
// they are there. Poses of a scene file are left out: they are axis-aligned, those of a feature
// file are as in the source. Throws InputError, FormatError.
Frames read_frames(const std::filesystem::path& path);

// What export wrote beside the tokens. Throws FormatError (types, shapes).
Frames frames_of(const Foreign& file);

using CellToPx = std::vector<Affine>;

// [2,3] (the same for all) or [V,2,3] numbers f64 or f32: the array `cell_to_px`, else the only one
// of a .npy, .npz, .safetensors or .pt; of a vega feature file that of its default tap; of any
// other file 6 or 6V numbers as text. Throws FormatError (shape, a number that is not finite).
CellToPx read_cell_to_px(const std::filesystem::path& path, std::size_t frames);

// The same of an open file's array.
CellToPx cell_to_px_of(const Foreign& file, const Foreign::Entry& entry, std::size_t frames);

}  // namespace vega::exchange
