#include "extract/recipe.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/key.h"
#include "base/log.h"
#include "base/parallel.h"
#include "core/device.h"
#include "core/dtype.h"
#include "store/cache_key.h"

namespace vega::extract {
namespace {

[[noreturn]] void usage(const std::string& option, const std::string& got,
                        const std::string& expected) {
  throw UsageError(explain(option, "'" + got + "'", expected));
}

DType float_type(const std::string& option, const std::string& name) {
  if (name == "fp32" || name == "f32") return DType::kF32;
  if (name == "bf16") return DType::kBF16;
  if (name == "fp16" || name == "f16") return DType::kF16;
  usage(option, name, "fp32, bf16 or fp16");
}

void resolve_pool(const std::string& text, Recipe& r) {
  r.pool_name = text;
  if (text == "native") {
    r.pool_h = r.pool_w = 0;
    return;
  }
  const char* end = text.data() + text.size();
  const auto rows = std::from_chars(text.data(), end, r.pool_h);
  const bool x = rows.ec == std::errc() && rows.ptr != end && *rows.ptr == 'x';
  const auto columns = x ? std::from_chars(rows.ptr + 1, end, r.pool_w) : rows;
  const auto fits = [](std::int64_t n) { return n >= 1 && n <= 1024; };
  if (!x || columns.ec != std::errc() || columns.ptr != end || !fits(r.pool_h) || !fits(r.pool_w)) {
    usage("--pool", text, "HxW (rows, columns) or native");
  }
}

void resolve_noise(const std::string& text, Recipe& r) {
  if (text == "v1") {
    r.noise = NoiseKind::kV1;
  } else if (text == "zero") {
    r.noise = NoiseKind::kZero;
  } else if (text.starts_with("stored:") && text.size() > 7) {
    r.noise = NoiseKind::kStored;
    r.stored_noise = std::make_shared<const StoredNoise>(read_noise(text.substr(7)));
  } else {
    usage("--noise", text, "v1, zero or stored:FILE");
  }
}

std::int64_t positive_number(const std::string& option, const std::string& text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 1 ||
      value > 4096) {
    usage(option, text, "auto or 1 to 4096");
  }
  return value;
}

std::int64_t whole(const std::string& option, const std::string& text, std::string_view part) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(part.data(), part.data() + part.size(), value);
  if (part.empty() || parsed.ec != std::errc() || parsed.ptr != part.data() + part.size() ||
      value < 0 || value > 10000) {
    usage(option, text, "whole numbers and ranges a:b:step, separated by commas");
  }
  return value;
}

// "10,12,20:28:2": ascending and distinct; the end of a range counts.
std::vector<std::int64_t> number_list(const std::string& option, const std::string& text) {
  std::set<std::int64_t> out;
  if (text.ends_with(',')) whole(option, text, "");
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    std::vector<std::int64_t> range;
    std::istringstream ends(part);
    for (std::string end; std::getline(ends, end, ':');) range.push_back(whole(option, text, end));
    if (part.ends_with(':') || range.empty() || range.size() > 3) whole(option, text, "");
    const std::int64_t step = range.size() == 3 ? range[2] : 1;
    if (step == 0) whole(option, text, "");
    for (auto value = range[0]; value <= (range.size() > 1 ? range[1] : range[0]); value += step) {
      out.insert(value);
    }
  }
  if (out.empty()) whole(option, text, "");
  return {out.begin(), out.end()};
}

// Options that a backbone has no use for: silence would look like consent.
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
  refuse("--block", o.block != standard.block);
  refuse("--blocks", o.blocks != standard.blocks);
  refuse("--timestep", o.timestep != standard.timestep);
  refuse("--timesteps", o.timesteps != standard.timesteps);
  refuse("--shift", o.shift != standard.shift);
  refuse("--schedule", o.schedule != standard.schedule);
  refuse("--noise", o.noise != standard.noise);
  refuse("--latent-constants", o.latent_constants != standard.latent_constants);
}

View resolve_view(const FeatureOptions& o, const BackboneDefaults& defaults) {
  const std::vector<View>& some = defaults.views;
  if (o.view.empty()) {
    if (!some.empty()) return some.front();
    return o.compat == "reference" ? View::kMllm : View::kStretch;
  }
  const View view = view_from_name(o.view);
  if (some.empty() || std::find(some.begin(), some.end(), view) != some.end()) return view;
  std::string names;
  for (const View one : some) names += (names.empty() ? "" : " or ") + std::string(name_of(one));
  throw UsageError(explain("--view", "'" + o.view + "' with --backbone " + o.backbone, names,
                           "leave the option out for " + std::string(name_of(some.front()))));
}

