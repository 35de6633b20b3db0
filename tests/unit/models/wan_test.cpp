// The production path (shortcuts and all) against diffusers' goldens and the literal oracle.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>

#include "base/error.h"
#include "core/tensor.h"
#include "models/wan/dit.h"
#include "models/wan/vae.h"
#include "ref/wan_ref.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

// Correct implementations agree to 5e-6 (8e-6 at t = 700); a wrong GELU or epsilon costs 1.3e-4.
constexpr double kBar = 2e-5;

double error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble).flatten(), y = b.to(at::kDouble).flatten();
  REQUIRE(x.numel() == y.numel());
  return ((x - y).norm() / y.norm()).item<double>();
}

double least_cosine(const at::Tensor& a, const at::Tensor& b) {
  return at::cosine_similarity(a.to(at::kDouble).flatten(0, -2), b.to(at::kDouble).flatten(0, -2),
                               1)
      .min()
      .item<double>();
}

struct WanGolden {
  TensorSet set = read_safetensors(test::golden("wan_tiny_d.safetensors"));
  at::Tensor operator[](const std::string& name) const { return float_tensor_from(set.at(name)); }
};

// Weights are slow to make up, so all tests share them.
struct Tiny {
  test::OwnedTensors dit = test::tiny_dit(), vae = test::tiny_vae();
  static const Tiny& get() {
    static const Tiny tiny;
    return tiny;
  }
  wan::Dit make_dit(const at::Tensor& prompt, at::ScalarType dtype = at::kFloat) const {
    return {dit.views(), test::tiny_dit_config(), prompt, {at::kCPU, dtype}};
  }
  wan::VaeEncoder make_vae(at::ScalarType dtype = at::kFloat) const {
    return {vae.views(), test::tiny_vae_config(), {at::kCPU, dtype, false}};
  }
};

at::Tensor prompt_rows(std::int64_t rows) {
  const auto values = test::tiny_prompt(rows);
  return at::tensor(at::ArrayRef<float>(values)).reshape({rows, 4096});
}

}  // namespace

TEST_CASE("the VAE gives diffusers' latents") {
  const WanGolden golden;
  const double e = error(Tiny::get().make_vae().encode(golden["pixels"]), golden["latents"]);
  std::cout << "latents: " << e << "\n";
  CHECK(e < kBar);
}

TEST_CASE("the DiT gives diffusers' residual stream at every tap") {
  const WanGolden golden;
  wan::Dit dit = Tiny::get().make_dit(golden["prompt.context"]);
  const std::vector<std::int64_t> blocks{0, 1, 10, 20, 29};
  for (const std::int64_t t : {299, 700}) {
    dit.prepare(t, 29);
    const auto out = dit.forward(golden["z.t" + std::to_string(t)], {blocks, std::nullopt});
    REQUIRE(out.size() == blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string block =
          blocks[i] < 10 ? "0" + std::to_string(blocks[i]) : std::to_string(blocks[i]);
      const std::string name = "tokens.t" + std::to_string(t) + ".b" + block;
      if (golden.set.find(name) == nullptr) continue;
      const double e = error(out[i], golden[name]);
      std::cout << name << ": " << e << "\n";
      CHECK(e < kBar);
    }
  }
}

TEST_CASE("a prompt of several rows is attended to with its pad rows") {
  const WanGolden golden;
  wan::Dit dit = Tiny::get().make_dit(prompt_rows(7));
  dit.prepare(299, 20);
  const auto out = dit.forward(golden["z.t299"].narrow(0, 0, 1), {{20}, std::nullopt});
  CHECK(error(out[0], golden["tokens7.t299.b20"]) < kBar);
}

TEST_CASE("a prompt that fills all rows leaves no pad row") {
  const WanGolden golden;
  const Tiny& tiny = Tiny::get();
  const at::Tensor prompt = prompt_rows(512), z = golden["z.t299"].narrow(0, 0, 1);
  const ref::WanRef oracle(tiny.dit, tiny.vae, test::tiny_dit_config(), test::tiny_vae_config(),
                           at::kDouble, at::kCPU);
  wan::Dit dit = tiny.make_dit(prompt);
  dit.prepare(299, 1);
  const auto out = dit.forward(z, {{1}, std::nullopt});
  CHECK(error(out[0], oracle.blocks(z, 299, prompt, 1)[1]) < kBar);
  CHECK_THROWS_WITH(tiny.make_dit(prompt_rows(513)), Catch::Contains("1 <= n <= 512"));
}

