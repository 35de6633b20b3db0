// LibTorch's operations on the emulated device. Its memory is the host's, so that nearly every
// operation is the CPU's, on the same bytes: `on_the_host`. What has no twin on the CPU, or is
// cut in other pieces on a device, follows it.
#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "graph.h"
#include "memory.h"
#include "streams.h"
#include "trace.h"

namespace vega::host_device {
namespace {

using c10::IValue;

const c10::DispatchKeySet kKey(c10::DispatchKey::CUDA);

// ---- the trace

std::string text_of(const at::Tensor& t) {
  const auto type = t.scalar_type();
  std::string text = type == at::kFloat      ? "f32"
                     : type == at::kBFloat16 ? "bf16"
                     : type == at::kDouble   ? "f64"
                                             : c10::toString(type);
  text += '[';
  for (const auto size : t.sizes()) {
    if (text.back() != '[') text += ',';
    text += std::to_string(size);
  }
  text += ']';
  if (!t.is_cuda() && t.dim() > 0) text += "@cpu";
  return text;
}

void note(const std::string& name, const std::vector<at::Tensor>& tensors) {
  if (!tracing()) return;
  std::string line = name;
  for (const auto& t : tensors) {
    if (t.defined()) line += " " + text_of(t);
  }
  add_to_trace(line);
}

// VEGA_DEVICE_FAIL_PRODUCT=N: at the N-th matrix product cuBLAS has no memory for itself.
void count_product(const std::string& name) {
  static const char* const text = std::getenv("VEGA_DEVICE_FAIL_PRODUCT");
  if (text == nullptr) return;
  if (name != "mm" && name != "addmm" && name != "bmm" && name != "_addmm_activation") return;
  static std::atomic<int> products{0};
  TORCH_CHECK(++products != std::atoi(text), "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling ",
              "`cublasCreate(handle)`");
}

// ---- one tensor, two views of it

// The same bytes as a tensor of the CPU.
at::Tensor on_cpu(const at::Tensor& t) {
  if (!t.defined() || !t.is_cuda()) return t;
  return at::from_blob(t.data_ptr(), t.sizes(), t.strides(),
                       at::TensorOptions(at::kCPU).dtype(t.scalar_type()));
}

at::Tensor new_tensor(at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType type) {
  return at::detail::empty_strided_generic(sizes, strides, &allocator(), kKey, type);
}

at::Tensor to_device(const at::Tensor& t) {
  at::Tensor made = new_tensor(t.sizes(), t.strides(), t.scalar_type());
  on_cpu(made).copy_(t);
  return made;
}

// ---- recorded work (graph.h)

// Poisons a result of the recording itself, which a device has not computed.
void poison(const at::Tensor& t) {
  if (t.storage().nbytes() > 0) std::memset(t.storage().mutable_data(), 0xff, t.storage().nbytes());
}

void refuse_while_capturing(bool refused, const std::string& name) {
  if (!refused || !capturing()) return;
  spoil_capture();
  TORCH_CHECK(false, "CUDA error: operation not permitted when stream is capturing: ", name);
}

// A new tensor with what `compute` gives on the CPU, now and at each replay.
template <typename Compute>
at::Tensor made_by(const Compute& compute) {
  at::Tensor made = to_device(compute());
  if (capturing()) {
    poison(made);
    record([made, compute] { on_cpu(made).copy_(compute()); });
  }
  return made;
}

// Arguments of the device with their twins on the CPU.
class Twins {
 public:
  IValue replace(const IValue& value) {
    if (value.isTensor()) return twin(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& t : value.toTensorVector()) list.push_back(twin(t));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const std::optional<at::Tensor>& t : value.toOptionalTensorList())
        list.push_back(t ? std::optional(twin(*t)) : std::nullopt);
      return list;
    }
    if (value.isDevice()) return c10::Device(c10::kCPU);
    return value;
  }

  // A result: an argument itself, a view of one, or new.
  at::Tensor restore(const at::Tensor& result) const {
    if (!result.defined()) return result;
    for (const auto& [mine, theirs] : pairs_) {
      if (result.is_same(theirs)) return grown(mine, theirs);
      if (result.is_alias_of(theirs)) {
        return at::native::as_strided_tensorimpl(mine, result.sizes(), result.strides(),
                                                 mine.storage_offset() + result.storage_offset());
      }
    }
    return to_device(result);
  }

