// A step of training Wan's transformer from scratch beside diffusers, in one run: clips of latent
// frames, flow matching, Muon on the matrices and AdamW on the rest, cross-attention silent on both
// sides (diffusers' is taken out). Each side is a process of its own and they take turns; medians
// are shown. Where other programs run, compare the processor time.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/memory.h"
#include "bench/arguments.h"
#include "bench/program.h"
#include "bench/seconds.h"
#include "bench/side_process.h"
#include "models/wan/train_dit.h"
#include "models/wan/train_dit_tensors.h"
#include "nn/muon.h"

namespace {

using namespace vega;
using namespace vega::bench;
namespace fs = std::filesystem;

constexpr const char* kUsage = R"(bench_world [OPTION VALUE]...
  --python PATH    an interpreter with torch and diffusers; absent: vega alone
  --width N        of the network, of heads of 64 (256)
  --layers N       blocks (8)
  --clips N        in a step (8)
  --frames N       latent frames of a clip (4)
  --rows N         of tokens in a frame (12)
  --columns N      (16)
  --dtype TYPE     of the products, fp32 or bf16 (bf16)
  --repeat N       steps after the first two; medians are shown (5)
  --threads N      of both sides (all cores)
  --least R        exit code 1 where the other side's processor time is below R times vega's (0)
)";

struct Work {
  std::int64_t width = 256, layers = 8, clips = 8, frames = 4, rows = 12, columns = 16, threads = 0;
  std::string type = "bfloat16";

  std::vector<std::string> arguments() const {
    std::vector<std::string> out;
    for (const std::int64_t number : {width, layers, clips, frames, rows, columns, threads})
      out.push_back(std::to_string(number));
    out.push_back(type);
    return out;
  }
};

struct Plan {
  std::string python;
  Work work;
  std::int64_t repeat = 5;
  double least = 0;
};

constexpr double kRate = 1e-3;

// Answers each line on stdin with the seconds of forward, backward and optimiser on the clock, and
// of the whole step in processor time.
constexpr const char* kScript = R"(import json, sys, time, warnings
import torch
from diffusers import WanTransformer3DModel
width, layers, clips, frames, rows, columns, threads = map(int, sys.argv[1:8])
half = sys.argv[8] == "bfloat16"
torch.set_num_threads(threads)
torch.manual_seed(0)
model = WanTransformer3DModel(num_attention_heads=width // 64, attention_head_dim=64, text_dim=64, freq_dim=256,
    ffn_dim=4 * width, num_layers=layers, cross_attn_norm=True, qk_norm="rms_norm_across_heads")
class Nothing(torch.nn.Module):
    def forward(self, x, *rest):
        return 0
for block in model.blocks:
    block.attn2, block.norm2 = Nothing(), torch.nn.Identity()
matrices, others = [], []
for name, p in model.named_parameters():
    if "text_embedder" in name:
        p.requires_grad_(False)
    else:
        (matrices if name.startswith("blocks.") and name.endswith("weight") and p.dim() == 2 else others).append(p)
