// Each exact shortcut on its own (docs/kernels/wan.md) against the formula it replaces.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>

#include "core/tensor.h"
#include "models/wan/cross_fold.h"
#include "models/wan/dit.h"
#include "models/wan/vae.h"
#include "ref/wan_ref.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

double shortcut_error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble).flatten(), y = b.to(at::kDouble).flatten();
  REQUIRE(x.numel() == y.numel());
  return ((x - y).norm() / y.norm()).item<double>();
}

at::Tensor wide(const test::OwnedTensors& weights, const std::string& name) {
  return float_tensor_from(weights.views().at(name)).to(at::kDouble);
}

at::Tensor rms(const at::Tensor& x, const at::Tensor& weight) {
  return x * at::rsqrt(x.square().mean(-1, true) + 1e-6) * weight;
}

}  // namespace

// q and k norm weights lie around 2 in these weights, else the keys hardly differ and the test is
// blind.
TEST_CASE("two keys say what 512 keys say, in double, with 1, 7 and 512 prompt rows") {
  const auto dit = test::tiny_dit(1);
  const std::string block = "blocks.0.";
  const auto layer = [&](const std::string& name) {
    return wan::Affine2{wide(dit, block + name + ".weight"), wide(dit, block + name + ".bias")};
  };
  const wan::CrossWeights w{layer("cross_attn.q"),
                            layer("cross_attn.k"),
                            layer("cross_attn.v"),
                            layer("cross_attn.o"),
                            layer("norm3"),
                            wide(dit, block + "cross_attn.norm_q.weight"),
                            wide(dit, block + "cross_attn.norm_k.weight")};
  const std::int64_t d = 256, heads = 2, hd = 128, tokens = 37;
  const at::Tensor x = at::layer_norm(
      at::sin(at::arange(tokens * d, at::kDouble).square() * 0.37).reshape({tokens, d}), {d});
  for (const std::int64_t rows : {1, 7, 512}) {
    const at::Tensor text =
        at::cos(at::arange((rows + 1) * d, at::kDouble).square() * 0.11).reshape({rows + 1, d}) *
        0.5;
    // Literally: 512 keys, one softmax.
    const at::Tensor all =
        at::cat({text.narrow(0, 0, rows), text.narrow(0, rows, 1).expand({512 - rows, d})});
    const auto split = [&](const at::Tensor& t) {
      return t.reshape({t.size(0), heads, hd}).transpose(0, 1);
    };
    const at::Tensor q =
        split(rms(at::linear(x * w.norm.weight + w.norm.bias, w.q.weight, w.q.bias), w.norm_q));
    const at::Tensor k = split(rms(at::linear(all, w.k.weight, w.k.bias), w.norm_k));
    const at::Tensor v = split(at::linear(all, w.v.weight, w.v.bias));
    const at::Tensor p = at::softmax(at::matmul(q, k.transpose(1, 2)) / std::sqrt(128.0), -1);
    const at::Tensor literal =
        at::linear(at::matmul(p, v).transpose(0, 1).reshape({tokens, d}), w.o.weight, w.o.bias);
    // The prompt must matter, or nothing is tested.
    CHECK(p.narrow(2, 0, rows).sum(-1).max().item<double>() > 0.02);

    const wan::CrossFold fold = wan::fold_cross(w, text, heads, 1e-6);
    const at::Tensor ql = at::linear(x, fold.weight, fold.bias);
    const at::Tensor r = at::rsqrt(ql.narrow(1, 0, d).square().mean(-1, true) + 1e-6);
    const at::Tensor e = at::exp(ql.narrow(1, d, heads * rows) * r).reshape({tokens, heads, rows});
    const at::Tensor gates = e / (e.sum(-1, true) + static_cast<double>(512 - rows));
    const at::Tensor folded =
        fold.base + at::matmul(gates.reshape({tokens, heads * rows}), fold.delta);
    const double difference = shortcut_error(folded, literal);
    std::cout << "cross-attention, " << rows << " rows: " << difference << "\n";
    CHECK(difference < 1e-10);
  }
}

TEST_CASE("the 2D encoder equals the causal 3D one to 1e-5 everywhere") {
  const auto vae = test::tiny_vae();
  const TensorSet golden = read_safetensors(test::golden("wan_tiny_d.safetensors"));
  const at::Tensor pixels = float_tensor_from(golden.at("pixels"));
  const wan::VaeEncoder encoder(vae.views(), test::tiny_vae_config(), {});
  const ref::WanRef literal({}, vae, test::tiny_dit_config(), test::tiny_vae_config(), at::kDouble,
                            at::kCPU);
  const at::Tensor difference =
      encoder.encode(pixels).to(at::kDouble) - literal.encode(pixels).to(at::kDouble);
  CHECK(difference.abs().max().item<double>() < 1e-5);
}

TEST_CASE("pooling before the last matrix equals pooling after it") {
  const auto weights = test::tiny_dit(3);
  auto config = test::tiny_dit_config();
  config.layers = 3;
  const auto prompt = test::tiny_prompt();
  wan::Dit dit(weights.views(), config, at::tensor(at::ArrayRef<float>(prompt)).reshape({1, 4096}),
               {});
  dit.prepare(299, 2);
  // 21 x 35 tokens (560x336), 30 x 52 (832x480) and fewer than 14.
  for (const auto& [h, w] : {std::pair{21, 35}, std::pair{30, 52}, std::pair{4, 6}}) {
    const at::Tensor z =
        at::sin(at::arange(16 * 4 * h * w, at::kFloat) * 0.7).reshape({1, 16, 2 * h, 2 * w});
    const auto native = dit.forward(z, {{0, 2}, std::nullopt});
    const auto pooled = dit.forward(z, {{0, 2}, Grid{14, 14}});
    for (std::size_t i = 0; i < 2; ++i) {
      const at::Tensor after =
          at::adaptive_avg_pool2d(native[i].permute({0, 3, 1, 2}).to(at::kDouble), {14, 14});
      CHECK(shortcut_error(pooled[i].permute({0, 3, 1, 2}), after) < 1e-5);
    }
  }
}

TEST_CASE("a folded block equals the block with modulation applied") {
  const auto weights = test::tiny_dit(1);
  const auto vae = test::tiny_vae();
  auto config = test::tiny_dit_config();
  config.layers = 1;
  const auto values = test::tiny_prompt();
  const at::Tensor prompt = at::tensor(at::ArrayRef<float>(values)).reshape({1, 4096});
  wan::Dit dit(weights.views(), config, prompt, {});
  const ref::WanRef literal(weights, vae, config, test::tiny_vae_config(), at::kDouble, at::kCPU);
  const at::Tensor z = at::cos(at::arange(16 * 12 * 20, at::kFloat) * 0.9).reshape({1, 16, 12, 20});
  for (const std::int64_t t : {0, 299, 999}) {
    dit.prepare(t, 0);
    const auto folded = dit.forward(z, {{0}, std::nullopt})[0];
    CHECK(shortcut_error(folded, literal.blocks(z, t, prompt, 0).back()) < 1e-5);
  }
}