TEST_CASE("pooled taps average before the last matrix and give the same") {
  const WanGolden golden;
  wan::Dit dit = Tiny::get().make_dit(golden["prompt.context"]);
  dit.prepare(299, 20);
  const auto out = dit.forward(golden["z.t299"], {{20}, Grid{14, 14}});
  const at::Tensor some = out[0].permute({0, 3, 1, 2}).slice(1, 0, 256, 16);
  CHECK(error(some, golden["pooled.t299.b20"]) < kBar);
}

TEST_CASE("the whole path equals the literal oracle in double") {
  const Tiny& tiny = Tiny::get();
  // 11 x 15 tokens: pooling windows of unequal size; real image statistics do not matter here.
  const at::Tensor ramp = at::arange(176 * 240 * 3, at::kDouble).reshape({1, 3, 176, 240});
  const at::Tensor pixels =
      (at::sin(ramp * 0.013) * 0.6 + at::cos(ramp * 0.00071) * 0.35).to(at::kFloat);
  const at::Tensor eps = at::sin(ramp.flatten().slice(0, 0, 16 * 22 * 30) * 1.7)
                             .reshape({1, 16, 22, 30})
                             .to(at::kFloat);
  const at::Tensor prompt = prompt_rows(1);
  const double sigma = 0.29992383718490601;
  const ref::WanRef oracle(tiny.dit, tiny.vae, test::tiny_dit_config(), test::tiny_vae_config(),
                           at::kDouble, at::kCPU);
  const at::Tensor expected = oracle.run(pixels, eps, 299, sigma, prompt, 5, false);

  wan::Dit dit = tiny.make_dit(prompt);
  dit.prepare(299, 5);
  const auto run = [&](const wan::VaeEncoder& vae, const wan::Dit& net) {
    const at::Tensor z = vae.encode(pixels);
    return net.forward(z * (1 - sigma) + eps * sigma, {{5}, Grid{14, 14}})[0];
  };
  const at::Tensor fp32 = run(tiny.make_vae(), dit);
  const double e = error(fp32, expected);
  std::cout << "whole path: " << e << "\n";
  CHECK(e < kBar);

  wan::Dit half = tiny.make_dit(prompt, at::kBFloat16);
  half.prepare(299, 5);
  const at::Tensor bf16 = run(tiny.make_vae(at::kBFloat16), half);
  std::cout << "bf16: " << error(bf16, fp32) << ", least cosine " << least_cosine(bf16, fp32)
            << "\n";
  CHECK(error(bf16, fp32) < 2e-2);
  CHECK(least_cosine(bf16, fp32) > 0.999);
}

TEST_CASE("bf16 stays within its bar through 21 blocks") {
  const WanGolden golden;
  wan::Dit dit = Tiny::get().make_dit(golden["prompt.context"], at::kBFloat16);
  dit.prepare(299, 20);
  const auto out = dit.forward(golden["z.t299"], {{20}, std::nullopt});
  const at::Tensor expected = golden["tokens.t299.b20"].reshape(out[0].sizes());
  CHECK(error(out[0], expected) < 2e-2);
  CHECK(least_cosine(out[0], expected) > 0.999);
}

TEST_CASE("frames do not see each other: alone or in a batch") {
  const WanGolden golden;
  wan::Dit dit = Tiny::get().make_dit(golden["prompt.context"]);
  dit.prepare(299, 3);
  const at::Tensor z = golden["z.t299"];
  const auto both = dit.forward(z, {{3}, std::nullopt})[0];
  const auto second = dit.forward(z.narrow(0, 1, 1), {{3}, std::nullopt})[0];
  CHECK(error(both.narrow(0, 1, 1), second) < 1e-6);
}

TEST_CASE("taps and prompts that do not fit are refused") {
  wan::Dit dit = Tiny::get().make_dit(prompt_rows(1));
  CHECK_THROWS_AS(dit.prepare(299, 30), InputError);
  dit.prepare(299, 1);
  CHECK_THROWS_AS(dit.forward(at::zeros({1, 16, 4, 4}), {{2}, std::nullopt}), InputError);
  CHECK_THROWS_AS(Tiny::get().make_dit(at::zeros({1, 64})), InputError);
}
