// `vega-train plan`: the verb, its table and its JSON.
#include <fmt/core.h>

#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/text.h"
#include "core/device.h"
#include "core/dtype.h"
#include "train/plan.h"

namespace vega::train {
namespace {

constexpr auto kPlanHelp =
    R"(Says what vega-train run with the same options would do, before any weight or feature is read: what trains, how many
steps and samples, memory, time, disk. Weights are looked at by their headers, annotations are read. A checkpoint
without weights, config.json and tokeniser alone, is taken as what its configuration says, and --frames stands for the
files of scenes. Memory is what LibTorch's allocator gives out on the device, which a run writes into metrics.jsonl
("memory"). The time is that of one layer of the decoder, of projectors, logits and AdamW, which run for a few seconds
with made-up weights of the model's widths; --speed states the machine's speed instead, and --device cuda needs no GPU
then. A run says after a few steps what it really takes.

Examples:
  vega-train plan --checkpoint vlm --data mixture.json --scenes scenes --semantic features/siglip --features features/wan -o run
  vega-train plan --preset full --checkpoint LLaVA-Video-7B-Qwen2 --data mixture.yaml --scenes scenes --semantic features/siglip \
      --features features/wan -o run --format json --speed 400
  vega-train plan --preset full --checkpoint configuration --data mixture.json --frames 32 --device cuda --speed 400 \
      --ranks 8 --zero 3 -o run

See also: vega-train run; docs/training.md)";

constexpr double kTera = 1e12;

// 1,234,567.
std::string number_text(double value) {
  std::string digits = fmt::format("{:.0f}", value), out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

class PlanTable {
 public:
  PlanTable() : table_({{"what"}, {"amount", Align::kRight}, {"note"}}) {}

  void section(const std::string& title) { table_.add_section(title); }
  void row(const std::string& what, const std::string& amount, const std::string& note = "") {
    table_.add_row({what, amount, note});
  }
  void bytes(const std::string& what, double amount, const std::string& note = "") {
    if (amount > 0) row(what, bytes_text(amount), note);
  }
  const Table& table() const { return table_; }

 private:
  Table table_;
};

std::string left_out_text(const EntryCount& entry) {
  std::string out;
  const auto add = [&out](std::int64_t count, const char* what) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, what);
  };
  add(entry.too_long, "too long, left out");
  add(entry.cut, "too long, cut");
  add(entry.bad, "bad");
  add(entry.no_object, "without their object");
  add(entry.no_scene, "without their scene");
  return out;
}

void add_parts(PlanTable& out, const RunPlan& plan) {
  out.section("what trains");
  double all = 0;
  for (const PartCount& one : plan.parts) {
    all += static_cast<double>(one.numbers);
    out.row(vlm::name_of(one.part), number_text(static_cast<double>(one.numbers)),
            fmt::format("{}, rate {:g}", plural(static_cast<std::size_t>(one.tensors), "tensor"),
                        one.rate));
  }
  out.row("all", number_text(all), "numbers");
}

void add_data(PlanTable& out, const TrainSetup& setup, const RunPlan& plan) {
  out.section("data and steps");
  for (const EntryCount& entry : setup.data.entries)
    out.row(std::string(name_in<tasks::Task>(tasks::kTrainedTasks, entry.entry.task)) + " " +
                entry.entry.annotations.filename().string(),
            number_text(static_cast<double>(entry.samples)),
            fmt::format("of {}; {} targets{}{}", number_text(static_cast<double>(entry.taken)),
                        number_text(static_cast<double>(entry.targets)),
                        left_out_text(entry).empty() ? "" : "; ", left_out_text(entry)));
  out.row("scenes", number_text(static_cast<double>(setup.data.scenes.size())));
  out.row("steps", number_text(static_cast<double>(setup.plan.steps)),
          fmt::format("{} an epoch, {} of warm-up",
                      number_text(static_cast<double>(setup.plan.per_epoch)),
                      number_text(static_cast<double>(plan.warmup))));
  out.row("tokens", number_text(plan.tokens),
          fmt::format("in {} passes of the decoder", number_text(plan.passes)));
}

