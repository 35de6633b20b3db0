// A Qwen2 decoder beside transformers, in one run: the same random weights of 0.5B shapes, the same
// threads, reading a prompt and answering greedily. Both sides take turns, so that a busy machine
// slows both; medians are shown, beside the memory's read bandwidth and the GEMM rate measured
// between them. Where other programs run, the clock says little: then compare the processor time.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "bench/arguments.h"
#include "bench/program.h"
#include "bench/qwen2_device.h"
#include "bench/qwen2_parts.h"
#include "bench/seconds.h"
#include "bench/transformers_side.h"
#include "core/device.h"
#include "core/dtype.h"
#include "kernels/share_steps.h"
#include "models/qwen2/config_json.h"
#include "models/qwen2/decoder.h"
#include "models/qwen2/names.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

namespace {

using namespace vega;
using namespace vega::bench;
namespace fs = std::filesystem;

constexpr const char* kUsage = R"(bench_qwen2 [OPTION VALUE]...
  --python PATH    an interpreter with torch and transformers; absent: vega alone
  --dtype TYPE     fp32, bf16 or both (both)
  --tokens N       of the prompt (6800)
  --new N          tokens to decode behind it (64)
  --rows N         answers that grow together behind the one prompt, vega alone (1)
  --layers N       instead of all
  --repeat N       rounds; medians are shown (3)
  --threads N      of both sides (all cores)
  --device NAME    cpu or cuda (cpu). On cuda vega alone, with CUDA graphs and without
  --shape NAME     sizes of 0.5b or 7b; 7b on cuda only (0.5b)
  --least-prefill R, --least-decode R    on cuda: exit code 1 below these shares of the rate of matrix products and of
                   the time at the memory's bandwidth (0)
)";

struct Plan {
  std::string python;
  std::vector<at::ScalarType> types{at::kFloat, at::kBFloat16};
  std::int64_t tokens = 6800, fresh = 64, rows = 1, layers = 0, repeat = 3, threads = 0;
  std::string device = "cpu";
  qwen2::Config shape = half_b();
  double least_prefill = 0, least_decode = 0;
};

// Vega's side: the same orders.
class Vega {
 public:
  Vega(const Plan& plan, const fs::path& folder, at::ScalarType type)
      : plan_(plan),
        model_(read_sharded(folder, "model"), qwen2::config_from_json(folder / "config.json"),
               {.where = folder.string()}, {.dtype = type}),
        cache_(model_.new_cache()),
        ids_(prompt_ids(plan.tokens)) {
    KvCache warm = model_.new_cache();
    const std::vector<std::int64_t> few(ids_.begin(), ids_.begin() + 8);
    model_.logits(model_.forward(model_.embed(few), at::arange(8), warm));
    // The mapped file becomes resident, as the other side's weights are.
    for (const auto& path : {folder / "model.safetensors"}) {
      std::ifstream file(path, std::ios::binary);
      std::vector<char> block(1 << 22);
      while (file.read(block.data(), static_cast<std::streamsize>(block.size()))) {
      }
    }
  }

  Round prefill() {
    cache_ = model_.new_cache(plan_.tokens + plan_.fresh + 1);
    const Seconds start = now();
    const at::Tensor hidden =
        model_.forward(model_.embed(ids_), at::arange(plan_.tokens), cache_, /*last_only=*/true);
    const at::Tensor logits = model_.logits(hidden);
    token_ = logits.argmax().item<std::int64_t>();
    return {now() - start, {token_}};
  }

  Round decode() {
    if (plan_.rows > 1) return decode_rows();
    Round round;
    const Seconds start = now();
    for (std::int64_t n = 0; n < plan_.fresh; ++n) {
      const at::Tensor place = at::tensor({cache_.length()}, at::kLong);
      const at::Tensor hidden =
          model_.forward(model_.embed(std::span(&token_, 1)), place, cache_, true);
      token_ = model_.logits(hidden).argmax().item<std::int64_t>();
      round.ids.push_back(token_);
    }
    round.seconds = now() - start;
    return round;
  }

  // Each answer goes on with a token of its own behind the shared prompt; ids of the first one.
  Round decode_rows() {
    std::vector<KvCache> caches;
    std::vector<KvCache*> growing;
    std::vector<std::int64_t> ids;
    for (std::int64_t n = 0; n < plan_.rows; ++n) {
      caches.push_back(cache_.fork(plan_.fresh));
      ids.push_back(token_ + n);
    }
    for (KvCache& cache : caches) growing.push_back(&cache);
    Round round;
    const Seconds start = now();
    for (std::int64_t n = 0; n < plan_.fresh; ++n) {
      const at::Tensor places = at::full({plan_.rows}, caches[0].length(), at::kLong);
      const at::Tensor chosen =
          model_.logits(model_.step(model_.embed(ids), places, growing)).argmax(-1);
      ids.assign(chosen.const_data_ptr<std::int64_t>(),
                 chosen.const_data_ptr<std::int64_t>() + plan_.rows);
      round.ids.push_back(ids[0]);
    }
    round.seconds = now() - start;
    return round;
  }

