#include "kernels/row_linear.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>

#include "kernels/decoder_entry.h"
#include "kernels/dispatch.h"
#include "kernels/share_steps.h"

namespace vega::kernels {
namespace {

constexpr const char* kRowLinear = "row_linear";
constexpr std::int64_t kPieceBytes = 128 << 10;  // of weights: what a thread takes at a time

void check_matrix(const at::Tensor& x, const Matrix& matrix) {
  check_shape(kRowLinear, "weight", matrix.weight, {kAny, x.size(1)});
  const auto check = [&](const char* name, const at::Tensor& tensor) {
    check_dtype(kRowLinear, name, tensor, {x.scalar_type()});
    check_device(kRowLinear, name, tensor, x.device());
    check_contiguous(kRowLinear, name, tensor);
  };
  check("weight", matrix.weight);
  if (!matrix.bias.defined()) return;
  check_shape(kRowLinear, "bias", matrix.bias, {matrix.weight.size(0)});
  check("bias", matrix.bias);
}

// Rows of bfloat16 beyond which cuBLAS reads the weights fewer times: once.
constexpr std::int64_t kMostOwnRows = 8;

// Up to three matrices a launch.
void on_cuda(const at::Tensor& x, std::span<const Matrix> matrices, std::vector<at::Tensor>& out) {
  constexpr std::size_t kEach = std::size(RowLinears{}.parts);
  for (std::size_t first = 0; first < matrices.size(); first += kEach) {
    RowLinears args{.x = x.const_data_ptr(), .rows = x.size(0), .in = x.size(1), .parts = {}};
    std::int64_t columns = 0;
    for (std::size_t n = first; n < std::min(matrices.size(), first + kEach); ++n) {
      const Matrix& m = matrices[n];
      args.parts[n - first] = {m.weight.const_data_ptr(),
                               m.bias.defined() ? m.bias.const_data_ptr() : nullptr,
                               out[n].mutable_data_ptr(), m.weight.size(0)};
      columns += m.weight.size(0);
    }
    if (args.rows == 0 || columns == 0) continue;
    VEGA_LAUNCH(vega_cuda_row_linear, x.device(), element_of(x), args);
  }
}

// Pieces of one matrix after the other.
void on_cpu(const at::Tensor& x, std::span<const Matrix> matrices, std::vector<at::Tensor>& out) {
  const Element element = element_of(x);
  const std::int64_t stride = (x.size(1) + 31) / 32 * 32;
  at::Tensor spread = at::empty({x.size(0), stride}, at::kFloat);
  cpu::row_linear_spread(element, x.const_data_ptr(), x.size(0), x.size(1), stride,
                         spread.mutable_data_ptr<float>());
  struct Part {
    RowLinear args;
    std::int64_t piece, first;  // columns of a piece; number of its first piece
  };
  std::vector<Part> parts;
  std::int64_t pieces = 0;
  for (std::size_t n = 0; n < matrices.size(); ++n) {
    const Matrix& m = matrices[n];
    const RowLinear args{.x = spread.const_data_ptr<float>(),
                         .weight = m.weight.const_data_ptr(),
                         .bias = m.bias.defined() ? m.bias.const_data_ptr() : nullptr,
                         .out = out[n].mutable_data_ptr(),
                         .rows = x.size(0),
                         .in = x.size(1),
                         .stride = stride,
                         .width = m.weight.size(0)};
    if (args.rows == 0 || args.width == 0) continue;
    const auto row_bytes = std::max<std::int64_t>(1, args.in * x.element_size());
    const std::int64_t piece = std::max<std::int64_t>(1, kPieceBytes / row_bytes);
    parts.push_back({args, piece, pieces});
    pieces += (args.width + piece - 1) / piece;
  }
  share_steps(pieces, [&](std::int64_t number) {
    auto part = parts.rbegin();
    while (part->first > number) ++part;
    const std::int64_t first = (number - part->first) * part->piece;
    cpu::row_linear(element, part->args, first, std::min(part->args.width, first + part->piece));
  });
}

}  // namespace

std::vector<at::Tensor> row_linear(const at::Tensor& x, std::span<const Matrix> matrices) {
  check_shape(kRowLinear, "x", x, {kAny, kAny});
  check_dtype(kRowLinear, "x", x, {at::kFloat, at::kBFloat16});
  check_contiguous(kRowLinear, "x", x);
  const bool library = x.is_cuda() && x.scalar_type() == at::kBFloat16 && x.size(0) > kMostOwnRows;
  std::vector<at::Tensor> out;
  for (const Matrix& matrix : matrices) {
    check_matrix(x, matrix);
    out.push_back(library ? at::linear(x, matrix.weight, matrix.bias)
                          : at::empty({x.size(0), matrix.weight.size(0)}, x.options()));
  }
  if (library) return out;
  x.is_cuda() ? on_cuda(x, matrices, out) : on_cpu(x, matrices, out);
  return out;
}

}  // namespace vega::kernels
