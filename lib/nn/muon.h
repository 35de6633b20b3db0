// Muon: momentum whose matrix is made nearly orthogonal before it is subtracted; and averages of
// weights. Functions on single tensors: whoever trains keeps the state.
// Source: PyTorch 2.11, torch.optim.Muon with adjust_lr_fn "match_rms_adamw" (Keller Jordan's
// optimiser, with the scale of "Muon is Scalable for LLM Training").
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace vega {

struct MuonOptions {
  double momentum = 0.95;
  bool nesterov = true;
  double weight_decay = 0;  // of PyTorch's class: 0.1
  int steps = 5;            // of Newton and Schulz
  double epsilon = 1e-7;
  at::ScalarType type = at::kBFloat16;  // of the Newton-Schulz products; or float32
};

// Five (options.steps) Newton-Schulz steps with PyTorch's coefficients 3.4445, -4.775, 2.0315 bring
// the singular values of `matrix` (rows, columns) near 1 (0.7 to 1.2 for those that were not tiny);
// its singular vectors stay. Returns the shape of `matrix` in options.type.
at::Tensor orthogonalised(const at::Tensor& matrix, const MuonOptions& options);

// One step on every matrix (rows, columns): momentum and parameter change in place.
//   buffer = lerp(buffer, gradient, 1 - momentum); update = lerp(gradient, buffer, momentum)
//   parameter = parameter (1 - rate weight_decay)
//               - 0.2 rate sqrt(max(rows, columns)) orthogonalised(update)
// A root mean square of an update is thus about 0.2 rate, as AdamW's: both can share one rate.
// Three lists of one length, float32 (float64 in tests); matrices without a defined gradient stay
// as they are. Matrices of one shape go together. Throws InputError (a tensor that is no matrix, or
// of another shape than its gradient or buffer).
void muon_step_(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients,
                const std::vector<at::Tensor>& momentum, double rate, const MuonOptions& options);

// average = average + (1 - keep)(value - average) in place, tensor by tensor.
void average_step_(const std::vector<at::Tensor>& averages, const std::vector<at::Tensor>& values,
                   double keep);

}  // namespace vega
