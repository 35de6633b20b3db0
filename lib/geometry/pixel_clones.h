// Leaf functions over pixels that carry VEGA_PIXEL_CLONES are compiled twice: for processors with
// vectors of eight floats and fused multiply-adds, and for all others, where __builtin_fmaf gives
// the same bits from the C library.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VEGA_PIXEL_CLONES \
  __attribute__((target_clones("arch=x86-64-v3", "default"), optimize("O3")))
#else
#define VEGA_PIXEL_CLONES
#endif