ImageSize resolve_size(const FeatureOptions& o, const BackboneDefaults& defaults) {
  if (o.size.empty()) return defaults.size;
  const ImageSize size = parse_size(o.size);
  if (defaults.only_this_size && size != defaults.size) {
    throw UsageError(explain("--size", "'" + o.size + "' with --backbone " + o.backbone,
                             to_string(defaults.size) + " always", "leave the option out"));
  }
  if (size.width % 16 != 0 || size.height % 16 != 0) usage("--size", o.size, "multiples of 16");
  return size;
}

// Bytes of activations that a frame needs at its worst: level 0 of the released VAE holds six
// tensors of 96 channels at full size.
double frame_bytes(ImageSize size, DType compute) {
  return 6.0 * 96 * size.width * size.height * static_cast<double>(size_of(compute));
}

// Frames a step on CUDA, where --batch leaves it open; fewer when the device's memory is known.
constexpr std::int64_t kAutoBatch = 32;

// All cores, or as many workers as the free memory feeds.
int auto_threads(const Recipe& r, bool heavy) {
  const int cores = available_cores();
  if (!heavy || !r.device.is_cpu()) return cores;
  const double room = 0.8 * static_cast<double>(device_memory(r.device).free);
  const int fit = static_cast<int>(std::max(1.0, room / frame_bytes(r.size, r.compute)));
  if (fit >= cores) return cores;
  log_warn("{} of {} cores used: {:.0f} MB a frame, {:.0f} MB free", fit, cores,
           frame_bytes(r.size, r.compute) / 1e6, room / 0.8e6);
  return fit;
}

}  // namespace

Recipe resolve(const FeatureOptions& o) {
  Recipe r;
  if (o.compat != "reference" && o.compat != "fixed")
    usage("--compat", o.compat, "reference or fixed");
  const bool reference = o.compat == "reference";
  const BackboneEntry& entry = backbone_entry(o.backbone);
  r.view = resolve_view(o, entry.defaults);
  r.size = resolve_size(o, entry.defaults);
  resolve_pool(o.pool.empty() ? entry.defaults.pool : o.pool, r);
  r.blocks = o.blocks.empty() ? std::vector{o.block} : number_list("--blocks", o.blocks);
  r.device = parse_device(o.device);
  const std::string compute = o.dtype.empty() ? (r.device.is_cuda() ? "bf16" : "fp32") : o.dtype;
  if (compute != "fp32" && compute != "bf16") usage("--dtype", compute, "fp32 or bf16");
  r.compute = float_type("--dtype", compute);
  refuse_unused(o, entry);
  if (!entry.on_device) {
    if (r.device.is_cuda() || r.compute != DType::kF32)
      log_info("--backbone {} computes on the cpu in fp32", o.backbone);
    r.device = at::kCPU;
    r.compute = DType::kF32;
  }
  r.store = float_type("--store-dtype", o.store_dtype);
  const std::string constants = !o.latent_constants.empty()              ? o.latent_constants
                                : reference && r.compute == DType::kBF16 ? "bf16"
                                                                         : "fp32";
  if (constants != "bf16" && constants != "fp32")
    usage("--latent-constants", constants, "bf16 or fp32");
  r.bf16_constants = constants == "bf16";
  r.timesteps =
      o.timesteps.empty() ? std::vector{o.timestep} : number_list("--timesteps", o.timesteps);
  if (r.timesteps.front() < 0 || r.timesteps.back() > 1000) {
    const auto worst = r.timesteps.front() < 0 ? r.timesteps.front() : r.timesteps.back();
    usage(o.timesteps.empty() ? "--timestep" : "--timesteps", std::to_string(worst), "0 to 1000");
  }
  if (!(o.shift > 0) || !std::isfinite(o.shift))
    usage("--shift", std::to_string(o.shift), "a positive number");
  if (o.schedule != "release" && o.schedule != "exact")
    usage("--schedule", o.schedule, "release or exact");
  resolve_noise(o.noise, r);
  r.folder_candidates = parse_candidates(o.candidates.empty() ? "all" : o.candidates);
  r.sens_candidates = parse_candidates(o.candidates.empty() ? "every:10" : o.candidates);
  const std::string jpeg = !o.jpeg.empty() ? o.jpeg : reference ? "reencoded" : "original";
  if (jpeg != "original" && jpeg != "reencoded") usage("--jpeg", jpeg, "original or reencoded");
  r.source.jpeg = jpeg == "original" ? JpegMode::kOriginal : JpegMode::kReencoded;
  if (o.exif != "apply" && o.exif != "ignore") usage("--exif", o.exif, "apply or ignore");
  r.source.exif = o.exif == "apply";
  r.source.depth_shift = !reference;
  if (o.on_decode_error != "fail" && o.on_decode_error != "skip")
    usage("--on-decode-error", o.on_decode_error, "fail or skip");
  r.source.on_decode_error =
      o.on_decode_error == "skip" ? OnDecodeError::kSkip : OnDecodeError::kFail;
  if (o.stream < -1 || o.stream > 1000)
    usage("--stream", std::to_string(o.stream), "the index of a stream, or -1");
  r.source.stream = static_cast<int>(o.stream);
  r.selection = parse_selection(o.select);
  if (o.threads < 0 || o.threads > 1024)
    usage("--threads", std::to_string(o.threads), "0 (all cores) to 1024");
  r.threads = o.threads > 0 ? static_cast<int>(o.threads) : auto_threads(r, entry.on_device);
  r.batch_auto = o.batch == "auto";
  r.batch = r.batch_auto ? kAutoBatch : positive_number("--batch", o.batch);
  return r;
}