muon = torch.optim.Muon(matrices, lr=1e-3, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
adamw = torch.optim.AdamW(others, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
x, e = (torch.randn(clips, 16, frames, 2 * rows, 2 * columns) for _ in range(2))
s, text = torch.rand(clips), torch.zeros(clips, 1, 64)
k = s.view(-1, 1, 1, 1, 1)
print("ready", flush=True)
for line in sys.stdin:
    marks, busy = [time.perf_counter()], time.process_time()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        v = model((1 - k) * x + k * e, 1000 * s, text, return_dict=False)[0]
    loss = (v.float() - (e - x)).square().mean()
    marks.append(time.perf_counter())
    loss.backward()
    marks.append(time.perf_counter())
    for o in (muon, adamw):
        o.step(), o.zero_grad()
    marks.append(time.perf_counter())
    print(json.dumps([b - a for a, b in zip(marks, marks[1:])] + [time.process_time() - busy, float(loss.detach())]), flush=True)
)";

// ------------------------------------------------------------------------------- vega's side

wan::DitConfig config_of(const Work& work) {
  wan::DitConfig config;
  config.dim = work.width, config.heads = work.width / 64, config.layers = work.layers;
  config.ffn_dim = 4 * work.width, config.text_dim = 64;
  return config;
}

class VegaSide {
 public:
  explicit VegaSide(const Work& work)
      : type_(work.type == "float32" ? at::kFloat : at::kBFloat16),
        table_(wan::training_dit(wan::initial_dit(config_of(work), 1), {at::kCPU, type_})),
        dit_(config_of(work), table_, {.dtype = type_}) {
    for (const auto& [name, tensor] : table_) {
      if (!tensor.requires_grad()) continue;
      const at::Tensor zero = at::zeros_like(tensor.detach());
      if (wan::dit_role(name) == wan::DitRole::kMatrix) {
        matrices_.push_back(tensor), momentum_.push_back(zero);
        continue;
      }
      others_.push_back(tensor), first_.push_back(zero), second_.push_back(zero.clone());
      count_.push_back(at::zeros({}));
    }
    at::manual_seed(0);
    latents_ = at::randn({work.clips, 16, work.frames, 2 * work.rows, 2 * work.columns});
    noise_ = at::randn_like(latents_);
    shares_ = at::rand({work.clips});
  }

  // Seconds on the clock of forward, backward and optimiser; the loss.
  std::vector<double> step() {
    const double start = now().wall;
    const at::Tensor velocity =
        dit_.forward(wan::noised(latents_, noise_, shares_), 1000 * shares_);
    const at::Tensor loss = wan::flow_loss(velocity, latents_, noise_).mean();
    const double forward = now().wall;
    loss.backward();
    const double backward = now().wall;
    update();
    return {forward - start, backward - forward, now().wall - backward, loss.item<double>()};
  }

 private:
  static std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& tensors) {
    std::vector<at::Tensor> out;
    for (const at::Tensor& tensor : tensors) out.push_back(tensor.grad());
    return out;
  }

  void update() {
    const c10::NoGradGuard no_gradients;
    muon_step_(matrices_, gradients_of(matrices_), momentum_, kRate, {});
    at::_foreach_add_(count_, 1);
    at::_fused_adamw_(others_, gradients_of(others_), first_, second_, {}, count_, kRate, 0.9, 0.95,
                      0, 1e-8, false, false);
    for (auto* list : {&matrices_, &others_})
      for (at::Tensor& tensor : *list) tensor.mutable_grad().reset();
  }

  at::ScalarType type_;
  WeightTable table_;
  wan::TrainDit dit_;
  at::Tensor latents_, noise_, shares_;
  std::vector<at::Tensor> matrices_, momentum_, others_, first_, second_, count_;
};

int run_side(char** argv) {
  const auto whole = [&](int n) { return std::stoll(argv[n]); };
  const Work work{whole(0), whole(1), whole(2), whole(3), whole(4), whole(5), whole(6), argv[7]};
  keep_freed_memory();
  at::set_num_threads(static_cast<int>(work.threads));
  VegaSide side(work);
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const double start = now().cpu;
    const std::vector<double> s = side.step();
    fmt::print("[{}, {}, {}, {}, {}]\n", s[0], s[1], s[2], now().cpu - start, s[3]);
    std::fflush(stdout);
  }
  return 0;
}

// ------------------------------------------------------------------------------- the comparison

struct Side {
  std::string name;
  std::vector<double> forward, backward, optimiser, whole, busy, losses;
  double memory = 0;
};

void step(SideProcess& process, Side& side, bool counts) {
  const Json answer = process.order("step");
  const auto number = [&](std::size_t n) { return answer[n].number().value_or(0); };
  side.losses.push_back(number(4));
  side.memory = static_cast<double>(process.peak());
  if (!counts) return;
  side.forward.push_back(number(0)), side.backward.push_back(number(1));
  side.optimiser.push_back(number(2)), side.busy.push_back(number(3));
  side.whole.push_back(number(0) + number(1) + number(2));
}

