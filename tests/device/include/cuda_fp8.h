// Stands in for CUDA's header, see cuda_runtime.h beside it: E4M3, rounded to nearest even.
#pragma once

#include <algorithm>

#include "cuda_runtime.h"

enum __nv_saturation_t { __NV_NOSAT, __NV_SATFINITE };
enum __nv_fp8_interpretation_t { __NV_E4M3, __NV_E5M2 };
using __nv_fp8x2_storage_t = unsigned short;

// Only what the kernels ask for: E4M3, cut at its ends.
inline unsigned char host_e4m3(float x) {
  const unsigned char sign = std::signbit(x) ? 0x80 : 0;
  if (std::isnan(x)) return sign | 0x7f;
  const float magnitude = std::fmin(std::fabs(x), 448.0F);
  int exponent = -9;
  if (magnitude > 0) std::frexp(magnitude, &exponent);  // magnitude = [1/2, 1) * 2^exponent
  const int last = std::max(exponent - 4, -9);          // of the last bit
  const auto steps = static_cast<int>(std::nearbyint(std::ldexp(magnitude, -last)));
  if (last == -9) return static_cast<unsigned char>(sign | steps);  // 8 steps: the least normal one
  // steps is 8 to 16; 16 carries into the exponent.
  return static_cast<unsigned char>(sign | (((last + 10) << 3) + (steps - 8)));
}
inline __nv_fp8x2_storage_t __nv_cvt_float2_to_fp8x2(float2 x, __nv_saturation_t,
                                                     __nv_fp8_interpretation_t) {
  return static_cast<__nv_fp8x2_storage_t>(host_e4m3(x.x) | host_e4m3(x.y) << 8);
}
