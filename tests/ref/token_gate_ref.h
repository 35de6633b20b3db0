// Oracle of the token gate: the formulas of its definition in plain loops, forward and backward,
// for double, or for Bounded numbers that carry what rounding may do to them. Nothing is folded or
// saved: the backward pass is the chain rule, line by line.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace vega::ref {

// A value, and its error, in units of one relative rounding, when every operation before it was
// rounded once (first-order running error analysis).
struct Bounded {
  double value = 0, error = 0;
  Bounded() = default;
  Bounded(double x) : value(x) {}  // NOLINT: numbers are written as numbers
  Bounded(double x, double e) : value(x), error(e) {}
};
inline Bounded rounded(double value, double error) { return {value, error + std::abs(value)}; }
inline Bounded operator+(const Bounded& a, const Bounded& b) {
  return rounded(a.value + b.value, a.error + b.error);
}
inline Bounded operator-(const Bounded& a, const Bounded& b) {
  return rounded(a.value - b.value, a.error + b.error);
}
inline Bounded operator*(const Bounded& a, const Bounded& b) {
  return rounded(a.value * b.value, std::abs(a.value) * b.error + std::abs(b.value) * a.error);
}

// One term of a sum in which a term passes through `depth` additions, whatever their order.
inline void add(double& sum, double term, double) { sum += term; }
inline void add(Bounded& sum, const Bounded& term, double depth) {
  sum = {sum.value + term.value, sum.error + term.error + depth * std::abs(term.value)};
}
// Over channels: 32 lanes and a tree over them (CUDA: more lanes, three levels of trees). Over
// tokens: chunks of 32 or more, at most 128 of them unless they are shorter, then a tree.
inline double channel_depth(std::size_t width) { return static_cast<double>(width) / 32 + 16; }
inline double token_depth(std::size_t rows) { return 48 + static_cast<double>(rows) / 128; }

// Root, quotient; exponential, sum, quotient, each rounded once or twice.
inline double inverse_root(double x) { return 1 / std::sqrt(x); }
inline Bounded inverse_root(const Bounded& x) {
  const double f = 1 / std::sqrt(x.value);
  return {f, f * (x.error / x.value / 2 + 2)};
}
inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline Bounded sigmoid(const Bounded& x) {
  const double f = sigmoid(x.value);
  return {f, f * (sigmoid(-x.value) * x.error + 4)};
}

enum class Blend { kRaw, kNormed, kResidual };

// s and g (rows, width); w1 b1 w2 b2 (width); gate_w (2 width); one gate_b and r.
template <typename Number>
struct TokenGateInputs {
  std::size_t width = 0;
  std::vector<Number> s, g, w1, b1, w2, b2, gate_w, gate_b, r;
};

template <typename Number>
struct TokenGateRow {
  std::vector<Number> hat1, hat2, n1, n2;  // normed without and with weights
  Number scale1, scale2, gate, rest;       // 1/deviation of S and G; g and 1 - g
};

template <typename Number>
Number normalise(const Number* x, std::size_t width, double eps, std::vector<Number>& hat) {
  const Number share = 1.0 / static_cast<double>(width);
  Number mean = 0.0, variance = 0.0;
  for (std::size_t i = 0; i < width; ++i) add(mean, x[i] * share, channel_depth(width));
  for (std::size_t i = 0; i < width; ++i) {
    add(variance, (x[i] - mean) * (x[i] - mean) * share, channel_depth(width));
  }
  const Number scale = inverse_root(variance + Number(eps));
  for (std::size_t i = 0; i < width; ++i) hat.push_back((x[i] - mean) * scale);
  return scale;
}

template <typename Number>
TokenGateRow<Number> token_gate_row(const TokenGateInputs<Number>& in, std::size_t row,
                                    double eps) {
  TokenGateRow<Number> out;
  out.scale1 = normalise(in.s.data() + row * in.width, in.width, eps, out.hat1);
  out.scale2 = normalise(in.g.data() + row * in.width, in.width, eps, out.hat2);
  Number logit = in.gate_b[0];
  for (std::size_t i = 0; i < in.width; ++i) {
    out.n1.push_back(out.hat1[i] * in.w1[i] + in.b1[i]);
    out.n2.push_back(out.hat2[i] * in.w2[i] + in.b2[i]);
    add(logit, in.gate_w[i] * out.n1[i], channel_depth(in.width));
    add(logit, in.gate_w[in.width + i] * out.n2[i], channel_depth(in.width));
  }
  out.gate = sigmoid(logit);
  out.rest = sigmoid(Number(0.0) - logit);
  return out;
}

