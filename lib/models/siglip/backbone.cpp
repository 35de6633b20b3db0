#include "models/siglip/backbone.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <optional>

#include "base/error.h"
#include "core/device.h"
#include "core/dtype.h"
#include "core/on_device.h"
#include "core/profile.h"
#include "kernels/pool_tokens.h"
#include "models/op_groups.h"
#include "models/siglip/checkpoint.h"
#include "models/siglip/tower.h"

namespace vega::siglip {
namespace {

class SiglipBackbone final : public Backbone {
 public:
  explicit SiglipBackbone(const BackboneOptions& options);

  std::string fingerprint() const override;
  std::string name() const override;
  const std::vector<Tap>& taps() const override { return taps_; }
  Cost cost() const override;
  void load() override;
  at::Tensor encode(const at::Tensor& pixels) const override;
  std::vector<at::Tensor> forward(const at::Tensor& encoded, const at::Tensor& eps) const override;

 private:
  BackboneOptions options_;
  Checkpoint checkpoint_;
  std::vector<Tap> taps_;
  at::Device device_{at::kCPU};
  std::optional<Tower> tower_;
};

SiglipBackbone::SiglipBackbone(const BackboneOptions& options) : options_(options) {
  const ImageSize square{kImageSide, kImageSide};
  if (options.size != square) {
    throw UsageError(explain("--size", to_string(options.size), to_string(square),
                             "the positions are learned for this size: leave the option out"));
  }
  if (options.model.empty()) {
    throw UsageError(explain("--model", "nothing",
                             "the folder of google/siglip-so400m-patch14-384, or of a LLaVA-Video, "
                             "Video-3D-LLM or VEGA checkpoint",
                             "for a trial: vega-synth model --preset siglip-tiny -o DIR"));
  }
  checkpoint_ = open_checkpoint(options.model);
  const Config& config = checkpoint_.config;
  Tap tap;
  tap.name = "siglip_l" + std::to_string(config.layers);
  tap.block = config.layers - 1;
  tap.grid_h = options.pool_h > 0 ? options.pool_h : config.grid;
  tap.grid_w = options.pool_h > 0 ? options.pool_w : config.grid;
  tap.covered = config.grid * config.patch;
  tap.channels = config.width;
  taps_.push_back(tap);
}

std::string SiglipBackbone::fingerprint() const { return checkpoint_.model_fingerprint(); }

std::string SiglipBackbone::name() const {
  std::error_code ignored;
  const auto folder = std::filesystem::weakly_canonical(options_.model, ignored);
  return folder.filename().empty() ? "siglip" : folder.filename().string();
}

Cost SiglipBackbone::cost() const {
  return cost_of(checkpoint_.config, static_cast<double>(size_of(dtype_of(options_.dtype))));
}

void SiglipBackbone::load() {
  device_ = use_device(options_.device);
  checkpoint_.check_finite();
  on_device(device_, [this] {
    tower_.emplace(checkpoint_.weights, checkpoint_.config,
                   Tower::Options{device_, options_.dtype});
  });
}

at::Tensor SiglipBackbone::encode(const at::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  return on_device(device_, [&] {
    return tower_pixels(in_group(op_groups::kUpload, copy_work(pixels, device_),
                                 [&] { return pixels.to(device_); }));
  });
}

std::vector<at::Tensor> SiglipBackbone::forward(const at::Tensor& encoded,
                                                const at::Tensor&) const {
  const c10::NoGradGuard no_grad;
  return on_device(device_, [&]() -> std::vector<at::Tensor> {
    const Tap& tap = taps_.front();
    const std::int64_t grid = checkpoint_.config.grid;
    at::Tensor tokens = tower_->forward(encoded.to(device_));
    if (options_.pool_h > 0) {
      tokens = in_group(op_groups::kPooling, bytes_of({tokens}), [&] {
        return kernels::pool_tokens(tokens, grid, grid, tap.grid_h, tap.grid_w);
      });
    }
    return {tokens.reshape({tokens.size(0), tap.grid_h, tap.grid_w, tap.channels})};
  });
}

}  // namespace

// The processor: (b * (1/255) - 0.5) / 0.5, with the product in double and rounded.
at::Tensor tower_pixels(const at::Tensor& pixels) {
  const at::Tensor bytes = at::round((pixels + 1.0F) * 127.5F).to(at::kDouble);
  const at::Tensor unit = (bytes * (1.0 / 255.0)).to(at::kFloat);
  return (unit - 0.5F) / 0.5F;
}

std::unique_ptr<Backbone> make_siglip(const BackboneOptions& options) {
  return std::make_unique<SiglipBackbone>(options);
}

}  // namespace vega::siglip
