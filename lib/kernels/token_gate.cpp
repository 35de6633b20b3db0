#include "kernels/token_gate.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "base/parallel.h"
#include "kernels/dispatch.h"

namespace vega::kernels {
namespace {

constexpr const char* kForward = "token_gate";
constexpr const char* kBackward = "token_gate_backward";

at::Tensor parameter(const char* op, const char* name, const at::Tensor& tensor, std::int64_t count,
                     at::Device device) {
  check_dtype(op, name, tensor, {at::kFloat, at::kBFloat16});
  check_device(op, name, tensor, device);
  check_contiguous(op, name, tensor);
  const bool row =
      tensor.dim() == 2 && tensor.size(0) == 1 && std::string_view(name) == "gate_weight";
  check_that(tensor.numel() == count && (count == 1 || tensor.dim() == 1 || row), op, name,
             "shape " + to_string(tensor.sizes().vec()), std::to_string(count) + " values");
  return tensor.detach();
}

// Parameters of one type, the tensors themselves or copies, that the pointers of a call point into.
struct Held {
  at::Tensor w1, b1, w2, b2, gate_weight, gate_bias, scale;
  Element element() const { return element_of(w1); }
};

// bfloat16 stays what it is where the device widens it on reading: all of it, beside streams of
// bfloat16. Else float32.
void make_one_type(Held& held, const at::Tensor& stream) {
  const auto half = [](const at::Tensor& t) {
    return !t.defined() || t.scalar_type() == at::kBFloat16;
  };
  const auto all = {&held.w1,          &held.b1,        &held.w2,   &held.b2,
                    &held.gate_weight, &held.gate_bias, &held.scale};
  if (stream.is_cuda() && half(stream) &&
      std::all_of(all.begin(), all.end(), [&](const at::Tensor* t) { return half(*t); })) {
    return;
  }
  for (at::Tensor* tensor : all) {
    if (tensor->defined()) *tensor = tensor->to(at::kFloat);
  }
}

Held check_parameters(const char* op, const TokenGateParameters& p, GateForm form,
                      const at::Tensor& stream) {
  const std::int64_t width = stream.size(-1);
  const at::Device device = stream.device();
  Held held{parameter(op, "norm1_weight", p.norm1_weight, width, device),
            parameter(op, "norm1_bias", p.norm1_bias, width, device),
            parameter(op, "norm2_weight", p.norm2_weight, width, device),
            parameter(op, "norm2_bias", p.norm2_bias, width, device),
            parameter(op, "gate_weight", p.gate_weight, 2 * width, device),
            parameter(op, "gate_bias", p.gate_bias, 1, device),
            {}};
  if (form == GateForm::kResidual) {
    held.scale = parameter(op, "residual_scale", p.residual_scale, 1, device);
  } else {
    check_that(!p.residual_scale.defined(), op, "residual_scale", "a tensor",
               "nothing: only the residual form has one");
  }
  make_one_type(held, stream);
  return held;
}

void check_like(const char* op, const char* name, const at::Tensor& tensor, const at::Tensor& s) {
  check_dtype(op, name, tensor, {s.scalar_type()});
  check_device(op, name, tensor, s.device());
  check_contiguous(op, name, tensor);
  check_that(tensor.sizes() == s.sizes(), op, name, to_string(tensor.sizes().vec()),
             "the shape of semantic, " + to_string(s.sizes().vec()));
}

void check_streams(const char* op, const at::Tensor& s, const at::Tensor& g) {
  check_dtype(op, "semantic", s, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "semantic", s);
  check_that(s.dim() >= 1 && s.size(-1) >= 1, op, "semantic", to_string(s.sizes().vec()),
             "(..., H), H at least 1");
  check_like(op, "generative", g, s);
}

TokenGateOf<void> arguments(const at::Tensor& s, const at::Tensor& g, const Held& held,
                            GateForm form, const at::Tensor& statistics, double eps) {
  return {.s = s.const_data_ptr(),
          .g = g.const_data_ptr(),
          .w1 = held.w1.const_data_ptr(),
          .b1 = held.b1.const_data_ptr(),
          .w2 = held.w2.const_data_ptr(),
          .b2 = held.b2.const_data_ptr(),
          .gate_w = held.gate_weight.const_data_ptr(),
          .gate_b = held.gate_bias.const_data_ptr(),
          .r = held.scale.defined() ? held.scale.const_data_ptr() : nullptr,
          .out = nullptr,
          .gate = nullptr,
          .statistics = const_cast<float*>(statistics.const_data_ptr<float>()),
          .rows = s.numel() / s.size(-1),
          .width = s.size(-1),
          .eps = static_cast<float>(eps),
          .form = static_cast<int>(form)};
}

std::vector<float> fold(const TokenGate& args) {
  std::vector<float> folded(static_cast<std::size_t>(2 * args.width + 4));
  cpu::token_gate_fold(args, folded.data());
  return folded;
}

// body(first, last) over pieces of [0, count), on the threads of LibTorch's operations. `piece` is
// large enough to be worth a thread.
template <typename Body>
void share(std::int64_t count, std::int64_t piece, const Body& body) {
  const std::int64_t pieces = (count + piece - 1) / piece;
  parallel_for(static_cast<std::size_t>(pieces), at::get_num_threads(), [&](std::size_t n) {
    const std::int64_t first = static_cast<std::int64_t>(n) * piece;
    body(first, std::min(count, first + piece));
  });
}

// Elements of a piece of work: about a tenth of a millisecond, some twice the cost of a thread.
constexpr std::int64_t kPiece = 1 << 17;

// Few enough that the sums over chunks cost little, many enough for the threads.
std::int64_t cpu_chunks(std::int64_t tokens) {
  constexpr std::int64_t kRows = 32, kMost = 128;
  const std::int64_t size = std::max(kRows, (tokens + kMost - 1) / kMost);
  return (tokens + size - 1) / size;
}

void run_backward_cpu(Element element, const TokenGateBackward& args) {
  const auto folded = fold(args.in);
  parallel_for(static_cast<std::size_t>(args.chunks), at::get_num_threads(), [&](std::size_t n) {
    cpu::token_gate_backward(element, args, folded.data(), static_cast<std::int64_t>(n));
  });
  share(args.in.width, 1024,
        [&](std::int64_t first, std::int64_t last) { cpu::token_gate_reduce(args, first, last); });
}

}  // namespace

TokenGateOutput token_gate(const at::Tensor& semantic, const at::Tensor& generative,
                           const TokenGateParameters& parameters, GateForm form, double eps) {
  check_streams(kForward, semantic, generative);
  const Held held = check_parameters(kForward, parameters, form, semantic);
  const auto f32 = semantic.options().dtype(at::kFloat);
  TokenGateOutput result;
  result.out = at::empty(semantic.sizes(), semantic.options());
  result.gate = at::empty(semantic.sizes().slice(0, semantic.dim() - 1), f32);
  result.statistics = at::empty({result.gate.numel(), 8}, f32);
  TokenGateOf<void> args = arguments(semantic, generative, held, form, result.statistics, eps);
  args.out = result.out.mutable_data_ptr();
  args.gate = result.gate.mutable_data_ptr<float>();
  if (args.rows == 0) return result;
  const Element element = element_of(semantic);
  if (semantic.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_token_gate, semantic.device(), element, held.element(), args);
    return result;
  }
  const TokenGate cpu_args = typed<float>(args);
  const auto folded = fold(cpu_args);
  share(args.rows, std::max<std::int64_t>(1, kPiece / args.width),
        [&](std::int64_t first, std::int64_t last) {
          cpu::token_gate(element, cpu_args, folded.data(), first, last);
        });
  return result;
}

