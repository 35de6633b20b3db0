// What stands behind the dispatch of fp8_rows (entry.h says how).
#pragma once

#include <cstdint>

#include "kernels/entry.h"

namespace vega::kernels {

// values: bytes of float8_e4m3fn. gelu: of the input, before anything else.
struct Fp8RowsArgs {
  const void* x;
  std::uint8_t* values;
  float* scale;
  std::int64_t rows, width;
  bool gelu;
};

// The largest value of the format, and the least magnitude of a row that is not taken for zero:
// below it the quotient of the two would be no float32.
constexpr float kFp8Most = 448.0F;
constexpr float kFp8Least = 1e-30F;

namespace cpu {
void fp8_rows(Element element, const Fp8RowsArgs& args);
}

}  // namespace vega::kernels

extern "C" int vega_cuda_fp8_rows(vega::kernels::Element element,
                                  const vega::kernels::Fp8RowsArgs& args, void* stream);
