#include "bench/options.h"

#include <algorithm>
#include <thread>

#include "bench/arguments.h"

namespace vega::bench {
namespace {

const Arguments arguments("bench_wan");

std::pair<std::int64_t, std::int64_t> size(const std::string& text) {
  const auto cross = text.find('x');
  if (cross == std::string::npos) arguments.refuse("--size", "'" + text + "'", "WIDTHxHEIGHT");
  const auto w = arguments.whole("--size", text.substr(0, cross), 16, 4096);
  const auto h = arguments.whole("--size", text.substr(cross + 1), 16, 4096);
  if (w % 16 != 0 || h % 16 != 0) arguments.refuse("--size", "'" + text + "'", "multiples of 16");
  return {w, h};
}

void set_defaults(Options& o) {
  const bool cuda = o.device.starts_with("cuda");
  if (o.dtype.empty()) o.dtype = cuda ? "bf16" : "fp32";
  if (o.sizes.empty()) {
    o.sizes = cuda ? decltype(o.sizes){{832, 480}, {1280, 720}} : decltype(o.sizes){{560, 336}};
  }
  if (o.threads == 0)
    o.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (o.frames == 0) o.frames = cuda ? 32 : o.threads;
}

}  // namespace

const char* usage() {
  return
      R"(bench_wan: speed of the Wan2.1 features beside the released algorithm and the machine's GEMM rate

  bench_wan [options]

  --device NAME    cpu, cuda, cuda:N                                   [cpu]
  --dtype NAME     fp32, bf16                              [fp32; cuda: bf16]
  --size WxH       frame size; may be given more than once
                                  [560x336; cuda: 832x480 and then 1280x720]
  --blocks N       blocks measured, 2 to 30; the rest is scaled up        [3]
  --frames N       frames of one measurement         [the threads; cuda: 32]
  --batch N        frames of one call on CUDA                             [8]
  --threads N      CPU threads                               [the machine's]
  --repeat N       measurements, interleaved; their median is shown       [3]
  --least R        exit 1 when the ratio is below R
  --json FILE      the numbers, for machines

Weights are random, in the shapes of Wan2.1-T2V-1.3B.
Example: bench_wan --threads 2 --repeat 5 --json bench.json
)";
}

Options parse(int argc, char** argv) {
  Options o;
  o.help = !arguments.each(argc, argv, [&](const std::string& name, const std::string& value) {
    if (name == "--device")
      o.device = value;
    else if (name == "--dtype")
      o.dtype = value;
    else if (name == "--size")
      o.sizes.push_back(size(value));
    else if (name == "--blocks")
      o.blocks = arguments.whole(name, value, 2, 30);
    else if (name == "--frames")
      o.frames = arguments.whole(name, value, 1, 4096);
    else if (name == "--batch")
      o.batch = arguments.whole(name, value, 1, 4096);
    else if (name == "--threads")
      o.threads = static_cast<int>(arguments.whole(name, value, 1, 1024));
    else if (name == "--repeat")
      o.repeat = static_cast<int>(arguments.whole(name, value, 1, 1000));
    else if (name == "--least")
      o.least = arguments.real(name, value);
    else if (name == "--json")
      o.json = value;
    else
      return false;
    return true;
  });
  if (o.help) return o;
  if (!o.dtype.empty() && o.dtype != "fp32" && o.dtype != "bf16") {
    arguments.refuse("--dtype", "'" + o.dtype + "'", "fp32 or bf16");
  }
  set_defaults(o);
  return o;
}

}  // namespace vega::bench
