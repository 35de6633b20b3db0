// Fingerprints of weights: which model this is, as a short key. weights/fingerprint_memory.h keeps
// them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "base/json.h"

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

// {tensors, values, bytes, dtypes: element types}.
Json describe_tensors(const std::map<std::string, TensorView>& tensors);

}  // namespace vega