  // Bytes that a step of one token reads: weights and, on average, the cache.
  double token_bytes() const {
    const auto& c = model_.config();
    const auto type = model_.options().dtype;
    return qwen2::Decoder::weight_bytes(c, type) +
           qwen2::Decoder::token_bytes(c, type) *
               (static_cast<double>(plan_.tokens) + static_cast<double>(plan_.fresh) / 2);
  }

 private:
  const Plan& plan_;
  qwen2::Decoder model_;
  KvCache cache_;
  std::vector<std::int64_t> ids_;
  std::int64_t token_ = 0;
};

// Reads a block of 1 GiB that no cache holds, with all threads.
constexpr double kReadBytes = 1 << 30;
Seconds read_block() {
  static const at::Tensor block = at::ones({std::int64_t{1} << 28}, at::kFloat);  // 1 GiB
  const float* data = block.const_data_ptr<float>();
  constexpr std::int64_t kPiece = 1 << 14;  // of which LibTorch makes no threads
  std::vector<double> sums(static_cast<std::size_t>(block.numel() / kPiece));
  const Seconds start = now();
  kernels::share_steps(block.numel() / kPiece, [&](std::int64_t n) {
    const at::Tensor piece = at::from_blob(const_cast<float*>(data + n * kPiece), {kPiece});
    sums[static_cast<std::size_t>(n)] = piece.sum().item<double>();
  });
  const Seconds seconds = now() - start;
  if (std::accumulate(sums.begin(), sums.end(), 0.0) != static_cast<double>(block.numel()))
    throw InputError("the block was not read");
  return seconds;
}

double gemm_rate(const qwen2::Config& c, at::ScalarType type) {
  const at::Tensor x = at::ones({4096, c.hidden}, type), w = at::ones({c.mlp, c.hidden}, type);
  at::linear(x, w);
  const Seconds start = now();
  at::linear(x, w);
  return 2.0 * 4096 * static_cast<double>(c.hidden * c.mlp) / (now() - start).wall / 1e9;
}

struct Times {
  std::vector<Seconds> prefill, decode;
};

void print_side(const char* side, const Times& times, const Plan& plan, double token_bytes) {
  const Seconds prefill = median(times.prefill), decode = median(times.decode);
  const double token = decode.wall / static_cast<double>(plan.fresh);
  fmt::print("  {:14} prefill {:7.2f} s ({:7.2f} s of processor time, {:5.0f} tokens/s)\n", side,
             prefill.wall, prefill.cpu, static_cast<double>(plan.tokens) / prefill.wall);
  fmt::print("  {:14} decode  {:7.1f} ms/token ({:7.1f} ms of processor time, {:5.1f} GB/s)\n", "",
             1e3 * token, 1e3 * decode.cpu / static_cast<double>(plan.fresh),
             token_bytes / token / 1e9);
}

