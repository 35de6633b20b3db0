// Matrix products of few rows, as decoding token by token needs them: the weights are read once,
// whatever the number of rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

namespace vega::kernels {

struct Matrix {
  at::Tensor weight;  // (N, K)
  at::Tensor bias;    // (N); undefined: none
};

// x weight^T + bias for each matrix: (M, N). All products of one call share one round of threads.
// x (M, K), weights and biases float32|bfloat16, one type and device, contiguous. Sums are float32
// and rounded once.
// A row's bits depend on that row and the matrix alone: on the CPU and in float32 always, in
// bfloat16 on CUDA for up to 8 rows; more of them go through at::linear, which reads the weights
// once. Threads: those of LibTorch's operations. Throws InputError (shape, dtype, device, layout).
// Oracle: tests/ref/decoder_ref.h.
std::vector<at::Tensor> row_linear(const at::Tensor& x, std::span<const Matrix> matrices);

}  // namespace vega::kernels
