// prompt.h5, schema vega.prompt/1: the text embedding that conditions Wan's cross-attention.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "store/attrs.h"

namespace vega {

inline constexpr const char* kPromptSchema = "vega.prompt/1";

// context bf16 (rows, width); Wan2.1: 512 or fewer rows of 4096.
struct Prompt {
  FileHeader header;
  std::string text;  // what was encoded; "" is the empty prompt
  std::int64_t rows = 0, width = 0;
  std::vector<std::uint16_t> context;  // bits of bfloat16
};

// Throws InputError (sizes), OutputError (disk).
void write_prompt(const std::filesystem::path& path, const Prompt& prompt);

// Throws FormatError: not HDF5, other schema, incomplete, wrong type or shape, checksum.
Prompt read_prompt(const std::filesystem::path& path);

}  // namespace vega
