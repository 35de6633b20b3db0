// The SigLIP tower against transformers' SiglipVisionModel.
#include "models/siglip/tower.h"

#include <ATen/Parallel.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "base/error.h"
#include "core/device.h"
#include "core/tensor.h"
#include "siglip_samples.h"
#include "support/cuda.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

// Transformers in fp32 is 6e-7 away; a norm or a bias left out costs more than 1e-2.
constexpr double kSiglipBar = 2e-5, kHalfBar = 2e-2;

double tower_error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.cpu().to(at::kDouble).flatten(), y = b.cpu().to(at::kDouble).flatten();
  REQUIRE(x.numel() == y.numel());
  return ((x - y).norm() / y.norm()).item<double>();
}

struct Samples {
  TensorSet golden = read_safetensors(test::golden("siglip.safetensors"));
  test::OwnedTensors tiny = test::siglip_weights(test::tiny_siglip_config());
  test::OwnedTensors wide = test::siglip_weights(test::wide_siglip_config());

  static const Samples& get() {
    static const Samples samples;
    return samples;
  }
  siglip::Tower make_tiny(at::ScalarType dtype, at::Device device = at::kCPU) const {
    return {tiny, test::tiny_siglip_config(), {device, dtype}};
  }
  siglip::Tower make_wide(at::ScalarType dtype, at::Device device = at::kCPU) const {
    return {wide, test::wide_siglip_config(), {device, dtype}};
  }
};

// The worse of the two samples of the whole tower's tokens.
double tiny_error(const at::Tensor& tokens) {
  const auto golden = [](const std::string& name) {
    return float_tensor_from(Samples::get().golden.at(name));
  };
  const double rows = tower_error(tokens[0].slice(0, 0, 729, 7), golden("tiny.tokens"));
  const double channels = tower_error(tokens[0].slice(1, 0, 144, 11), golden("tiny.channels"));
  return rows > channels ? rows : channels + 0 * rows;  // NaN stays
}

double wide_error(const at::Tensor& tokens) {
  return tower_error(tokens, float_tensor_from(Samples::get().golden.at("wide")));
}

}  // namespace

TEST_CASE("SigLIP: 26 layers give transformers' hidden_states[-2]") {
  const at::Tensor pixels = test::siglip_pixels("golden.siglip.tiny", 384);
  const at::Tensor full = Samples::get().make_tiny(at::kFloat).forward(pixels);
  const double e = tiny_error(full);
  std::cout << "siglip-tiny: " << e << "\n";
  CHECK(full.sizes() == at::IntArrayRef{1, 729, 144});
  CHECK(e < kSiglipBar);

  const double half = tiny_error(Samples::get().make_tiny(at::kBFloat16).forward(pixels));
  std::cout << "siglip-tiny, bf16: " << half << "\n";
  CHECK(half < kHalfBar);
}

TEST_CASE("SigLIP: a layer of the true size, 16 heads of 72") {
  const at::Tensor pixels = test::siglip_pixels("golden.siglip.wide", 42);
  const double e = wide_error(Samples::get().make_wide(at::kFloat).forward(pixels));
  const double half = wide_error(Samples::get().make_wide(at::kBFloat16).forward(pixels));
  std::cout << "a wide layer: " << e << ", bf16 " << half << "\n";
  CHECK(e < kSiglipBar);
  CHECK(half < kHalfBar);
}

TEST_CASE("SigLIP: what lies beyond the last whole patch is not seen") {
  const siglip::Tower tower = Samples::get().make_wide(at::kFloat);
  const at::Tensor large = at::full({1, 3, 50, 47}, 0.25F);
  const at::Tensor pixels = test::siglip_pixels("golden.siglip.wide", 42);
  large.slice(2, 0, 42).slice(3, 0, 42).copy_(pixels);
  CHECK(at::equal(tower.forward(large), tower.forward(pixels)));
  CHECK_THROWS_AS(tower.forward(at::zeros({1, 3, 41, 42})), InputError);
  CHECK_THROWS_AS(tower.forward(at::zeros({1, 1, 42, 42})), InputError);
}

TEST_CASE("SigLIP: frames do not see each other, and one thread gives equal bits again") {
  const siglip::Tower tower = Samples::get().make_wide(at::kFloat);
  const at::Tensor first = test::siglip_pixels("golden.siglip.wide", 42), second = first.flip(3);
  const at::Tensor both = tower.forward(at::cat({first, second}));
  CHECK(tower_error(both[1], tower.forward(second)[0]) < 1e-6);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  CHECK(at::equal(tower.forward(second), tower.forward(second)));
  at::set_num_threads(threads);
}

TEST_CASE("SigLIP: the cost counts the folded weights and the products") {
  const siglip::Config c;
  double numbers = 0;
  for (const auto& spec : siglip::tower_tensors(c)) {
    const bool folded = spec.canonical.find("layer_norm") != std::string::npos ||
                        spec.canonical.ends_with("patch_embedding.bias");
    const bool positions = spec.canonical.ends_with("position_embedding.weight");
    if (!folded) numbers += static_cast<double>(element_count(spec.shape)) * (positions ? 4 : 2);
  }
  const Cost cost = siglip::cost_of(c, 2);
  CHECK(cost.weight_bytes == numbers);
  // A layer: 729 x (1152 x 3456 + 1152 x 1152 + 2 x 1152 x 4304) and 2 x 729 x 729 x 1152
  // multiply-adds; the patches: 729 x 588 x 1152.
  CHECK(cost.pass_flops == 2 * (26.0 * (11098902528.0 + 1224440064.0) + 493807104.0));
  CHECK(cost.once_flops == 0);
  CHECK(siglip::cost_of(c, 4).activation_bytes > cost.activation_bytes);
}

TEST_CASE("SigLIP: CUDA keeps the bars and its own bits", "[cuda]") {
  if (!test::has_cuda("SigLIP")) return;
  const at::Device cuda(at::kCUDA, 0);
  const at::Tensor tiny = test::siglip_pixels("golden.siglip.tiny", 384).to(cuda);
  const at::Tensor wide = test::siglip_pixels("golden.siglip.wide", 42).to(cuda);
  for (const auto& [dtype, bar] : {std::pair{at::kFloat, kSiglipBar}, {at::kBFloat16, kHalfBar}}) {
    const siglip::Tower tower = Samples::get().make_tiny(dtype, cuda);
    const at::Tensor tokens = tower.forward(tiny);
    const double e = tiny_error(tokens.cpu());
    const double w = wide_error(Samples::get().make_wide(dtype, cuda).forward(wide).cpu());
    std::cout << "CUDA " << c10::toString(dtype) << ": " << e << ", a wide layer " << w << "\n";
    CHECK(e < bar);
    CHECK(w < bar);
    CHECK(at::equal(tokens, tower.forward(tiny)));
  }
}
