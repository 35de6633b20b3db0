#include "kernels/rms_silu.h"

#include "base/error.h"
#include "kernel_test.h"

using namespace vega;
using namespace vega::test;

namespace {

at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

// As rows of channels, the order of the oracle.
at::Tensor rows(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).contiguous(); }

// The norm costs a sum of C squares in 32 lanes and some roundings; SiLU's slope turns that into at
// most 1.3 of it relative for positive and 0.3 absolute for negative values.
void compare_silu(const at::Tensor& got, const at::Tensor& x, const at::Tensor& scale, bool silu) {
  const double t = (static_cast<double>(x.size(1)) / 32 + 12) * kUlp;
  check_close(rows(got), ref::rms_silu(values(rows(x)), values(scale), silu), 1.5 * t, 0.5 * t);
}

}  // namespace

TEST_CASE("rms_silu agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t channels : {1, 8, 13, 16, 31, 32, 96, 100, 192, 384, 1000, 1536}) {
      CAPTURE(channels);
      const auto x = channels_last(random({2, channels, 3, 7}, 1, 2).to(device, type));
      const auto scale = random({channels}, 2, 3, 5).to(device);
      for (const bool silu : {true, false}) {
        const auto y = kernels::rms_silu(x, scale, silu);
        CHECK(y.scalar_type() == type);
        CHECK(y.is_contiguous(at::MemoryFormat::ChannelsLast));
        compare_silu(y, x, scale, silu);
      }
    }
  });
}

TEST_CASE("rms_silu of many rows, one row and none") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto scale = random({96}, 3, 1, 9).to(device);
    for (const std::int64_t side : {1, 17, 40}) {
      const auto x = channels_last(random({1, 96, side, side}, 4).to(device, type));
      compare_silu(kernels::rms_silu(x, scale, true), x, scale, true);
    }
    const auto none =
        channels_last(at::empty({0, 96, 4, 4}, at::TensorOptions(device).dtype(type)));
    CHECK(kernels::rms_silu(none, scale, true).sizes() == none.sizes());
  });
}

TEST_CASE("rms_silu of zeros is zero, and tiny vectors are not blown up") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto scale = at::full({32}, 4.0, at::TensorOptions(device).dtype(at::kFloat));
    const auto zeros =
        channels_last(at::zeros({1, 32, 2, 2}, at::TensorOptions(device).dtype(type)));
    CHECK(kernels::rms_silu(zeros, scale, true).abs().max().item<float>() == 0);
    const auto tiny = channels_last(at::full({1, 32, 2, 2}, 1e-15, zeros.options()));
    compare_silu(kernels::rms_silu(tiny, scale, false), tiny, scale, false);
  });
}

TEST_CASE("a frame's bits do not depend on its batch") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto x = channels_last(random({3, 96, 5, 7}, 5).to(device, type));
    const auto scale = random({96}, 6, 1, 9).to(device);
    const auto all = kernels::rms_silu(x, scale, true);
    for (std::int64_t n = 0; n < 3; ++n) {
      const auto one = kernels::rms_silu(channels_last(x.narrow(0, n, 1)), scale, true);
      CHECK(same_bits(one, all.narrow(0, n, 1)));
    }
  });
}

TEST_CASE("add_rms_silu_ is the sum, rounded once, then rms_silu of it") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t channels : {13, 96, 384, 1030}) {
      const auto x = channels_last(random({2, channels, 3, 5}, 7).to(device, type));
      const auto y = channels_last(random({2, channels, 3, 5}, 8).to(device, type));
      const auto scale = random({channels}, 9, 1, 9).to(device);
      const auto bias = random({channels}, 10).to(device);
      for (const at::Tensor& add : {at::Tensor(), bias}) {
        const at::Tensor wide = x.to(at::kFloat), other = y.to(at::kFloat);
        const at::Tensor want =
            ((add.defined() ? wide + add.view({channels, 1, 1}) : wide) + other).to(type);
        at::Tensor sum = x.clone(), alone = x.clone();
        const auto normed = kernels::add_rms_silu_(sum, y, scale, true, add);
        CHECK(same_bits(sum, want));
        CHECK(same_bits(normed, kernels::rms_silu(sum, scale, true)));
        kernels::norm_of_sum_(alone, y, scale, true, add);
        CHECK(same_bits(alone, normed));
      }
    }
  });
}

