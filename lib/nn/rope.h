// Rotary position embedding: cosines and sines of every token, in one or three components.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

namespace vega {

// Pair j of a head is its elements j and j + head_dim / 2 ("rotate-half").
struct RopeTable {
  at::Tensor cos, sin;  // (L, head_dim / 2)
};

// angle(t, j) = position(t) * theta^(-2j / head_dim), computed in float32 as transformers does,
// cosines and sines rounded to `dtype` once and brought to `device`.
// positions  (L) int64, or (3, L) with sections: the first sections[0] pairs turn by component 0,
//            the next sections[1] by component 1, the last sections[2] by component 2
//            (temporal, height, width of Qwen2-VL; x, y, z of S 5.6). Three equal components give
//            the bits of one.
// sections   sum head_dim / 2; zeros: one component.
// Throws InputError (shape, type, an odd head_dim, sections of another sum).
// Source: huggingface/transformers modeling_qwen2.py, modeling_qwen2_vl.py.
RopeTable rope_table(const at::Tensor& positions, std::int64_t head_dim, double theta,
                     const std::array<std::int64_t, 3>& sections, at::ScalarType dtype,
                     at::Device device);

}  // namespace vega
