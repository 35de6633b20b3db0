#include "extract/compute.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "core/device.h"

namespace vega::extract {
namespace {

// What cannot be stored as a finite number is an error, not a feature.
void check_values(const ComputeJob& job, std::size_t place, const std::string& tap,
                  std::span<const float> values) {
  const DType store = job.input.recipe.store_dtype;
  const float most = store == DType::kF16 ? 65504.0F : 3.38e38F;
  for (const float value : values) {
    if (std::abs(value) <= most) continue;
    throw InputError(explain(
        "frame " + std::to_string(job.input.frames.id(place)) + ", tap " + tap,
        "the value " + std::to_string(value), "finite " + std::string(name_of(store)) + " numbers",
        "try --store-dtype fp32 and --dtype fp32; else the weights are broken"));
  }
}

// Row n of each tensor of a pass is frame `place`.
void write_frame(ComputeJob& job, const Backbone& backbone, const std::vector<std::size_t>& pass,
                 std::size_t place, const std::vector<at::Tensor>& out, std::int64_t n) {
  for (std::size_t i = 0; i < pass.size(); ++i) {
    const auto found = std::find(job.taps.begin(), job.taps.end(), pass[i]);
    const auto tap = static_cast<std::size_t>(found - job.taps.begin());
    const at::Tensor one = out[i][n].contiguous();
    const std::span values(one.const_data_ptr<float>(), static_cast<std::size_t>(one.numel()));
    check_values(job, place, backbone.taps()[pass[i]].name, values);
    for (const std::size_t row : job.input.frames.rows(place)) job.writer.put_f32(tap, row, values);
  }
  job.progress.add();
}

// What encode() made of each frame, on the CPU, for the passes after the first.
class Encoded {
 public:
  Encoded(std::size_t frames, bool needed) : of_frame_(needed ? frames : 0) {}
  void keep(std::size_t place, const at::Tensor& one) {
    if (!of_frame_.empty()) of_frame_[place] = one.to(at::kCPU).clone();
  }
  const at::Tensor& operator[](std::size_t place) const { return of_frame_[place]; }

  // Frames [first, first + n), zeros beyond the end.
  at::Tensor batch(std::size_t first, std::int64_t n) const {
    auto shape = of_frame_.front().sizes().vec();
    shape.insert(shape.begin(), n);
    at::Tensor out = at::zeros(shape, at::kFloat);
    for (std::int64_t i = 0; i < n && first + static_cast<std::size_t>(i) < of_frame_.size(); ++i)
      out[i].copy_(of_frame_[first + static_cast<std::size_t>(i)]);
    return out;
  }