void add_memory(PlanTable& out, const TrainSetup& setup, const RunPlan& plan) {
  const MemoryPlan& m = plan.memory;
  const int ranks = setup.recipe.ranks, zero = ranks > 1 ? setup.recipe.zero : 0;
  out.section(fmt::format("memory of {}{}",
                          ranks > 1 ? fmt::format("each of {} ranks, ", ranks) : std::string(),
                          plan.measured ? device_name(setup.recipe.model.placement.device)
                                        : setup.recipe.model.placement.device.str()));
  out.bytes("frozen weights", m.frozen, std::string(name_of(setup.recipe.dtype)));
  out.bytes("masters", m.masters,
            zero > 2 ? "float32; of the decoder's layers its part" : "float32");
  out.bytes("gradients", m.gradients,
            zero > 1 ? "float32, its part and those of a scene" : "float32");
  out.bytes("moments", m.moments,
            zero > 0 ? "float32, two of AdamW, its part" : "float32, two of AdamW");
  out.bytes("compute copies", m.copies, "of masters, while a pass runs");
  out.bytes("new parts", m.added, "their initial values, which the base holds");
  out.bytes("scenes", m.scenes, "inputs that are kept or read ahead");
  out.bytes(
      "largest pass", m.pass.peak,
      fmt::format("{}; {} {}", plan.recompute ? "with recomputation" : "without recomputation",
                  plan.recompute ? "without it" : "with it", bytes_text(m.otherwise)));
  out.bytes("  of the scene", m.pass.visual, "tokens, features, their graph");
  out.bytes("  inputs of layers", m.pass.inputs);
  out.bytes("  layers", m.pass.layer, plan.recompute ? "one at a time" : "all of them");
  out.bytes("  logits", m.pass.logits, "a block of rows; not at the same time as layers");
  out.bytes("  lent layers", m.lent, "that other ranks keep; two at a time");
  out.bytes("  vision tower", m.pass.tower,
            setup.planned.pictures ? "what Wan needs, before the decoder"
                                   : "its layers' inputs, and one layer behind the decoder");
  out.bytes("norm of a gradient", m.update,
            "of the largest tensor; not at the same time as passes");
  out.bytes("buckets", m.exchange, "that ranks send; not at the same time as passes");
  out.row("at most", bytes_text(m.total()), "what metrics.jsonl calls memory");
  if (m.mapped > 0)
    out.bytes("beside it", m.mapped, "frozen weights in mapped files, which is not counted");
}

void add_cost(PlanTable& out, const RunPlan& plan, const TrainSetup& setup) {
  out.section("time and disk");
  const char* how = plan.measured ? "speed measured on this machine" : "at the stated speed";
  out.row("a step", duration_text(plan.step_seconds), how);
  out.row("all steps", duration_text(plan.seconds),
          setup.recipe.ranks > 1 ? "without validation, and without what ranks send"
                                 : "without validation");
  out.bytes("a checkpoint", plan.checkpoint_bytes,
            fmt::format("every {} steps", setup.recipe.save_every));
  out.bytes("checkpoints", plan.disk_bytes, "the last ones, the best, the one being written");
}

// The one in the middle by its tokens, of some steps.
PassSize usual_pass(const TrainSetup& setup) {
  constexpr std::int64_t kLooked = 50;
  Sampler sampler = setup.sampler();
  std::vector<PassSize> all;
  const std::int64_t steps = setup.plan.steps, count = std::min(steps, kLooked);
  // From the end: the first steps may see no visual tokens.
  for (std::int64_t i = 0; i < count; ++i)
    for (const PlannedPass& pass : passes_of_step(setup, sampler, steps - 1 - i))
      all.push_back(pass.size);
  const auto middle = all.begin() + std::ssize(all) / 2;
  std::ranges::nth_element(all, middle, {}, &PassSize::tokens);
  return *middle;
}

}  // namespace

void PlanVerb::visit(OptionVisitor& v) {
  TrainVerb::visit(v);
  v.group("Plan");
  v.choice("--format", format, kTableFormats, "of the plan on stdout");
  v.real("--speed", speed, "TFLOPS", {0, 1e6},
         "matrix products of the machine in 10^12 operations a second, for the time; 0: measured");
  v.integer("--ranks", ranks, "N", {1, 1 << 20}, "processes that share each step");
  v.integer("--frames", assumed_frames, "N", {0, 1 << 20},
            "plan as if each scene had N frames, and look for no file of a scene; 0: look");
}

