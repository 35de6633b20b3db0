// Speed of the Wan2.1 features: this project, the released algorithm and the machine's GEMM rate,
// in one run.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/memory.h"
#include "base/philox.h"
#include "bench/options.h"
#include "bench/sides.h"
#include "core/device.h"

namespace vega::bench {
namespace {

using nlohmann::json;

struct Row {
  std::string name;
  double seconds = 0, flops = 0;
};

// Stage medians of one side, and the whole path.
struct Result {
  std::string name, mode, formula;
  Seconds vae, dit;
  Seconds whole() const { return {vae.wall + dit.wall, vae.cpu + dit.cpu}; }
};

std::string number(double value, const char* format = "%.1f") {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

double milli(double seconds) { return 1e3 * seconds; }

// The scaling rules, with the measured numbers in them.
Result vega_result(const Ours& side, const Samples& samples, const Mode& mode, bool cuda) {
  const Seconds first = median(samples.at("first")), last = median(samples.at("last"));
  Result r{"vega", cuda ? "" : to_string(mode), "", median(samples.at("vae")),
           side.dit(first, last)};
  r.formula = "first + " + std::to_string(kTap) + " x (last - first) / " +
              std::to_string(side.last()) + " = " + number(milli(first.wall)) + " + " +
              std::to_string(kTap) + " x (" + number(milli(last.wall)) + " - " +
              number(milli(first.wall)) + ") / " + std::to_string(side.last()) + " = " +
              number(milli(r.dit.wall)) +
              " ms   [first: patch embedding, one pooled block; last: patch embedding, " +
              std::to_string(side.last() + 1) + " blocks, the last one pooled]";
  return r;
}

Result released_result(const std::string& name, const Released& side, const Samples& samples,
                       const std::string& mode, std::int64_t blocks) {
  const Seconds embed = median(samples.at("embed")), body = median(samples.at("blocks")),
                head = median(samples.at("head"));
  Result r{name, mode, "", median(samples.at("vae")), side.dit(embed, body, head)};
  r.formula = "embed + " + std::to_string(kBlocks) + " x blocks / " + std::to_string(blocks) +
              " + head = " + number(milli(embed.wall)) + " + " + std::to_string(kBlocks) + " x " +
              number(milli(body.wall)) + " / " + std::to_string(blocks) + " + " +
              number(milli(head.wall)) + " = " + number(milli(r.dit.wall)) + " ms";
  return r;
}

double whole(const Released& side, const Samples& s) {
  return s.at("vae").back().wall +
         side.dit(s.at("embed").back(), s.at("blocks").back(), s.at("head").back()).wall;
}

// Host time of noise v1, one thread (drawn while other work runs; not part of either path).
double noise_seconds(const Work& work) {
  std::vector<float> out(static_cast<std::size_t>(work.eps[0].numel()));
  const auto start = std::chrono::steady_clock::now();
  noise_v1(42, "bench", 0, out);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        device_(open_device(options.device)),
        dtype_(options.dtype == "bf16" ? at::kBFloat16 : at::kFloat),
        clock_(device_),
        weights_(random_weights(options.blocks)) {}

  // False when a ratio is below --least, or the two programs disagree.
  bool run() {
    bool good = true;
    for (const auto& [width, height] : options_.sizes) good &= run_size(width, height);
    if (!options_.json.empty()) {
      std::ofstream file(options_.json);
      file << report_.dump(2) << "\n";
      if (!file) throw OutputError(explain(options_.json, "a failed write", "a writable file"));
    }
    return good;
  }

 private:
  bool cuda() const { return !device_.is_cpu(); }

  bool run_size(std::int64_t width, std::int64_t height) {
    const Work work = make_work(width, height, options_.frames, options_.batch, device_);
    print_head(work);
    reset_peak_memory(device_);
    const Ours ours(weights_, device_, dtype_, work.t);
    const Mode mode{options_.threads, 1};
    Samples vega, discard;
    if (cuda()) ours.sample(work, clock_, mode, true, discard);
    const double peak = static_cast<double>(device_memory(device_).peak);
    empty_cache(device_);

    std::vector<std::pair<std::string, Released>> released;
    released.emplace_back("released", Released(weights_, device_, dtype_, false));
    if (dtype_ == at::kBFloat16) {
      released.emplace_back("released, bf16 weights", Released(weights_, device_, dtype_, true));
    }
    bool good = agree(work, ours, released.front().second);
    std::vector<Samples> theirs(released.size());
    const Mode fastest = choose(work, released.front().second);
    double rate = 0;
    for (int i = 0; i < options_.repeat; ++i) {
      rate = std::max(rate, gemm_rate(device_, dtype_, options_.threads));
      ours.sample(work, clock_, mode, i == 0, vega);
      for (std::size_t n = 0; n < released.size(); ++n) {
        released[n].second.sample(work, clock_, fastest, i == 0, theirs[n]);
      }
      empty_cache(device_);
    }
    std::vector<Result> results{vega_result(ours, vega, mode, cuda())};
    for (std::size_t n = 0; n < released.size(); ++n) {
      results.push_back(released_result(released[n].first, released[n].second, theirs[n],
                                        cuda() ? "" : to_string(fastest), options_.blocks));
    }
    return print(work, results, rate, peak, ours.fold_seconds() / (ours.last() + 1)) && good;
  }

  // The released algorithm takes the faster way of using the same threads.
  Mode choose(const Work& work, const Released& side) const {
    const Mode inside{1, options_.threads}, beside{options_.threads, 1};
    if (cuda() || options_.threads == 1) return inside;
    Samples a, b;
    side.sample(work, clock_, inside, false, a);
    side.sample(work, clock_, beside, false, b);
    const double inner = whole(side, a), outer = whole(side, b);
    std::printf(
        "released algorithm, tried once: %s %.1f s/frame, %s %.1f s/frame; the faster is used\n",
        to_string(inside).c_str(), inner, to_string(beside).c_str(), outer);
    return inner < outer ? inside : beside;
  }

  // The bars of the goldens: float32 2e-5; bfloat16 2e-2 from the exact value on each side.
  bool agree(const Work& work, const Ours& ours, const Released& side) {
    const at::Tensor a = ours.features(work).to(at::kCPU, at::kDouble);
    const at::Tensor b = side.features(work, ours.last()).to(at::kCPU, at::kDouble);
    const double error = ((a - b).norm() / b.norm()).item<double>();
    const double bar = dtype_ == at::kFloat ? 2e-5 : 4e-2;
    std::printf(
        "both give the same features at block %lld: relative difference %.1e (bar %.0e)%s\n",
        static_cast<long long>(ours.last()), error, bar, error < bar ? "" : "  FAILED");
    return error < bar;
  }

  void print_head(const Work& work) const {
    std::printf("\nWan2.1-T2V-1.3B shapes, %lldx%lld (%lldx%lld tokens), %s on %s",
                static_cast<long long>(work.frame.width), static_cast<long long>(work.frame.height),
                static_cast<long long>(work.grid_w()), static_cast<long long>(work.grid_h()),
                options_.dtype.c_str(), device_name(device_).c_str());
    if (!cuda()) std::printf(", %d threads", options_.threads);
    std::printf("\n%lld frames a measurement, median of %d, %lld of %lld blocks measured\n",
                static_cast<long long>(work.frames), options_.repeat,
                static_cast<long long>(options_.blocks), static_cast<long long>(kBlocks));
  }

  bool print(const Work& work, const std::vector<Result>& results, double rate, double peak,
             double fold) {
    const double unit = cuda() ? 1e12 : 1e9;
    const char* prefix = cuda() ? "T" : "G";
    const double tokens = wan::token_count(weights_.dit_config, work.frame);
    std::printf("GEMM rate %.1f %sFLOP/s (best shape and run)\n\n", rate / unit, prefix);
    std::printf("%-32s %10s %12s %10s %8s %10s\n", "", "ms/frame", "GFLOP/frame",
                (std::string(prefix) + "FLOP/s").c_str(), "of GEMM", "floor ms");
    json entry{{"size", {work.frame.width, work.frame.height}},
               {"device", device_name(device_)},
               {"dtype", options_.dtype},
               {"threads", options_.threads},
               {"frames", work.frames},
               {"repeat", options_.repeat},
               {"blocks_measured", options_.blocks},
               {"gemm_flops", rate}};
    wan::DitConfig full = weights_.dit_config;
    full.layers = kBlocks;
    for (std::size_t n = 0; n < results.size(); ++n) {
      const Result& r = results[n];
      const double vae = wan::vae_flops(weights_.vae_config, work.frame, n == 0);
      const double dit =
          n == 0 ? wan::short_dit_flops(full, tokens, kTap) : wan::dit_flops(full, tokens);
      for (const Row& row : {Row{"VAE", r.vae.wall, vae},
                             Row{n == 0 ? "DiT, 21 blocks" : "DiT, 30 blocks", r.dit.wall, dit},
                             Row{"whole path", r.whole().wall, vae + dit}}) {
        std::printf("%-32s %10.1f %12.1f %10.1f %7.0f%% %10.1f\n",
                    (r.name + ": " + row.name).c_str(), milli(row.seconds), row.flops / 1e9,
                    row.flops / row.seconds / unit, 100 * row.flops / row.seconds / rate,
                    milli(row.flops / rate));
        entry["rows"].push_back({{"side", r.name},
                                 {"part", row.name},
                                 {"seconds", row.seconds},
                                 {"flops", row.flops},
                                 {"floor_seconds", row.flops / rate}});
      }
    }
    return print_ratios(work, results, peak, fold, entry);
  }

  bool print_ratios(const Work& work, const std::vector<Result>& results, double peak, double fold,
                    json& entry) {
    std::printf("\n");
    bool good = true;
    const Result& ours = results.front();
    for (std::size_t n = 1; n < results.size(); ++n) {
      const Result& r = results[n];
      const double ratio = r.whole().wall / ours.whole().wall;
      std::printf("%s / vega: VAE %.2f, DiT %.2f, whole path %.2f\n", r.name.c_str(),
                  r.vae.wall / ours.vae.wall, r.dit.wall / ours.dit.wall, ratio);
      entry["ratios"][r.name] = {{"vae", r.vae.wall / ours.vae.wall},
                                 {"dit", r.dit.wall / ours.dit.wall},
                                 {"whole", ratio}};
      if (ratio < options_.least) {
        std::printf("BELOW --least %.2f\n", options_.least);
        good = false;
      }
    }
    if (!cuda()) print_share(results, entry);
    for (const Result& r : results) {
      std::printf("%s%s%s: DiT = %s\n", r.name.c_str(), r.mode.empty() ? "" : ", ", r.mode.c_str(),
                  r.formula.c_str());
      entry["formulas"][r.name] = r.formula;
    }
    std::printf(
        "not counted: noise v1 %.1f ms/frame on one host thread, folding %.2f s a block once\n",
        milli(noise_seconds(work)), fold);
    if (cuda()) {
      std::printf("vega: peak %.2f GiB of GPU memory at %lld frames a call, %lld blocks loaded\n",
                  peak / 1073741824.0, static_cast<long long>(work.batch),
                  static_cast<long long>(options_.blocks));
      entry["peak_bytes"] = peak;
    }
    std::fflush(stdout);
    report_.push_back(entry);
    return good;
  }

  // On a machine that others use too the clock misleads; processor time does less.
  void print_share(const std::vector<Result>& results, json& entry) const {
    const Seconds ours = results.front().whole();
    for (const Result& r : results) {
      const Seconds s = r.whole();
      const double share = s.cpu / (s.wall * options_.threads);
      std::printf("%s: its threads ran %.0f%% of the time; ratio to vega by processor time %.2f\n",
                  r.name.c_str(), 100 * share, s.cpu / ours.cpu);
      entry["share"][r.name] = share;
      entry["cpu_ratio"][r.name] = s.cpu / ours.cpu;
    }
  }

  Options options_;
  at::Device device_;
  at::ScalarType dtype_;
  Clock clock_;
  RandomWeights weights_;
  json report_ = json::array();
};

}  // namespace
}  // namespace vega::bench

int main(int argc, char** argv) {
  const c10::NoGradGuard no_grad;
  try {
    const auto options = vega::bench::parse(argc, argv);
    if (options.help) {
      std::cout << vega::bench::usage();
      return 0;
    }
    vega::keep_freed_memory();  // as the program does; both sides run with it
    at::set_num_threads(options.threads);
    return vega::bench::Bench(options).run() ? 0 : 1;
  } catch (const vega::Error& error) {
    std::cerr << "bench_wan: " << error.what() << "\n";
    return error.exit_code();
  } catch (const std::exception& error) {
    std::cerr << "bench_wan: " << error.what() << "\n";
    return 4;
  }
}
