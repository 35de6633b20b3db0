// What stands behind the dispatch: one plain function a kernel and device. No LibTorch here, so
// that device code compiles in seconds. Arguments are checked by the callers; sizes are in
// elements.
#pragma once

#include <cstdint>

namespace vega::kernels {

enum class Element : int { kF32 = 0, kBF16 = 1 };

// v = x + bias + other, of which bias and other may be null. With other v is rounded to the type
// and written to sum, unless that is null. out = f(norm(v)).
struct RmsSilu {
  const void* x;
  const void* other;
  const float* bias;
  void* sum;
  const float* scale;
  void* out;
  std::int64_t rows, channels;
  bool silu;
};

// frames x height x width x channels; out has a row and a column of zeros more. bias may be null.
struct AddPadded {
  const void* x;
  const void* other;
  const float* bias;
  void* out;
  std::int64_t frames, height, width, channels;
};

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

// P: the type of the parameters, float on the CPU; void where an Element says which.
// form: 0 raw, 1 normed, 2 residual (r: else null). gate_w: 2 width. statistics: 8 a row.
template <typename P>
struct TokenGateOf {
  const void* s;
  const void* g;
  const P *w1, *b1, *w2, *b2, *gate_w, *gate_b, *r;
  void* out;
  float* gate;
  float* statistics;
  std::int64_t rows, width;
  float eps;
  int form;
};
using TokenGate = TokenGateOf<float>;

// Sums over the tokens of a chunk: for the channels X1 X2, normed also Y1 Y2 Z1 Z2; then T, R
// (docs).
constexpr std::int64_t token_gate_sums(int form) { return form == 1 ? 6 : 2; }
constexpr std::int64_t token_gate_stride(int form, std::int64_t width) {
  return token_gate_sums(form) * width + 4;
}

// in: out and gate unused. d_gate may be null. partial: a row of `stride` floats for each chunk of
// ceil(rows / chunks) tokens.
template <typename P>
struct TokenGateBackwardOf {
  TokenGateOf<P> in;
  const void* d_out;
  const float* d_gate;
  void* ds;
  void* dg;
  float* partial;
  std::int64_t chunks, stride;
  float *dw1, *db1, *dw2, *db2, *d_gate_w, *d_gate_b, *dr;
};
using TokenGateBackward = TokenGateBackwardOf<float>;

// The same call with parameters of type P.
template <typename P>
TokenGateOf<P> typed(const TokenGateOf<void>& a) {
  const auto as = [](const void* from) { return static_cast<const P*>(from); };
  return {a.s,     a.g,   as(a.w1), as(a.b1),     as(a.w2), as(a.b2), as(a.gate_w), as(a.gate_b),
          as(a.r), a.out, a.gate,   a.statistics, a.rows,   a.width,  a.eps,        a.form};
}
template <typename P>
TokenGateBackwardOf<P> typed(const TokenGateBackwardOf<void>& b) {
  return {typed<P>(b.in), b.d_out, b.d_gate, b.ds,  b.dg,       b.partial,  b.chunks, b.stride,
          b.dw1,          b.db1,   b.dw2,    b.db2, b.d_gate_w, b.d_gate_b, b.dr};
}

namespace cpu {

void rms_silu(Element element, const RmsSilu& args);

void add_padded(Element element, const AddPadded& args);

// y null: plain norm. out null: plain addition.
void add_layer_norm(float* x, Element y_element, const void* y, Element out_element, void* out,
                    std::int64_t rows, std::int64_t width, float eps);

void qk_norm_rope(Element element, void* qkv, const float* wq, const float* wk, const float* rope,
                  std::int64_t frames, std::int64_t tokens, int heads, std::int64_t head_dim,
                  float eps);

void cross_gate(Element element, Element out_element, const CrossGate& args);

void gelu_tanh(Element element, void* x, std::int64_t count);

void pool_tokens(Element element, Element out_element, bool gelu, const Pool& args);

// folded: u1 u2 (width each), bias, mean of u1, mean of u2, unused; made once for all rows.
void token_gate_fold(const TokenGate& args, float* folded);

// Rows [first, last); one chunk; channels [first, last) of the sums over chunks: each call writes
// its own part only, so that calls may run side by side.
void token_gate(Element element, const TokenGate& args, const float* folded, std::int64_t first,
                std::int64_t last);
void token_gate_backward(Element element, const TokenGateBackward& args, const float* folded,
                         std::int64_t chunk);
void token_gate_reduce(const TokenGateBackward& args, std::int64_t first, std::int64_t last);

}  // namespace cpu
}  // namespace vega::kernels

// The CUDA half's functions: found by name at run time, never linked. They queue work on `stream`
// (a cudaStream_t) of the current device and return cudaGetLastError().
extern "C" {

int vega_cuda_rms_silu(vega::kernels::Element element, const vega::kernels::RmsSilu& args,
                       void* stream);

int vega_cuda_add_padded(vega::kernels::Element element, const vega::kernels::AddPadded& args,
                         void* stream);

int vega_cuda_add_layer_norm(float* x, vega::kernels::Element y_element, const void* y,
                             vega::kernels::Element out_element, void* out, std::int64_t rows,
                             std::int64_t width, float eps, void* stream);

int vega_cuda_qk_norm_rope(vega::kernels::Element element, void* qkv, const float* wq,
                           const float* wk, const float* rope, std::int64_t frames,
                           std::int64_t tokens, int heads, std::int64_t head_dim, float eps,
                           void* stream);

int vega_cuda_cross_gate(vega::kernels::Element element, vega::kernels::Element out_element,
                         const vega::kernels::CrossGate& args, void* stream);

int vega_cuda_gelu_tanh(vega::kernels::Element element, void* x, std::int64_t count, void* stream);

int vega_cuda_pool_tokens(vega::kernels::Element element, vega::kernels::Element out_element,
                          bool gelu, const vega::kernels::Pool& args, void* stream);

// parameters: their type; bfloat16 only where `element` is.
int vega_cuda_token_gate(vega::kernels::Element element, vega::kernels::Element parameters,
                         const vega::kernels::TokenGateOf<void>& args, void* stream);

// Chunks that fill the current device, by args without its partial sums and chunks. The number
// depends on the device, the sizes and the alignment alone.
int vega_cuda_token_gate_chunks(vega::kernels::Element element, vega::kernels::Element parameters,
                                const vega::kernels::TokenGateBackwardOf<void>& args,
                                std::int64_t* chunks, void* stream);
int vega_cuda_token_gate_backward(vega::kernels::Element element, vega::kernels::Element parameters,
                                  const vega::kernels::TokenGateBackwardOf<void>& args,
                                  void* stream);

// out[r, :] = softmax(scores[r, :]), float32 in, `element` out.
int vega_cuda_softmax_rows(vega::kernels::Element element, const float* scores, void* out,
                           std::int64_t rows, std::int64_t width, void* stream);

}  // extern "C"
