// Questions about one scene, answered the released way (one at a time, each of which reads the
// whole scene again) and by vega (the scene is read once, answers grow as a batch), in one run: a
// made-up LLaVA-Video checkpoint with the decoder of Qwen2-0.5B's shapes, 32 frames of made-up
// features, 6,720 visual tokens. The released way does the same for every question, so that it is
// timed on a few and multiplied. Where other programs run, compare the processor time.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/memory.h"
#include "base/philox.h"
#include "base/publish.h"
#include "bench/arguments.h"
#include "bench/program.h"
#include "bench/qwen2_parts.h"
#include "bench/seconds.h"
#include "core/device.h"
#include "core/dtype.h"
#include "models/qwen2/names.h"
#include "synth/model.h"
#include "vlm/questions.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

namespace {

using namespace vega;
using namespace vega::bench;
namespace fs = std::filesystem;

constexpr const char* kUsage = R"(bench_answers [OPTION VALUE]...
  --dtype TYPE       fp32 or bf16 (fp32)
  --frames N         of the scene, 210 visual tokens each (32)
  --layers N         of the 24 (24)
  --new N            tokens of an answer (16)
  --most N           questions: of 1, 5, 20, 100 those up to N (100)
  --released N       questions that the released way is timed on (1)
  --threads N        of both sides (all cores)
)";

struct Plan {
  at::ScalarType type = at::kFloat;
  std::int64_t frames = 32, layers = 24, fresh = 16, most = 100, released = 1, threads = 0;
};

// The tiny checkpoint with another decoder: its tower and tokeniser stay.
void write_checkpoint(const fs::path& folder, const Plan& plan) {
  const fs::path tiny = folder / "tiny", out = folder / "model";
  synth::ModelOptions options;
  options.folder = tiny;
  options.preset = "vlm-tiny-video";
  options.progress = ProgressMode::kOff;
  synth::write_model(options);
  fs::create_directories(out);
  fs::copy_file(tiny / "tokenizer.json", out / "tokenizer.json");
  qwen2::Config c = half_b();
  c.layers = plan.layers;
  Json config = read_json(tiny / "config.json", "config.json");
  const std::int64_t words = config["vocab_size"].whole().value_or(0);
  config.set("hidden_size", c.hidden);
  config.set("intermediate_size", c.mlp);
  config.set("num_hidden_layers", c.layers);
  config.set("num_attention_heads", c.heads);
  config.set("num_key_value_heads", c.kv_heads);
  config.set("vocab_size", c.vocab);
  publish_file(out / "config.json", config.dump(1));

  const TensorSet old = read_sharded(tiny, "model");
  const DType type = dtype_of(plan.type);
  std::vector<TensorSpec> specs;
  for (const auto& row : qwen2::decoder_tensors(c))
    specs.push_back({"model." + row.canonical, type, row.shape});
  specs.push_back({"lm_head.weight", type, {c.vocab, c.hidden}});
  const std::size_t decoder = specs.size();
  for (const auto& [name, view] : old.tensors()) {
    Shape shape = view.shape;
    if (name == vlm::kNewlineName || name.find("mm_projector") != name.npos) {
      for (std::size_t i = 0; i < shape.size(); ++i)
        if (i == 0 || name.find("2.weight") != name.npos) shape[i] = c.hidden;
    } else if (name.find("vision_tower") == name.npos) {
      continue;
    }
    specs.push_back({name, name.find("vision_tower") == name.npos ? type : view.dtype, shape});
  }
  SafetensorsWriter writer(out / "model.safetensors", specs, {{"format", "pt"}});
  for (std::size_t n = 0; n < specs.size(); ++n) {
    const TensorSpec& spec = specs[n];
    if (n >= decoder && spec.name.find("vision_tower") != spec.name.npos) {
      const TensorView& view = old.at(spec.name);
      writer.write(spec.name, {view.data, view.bytes()});
      continue;
    }
    at::Tensor values = made_up(spec.name, spec.shape);
    // Ids without a token are never the likeliest: their logits are 0.
    if (spec.name == "lm_head.weight") values.slice(0, words).zero_();
    write_values(writer, spec.name, values, plan.type);
  }
  writer.publish();
}

vlm::SceneInput scene_input(const Plan& plan, std::int64_t width) {
  vlm::SceneInput in;
  in.key = "made-up";
  in.semantic = at::empty({plan.frames, 729, width}, at::kFloat);
  uniform_tensor(
      2, "features", 0, 1, 0,
      {in.semantic.mutable_data_ptr<float>(), static_cast<std::size_t>(in.semantic.numel())});
  return in;
}

std::vector<vlm::Ask> questions(std::int64_t count) {
  constexpr const char* kWords[] = {"chair", "lamp", "table", "door", "box"};
  std::vector<vlm::Ask> out;
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(
        {vlm::task_turn(tasks::Task::kScanQa,
                        {.question = fmt::format("What is left of {} {}?", kWords[i % 5], i)})});
  return out;
}

