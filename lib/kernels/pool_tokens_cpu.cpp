#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

constexpr std::int64_t kChunk = 512;  // channels at a time: the output of a chunk stays in cache

// Output cells whose window holds cell i: [first, last). Windows: floor(o n / m) .. ceil((o+1) n /
// m).
struct Span {
  std::int64_t first, last;
};
VEGA_INLINE Span outputs_of(std::int64_t i, std::int64_t n, std::int64_t m) {
  const std::int64_t first = (i * m) / n;               // least o with ceil((o+1) n / m) > i
  const std::int64_t last = ((i + 1) * m + n - 1) / n;  // least o with floor(o n / m) > i
  return {first, std::min(last, m)};
}
VEGA_INLINE std::int64_t window(std::int64_t o, std::int64_t n, std::int64_t m) {
  return ((o + 1) * n + m - 1) / m - (o * n) / m;
}

template <typename T, bool kGelu>
VEGA_INLINE void read(const T* __restrict x, float* __restrict cell, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(x[i]);
    cell[i] = kGelu ? gelu_f32(value) : value;
  }
}

VEGA_INLINE void add(const float* __restrict cell, float* __restrict sum, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] += cell[i];
}

template <typename Out>
VEGA_INLINE void write(const float* __restrict sum, Out* __restrict out, std::int64_t count,
                       float cells) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = store<Out>(sum[i] / cells);
}

// One chunk of channels of one frame: every cell is read once and added to the windows that hold
// it.
template <typename T, typename Out, bool kGelu>
VEGA_INLINE void pool_chunk(const Pool& a, const T* x, Out* out, std::int64_t count, float* cell,
                            float* sums) {
  std::memset(sums, 0, static_cast<std::size_t>(a.oh * a.ow * kChunk) * sizeof(float));
  for (std::int64_t y = 0; y < a.gh; ++y) {
    const Span rows = outputs_of(y, a.gh, a.oh);
    for (std::int64_t i = 0; i < a.gw; ++i) {
      const Span columns = outputs_of(i, a.gw, a.ow);
      read<T, kGelu>(x + (y * a.gw + i) * a.width, cell, count);
      for (std::int64_t oy = rows.first; oy < rows.last; ++oy) {
        for (std::int64_t ox = columns.first; ox < columns.last; ++ox) {
          add(cell, sums + (oy * a.ow + ox) * kChunk, count);
        }
      }
    }
  }
  for (std::int64_t oy = 0; oy < a.oh; ++oy) {
    for (std::int64_t ox = 0; ox < a.ow; ++ox) {
      const std::int64_t o = oy * a.ow + ox;
      const auto cells = static_cast<float>(window(oy, a.gh, a.oh) * window(ox, a.gw, a.ow));
      write(sums + o * kChunk, out + o * a.width, count, cells);
    }
  }
}

template <typename T, typename Out, bool kGelu>
VEGA_INLINE void run(const Pool& a, float* cell, float* sums) {
  for (std::int64_t n = 0; n < a.frames; ++n) {
    for (std::int64_t c = 0; c < a.width; c += kChunk) {
      const T* x = static_cast<const T*>(a.x) + n * a.gh * a.gw * a.width + c;
      Out* out = static_cast<Out*>(a.out) + n * a.oh * a.ow * a.width + c;
      pool_chunk<T, Out, kGelu>(a, x, out, std::min(kChunk, a.width - c), cell, sums);
    }
  }
}

using Half = std::uint16_t;
using Run = void (*)(const Pool&, float*, float*);
VEGA_CLONES void f_f(const Pool& a, float* c, float* s) { run<float, float, false>(a, c, s); }
VEGA_CLONES void f_h(const Pool& a, float* c, float* s) { run<float, Half, false>(a, c, s); }
VEGA_CLONES void h_f(const Pool& a, float* c, float* s) { run<Half, float, false>(a, c, s); }
VEGA_CLONES void h_h(const Pool& a, float* c, float* s) { run<Half, Half, false>(a, c, s); }
VEGA_CLONES void gelu_f_f(const Pool& a, float* c, float* s) { run<float, float, true>(a, c, s); }
VEGA_CLONES void gelu_f_h(const Pool& a, float* c, float* s) { run<float, Half, true>(a, c, s); }
VEGA_CLONES void gelu_h_f(const Pool& a, float* c, float* s) { run<Half, float, true>(a, c, s); }
VEGA_CLONES void gelu_h_h(const Pool& a, float* c, float* s) { run<Half, Half, true>(a, c, s); }

}  // namespace

void pool_tokens(Element element, Element out_element, bool gelu, const Pool& args) {
  static constexpr Run kRuns[2][2][2] = {{{f_f, f_h}, {h_f, h_h}},
                                         {{gelu_f_f, gelu_f_h}, {gelu_h_f, gelu_h_h}}};
  std::vector<float> cell(kChunk);
  std::vector<float> sums(static_cast<std::size_t>(args.oh * args.ow * kChunk));
  kRuns[gelu][static_cast<int>(element)][static_cast<int>(out_element)](args, cell.data(),
                                                                        sums.data());
}

}  // namespace vega::kernels::cpu