void print_side(const Side& side) {
  fmt::print(
      "  {:10} step {:.3f} s (forward {:.3f}, backward {:.3f}, optimiser {:.3f}), {:.3f} s of "
      "processor time, at most {:.0f} MiB; loss {:.4f} to {:.4f}\n",
      side.name, median(side.whole), median(side.forward), median(side.backward),
      median(side.optimiser), median(side.busy), side.memory / 0x1p20, side.losses.front(),
      side.losses.back());
}

bool measure(const Plan& plan, const fs::path& folder) {
  std::vector<std::string> command{fs::read_symlink("/proc/self/exe").string(), "side"};
  const std::vector<std::string> arguments = plan.work.arguments();
  command.insert(command.end(), arguments.begin(), arguments.end());
  SideProcess vega("vega", command);
  std::optional<SideProcess> other;
  if (!plan.python.empty()) {
    std::ofstream(folder / "side.py") << kScript;
    command = {plan.python, (folder / "side.py").string()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    other.emplace("diffusers", command);
  }
  Side ours{.name = "vega"}, theirs{.name = "diffusers"};
  for (std::int64_t n = -2; n < plan.repeat; ++n) {
    step(vega, ours, n >= 0);
    if (other) step(*other, theirs, n >= 0);
  }
  const Work& w = plan.work;
  fmt::print(
      "{}: {} blocks of width {}, {} clips of {} frames of {} x {} tokens, {} threads, "
      "median of {}\n",
      w.type, w.layers, w.width, w.clips, w.frames, w.rows, w.columns, w.threads, plan.repeat);
  print_side(ours);
  if (!other) return true;
  print_side(theirs);
  const double busy = median(theirs.busy) / median(ours.busy);
  fmt::print("  diffusers / vega: {:.2f} on the clock, {:.2f} of processor time\n",
             median(theirs.whole) / median(ours.whole), busy);
  return busy >= plan.least;
}

std::optional<Plan> parse(int argc, char** argv) {
  Plan plan;
  Work& work = plan.work;
  const Arguments arguments("bench_world");
  const bool run =
      arguments.each(argc, argv, [&](const std::string& name, const std::string& text) {
        const auto whole = [&](std::int64_t& to, std::int64_t high) {
          return arguments.take(name, text, 1, high, to);
        };
        if (name == "--python") return plan.python = text, true;
        if (name == "--width") return whole(work.width, 1 << 14);
        if (name == "--layers") return whole(work.layers, 1000);
        if (name == "--clips") return whole(work.clips, 4096);
        if (name == "--frames") return whole(work.frames, 1024);
        if (name == "--rows") return whole(work.rows, 1024);
        if (name == "--columns") return whole(work.columns, 1024);
        if (name == "--repeat") return whole(plan.repeat, 999);
        if (name == "--threads") return whole(work.threads, 1024);
        if (name == "--least") return plan.least = arguments.real(name, text), true;
        if (name != "--dtype") return false;
        if (text != "fp32" && text != "bf16")
          arguments.refuse(name, "'" + text + "'", "fp32 or bf16");
        work.type = text == "fp32" ? "float32" : "bfloat16";
        return true;
      });
  if (!run) return std::nullopt;
  if (work.width % 64 != 0)
    arguments.refuse("--width", std::to_string(work.width), "a multiple of 64");
  if (work.threads == 0) work.threads = at::get_num_threads();
  return plan;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 10 && std::string(argv[1]) == "side") return run_side(argv + 2);
  return run_in_folder("bench_world", [&](const fs::path& folder) {
    const std::optional<Plan> plan = parse(argc, argv);
    if (!plan) return fmt::print("{}", kUsage), 0;
    return measure(*plan, folder) ? 0 : 1;
  });
}
