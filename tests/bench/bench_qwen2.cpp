// A Qwen2 decoder beside transformers, in one run: the same random weights of 0.5B shapes, the same
// threads, reading a prompt and answering greedily. Both sides take turns, so that a busy machine
// slows both; medians are shown, beside the memory's read bandwidth and the GEMM rate measured
// between them. Where other programs run, the clock says little: then compare the processor time.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/philox.h"
#include "bench/arguments.h"
#include "bench/qwen2_device.h"
#include "core/device.h"
#include "core/dtype.h"
#include "kernels/share_steps.h"
#include "models/qwen2/config_json.h"
#include "models/qwen2/generate.h"
#include "models/qwen2/names.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

namespace {

using namespace vega;
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

// Works on orders on stdin, "prefill" or "decode"; answers each with a line of JSON: seconds on the
// clock, seconds of processor time, greedy ids.
constexpr const char* kScript = R"(import json, sys, time
import torch
from transformers import Qwen2ForCausalLM
folder, dtype, tokens, new, threads = sys.argv[1], getattr(torch, sys.argv[2]), *map(int, sys.argv[3:6])
torch.set_num_threads(threads)
model = Qwen2ForCausalLM.from_pretrained(folder, dtype=dtype).eval().requires_grad_(False)
ids = torch.tensor([[7919 * i % 151000 for i in range(tokens)]])
past = None
with torch.inference_mode():
    model(ids[:, :8])
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "prefill":
            past = None
            start, busy = time.perf_counter(), time.process_time()
            out = model(ids, use_cache=True, logits_to_keep=1)
            seconds, busy = time.perf_counter() - start, time.process_time() - busy
            past, logits = out.past_key_values, out.logits
            print(json.dumps([seconds, busy, [int(logits[0, -1].argmax())]]), flush=True)
        else:
            token, answer = logits[:, -1].argmax(-1, keepdim=True), []
            start, busy = time.perf_counter(), time.process_time()
            for _ in range(new):
                out = model(token, past_key_values=past, use_cache=True)
                token = out.logits[:, -1].argmax(-1, keepdim=True)
                answer.append(int(token))
            print(json.dumps([time.perf_counter() - start, time.process_time() - busy, answer]), flush=True)
)";

struct Plan {
  std::string python;
  std::vector<at::ScalarType> types{at::kFloat, at::kBFloat16};
  std::int64_t tokens = 6800, fresh = 64, rows = 1, layers = 0, repeat = 3, threads = 0;
  std::string device = "cpu";
  qwen2::Config shape = bench::half_b();
  double least_prefill = 0, least_decode = 0;
};

struct Seconds {
  double wall = 0, busy = 0;  // on the clock; of processor time, all threads together
};
Seconds operator-(const Seconds& a, const Seconds& b) { return {a.wall - b.wall, a.busy - b.busy}; }

struct Round {
  Seconds seconds;
  std::vector<std::int64_t> ids;
};

Seconds now() {
  timespec busy{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &busy);
  return {
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(),
      static_cast<double>(busy.tv_sec) + 1e-9 * static_cast<double>(busy.tv_nsec)};
}

// Of each part on its own.
Seconds median(const std::vector<Seconds>& values) {
  const auto of = [&](double Seconds::*part) {
    std::vector<double> all;
    for (const Seconds& one : values) all.push_back(one.*part);
    std::ranges::sort(all);
    return all[all.size() / 2];
  };
  return {of(&Seconds::wall), of(&Seconds::busy)};
}

