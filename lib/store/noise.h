// noise.h5, schema vega.noise/1: given noise, for --noise stored:FILE.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "store/attrs.h"

namespace vega {

inline constexpr const char* kNoiseSchema = "vega.noise/1";

// eps f32 (V, channels, h, w) of the latent, one entry a frame id; ids are distinct.
struct StoredNoise {
  FileHeader header;
  std::vector<std::int64_t> id;
  std::int64_t channels = 16, height = 0, width = 0;
  std::vector<float> eps;

  // (channels, h, w) of a frame; throws InputError naming the id where it is not there.
  const float* frame(std::int64_t frame_id) const;
};

// Throws InputError (sizes, ids twice), OutputError (disk).
void write_noise(const std::filesystem::path& path, const StoredNoise& noise);

// Throws FormatError: not HDF5, other schema, incomplete, wrong type or shape, checksum.
StoredNoise read_noise(const std::filesystem::path& path);

}  // namespace vega
