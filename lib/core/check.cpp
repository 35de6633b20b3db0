#include "core/check.h"

#include <string>

#include "base/dtype.h"
#include "base/error.h"

namespace vega {
namespace {

std::string where(std::string_view op, std::string_view argument) {
  return std::string(op) + ": " + std::string(argument);
}

void require_defined(std::string_view op, std::string_view argument, const at::Tensor& tensor) {
  if (!tensor.defined()) throw InputError(explain(where(op, argument), "nothing", "a tensor"));
}

std::string shape_text(const at::Tensor& tensor) { return to_string(tensor.sizes().vec()); }

std::string pattern_text(std::initializer_list<std::int64_t> expected) {
  std::string text;
  for (const auto extent : expected) {
    text += (text.empty() ? "[" : ", ") + (extent == kAny ? "*" : std::to_string(extent));
  }
  return text.empty() ? "[]" : text + "]";
}

}  // namespace

void check_shape(std::string_view op, std::string_view argument, const at::Tensor& tensor,
                 std::initializer_list<std::int64_t> expected) {
  require_defined(op, argument, tensor);
  bool same = tensor.dim() == static_cast<std::int64_t>(expected.size());
  std::int64_t axis = 0;
  for (const auto extent : expected) {
    same = same && (extent == kAny || tensor.size(axis) == extent);
    ++axis;
  }
  if (!same) {
    throw InputError(explain(where(op, argument), "shape " + shape_text(tensor),
                             "shape " + pattern_text(expected)));
  }
}

void check_dtype(std::string_view op, std::string_view argument, const at::Tensor& tensor,
                 std::initializer_list<at::ScalarType> accepted) {
  require_defined(op, argument, tensor);
  std::string names;
  for (const auto type : accepted) {
    if (tensor.scalar_type() == type) return;
    names += (names.empty() ? "" : " or ") + std::string(c10::toString(type));
  }
  throw InputError(
      explain(where(op, argument), std::string(c10::toString(tensor.scalar_type())), names));
}

void check_device(std::string_view op, std::string_view argument, const at::Tensor& tensor,
                  at::Device expected) {
  require_defined(op, argument, tensor);
  if (tensor.device() != expected) {
    throw InputError(explain(where(op, argument), tensor.device().str(), expected.str(),
                             "move all arguments to one device"));
  }
}

void check_contiguous(std::string_view op, std::string_view argument, const at::Tensor& tensor) {
  require_defined(op, argument, tensor);
  if (!tensor.is_contiguous()) {
    throw InputError(explain(where(op, argument), "a strided view of shape " + shape_text(tensor),
                             "a contiguous tensor", "call .contiguous()"));
  }
}

void check_channels_last(std::string_view op, std::string_view argument, const at::Tensor& tensor) {
  require_defined(op, argument, tensor);
  if (tensor.dim() != 4 || !tensor.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    throw InputError(explain(where(op, argument), "shape " + shape_text(tensor) + ", other strides",
                             "(N, C, H, W) in channels-last memory",
                             "call .contiguous(at::MemoryFormat::ChannelsLast)"));
  }
}

void check_that(bool condition, std::string_view op, std::string_view argument,
                std::string_view got, std::string_view expected) {
  if (!condition) throw InputError(explain(where(op, argument), got, expected));
}

}  // namespace vega