std::string plan_text(const TrainSetup& setup, const RunPlan& plan, TableFormat format) {
  if (format == TableFormat::kJson) return to_json(setup, plan).dump(2) + "\n";
  PlanTable out;
  add_parts(out, plan);
  add_data(out, setup, plan);
  add_memory(out, setup, plan);
  add_cost(out, plan, setup);
  return out.table().write(format);
}

Json to_json(const TrainSetup& setup, const RunPlan& plan) {
  const MemoryPlan& m = plan.memory;
  Json parts = Json::object(), entries = Json::list();
  for (const PartCount& one : plan.parts)
    parts.add(vlm::name_of(one.part),
              {{"tensors", one.tensors}, {"numbers", one.numbers}, {"rate", one.rate}});
  for (const EntryCount& one : setup.data.entries)
    entries.push({{"task", name_in<tasks::Task>(tasks::kTrainedTasks, one.entry.task)},
                  {"annotations", one.entry.annotations.string()},
                  {"taken", one.taken},
                  {"samples", one.samples},
                  {"targets", one.targets},
                  {"too_long", one.too_long},
                  {"cut", one.cut},
                  {"bad", one.bad},
                  {"no_object", one.no_object},
                  {"no_scene", one.no_scene}});
  return {{"schema", "vega.plan/1"},
          {"ranks", setup.recipe.ranks},
          {"zero", setup.recipe.zero},
          {"parts", parts},
          {"entries", entries},
          {"scenes", setup.data.scenes.size()},
          {"steps",
           {{"all", setup.plan.steps},
            {"epoch", setup.plan.per_epoch},
            {"warmup", plan.warmup},
            {"passes", plan.passes},
            {"tokens", plan.tokens}}},
          {"memory",
           {{"frozen", m.frozen},
            {"mapped", m.mapped},
            {"masters", m.masters},
            {"gradients", m.gradients},
            {"moments", m.moments},
            {"copies", m.copies},
            {"new_parts", m.added},
            {"scenes", m.scenes},
            {"update", m.update},
            {"exchange", m.exchange},
            {"lent", m.lent},
            {"pass",
             {{"scene", m.pass.visual},
              {"inputs", m.pass.inputs},
              {"layers", m.pass.layer},
              {"logits", m.pass.logits},
              {"tower", m.pass.tower},
              {"peak", m.pass.peak}}},
            {"pass_otherwise", m.otherwise},
            {"total", m.total()}}},
          {"seconds", {{"step", plan.step_seconds}, {"all", plan.seconds}}},
          {"speed_measured", plan.measured},
          {"disk", {{"checkpoint", plan.checkpoint_bytes}, {"all", plan.disk_bytes}}}};
}

RunResult run_plan(const PlanVerb& options, const Context& context, const VideoAccess& videos) {
  const bool measured = options.speed <= 0;
  TrainSetup setup(options, measured ? Purpose::kPlan : Purpose::kPlanUnmeasured, videos);
  setup.recipe.ranks = static_cast<int>(options.ranks);
  at::set_num_threads(setup.recipe.threads);
  const ModelSize model = model_size(setup.planned, setup.recipe.model);
  const StepSpeed speed = measured ? measure_speed(model, setup.planned.modules, usual_pass(setup),
                                                   setup.recipe.model.placement)
                                   : stated_speed(model, options.speed * kTera);
  RunPlan plan = planned_run(setup, speed);
  plan.measured = measured;
  context.print(plan_text(setup, plan, options.format));
  return {};
}

Verb plan_verb(VideoAccess videos) {
  const auto options = std::make_shared<PlanVerb>();
  return {"plan", "memory, time, steps and disk of a run, before it", kPlanHelp,
          [options](OptionVisitor& v) { options->visit(v); },
          [options, videos = std::move(videos)](const Context& context) {
            return run_plan(*options, context, videos).exit_code;
          }};
}

}  // namespace vega::train
