// Dropout whose masks depend on a key and a place alone: the same on every device, for any number
// of threads, when a layer is computed again in the backward pass, and after a resume.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace vega {

// seed: of the run; step: of the optimiser; pass: which of a step's forward passes ("" where there
// is one; else, for example, the key of the scene and the number of the pass).
struct DropoutKey {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::string pass;
};

// x with elements dropped at probability p, 0 <= p < 1, and the rest divided by 1 - p. Element e (C
// order) is kept when word e of Philox, key seed, counter (e div 4, step, FNV-1a-64(pass + place)),
// lies in [p, 1). Differentiable. Throws InputError (2^34 elements or more).
at::Tensor dropout(const at::Tensor& x, double p, std::string_view place, const DropoutKey& key);

// The mask of dropout() for x in a form that is cheap to keep until the backward pass (a byte an
// element, on the CPU), and what to do with it: x masked, and onto += x masked, in place.
at::Tensor kept_mask(const at::Tensor& x, double p, std::string_view place, const DropoutKey& key);
at::Tensor masked(const at::Tensor& x, const at::Tensor& kept, double p);
void add_masked_(at::Tensor& onto, const at::Tensor& x, const at::Tensor& kept, double p);

// What dropout() multiplies x with: 0 or 1 / (1 - p), in float32 arithmetic, then x's type. Of x's
// shape, type and device, contiguous.
at::Tensor dropout_mask(const at::Tensor& x, double p, std::string_view place,
                        const DropoutKey& key);

}  // namespace vega
