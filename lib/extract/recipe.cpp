#include "extract/recipe.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_fields.h"
#include "base/key.h"
#include "base/log.h"
#include "core/device.h"
#include "core/dtype.h"
#include "fusion/checkpoint_config.h"
#include "fusion/spatial.h"
#include "models/wan/record.h"
#include "store/cache_key.h"
#include "weights/safetensors.h"

namespace vega::extract {
namespace {

// Refuses options that the backbone does not use: to ignore them would suggest that they count.
void refuse_unused(const FeatureOptions& o, const BackboneEntry& entry) {
  const FeatureOptions standard;
  const char* expected = "a backbone with weights";
  const auto refuse = [&](const char* option, bool changed) {
    if (!changed) return;
    throw UsageError(explain(option, "--backbone " + o.backbone + ", which does not use it",
                             expected, "leave the option out"));
  };
  if (!entry.on_device) refuse("--model", o.model != standard.model);
  if (entry.diffusion) return;
  if (entry.on_device) expected = "a diffusion model as backbone, such as wan";
  refuse("--prompt", o.prompt != standard.prompt);
  refuse("--block", o.block.has_value());
  refuse("--blocks", o.blocks != standard.blocks);
  refuse("--timestep", o.timestep.has_value());
  refuse("--timesteps", o.timesteps != standard.timesteps);
  refuse("--shift", o.shift.has_value());
  refuse("--schedule", o.schedule != standard.schedule);
  refuse("--noise", o.noise.text != standard.noise.text);
  refuse("--precision", o.precision != standard.precision);
  refuse("--latent-constants", o.latent_constants.has_value());
}

View resolve_view(const FeatureOptions& o, const BackboneDefaults& defaults) {
  const std::vector<View>& some = defaults.views;
  if (!o.view) {
    if (!some.empty()) return some.front();
    return o.compat == Compat::kReference ? View::kMllm : View::kStretch;
  }
  if (some.empty() || std::find(some.begin(), some.end(), *o.view) != some.end()) return *o.view;
  std::string names;
  for (const View one : some) names += (names.empty() ? "" : " or ") + std::string(name_of(one));
  throw UsageError(
      explain("--view", "'" + std::string(name_of(*o.view)) + "' with --backbone " + o.backbone,
              names, "leave the option out for " + std::string(name_of(some.front()))));
}

ImageSize resolve_size(const FeatureOptions& o, const BackboneDefaults& defaults) {
  if (!o.size) return defaults.size;
  if (defaults.only_this_size && *o.size != defaults.size) {
    throw UsageError(explain("--size", "'" + to_string(*o.size) + "' with --backbone " + o.backbone,
                             to_string(defaults.size) + " always", "leave the option out"));
  }
  if (o.size->width % defaults.stride != 0 || o.size->height % defaults.stride != 0)
    throw UsageError(explain("--size", "'" + to_string(*o.size) + "'",
                             "multiples of " + std::to_string(defaults.stride)));
  return *o.size;
}

// Bytes of activations that a frame needs at its worst: level 0 of the released VAE holds six
// tensors of 96 channels at full size.
double frame_bytes(ImageSize size, DType compute) {
  return 6.0 * 96 * size.width * size.height * static_cast<double>(size_of(compute));
}

// Frames a step on CUDA, where --batch leaves it open; fewer when the device's memory is known.
// More would fill a large GPU no better, and the 32 frames of a scene are then two steps: one is
// copied, checked and written while the other computes.
constexpr std::int64_t kAutoBatch = 16;

// As many workers as the free memory feeds.
int fitting_threads(const Recipe& r, int cores) {
  const double room = 0.8 * static_cast<double>(device_memory(r.device).free);
  const double frame = frame_bytes(r.size, r.compute);
  const int fit = static_cast<int>(std::max(1.0, room / frame));
  if (fit >= cores) return cores;
  log_warn("{} of {} cores used: {:.0f} MB a frame, {:.0f} MB free", fit, cores, frame / 1e6,
           room / 0.8e6);
  return fit;
}

// Where and how the backbone computes.
void resolve_device(const FeatureOptions& o, const BackboneEntry& entry, Recipe& r) {
  r.device = parse_device(o.device.device);
  r.compute = o.device.dtype.value_or(r.device.is_cuda() ? DType::kBF16 : DType::kF32);
  if (!entry.on_device) {
    if (r.device.is_cuda() || r.compute != DType::kF32)
      log_info("--backbone {} computes on the cpu in fp32", o.backbone);
    r.device = at::kCPU;
    r.compute = DType::kF32;
  }
  if (r.precision == Precision::kFp8 && r.compute != DType::kBF16)
    throw UsageError(explain("--precision fp8", fmt::format("--dtype {}", name_of(r.compute)),
                             "--dtype bf16: what is not 8 bits wide is of that type",
                             "add --dtype bf16"));
  const bool released = o.compat == Compat::kReference && r.compute == DType::kBF16;
  r.bf16_constants =
      o.latent_constants.value_or(released ? DType::kBF16 : DType::kF32) == DType::kBF16;
  r.threads = o.run.workers();
  if (o.run.threads == 0 && entry.on_device && r.device.is_cpu())
    r.threads = fitting_threads(r, r.threads);
  r.batch_auto = !o.device.batch;
  r.batch = o.device.batch.value_or(kAutoBatch);
}

// What --recipe says, where no option says otherwise.
void take_value(const char* option, std::string& value, const std::string& wanted) {
  if (!value.empty() && value != wanted)
    throw UsageError(explain("--generative-weights " + wanted, option + (" " + value),
                             "one folder of Wan", "leave one of them out"));
  value = wanted;
}
template <typename T>
void take_value(const char* option, std::optional<T>& value, const T& wanted) {
  if (value && *value != wanted)
    throw UsageError(explain("--recipe", std::string("another value than that of ") + option,
                             "one of the two", "leave one of them out"));
  value = wanted;
}

// What VEGA-3D's spatial model says of its features; nothing for another checkpoint. Its modules
// take the grid as it is, and its own transformer is what it was trained on.
std::optional<TrainedOn> take_spatial(FeatureOptions& o, const std::filesystem::path& config) {
  const bool spatial = JsonFields(config).flag("use_generative_encoder").value_or(false);
  if (!spatial) {
    if (!o.generative_weights.empty())
      throw UsageError(explain("--generative-weights", "--recipe " + o.recipe,
                               "a checkpoint of VEGA-3D's spatial model", "leave the option out"));
    return std::nullopt;
  }
  const SpatialSettings settings = read_spatial_settings(config, read_sharded(o.recipe, "model"));
  const bool own = o.generative_weights == "checkpoint";
  if (own && !settings.has_dit())
    throw InputError(explain("--generative-weights checkpoint", o.recipe + ", which has none",
                             "a checkpoint with a transformer of its own"));
  if (own || (o.generative_weights.empty() && settings.has_dit()))
    o.spatial = o.recipe;
  else if (!o.generative_weights.empty())
    take_value("--model", o.model, o.generative_weights);
  if (!o.pool) o.pool = pool_option("--pool", "native");
  log_info("--recipe {}: {}", o.recipe,
           o.spatial.empty() ? "the transformer of " + o.model : "its own transformer");
  return settings.trained_on();
}

FeatureOptions with_recipe(FeatureOptions o) {
  if (o.recipe.empty()) {
    if (!o.generative_weights.empty())
      throw UsageError(explain("--generative-weights", "no --recipe",
                               "a checkpoint of VEGA-3D's spatial model"));
    return o;
  }
  if (!backbone_entry(o.backbone).diffusion)
    throw UsageError(explain("--recipe", "--backbone " + o.backbone, "--backbone wan"));
  if (!o.blocks.empty() || !o.timesteps.empty())
    throw UsageError(explain("--recipe", "--blocks or --timesteps beside it", "one of the two"));
  const auto path = std::filesystem::path(o.recipe) / "config.json";
  if (!std::filesystem::exists(path))
    throw InputError(explain(path.string(), "no such file", "the folder of a checkpoint"));
  const std::optional<TrainedOn> spatial = take_spatial(o, path);
  const TrainedOn trained = spatial ? *spatial : fusion::read_said_config(path, false).trained_on;
  if (trained.block < 0 || trained.timestep < 0)
    throw InputError(explain(path.string(), "nothing of a generative stream of Wan",
                             "generative_vision_tower_feat_block_idx and _timestep",
                             "give --block, --timestep, --size and --view instead"));
  take_value("--block", o.block, trained.block);
  take_value<std::int64_t>("--timestep", o.timestep, std::llround(trained.timestep));
  if (trained.shift > 0) take_value("--shift", o.shift, trained.shift);
  if (trained.width > 0)
    take_value("--size", o.size,
               ImageSize{static_cast<int>(trained.width), static_cast<int>(trained.height)});
  if (!trained.view.empty()) take_value("--view", o.view, view_from_name(trained.view));
  log_info("--recipe {}: block {}, timestep {}, shift {}, size {}, view {}", o.recipe, *o.block,
           *o.timestep, o.shift.value_or(Recipe{}.shift), o.size ? to_string(*o.size) : "as usual",
           o.view ? name_of(*o.view) : "as usual");
  return o;
}

// The model of a run, and what the model's record says where no option does.
FeatureOptions with_record(FeatureOptions o) {
  if (!backbone_entry(o.backbone).diffusion || o.model.empty()) return o;
  const std::filesystem::path folder = wan::model_folder(o.model);
  if (folder != o.model)
    log_info("--model {}: the folder of a run; its model is {}", o.model, folder.string());
  o.model = folder.string();
  const auto record = wan::read_model_record(folder);
  if (!record) return o;
  std::string taken;
  const auto take = [&](auto& value, const auto& said, bool is_said, const std::string& text) {
    if (value || !is_said) return;
    value = said;
    taken += (taken.empty() ? "" : ", ") + text;
  };
  take(o.block, record->block, record->block >= 0, fmt::format("block {}", record->block));
  take(o.timestep, record->timestep, record->timestep >= 0,
       fmt::format("timestep {}", record->timestep));
  take(o.shift, record->shift, record->shift > 0, fmt::format("shift {}", record->shift));
  take(o.size, record->size, !record->size.empty(), "size " + to_string(record->size));
  if (record->view)
    take(o.view, *record->view, true, "view " + std::string(name_of(*record->view)));
  if (!taken.empty()) log_info("{}: {}", (folder / wan::kRecordFile).string(), taken);
  return o;
}

FeatureOptions with_preset(FeatureOptions o) {
  if (o.preset == ModelPreset::kVideo3dLlm && backbone_entry(o.backbone).diffusion)
    throw UsageError(explain("--preset video3d-llm", "--backbone " + o.backbone,
                             "--backbone siglip: Video-3D-LLM has no generative stream"));
  o.view = chosen_view(o.view, o.preset);
  return o;
}

}  // namespace

Recipe resolve(const FeatureOptions& options) {
  const FeatureOptions o = with_record(with_recipe(with_preset(options)));
  const BackboneEntry& entry = backbone_entry(o.backbone);
  refuse_unused(o, entry);
  Recipe r{o};
  const bool reference = o.compat == Compat::kReference;
  r.source.depth_shift = !reference;
  r.block = o.block.value_or(r.block);
  r.timestep = o.timestep.value_or(r.timestep);
  r.shift = o.shift.value_or(r.shift);
  if (r.blocks.empty()) r.blocks = {r.block};
  if (r.timesteps.empty()) r.timesteps = {r.timestep};
  r.view = resolve_view(o, entry.defaults);
  // The spatial model's release reads videos as they are.
  const bool exported = reference && r.view != View::kSpatial;
  r.source.jpeg = o.jpeg.value_or(exported ? JpegMode::kReencoded : JpegMode::kOriginal);
  r.size = resolve_size(o, entry.defaults);
  r.pool = o.pool.value_or(pool_option("--pool", entry.defaults.pool));
  r.root = o.items.root;
  r.thumbs = !o.no_thumbs;
  resolve_device(o, entry, r);
  if (o.noise.kind == NoiseKind::kStored)
    r.stored_noise = std::make_shared<const StoredNoise>(read_noise(o.noise.path));
  return r;
}

std::string Recipe::key_options(const std::string& scene, const SceneSource& source,
                                ImageSize depth, bool with_noise, bool turned) const {
  Json json{{"backbone", backbone},
            {"size", to_string(size)},
            {"view", name_of(view)},
            {"pool", pool.name},
            {"store_dtype", name_of(store_dtype)}};
  // A .sens that is read as recorded gives the frames of a folder with the same files: equal keys.
  if (source.dialect == "sens" && this->source.jpeg == JpegMode::kReencoded)
    json.set("jpeg", "reencoded");
  if (turned) json.set("exif", "apply");
  if (view == View::kCenterCrop) json.set("depth_size", to_string(depth));
  if (backbone_entry(backbone).on_device) json.set("compute_dtype", name_of(compute));
  if (precision == Precision::kFp8) json.set("feed_forward", "fp8");
  if (with_noise) {
    json.set("latent_constants", bf16_constants ? "bf16" : "f32");
    json.set("schedule", name_in<wan::Schedule>(wan::kSchedules, schedule));
    if (schedule == wan::Schedule::kRelease) json.set("shift", shift);
    if (noise.kind == NoiseKind::kV1)
      json.set("noise", {{"kind", "v1"}, {"seed", seed}, {"scene", scene}});
    if (noise.kind == NoiseKind::kZero) json.set("noise", {{"kind", "zero"}});
    if (noise.kind == NoiseKind::kStored) {
      json.set("noise", {{"kind", "stored"},
                         {"xxh3", xxh3_hex(std::as_bytes(std::span(stored_noise->eps)))}});
    }
  }
  return json.sorted().dump();
}

BackboneOptions Recipe::backbone_options() const {
  BackboneOptions b;
  b.backbone = backbone;
  b.model = model;
  b.prompt = prompt;
  b.spatial = spatial;
  b.device = device;
  b.dtype = scalar_type(compute);
  b.size = size;
  b.blocks = blocks;
  b.timesteps = timesteps;
  b.shift = shift;
  b.schedule = schedule;
  b.pool_h = pool.height;
  b.pool_w = pool.width;
  b.bf16_latent_constants = bf16_constants;
  b.fp8_feed_forward = precision == Precision::kFp8;
  return b;
}

std::filesystem::path Recipe::folder_of(const Backbone& made) const {
  const std::filesystem::path out = output.out;
  if (output.tag.empty())
    return out / clean_key(made.name() + "-" + to_string(size) + "-" + std::string(name_of(view)) +
                           "-" + pool.name);
  check_tag(output.tag);
  return out / output.tag;
}

}  // namespace vega::extract
