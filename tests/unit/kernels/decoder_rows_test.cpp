#include "kernels/decoder_rows.h"

#include "base/dtype.h"
#include "base/error.h"
#include "kernel_test.h"
#include "ref/decoder_ref.h"

using namespace vega;
using namespace vega::test;

namespace {

ref::Round rounding(at::ScalarType type) {
  if (type == at::kFloat) return [](double x) { return x; };
  return [](double x) { return double(f32_from_bf16(bf16_from_f32(static_cast<float>(x)))); };
}

// What one rounding between two steps may cost where the oracle rounds the other way.
double tie(at::ScalarType type) { return type == at::kFloat ? 0 : 0x1p-8; }

at::Tensor cut(const at::Tensor& x, at::Device device, at::ScalarType type) {
  return x.to(device, type);
}

}  // namespace

TEST_CASE("rms_norm agrees with the oracle, alone and after an addition") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {1, 5, 32, 60, 96, 100, 896, 3584}) {
      CAPTURE(width);
      const auto x = cut(random({7, width}, 1, 3), device, type);
      const auto y = cut(random({7, width}, 2), device, type);
      const auto weight = cut(random({width}, 3, 0.5, 1), device, type);
      const double bar = (static_cast<double>(width) / 32 + 12) * kUlp + tie(type);
      check_close(kernels::rms_norm(x, weight, 1e-6),
                  ref::rms_norm(values(x), values(weight), 1e-6, rounding(type)), bar, 1e-30);
      at::Tensor sum = x.clone();
      const auto out = kernels::add_rms_norm_(sum, y, weight, 1e-6);
      CHECK(same_bits(sum, x + y));
      check_close(out, ref::rms_norm(values(sum), values(weight), 1e-6, rounding(type)), bar,
                  1e-30);
    }
  });
}

TEST_CASE("rms_norm of many rows has the bits of each row alone") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto x = cut(random({300, 896}, 4), device, type);
    const auto weight = cut(random({896}, 5, 0.5, 1), device, type);
    const auto all = kernels::rms_norm(x, weight, 1e-6);
    for (const std::int64_t row : {0, 17, 299})
      CHECK(same_bits(kernels::rms_norm(x.narrow(0, row, 1), weight, 1e-6), all.narrow(0, row, 1)));
    CHECK(kernels::rms_norm(x.narrow(0, 0, 0), weight, 1e-6).size(0) == 0);
  });
}

TEST_CASE("rope_ agrees with the oracle, in a tensor of its own and inside wider rows") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {2, 10, 64, 128}) {
      CAPTURE(width);
      const auto angle = random({9, width / 2}, 6, 3);
      const auto cos = cut(at::cos(angle), device, type), sin = cut(at::sin(angle), device, type);
      const auto rows = cut(random({9, 5 * width}, 7), device, type);
      at::Tensor x = rows.view({9, 5, width}).narrow(1, 1, 3);
      const auto before = rows.clone();
      const auto want = ref::rope(values(x), values(cos), values(sin), 3,
                                  static_cast<std::size_t>(width), rounding(type));
      kernels::rope_(x, cos, sin);
      check_close(x, want, 2 * kUlp, 4 * (kUlp + tie(type)));
      CHECK(same_bits(rows.narrow(1, 0, width), before.narrow(1, 0, width)));
      CHECK(same_bits(rows.narrow(1, 4 * width, width), before.narrow(1, 4 * width, width)));
    }
  });
}

TEST_CASE("swiglu_ agrees with the oracle and keeps NaN") {
  on_all([](at::Device device, at::ScalarType type) {
    auto gate = cut(random({40, 1000}, 8, 5), device, type);
    const auto up = cut(random({40, 1000}, 9, 2), device, type);
    const auto want = ref::swiglu(values(gate), values(up), rounding(type));
    kernels::swiglu_(gate, up);
    check_close(gate, want, 20 * kUlp + tie(type), 1e-30);
    auto odd = at::full({3}, NAN, up.options());
    kernels::swiglu_(odd, at::ones({3}, up.options()));
    CHECK(at::isnan(odd).all().item<bool>());
  });
}

TEST_CASE("the decoder's row kernels refuse what does not fit") {
  const auto x = at::zeros({2, 8});
  at::Tensor y = at::zeros({2, 8});
  CHECK_THROWS_AS(kernels::rms_norm(x, at::zeros({7}), 1e-6), InputError);
  CHECK_THROWS_AS(kernels::rms_norm(x, at::zeros({8}, at::kBFloat16), 1e-6), InputError);
  CHECK_THROWS_AS(kernels::rms_norm(x.t(), at::zeros({2}), 1e-6), InputError);
  CHECK_THROWS_AS(kernels::add_rms_norm_(y, at::zeros({3, 8}), at::zeros({8}), 1e-6), InputError);
  CHECK_THROWS_AS(kernels::swiglu_(y, at::zeros({2, 9})), InputError);
  at::Tensor odd = at::zeros({2, 1, 7});
  CHECK_THROWS_AS(kernels::rope_(odd, at::zeros({2, 3}), at::zeros({2, 3})), InputError);
  at::Tensor heads = at::zeros({2, 1, 8});
  CHECK_THROWS_AS(kernels::rope_(heads, at::zeros({3, 4}), at::zeros({3, 4})), InputError);
}
