#include "kernels/row_linear.h"

#include <ATen/ATen.h>

#include <algorithm>

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

// In float32 each row alone, and in memory of its own: which sums a library forms depends on the
// number of rows and on where a row begins.
at::Tensor on_cuda(const at::Tensor& x, const Matrix& m) {
  if (x.scalar_type() == at::kBFloat16 || x.size(0) == 0) return at::linear(x, m.weight, m.bias);
  std::vector<at::Tensor> rows;
  for (std::int64_t r = 0; r < x.size(0); ++r)
    rows.push_back(at::linear(x.narrow(0, r, 1).clone(), m.weight, m.bias));
  return at::cat(rows);
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
  std::vector<at::Tensor> out;
  for (const Matrix& matrix : matrices) {
    check_matrix(x, matrix);
    out.push_back(x.is_cuda() ? on_cuda(x, matrix)
                              : at::empty({x.size(0), matrix.weight.size(0)}, x.options()));
  }
  if (!x.is_cuda()) on_cpu(x, matrices, out);
  return out;
}

}  // namespace vega::kernels
