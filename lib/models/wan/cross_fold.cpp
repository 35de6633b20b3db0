#include "models/wan/cross_fold.h"

#include <ATen/ATen.h>

#include <cmath>

namespace vega::wan {

// Per head h and prompt row i the logit relative to the pad row's is q_h . (g_h (k_i - k_pad)_h) /
// sqrt(hd) / rms(q): linear in the token but for rms(q), hence rows of the q matrix. Through the
// output matrix, head h and row i add O_h (v_i - v_pad)_h to what the pad row alone would give.
CrossFold fold_cross(const CrossWeights& w, const at::Tensor& text, std::int64_t heads,
                     double eps) {
  const auto d = text.size(1), hd = d / heads, rows = text.size(0) - 1;
  at::Tensor k = at::linear(text, w.k.weight, w.k.bias);
  k = k * at::rsqrt(k.square().mean(-1, true) + eps) * w.norm_k;
  const at::Tensor v = at::linear(text, w.v.weight, w.v.bias);
  const auto to_pad = [&](const at::Tensor& x) {  // (rows, heads, hd): differences to the pad row
    return x.narrow(0, 0, rows) - x.narrow(0, rows, 1);
  };
  const at::Tensor dk =
      (to_pad(k) * w.norm_q).reshape({rows, heads, hd}) / std::sqrt(static_cast<double>(hd));
  const at::Tensor dv = to_pad(v).reshape({rows, heads, hd});

  // q = Wq (norm w * x + norm b) + bq
  const at::Tensor wq = w.q.weight * w.norm.weight;
  const at::Tensor bq = at::mv(w.q.weight, w.norm.bias) + w.q.bias;
  const at::Tensor logit_w = at::einsum("rhc,hcd->hrd", {dk, wq.reshape({heads, hd, d})});
  const at::Tensor logit_b = at::einsum("rhc,hc->hr", {dk, bq.reshape({heads, hd})});
  const at::Tensor delta = at::einsum("dhc,rhc->hrd", {w.o.weight.reshape({d, heads, hd}), dv});
  return {.weight = at::cat({wq, logit_w.reshape({heads * rows, d})}),
          .bias = at::cat({bq, logit_b.reshape({heads * rows})}),
          .base = at::mv(w.o.weight, v[rows]) + w.o.bias,
          .delta = delta.reshape({heads * rows, d})};
}

}  // namespace vega::wan
