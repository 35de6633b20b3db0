#include "models/qwen2_5_vl/backbone.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <bit>
#include <optional>

#include "base/error.h"
#include "base/hash.h"
#include "core/device.h"
#include "core/on_device.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "models/qwen2_5_vl/patches.h"
#include "models/qwen2_5_vl/preprocess.h"
#include "models/qwen2_5_vl/tower.h"

namespace vega::qwen2_5_vl {
namespace {

class QwenTower final : public Backbone {
 public:
  explicit QwenTower(const BackboneOptions& options);

  std::string fingerprint() const override;
  std::string name() const override;
  const std::vector<Tap>& taps() const override { return taps_; }
  void load() override;
  at::Tensor encode(const at::Tensor& pixels) const override;
  std::vector<at::Tensor> forward(const at::Tensor& encoded, const at::Tensor& eps) const override;

 private:
  BackboneOptions options_;
  Checkpoint checkpoint_;
  Normalization normalization_;
  std::vector<Tap> taps_;
  at::Device device_{at::kCPU};
  std::optional<Tower> tower_;
};

void check_size(const BackboneOptions& options, const PixelBounds& bounds) {
  if (options.model.empty())
    throw UsageError(explain("--model", "nothing",
                             "the folder of Qwen2.5-VL, or of VEGA-3D's spatial model",
                             "for a trial: vega-synth model --preset qwen2.5-vl-tiny -o DIR"));
  if (options.size.width % kCell != 0 || options.size.height % kCell != 0)
    throw UsageError(explain("--size", to_string(options.size), "multiples of 28"));
  if (options.pool_h > 0)
    throw UsageError(explain("--pool", fmt::format("{}x{}", options.pool_h, options.pool_w),
                             "native: the decoder reads every token of Qwen2.5-VL's tower"));
  const ImageSize shown = smart_resize(options.size, bounds);
  if (shown != options.size)
    throw UsageError(explain(
        "--size", to_string(options.size),
        fmt::format("a picture of {} to {} pixels, as the checkpoint's files say: vega-eval answer "
                    "would resize it to {}",
                    bounds.least, bounds.most, to_string(shown)),
        "ask about the frames themselves, without stored features"));
}

QwenTower::QwenTower(const BackboneOptions& options) : options_(options) {
  ImageRule rule;
  if (!options.model.empty()) rule = read_image_rule(options.model);
  check_size(options, rule.bounds);
  normalization_ = rule.normalization;
  checkpoint_ = open_checkpoint(options.model);
  const VisionConfig& config = checkpoint_.config.vision;
  Tap tap;
  tap.name = fmt::format("qwen_l{}", config.layers);
  tap.block = config.layers - 1;
  tap.grid_h = options.size.height / kCell;
  tap.grid_w = options.size.width / kCell;
  tap.channels = config.out;
  taps_.push_back(tap);
}

// Also of what no tensor's shape shows.
std::string QwenTower::fingerprint() const {
  const VisionConfig& config = checkpoint_.config.vision;
  Hasher hasher;
  hasher.field(checkpoint_.tower_fingerprint());
  hasher.number(config.heads).number(config.window_cells);
  for (const std::int64_t layer : config.full_layers) hasher.number(layer);
  for (const auto& three : {normalization_.mean, normalization_.deviation})
    for (const float value : three) hasher.number(std::bit_cast<std::int32_t>(value));
  return hasher.hex();
}

std::string QwenTower::name() const {
  std::error_code ignored;
  const auto folder = std::filesystem::weakly_canonical(options_.model, ignored);
  return folder.filename().empty() ? "qwen2.5-vl" : folder.filename().string() + "-tower";
}

void QwenTower::load() {
  device_ = use_device(options_.device);
  checkpoint_.check_finite();
  on_device(device_, [this] {
    tower_.emplace(checkpoint_.tower, checkpoint_.config.vision,
                   Tower::Options{device_, options_.dtype});
  });
}

// The view's numbers are 8-bit: the processor's b * (1/255), with the product in double and
// rounded, is restored exactly.
at::Tensor QwenTower::encode(const at::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  return on_device(device_, [&] {
    const at::Tensor bytes = at::round((pixels.to(device_) + 1.0F) * 127.5F).to(at::kDouble);
    const at::Tensor unit = (bytes * (1.0 / 255.0)).to(at::kFloat);
    return patches_of(unit, normalization_);
  });
}

std::vector<at::Tensor> QwenTower::forward(const at::Tensor& encoded, const at::Tensor&) const {
  const c10::NoGradGuard no_grad;
  const Tap& tap = taps_.front();
  return on_device(device_, [&]() -> std::vector<at::Tensor> {
    const at::Tensor tokens = tower_->forward(encoded.to(device_), tap.grid_h, tap.grid_w);
    return {tokens.to(at::kFloat).reshape({tokens.size(0), tap.grid_h, tap.grid_w, tap.channels})};
  });
}

}  // namespace

std::unique_ptr<Backbone> make_qwen_tower(const BackboneOptions& options) {
  return std::make_unique<QwenTower>(options);
}

}  // namespace vega::qwen2_5_vl
