// A Qwen2 decoder with adapters in training beside transformers and peft, in one run: the same
// random weights, adapters and batch, gradient checkpointing and scaled_dot_product_attention on
// both sides, clipping and AdamW. Each side is a process of its own and they take turns, so that a
// busy machine slows both; medians are shown. Where other programs run, the clock says little: then
// compare the processor time. Memory is the process's, without its programs and weights: the most
// during the steps above what was resident before the first one.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "bench/arguments.h"
#include "bench/program.h"
#include "bench/qwen2_parts.h"
#include "bench/seconds.h"
#include "bench/side_process.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "models/qwen2/config_json.h"
#include "models/qwen2/train_decoder.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

namespace {

using namespace vega;
using namespace vega::bench;
namespace fs = std::filesystem;

constexpr const char* kUsage = R"(bench_train [OPTION VALUE]...
  --python PATH    an interpreter with torch, transformers and peft; absent: vega alone
  --shape NAME     sizes of the decoder: tiny or 0.5b (tiny)
  --dtype TYPE     of the frozen weights, fp32 or bf16; adapters are float32 (fp32)
  --tokens N       of the one sequence, each of which is a target (512)
  --targets N      only the last N tokens are targets (all)
  --rank N         of the adapters on all seven linears of a layer (64)
  --repeat N       steps after the first; medians are shown (3)
  --threads N      of both sides (all cores)
  --least R        exit code 1 where the other side's processor time is below R times vega's, or its memory (0)
)";

// The task of one side, which it gets as its command line.
struct Work {
  std::string folder, type = "float32";
  std::int64_t tokens = 512, targets = 0, rank = 64, threads = 0;

  std::vector<std::string> arguments() const {
    return {folder,
            type,
            std::to_string(tokens),
            std::to_string(targets),
            std::to_string(rank),
            std::to_string(threads)};
  }
};

struct Plan {
  std::string python;
  qwen2::Config shape;
  Work work;
  std::int64_t repeat = 3;
  double least = 0;
};

constexpr double kRate = 1e-3, kClip = 1.0;

// Answers each line on stdin with the seconds of a step, of processor time too, and its loss.
constexpr const char* kScript = R"(import json, sys, time
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import Qwen2ForCausalLM
folder, dtype = sys.argv[1], getattr(torch, sys.argv[2])
tokens, targets, rank, threads = map(int, sys.argv[3:7])
torch.set_num_threads(threads)
model = Qwen2ForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=16, lora_dropout=0.0, target_modules=names, task_type="CAUSAL_LM"))
start = load_file(folder + "/adapter.safetensors")
for name, parameter in model.named_parameters():
    if "lora_" in name:
        parameter.data.copy_(start[name.removeprefix("base_model.model.").replace(".default", "")])
model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
model.enable_input_require_grads()
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
sum(float(p.detach().sum()) for p in model.parameters())  # the mapped file becomes resident
optimiser = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0, fused=True)
vocab = model.config.vocab_size
ids = torch.tensor([[7919 * i % 151000 % vocab for i in range(tokens)]])
labels = ids.clone()
labels[:, : tokens - targets] = -100
print("ready", flush=True)
for line in sys.stdin:
    wall, busy = time.perf_counter(), time.process_time()
    loss = model(input_ids=ids, labels=labels, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimiser.step()
    optimiser.zero_grad()
    print(json.dumps([time.perf_counter() - wall, time.process_time() - busy, float(loss.detach())]), flush=True)
)";

std::vector<std::int64_t> ids_of(const Work& work, const qwen2::Config& config) {
  std::vector<std::int64_t> ids = prompt_ids(work.tokens);
  for (std::int64_t& id : ids) id %= config.vocab;
  return ids;
}

// ------------------------------------------------------------------------------- vega's side

class VegaSide {
 public:
  explicit VegaSide(const Work& work)
      : config_(qwen2::config_from_json(fs::path(work.folder) / "config.json")),
        ids_(ids_of(work, config_)) {
    const fs::path folder = work.folder;
    take(folder / "model.safetensors", work.type == "float32" ? at::kFloat : at::kBFloat16, false);
    take(folder / "adapter.safetensors", at::kFloat, true);
    qwen2::TrainDecoderOptions options;
    options.dtype = work.type == "float32" ? at::kFloat : at::kBFloat16;
    options.lora = LoraConfig{work.rank, 16, 0};
    decoder_.emplace(config_, weights_, "model.", "lm_head.weight", options);
    weight_ = at::zeros({work.tokens - 1});
    const std::int64_t count = std::min(work.targets, work.tokens - 1);
    weight_.narrow(0, work.tokens - 1 - count, count).fill_(1.0 / static_cast<double>(count));
    target_ = at::tensor(std::vector<std::int64_t>(ids_.begin() + 1, ids_.end()), at::kLong);
  }

