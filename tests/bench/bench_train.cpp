// A Qwen2 decoder with adapters in training beside transformers and peft, in one run: the same
// random weights, adapters and batch, gradient checkpointing and scaled_dot_product_attention on
// both sides, clipping and AdamW. Each side is a process of its own and they take turns, so that a
// busy machine slows both; medians are shown. On the CPU, where other programs run, the clock says
// little: then compare the processor time. Memory there is the process's, without its programs and
// weights: the most during the steps above what was resident before the first one. On a GPU the
// clock counts, and memory is what the allocator held. The losses of both sides must agree.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "bench/arguments.h"
#include "bench/program.h"
#include "bench/qwen2_parts.h"
#include "bench/seconds.h"
#include "bench/side_process.h"
#include "bench/train_script.h"
#include "bench/train_side.h"
#include "core/device.h"
#include "core/dtype.h"
#include "models/qwen2/train_decoder.h"
#include "weights/safetensors_writer.h"

namespace {

using namespace vega;
using namespace vega::bench;
namespace fs = std::filesystem;

constexpr const char* kUsage = R"(bench_train [OPTION VALUE]...
  --python PATH    an interpreter with torch, transformers and peft; absent: vega alone
  --device NAME    cpu or cuda (cpu). Without a GPU the tiny shape goes through the same code on the CPU, and exit
                   code 77 says that nothing was measured on a GPU
  --shape NAME     sizes of the decoder: tiny, 0.5b or 7b; 7b on cuda only, some 50 GB for both sides (tiny)
  --dtype TYPE     of the frozen weights, fp32 or bf16; adapters are float32 (fp32)
  --tokens N       of the one sequence, each of which is a target (512)
  --targets N      only the last N tokens are targets (all)
  --rank N         of the adapters on all seven linears of a layer (64)
  --repeat N       steps after the first; medians are shown (3)
  --threads N      of both sides (all cores)
  --least R        exit code 1 where vega's step is less than R times as fast as the other side's: on cuda by the clock,
                   on the CPU by processor time; 77 without --python (0)
  --least-memory R likewise of memory (0)
)";

struct Plan {
  std::string python;
  qwen2::Config shape;
  Work work;
  std::int64_t repeat = 3;
  double least = 0, least_memory = 0;
  std::string no_gpu;  // why a GPU that was asked for is not there
};

// Of the losses of one step on both sides, relative: sums of some thousand products in another
// order in float32, and of rounded ones in bfloat16 (8 bits: half of the last one is 2e-3, of
// which the mean over the tokens keeps little).
constexpr double kLossFloat = 1e-4, kLossBFloat16 = 1e-2;
constexpr int kSkipped = 77;

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
  double memory(bool whole) const { return static_cast<double>(whole ? most : most - before); }
};

void step(SideProcess& process, Side& side, bool counts) {
  const Json answer = process.order("step");
  side.losses.push_back(answer[2].number().value_or(0));
  if (counts)
    side.steps.push_back({answer[0].number().value_or(0), answer[1].number().value_or(0)});
  const std::int64_t most = answer[3].whole().value_or(-1);
  side.most = most < 0 ? process.peak() : std::max(side.most, most);
  if (most >= 0) side.before = answer[4].whole().value_or(0);
}

void print_side(const Side& side, const Plan& plan) {
  const Seconds s = median(side.steps);
  fmt::print(
      "  {:20} step {:7.3f} s ({:7.2f} s of processor time, {:6.1f} tokens/s), "
      "{:7.1f} MiB above {:7.1f} MiB; losses",
      side.name, s.wall, s.cpu, static_cast<double>(plan.work.tokens) / s.wall,
      side.memory(false) / 0x1p20, static_cast<double>(side.before) / 0x1p20);
  for (const double loss : side.losses) fmt::print(" {:.5f}", loss);
  fmt::print("\n");
}

// Whether both sides train the same: as many values, and equal losses. Says what differs.
bool same_work(SideProcess& vega, SideProcess& other) {
  const Json mine = vega.order("facts"), theirs = other.order("facts");
  bool same = true;
  for (const char* name : {"trained", "frozen"}) {
    if (mine[name] == theirs[name]) continue;
    fmt::print("  {} values: {} of vega, {} of the other side\n", name, mine[name].dump(),
               theirs[name].dump());
    same = false;
  }
  if (theirs["attention"].text_or("") != "sdpa" ||
      !theirs["checkpointing"].flag().value_or(false)) {
    fmt::print("  the other side has attention {} and gradient checkpointing {}\n",
               theirs["attention"].dump(), theirs["checkpointing"].dump());
    same = false;
  }
  return same;
}

