// What stands behind the dispatch: one plain function a kernel and device. No LibTorch here, so
// that device code compiles in seconds. Arguments are checked by the callers; sizes are in
// elements.
#pragma once

#include <cstdint>

namespace vega::kernels {

enum class Element : int { kF32 = 0, kBF16 = 1 };

// out null: no norm afterwards. stride: columns of ql.
struct CrossGate {
  float* x;
  const void* ql;
  const float* c;
  const float* u;
  void* out;
  std::int64_t rows, width, stride;
  int heads, keys;
  float log_pad, eps, ln_eps;
};

struct Pool {
  const void* x;
  void* out;
  std::int64_t frames, gh, gw, oh, ow, width;
};

namespace cpu {

// rows x channels; other and sum are null, or sum = x + other is written and normed.
void rms_silu(Element element, const void* x, const void* other, void* sum, const float* scale,
              void* out, std::int64_t rows, std::int64_t channels, bool silu);

// y null: plain norm. out null: plain addition.
void add_layer_norm(float* x, Element y_element, const void* y, Element out_element, void* out,
                    std::int64_t rows, std::int64_t width, float eps);

void qk_norm_rope(Element element, const void* qkv, const float* wq, const float* wk,
                  const float* rope, void* q, void* k, void* v, std::int64_t frames,
                  std::int64_t tokens, int heads, std::int64_t head_dim, float eps);

void cross_gate(Element element, Element out_element, const CrossGate& args);

void gelu_tanh(Element element, void* x, std::int64_t count);

void pool_tokens(Element element, Element out_element, bool gelu, const Pool& args);

}  // namespace cpu
}  // namespace vega::kernels

// The CUDA half's functions: found by name at run time, never linked. They queue work on `stream`
// (a cudaStream_t) of the current device and return cudaGetLastError().
extern "C" {

int vega_cuda_rms_silu(vega::kernels::Element element, const void* x, const void* other, void* sum,
                       const float* scale, void* out, std::int64_t rows, std::int64_t channels,
                       bool silu, void* stream);

int vega_cuda_add_layer_norm(float* x, vega::kernels::Element y_element, const void* y,
                             vega::kernels::Element out_element, void* out, std::int64_t rows,
                             std::int64_t width, float eps, void* stream);

int vega_cuda_qk_norm_rope(vega::kernels::Element element, const void* qkv, const float* wq,
                           const float* wk, const float* rope, void* q, void* k, void* v,
                           std::int64_t frames, std::int64_t tokens, int heads,
                           std::int64_t head_dim, float eps, void* stream);

int vega_cuda_cross_gate(vega::kernels::Element element, vega::kernels::Element out_element,
                         const vega::kernels::CrossGate& args, void* stream);

int vega_cuda_gelu_tanh(vega::kernels::Element element, void* x, std::int64_t count, void* stream);

int vega_cuda_pool_tokens(vega::kernels::Element element, vega::kernels::Element out_element,
                          bool gelu, const vega::kernels::Pool& args, void* stream);

// out[r, :] = softmax(scores[r, :]), float32 in, `element` out.
int vega_cuda_softmax_rows(vega::kernels::Element element, const float* scores, void* out,
                           std::int64_t rows, std::int64_t width, void* stream);

}  // extern "C"