// Writes config.json and model.safetensors of random weights.
void write_checkpoint(const fs::path& folder, const qwen2::Config& c, at::ScalarType type) {
  std::ofstream(folder / "config.json") << Json{
      {"architectures", Json::list({"Qwen2ForCausalLM"})},
      {"model_type", "qwen2"},
      {"hidden_act", "silu"},
      {"hidden_size", c.hidden},
      {"num_hidden_layers", c.layers},
      {"num_attention_heads", c.heads},
      {"num_key_value_heads", c.kv_heads},
      {"intermediate_size", c.mlp},
      {"vocab_size", c.vocab},
      {"max_position_embeddings", 32768},
      {"rms_norm_eps", 1e-6},
      {"rope_theta", 1e6},
      {"use_sliding_window", false},
      {"tie_word_embeddings", c.tied}}.dump();
  std::vector<TensorSpec> specs;
  for (const auto& row : qwen2::decoder_tensors(c))
    specs.push_back({"model." + row.canonical, dtype_of(type), row.shape});
  SafetensorsWriter writer(folder / "model.safetensors", specs, {{"format", "pt"}});
  for (const auto& spec : specs) {
    const double mean = spec.name.find("norm") == std::string::npos ? 0 : 1;
    const double fan_in = static_cast<double>(spec.shape.back());
    at::Tensor values = at::empty(spec.shape, at::kFloat);
    uniform_tensor(1, spec.name, mean, mean == 0 ? 1.7 / std::sqrt(fan_in) : 0.2, 0,
                   {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    const at::Tensor kept = values.to(type);
    writer.write(spec.name, {static_cast<const std::byte*>(kept.const_data_ptr()), kept.nbytes()});
  }
  writer.publish();
}

// The other side, a process that works on order.
class Transformers {
 public:
  Transformers(const Plan& plan, const fs::path& folder, at::ScalarType type) {
    const fs::path script = folder / "side.py";
    std::ofstream(script) << kScript;
    int down[2], up[2];
    if (pipe(down) != 0 || pipe(up) != 0) throw InputError("no pipes");
    child_ = fork();
    if (child_ == 0) {
      dup2(down[0], 0);
      dup2(up[1], 1);
      for (const int end : {down[0], down[1], up[0], up[1]}) close(end);
      const std::string name = type == at::kFloat ? "float32" : "bfloat16",
                        tokens = std::to_string(plan.tokens), fresh = std::to_string(plan.fresh),
                        threads = std::to_string(plan.threads);
      execlp(plan.python.c_str(), plan.python.c_str(), script.c_str(), folder.c_str(), name.c_str(),
             tokens.c_str(), fresh.c_str(), threads.c_str(), nullptr);
      _exit(127);
    }
    close(down[0]);
    close(up[1]);
    to_ = fdopen(down[1], "w");
    from_ = fdopen(up[0], "r");
    read_line();  // ready
  }
  ~Transformers() {
    std::fclose(to_);
    std::fclose(from_);
    waitpid(child_, nullptr, 0);
  }
  Transformers(const Transformers&) = delete;
  Transformers& operator=(const Transformers&) = delete;

  Round order(const char* what) {
    fmt::print(to_, "{}\n", what);
    std::fflush(to_);
    const auto json = parse_json(read_line());
    if (!json) throw InputError("transformers: no answer");
    Round round{{(*json)[0].number().value_or(0), (*json)[1].number().value_or(0)}, {}};
    for (const Json& id : (*json)[2].elements()) round.ids.push_back(id.whole().value_or(-1));
    return round;
  }

 private:
  std::string read_line() {
    std::string line;
    for (int c; (c = std::fgetc(from_)) != EOF && c != '\n';) line += static_cast<char>(c);
    if (line.empty()) throw InputError("transformers: ended; its messages stand above");
    return line;
  }

  pid_t child_ = -1;
  std::FILE *to_ = nullptr, *from_ = nullptr;
};

// Vega's side: the same orders.
class Vega {
 public:
  Vega(const Plan& plan, const fs::path& folder, at::ScalarType type)
      : plan_(plan),
        model_(read_sharded(folder, "model"), qwen2::config_from_json(folder / "config.json"),
               {.where = folder.string()}, {.dtype = type}),
        cache_(model_.new_cache()) {
    for (std::int64_t i = 0; i < plan.tokens; ++i) ids_.push_back(7919 * i % 151000);
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
             prefill.wall, prefill.busy, static_cast<double>(plan.tokens) / prefill.wall);
  fmt::print("  {:14} decode  {:7.1f} ms/token ({:7.1f} ms of processor time, {:5.1f} GB/s)\n", "",
             1e3 * token, 1e3 * decode.busy / static_cast<double>(plan.fresh),
             token_bytes / token / 1e9);
}

void measure(const Plan& plan, at::ScalarType type, const fs::path& folder) {
  const qwen2::Config& c = plan.shape;
  write_checkpoint(folder, c, type);
  Vega vega(plan, folder, type);
  std::optional<Transformers> other;
  if (!plan.python.empty()) other.emplace(plan, folder, type);
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
        their_prefill.wall / prefill.wall, their_prefill.busy / prefill.busy,
        their_decode.wall / decode.wall, their_decode.busy / decode.busy);
    fmt::print("  first {} of {} greedy tokens equal\n", equal, answer.ids.size());
  }
  fmt::print("  decode reads at {:.0f} % of the bandwidth (processor time: {:.0f} %)\n",
             100 * wanted * read.wall / decode.wall, 100 * wanted * read.busy / decode.busy);
  std::fflush(stdout);
}

Plan parse(int argc, char** argv) {
  const bench::Arguments arguments("bench_qwen2");
  Plan plan;
  const bool run =
      arguments.each(argc, argv, [&](const std::string& name, const std::string& text) {
        const auto whole = [&](std::int64_t& to, std::int64_t low, std::int64_t high) {
          to = arguments.whole(name, text, low, high);
          return true;
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
          plan.shape = text == "7b" ? bench::seven_b() : bench::half_b();
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
  if (!run) {
    fmt::print("{}", kUsage);
    std::exit(0);
  }
  if (plan.layers > 0) plan.shape.layers = plan.layers;
  if (plan.device == "cpu" && !plan.shape.tied)
    arguments.refuse("--shape", "7b", "0.5b on the CPU");
  if (plan.threads == 0) plan.threads = at::get_num_threads();
  return plan;
}

// Whether the bars were reached in all types.
bool measure_device(const Plan& plan) {
  bool reached = true;
  const at::Device device = open_device(plan.device);
  for (const at::ScalarType type : plan.types)
    reached &= bench::measure_on_device({.device = device,
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
  const fs::path folder = fs::temp_directory_path() / fmt::format("vega-bench-{}", getpid());
  try {
    const Plan plan = parse(argc, argv);
    keep_freed_memory();
    at::set_num_threads(static_cast<int>(plan.threads));
    if (plan.device != "cpu") return measure_device(plan) ? 0 : 1;
    fs::create_directories(folder);
    fmt::print("{}\n", device_name(at::kCPU));
    for (const at::ScalarType type : plan.types) measure(plan, type, folder);
    fs::remove_all(folder);
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "bench_qwen2: {}\n", error.what());
    fs::remove_all(folder);
    return error.exit_code();
  }
}