  double step() {
    const std::int64_t length = static_cast<std::int64_t>(ids_.size());
    const at::Tensor hidden =
        decoder_->forward(decoder_->embed(ids_), at::arange(length), {length, {}});
    const at::Tensor loss = decoder_->loss(hidden.narrow(0, 0, length - 1), target_, weight_).sum;
    loss.backward();
    update();
    return loss.item<double>();
  }

 private:
  // Tensors of a file, each a copy: the file's pages go.
  void take(const fs::path& path, at::ScalarType type, bool trained) {
    const TensorSet set = read_safetensors(path);
    for (const auto& [name, view] : set.tensors()) {
      at::Tensor value = tensor_from(view).to(type, false, /*copy=*/true);
      weights_[name] = value.set_requires_grad(trained);
      if (!trained) continue;
      trained_.push_back(value);
      first_.push_back(at::zeros_like(value.detach()));
      second_.push_back(at::zeros_like(value.detach()));
      count_.push_back(at::zeros({}));
    }
  }

  void update() {
    const c10::AutoGradMode off(false);
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& value : trained_) gradients.push_back(value.grad());
    const at::Tensor norm = at::stack(at::_foreach_norm(gradients)).norm();
    at::_foreach_mul_(gradients, std::min(1.0, kClip / (norm.item<double>() + 1e-6)));
    at::_foreach_add_(count_, 1);
    at::_fused_adamw_(trained_, gradients, first_, second_, {}, count_, kRate, 0.9, 0.999, 0, 1e-8,
                      false, false);
    for (at::Tensor& value : trained_) value.mutable_grad().reset();
  }

  qwen2::Config config_;
  WeightTable weights_;
  std::optional<qwen2::TrainDecoder> decoder_;
  std::vector<std::int64_t> ids_;
  at::Tensor target_, weight_;
  std::vector<at::Tensor> trained_, first_, second_, count_;
};

int run_side(char** argv) {
  const Work work{argv[0],
                  argv[1],
                  std::stoll(argv[2]),
                  std::stoll(argv[3]),
                  std::stoll(argv[4]),
                  std::stoll(argv[5])};
  keep_freed_memory();
  at::set_num_threads(static_cast<int>(work.threads));
  VegaSide side(work);
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const Seconds start = now();
    const double loss = side.step();
    const Seconds seconds = now() - start;
    fmt::print("[{}, {}, {}]\n", seconds.wall, seconds.cpu, loss);
    std::fflush(stdout);
  }
  return 0;
}

// ------------------------------------------------------------------------------- the comparison

void write_adapter(const fs::path& path, const Plan& plan) {
  const auto targets = qwen2::lora_targets(plan.shape);
  const LoraConfig config{plan.work.rank, 16, 0};
  const Parameters start = initial_lora(targets, config, 42);
  std::vector<TensorSpec> specs;
  for (const auto& spec : lora_specs(targets, config))
    specs.push_back({spec.name, DType::kF32, spec.shape});
  SafetensorsWriter writer(path, specs, {});
  for (const auto& [name, value] : start) write_values(writer, name, value, at::kFloat);
  writer.publish();
}

struct Side {
  std::string name;
  std::vector<Seconds> steps;
  std::vector<double> losses;
  std::int64_t before = 0, most = 0;
  double memory() const { return static_cast<double>(most - before); }
};

void step(SideProcess& process, Side& side, bool counts) {
  const Json answer = process.order("step");
  side.losses.push_back(answer[2].number().value_or(0));
  if (counts)
    side.steps.push_back({answer[0].number().value_or(0), answer[1].number().value_or(0)});
  side.most = process.peak();
}

void print_side(const Side& side, const Plan& plan) {
  const Seconds s = median(side.steps);
  fmt::print(
      "  {:20} step {:7.2f} s ({:7.2f} s of processor time, {:6.1f} tokens/s), "
      "{:7.1f} MiB above {:7.1f} MiB; losses",
      side.name, s.wall, s.cpu, static_cast<double>(plan.work.tokens) / s.wall,
      side.memory() / 0x1p20, static_cast<double>(side.before) / 0x1p20);
  for (const double loss : side.losses) fmt::print(" {:.5f}", loss);
  fmt::print("\n");
}

