#include "evaluate/profile_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/quantile.h"
#include "base/stop.h"
#include "core/device.h"
#include "core/dtype.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "fusion/features.h"
#include "models/siglip/tower.h"
#include "vlm/vlm.h"

namespace vega::evaluate {
namespace {

constexpr std::int64_t kMostBatch = 32;  // frames a step on CUDA

at::Tensor made_pixels(std::int64_t frames, ImageSize size) {
  return at::rand({frames, 3, size.height, size.width}) * 2 - 1;
}

// Frames through a network: on the CPU one a worker with one thread each, on CUDA in batches, as
// vega-extract does. Returns the results one under another.
at::Tensor run_frames(const at::Tensor& frames, at::Device device, double frame_bytes, int threads,
                      const std::function<at::Tensor(const at::Tensor&)>& network) {
  const std::int64_t count = frames.size(0);
  std::int64_t step = 1;
  if (device.is_cuda()) {
    const auto free = static_cast<double>(device_memory(device).free);
    step = std::clamp(static_cast<std::int64_t>(0.8 * free / std::max(frame_bytes, 1.0)),
                      std::int64_t{1}, kMostBatch);
  }
  std::vector<at::Tensor> out(static_cast<std::size_t>((count + step - 1) / step));
  const auto body = [&](std::size_t i) {
    const std::int64_t first = static_cast<std::int64_t>(i) * step;
    out[i] = network(frames.slice(0, first, std::min(count, first + step)));
  };
  if (device.is_cuda()) {
    for (std::size_t i = 0; i < out.size(); ++i) body(i);
  } else {
    parallel_for(out.size(), threads, body, [] { at::set_num_threads(1); });
    at::set_num_threads(threads);
  }
  return at::cat(out);
}

// One setting: its networks, and runs of it.
class Measurement {
 public:
  Measurement(const ProfileJob& job, ProfileSetting setting)
      : job_(job), setting_(setting), device_(job.placement.device) {
    vlm::VlmCheckpoint checkpoint = vlm::open_checkpoint(job.checkpoint, job.checkpoint_options);
    if (setting == ProfileSetting::kNone)
      checkpoint.config.generative = checkpoint.config.fuses = false;
    load_tower(checkpoint);
    if (setting == ProfileSetting::kOnline) load_diffusion();
    at::set_num_threads(job.threads);
    model_ = std::make_unique<const vlm::Vlm>(std::move(checkpoint),
                                              vlm::VlmOptions{job.placement, job.switches});
    prompt_ = model_->prompts().evaluation(vlm::free_turn(job.question));
  }

  ProfileRow run() {
    reset_peak_memory(device_);
    std::vector<StageSeconds> runs;
    for (std::int64_t i = 0; i < job_.warmup + job_.repeats; ++i) {
      check_stop();
      const StageSeconds seconds = run_once();
      if (i >= job_.warmup) runs.push_back(seconds);
    }
    ProfileRow out = summary(runs);
    out.peak_bytes = static_cast<double>(device_memory(device_).peak);
    out.flops = flops();
    return out;
  }

 private:
  void load_tower(const vlm::VlmCheckpoint& checkpoint) {
    if (job_.tower.empty() && !checkpoint.tower) return;
    const siglip::Checkpoint weights =
        job_.tower.empty() ? *checkpoint.tower : siglip::open_checkpoint(job_.tower);
    on_device(device_, [&] {
      tower_.emplace(weights.weights, weights.config,
                     siglip::Tower::Options{device_, job_.placement.dtype});
    });
    tower_cost_ = siglip::cost_of(weights.config,
                                  static_cast<double>(c10::elementSize(job_.placement.dtype)));
    pixels_ = made_pixels(job_.frames(), {siglip::kImageSide, siglip::kImageSide}).to(device_);
  }

  void load_diffusion() {
    diffusion_ = make_backbone(*job_.diffusion);
    diffusion_->load();
    diffusion_->begin({0});
    frames_ = made_pixels(job_.frames(), job_.diffusion->size);
    noise_ = at::randn({job_.frames(), diffusion_->noise_size()});
  }

  // Runs `work` and adds its seconds.
  template <typename Work>
  void timed(Stage stage, StageSeconds& seconds, const Work& work) {
    check_stop();
    const auto begun = Clock::now();
    work();
    synchronize(device_);
    seconds[static_cast<std::size_t>(stage)] = seconds_since(begun);
    stages_[static_cast<std::size_t>(stage)] = true;
  }

  StageSeconds run_once() {
    StageSeconds out{};
    vlm::SceneInput input = job_.scene;
    if (tower_)
      timed(Stage::kTower, out, [&] {
        input.semantic = run_frames(pixels_, device_, tower_cost_.activation_bytes, job_.threads,
                                    [&](const at::Tensor& x) {
                                      return on_device(device_, [&] { return tower_->forward(x); });
                                    });
      });
    generative(input, out);
    vlm::VisualScene scene;
    timed(Stage::kFuse, out, [&] { scene = model_->see(std::move(input)); });
    timed(Stage::kLanguage, out, [&] { first_token(scene); });
    return out;
  }