template <typename Number>
struct TokenGateResult {
  std::vector<Number> out, gate;
};

template <typename Number>
TokenGateResult<Number> token_gate(const TokenGateInputs<Number>& in, Blend form, double eps) {
  TokenGateResult<Number> result;
  for (std::size_t row = 0; row < in.s.size() / in.width; ++row) {
    const auto r = token_gate_row(in, row, eps);
    result.gate.push_back(r.gate);
    for (std::size_t i = 0; i < in.width; ++i) {
      const Number s = in.s[row * in.width + i], g = in.g[row * in.width + i];
      if (form == Blend::kNormed) {
        result.out.push_back(r.gate * r.n1[i] + r.rest * r.n2[i]);
      } else {
        const Number m = r.gate * s + r.rest * g;
        result.out.push_back(form == Blend::kRaw ? m : s + in.r[0] * (m - s));
      }
    }
  }
  return result;
}

// Through a layer norm: d of the normed row without weights to d of the row, added to dx.
template <typename Number>
void through_norm(const std::vector<Number>& d_hat, const std::vector<Number>& hat, Number scale,
                  Number* dx) {
  const Number share = 1.0 / static_cast<double>(hat.size());
  Number mean = 0.0, along = 0.0;
  for (std::size_t i = 0; i < hat.size(); ++i) {
    add(mean, d_hat[i] * share, channel_depth(hat.size()));
    add(along, d_hat[i] * hat[i] * share, channel_depth(hat.size()));
  }
  for (std::size_t i = 0; i < hat.size(); ++i) {
    dx[i] = dx[i] + scale * (d_hat[i] - mean - hat[i] * along);
  }
}

// Gradients of sum(d_out * out) + sum(d_gate * gate), in the fields of the inputs.
template <typename Number>
TokenGateInputs<Number> token_gate_backward(const TokenGateInputs<Number>& in, Blend form,
                                            double eps, const std::vector<Number>& d_out,
                                            const std::vector<Number>& d_gate) {
  const std::size_t w = in.width;
  const auto zeros = [](std::size_t n) { return std::vector<Number>(n, Number(0.0)); };
  TokenGateInputs<Number> d{w,        zeros(in.s.size()), zeros(in.s.size()), zeros(w), zeros(w),
                            zeros(w), zeros(w),           zeros(2 * w),       zeros(1), zeros(1)};
  const Number one = 1.0;
  const double channels = channel_depth(w), tokens = token_depth(in.s.size() / w);
  for (std::size_t row = 0; row < in.s.size() / w; ++row) {
    const auto r = token_gate_row(in, row, eps);
    std::vector<Number> dn1 = zeros(w), dn2 = zeros(w);
    Number of_gate = d_gate[row];
    for (std::size_t i = 0; i < w; ++i) {
      const std::size_t at = row * w + i;
      const Number y = d_out[at];
      if (form == Blend::kNormed) {
        add(of_gate, y * r.n1[i] - y * r.n2[i], channels);
        dn1[i] = dn1[i] + y * r.gate;
        dn2[i] = dn2[i] + y * r.rest;
      } else {
        const Number scale = form == Blend::kRaw ? one : in.r[0];
        if (form == Blend::kResidual) {
          add(d.r[0], y * r.rest * (in.g[at] - in.s[at]), channels + tokens);
          d.s[at] = d.s[at] + y * (one - scale);
        }
        add(of_gate, scale * y * (in.s[at] - in.g[at]), channels);
        d.s[at] = d.s[at] + scale * y * r.gate;
        d.g[at] = d.g[at] + scale * y * r.rest;
      }
    }
    const Number of_logit = of_gate * r.gate * r.rest;
    add(d.gate_b[0], of_logit, tokens);
    for (std::size_t i = 0; i < w; ++i) {
      add(d.gate_w[i], of_logit * r.n1[i], tokens);
      add(d.gate_w[w + i], of_logit * r.n2[i], tokens);
      dn1[i] = dn1[i] + of_logit * in.gate_w[i];
      dn2[i] = dn2[i] + of_logit * in.gate_w[w + i];
      add(d.w1[i], dn1[i] * r.hat1[i], tokens);
      add(d.b1[i], dn1[i], tokens);
      add(d.w2[i], dn2[i] * r.hat2[i], tokens);
      add(d.b2[i], dn2[i], tokens);
      dn1[i] = dn1[i] * in.w1[i];
      dn2[i] = dn2[i] * in.w2[i];
    }
    through_norm(dn1, r.hat1, r.scale1, d.s.data() + row * w);
    through_norm(dn2, r.hat2, r.scale2, d.g.data() + row * w);
  }
  return d;
}

}  // namespace vega::ref