TEST_CASE("a convolution's bias is added in float32, and not rounded before the norm") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t channels : {13, 96, 384, 1030}) {
      const auto x = channels_last(random({2, channels, 3, 5}, 7).to(device, type));
      const auto scale = random({channels}, 9, 1, 9).to(device);
      const auto bias = random({channels}, 10).to(device);
      const at::Tensor wide = channels_last(x.to(at::kFloat) + bias.view({channels, 1, 1}));
      at::Tensor in_place = x.clone();
      const auto y = kernels::rms_silu(x, scale, true, bias);
      kernels::rms_silu_(in_place, scale, true, bias);
      CHECK(same_bits(y, in_place));
      compare_silu(y, wide, scale, true);
    }
  });
}

TEST_CASE("add_padded is the sum, rounded once, with zeros below and on the right") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t channels : {1, 13, 96, 1030}) {
      for (const std::int64_t side : {1, 3, 6}) {
        const auto x = channels_last(random({2, channels, side, 5}, 7).to(device, type));
        const auto y = channels_last(random({2, channels, side, 5}, 8).to(device, type));
        const auto bias = random({channels}, 10).to(device);
        for (const at::Tensor& add : {at::Tensor(), bias}) {
          const at::Tensor wide = x.to(at::kFloat), other = y.to(at::kFloat);
          const at::Tensor sum =
              ((add.defined() ? wide + add.view({channels, 1, 1}) : wide) + other).to(type);
          const auto out = kernels::add_padded(x, y, add);
          CHECK(out.is_contiguous(at::MemoryFormat::ChannelsLast));
          CHECK(same_bits(out, channels_last(at::constant_pad_nd(sum, {0, 1, 0, 1}))));
        }
      }
    }
  });
}

TEST_CASE("rms_silu_ in place gives the same bits") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t channels : {13, 96, 384, 1030}) {
      auto x = channels_last(random({2, channels, 3, 5}, 7).to(device, type));
      const auto scale = random({channels}, 9, 1, 9).to(device);
      const auto want = kernels::rms_silu(x, scale, true);
      kernels::rms_silu_(x, scale, true);
      CHECK(same_bits(x, want));
    }
  });
}

TEST_CASE("rms_silu refuses what it cannot do") {
  const auto x = channels_last(random({1, 8, 4, 4}, 1));
  const auto scale = random({8}, 2);
  CHECK_THROWS_AS(kernels::rms_silu(x.contiguous(), scale, true), InputError);
  CHECK_THROWS_AS(kernels::rms_silu(x.to(at::kHalf), scale, true), InputError);
  CHECK_THROWS_AS(kernels::rms_silu(x, random({9}, 2), true), InputError);
  CHECK_THROWS_AS(kernels::rms_silu(x, scale.to(at::kDouble), true), InputError);
  CHECK_THROWS_AS(kernels::rms_silu(x[0], scale, true), InputError);
  at::Tensor sum = x.clone();
  CHECK_THROWS_AS(kernels::add_rms_silu_(sum, x.to(at::kBFloat16), scale, true), InputError);
  CHECK_THROWS_AS(kernels::norm_of_sum_(sum, x.contiguous(), scale, true), InputError);
  CHECK_THROWS_AS(kernels::rms_silu(x, scale, true, random({9}, 2)), InputError);
  CHECK_THROWS_AS(kernels::add_padded(x, random({1, 8, 4, 5}, 1)), InputError);
}
