#include "models/wan/backbone.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/hash.h"
#include "core/device.h"
#include "core/dtype.h"
#include "core/on_device.h"
#include "core/profile.h"
#include "models/model_path.h"
#include "models/op_groups.h"
#include "models/wan/checkpoint.h"
#include "models/wan/dit.h"
#include "models/wan/flops.h"
#include "models/wan/memory.h"
#include "models/wan/prompt_file.h"
#include "models/wan/schedule.h"
#include "models/wan/vae.h"

namespace vega::wan {
namespace {

class WanBackbone final : public Backbone {
 public:
  explicit WanBackbone(const BackboneOptions& options);

  std::string fingerprint() const override;
  std::string name() const override;
  const std::vector<Tap>& taps() const override { return taps_; }
  std::int64_t noise_size() const override { return 16 * latent_.rows * latent_.columns; }
  Cost cost() const override;
  double step_bytes(std::int64_t frames) const override;
  void load() override;
  std::vector<std::vector<std::size_t>> passes(const std::vector<std::size_t>& taps) const override;
  void begin(const std::vector<std::size_t>& pass) override;
  at::ScalarType pixel_type() const override { return options_.dtype; }
  at::Tensor encode(const at::Tensor& pixels) const override;
  std::vector<at::Tensor> forward(const at::Tensor& encoded, const at::Tensor& eps) const override;

 private:
  void load_networks();
  void check_fp8() const;
  bool keeps_weights() const;

