#include "kernels/fp8_rows.h"

#include <array>

#include "base/error.h"
#include "kernel_test.h"

using namespace vega;
using namespace vega::test;
using kernels::BeforeFp8;
using kernels::fp8_rows;
using kernels::Fp8Rows;

namespace {

// The oracle of fp8_rows: its contract step by step, with LibTorch's own rounding to the format.
Fp8Rows expected(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kCPU).to(at::kFloat);
  const at::Tensor top = wide.abs().amax(1, true);
  const at::Tensor zero = top < 1e-30;
  const at::Tensor factor = at::where(zero, 1, at::div(at::full_like(top, 448), top)),
                   scale = at::where(zero, 1, top / 448);
  return {(wide * factor).clamp(-448, 448).to(at::kFloat8_e4m3fn), scale};
}

bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  return same_bits(a.view(at::kByte), b.view(at::kByte));
}

Fp8Rows on_cpu(const Fp8Rows& rows) { return {rows.values.cpu(), rows.scale.cpu()}; }

const at::ScalarType kTypes[] = {at::kFloat, at::kBFloat16};

}  // namespace

TEST_CASE("fp8_rows rounds as LibTorch does, row by row") {
  on_all([](at::Device device, at::ScalarType type) {
    // One pack a thread, five, eight, more than fit a block's registers, and no packs at all.
    for (const auto& [rows, width] :
         {std::array{3, 64}, {5, 1536}, {2, 8960}, {2, 16000}, {2, 20000}, {4, 7}, {3, 1}}) {
      CAPTURE(rows, width);
      const at::Tensor x = random({rows, width}, 1, 3).to(device, type);
      const Fp8Rows got = on_cpu(fp8_rows(x)), want = expected(x);
      CHECK(same_bytes(got.values, want.values));
      CHECK(same_bits(got.scale, want.scale));
    }
    // Off a 16-byte boundary.
    const at::Tensor x = random({65}, 2).to(device, type).narrow(0, 1, 64).view({2, 32});
    CHECK(same_bytes(on_cpu(fp8_rows(x)).values, expected(x).values));
  });
}

TEST_CASE("fp8_rows of every value of the format, of ties, and of what lies between") {
  for (const auto device : devices()) {
    const at::Tensor bytes = at::arange(256, at::kInt).to(at::kByte);
    at::Tensor all = bytes.view(at::kFloat8_e4m3fn).to(at::kFloat);
    all = all.masked_select(all == all);  // without the two NaN
    const at::Tensor sorted = std::get<0>(all.sort());
    const at::Tensor ties = (sorted.narrow(0, 1, 253) + sorted.narrow(0, 0, 253)) / 2;
    const at::Tensor x = at::cat({all, ties, ties * 1.0001F, ties * 0.9999F}).view({1, -1});
    const Fp8Rows got = on_cpu(fp8_rows(x.to(device)));  // the largest is 448: a factor of 1
    CHECK(got.scale.item<float>() == 1);
    CHECK(same_bytes(got.values, x.to(at::kFloat8_e4m3fn)));
    CHECK(at::equal(got.values.to(at::kFloat).view({-1}).narrow(0, 0, 254), all));
  }
}

TEST_CASE("rows of zeros, of tiny numbers, and with a NaN") {
  for (const auto device : devices()) {
    at::Tensor x = at::zeros({4, 32});
    x[1].fill_(1e-33), x[2][3] = NAN, x[2][4] = 2;
    x[3].fill_(-5);
    const Fp8Rows got = on_cpu(fp8_rows(x.to(device)));
    const at::Tensor values = got.values.to(at::kFloat);
    CHECK(got.scale[0].item<float>() == 1);
    CHECK(at::equal(values[0].abs(), at::zeros({32})));
    CHECK(at::equal(values[1].abs(), at::zeros({32})));
    CHECK(std::isnan(values[2][3].item<float>()));
    CHECK(values[2][4].item<float>() == 448);
    CHECK(at::equal(values[3], at::full({32}, -448.F)));
  }
}

