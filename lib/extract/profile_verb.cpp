#include "extract/profile_verb.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/publish.h"
#include "base/stop.h"
#include "core/device.h"
#include "core/profile.h"
#include "extract/device_lane.h"
#include "extract/forecast.h"
#include "extract/recipe.h"
#include "viz/table.h"

namespace vega::extract {
namespace {

constexpr auto kProfileHelp =
    R"(Features of made-up frames are computed as the verb features would compute them, and every group of operators is
timed: how long it takes a frame, what it has to do at least (GFLOP of products, GB from and to memory), and how much of
the machine's roofline it reaches. The roofline is measured in the same run: the rate of a matrix product and that of a
copy, whichever leaves a group more time. What is in no group (decoding, storing and the like are no part of this) is
the last row but one. On the CPU times are those of workers side by side, one thread each.

Examples:
  vega-extract profile --model Wan2.1-T2V-1.3B --frames 4
  vega-extract profile --model Wan2.1-T2V-1.3B --device cuda --batch 16 --frames 32 -o profile.json
  vega-extract profile --backbone siglip --model siglip-so400m-patch14-384

See also: features)";

double as_real(std::int64_t value) { return static_cast<double>(value); }

// Times and work of the timed frames, of all workers together.
struct Measured {
  std::vector<ProfileRow> rows;
  double wall = 0;    // seconds
  double busy = 0;    // seconds of the workers, all together
  double frames = 0;  // computed
};

// Bytes a second of a copy, reading and writing counted, best of several.
double copy_rate(at::Device device, std::int64_t bytes) {
  const c10::InferenceMode inference;
  const auto options = at::TensorOptions(device).dtype(at::kFloat);
  const at::Tensor from = at::rand({bytes / 4}, options), to = at::empty({bytes / 4}, options);
  double best = 0;
  for (int n = 0; n < 8; ++n) {
    check_stop();
    const auto start = Clock::now();
    to.copy_(from);
    synchronize(device);
    best = std::max(best, 2 * as_real(bytes) / seconds_since(start));
  }
  return best;
}

double copy_rate(const Recipe& recipe) {
  constexpr std::int64_t kOnCpu = 64 << 20, kOnDevice = 1 << 30;
  if (!recipe.device.is_cpu()) return copy_rate(recipe.device, kOnDevice);
  std::vector<double> rates(static_cast<std::size_t>(recipe.threads));
  parallel_for(
      rates.size(), recipe.threads, [&](std::size_t i) { rates[i] = copy_rate(at::kCPU, kOnCpu); },
      [] { at::set_num_threads(1); });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

// A backbone on made-up frames.
class Subject {
 public:
  explicit Subject(const Recipe& recipe)
      : recipe_(recipe), backbone_(make_backbone(recipe.backbone_options())) {
    backbone_->load();
    std::vector<std::size_t> taps(backbone_->taps().size());
    std::iota(taps.begin(), taps.end(), std::size_t{0});
    passes_ = backbone_->passes(taps);
    backbone_->begin(passes_.front());
    const std::int64_t side = recipe.device.is_cpu() ? 1 : recipe.batch;
    pixels_ = ready(2 * at::rand({side, 3, recipe.size.height, recipe.size.width}) - 1,
                    recipe.device.is_cpu() ? at::kFloat : backbone_->pixel_type());
    noise_ =
        ready(at::randn({side, std::max<std::int64_t>(1, backbone_->noise_size())}), at::kFloat);
  }

  const Backbone& backbone() const { return *backbone_; }
  std::size_t passes() const { return passes_.size(); }

  // One batch through the first pass: every other noise level takes what this one does.
  void compute() const {
    check_stop();
    const at::Tensor encoded = backbone_->encode(pixels_);
    backbone_->run(encoded, noise_);
  }

 private:
  // As a run hands them to the device.
  at::Tensor ready(const at::Tensor& values, at::ScalarType type) const {
    return empty_for_copies(values.sizes(), type, recipe_.device).copy_(values);
  }

  const Recipe& recipe_;
  std::unique_ptr<Backbone> backbone_;
  std::vector<std::vector<std::size_t>> passes_;
  at::Tensor pixels_, noise_;
};

void add_rows(std::vector<ProfileRow>& all, const std::vector<ProfileRow>& more) {
  for (const ProfileRow& row : more) {
    const auto at = std::find_if(all.begin(), all.end(), [&](const ProfileRow& one) {
      return std::string_view(one.group) == row.group;
    });
    if (at == all.end()) {
      all.push_back(row);
      continue;
    }
    at->calls += row.calls, at->seconds += row.seconds, at->work += row.work;
  }
}

// Every worker computes a frame that is not counted first: memory, plans and threads come up.
Measured on_cpu(const Subject& subject, std::int64_t frames, int workers) {
  Measured out;
  std::mutex mutex;
  const auto each = static_cast<std::size_t>(workers);
  parallel_for(
      each, workers, [&](std::size_t) { subject.compute(); }, [] { at::set_num_threads(1); });
  const auto start = Clock::now();
  parallel_for(
      each, workers,
      [&](std::size_t worker) {
        const c10::InferenceMode inference;
        const std::int64_t mine = frames / workers + (as_real(worker) < frames % workers ? 1 : 0);
        Profile profile(at::kCPU);
        const auto begun = Clock::now();
        for (std::int64_t n = 0; n < mine; ++n) subject.compute();
        const double busy = seconds_since(begun);
        const std::lock_guard lock(mutex);
        add_rows(out.rows, profile.rows());
        out.busy += busy, out.frames += as_real(mine);
      },
      [] { at::set_num_threads(1); });
  out.wall = seconds_since(start);
  return out;
}

Measured on_device(const Subject& subject, std::int64_t frames, const Recipe& recipe) {
  const c10::InferenceMode inference;
  subject.compute();
  synchronize(recipe.device);
  Measured out;
  Profile profile(recipe.device);
  const auto start = Clock::now();
  while (out.frames < as_real(frames)) subject.compute(), out.frames += as_real(recipe.batch);
  synchronize(recipe.device);
  out.wall = out.busy = seconds_since(start);
  out.rows = profile.rows();
  return out;
}

// A row as it is shown: of one frame, with all workers at it.
struct Shown {
  std::string group;
  double calls = 0, ms = 0, share = 0, gflop = 0, gb = 0;
  double roofline = std::nan("");  // share of it that was reached; nan: nothing to do
};

struct Rates {
  double flops = std::nan(""), bytes = std::nan("");  // a second, all workers together
};

Shown shown_of(std::string group, std::int64_t calls, double seconds, const OpWork& work,
               const Measured& all, double whole_ms, const Rates& rates) {
  Shown out;
  out.group = std::move(group);
  out.calls = as_real(calls) / all.frames;
  // Workers side by side: of the clock's time each has its part at once.
  out.ms = all.busy > 0 ? 1e3 * all.wall * (seconds / all.busy) / all.frames : 0;
  out.share = out.ms / whole_ms;
  out.gflop = work.flops / all.frames / 1e9;
  out.gb = work.bytes / all.frames / 1e9;
  const double least = std::max(1e12 * out.gflop / rates.flops, 1e12 * out.gb / rates.bytes);
  if (least > 0 && out.ms > 0) out.roofline = least / out.ms;
  return out;
}

std::vector<Shown> table_rows(const Measured& all, const Rates& rates) {
  const double whole = 1e3 * all.wall / all.frames;
  std::vector<Shown> out;
  OpWork work;
  double seconds = 0;
  for (const ProfileRow& row : all.rows) {
    out.push_back(shown_of(row.group, row.calls, row.seconds, row.work, all, whole, rates));
    work += row.work, seconds += row.seconds;
  }
  out.push_back(
      shown_of("in no group", 0, std::max(0.0, all.busy - seconds), {}, all, whole, rates));
  out.push_back(shown_of("a frame", 0, all.busy, work, all, whole, rates));
  return out;
}

std::string number(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

std::string text_of(const std::vector<Shown>& rows) {
  Table table({{"operators"},
               {"calls", Align::kRight},
               {"ms", Align::kRight},
               {"share", Align::kRight},
               {"GFLOP", Align::kRight},
               {"GB", Align::kRight},
               {"of the roofline", Align::kRight}});
  for (const Shown& row : rows) {
    if (row.group == rows.back().group) table.add_rule();
    table.add_row({row.group, row.calls > 0 ? number(row.calls, row.calls < 1 ? 2 : 0) : "",
                   number(row.ms, row.ms < 10 ? 2 : 1), number(100 * row.share, 1) + " %",
                   row.gflop > 0 ? number(row.gflop, 1) : "", row.gb > 0 ? number(row.gb, 2) : "",
                   std::isfinite(row.roofline) ? number(100 * row.roofline, 0) + " %" : ""});
  }
  return table.text();
}

Json known(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json json_of(const std::vector<Shown>& rows, const Recipe& recipe, const Measured& all,
             const Rates& rates) {
  std::vector<Json> list;
  for (const Shown& row : rows) {
    Json one{{"operators", row.group}, {"calls", row.calls}, {"ms", row.ms},
             {"share", row.share},     {"gflop", row.gflop}, {"gb", row.gb}};
    if (std::isfinite(row.roofline)) one.add("roofline", row.roofline);
    list.push_back(std::move(one));
  }
  return Json{{"schema", "vega.operators/1"},
              {"device", device_name(recipe.device)},
              {"dtype", name_of(recipe.compute)},
              {"size", to_string(recipe.size)},
              {"workers", recipe.device.is_cpu() ? recipe.threads : 1},
              {"batch", recipe.device.is_cpu() ? 1 : recipe.batch},
              {"frames", all.frames},
              {"product_flops_per_s", known(rates.flops)},
              {"copy_bytes_per_s", known(rates.bytes)},
              {"rows", std::move(list)}};
}

}  // namespace

RunResult run_profile(const ProfileOptions& options, const Context& context) {
  if (!backbone_entry(options.features.backbone).on_device)
    throw UsageError(explain("--backbone", "'" + options.features.backbone + "'",
                             "a backbone with weights, such as wan or siglip"));
  Recipe recipe = resolve(options.features);
  recipe.device = use_device(recipe.device);
  if (recipe.device.is_cpu())
    recipe.threads = static_cast<int>(std::min<std::int64_t>(recipe.threads, options.frames));
  else
    recipe.batch = std::min(recipe.batch, options.frames);
  const Subject subject(recipe);
  log_info("{} in {}: {} made-up frames of {}, {}", device_name(recipe.device),
           name_of(recipe.compute), options.frames, to_string(recipe.size),
           recipe.device.is_cpu() ? fmt::format("{} at a time, a thread each", recipe.threads)
                                  : fmt::format("{} a step", recipe.batch));
  if (subject.passes() > 1)
    log_info("one of the {} noise levels is timed: the others take as long", subject.passes());
  const Measured all = recipe.device.is_cpu() ? on_cpu(subject, options.frames, recipe.threads)
                                              : on_device(subject, options.frames, recipe);
  Rates rates;
  if (!options.no_roofline)
    rates = {measure_machine(recipe, subject.backbone(), ".").gemm, copy_rate(recipe)};
  const std::vector<Shown> rows = table_rows(all, rates);
  if (!options.out.empty()) {
    publish_file(options.out, json_of(rows, recipe, all, rates).dump(2) + "\n");
    context.manifest("profile", options.out);
    return {.done = 1};
  }
  std::string text = text_of(rows);
  if (!options.no_roofline)
    text += fmt::format(
        "\nRoofline: products {:.1f} GFLOP/s, copies {:.1f} GB/s, measured in this run.\n",
        rates.flops / 1e9, rates.bytes / 1e9);
  context.print(text);
  return {.done = 1};
}

Verb profile_verb() {
  return make_verb("profile", "where a backbone's time goes, by groups of operators", kProfileHelp,
                   run_profile);
}

}  // namespace vega::extract
