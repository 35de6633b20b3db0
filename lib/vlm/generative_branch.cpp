#include "vlm/generative_branch.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/philox.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "media/view.h"
#include "models/model_path.h"
#include "models/wan/checkpoint.h"
#include "models/wan/origin.h"

namespace vega::vlm {
namespace fs = std::filesystem;
namespace {

// Frames that go through Wan at a time.
constexpr std::int64_t kHostFrames = 1, kDeviceFrames = 8;
constexpr auto kGive =
    "give --model DIR, the folder of Wan2.1-T2V-1.3B: its VAE and config.json are in no checkpoint "
    "of the release";

fs::path model_of(const SpatialSettings& settings, const BranchOptions& options) {
  const bool folder = options.weights && *options.weights != kCheckpointWeights;
  if (folder && !options.model.empty() && options.model != *options.weights)
    throw UsageError(explain("--generative-weights " + *options.weights,
                             "--model " + options.model + " beside it", "one folder of Wan",
                             "leave --model out"));
  if (folder) return *options.weights;
  if (!options.model.empty()) return options.model;
  if (!settings.model.empty() && is_folder(settings.model)) return settings.model;
  throw InputError(explain(
      "the generative branch",
      settings.model.empty()
          ? std::string("no folder of Wan")
          : fmt::format("generative_encoder_path {}, which is not there", settings.model.string()),
      "a folder of Wan2.1-T2V", kGive));
}

// "its own transformer: trained, equal to that of DIR".
std::string own_text(const wan::Checkpoint& own, const fs::path& model) {
  const wan::DitOrigin origin = wan::dit_origin(own.dit, own.dit_config);
  std::string out = "the checkpoint's own transformer: " + origin.text();
  if (origin.drawn) return out;
  try {
    const wan::Checkpoint wan = wan::open_checkpoint(model);
    const bool same = wan::same_dit(own.dit, wan.dit, own.dit_config);
    return out + (same ? ", that of " : ", another than that of ") + model.string();
  } catch (const Error&) {
    return out;  // the folder has the VAE alone
  }
}

BackboneOptions backbone_options(const BranchSource& source, const BranchOptions& options) {
  BackboneOptions out;
  out.model = source.model.string();
  out.prompt = source.prompt;
  out.spatial = source.spatial.string();
  out.device = options.placement.device;
  out.dtype = options.placement.dtype;
  out.size = source.settings.size;
  out.blocks = {source.settings.block};
  out.timesteps = {source.settings.timestep};
  out.shift = source.settings.shift;
  out.pool_h = out.pool_w = 0;
  out.bf16_latent_constants = options.bf16_latent_constants;
  return out;
}

std::unique_ptr<Backbone> make_branch_backbone(const BackboneOptions& options,
                                               std::int64_t channels) {
  std::unique_ptr<Backbone> out = make_backbone(options);
  const std::int64_t got = out->taps().front().channels;
  if (got != channels)
    throw InputError(explain(options.model, std::to_string(got) + " channels",
                             std::to_string(channels) + ", as generative_merger takes",
                             "give the Wan2.1-T2V that the checkpoint was trained with"));
  out->load();
  out->begin({0});
  return out;
}

}  // namespace

FusionCheckpoint open_branch_modules(const qwen2_5_vl::Checkpoint& checkpoint) {
  FusionCheckpoint out =
      open_fusion_checkpoint(checkpoint.set, checkpoint.folder, checkpoint.folder / "config.json");
  if (out.release != Release::kSpatial || !out.merger)
    throw FormatError(explain(checkpoint.folder.string(),
                              "no tensors " + std::string(kSpatialMergerPrefix) + "*",
                              "those of the generative branch, which config.json names "
                              "(use_generative_encoder)",
                              "the checkpoint is not whole: fetch it again"));
  return out;
}

BranchSource find_branch(const qwen2_5_vl::Checkpoint& checkpoint, const BranchOptions& options) {
  BranchSource out;
  out.settings = read_spatial_settings(checkpoint.folder / "config.json", checkpoint.set);
  out.model = model_of(out.settings, options);
  out.prompt = options.prompt;
  if (out.prompt.empty() && !out.settings.prompt.empty() && is_there(out.settings.prompt))
    out.prompt = out.settings.prompt.string();
  const bool own =
      options.weights ? *options.weights == kCheckpointWeights : out.settings.has_dit();
  if (own) {
    if (!out.settings.has_dit())
      throw InputError(explain(
          "--generative-weights checkpoint",
          checkpoint.folder.string() + ": no tensors " + std::string(wan::kSpatialDitPrefix) + "*",
          "a checkpoint with a transformer of its own",
          "give --generative-weights DIR, a folder of Wan2.1-T2V"));
    out.spatial = checkpoint.weights;
    out.text = own_text(wan::open_checkpoint(out.model, out.spatial), out.model);
    return out;
  }
  const wan::Checkpoint wan = wan::open_checkpoint(out.model);
  out.text = fmt::format("the transformer of {}: {}", out.model.string(),
                         wan::dit_origin(wan.dit, wan.dit_config).text());
  if (out.settings.has_dit()) out.text += "; the checkpoint's own is not used";
  // The last block of another transformer may be another one.
  if (out.settings.block >= wan.dit_config.layers)
    throw InputError(explain(
        out.model.string(), fmt::format("{} blocks", wan.dit_config.layers),
        fmt::format("more than {}: block {} is used", out.settings.block, out.settings.block),
        "give the Wan2.1-T2V that the checkpoint was trained with"));
  return out;
}

std::string branch_fingerprint(const qwen2_5_vl::Checkpoint& checkpoint,
                               const BranchOptions& options) {
  return make_backbone(backbone_options(find_branch(checkpoint, options), options))->fingerprint();
}

BranchFeatures::BranchFeatures(BranchSource source, const BranchOptions& options,
                               std::int64_t channels)
    : options_(options),
      source_(std::move(source)),
      backbone_(make_branch_backbone(backbone_options(source_, options), channels)) {}

std::string BranchFeatures::fingerprint() const { return backbone_->fingerprint(); }

GenerativeBranch::GenerativeBranch(const qwen2_5_vl::Checkpoint& checkpoint,
                                   const BranchOptions& options)
    : GenerativeBranch(open_branch_modules(checkpoint), find_branch(checkpoint, options), options) {
}

GenerativeBranch::GenerativeBranch(const FusionCheckpoint& modules, BranchSource source,
                                   const BranchOptions& options)
    : options_(options),
      modules_([&] {
        modules.check_finite();
        return on_device(options.placement.device,
                         [&] { return SpatialFusion(modules, options.placement); });
      }()),
      wan_(std::move(source), options, modules.merger->in) {}

std::string GenerativeBranch::differences() const {
  return differences_from_paper(source().settings, modules_.fusion().config(),
                                modules_.residual_scale());
}

SignedImage branch_pixels(const ImageU8& frame, qwen2_5_vl::Preparation preparation,
                          ImageSize size) {
  const bool spatial = preparation == qwen2_5_vl::Preparation::kSpatial;
  return apply_view(spatial ? spatial_frame(frame) : frame, View::kNative, size);
}

at::Tensor BranchFeatures::of(const std::string& scene, const BranchFrames& frames) const {
  std::vector<at::Tensor> pixels;
  for (const SignedImage& image : frames.pixels)
    pixels.push_back(float_tensor(image.chw, {3, image.height, image.width}));
  return of(scene, frames.ids, at::stack(pixels));
}

at::Tensor BranchFeatures::of(const std::string& scene, const std::vector<std::int64_t>& ids,
                              const at::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  const auto values = static_cast<std::size_t>(backbone_->noise_size());
  const std::int64_t most = options_.placement.device.is_cpu() ? kHostFrames : kDeviceFrames;
  std::vector<at::Tensor> out;
  for (std::int64_t first = 0; first < pixels.size(0); first += most) {
    const std::int64_t count = std::min(most, pixels.size(0) - first);
    std::vector<at::Tensor> noise;
    for (std::int64_t n = first; n < first + count; ++n) {
      std::vector<float> eps(values);
      noise_v1(options_.seed, scene, ids.at(static_cast<std::size_t>(n)), eps);
      noise.push_back(float_tensor(eps, {static_cast<std::int64_t>(values)}));
    }
    out.push_back(
        backbone_->run(backbone_->encode(pixels.narrow(0, first, count)), at::stack(noise))
            .front());
  }
  return at::cat(out);
}

Json GenerativeBranch::describe() const {
  const SpatialSettings& s = source().settings;
  return {{"model", source().model.string()},
          {"transformer", source().text},
          {"fingerprint", wan_.fingerprint()},
          {"block", s.block},
          {"timestep", s.timestep},
          {"shift", s.shift},
          {"size", to_string(s.size)},
          {"seed", static_cast<std::int64_t>(options_.seed)},
          {"fusion", vega::name_of(modules_.fusion().config().method)},
          {"form", vega::name_of(modules_.fusion().config().form)}};
}

}  // namespace vega::vlm