  // Whether a result is memory of its own.
  bool is_new(const at::Tensor& result) const {
    return result.defined() && std::ranges::none_of(pairs_, [&](const auto& pair) {
             return result.is_alias_of(pair.second);
           });
  }

 private:
  // An empty `out` is for the operation to resize; a twin that borrows its memory could not be.
  at::Tensor twin(const at::Tensor& t) {
    if (!t.defined() || !t.is_cuda()) return t;
    pairs_.emplace_back(
        t, t.numel() > 0
               ? on_cpu(t)
               : at::empty(t.sizes(), at::TensorOptions(at::kCPU).dtype(t.scalar_type())));
    return pairs_.back().second;
  }
  static at::Tensor grown(const at::Tensor& mine, const at::Tensor& theirs) {
    if (mine.sizes() == theirs.sizes()) return mine;
    auto* impl = mine.unsafeGetTensorImpl();
    impl->set_storage_keep_dtype(to_device(theirs).storage());
    impl->set_sizes_and_strides(theirs.sizes(), theirs.strides());
    return mine;
  }
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs_;
};

std::vector<at::Tensor> tensors_of(const torch::jit::Stack& stack, std::size_t count) {
  std::vector<at::Tensor> out;
  for (std::size_t i = stack.size() - count; i < stack.size(); ++i) {
    if (stack[i].isTensor()) out.push_back(stack[i].toTensor());
    if (stack[i].isTensorList())
      for (const at::Tensor& t : stack[i].toTensorVector()) out.push_back(t);
  }
  return out;
}

// Records the operation: a replay calls it with these arguments and writes into these results.
void record_operation(const c10::OperatorHandle& op, const torch::jit::Stack& arguments,
                      const std::vector<at::Tensor>& results, const std::vector<bool>& fresh) {
  for (std::size_t n = 0; n < results.size(); ++n) {
    if (fresh[n]) poison(results[n]);
  }
  record([op, arguments, results, fresh] {
    torch::jit::Stack stack;
    Twins twins;
    for (const IValue& value : arguments) stack.push_back(twins.replace(value));
    op.callBoxed(&stack);
    const auto again = tensors_of(stack, op.schema().returns().size());
    for (std::size_t n = 0; n < again.size(); ++n) {
      if (fresh[n]) on_cpu(results[n]).copy_(again[n]);
    }
  });
}

void on_the_host(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const std::size_t count = schema.arguments().size();
  const std::size_t first = stack->size() - count;
  const std::string name = schema.name().substr(schema.name().rfind(':') + 1);
  refuse_while_capturing(name == "_local_scalar_dense" || name == "nonzero", name);
  const torch::jit::Stack arguments(stack->begin() + static_cast<std::ptrdiff_t>(first),
                                    stack->end());
  std::vector<at::Tensor> seen;
  Twins twins;
  for (std::size_t i = first; i < stack->size(); ++i) {
    IValue& value = (*stack)[i];
    if (value.isTensor()) seen.push_back(value.toTensor());
    if (value.isTensorList())
      for (const at::Tensor& t : value.toTensorVector()) seen.push_back(t);
    value = twins.replace(value);
  }
  note(schema.overload_name().empty() ? name : name + "." + schema.overload_name(), seen);
  count_product(name);
  finish_stream(current_stream());
  op.callBoxed(stack);
  std::vector<bool> fresh;
  for (const at::Tensor& t : tensors_of(*stack, schema.returns().size()))
    fresh.push_back(twins.is_new(t));
  for (std::size_t i = stack->size() - schema.returns().size(); i < stack->size(); ++i) {
    IValue& value = (*stack)[i];
    if (value.isTensor()) {
      value = twins.restore(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& t : value.toTensorVector()) list.push_back(twins.restore(t));
      value = list;
    }
  }
  if (capturing())
    record_operation(op, arguments, tensors_of(*stack, schema.returns().size()), fresh);
}

// ---- memory