 private:
  std::vector<at::Tensor> of_frame_;
};

// One pass in batches of one size from frame `first` on; `first` says how far it came. Throws
// DeviceMemoryError.
void run_batches(ComputeJob& job, const Backbone& backbone, const std::vector<std::size_t>& pass,
                 BatchFeed& feed, bool encode, Encoded& encoded, std::size_t& first) {
  const std::int64_t batch = feed.batch();
  while (first < job.input.count()) {
    check_stop();
    const BatchFeed::Batch now = feed.next();
    const at::Tensor latents = encode ? backbone.encode(now.pixels) : encoded.batch(first, batch);
    const std::vector<at::Tensor> out = backbone.run(latents, now.eps);
    for (std::int64_t i = 0; i < batch && first < job.input.count(); ++i, ++first) {
      if (encode) encoded.keep(first, latents[i]);
      write_frame(job, backbone, pass, first, out, i);
    }
  }
}

// How many frames fit the memory that the weights left free, asked once a run. A fifth stays free:
// the allocator needs room to move, and cuDNN quietly takes another plan, which gives other bits,
// for a convolution whose workspace does not fit.
void fit_memory(Batching& batching, const Backbone& backbone, at::Device device) {
  if (batching.fitted() || !device.is_cuda()) return;
  empty_cache(device);  // what folding the weights left behind
  const double frame = backbone.cost().activation_bytes;
  const auto free = static_cast<double>(device_memory(device).free);
  if (!(frame > 0) || free <= 0) return;
  batching.fit(static_cast<std::int64_t>(0.8 * free / frame));
  log_info("--batch auto: at most {} frames a step ({:.1f} GB free, {:.2f} GB a frame)",
           batching.size(0), free / 1e9, frame / 1e9);
}

// Adds what the feed waited when it is done with, by an error too.
struct Waited {
  const BatchFeed& feed;
  double& sum;
  ~Waited() { sum += feed.wait_s(); }
};

}  // namespace

ComputeWork compute_by_frames(ComputeJob& job, Backbone& backbone) {
  const NetworkInput& input = job.input;
  const auto passes = backbone.passes(job.taps);
  ComputeWork work;
  work.passes = static_cast<std::int64_t>(passes.size());
  std::atomic<std::int64_t> made{0}, waited_ns{0};
  Encoded encoded(input.count(), passes.size() > 1);
  for (std::size_t p = 0; p < passes.size(); ++p) {
    backbone.begin(passes[p]);
    const auto body = [&](std::size_t place) {
      at::Tensor latents, eps = at::empty({1, input.noise.size()}, at::kFloat);
      const auto begun = Clock::now();
      input.write_noise(place, eps.data_ptr<float>());
      if (p == 0) {
        at::Tensor pixels =
            at::empty({1, 3, input.recipe.size.height, input.recipe.size.width}, at::kFloat);
        input.write_pixels(place, pixels.data_ptr<float>());
        waited_ns += static_cast<std::int64_t>(1e9 * seconds_since(begun));
        latents = backbone.encode(pixels);
        encoded.keep(place, latents[0]);
        ++made;
      } else {
        latents = encoded[place].unsqueeze(0);
      }
      write_frame(job, backbone, passes[p], place, backbone.run(latents, eps), 0);
    };
    parallel_for(input.count(), input.recipe.threads, body, [] { at::set_num_threads(1); });
  }
  work.encoded = made;
  const auto workers = std::min<std::size_t>(static_cast<std::size_t>(input.recipe.threads),
                                             std::max<std::size_t>(1, input.count()));
  work.wait_s = 1e-9 * static_cast<double>(waited_ns) / static_cast<double>(workers);
  return work;
}

ComputeWork compute_by_batches(ComputeJob& job, Backbone& backbone, Batching& batching) {
  const NetworkInput& input = job.input;
  const auto passes = backbone.passes(job.taps);
  ComputeWork work;
  work.passes = static_cast<std::int64_t>(passes.size());
  Encoded encoded(input.count(), passes.size() > 1);
  for (std::size_t p = 0; p < passes.size(); ++p) {
    bool begun = false;
    std::size_t first = 0;
    while (first < input.count()) {
      work.batch = batching.size(input.count() - first);
      try {
        if (!begun) backbone.begin(passes[p]);
        begun = true;
        fit_memory(batching, backbone, input.recipe.device);
        work.batch = batching.size(input.count() - first);
        std::unique_ptr<BatchFeed> feed = std::move(job.feed);
        if (!feed || p > 0 || feed->first() != first || feed->batch() != work.batch)
          feed = std::make_unique<BatchFeed>(input, first, work.batch, p == 0);
        const Waited waited{*feed, work.wait_s};
        run_batches(job, backbone, passes[p], *feed, p == 0, encoded, first);
      } catch (const DeviceMemoryError& error) {
        if (!batching.halve(work.batch)) throw;
        ++work.halvings;
        empty_cache(input.recipe.device);  // cuBLAS and cuDNN allocate beside LibTorch
        log_warn("{}: goes on with --batch {}", error.what(), batching.size(input.count() - first));
      }
    }
    if (p == 0) work.encoded = static_cast<std::int64_t>(input.count());
  }
  return work;
}

ComputeWork compute(ComputeJob& job, Backbone& backbone, Batching& batching) {
  if (job.input.recipe.device.is_cuda()) return compute_by_batches(job, backbone, batching);
  return compute_by_frames(job, backbone);
}

}  // namespace vega::extract