struct Run {
  Seconds seconds;
  std::vector<std::string> texts;
};

// A scene is seen anew and its questions are answered.
Run answer(const vlm::Vlm& model, const Plan& plan, const vlm::SceneInput& input,
           std::int64_t count, bool share) {
  qwen2::GenerationConfig config;
  config.max_new_tokens = plan.fresh;
  const auto asks = questions(count);
  Run out;
  out.texts.resize(asks.size());
  const Seconds start = now();
  vlm::VisualScene scene = model.see(input);
  vlm::answer_all(
      model, scene, asks, config, {.share_prefix = share},
      [&](std::size_t i, vlm::Reply&& reply) { out.texts[i] = reply.text; },
      [](std::size_t, const std::exception& error) { throw InputError(error.what()); });
  out.seconds = now() - start;
  return out;
}

void measure(const Plan& plan, const fs::path& folder) {
  write_checkpoint(folder, plan);
  vlm::VlmOptions options;
  options.placement.dtype = plan.type;
  const vlm::Vlm model(vlm::open_checkpoint(folder / "model"), options);
  const vlm::SceneInput input = scene_input(plan, model.checkpoint().modules.semantic->in);
  {  // what happens once in a process is not timed
    Plan small = plan;
    small.frames = small.fresh = 1;
    answer(model, small, scene_input(small, model.checkpoint().modules.semantic->in), 1, true);
  }
  const std::size_t tokens =
      model.prompts().evaluation({questions(1).front().turn.user, {}}).ids.size();
  fmt::print(
      "{}, {}: {} visual tokens, {} tokens of text a question, {} of an answer, {} layers of "
      "Qwen2-0.5B's shapes, {} threads\n",
      device_name(at::kCPU), plan.type == at::kFloat ? "fp32" : "bf16", plan.frames * 210, tokens,
      plan.fresh, plan.layers, plan.threads);
  const Run released = answer(model, plan, input, plan.released, false);
  const double each = released.seconds.wall / static_cast<double>(plan.released),
               each_cpu = released.seconds.cpu / static_cast<double>(plan.released);
  fmt::print("released way: {:.1f} s a question ({:.1f} s of processor time), timed on {}\n\n",
             each, each_cpu, plan.released);
  fmt::print(
      "| questions a scene | released, s | vega, s | questions/hour | factor | factor of "
      "processor time |\n|---|---|---|---|---|---|\n");
  for (const std::int64_t count : {1, 5, 20, 100}) {
    if (count > plan.most) break;
    const Run ours = answer(model, plan, input, count, true);
    const auto all = static_cast<double>(count);
    fmt::print("| {} | {:.0f} | {:.1f} | {:.0f} | {:.1f} | {:.1f} |\n", count, all * each,
               ours.seconds.wall, 3600 * all / ours.seconds.wall, all * each / ours.seconds.wall,
               all * each_cpu / ours.seconds.cpu);
    std::fflush(stdout);
    for (std::size_t i = 0; i < std::min(ours.texts.size(), released.texts.size()); ++i)
      if (ours.texts[i] != released.texts[i])
        fmt::print("question {} has another answer than the released way's\n", i);
  }
}

// Nothing where the usage was asked for.
std::optional<Plan> parse(int argc, char** argv) {
  const Arguments arguments("bench_answers");
  Plan plan;
  const bool run =
      arguments.each(argc, argv, [&](const std::string& name, const std::string& text) {
        const auto whole = [&](std::int64_t& to, std::int64_t low, std::int64_t high) {
          return arguments.take(name, text, low, high, to);
        };
        if (name == "--frames") return whole(plan.frames, 1, 128);
        if (name == "--layers") return whole(plan.layers, 1, 24);
        if (name == "--new") return whole(plan.fresh, 1, 4096);
        if (name == "--most") return whole(plan.most, 1, 100);
        if (name == "--released") return whole(plan.released, 1, 100);
        if (name == "--threads") return whole(plan.threads, 1, 1024);
        if (name != "--dtype") return false;
        if (text == "bf16")
          plan.type = at::kBFloat16;
        else if (text != "fp32")
          arguments.refuse(name, "'" + text + "'", "fp32 or bf16");
        return true;
      });
  if (!run) return std::nullopt;
  if (plan.threads == 0) plan.threads = at::get_num_threads();
  return plan;
}

}  // namespace

int main(int argc, char** argv) {
  return run_in_folder("bench_answers", [&](const fs::path& folder) {
    const std::optional<Plan> plan = parse(argc, argv);
    if (!plan) return fmt::print("{}", kUsage), 0;
    keep_freed_memory();
    at::set_num_threads(static_cast<int>(plan->threads));
    measure(*plan, folder);
    return 0;
  });
}