at::Tensor empty(at::IntArrayRef sizes, std::optional<at::ScalarType> type,
                 std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>,
                 std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(sizes, &allocator(), kKey, type.value_or(at::kFloat), format);
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides,
                         std::optional<at::ScalarType> type, std::optional<at::Layout>,
                         std::optional<at::Device>, std::optional<bool>) {
  return new_tensor(sizes, strides, type.value_or(at::kFloat));
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef sizes,
                         std::optional<at::MemoryFormat> format) {
  const at::Tensor made = at::empty(sizes, self.options(), format);
  auto* impl = self.unsafeGetTensorImpl();
  if (made.nbytes() > self.storage().nbytes()) impl->set_storage_keep_dtype(made.storage());
  impl->set_sizes_and_strides(made.sizes(), made.strides());
  return self;
}

// A copy between device and pinned memory that need not be waited for. The device's memory must be
// held until it is done: who gave it back before would see it used for something else.
void copy_later(const at::Tensor& self, const at::Tensor& from) {
  queue(current_stream(), [self, from] {
    const at::Tensor& mine = self.is_cuda() ? self : from;
    TORCH_CHECK(mine.use_count() > 1 || mine.storage().use_count() > 1,
                "host emulation: memory of a queued copy of ", mine.nbytes(),
                " bytes was given back before the copy was done");
    on_cpu(self).copy_(on_cpu(from));
  });
}

at::Tensor& copy(at::Tensor& self, const at::Tensor& from, bool non_blocking) {
  const at::Tensor& host = self.is_cuda() ? from : self;
  const bool late = non_blocking && current_stream() != 0 && self.is_cuda() != from.is_cuda() &&
                    is_pinned(host.const_data_ptr());
  note(late ? "stream " + std::to_string(current_stream()) + " copy_" : "copy_", {self, from});
  if (late) return copy_later(self, from), self;
  finish_stream(current_stream());
  refuse_while_capturing(self.is_cuda() != from.is_cuda(), "copy between host and device");
  const auto copied = [self, from] { on_cpu(self).copy_(on_cpu(from)); };
  if (capturing())
    record(copied);
  else
    copied();
  return self;
}

at::Tensor as_strided(const at::Tensor& self, at::IntArrayRef sizes, at::IntArrayRef strides,
                      std::optional<std::int64_t> offset) {
  return at::native::as_strided_tensorimpl(self, sizes, strides, offset);
}

at::Tensor reshape_alias(const at::Tensor& self, at::IntArrayRef sizes, at::IntArrayRef strides) {
  return at::native::as_strided_tensorimpl(self, sizes, strides, self.storage_offset());
}

at::Tensor view(const at::Tensor& self, at::IntArrayRef sizes) {
  return at::native::view(self, sizes);
}

// ---- what the CPU has not, or not so

// bfloat16 factors, sums and result in float32.
at::Tensor mm_with_type(const at::Tensor& a, const at::Tensor& b, at::ScalarType out) {
  note("mm.dtype", {a, b});
  count_product("mm");
  return made_by(
      [a, b, out] { return at::mm(on_cpu(a).to(at::kFloat), on_cpu(b).to(at::kFloat)).to(out); });
}

// The same, matrix by matrix, so that the number of matrices changes no bit.
at::Tensor bmm_with_type(const at::Tensor& a, const at::Tensor& b, at::ScalarType out) {
  note("bmm.dtype", {a, b});
  count_product("bmm");
  return made_by([a, b, out] {
    const at::Tensor left = on_cpu(a), right = on_cpu(b);
    at::Tensor made = at::empty({a.size(0), a.size(1), b.size(2)}, left.options().dtype(out));
    for (std::int64_t n = 0; n < a.size(0); ++n)
      made[n].copy_(at::mm(left[n].to(at::kFloat), right[n].to(at::kFloat)));
    return made;
  });
}

// GELU (tanh form) or ReLU of the float32 sum, one rounding.
at::Tensor addmm_activation(const at::Tensor& bias, const at::Tensor& a, const at::Tensor& b,
                            const at::Scalar& beta, const at::Scalar& alpha, bool use_gelu) {
  note(use_gelu ? "_addmm_activation gelu" : "_addmm_activation relu", {bias, a, b});
  count_product("_addmm_activation");
  return made_by([=] {
    const at::Tensor sum = at::addmm(on_cpu(bias).to(at::kFloat), on_cpu(a).to(at::kFloat),
                                     on_cpu(b).to(at::kFloat), beta, alpha);
    return (use_gelu ? at::gelu(sum, "tanh") : at::relu(sum)).to(a.scalar_type());
  });
}

