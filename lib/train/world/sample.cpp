#include "train/world/sample.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "core/dtype.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "media/png.h"
#include "models/wan/checkpoint.h"
#include "models/wan/linear_vae.h"
#include "models/wan/prompt_file.h"
#include "models/wan/record.h"
#include "models/wan/vae.h"
#include "models/wan/write.h"
#include "run/option_groups.h"
#include "run/output_names.h"
#include "scene/frame.h"
#include "scene/select.h"
#include "train/world/flow.h"
#include "train/world/options.h"
#include "train/world/recipe.h"
#include "viz/sheet.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr auto kSampleHelp =
    R"(Shows what a generator has learnt, as one PNG: clips that it draws from noise, a clip in a row; or, with --denoise, frames
that were noised and what it takes them for in one look: noisy above, cleared below. The model is a folder in Wan's
layout (original or diffusers) with the way back from latents to pixels, as vega-train world writes it, or the folder of its run.

Examples:
  vega-train sample run -o clips.png
  vega-train sample run --denoise rooms/room2003 --noise 0.1,0.3,0.5,0.7 -o denoised.png

See also: vega-train world, vega-train export; docs/world.md)";

// The network and its VAE, ready to compute.
class Generator {
 public:
  Generator(const fs::path& folder, at::Device device, at::ScalarType type)
      : checkpoint_(wan::open_checkpoint(folder)), vae_(wan::read_linear_vae(folder)) {
    if (!vae_.pixel_map.defined())
      throw InputError(
          explain(folder.string(), "no way back from latents to pixels",
                  fmt::format("{} and its name in {}", wan::kPixelFile, wan::kRecordFile),
                  "models of vega-train world have it"));
    for (const auto& [name, view] : checkpoint_.dit)
      weights_[name] = float_tensor_from(view).to(device);
    network_.emplace(checkpoint_.dit_config, weights_, wan::TrainDitOptions{.dtype = type});
    if (!network_->silent())
      prompt = wan::read_prompt_file(wan::find_prompt({}, folder), checkpoint_.dit_config.text_dim)
                   .to(device);
    views_ = wan::views_of(vae_.weights);
    encoder_.emplace(views_, vae_.config, wan::VaeEncoder::Options{device, at::kFloat, false});
  }

  const wan::TrainDit& network() const { return *network_; }
  at::Tensor encode(const at::Tensor& pixels) const { return encoder_->encode(pixels); }

  // Latents (N, 16, F, h, w) -> N F pictures, clip by clip.
  std::vector<ImageU8> pictures(const at::Tensor& latents) const {
    const at::Tensor frames = latents.transpose(1, 2).flatten(0, 1).to(at::kCPU);
    const at::Tensor bytes = ((wan::latents_to_pixels(vae_, frames) + 1) * 127.5)
                                 .round()
                                 .to(at::kByte)
                                 .permute({0, 2, 3, 1})
                                 .contiguous();
    std::vector<ImageU8> out;
    for (std::int64_t n = 0; n < bytes.size(0); ++n) {
      ImageU8& picture = out.emplace_back(bytes.size(2), bytes.size(1));
      std::memcpy(picture.rgb.data(), bytes[n].const_data_ptr<std::uint8_t>(), picture.rgb.size());
    }
    return out;
  }

  at::Tensor prompt;  // undefined where the network reads none

 private:
  wan::Checkpoint checkpoint_;
  wan::LinearVae vae_;
  WeightTable weights_;
  std::optional<wan::TrainDit> network_;
  WeightViews views_;
  std::optional<wan::VaeEncoder> encoder_;
};

// What the options come to.
struct SamplePlan {
  fs::path model;
  ImageSize size;
  View view = View::kStretch;
  at::Device device{at::kCPU};
  at::ScalarType type = at::kFloat;
  std::uint64_t seed = 0;
};

