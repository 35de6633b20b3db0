#include "train/world/recipe.h"

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "core/device.h"
#include "models/wan/checkpoint.h"
#include "models/wan/record.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

// AVX-512 BF16; AMX comes with it wherever it is there.
bool multiplies_bf16_fast() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") > 0;
#else
  return false;
#endif
}

Selection selection_of(const WorldOptions& o) {
  if (!o.every) {
    const Selection out = parse_selection(o.select);
    if (out.kind != SelectKind::kFrames) return out;
    throw UsageError(explain("--select", o.select, "uniform:N, stride:K, fps:R or list:FILE"));
  }
  if (o.select != WorldOptions().select)
    throw UsageError(explain("--every", "with --select", "one of them"));
  return parse_selection("stride:" + std::to_string(*o.every));
}

void take_size(std::int64_t& size, const std::optional<std::int64_t>& asked, const char* option,
               const fs::path& from) {
  if (!asked) return;
  if (!from.empty() && *asked != size)
    throw UsageError(explain(option, std::to_string(*asked),
                             std::to_string(size) + ", which " + from.string() + " has",
                             "leave it out: --from has its own sizes"));
  size = *asked;
}

wan::DitConfig network_of(const WorldOptions& o, const fs::path& from) {
  wan::DitConfig out;
  if (from.empty())
    // The text parts are silent: rows of 4096 numbers would be 2 MB of nothing.
    out.dim = 256, out.layers = 8, out.heads = 4, out.ffn_dim = 1024, out.text_dim = 8;
  else
    out = wan::open_checkpoint(from).dit_config;
  take_size(out.dim, o.width, "--width", from);
  take_size(out.layers, o.blocks, "--blocks", from);
  take_size(out.heads, o.heads, "--heads", from);
  take_size(out.ffn_dim, o.ffn, "--ffn", from);
  take_size(out.patch, o.patch, "--patch", from);
  if (out.dim % out.heads != 0 || out.head_dim() % 2 != 0)
    throw UsageError(
        explain("--width, --heads",
                std::to_string(out.dim) + " for " + std::to_string(out.heads) + " heads",
                "a width that is an even number times the heads"));
  return out;
}

void check_world(const WorldOptions& o, const WorldRecipe& r) {
  if (o.out.empty()) throw UsageError(explain("-o", "nothing", "the folder of the run"));
  if (r.size.width % wan::kPixelStride != 0 || r.size.height % wan::kPixelStride != 0)
    throw UsageError(explain("--size", to_string(r.size), "multiples of 16"));
  if (r.block >= r.dit.layers)
    throw UsageError(
        explain("--block", std::to_string(r.block), "0 to " + std::to_string(r.dit.layers - 1)));
}

}  // namespace

DType usual_world_type(at::Device device) {
  return device.is_cuda() || multiplies_bf16_fast() ? DType::kBF16 : DType::kF32;
}

WorldRecipe resolve_world(const WorldOptions& o) {
  WorldRecipe r;
  r.items = gather_items(o.items).items;
  if (r.items.empty()) throw UsageError(explain("input", "an empty list", "at least one walk"));
  r.root = o.items.root;
  r.select = selection_of(o);
  r.size = o.size;
  r.view = o.view;
  r.latent_bytes = o.memory * (1 << 30);
  r.note = o.note;
  r.device = use_device(parse_device(o.device));
  r.dtype = o.dtype.value_or(usual_world_type(r.device));
  if (!o.from.empty()) r.from = wan::model_folder(o.from);
  r.dit = network_of(o, r.from);
  r.vae = o.vae.empty() ? r.from : wan::model_folder(o.vae);
  r.vae_width = o.vae_width;
  r.vae_pictures = o.vae_pictures;
  r.vae_power = o.vae_power;
  r.clips = o.clips;
  r.noise_mean = o.noise_mean;
  r.noise_std = o.noise_std;
  r.micro_batch = o.micro_batch.value_or(o.clips.clips);
  r.steps = o.steps;
  r.optimizer = o.optimizer;
  r.schedule = {o.schedule, o.steps, warmup_steps(o.warmup, o.steps)};
  r.rate = o.rate;
  r.weight_decay = o.weight_decay;
  r.clip = o.clip;
  r.ema = o.ema;
  r.seed = static_cast<std::uint64_t>(o.seed);
  r.out = o.out;
  r.overwrite = o.overwrite;
  r.save_every = o.save_every;
  r.keep = o.keep;
  r.layout = o.layout;
  r.store_dtype = o.store_dtype;
  r.block = o.block.value_or((r.dit.layers - 1) / 2);
  r.timestep = o.timestep;
  r.threads = o.threads > 0 ? static_cast<int>(o.threads) : available_cores();
  check_world(o, r);
  return r;
}

Json WorldRecipe::describe() const {
  Json out{{"kind", "world"}, {"size", to_string(size)}, {"view", vega::name_of(view)}};
  Json network{
      {"width", dit.dim}, {"blocks", dit.layers}, {"heads", dit.heads}, {"ffn", dit.ffn_dim}};
  if (dit.patch != wan::DitConfig().patch) network.add("patch", dit.patch);
  out.add("network", std::move(network));
  out.add("clips", Json{{"clips", clips.clips},
                        {"frames", clips.frames},
                        {"strides", clips.strides},
                        {"single", clips.single},
                        {"mirror", clips.mirror},
                        {"closed", clips.closed}});
  out.add("noise", Json{{"mean", noise_mean}, {"std", noise_std}});
  out.add("micro_batch", micro_batch);
  out.add("steps", steps);
  out.add("optimizer", name_in<MatrixRule>(kMatrixRules, optimizer));
  out.add("rate", rate);
  out.add("schedule", Json{{"kind", name_in<ScheduleKind>(kSchedules, schedule.kind)},
                           {"warmup", schedule.warmup}});
  out.add("weight_decay", weight_decay);
  out.add("clip", clip);
  out.add("ema", ema);
  out.add("device", device.is_cuda() ? "cuda" : "cpu");
  out.add("dtype", vega::name_of(dtype));
  out.add("seed", seed);
  if (vae.empty()) {
    Json fitted{{"width", vae_width}, {"pictures", vae_pictures}};
    if (vae_power != 0) fitted.add("power", vae_power);
    out.add("fitted_vae", std::move(fitted));
  }
  return out;
}

}  // namespace vega::train