// Factors of 8 bits with a scale for each row of either, sums in float32, one rounding. As the
// device, it takes the second factor column by column alone, and sides that are multiples of 16.
at::Tensor scaled_mm(const at::Tensor& a, const at::Tensor& b, const at::Tensor& scale_a,
                     const at::Tensor& scale_b, const std::optional<at::Tensor>& bias,
                     const std::optional<at::Tensor>&, std::optional<at::ScalarType> out, bool) {
  note("_scaled_mm", {a, b, scale_a, scale_b, bias ? *bias : at::Tensor()});
  count_product("mm");
  TORCH_CHECK(a.is_contiguous() && b.t().is_contiguous(), "mat2 must be col_major");
  TORCH_CHECK(a.size(1) % 16 == 0 && b.size(1) % 16 == 0, "sides are no multiples of 16");
  TORCH_CHECK(scale_a.sizes() == at::IntArrayRef({a.size(0), 1}) && scale_a.is_contiguous() &&
                  scale_b.sizes() == at::IntArrayRef({1, b.size(1)}) && scale_b.is_contiguous(),
              "scales are not one a row and one a column");
  return made_by([=] {
    at::Tensor sum = at::mm(on_cpu(a).to(at::kFloat), on_cpu(b).to(at::kFloat)) * on_cpu(scale_a) *
                     on_cpu(scale_b);
    if (bias) sum = sum + on_cpu(*bias).to(at::kFloat);
    return sum.to(out.value_or(at::kBFloat16));
  });
}

// VEGA_DEVICE_REFUSE_WORKSPACE=N: cuDNN has no memory for the N-th convolution's workspace.
void count_convolution() {
  static const char* const text = std::getenv("VEGA_DEVICE_REFUSE_WORKSPACE");
  static std::atomic<int> convolutions{0};
  if (text != nullptr && ++convolutions == std::atoi(text)) refuse_workspace();
}

// Without the bias, which LibTorch adds to the rounded result.
at::Tensor cudnn_convolution(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef padding,
                             at::IntArrayRef stride, at::IntArrayRef dilation, std::int64_t groups,
                             bool, bool, bool) {
  refuse_while_capturing(true, "cudnn_convolution, which the host emulation does not record");
  note("cudnn_convolution", {x, weight});
  count_convolution();
  const bool last = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast ||
                    weight.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  const at::Tensor y = at::conv2d(on_cpu(x), on_cpu(weight), {}, stride, padding, dilation, groups);
  return to_device(
      y.contiguous(last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous));
}

// bfloat16: cuDNN's and flash attention's result lies in memory as q does. float32: the
// memory-efficient kernel's lies token by token.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const std::optional<at::Tensor>& mask, double dropout, bool causal,
                     std::optional<double> scale, bool grouped) {
  refuse_while_capturing(true,
                         "scaled_dot_product_attention, which the host emulation does not record");
  note("scaled_dot_product_attention", {q, k, v});
  const at::Tensor result = at::scaled_dot_product_attention(
      on_cpu(q), on_cpu(k), on_cpu(v), mask ? std::optional(on_cpu(*mask)) : std::nullopt, dropout,
      causal, scale, grouped);
  const at::Tensor made = q.scalar_type() == at::kBFloat16
                              ? at::empty_like(q)
                              : at::empty(q.transpose(1, 2).sizes(), q.options()).transpose(1, 2);
  on_cpu(made).copy_(result);
  return made;
}

}  // namespace

TORCH_LIBRARY_IMPL(_, CUDA, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&on_the_host>());
}
TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("resize_", resize);
  m.impl("copy_", copy);
  m.impl("as_strided", as_strided);
  m.impl("_reshape_alias", reshape_alias);
  m.impl("view", view);
  m.impl("mm.dtype", mm_with_type);
  m.impl("bmm.dtype", bmm_with_type);
  m.impl("_addmm_activation", addmm_activation);
  m.impl("_scaled_mm", scaled_mm);
  m.impl("cudnn_convolution", cudnn_convolution);
  m.impl("scaled_dot_product_attention", attention);
}

}  // namespace vega::host_device