SamplePlan resolve_sample(const SampleOptions& o) {
  if (o.inputs.size() != 1)
    throw UsageError(explain("sample", plural(o.inputs.size(), "model"), "one",
                             "vega-train sample MODEL -o FILE.png"));
  if (!o.out.ends_with(".png"))
    throw UsageError(explain("-o", o.out.empty() ? "nothing" : o.out, "a file ending in .png"));
  std::error_code ignored;
  if (fs::exists(fs::path(o.inputs[0]) / "state.json", ignored))
    throw InputError(explain(o.inputs[0], "a checkpoint of a run", "a model",
                             "write its model with: vega-train export " + o.inputs[0] + " -o DIR"));
  SamplePlan plan;
  plan.model = wan::model_folder(o.inputs[0]);
  plan.size = o.size;
  const auto record = wan::read_model_record(plan.model);
  if (plan.size.empty() && record) plan.size = record->size;
  if (plan.size.empty()) plan.size = {256, 192};
  plan.view = o.view.value_or(record && record->view ? *record->view : plan.view);
  if (plan.size.width % wan::kPixelStride != 0 || plan.size.height % wan::kPixelStride != 0)
    throw UsageError(explain("--size", to_string(plan.size), "multiples of 16"));
  plan.device = use_device(parse_device(o.device));
  plan.type = scalar_type(o.dtype.value_or(usual_world_type(plan.device)));
  plan.seed = static_cast<std::uint64_t>(o.seed);
  return plan;
}

std::vector<double> shares_of_noise(const std::string& option, const std::string& text) {
  std::vector<double> out;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');)
    out.push_back(real_number(option, part, {0, 1}));
  if (out.empty()) throw UsageError(explain(option, "'" + text + "'", "numbers from 0 to 1"));
  return out;
}

ClipShape shape_of(ImageSize size, std::int64_t frames) {
  return {frames, size.height / wan::kLatentStride, size.width / wan::kLatentStride};
}

ImageU8 sheet_of_clips(const SampleOptions& o, const SamplePlan& plan, const Generator& model) {
  const std::vector<double> shares = flow_shares(o.steps, o.shift);
  std::vector<SheetFrame> tiles;
  for (std::int64_t first = 0; first < o.clips; first += o.batch) {
    const std::int64_t count = std::min(o.batch, o.clips - first);
    const at::Tensor noise =
        clip_noise(plan.seed, "sample", first, count, shape_of(plan.size, o.frames));
    const std::vector<ImageU8> pictures =
        model.pictures(follow_flow(model.network(), noise.to(plan.device), shares, model.prompt));
    for (std::size_t n = 0; n < pictures.size(); ++n) {
      const auto at = static_cast<std::int64_t>(n);
      tiles.push_back({.picture = pictures[n],
                       .panel = {},
                       .caption = fmt::format("clip {}, frame {}", first + at / o.frames + 1,
                                              at % o.frames + 1),
                       .covered = std::nullopt});
    }
  }
  return contact_sheet(
      fmt::format("{} from noise", plural(static_cast<std::size_t>(o.clips), "clip")),
      fmt::format("{}, {}, seed {}", o.inputs[0], plural(static_cast<std::size_t>(o.steps), "step"),
                  o.seed),
      tiles, {.columns = static_cast<int>(o.frames), .tile_width = static_cast<int>(o.tile)});
}

// A frame as the network sees it, and its latents.
struct SeenFrame {
  std::int64_t id = 0;
  ImageU8 picture;
  at::Tensor latents;  // (1, 16, 1, h, w)
};

std::vector<SeenFrame> see_frames(const SampleOptions& o, const SamplePlan& plan,
                                  const Generator& model) {
  const SceneSource source = open_source(o.denoise);
  std::set<std::size_t> taken;
  std::vector<SeenFrame> out;
  for (const std::size_t index :
       select_frames(source, usual_candidates(source), parse_selection(o.select))) {
    if (!taken.insert(index).second) continue;
    const FrameRef& frame = source.frames[index];
    const ImageU8 whole = decode_color(source, frame, color_bytes(source, frame));
    const SignedImage seen = apply_view(whole, plan.view, plan.size);
    at::Tensor pixels = at::empty({1, 3, seen.height, seen.width}, at::kFloat);
    std::memcpy(pixels.mutable_data_ptr<float>(), seen.chw.data(), seen.chw.size() * 4);
    out.push_back(
        {frame.id, to_u8(to_unit(seen)), model.encode(pixels.to(plan.device)).unsqueeze(2)});
  }
  return out;
}

