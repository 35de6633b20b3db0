// The VAE that is written down: its latents through the network's own code against principal
// components that are computed here, on rooms that are rendered here.
#include "models/wan/linear_vae.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "base/error.h"
#include "core/tensor.h"
#include "models/wan/names.h"
#include "models/wan/vae.h"
#include "models/wan/write.h"
#include "ref/wan_ref.h"
#include "support/support.h"
#include "synth/room.h"

namespace vega {
namespace {

// (3, H, W) in [-1, 1].
at::Tensor picture_of(const ImageU8& image) {
  at::Tensor bytes = at::empty({image.height, image.width, 3}, at::kByte);
  std::copy(image.rgb.begin(), image.rgb.end(), bytes.mutable_data_ptr<std::uint8_t>());
  return bytes.permute({2, 0, 1}).to(at::kFloat) / 127.5 - 1;
}

struct Rooms {
  at::Tensor fitted, unseen;  // (N, 3, 96, 128)
  wan::LinearVae vae;

  Rooms() {
    std::vector<at::Tensor> first, last;
    for (const auto& [seed, kind] : {std::pair{7, RoomKind::kFurnished}, {8, RoomKind::kStudy}}) {
      const Room room(static_cast<std::uint64_t>(seed), kind);
      const auto walk = room.walk(12);
      for (std::size_t i = 0; i < walk.size(); ++i)
        (i < 9 ? first : last).push_back(picture_of(room.render(walk[i], 128, 96, 2).color));
    }
    fitted = at::stack(first), unseen = at::stack(last);
    wan::LinearVaeFit fit;
    fit.add(fitted);
    vae = fit.finish();
  }
  static const Rooms& get() {
    static const Rooms rooms;
    return rooms;
  }
};

wan::VaeEncoder encoder(const wan::LinearVae& vae, at::ScalarType dtype = at::kFloat) {
  return {wan::views_of(vae.weights), vae.config, {at::kCPU, dtype, false}};
}

// (patches, 192) float64, and back to pictures of those rows and columns of patches.
at::Tensor patches_of(const at::Tensor& pictures) {
  return at::pixel_unshuffle(pictures.to(at::kDouble), 8).permute({0, 2, 3, 1}).reshape({-1, 192});
}

// The 16 largest principal components by a singular value decomposition, not by a covariance.
struct Principal {
  at::Tensor mean, axes, deviations;  // (192), (16, 192), (16)