TEST_CASE("a GELU before: within half a step of the exact one") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {64, 1536, 8960, 33}) {
      CAPTURE(width);
      const at::Tensor x = random({4, width}, 3, 2).to(device, type);
      const Fp8Rows got = on_cpu(fp8_rows(x, BeforeFp8::kGelu));
      const at::Tensor back = got.values.to(at::kDouble) * got.scale.to(at::kDouble);
      ref::Values want;
      for (const double v : values(x)) want.push_back(ref::gelu_tanh(v));
      // Half a step: 2^-4 of the value, 2^-10 scales below the normal numbers; and float32's GELU.
      const double least = got.scale.max().item<double>() * 0x1p-10;
      check_close(back, want, 0x1p-4 + 20 * kUlp, least * (1 + 1e-5));
    }
  });
}

TEST_CASE("linear_fp8 is the product of what was rounded") {
  for (const auto device : devices()) {
    for (const auto& [rows, inner, outer] :
         {std::array{1, 16, 16}, {37, 64, 128}, {40, 1536, 96}}) {
      CAPTURE(rows, inner, outer);
      for (const auto type : kTypes) {
        const Fp8Rows x = fp8_rows(random({rows, inner}, 1).to(device, type));
        const Fp8Rows weight = fp8_rows(random({outer, inner}, 2, 0.1).to(device));
        const at::Tensor bias = random({outer}, 3).to(device, at::kBFloat16);
        const at::Tensor got = kernels::linear_fp8(x, weight, bias);
        CHECK(got.scalar_type() == at::kBFloat16);
        const auto wide = [](const Fp8Rows& r) {
          const Fp8Rows host = on_cpu(r);
          return host.values.to(at::kDouble) * host.scale.to(at::kDouble);
        };
        const at::Tensor a = wide(x), b = wide(weight);
        const at::Tensor want = at::linear(a, b, bias.cpu().to(at::kDouble));
        // Fast accumulation keeps 13 bits behind the binary point of the largest product of a
        // step of 32 (Hopper's tensor cores): each step may lose that much.
        const double most = (a.abs().amax() * b.abs().amax()).item<double>();
        const double lost = device.is_cuda() ? (inner / 32.0 + 1) * 0x1p-13 * most : 0;
        check_close(got, values(want), (inner + 4) * kUlp, inner * kUlp * most + lost);
      }
    }
    const at::Tensor none = random({0, 32}, 1).to(device);
    const Fp8Rows weight = fp8_rows(random({16, 32}, 2).to(device));
    CHECK(kernels::linear_fp8(fp8_rows(none), weight, random({16}, 3).to(device, at::kBFloat16))
              .sizes() == at::IntArrayRef({0, 16}));
  }
}

TEST_CASE("fp8 arguments are checked") {
  for (const auto device : devices()) {
    const at::Tensor x = random({4, 32}, 1).to(device);
    CHECK_THROWS_AS(fp8_rows(x.to(at::kHalf)), InputError);
    CHECK_THROWS_AS(fp8_rows(x.view({2, 2, 32})), InputError);
    CHECK_THROWS_AS(fp8_rows(x.t()), InputError);
    const Fp8Rows rows = fp8_rows(x), narrow = fp8_rows(x.narrow(1, 0, 24).contiguous());
    const at::Tensor bias = at::zeros({4}, x.options().dtype(at::kBFloat16));
    CHECK_THROWS_AS(kernels::linear_fp8(rows, narrow, bias), InputError);
    CHECK_THROWS_AS(kernels::linear_fp8(rows, rows, bias), InputError);  // 4 is no multiple of 16
    CHECK_THROWS_AS(kernels::linear_fp8(rows, fp8_rows(random({16, 32}, 2).to(device)), bias),
                    InputError);
  }
}
