// What a model is, as a short key: fingerprints of weights, and a memory of them.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"

namespace vega {

// XXH3-128 (32 hex digits) over names, shapes and values, in order of names. f16, bf16 and f32 are
// hashed as f32, other types as stored: a bf16 repack that lost digits differs from its f32
// original, a lossless widening does not. Pass canonical names, then the key is equal for every key
// layout and sharding of one model. Reads every byte.
std::string fingerprint(const std::map<std::string, TensorView>& tensors);

// Throws FormatError naming the file, the tensor and the first index whose value is NaN or
// infinite. Types other than f16, bf16, f32, f64 pass. `file` may be empty.
void check_finite(std::string_view name, const TensorView& tensor,
                  const std::filesystem::path& file = {});

// The memory: ${XDG_CACHE_HOME:-~/.cache}/vega/fingerprints.json, keyed by `kind` (what was hashed,
// such as "wan/1") and the absolute path, size and mtime of every file. It only saves time:
// a missing or broken memory is ignored and rewritten, and when it cannot be written a line is
// logged at debug level. Safe with concurrent writers (at worst an entry is forgotten).

// Nothing when unknown, or when a file changed or is missing.
std::optional<std::string> recall_fingerprint(std::span<const std::filesystem::path> files,
                                              std::string_view kind);

void remember_fingerprint(std::span<const std::filesystem::path> files, std::string_view kind,
                          std::string_view fingerprint);

}  // namespace vega