bool same_losses(const Side& mine, const Side& theirs, const std::string& type) {
  const double bound = type == "float32" ? kLossFloat : kLossBFloat16;
  double worst = 0;
  for (std::size_t n = 0; n < mine.losses.size(); ++n)
    worst = std::max(worst, std::abs(mine.losses[n] / theirs.losses[n] - 1));
  const bool same = worst <= bound;
  fmt::print("  losses differ by {:.1e} at most{}\n", worst,
             same ? "" : fmt::format(": more than {:.0e}", bound));
  return same;
}

// Returns the exit code.
int compare(const Side& ours, const Side& theirs, const Plan& plan, bool same) {
  same &= same_losses(ours, theirs, plan.work.type);
  const Seconds a = median(ours.steps), b = median(theirs.steps);
  const bool cuda = plan.work.cuda();
  const double wall = b.wall / a.wall, cpu = b.cpu / a.cpu;
  const double memory = theirs.memory(cuda) / ours.memory(cuda);
  fmt::print(
      "  transformers / vega: {:.2f} on the clock{}, {:.2f} of processor time, {:.2f} of memory\n",
      wall, cuda && plan.least > 0 ? fmt::format(" (at least {:.2f} wanted)", plan.least) : "", cpu,
      memory);
  return same && (cuda ? wall : cpu) >= plan.least && memory >= plan.least_memory ? 0 : 1;
}

int measure(Plan plan, const fs::path& folder) {
  const auto type = plan.work.type == "float32" ? at::kFloat : at::kBFloat16;
  write_checkpoint(folder, plan.shape, type, 1);
  write_adapter(folder / "adapter.safetensors", plan);
  plan.work.folder = folder.string();
  std::vector<std::string> command{fs::read_symlink("/proc/self/exe").string(), "side"};
  const std::vector<std::string> arguments = plan.work.arguments();
  command.insert(command.end(), arguments.begin(), arguments.end());
  SideProcess vega("vega", command);
  std::optional<SideProcess> other;
  if (!plan.python.empty()) {
    std::ofstream(folder / "side.py") << kTrainScript;
    // A bundle sets the variable to libraries of another LibTorch.
    command = {"env", "-u", "LD_LIBRARY_PATH", plan.python, (folder / "side.py").string()};
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
      "{}{}: {} layers of width {}, {} tokens, {} of them targets, rank {}, {} threads, "
      "median of {}\n",
      plan.work.cuda() ? device_name(open_device(plan.work.device)) + ", " : "", plan.work.type,
      plan.shape.layers, plan.shape.hidden, plan.work.tokens, plan.work.targets, plan.work.rank,
      plan.work.threads, plan.repeat);
  print_side(ours, plan);
  if (!other) {
    fmt::print("  nothing was compared: no --python\n");
    return plan.least > 0 ? kSkipped : 0;
  }
  print_side(theirs, plan);
  return compare(ours, theirs, plan, same_work(vega, *other));
}

// Where there is no GPU: the same code on the CPU, with the tiny shape.
int measure_without_gpu(Plan plan, const fs::path& folder, const qwen2::Config& small) {
  plan.shape = small;
  plan.work.device = "cpu";
  plan.work.tokens = std::min<std::int64_t>(plan.work.tokens, 128);
  plan.work.targets = std::min(plan.work.targets, plan.work.tokens);
  plan.least = plan.least_memory = 0;
  const int code = measure(plan, folder);
  fmt::print("nothing was measured on a GPU ({}): {}\n", plan.no_gpu,
             code == 0 ? "the tiny shape went through the same code on the CPU"
                       : "and the tiny shape FAILED on the CPU");
  return code == 0 ? kSkipped : code;
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
        if (name == "--least-memory") return plan.least_memory = arguments.real(name, text), true;
        if (name == "--device") return plan.work.device = text, true;
        if (name == "--shape") {
          if (text != "tiny" && text != "0.5b" && text != "7b")
            arguments.refuse(name, "'" + text + "'", "tiny, 0.5b or 7b");
          plan.shape = text == "tiny" ? tiny() : text == "7b" ? seven_b() : half_b();
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
  const bool cuda = parse_device(plan.work.device).is_cuda();
  if (!cuda && !plan.shape.tied) arguments.refuse("--shape", "'7b'", "tiny or 0.5b on the CPU");
  if (cuda && !cuda_available(&plan.no_gpu) && plan.no_gpu.empty()) plan.no_gpu = "none is there";
  if (plan.work.threads == 0) plan.work.threads = at::get_num_threads();
  return plan;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 9 && std::string(argv[1]) == "side") return run_train_side(argv + 2);
  return run_in_folder("bench_train", [&](const fs::path& folder) {
    const std::optional<Plan> plan = parse(argc, argv);
    if (!plan) return fmt::print("{}", kUsage), 0;
    return plan->no_gpu.empty() ? measure(*plan, folder)
                                : measure_without_gpu(*plan, folder, tiny());
  });
}