TokenGateGradients token_gate_backward(const at::Tensor& d_out,
                                       const std::optional<at::Tensor>& d_gate,
                                       const at::Tensor& semantic, const at::Tensor& generative,
                                       const TokenGateParameters& parameters, GateForm form,
                                       const at::Tensor& statistics, std::int64_t most_chunks) {
  check_streams(kBackward, semantic, generative);
  check_like(kBackward, "d_out", d_out, semantic);
  const auto device = semantic.device();
  const std::int64_t width = semantic.size(-1);
  const Held held = check_parameters(kBackward, parameters, form, semantic);
  check_parameter(kBackward, "statistics", statistics, {semantic.numel() / width, 8}, device);
  const auto f32 = semantic.options().dtype(at::kFloat);
  const auto like = semantic.options();
  TokenGateGradients result{
      at::empty(semantic.sizes(), like),
      at::empty(semantic.sizes(), like),
      {at::empty({width}, f32), at::empty({width}, f32), at::empty({width}, f32),
       at::empty({width}, f32), at::empty(parameters.gate_weight.sizes(), f32), at::empty({1}, f32),
       form == GateForm::kResidual ? at::empty({1}, f32) : at::Tensor()}};
  TokenGateParameters& d = result.parameters;
  TokenGateBackwardOf<void> args{
      .in = arguments(semantic, generative, held, form, statistics, 0),
      .d_out = d_out.const_data_ptr(),
      .d_gate = nullptr,
      .ds = result.d_semantic.mutable_data_ptr(),
      .dg = result.d_generative.mutable_data_ptr(),
      .partial = nullptr,
      .chunks = 0,
      .stride = token_gate_stride(static_cast<int>(form), width),
      .dw1 = d.norm1_weight.mutable_data_ptr<float>(),
      .db1 = d.norm1_bias.mutable_data_ptr<float>(),
      .dw2 = d.norm2_weight.mutable_data_ptr<float>(),
      .db2 = d.norm2_bias.mutable_data_ptr<float>(),
      .d_gate_w = d.gate_weight.mutable_data_ptr<float>(),
      .d_gate_b = d.gate_bias.mutable_data_ptr<float>(),
      .dr = d.residual_scale.defined() ? d.residual_scale.mutable_data_ptr<float>() : nullptr};
  if (d_gate) {
    check_dtype(kBackward, "d_gate", *d_gate, {at::kFloat});
    check_device(kBackward, "d_gate", *d_gate, device);
    check_contiguous(kBackward, "d_gate", *d_gate);
    check_that(d_gate->numel() == args.in.rows, kBackward, "d_gate",
               to_string(d_gate->sizes().vec()), std::to_string(args.in.rows) + " values");
    args.d_gate = d_gate->const_data_ptr<float>();
  }
  if (semantic.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_token_gate_chunks, device, element_of(semantic), held.element(), args,
                &args.chunks);
  } else {
    args.chunks = cpu_chunks(args.in.rows);
  }
  if (most_chunks > 0) args.chunks = std::min(args.chunks, most_chunks);
  const at::Tensor partial = at::empty({args.chunks, args.stride}, f32);
  args.partial = partial.mutable_data_ptr<float>();
  if (semantic.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_token_gate_backward, device, element_of(semantic), held.element(), args);
  } else {
    run_backward_cpu(element_of(semantic), typed<float>(args));
  }
  return result;
}

}  // namespace vega::kernels