  BackboneOptions options_;
  Checkpoint checkpoint_;
  at::Tensor prompt_;
  Grid latent_;
  TapRequest request_;     // all blocks
  std::vector<Tap> taps_;  // timestep by timestep, blocks ascending
  at::Device device_{at::kCPU};
  std::optional<VaeEncoder> vae_;
  std::optional<Dit> dit_;
  TapRequest now_;  // of the pass that has begun
  float sigma_ = 0;
};

void check_size(ImageSize size) {
  if (size.width % kPixelStride == 0 && size.height % kPixelStride == 0) return;
  throw UsageError(explain("--size", to_string(size), "multiples of 16"));
}

WanBackbone::WanBackbone(const BackboneOptions& options) : options_(options) {
  check_size(options.size);
  if (options.model.empty()) {
    throw UsageError(explain("--model", "nothing", "the folder of a Wan2.1-T2V checkpoint",
                             "for a trial: vega-synth model --preset wan-tiny -o DIR"));
  }
  checkpoint_ = open_checkpoint(options.model, options.spatial);
  request_.blocks = options.blocks;
  std::sort(request_.blocks.begin(), request_.blocks.end());
  request_.blocks.erase(std::unique(request_.blocks.begin(), request_.blocks.end()),
                        request_.blocks.end());
  const auto layers = checkpoint_.dit_config.layers;
  if (request_.blocks.empty() || request_.blocks.front() < 0 || request_.blocks.back() >= layers) {
    throw UsageError(explain(
        "--block", request_.blocks.empty() ? "none" : std::to_string(request_.blocks.back()),
        "0 to " + std::to_string(layers - 1) + " (blocks of this model, zero-based)"));
  }
  if (options.pool_h > 0) request_.pool = Grid{options.pool_h, options.pool_w};
  prompt_ =
      read_prompt_file(find_prompt(options.prompt, options.model), checkpoint_.dit_config.text_dim);
  latent_ = {options.size.height / kLatentStride, options.size.width / kLatentStride};
  for (const auto asked : options.timesteps) {
    const NoiseLevel level = noise_level(asked, options.shift, options.schedule);
    for (const auto block : request_.blocks) {
      Tap tap;
      tap.name = "b" + std::to_string(block) + "_t" + std::to_string(asked);
      tap.block = block;
      tap.timestep_asked = asked;
      tap.timestep_used = level.t;
      tap.sigma = level.sigma;
      tap.grid_h =
          request_.pool ? request_.pool->rows : latent_.rows / checkpoint_.dit_config.patch;
      tap.grid_w =
          request_.pool ? request_.pool->columns : latent_.columns / checkpoint_.dit_config.patch;
      tap.channels = checkpoint_.dit_config.dim;
      taps_.push_back(tap);
    }
  }
}

// The model and the prompt: both decide what comes out.
std::string WanBackbone::fingerprint() const {
  const at::Tensor rows = prompt_.contiguous();
  const auto* data = reinterpret_cast<const std::byte*>(rows.const_data_ptr<float>());
  Hasher hasher;
  // Numbers of the configuration that no tensor's shape shows.
  const DitConfig& config = checkpoint_.dit_config;
  hasher.field(checkpoint_.fingerprint());
  hasher.number(config.heads).number(config.text_len).number(std::bit_cast<long long>(config.eps));
  hasher.number(rows.size(0));
  hasher.field(std::span(data, static_cast<std::size_t>(rows.numel()) * sizeof(float)));
  return hasher.hex();
}

std::string WanBackbone::name() const {
  std::error_code ignored;
  const std::string& whose = options_.spatial.empty() ? options_.model : options_.spatial;
  auto folder = std::filesystem::weakly_canonical(whose, ignored);
  // The model of a run has the run's name.
  if (folder.filename() == "model" && is_there(folder.parent_path() / "run.json"))
    folder = folder.parent_path();
  return folder.filename().empty() ? "wan" : folder.filename().string();
}

Cost WanBackbone::cost() const {
  Features features;
  features.size = options_.size;
  features.compute = dtype_of(options_.dtype);
  features.last = request_.blocks.back();
  features.passes = static_cast<std::int64_t>(options_.timesteps.size());
  features.pool_h = request_.pool ? request_.pool->rows : 0;
  features.pool_w = request_.pool ? request_.pool->columns : 0;
  features.prompt_rows = prompt_.size(0);
  features.keep_weights = keeps_weights();
  features.fp8_feed_forward = options_.fp8_feed_forward;
  features.kept = checkpoint_.dit.begin()->second.dtype;
  return cost_of(checkpoint_.vae_config, checkpoint_.dit_config, features);
}

double WanBackbone::step_bytes(std::int64_t frames) const {
  Step step;
  step.size = options_.size;
  step.compute = dtype_of(options_.dtype);
  step.frames = frames;
  step.taps = static_cast<std::int64_t>(request_.blocks.size());
  step.pool = request_.pool;
  step.prompt_rows = prompt_.size(0);
  step.fp8_feed_forward = options_.fp8_feed_forward;
  return wan::step_bytes(checkpoint_.vae_config, checkpoint_.dit_config, step);
}

// A sweep on a GPU folds timestep after timestep from weights that stay there.
bool WanBackbone::keeps_weights() const {
  return options_.timesteps.size() > 1 && options_.device.is_cuda();
}

void WanBackbone::load_networks() {
  const auto last = request_.blocks.back();
  checkpoint_.check_finite(last);
  vae_.emplace(checkpoint_.vae, checkpoint_.vae_config,
               VaeEncoder::Options{device_, options_.dtype, options_.bf16_latent_constants});
  dit_.emplace(checkpoint_.dit, checkpoint_.dit_config, prompt_,
               Dit::Options{device_, options_.dtype, keeps_weights(), options_.fp8_feed_forward});
}

// Tensor cores of 8-bit floats begin with 8.9.
void WanBackbone::check_fp8() const {
  if (!options_.fp8_feed_forward || !device_.is_cuda()) return;
  const int capability = compute_capability(device_);
  if (capability >= 89) return;
  throw DeviceError(explain("--precision fp8",
                            fmt::format("{} of compute capability {}.{}", device_.str(),
                                        capability / 10, capability % 10),
                            "8.9 or newer (RTX 40, L40, H100 and later)", "leave the option out"));
}

void WanBackbone::load() {
  device_ = use_device(options_.device);
  check_fp8();
  on_device(device_, [this] { load_networks(); });
}

// Ascending by timestep, or descending where that begins with the one whose weights are folded.
std::vector<std::vector<std::size_t>> WanBackbone::passes(
    const std::vector<std::size_t>& taps) const {
  std::map<std::int64_t, std::vector<std::size_t>> by_timestep;
  for (const std::size_t tap : taps) by_timestep[taps_.at(tap).timestep_asked].push_back(tap);
  std::vector<std::vector<std::size_t>> out;
  for (auto& [timestep, pass] : by_timestep) out.push_back(std::move(pass));
  const bool last_is_ready =
      dit_ && !out.empty() && dit_->prepared() == taps_[out.back().front()].timestep_used;
  if (last_is_ready) std::reverse(out.begin(), out.end());
  return out;
}

void WanBackbone::begin(const std::vector<std::size_t>& pass) {
  now_ = {{}, request_.pool};
  for (const std::size_t tap : pass) now_.blocks.push_back(taps_.at(tap).block);
  const Tap& first = taps_.at(pass.front());
  sigma_ = static_cast<float>(first.sigma);
  on_device(device_, [&] { dit_->prepare(first.timestep_used, now_.blocks.back()); });
}

at::Tensor WanBackbone::encode(const at::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  return on_device(device_, [&] {
    return vae_->encode(in_group(op_groups::kUpload, copy_work(pixels, device_),
                                 [&] { return pixels.to(device_); }));
  });
}

std::vector<at::Tensor> WanBackbone::forward(const at::Tensor& encoded,
                                             const at::Tensor& eps) const {
  const c10::NoGradGuard no_grad;
  return on_device(device_, [&] {
    const at::Tensor noisy = in_group(op_groups::kNoise, bytes_of({eps, encoded, encoded}), [&] {
      const at::Tensor latents = encoded.to(device_);
      const at::Tensor noise = eps.to(device_).reshape(latents.sizes());
      return latents * (1.0F - sigma_) + noise * sigma_;
    });
    return dit_->forward(noisy, now_);
  });
}

}  // namespace

std::unique_ptr<Backbone> make_wan(const BackboneOptions& options) {
  return std::make_unique<WanBackbone>(options);
}

}  // namespace vega::wan