void measure(const Plan& plan, at::ScalarType type, const fs::path& folder) {
  const qwen2::Config& c = plan.shape;
  write_checkpoint(folder, c, type);
  Vega vega(plan, folder, type);
  std::optional<Transformers> other;
  if (!plan.python.empty())
    other.emplace(TransformersPlan{.python = plan.python,
                                   .folder = folder,
                                   .type = type,
                                   .tokens = plan.tokens,
                                   .fresh = plan.fresh,
                                   .threads = plan.threads});
  Times ours, theirs;
  std::vector<Seconds> reads;
  double rate = 0;
  Round answer, their_answer;
  for (std::int64_t n = 0; n < plan.repeat; ++n) {
    reads.push_back(read_block());
    rate = std::max(rate, gemm_rate(c, type));
    ours.prefill.push_back(vega.prefill().seconds);
    if (other) theirs.prefill.push_back(other->order("prefill").seconds);
    answer = vega.decode();
    ours.decode.push_back(answer.seconds);
    reads.push_back(read_block());
    if (other) theirs.decode.push_back((their_answer = other->order("decode")).seconds);
  }
  const double bytes = vega.token_bytes();
  const Seconds read = median(reads), decode = median(ours.decode);
  const double wanted = bytes * static_cast<double>(plan.fresh) / kReadBytes;  // blocks
  fmt::print("{}: {} layers, prompt of {} tokens, {} decoded, {} threads, median of {}\n",
             type == at::kFloat ? "fp32" : "bf16", c.layers, plan.tokens, plan.fresh, plan.threads,
             plan.repeat);
  fmt::print("  read bandwidth {:.1f} GB/s, best GEMM rate {:.0f} GFLOP/s, {:.2f} GB a token\n",
             kReadBytes / read.wall / 1e9, rate, bytes / 1e9);
  print_side("vega", ours, plan, bytes);
  if (other) {
    print_side("transformers", theirs, plan, bytes);
    const Seconds their_decode = median(theirs.decode), their_prefill = median(theirs.prefill),
                  prefill = median(ours.prefill);
    std::size_t equal = 0;
    while (equal < answer.ids.size() && answer.ids[equal] == their_answer.ids[equal]) ++equal;
    fmt::print(
        "  transformers / vega: prefill {:.2f} (processor time {:.2f}), decode {:.2f} ({:.2f})\n",
        their_prefill.wall / prefill.wall, their_prefill.cpu / prefill.cpu,
        their_decode.wall / decode.wall, their_decode.cpu / decode.cpu);
    fmt::print("  first {} of {} greedy tokens equal\n", equal, answer.ids.size());
  }
  fmt::print("  decode reads at {:.0f} % of the bandwidth (processor time: {:.0f} %)\n",
             100 * wanted * read.wall / decode.wall, 100 * wanted * read.cpu / decode.cpu);
  std::fflush(stdout);
}

// Nothing where the usage was asked for.
std::optional<Plan> parse(int argc, char** argv) {
  const Arguments arguments("bench_qwen2");
  Plan plan;
  const bool run =
      arguments.each(argc, argv, [&](const std::string& name, const std::string& text) {
        const auto whole = [&](std::int64_t& to, std::int64_t low, std::int64_t high) {
          return arguments.take(name, text, low, high, to);
        };
        if (name == "--python") return plan.python = text, true;
        if (name == "--tokens") return whole(plan.tokens, 8, 32768);
        if (name == "--new") return whole(plan.fresh, 1, 4096);
        if (name == "--rows") return whole(plan.rows, 1, 256);
        if (name == "--layers") return whole(plan.layers, 1, 80);
        if (name == "--device") return plan.device = text, true;
        if (name == "--least-prefill") return plan.least_prefill = arguments.real(name, text), true;
        if (name == "--least-decode") return plan.least_decode = arguments.real(name, text), true;
        if (name == "--shape") {
          if (text != "0.5b" && text != "7b")
            arguments.refuse(name, "'" + text + "'", "0.5b or 7b");
          plan.shape = text == "7b" ? seven_b() : half_b();
          return true;
        }
        if (name == "--repeat") return whole(plan.repeat, 1, 99);
        if (name == "--threads") return whole(plan.threads, 1, 1024);
        if (name != "--dtype") return false;
        if (text == "fp32")
          plan.types = {at::kFloat};
        else if (text == "bf16")
          plan.types = {at::kBFloat16};
        else if (text != "both")
          arguments.refuse(name, "'" + text + "'", "fp32, bf16 or both");
        return true;
      });
  if (!run) return std::nullopt;
  if (plan.layers > 0) plan.shape.layers = plan.layers;
  if (plan.device == "cpu" && !plan.shape.tied)
    arguments.refuse("--shape", "7b", "0.5b on the CPU");
  if (plan.threads == 0) plan.threads = at::get_num_threads();
  return plan;
}

// Returns whether the bars were reached in all types.
bool measure_device(const Plan& plan) {
  bool reached = true;
  const at::Device device = open_device(plan.device);
  for (const at::ScalarType type : plan.types)
    reached &= measure_on_device({.device = device,
                                  .type = type,
                                  .tokens = plan.tokens,
                                  .fresh = plan.fresh,
                                  .rows = plan.rows,
                                  .repeat = plan.repeat,
                                  .least_prefill = plan.least_prefill,
                                  .least_decode = plan.least_decode},
                                 plan.shape);
  return reached;
}

}  // namespace

int main(int argc, char** argv) {
  return run_in_folder("bench_qwen2", [&](const fs::path& folder) {
    const std::optional<Plan> plan = parse(argc, argv);
    if (!plan) return fmt::print("{}", kUsage), 0;
    keep_freed_memory();
    at::set_num_threads(static_cast<int>(plan->threads));
    if (plan->device != "cpu") return measure_device(*plan) ? 0 : 1;
    fmt::print("{}\n", device_name(at::kCPU));
    for (const at::ScalarType type : plan->types) measure(*plan, type, folder);
    return 0;
  });
}
