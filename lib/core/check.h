// Checks at public entries of ops and modules. InputError: op, argument, got, expected.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace vega {

// -1 in an expected shape matches any extent.
inline constexpr std::int64_t kAny = -1;

// check_shape("layer_norm", "x", x, {kAny, kAny, 1536})
void check_shape(std::string_view op, std::string_view argument, const at::Tensor& tensor,
                 std::initializer_list<std::int64_t> expected);

// One of the accepted element types.
void check_dtype(std::string_view op, std::string_view argument, const at::Tensor& tensor,
                 std::initializer_list<at::ScalarType> accepted);

// On the same device as the op's first argument.
void check_device(std::string_view op, std::string_view argument, const at::Tensor& tensor,
                  at::Device expected);

// C order without gaps; or channels-last order of an (N, C, H, W) tensor.
void check_contiguous(std::string_view op, std::string_view argument, const at::Tensor& tensor);
void check_channels_last(std::string_view op, std::string_view argument, const at::Tensor& tensor);

// Any other condition, in words.
void check_that(bool condition, std::string_view op, std::string_view argument,
                std::string_view got, std::string_view expected);

}  // namespace vega
