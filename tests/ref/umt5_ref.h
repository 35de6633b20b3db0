// The oracle of the UMT5 text encoder: a full forward over 512 positions with the padding masked.
// Source: Wan-Video/Wan2.1 modules/t5.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "models/umt5/names.h"

namespace vega::ref {

// ids: the real tokens, 1 <= n <= length; padded with id 0 to `length` and masked there.
// Returns the rows of the real tokens, (n, dim), in `dtype` (float or double).
at::Tensor umt5_forward(const std::map<std::string, TensorView>& weights,
                        const umt5::Config& config, const std::vector<std::int64_t>& ids,
                        at::ScalarType dtype, std::int64_t length = 512);

// Bucket of (key - query): bidirectional, 32 buckets, distances up to 128.
std::int64_t umt5_bucket(std::int64_t relative, std::int64_t buckets = 32,
                         std::int64_t max_distance = 128);

}  // namespace vega::ref