std::string Recipe::key_options(const FeatureOptions& o, const std::string& scene,
                                const SceneSource& source, ImageSize depth, bool with_noise,
                                bool turned) const {
  Json json{{"backbone", o.backbone},
            {"size", to_string(size)},
            {"view", name_of(view)},
            {"pool", pool_name},
            {"store_dtype", name_of(store)}};
  // A stream read as recorded is a folder of the same files: equal keys.
  if (source.dialect == "sens" && this->source.jpeg == JpegMode::kReencoded)
    json.set("jpeg", "reencoded");
  if (turned) json.set("exif", "apply");
  if (view == View::kCenterCrop) json.set("depth_size", to_string(depth));
  if (backbone_entry(o.backbone).on_device) json.set("compute_dtype", name_of(compute));
  if (with_noise) {
    json.set("latent_constants", bf16_constants ? "bf16" : "f32");
    json.set("schedule", o.schedule);
    if (o.schedule == "release") json.set("shift", o.shift);
    if (noise == NoiseKind::kV1)
      json.set("noise", {{"kind", "v1"}, {"seed", o.seed}, {"scene", scene}});
    if (noise == NoiseKind::kZero) json.set("noise", {{"kind", "zero"}});
    if (noise == NoiseKind::kStored) {
      json.set("noise", {{"kind", "stored"},
                         {"xxh3", xxh3_hex(std::as_bytes(std::span(stored_noise->eps)))}});
    }
  }
  return json.sorted().dump();
}

BackboneOptions backbone_options(const FeatureOptions& o, const Recipe& r) {
  BackboneOptions b;
  b.backbone = o.backbone;
  b.model = o.model;
  b.prompt = o.prompt;
  b.device = o.device;
  b.dtype = scalar_type(r.compute);
  b.size = r.size;
  b.blocks = r.blocks;
  b.timesteps = r.timesteps;
  b.shift = o.shift;
  b.schedule = o.schedule;
  b.pool_h = r.pool_h;
  b.pool_w = r.pool_w;
  b.bf16_latent_constants = r.bf16_constants;
  return b;
}

std::string tag_of(const FeatureOptions& o, const Recipe& r, const Backbone& backbone) {
  const std::string made = backbone.name() + "-" + to_string(r.size) + "-" +
                           std::string(name_of(r.view)) + "-" + r.pool_name;
  const std::string tag = o.tag.empty() ? clean_key(made) : o.tag;
  if (!is_key(tag) || tag.starts_with('.'))
    usage("--tag", tag, "letters, digits, '.', '_', '-', not starting with '.'");
  return tag;
}

}  // namespace vega::extract
