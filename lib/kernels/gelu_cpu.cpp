#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

template <typename T>
VEGA_INLINE void run(T* __restrict x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] = store<T>(gelu_f32(load(x[i])));
}

VEGA_CLONES void gelu_f32(float* x, std::int64_t count) { run(x, count); }
VEGA_CLONES void gelu_bf16(std::uint16_t* x, std::int64_t count) { run(x, count); }

}  // namespace

void gelu_tanh(Element element, void* x, std::int64_t count) {
  if (element == Element::kBF16) {
    gelu_bf16(static_cast<std::uint16_t*>(x), count);
  } else {
    gelu_f32(static_cast<float*>(x), count);
  }
}

}  // namespace vega::kernels::cpu
