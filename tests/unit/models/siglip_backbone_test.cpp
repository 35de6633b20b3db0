// SigLIP as a backbone: what it is given, what it hands out.
#include "models/siglip/backbone.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "base/error.h"
#include "media/resize.h"
#include "media/view.h"
#include "siglip_samples.h"
#include "support/own_memory.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

struct TowerBench {
  test::TempFolder folder;
  test::OwnMemory memory{folder / "memory"};
  std::vector<std::filesystem::path> made = test::write_siglip(folder / "m");

  BackboneOptions options(int layout) const {
    BackboneOptions o;
    o.backbone = "siglip";
    o.model = made[static_cast<std::size_t>(layout)].string();
    o.size = {384, 384};
    o.pool_h = o.pool_w = 0;
    return o;
  }
};

const TowerBench& tower_bench() {
  static const TowerBench one;
  return one;
}

// A picture with every byte value.
ImageU8 picture(int width, int height) {
  ImageU8 image(width, height);
  std::uint32_t state = 7;
  for (auto& byte : image.rgb)
    byte = static_cast<std::uint8_t>((state = state * 1664525 + 9) >> 24);
  return image;
}

at::Tensor tensor_of(const SignedImage& image) {
  return at::tensor(at::ArrayRef<float>(image.chw)).reshape({1, 3, image.height, image.width});
}

at::Tensor tokens_of(Backbone& backbone, const at::Tensor& pixels) {
  backbone.load();
  backbone.begin(backbone.passes({0}).at(0));
  return backbone.run(backbone.encode(pixels), at::empty({1, 0})).at(0);
}

}  // namespace

TEST_CASE("SigLIP: the backbone's one tap, and equal tokens from both layouts") {
  const auto alone = make_backbone(tower_bench().options(0)),
             inside = make_backbone(tower_bench().options(1));
  REQUIRE(alone->taps().size() == 1);
  const Tap& tap = alone->taps()[0];
  CHECK(tap.name == "siglip_l26");
  CHECK(tap.block == 25);
  CHECK(tap.grid_h == 27);
  CHECK(tap.grid_w == 27);
  CHECK(tap.channels == 144);
  CHECK(alone->noise_size() == 0);
  CHECK(alone->name() == "original");
  CHECK(alone->fingerprint() == inside->fingerprint());
  CHECK(alone->cost().pass_flops > 1e9);

  const at::Tensor pixels = tensor_of(apply_view(picture(200, 150), View::kMllm, {384, 384}));
  const at::Tensor tokens = tokens_of(*alone, pixels);
  CHECK(tokens.sizes() == at::IntArrayRef{1, 27, 27, 144});
  CHECK(at::equal(tokens, tokens_of(*inside, pixels)));

  BackboneOptions o = tower_bench().options(0);
  o.pool_h = 9, o.pool_w = 3;
  const at::Tensor pooled = tokens_of(*make_backbone(o), pixels);
  const at::Tensor means =
      tokens.reshape({1, 9, 3, 3, 9, 144}).mean(std::vector<std::int64_t>{2, 4});
  CHECK(pooled.sizes() == at::IntArrayRef{1, 9, 3, 144});
  CHECK(at::allclose(pooled, means, 1e-5, 1e-5));
}

TEST_CASE("SigLIP: pixels are the processor's, bit for bit, in both views") {
  const auto backbone = make_backbone(tower_bench().options(0));
  backbone->load();
  const ImageU8 frame = picture(640, 480);
  const ImageU8 squashed = resize_bicubic_pillow(frame, 384, 384);
  const ImageU8 cut = crop(resize_bicubic_pillow(frame, 512, 384), 64, 0, 384, 384);
  for (const auto& [view, seen] : {std::pair{View::kMllm, &squashed}, {View::kCenterCrop, &cut}}) {
    const at::Tensor got = backbone->encode(tensor_of(apply_view(frame, view, {384, 384})));
    std::vector<float> wanted(3 * 384 * 384);
    for (std::size_t i = 0; i < 384 * 384; ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        const auto unit = static_cast<float>(seen->rgb[3 * i + c] * (1.0 / 255.0));
        wanted[c * 384 * 384 + i] = (unit - 0.5F) / 0.5F;
      }
    }
    REQUIRE(got.numel() == static_cast<std::int64_t>(wanted.size()));
    CHECK(std::memcmp(got.const_data_ptr<float>(), wanted.data(), 4 * wanted.size()) == 0);
  }
}

TEST_CASE("SigLIP: wrong sizes and no model are usage errors with a way out") {
  BackboneOptions o = tower_bench().options(0);
  o.size = {832, 480};
  CHECK_THROWS_AS(make_backbone(o), UsageError);
  CHECK_THROWS_WITH(make_backbone(o), Contains("832x480") && Contains("384x384"));
  o = tower_bench().options(0);
  o.model.clear();
  CHECK_THROWS_AS(make_backbone(o), UsageError);
  CHECK_THROWS_WITH(make_backbone(o), Contains("--model") && Contains("--preset siglip-tiny"));
}
