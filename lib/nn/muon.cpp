#include "nn/muon.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "core/check.h"

namespace vega {
namespace {

constexpr double kA = 3.4445, kB = -4.775, kC = 2.0315;

// x (count, rows, columns), rows <= columns; every matrix apart.
at::Tensor newton_schulz(at::Tensor x, const MuonOptions& options) {
  x = x / at::linalg_vector_norm(x, 2, {1, 2}, /*keepdim=*/true).clamp_min(options.epsilon);
  for (int step = 0; step < options.steps; ++step) {
    const at::Tensor gram = at::bmm(x, x.transpose(1, 2));
    const at::Tensor factor = at::baddbmm(gram, gram, gram, kB, kC);
    x = at::baddbmm(x, factor, x, kA, 1);
  }
  return x;
}

at::Tensor orthogonalised_all(const at::Tensor& matrices, const MuonOptions& options) {
  const at::Tensor x = matrices.to(options.type);
  if (x.size(1) <= x.size(2)) return newton_schulz(x, options);
  return newton_schulz(x.transpose(1, 2), options).transpose(1, 2);
}

void check_muon(const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& buffer) {
  check_shape("muon_step_", "a parameter", parameter, {kAny, kAny});
  for (const at::Tensor* other : {&gradient, &buffer})
    check_shape("muon_step_", "its gradient or momentum", *other,
                {parameter.size(0), parameter.size(1)});
}

}  // namespace

at::Tensor orthogonalised(const at::Tensor& matrix, const MuonOptions& options) {
  check_shape("orthogonalised", "matrix", matrix, {kAny, kAny});
  return orthogonalised_all(matrix.unsqueeze(0), options).squeeze(0);
}

void muon_step_(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients,
                const std::vector<at::Tensor>& momentum, double rate, const MuonOptions& options) {
  const c10::NoGradGuard no_gradients;
  check_that(parameters.size() == gradients.size() && parameters.size() == momentum.size(),
             "muon_step_", "lists", "other lengths", "one length");
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::size_t>> shapes;
  for (std::size_t n = 0; n < parameters.size(); ++n) {
    if (!gradients[n].defined()) continue;
    check_muon(parameters[n], gradients[n], momentum[n]);
    shapes[{parameters[n].size(0), parameters[n].size(1)}].push_back(n);
  }
  for (const auto& [shape, members] : shapes) {
    const at::Tensor updates =
        at::empty({static_cast<std::int64_t>(members.size()), shape.first, shape.second},
                  parameters[members[0]].options().dtype(options.type));
    for (std::size_t i = 0; i < members.size(); ++i) {
      const at::Tensor &gradient = gradients[members[i]], &buffer = momentum[members[i]];
      buffer.lerp_(gradient, 1 - options.momentum);
      updates[static_cast<std::int64_t>(i)].copy_(
          options.nesterov ? gradient.lerp(buffer, options.momentum) : buffer);
    }
    const at::Tensor steps =
        orthogonalised_all(updates, options).to(parameters[members[0]].scalar_type());
    const double scale =
        0.2 * rate * std::sqrt(static_cast<double>(std::max(shape.first, shape.second)));
    for (std::size_t i = 0; i < members.size(); ++i) {
      at::Tensor parameter = parameters[members[i]];
      if (options.weight_decay != 0) parameter.mul_(1 - rate * options.weight_decay);
      parameter.add_(steps[static_cast<std::int64_t>(i)], -scale);
    }
  }
}

void average_step_(const std::vector<at::Tensor>& averages, const std::vector<at::Tensor>& values,
                   double keep) {
  const c10::NoGradGuard no_gradients;
  check_that(averages.size() == values.size(), "average_step_", "lists", "other lengths",
             "one length");
  for (std::size_t n = 0; n < averages.size(); ++n) averages[n].lerp_(values[n], 1 - keep);
}

}  // namespace vega
