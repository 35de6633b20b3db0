#include "extract/forecast.h"

#include <ATen/Parallel.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/clock.h"
#include "base/error.h"
#include "base/parallel.h"
#include "core/device.h"
#include "core/dtype.h"
#include "extract/batching.h"
#include "extract/chosen_frames.h"
#include "extract/compute.h"
#include "extract/noise_source.h"
#include "kernels/linear.h"
#include "media/view.h"

namespace vega::extract {
namespace {

namespace fs = std::filesystem;

// Share of the GEMM rate that a run reaches. CPU: bench_wan measures 0.89 in fp32 and 0.73 in bf16
// (docs/benchmarks.md); noise, resizing and storing take some of it. CUDA: cautious.
constexpr double kCpuF32 = 0.85, kCpuBf16 = 0.68, kCuda = 0.5;

constexpr double kProbeSeconds = 0.25;
constexpr double kCudaContext = 0.6e9;  // bytes: kernels and workspaces

double real(std::int64_t value) { return static_cast<double>(value); }
double real(std::size_t value) { return static_cast<double>(value); }

// FLOP/s of x W^T as the networks compute it: the best of what kProbeSeconds hold, as other
// programs on the machine come and go.
double gemm_rate(at::Device device, at::ScalarType dtype, std::int64_t rows, std::int64_t wide) {
  const c10::InferenceMode inference;
  constexpr std::int64_t kWidth = 1536;
  const auto options = at::TensorOptions(device).dtype(dtype);
  const at::Tensor x = at::randn({rows, kWidth}, options), w = at::randn({wide, kWidth}, options);
  for (int warm = 0; warm < 2; ++warm) kernels::linear_bf16(x, w, {});
  synchronize(device);
  const int burst = device.is_cuda() ? 16 : 1;
  double best = 0;
  const auto start = Clock::now();
  do {
    const auto begun = Clock::now();
    for (int i = 0; i < burst; ++i) kernels::linear_bf16(x, w, {});
    synchronize(device);
    best = std::max(best, 2.0 * real(rows * wide * kWidth) * burst / seconds_since(begun));
  } while (seconds_since(start) < kProbeSeconds);
  return best;
}

// Workers side by side, one thread each, as a run computes.
double cpu_rate(int workers, at::ScalarType dtype) {
  const int before = at::get_num_threads();
  std::vector<double> rates(static_cast<std::size_t>(workers));
  parallel_for(
      rates.size(), workers,
      [&](std::size_t i) { rates[i] = gemm_rate(at::kCPU, dtype, 512, 4096); },
      [] { at::set_num_threads(1); });
  at::set_num_threads(before);
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

// The deepest folder on the path that exists already: the new one will be on its disk.
fs::path existing_part(const fs::path& folder) {
  std::error_code code;
  fs::path at = fs::absolute(folder, code).lexically_normal();
  while (!fs::exists(at, code) && at.has_relative_path()) at = at.parent_path();
  return at;
}

double frame_seconds(const FrameSample& sample, const Workload& work, int threads) {
  const double frames = real(work.frames), lanes = std::min(real(std::int64_t{threads}), frames);
  const double decode = std::isfinite(sample.decode) ? sample.decode : 0;
  const double thumb = work.thumbs ? sample.thumb : 0;
  if (sample.decode_in_order) return frames * (decode + thumb);
  return frames * (decode + thumb) / lanes;
}

// Frames a step: on CUDA a scene's batch, on the CPU one a worker.
std::int64_t batch_of(const Workload& work, const Recipe& recipe, const Machine& machine) {
  if (!machine.cuda) return machine.workers;
  return Batching(machine.workers, !recipe.batch_auto).size(static_cast<std::size_t>(work.frames));
}

// Frames of whole steps: the last one is as long as the others.
double rounds(std::int64_t frames, std::int64_t batch) {
  return std::ceil(real(frames) / real(batch)) * real(batch);
}

// What encode() makes of all frames, where later passes take it up again: as large as their noise.
double latent_bytes(const Workload& work, const Backbone& backbone) {
  const bool again = backbone.passes(work.taps).size() > 1;
  return again ? 4 * real(work.frames) * real(backbone.noise_size()) : 0;
}

double kept_on_device(const Workload& work, const Backbone& backbone) {
  return std::min(kKeptOnDevice, latent_bytes(work, backbone));
}

double host_bytes(const Workload& work, const FrameSample& sample, const Recipe& recipe,
                  const Backbone& backbone, const Machine& machine) {
  const double frames = real(work.frames);
  const double pixels = 3.0 * sample.size.width * sample.size.height;
  double sum = std::isfinite(machine.host_used) ? machine.host_used : 0;
  sum += std::min(real(kEncodedBudget), frames * sample.encoded_bytes);
  sum += std::min(real(kPixelBudget), frames * pixels) + frames * sample.thumb_bytes;
  const double noise = 4 * real(backbone.noise_size());
  const double values = 3.0 * recipe.size.width * recipe.size.height;
  const Cost cost = backbone.cost();
  sum += std::min(real(NoiseSource::kKept), frames * noise);
  if (machine.cuda) {
    const double each = values * real(at::elementSize(backbone.pixel_type())) + noise;
    // Three batches made ahead, two on the device; results of two, and of the one being stored.
    return sum + kCudaContext + latent_bytes(work, backbone) - kept_on_device(work, backbone) +
           real(batch_of(work, recipe, machine)) *
               (5 * each + 3 * result_bytes(backbone, work.taps));
  }
  const double lanes = std::min(real(std::int64_t{machine.workers}), frames);
  return sum + latent_bytes(work, backbone) + cost.weight_bytes +
         lanes * (cost.activation_bytes + 4 * values + noise);
}

}  // namespace

double flat_bytes(double bytes) {
  constexpr double kChunk = 1 << 20;
  return bytes > kChunk ? std::ceil(bytes / kChunk) * kChunk : bytes;
}

Machine measure_host(int threads, const fs::path& folder) {
  Machine m;
  m.device = device_name(at::kCPU);
  m.workers = threads;
  const DeviceMemory host = device_memory(at::kCPU);
  m.host_free = real(host.free);
  m.host_used = real(host.allocated);
  std::error_code code;
  const fs::space_info space = fs::space(existing_part(folder), code);
  m.disk_free = code ? kUnknownAmount : static_cast<double>(space.available);
  return m;
}

Machine measure_machine(const Recipe& recipe, const Backbone& backbone, const fs::path& folder) {
  const Cost cost = backbone.cost();
  Machine m = measure_host(recipe.threads, folder);
  m.cuda = recipe.device.is_cuda();
  m.device = m.cuda ? recipe.device.str() : device_name(recipe.device);
  m.dtype = std::string(name_of(recipe.compute));
  if (m.cuda) m.workers = static_cast<int>(recipe.batch);
  m.efficiency = m.cuda ? kCuda : recipe.compute == DType::kF32 ? kCpuF32 : kCpuBf16;
  if (cost.once_flops + cost.pass_flops == 0) return m;
  if (!m.cuda) {
    m.gemm = cpu_rate(m.workers, scalar_type(recipe.compute));
    return m;
  }
  try {
    const at::Device device = use_device(recipe.device);
    m.device = device_name(device);
    m.device_free = real(device_memory(device).free);
    Batching batching(recipe.batch, !recipe.batch_auto);
    const double room = 0.8 * (m.device_free - cost.weight_bytes);
    if (backbone.step_bytes(1) > 0)
      batching.fit(fitting_frames(backbone, recipe.size, recipe.batch, room));
    m.workers = static_cast<int>(batching.size(0));
    m.gemm = gemm_rate(device, scalar_type(recipe.compute), 12480, 8960);
  } catch (const DeviceError& error) {
    m.fault = error.what();
  }
  return m;
}

FrameSample measure_frame(const ImageU8& frame, const Recipe& recipe, const Backbone& backbone,
                          ImageSize depth) {
  FrameSample sample;
  sample.size = frame.size();
  auto start = Clock::now();
  const SignedImage seen = apply_view(frame, recipe.view, recipe.size, depth);
  if (backbone.cost().pass_flops == 0) {
    const Tap& tap = backbone.taps().front();
    mean_cells(seen, static_cast<int>(tap.grid_h), static_cast<int>(tap.grid_w));
  }
  sample.view = seconds_since(start);
  if (!recipe.thumbs) return sample;
  start = Clock::now();
  sample.thumb_bytes = real(thumbnail(frame).size());
  sample.thumb = seconds_since(start);
  return sample;
}

double file_bytes(const Workload& work, const Recipe& recipe, const Backbone& backbone,
                  double thumb_bytes) {
  // What HDF5 and the attributes take, measured: a file, a tap, a row of a chunked dataset.
  constexpr double kFile = 7000, kTap = 2800, kChunk = 16;
  const double rows = real(work.rows);
  double sum = 0;
  for (const std::size_t i : work.taps) {
    const Tap& tap = backbone.taps().at(i);
    const double tokens = real(tap.grid_h * tap.grid_w * tap.channels);
    // Beside the tokens cell_to_px, six numbers a row.
    sum += rows * (tokens * real(size_of(recipe.store_dtype)) + 48 + 2 * kChunk) + kTap;
  }
  if (work.existing_bytes > 0) return work.existing_bytes + sum;
  // id, time, pose, intrinsics, size.
  sum += rows * (8 + 8 + 128 + 72 + 8 + 5 * kChunk) + kFile;
  if (!work.thumbs) return sum;
  return sum + flat_bytes(rows * thumb_bytes) + rows * 8;
}

Forecast forecast_features(const Workload& work, const FrameSample& sample, const Recipe& recipe,
                           const Backbone& backbone, const Machine& machine) {
  Forecast e;
  if (work.taps.empty() || work.frames == 0) return e;
  const Cost cost = backbone.cost();
  std::vector<std::size_t> all(backbone.taps().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const double share = real(backbone.passes(work.taps).size()) / real(backbone.passes(all).size());
  const double each = cost.once_flops + share * cost.pass_flops;
  e.flops = real(work.frames) * each;
  const std::int64_t batch = batch_of(work, recipe, machine);
  const double network =
      each == 0 ? 0 : rounds(work.frames, batch) * each / (machine.gemm * machine.efficiency);
  const double lanes = std::min(real(std::int64_t{recipe.threads}), real(work.frames));
  const double views = real(work.frames) * sample.view / lanes;
  // On CUDA pictures are resized beside the computing.
  e.seconds = frame_seconds(sample, work, recipe.threads) +
              (machine.cuda ? std::max(network, views) : network + views);
  e.host_bytes = host_bytes(work, sample, recipe, backbone, machine);
  if (machine.cuda) {
    e.device_bytes = kCudaContext + cost.weight_bytes + steps_bytes(backbone, recipe.size, batch) +
                     kept_on_device(work, backbone);
  }
  e.output_bytes = file_bytes(work, recipe, backbone, sample.thumb_bytes);
  return e;
}

}  // namespace vega::extract