  explicit Principal(const at::Tensor& pictures) {
    const at::Tensor x = patches_of(pictures);
    mean = x.mean(0);
    const auto [u, s, v] = at::linalg_svd(x - mean, false);
    axes = v.narrow(0, 0, 16);
    axes = axes * axes.gather(1, axes.abs().argmax(1, true)).sign();
    deviations = s.narrow(0, 0, 16) / std::sqrt(static_cast<double>(x.size(0)));
  }
  // (patches, 16)
  at::Tensor latents(const at::Tensor& pictures) const {
    return at::matmul(patches_of(pictures) - mean, axes.t()) / deviations;
  }
  at::Tensor restored(const at::Tensor& pictures) const {
    return at::matmul(latents(pictures) * deviations, axes) + mean;
  }
};

// (patches, 16) of (N, 16, h, w).
at::Tensor in_rows(const at::Tensor& latents) {
  return latents.to(at::kDouble).permute({0, 2, 3, 1}).reshape({-1, 16});
}

// Of each latent the share of the component's variance that it predicts.
at::Tensor r2(const at::Tensor& got, const at::Tensor& wanted) {
  return 1 - (got - wanted).square().mean(0) / wanted.var(0, false);
}

double least(const at::Tensor& values) { return values.min().item<double>(); }

// The whole issue asks for 0.995 (the prototype: 0.9986 at base 8).
constexpr double kVaeBar = 0.995;

TEST_CASE("latents of the written-down VAE are the largest principal components") {
  const Rooms& rooms = Rooms::get();
  const Principal best(rooms.fitted);
  const at::Tensor got = in_rows(encoder(rooms.vae).encode(rooms.fitted));
  const at::Tensor share = r2(got, best.latents(rooms.fitted));
  const at::Tensor half = r2(in_rows(encoder(rooms.vae, at::kBFloat16).encode(rooms.fitted)),
                             best.latents(rooms.fitted));
  const at::Tensor unseen =
      r2(in_rows(encoder(rooms.vae).encode(rooms.unseen)), best.latents(rooms.unseen));
  std::cout << "R2, least of 16: fp32 " << least(share) << ", bf16 " << least(half) << ", unseen "
            << least(unseen) << "; stated " << rooms.vae.r2 << "\n";
  CHECK(least(share) >= kVaeBar);
  CHECK(least(half) >= kVaeBar);
  CHECK(least(unseen) >= kVaeBar);
  // What the fit states is what the network does: SiLU moves a latent z by z^2 / 2^15.
  CHECK(rooms.vae.r2 == Approx(least(share)).margin(1e-4));
  // Mean 0 and deviation 1 within a rounding to bfloat16 (2^-9) of the weights that make them.
  CHECK(got.mean(0).abs().max().item<double>() < 2e-3);
  CHECK((got.std(0, false) - 1).abs().max().item<double>() < 4e-3);
}

TEST_CASE("the network of the written-down VAE is Wan's, as the oracle computes it") {
  const Rooms& rooms = Rooms::get();
  for (const std::int64_t base : {5, 8, 16}) {
    wan::LinearVaeFit fit(base);
    fit.add(rooms.fitted);
    const wan::LinearVae vae = fit.finish();
    CHECK(vae.config.base == base);
    const at::Tensor few = rooms.unseen.narrow(0, 0, 2);
    const ref::WanRef oracle({}, wan::views_of(vae.weights), {}, vae.config, at::kDouble, at::kCPU);
    const at::Tensor wanted = oracle.encode(few);
    const double error =
        ((encoder(vae).encode(few) - wanted).norm() / wanted.norm()).item<double>();
    std::cout << "base " << base << ": " << error << " from the oracle, R2 " << vae.r2 << "\n";
    CHECK(error < 2e-5);
  }
}

TEST_CASE("wider VAEs predict the components no worse") {
  double before = 0;
  for (const std::int64_t base : {5, 8, 16}) {
    wan::LinearVaeFit fit(base);
    fit.add(Rooms::get().fitted);
    const double now = fit.finish().r2;
    CHECK(now > before);
    before = now;
  }
  CHECK(before > 0.9999);
}

TEST_CASE("the way back gives nearly what the principal components give") {
  const Rooms& rooms = Rooms::get();
  const Principal best(rooms.fitted);
  const at::Tensor latents = encoder(rooms.vae).encode(rooms.fitted);
  const at::Tensor pixels = latents_to_pixels(rooms.vae, latents);
  REQUIRE(pixels.sizes() == rooms.fitted.sizes());
  CHECK(pixels.abs().max().item<double>() <= 1);
  const at::Tensor wanted = patches_of(rooms.fitted);
  const double ours = (patches_of(pixels) - wanted).square().sum().item<double>();
  const double pca =
      (best.restored(rooms.fitted).clamp(-1, 1) - wanted).square().sum().item<double>();
  const double all = (wanted - wanted.mean(0)).square().sum().item<double>();
  std::cout << "pixels: " << 1 - ours / all << " of the variance, principal components "
            << 1 - pca / all << "; stated " << rooms.vae.pixel_r2 << "\n";
  CHECK(ours < 1.02 * pca);
  CHECK(rooms.vae.pixel_r2 <= 1 - ours / all);  // clamping to [-1, 1] only helps
  CHECK(rooms.vae.pixel_r2 > 0.9);
}

TEST_CASE("every weight of the written-down VAE is a bfloat16 number, and frames stand alone") {
  const wan::LinearVae& vae = Rooms::get().vae;
  std::size_t causal = 0;
  for (const auto& [name, weight] : vae.weights) {
    INFO(name);
    CHECK(at::equal(weight.to(at::kBFloat16).to(at::kFloat), weight));
    if (weight.dim() != 5 || weight.size(2) != 3) continue;
    ++causal;
    CHECK_FALSE(weight.narrow(2, 0, 2).any().item<bool>());  // the frames before
    if (name.ends_with("time_conv.weight"))
      CHECK(at::equal(weight.select(2, 2).flatten(1), at::eye(weight.size(0))));
  }
  // The first one, two in each of 10 residual blocks, two over time, the head's.
  CHECK(causal == 1 + 2 * 10 + 2 + 1);
}

TEST_CASE("a fit does not depend on how pictures are handed over") {
  const at::Tensor pictures = Rooms::get().fitted;
  wan::LinearVaeFit one_by_one;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) one_by_one.add(pictures.narrow(0, i, 1));
  CHECK(one_by_one.pictures() == pictures.size(0));
  const wan::LinearVae again = one_by_one.finish();
  for (const auto& [name, weight] : Rooms::get().vae.weights) {
    INFO(name);
    CHECK(at::equal(again.weights.at(name), weight));
  }
  CHECK(at::equal(again.pixel_map, Rooms::get().vae.pixel_map));
}

TEST_CASE("latents may keep the proportions of the pixels") {
  const at::Tensor pictures = Rooms::get().fitted;
  wan::LinearVaeFit fit;
  fit.add(pictures);
  const wan::LinearVae vae = fit.finish(0.5);
  CHECK(vae.r2 > 0.995);
  CHECK(vae.pixel_r2 == Approx(Rooms::get().vae.pixel_r2).epsilon(1e-3));
  const Principal principal(pictures);
  const at::Tensor wanted = principal.deviations.sqrt() / principal.deviations.mean().sqrt();
  const at::Tensor found = encoder(vae)
                               .encode(pictures)
                               .to(at::kDouble)
                               .permute({0, 2, 3, 1})
                               .reshape({-1, 16})
                               .std(0, false);
  // Rows of weights are rounded to bfloat16 (2^-9), and what the width leaves out is below 0.5 %.
  CHECK((found / wanted - 1).abs().max().item<double>() < 0.01);
}

TEST_CASE("what cannot be fitted is refused") {
  using Catch::Contains;
  wan::LinearVaeFit fit;
  CHECK_THROWS_WITH(fit.finish(), Contains("0 pictures") && Contains("0 directions"));
  CHECK_THROWS_WITH(fit.add(at::zeros({1, 3, 20, 16})), Contains("multiples of 8"));
  CHECK_THROWS_WITH(fit.add(at::zeros({3, 16, 16})), Contains("(N, 3, H, W)"));
  CHECK_THROWS_WITH(fit.add(at::full({1, 3, 16, 16}, 255.0)), Contains("[-1, 1]"));
  CHECK_THROWS_WITH(fit.add(at::full({1, 3, 16, 16}, NAN)), Contains("not finite"));
  fit.add(at::full({2, 3, 64, 64}, 0.25));
  CHECK_THROWS_WITH(fit.finish(), Contains("2 pictures") && Contains("in 0 directions"));
  CHECK_THROWS_WITH(wan::LinearVaeFit(4), Contains("5 to 96"));
  wan::LinearVae without;
  CHECK_THROWS_WITH(latents_to_pixels(without, at::zeros({1, 16, 2, 2})), Contains("no map"));
  CHECK_THROWS_WITH(latents_to_pixels(Rooms::get().vae, at::zeros({16, 2, 2})),
                    Contains("(N, 16, h, w)"));
}

}  // namespace
}  // namespace vega
