#include "core/tensor.h"

#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include <cstring>

#include "base/error.h"
#include "core/check.h"
#include "core/dtype.h"

using namespace vega;

namespace {

TensorView view(DType type, Shape shape, const void* data) {
  return {type, std::move(shape), static_cast<const std::byte*>(data)};
}

}  // namespace

TEST_CASE("element types map both ways") {
  for (const auto type :
       {DType::kBool, DType::kU8, DType::kI8, DType::kI16, DType::kU16, DType::kI32, DType::kU32,
        DType::kI64, DType::kU64, DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    CHECK(dtype_of(scalar_type(type)) == type);
    CHECK(c10::elementSize(scalar_type(type)) == size_of(type));
  }
  CHECK_THROWS_AS(dtype_of(at::kComplexFloat), InputError);
}

TEST_CASE("aligned views are shared, unaligned ones copied") {
  alignas(8) const float data[] = {1, 2, 3, 4, 5, 6, 7};
  const auto shared = tensor_from(view(DType::kF32, {2, 3}, data));
  CHECK(shared.const_data_ptr() == data);
  CHECK(shared[1][2].item<float>() == 6);

  std::byte raw[sizeof data + 1];
  std::memcpy(raw + 1, data, sizeof data);
  const auto copied = tensor_from(view(DType::kF32, {7}, raw + 1));
  CHECK(copied.const_data_ptr() != raw + 1);
  CHECK(copied[6].item<float>() == 7);
}

TEST_CASE("floating views widen to float32") {
  const std::uint16_t bf16[] = {bf16_from_f32(1.5F), bf16_from_f32(-3)};
  const std::uint16_t f16[] = {f16_from_f32(0.25F), f16_from_f32(7)};
  const double f64[] = {0.1, -2};
  CHECK(float_tensor_from(view(DType::kBF16, {2}, bf16)).equal(at::tensor({1.5F, -3.F})));
  CHECK(float_tensor_from(view(DType::kF16, {2}, f16)).equal(at::tensor({0.25F, 7.F})));
  CHECK(float_tensor_from(view(DType::kF64, {2}, f64)).equal(at::tensor({0.1F, -2.F})));
  const std::int32_t whole[] = {1, 2};
  CHECK_THROWS_AS(float_tensor_from(view(DType::kI32, {2}, whole)), InputError);
}

TEST_CASE("an owned tensor may be written to") {
  const float data[] = {1, 2};
  auto owned = owned_float_from(view(DType::kF32, {2}, data));
  owned.fill_(9);
  CHECK(data[0] == 1);
}

TEST_CASE("tensors become bytes and views") {
  const auto x = at::arange(6, at::kInt).view({2, 3}).t();
  const auto bytes = bytes_of(x);
  std::int32_t values[6];
  REQUIRE(bytes.size() == sizeof values);
  std::memcpy(values, bytes.data(), sizeof values);
  CHECK(values[1] == 3);
  CHECK_THROWS_AS(view_of(x), InputError);
  const auto plain = x.contiguous();
  const TensorView seen = view_of(plain);
  CHECK(seen.dtype == DType::kI32);
  CHECK(seen.shape == Shape{3, 2});
  CHECK(tensor_from(seen).equal(plain));
  CHECK(bytes_of(at::empty({0, 3})).empty());
}

TEST_CASE("checks name the op, the argument, what came and what was expected") {
  const auto x = at::zeros({2, 3});
  CHECK_NOTHROW(check_shape("op", "x", x, {kAny, 3}));
  try {
    check_shape("op", "x", x, {kAny, 4});
    FAIL("accepted");
  } catch (const InputError& error) {
    const std::string text = error.what();
    for (const char* part : {"op: x", "[2, 3]", "[*, 4]"}) {
      CHECK(text.find(part) != std::string::npos);
    }
  }
  CHECK_THROWS_AS(check_shape("op", "x", x, {2, 3, kAny}), InputError);
  CHECK_THROWS_AS(check_shape("op", "x", at::Tensor(), {2}), InputError);
  CHECK_THROWS_AS(check_dtype("op", "x", x, {at::kHalf, at::kBFloat16}), InputError);
  CHECK_THROWS_AS(check_contiguous("op", "x", x.t()), InputError);
  CHECK_THROWS_AS(check_channels_last("op", "x", x), InputError);
  CHECK_THROWS_AS(check_device("op", "x", x, at::Device(at::kCUDA, 0)), InputError);
  CHECK_THROWS_AS(check_that(false, "op", "x", "a", "b"), InputError);
}
