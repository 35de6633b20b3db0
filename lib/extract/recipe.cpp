#include "extract/recipe.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "core/device.h"
#include "core/dtype.h"
#include "scene/key.h"
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

// About 6 GB of activations: level 0 of the VAE holds six tensors of 96 channels at full size at
// its worst.
std::int64_t auto_batch(ImageSize size, DType compute) {
  const double frame = 6.0 * 96 * size.width * size.height * static_cast<double>(size_of(compute));
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(6e9 / frame), 1, 16);
}

}  // namespace

Recipe resolve(const FeatureOptions& o) {
  Recipe r;
  if (o.compat != "reference" && o.compat != "fixed")
    usage("--compat", o.compat, "reference or fixed");
  const bool reference = o.compat == "reference";
  r.view = o.view.empty() ? (reference ? View::kMllm : View::kStretch) : view_from_name(o.view);
  r.size = parse_size(o.size);
  if (r.size.width % 16 != 0 || r.size.height % 16 != 0) usage("--size", o.size, "multiples of 16");
  resolve_pool(o.pool, r);
  r.device = parse_device(o.device);
  const std::string compute = o.dtype.empty() ? (r.device.is_cuda() ? "bf16" : "fp32") : o.dtype;
  r.compute = float_type("--dtype", compute);
  if (r.compute == DType::kF16) usage("--dtype", o.dtype, "fp32 or bf16");
  if (!backbone_entry(o.backbone).on_device) {
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
  if (o.timestep < 0 || o.timestep > 1000)
    usage("--timestep", std::to_string(o.timestep), "0 to 1000");
  if (!(o.shift > 0) || !std::isfinite(o.shift))
    usage("--shift", std::to_string(o.shift), "a positive number");
  if (o.schedule != "release" && o.schedule != "exact")
    usage("--schedule", o.schedule, "release or exact");
  resolve_noise(o.noise, r);
  r.candidates = parse_candidates(o.candidates);
  r.selection = parse_selection(o.select);
  if (o.threads < 0 || o.threads > 1024)
    usage("--threads", std::to_string(o.threads), "0 (all cores) to 1024");
  r.threads = o.threads > 0 ? static_cast<int>(o.threads) : available_cores();
  r.batch = o.batch == "auto" ? auto_batch(r.size, r.compute) : positive_number("--batch", o.batch);
  return r;
}

std::string Recipe::key_options(const FeatureOptions& o, const std::string& scene, ImageSize depth,
                                bool with_noise) const {
  nlohmann::json json{{"backbone", o.backbone},
                      {"size", to_string(size)},
                      {"view", name_of(view)},
                      {"pool", pool_name},
                      {"store_dtype", name_of(store)}};
  if (view == View::kCenterCrop) json["depth_size"] = to_string(depth);
  if (with_noise) {
    json["compute_dtype"] = name_of(compute);
    json["latent_constants"] = bf16_constants ? "bf16" : "f32";
    json["schedule"] = o.schedule;
    json["shift"] = o.shift;
    if (noise == NoiseKind::kV1)
      json["noise"] = {{"kind", "v1"}, {"seed", o.seed}, {"scene", scene}};
    if (noise == NoiseKind::kZero) json["noise"] = {{"kind", "zero"}};
    if (noise == NoiseKind::kStored) {
      json["noise"] = {{"kind", "stored"},
                       {"xxh3", xxh3_hex(std::as_bytes(std::span(stored_noise->eps)))}};
    }
  }
  return canonical_json(json.dump());
}

BackboneOptions backbone_options(const FeatureOptions& o, const Recipe& r) {
  BackboneOptions b;
  b.backbone = o.backbone;
  b.model = o.model;
  b.prompt = o.prompt;
  b.device = o.device;
  b.dtype = scalar_type(r.compute);
  b.size = r.size;
  b.blocks = {o.block};
  b.timesteps = {o.timestep};
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