  void generative(vlm::SceneInput& input, StageSeconds& out) {
    if (setting_ == ProfileSetting::kCached && job_.generative != nullptr)
      timed(Stage::kFile, out, [&] {
        const FeatureReader& file = *job_.generative;
        const std::size_t tap = file.tap_index(job_.tap);
        input.generative =
            float_tensor(read_finite(file, tap, 0, file.frame_count()), input.generative.sizes());
      });
    if (setting_ != ProfileSetting::kOnline) return;
    const double bytes = diffusion_->cost().activation_bytes;
    at::Tensor latents;
    timed(Stage::kVae, out, [&] {
      latents = run_frames(frames_, device_, bytes, job_.threads,
                           [&](const at::Tensor& x) { return diffusion_->encode(x); });
    });
    timed(Stage::kDit, out, [&] {
      const at::Tensor places = at::arange(job_.frames(), at::kLong).unsqueeze(1);
      const at::Tensor tokens =
          run_frames(places, device_, bytes, job_.threads, [&](const at::Tensor& some) {
            const at::Tensor rows = some.squeeze(1);
            return diffusion_->run(latents.index_select(0, rows.to(latents.device())),
                                   noise_.index_select(0, rows))[0];
          });
      input.generative = tokens.flatten(1, 2);
    });
  }

  void first_token(vlm::VisualScene& scene) {
    const vlm::ReadPrompt read = model_->read(scene, prompt_, {});
    qwen2::GenerationConfig config;
    config.max_new_tokens = 1;
    qwen2::generate(model_->decoder(), {&read.prompt, 1}, config);
    prefix_ = read.prompt.prefix != nullptr ? read.prompt.prefix->length() : 0;
    rest_ = read.prompt.embeddings.size(0);
    visual_ = scene.visual_tokens();
  }

  ProfileRow summary(const std::vector<StageSeconds>& runs) const {
    ProfileRow out;
    out.setting = setting_;
    out.runs = stages_;
    const auto sorted = [&](const auto& of) {
      std::vector<double> all;
      for (const StageSeconds& one : runs) all.push_back(of(one));
      std::ranges::sort(all);
      return all;
    };
    for (std::size_t s = 0; s < kStageCount; ++s)
      out.stages[s] =
          quantile_of_sorted(sorted([s](const StageSeconds& one) { return one[s]; }), 0.5);
    const auto whole = sorted([](const StageSeconds& one) {
      double sum = 0;
      for (const double seconds : one) sum += seconds;
      return sum;
    });
    out.median_s = quantile_of_sorted(whole, 0.5);
    out.low_s = quantile_of_sorted(whole, 0.25);
    out.high_s = quantile_of_sorted(whole, 0.75);
    out.visual_tokens = visual_;
    out.text_tokens = prefix_ + rest_ - visual_;
    return out;
  }

  ProfileFlops flops() const {
    const vlm::VlmCheckpoint& c = model_->checkpoint();
    const auto frames = static_cast<double>(job_.frames());
    ProfileFlops out;
    if (tower_) out.tower = tower_cost_.pass_flops * frames;
    if (diffusion_) {
      out.vae = diffusion_->cost().once_flops * frames;
      out.dit = diffusion_->cost().pass_flops * frames;
    }
    if (c.needs().semantic)
      out.projectors += projector_flops(*c.modules.semantic, frames * kCellGrid * kCellGrid);
    if (c.config.generative)
      out.projectors += projector_flops(*c.modules.generative, frames * kTokenCells);
    if (c.config.fuses) out.fusion = fusion_flops(c.modules.fusion, frames);
    out.decoder =
        decoder_flops(c.config.text, static_cast<double>(prefix_), static_cast<double>(rest_));
    out.head = head_flops(c.config.text);
    return out;
  }

  const ProfileJob& job_;
  ProfileSetting setting_;
  at::Device device_;
  std::optional<siglip::Tower> tower_;
  Cost tower_cost_;
  std::unique_ptr<Backbone> diffusion_;
  std::unique_ptr<const vlm::Vlm> model_;
  vlm::PromptIds prompt_;
  at::Tensor pixels_, frames_, noise_;
  std::array<bool, kStageCount> stages_{};
  std::int64_t prefix_ = 0, rest_ = 0, visual_ = 0;
};

}  // namespace

std::string ProfileRow::name() const {
  return std::string(name_in<ProfileSetting>(kProfileSettings, setting));
}

double ProfileRow::stage_ms(Stage stage) const {
  const auto s = static_cast<std::size_t>(stage);
  return runs[s] ? 1e3 * stages[s] : std::numeric_limits<double>::quiet_NaN();
}

std::int64_t ProfileJob::frames() const {
  for (const at::Tensor* one : {&scene.semantic, &scene.generative})
    if (one->defined()) return one->size(0);
  return 0;
}

vlm::SceneInput made_scene(const vlm::VlmCheckpoint& checkpoint, std::int64_t frames) {
  at::manual_seed(42);
  vlm::SceneInput out;
  out.key = "made-up";
  out.semantic = at::randn({frames, kCellGrid * kCellGrid, checkpoint.modules.semantic->in});
  if (checkpoint.config.generative)
    out.generative = at::randn({frames, kTokenCells, checkpoint.modules.generative->in});
  if (checkpoint.config.position)
    out.points =
        at::rand({frames * kTokenGrid * kTokenGrid, checkpoint.config.position->point_count(), 3}) *
            6 -
        3;
  return out;
}

ProfileRow measure(const ProfileJob& job, ProfileSetting setting) {
  return Measurement(job, setting).run();
}

}  // namespace vega::evaluate
