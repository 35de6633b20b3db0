// The oracles against the goldens: what every other test of the networks rests on.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <catch2/catch.hpp>

#include <cstring>

#include "ref/umt5_ref.h"
#include "ref/wan_ref.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "weights/safetensors.h"

namespace vega {
namespace {

// Goldens are float64 results rounded to float32 (6e-8); double oracles add nothing to that.
constexpr double kRounding = 1e-7;

double relative(const at::Tensor& a, const at::Tensor& b) {
  REQUIRE(a.numel() == b.numel());
  const at::Tensor x = a.to(at::kDouble).flatten(), y = b.to(at::kDouble).flatten();
  return ((x - y).norm() / y.norm()).item<double>();
}

struct Golden {
  TensorSet set;
  explicit Golden(const char* name) : set(read_safetensors(test::golden(name))) {}
  at::Tensor operator()(const std::string& name) const {
    return ref::to_tensor(set.at(name), at::kDouble, at::kCPU);
  }
};

struct Fixture {
  // Tiny operations: threads would only wait for each other.
  Fixture() { at::set_num_threads(1); }
  test::OwnedTensors dit = test::tiny_dit(), vae = test::tiny_vae();
  at::Tensor prompt(std::int64_t rows) const {
    return at::tensor(test::tiny_prompt(rows)).view({rows, -1}).to(at::kDouble);
  }
  ref::WanRef make(at::ScalarType dtype) const {
    return {dit, vae, test::tiny_dit_config(), test::tiny_vae_config(), dtype, at::kCPU};
  }
};

}  // namespace

TEST_CASE("Wan oracle in double reproduces the goldens") {
  c10::NoGradGuard no_grad;
  const Fixture tiny;
  const Golden golden("wan_tiny_d.safetensors");
  const ref::WanRef wan = tiny.make(at::kDouble);

  SECTION("encoder") {
    ref::Taps taps;
    const at::Tensor pixels = golden("pixels");
    CHECK(relative(wan.encode(pixels), golden("latents")) < kRounding);
    wan.encode(pixels.narrow(0, 0, 1), &taps);
    CHECK(relative(taps["vae.down10"], golden("vae.down10")) < kRounding);
    CHECK(relative(taps["vae.mid"], golden("vae.mid")) < kRounding);
    CHECK(relative(taps["latents_raw"], golden("latents_raw")[0]) < kRounding);
  }
  SECTION("noise") {
    const at::Tensor sigmas = golden("sigmas");
    const at::Tensor z = golden("latents"), eps = golden("eps");
    CHECK(relative(wan.add_noise(z, eps, sigmas[0].item<double>()), golden("z.t299")) < kRounding);
    CHECK(relative(wan.add_noise(z, eps, sigmas[1].item<double>()), golden("z.t700")) < kRounding);
  }
  SECTION("conditioning") {
    for (const std::int64_t t : {299, 700}) {
      const std::string suffix = ".t" + std::to_string(t);
      ref::Taps taps;
      wan.time(t, &taps);
      CHECK(at::equal(taps["v"].to(at::kDouble).flatten(), golden("time.v" + suffix)));
      CHECK(relative(taps["e"], golden("time.e" + suffix)) < kRounding);
      CHECK(relative(taps["e6"], golden("time.e6" + suffix)) < kRounding);
    }
    CHECK(at::equal(tiny.prompt(1).flatten(), golden("prompt.context").flatten()));
    const at::Tensor text = wan.text(tiny.prompt(1), 1)[0];
    CHECK(relative(at::stack({text[0], text[511]}), golden("text")) < kRounding);
  }
  SECTION("blocks, t = 299") {
    const at::Tensor z = golden("z.t299");
    CHECK(relative(wan.embed(z)[0], golden("embed.t299")) < kRounding);
    const auto tokens = wan.blocks(z, 299, tiny.prompt(1), 29);
    for (const char* name : {"00", "01", "10", "20", "29"}) {
      INFO("block " << name);
      CHECK(relative(tokens[std::stoul(name)], golden(std::string("tokens.t299.b") + name)) <
            kRounding);
    }
    const at::Tensor pooled = ref::WanRef::pool(tokens[20], 4, 6, 14, 14).permute({0, 3, 1, 2});
    CHECK(relative(pooled.slice(1, 0, 256, 16), golden("pooled.t299.b20")) < kRounding);
  }
  SECTION("blocks, t = 700") {
    const auto tokens = wan.blocks(golden("z.t700"), 700, tiny.prompt(1), 29);
    for (const char* name : {"10", "20", "29"}) {
      INFO("block " << name);
      CHECK(relative(tokens[std::stoul(name)], golden(std::string("tokens.t700.b") + name)) <
            kRounding);
    }
  }
  SECTION("seven prompt rows") {
    const auto tokens = wan.blocks(golden("z.t299").narrow(0, 0, 1), 299, tiny.prompt(7), 20);
    CHECK(relative(tokens[20], golden("tokens7.t299.b20")) < kRounding);
  }
}

TEST_CASE("Wan oracle in float and in the release's bfloat16") {
  c10::NoGradGuard no_grad;
  const Fixture tiny;
  const Golden golden("wan_tiny_d.safetensors");
  const at::Tensor pixels = golden("pixels").narrow(0, 0, 1);
  const at::Tensor eps = golden("eps").narrow(0, 0, 1), prompt = tiny.prompt(1);
  const double sigma = golden("sigmas")[0].item<double>();
  const at::Tensor expected = golden("pooled.t299.b20").narrow(0, 0, 1);
  const auto error = [&](at::ScalarType dtype, bool all_blocks) {
    const at::Tensor out = tiny.make(dtype).run(pixels, eps, 299, sigma, prompt, 20, all_blocks);
    REQUIRE(out.sizes() == at::IntArrayRef({1, 14, 14, 256}));
    CHECK(out.scalar_type() == at::kFloat);
    return relative(out.permute({0, 3, 1, 2}).slice(1, 0, 256, 16), expected);
  };
  // Two correct float32 programs agree to 5e-6; the bar of the house is 2e-5.
  CHECK(error(at::kFloat, true) < 2e-5);
  CHECK(error(at::kBFloat16, false) < 2e-2);

  // Rounding the matrices once or for every operation is the same.
  const ref::WanRef once(tiny.dit, tiny.vae, test::tiny_dit_config(), test::tiny_vae_config(),
                         at::kBFloat16, at::kCPU, true);
  const at::Tensor z = golden("z.t299");
  CHECK(at::equal(once.blocks(z, 299, prompt, 2)[2],
                  tiny.make(at::kBFloat16).blocks(z, 299, prompt, 2)[2]));
}

TEST_CASE("UMT5 oracle reproduces the goldens") {
  c10::NoGradGuard no_grad;
  at::set_num_threads(1);
  const test::OwnedTensors weights = test::tiny_umt5();
  const Golden golden("umt5_tiny.safetensors");
  const auto config = test::tiny_umt5_config();
  CHECK(relative(ref::umt5_forward(weights, config, {1}, at::kDouble), golden("empty")) <
        kRounding);
  // This golden is a float32 forward: 6e-7 from the exact value (README of the goldens).
  const TensorView& view = golden.set.at("general.ids");
  std::vector<std::int64_t> ids(static_cast<std::size_t>(view.count()));
  std::memcpy(ids.data(), view.data, view.bytes());
  CHECK(relative(ref::umt5_forward(weights, config, ids, at::kDouble), golden("general.out")) <
        2e-6);
}

TEST_CASE("UMT5 relative buckets") {
  const std::pair<std::int64_t, std::int64_t> first[] = {
      {0, 0},   {7, 7},   {8, 8},   {11, 8},  {12, 9},  {15, 9},  {16, 10}, {22, 10}, {23, 11},
      {31, 11}, {32, 12}, {45, 12}, {46, 13}, {63, 13}, {64, 14}, {90, 14}, {91, 15}, {511, 15}};
  for (const auto& [distance, bucket] : first) {
    INFO("distance " << distance);
    CHECK(ref::umt5_bucket(-distance) == bucket);
    if (distance > 0) CHECK(ref::umt5_bucket(distance) == bucket + 16);
  }
}

}  // namespace vega
