// Oracle of the token gate: the formulas of its definition in plain loops, forward and backward,
// for double, or for Bounded numbers that carry the size of what was added up on the way. Nothing
// is folded or saved: the backward pass is the chain rule, line by line.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace vega::ref {

// A value, and the same expression over absolute values: rounding every operation of a chain of k
// operations to a unit u changes the value by at most k u mass (to first order in u).
struct Bounded {
  double value = 0, mass = 0;
  Bounded() = default;
  Bounded(double x) : value(x), mass(std::abs(x)) {}  // NOLINT: numbers are written as numbers
  Bounded(double x, double m) : value(x), mass(m) {}
  Bounded& operator+=(const Bounded& b) { return *this = {value + b.value, mass + b.mass}; }
};
inline Bounded operator+(Bounded a, const Bounded& b) { return a += b; }
inline Bounded operator-(const Bounded& a, const Bounded& b) {
  return {a.value - b.value, a.mass + b.mass};
}
inline Bounded operator*(const Bounded& a, const Bounded& b) {
  return {a.value * b.value, a.mass * b.mass};
}

// f(x) with its derivative: a change of x by d changes f by f' d.
inline double inverse_root(double x) { return 1 / std::sqrt(x); }
inline Bounded inverse_root(const Bounded& x) {
  const double f = 1 / std::sqrt(x.value);
  return {f, f * (1 + x.mass / x.value / 2)};
}
inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline Bounded sigmoid(const Bounded& x) {
  const double f = sigmoid(x.value);
  return {f, f * (1 + sigmoid(-x.value) * x.mass)};
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
  for (std::size_t i = 0; i < width; ++i) mean += x[i] * share;
  for (std::size_t i = 0; i < width; ++i) variance += (x[i] - mean) * (x[i] - mean) * share;
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
    logit += in.gate_w[i] * out.n1[i];
    logit += in.gate_w[in.width + i] * out.n2[i];
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
    mean += d_hat[i] * share;
    along += d_hat[i] * hat[i] * share;
  }
  for (std::size_t i = 0; i < hat.size(); ++i) {
    dx[i] += scale * (d_hat[i] - mean - hat[i] * along);
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
  for (std::size_t row = 0; row < in.s.size() / w; ++row) {
    const auto r = token_gate_row(in, row, eps);
    std::vector<Number> dn1 = zeros(w), dn2 = zeros(w);
    Number of_gate = d_gate[row];
    for (std::size_t i = 0; i < w; ++i) {
      const std::size_t at = row * w + i;
      const Number y = d_out[at];
      if (form == Blend::kNormed) {
        of_gate += y * (r.n1[i] - r.n2[i]);
        dn1[i] += y * r.gate;
        dn2[i] += y * r.rest;
      } else {
        const Number scale = form == Blend::kRaw ? one : in.r[0];
        if (form == Blend::kResidual) {
          d.r[0] += y * r.rest * (in.g[at] - in.s[at]);
          d.s[at] += y * (one - scale);
        }
        of_gate += scale * y * (in.s[at] - in.g[at]);
        d.s[at] += scale * y * r.gate;
        d.g[at] += scale * y * r.rest;
      }
    }
    const Number of_logit = of_gate * r.gate * r.rest;
    d.gate_b[0] += of_logit;
    for (std::size_t i = 0; i < w; ++i) {
      d.gate_w[i] += of_logit * r.n1[i];
      d.gate_w[w + i] += of_logit * r.n2[i];
      dn1[i] += of_logit * in.gate_w[i];
      dn2[i] += of_logit * in.gate_w[w + i];
      d.w1[i] += dn1[i] * r.hat1[i];
      d.b1[i] += dn1[i];
      d.w2[i] += dn2[i] * r.hat2[i];
      d.b2[i] += dn2[i];
      dn1[i] = dn1[i] * in.w1[i];
      dn2[i] = dn2[i] * in.w2[i];
    }
    through_norm(dn1, r.hat1, r.scale1, d.s.data() + row * w);
    through_norm(dn2, r.hat2, r.scale2, d.g.data() + row * w);
  }
  return d;
}

}  // namespace vega::ref
