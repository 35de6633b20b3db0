#include "weights/model_files.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/hash.h"
#include "support/support.h"

using namespace vega;
using Catch::Contains;

namespace {

template <typename T>
TensorView view(DType type, Shape shape, const std::vector<T>& data) {
  return {type, std::move(shape), reinterpret_cast<const std::byte*>(data.data())};
}

}  // namespace

TEST_CASE("fingerprint: values count, not their storage") {
  // 5000 elements: more than one block. Multiples of 1/8 up to 2 are exact in every float type.
  std::vector<float> wide(5000);
  std::vector<std::uint16_t> bf16(5000), f16(5000);
  for (std::size_t i = 0; i < wide.size(); ++i) {
    wide[i] = static_cast<float>(i % 16) / 8;
    bf16[i] = bf16_from_f32(wide[i]);
    f16[i] = f16_from_f32(wide[i]);
  }
  const auto of = [](const TensorView& w) { return fingerprint({{"w", w}}); };
  const auto base = of(view(DType::kF32, {50, 100}, wide));
  CHECK(base.size() == 32);
  CHECK(of(view(DType::kBF16, {50, 100}, bf16)) == base);
  CHECK(of(view(DType::kF16, {50, 100}, f16)) == base);
  CHECK(of(view(DType::kF32, {100, 50}, wide)) != base);
  CHECK(of(view(DType::kU16, {50, 100}, bf16)) != of(view(DType::kI16, {50, 100}, bf16)));
  CHECK(fingerprint({{"v", view(DType::kF32, {50, 100}, wide)}}) != base);
  CHECK(fingerprint({}) != base);
  wide.back() += 1e-6F;
  CHECK(of(view(DType::kF32, {50, 100}, wide)) != base);
  CHECK(of(view(DType::kF32, {50, 100}, wide)) != of(view(DType::kBF16, {50, 100}, bf16)));
  // Known answer, so that keys of old outputs stay valid: the framing in numbers.
  const std::vector<float> one{1.0F};
  Hasher by_hand;
  by_hand.field("vega.weights/1").number(1).field("w").field("f32").number(1).number(1);
  by_hand.bytes(std::as_bytes(std::span(one)));
  CHECK(of(view(DType::kF32, {1}, one)) == by_hand.hex());
}

TEST_CASE("check_finite names the tensor and the first bad index") {
  std::vector<float> data(3 * 5000, 1.0F);
  const auto tensor = view(DType::kF32, {3, 5000}, data);
  CHECK_NOTHROW(check_finite("w", tensor));
  data[2 * 5000 + 17] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(check_finite("w", tensor), FormatError);
  CHECK_THROWS_WITH(check_finite("blocks.0.w", tensor, "model.safetensors"),
                    Contains("model.safetensors") && Contains("'blocks.0.w'") &&
                        Contains("NaN at index [2, 17]"));
  data[5000] = -std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(check_finite("w", tensor), Contains("infinite value at index [1, 0]"));
  const std::vector<float> most{std::numeric_limits<float>::max(),
                                std::numeric_limits<float>::denorm_min(), -0.0F};
  CHECK_NOTHROW(check_finite("w", view(DType::kF32, {3}, most)));
  const std::vector<std::uint16_t> half{0x3c00, 0x7bff, 0xfc00};
  CHECK_THROWS_WITH(check_finite("h", view(DType::kF16, {3}, half)), Contains("index [2]"));
  CHECK_NOTHROW(check_finite("h", view(DType::kBF16, {3}, half)));  // 0xfc00 is a number there
  const std::vector<std::uint16_t> brain{0x7f80, 0x7fc0};
  CHECK_THROWS_WITH(check_finite("b", view(DType::kBF16, {2}, brain)), Contains("index [0]"));
  const std::vector<double> wide{1, std::nan("")};
  CHECK_THROWS_WITH(check_finite("d", view(DType::kF64, {2}, wide)), Contains("NaN at index [1]"));
  CHECK_NOTHROW(check_finite("i", view(DType::kU16, {2}, brain)));
  CHECK_NOTHROW(check_finite("e", {DType::kF32, {0}, nullptr}));
}
