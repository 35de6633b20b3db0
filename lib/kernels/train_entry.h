// The loops behind kernels/train_rows.h: plain pointers, elements or rows [first, last).
#pragma once

#include <cstdint>

#include "kernels/entry.h"

namespace vega::kernels::cpu {

void rms_norm_backward(Element element, const void* dy, const void* x, const void* weight, void* dx,
                       std::int64_t width, float eps, std::int64_t first, std::int64_t last);
void swiglu_forward(Element element, const void* gate, const void* up, void* out,
                    std::int64_t first, std::int64_t last);
void swiglu_backward(Element element, const void* dy, const void* gate, const void* up,
                     void* d_gate, void* d_up, std::int64_t first, std::int64_t last);

// A word below `threshold` is dropped. first is a multiple of 4.
struct KeepWords {
  std::uint64_t seed, hash;
  std::uint32_t step, threshold;
};
void dropout_keep(const KeepWords& words, std::uint8_t* keep, std::int64_t first,
                  std::int64_t last);
// add: onto is what out holds already.
void dropout_apply(Element element, const void* x, const std::uint8_t* keep, float scale, bool add,
                   void* out, std::int64_t first, std::int64_t last);

void softmax_gradient(float* logits, const std::int64_t* targets, const float* weights,
                      float* entropies, std::int64_t vocab, std::int64_t first, std::int64_t last);

}  // namespace vega::kernels::cpu