bool measure(Plan plan, const fs::path& folder) {
  const auto type = plan.work.type == "float32" ? at::kFloat : at::kBFloat16;
  write_checkpoint(folder, plan.shape, type);
  write_adapter(folder / "adapter.safetensors", plan);
  plan.work.folder = folder.string();
  std::vector<std::string> command{fs::read_symlink("/proc/self/exe").string(), "side"};
  const std::vector<std::string> arguments = plan.work.arguments();
  command.insert(command.end(), arguments.begin(), arguments.end());
  SideProcess vega("vega", command);
  std::optional<SideProcess> other;
  if (!plan.python.empty()) {
    std::ofstream(folder / "side.py") << kScript;
    command = {plan.python, (folder / "side.py").string()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    other.emplace("transformers", command);
  }
  Side ours{"vega", {}, {}}, theirs{"transformers + peft", {}, {}};
  const auto begin = [](SideProcess& process, Side& side) {
    process.restart_peak();
    side.before = process.resident();
  };
  begin(vega, ours);
  if (other) begin(*other, theirs);
  for (std::int64_t n = 0; n <= plan.repeat; ++n) {
    step(vega, ours, n > 0);
    if (other) step(*other, theirs, n > 0);
  }
  fmt::print(
      "{}: {} layers of width {}, {} tokens, {} of them targets, rank {}, {} threads, "
      "median of {}\n",
      plan.work.type, plan.shape.layers, plan.shape.hidden, plan.work.tokens, plan.work.targets,
      plan.work.rank, plan.work.threads, plan.repeat);
  print_side(ours, plan);
  if (!other) return true;
  print_side(theirs, plan);
  const Seconds a = median(ours.steps), b = median(theirs.steps);
  const double memory = theirs.memory() / ours.memory();
  fmt::print(
      "  transformers / vega: {:.2f} on the clock, {:.2f} of processor time, {:.2f} of memory\n",
      b.wall / a.wall, b.cpu / a.cpu, memory);
  return b.cpu / a.cpu >= plan.least && memory >= plan.least;
}

qwen2::Config tiny() {
  qwen2::Config c = half_b();
  c.hidden = 256;
  c.layers = 4;
  c.heads = 4;
  c.mlp = 704;
  c.vocab = 4096;
  return c;
}

std::optional<Plan> parse(int argc, char** argv) {
  Plan plan{.python = {}, .shape = tiny(), .work = {}};
  const Arguments arguments("bench_train");
  const bool run =
      arguments.each(argc, argv, [&](const std::string& name, const std::string& text) {
        const auto whole = [&](std::int64_t& to, std::int64_t low, std::int64_t high) {
          return arguments.take(name, text, low, high, to);
        };
        if (name == "--python") return plan.python = text, true;
        if (name == "--tokens") return whole(plan.work.tokens, 2, 32768);
        if (name == "--targets") return whole(plan.work.targets, 1, 32768);
        if (name == "--rank") return whole(plan.work.rank, 1, 1024);
        if (name == "--repeat") return whole(plan.repeat, 1, 99);
        if (name == "--threads") return whole(plan.work.threads, 1, 1024);
        if (name == "--least") return plan.least = arguments.real(name, text), true;
        if (name == "--shape") {
          if (text != "tiny" && text != "0.5b")
            arguments.refuse(name, "'" + text + "'", "tiny or 0.5b");
          plan.shape = text == "tiny" ? tiny() : half_b();
          return true;
        }
        if (name != "--dtype") return false;
        if (text != "fp32" && text != "bf16")
          arguments.refuse(name, "'" + text + "'", "fp32 or bf16");
        plan.work.type = text == "fp32" ? "float32" : "bfloat16";
        return true;
      });
  if (!run) return std::nullopt;
  if (plan.work.targets == 0) plan.work.targets = plan.work.tokens;
  if (plan.work.threads == 0) plan.work.threads = at::get_num_threads();
  return plan;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 8 && std::string(argv[1]) == "side") return run_side(argv + 2);
  return run_in_folder("bench_train", [&](const fs::path& folder) {
    const std::optional<Plan> plan = parse(argc, argv);
    if (!plan) return fmt::print("{}", kUsage), 0;
    return measure(*plan, folder) ? 0 : 1;
  });
}