ImageU8 sheet_of_frames(const SampleOptions& o, const SamplePlan& plan, const Generator& model) {
  const ClipShape shape = shape_of(plan.size, 1);
  std::vector<SheetFrame> tiles;
  for (const SeenFrame& seen : see_frames(o, plan, model)) {
    const at::Tensor& z = seen.latents;
    const at::Tensor noise = clip_noise(plan.seed, "denoise", seen.id, 1, shape).to(plan.device);
    tiles.push_back({seen.picture, model.pictures(z)[0],
                     fmt::format("frame {}, its latents", seen.id), std::nullopt});
    for (const double share : o.noise) {
      const at::Tensor noisy = wan::noised(z, noise, at::full({1}, share, z.options()));
      tiles.push_back({model.pictures(noisy)[0],
                       model.pictures(cleared(model.network(), noisy, share, model.prompt))[0],
                       fmt::format("noise {:g}", share), std::nullopt});
    }
  }
  return contact_sheet(
      "Noised above, made clear below",
      fmt::format("{}, frames of {}, seed {}", o.inputs[0], o.denoise, o.seed), tiles,
      {.columns = static_cast<int>(o.noise.size()) + 1, .tile_width = static_cast<int>(o.tile)});
}

}  // namespace

void SampleOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "MODEL", "folder of a model, or of a run of vega-train world");
  v.text("-o,--out", out, "FILE.png", "the picture");
  v.group("Clips from noise");
  v.integer("--clips", clips, "N", {1, 256}, "a row each");
  v.integer("--clip-frames", frames, "N", {1, 64}, "latent frames of a clip");
  v.integer("--steps", steps, "N", {1, 1000}, "of Euler, from noise to a clip");
  v.real("--shift", shift, "X", {0.01, 100},
         "above 1: more of the steps where there is much noise");
  v.group("Frames that were noised");
  v.text("--denoise", denoise, "FRAMES",
         "a folder of frames, a .sens or a video: show these instead of clips from noise");
  v.text("--select", select, "S", "which frames: uniform:N, stride:K, list:FILE, fps:R");
  v.choice("--view", view, kWorldViews,
           "how a frame is brought to --size (default: as the model was trained, or stretch)");
  v.parsed("--noise", noise, "S,...", "0.1,0.3,0.5,0.7", shares_of_noise,
           "shares of noise, a column each");
  v.group("How");
  v.parsed("--size", size, "WxH", "", size_option,
           "of the pictures (default: of those that the model was trained on, or 256x192)");
  v.integer("--seed", seed, "N", {0, std::numeric_limits<std::int64_t>::max()}, "of the noise");
  v.integer("--tile", tile, "PX", {0, 4096}, "width of a picture on the page; 0: as fits");
  DeviceOptions::visit_device(v, device, "where to compute");
  v.choice("--dtype", dtype, kComputeTypes,
           "type of matrix products (default: bf16 on cuda and on processors with AVX-512 BF16, "
           "else fp32)");
  v.integer("--batch", batch, "N", {1, 4096}, "clips at a time");
  RunOptions::visit_threads(v, threads);
}

RunResult run_sample(const SampleOptions& options, const Context& /*context*/) {
  const SamplePlan plan = resolve_sample(options);
  RunOptions run;
  run.threads = options.threads;
  at::set_num_threads(run.workers());
  const ImageU8 sheet = on_device(plan.device, [&] {
    const c10::NoGradGuard no_gradients;
    const Generator model(plan.model, plan.device, plan.type);
    return options.denoise.empty() ? sheet_of_clips(options, plan, model)
                                   : sheet_of_frames(options, plan, model);
  });
  publish_output(options.out, encode_png(sheet));
  log_info("{}: {} x {} pixels", options.out, sheet.width, sheet.height);
  return {};
}

Verb sample_verb() {
  return make_verb("sample", "draw clips from noise, and noised frames made clear: PNG",
                   kSampleHelp, run_sample);
}

}  // namespace vega::train
