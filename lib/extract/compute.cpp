#include "extract/compute.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "core/device.h"

namespace vega::extract {
namespace {

// Where frames of a pass go.
struct Sink {
  NetworkInput input;
  FeatureWriter& writer;
  struct Place {
    std::size_t tap;  // the writer's
    std::string name;
  };
  std::vector<Place> places;  // of each tensor of the pass
};

Sink sink_of(const ComputeJob& job, const Backbone& backbone,
             const std::vector<std::size_t>& pass) {
  Sink sink{job.input, job.writer, {}};
  for (const std::size_t tap : pass) {
    const auto found = std::find(job.taps.begin(), job.taps.end(), tap);
    sink.places.push_back(
        {static_cast<std::size_t>(found - job.taps.begin()), backbone.taps()[tap].name});
  }
  return sink;
}

// What cannot be stored as a finite number is an error, not a feature.
void check_values(const Sink& sink, std::size_t place, const std::string& tap,
                  std::span<const float> values) {
  const DType store = sink.input.recipe.store_dtype;
  const float most = store == DType::kF16 ? 65504.0F : 3.38e38F;
  for (const float value : values) {
    if (std::abs(value) <= most) continue;
    throw InputError(explain(
        "frame " + std::to_string(sink.input.frames.id(place)) + ", tap " + tap,
        "the value " + std::to_string(value), "finite " + std::string(name_of(store)) + " numbers",
        "try --store-dtype fp32 and --dtype fp32; else the weights are broken"));
  }
}

// Row n of each tensor of the pass is frame `place`.
void write_frame(const Sink& sink, std::size_t place, const std::vector<at::Tensor>& out,
                 std::int64_t n) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const at::Tensor one = out[i][n].contiguous();
    const std::span values(one.const_data_ptr<float>(), static_cast<std::size_t>(one.numel()));
    check_values(sink, place, sink.places[i].name, values);
    for (const std::size_t row : sink.input.frames.rows(place))
      sink.writer.put_f32(sink.places[i].tap, row, values);
  }
}

// What encode() made of all frames, for the passes after the first.
class Encoded {
 public:
  explicit Encoded(bool needed) : needed_(needed) {}

  // Frames from `first` on.
  void keep(std::size_t first, const at::Tensor& made) {
    if (!needed_) return;
    const auto bytes = static_cast<double>(made.nbytes());
    const bool here = made.is_cpu() || kept_ + bytes <= kKeptOnDevice;
    if (here) kept_ += bytes;
    if (!here) on_host_ += made.size(0);
    device_ = made.device();
    pieces_[first] = here ? made : made.to(at::kCPU);
  }

  // Frames [first, first + n) on the device, zeros beyond the end.
  at::Tensor batch(std::size_t first, std::int64_t n) const {
    std::vector<at::Tensor> parts;
    while (n > 0) {
      const auto& [start, piece] = *std::prev(pieces_.upper_bound(first));
      const auto skipped = static_cast<std::int64_t>(first - start);
      const std::int64_t some = std::min(n, piece.size(0) - skipped);
      if (some <= 0) {
        auto shape = piece.sizes().vec();
        shape[0] = n;
        parts.push_back(at::zeros(shape, piece.options().device(device_)));
        break;
      }
      parts.push_back(piece.narrow(0, skipped, some).to(device_));
      first += static_cast<std::size_t>(some), n -= some;
    }
    return parts.size() == 1 ? parts[0] : at::cat(parts);
  }

  std::int64_t on_host() const { return on_host_; }

 private:
  bool needed_;
  double kept_ = 0;
  std::int64_t on_host_ = 0;
  at::Device device_{at::kCPU};
  std::map<std::size_t, at::Tensor> pieces_;  // by their first frame
};

// Frames [first, first + n) are stored when they are there.
void store(ComputeJob& job, const Sink& sink, std::size_t first, std::int64_t n,
           Returning results) {
  job.storing.add([=, &lane = job.lane, &storing = job.storing]() mutable {
    if (!lane.wait(results, [&] { return storing.dropped(); })) return;
    results.sources.clear();
    for (std::int64_t i = 0; i < n; ++i)
      write_frame(sink, first + static_cast<std::size_t>(i), results.tensors, i);
  });
}

// One pass in batches of one size from frame `first` on; `first` says how far it came. Throws
// DeviceMemoryError.
void run_batches(ComputeJob& job, const Backbone& backbone, const Sink& sink, BatchFeed& feed,
                 bool encode, Encoded& encoded, std::size_t& first) {
  const std::int64_t batch = feed.batch();
  while (first < job.input.count()) {
    check_stop();
    const BatchFeed::Batch now = feed.next();
    const Arriving arriving = job.lane.send({now.pixels, now.eps});
    const auto frames = std::min(batch, static_cast<std::int64_t>(job.input.count() - first));
    at::Tensor latents;
    std::vector<at::Tensor> out;
    job.lane.compute(&arriving, [&] {
      latents = encode ? backbone.encode(arriving.tensors[0]) : encoded.batch(first, batch);
      out = backbone.forward(latents, arriving.tensors[1]);
    });
    Returning returning = job.lane.fetch(out, arriving);
    if (encode) encoded.keep(first, latents.narrow(0, 0, frames));
    store(job, sink, first, frames, std::move(returning));
    first += static_cast<std::size_t>(frames);
    job.progress.add(frames);
  }
}

// How many frames fit the memory that the weights left free, asked once a run. A fifth stays free:
// the allocator needs room to move, and cuDNN quietly takes another plan, which gives other bits,
// for a convolution whose workspace does not fit.
void fit_memory(Batching& batching, const Backbone& backbone, const Recipe& recipe) {
  if (batching.fitted() || !recipe.device.is_cuda()) return;
  empty_cache(recipe.device);  // what folding the weights left behind
  const auto free = static_cast<double>(device_memory(recipe.device).free);
  if (!(backbone.step_bytes(1) > 0) || free <= 0) return;
  batching.fit(fitting_frames(backbone, recipe.size, batching.size(0), 0.8 * free));
  log_info("--batch auto: at most {} frames a step, which take {:.2f} of {:.1f} GB free",
           batching.size(0), steps_bytes(backbone, recipe.size, batching.size(0)) / 1e9,
           free / 1e9);
}

// Adds what the feed waited when it is done with, by an error too.
struct Waited {
  const BatchFeed& feed;
  double& sum;
  ~Waited() { sum += feed.wait_s(); }
};

}  // namespace

double result_bytes(const Backbone& backbone, const std::vector<std::size_t>& taps) {
  double most = 0;
  for (const auto& pass : backbone.passes(taps)) {
    double sum = 0;
    for (const std::size_t tap : pass) {
      const Tap& one = backbone.taps().at(tap);
      sum += 4 * static_cast<double>(one.grid_h * one.grid_w * one.channels);
    }
    most = std::max(most, sum);
  }
  return most;
}

double steps_bytes(const Backbone& backbone, ImageSize size, std::int64_t frames) {
  std::vector<std::size_t> taps(backbone.taps().size());
  std::iota(taps.begin(), taps.end(), std::size_t{0});
  const double pixels =
      3.0 * size.width * size.height * static_cast<double>(at::elementSize(backbone.pixel_type()));
  const double beside =
      pixels + 4 * static_cast<double>(backbone.noise_size()) + result_bytes(backbone, taps);
  return backbone.step_bytes(frames) +
         static_cast<double>(kUnstored) * static_cast<double>(frames) * beside;
}

std::int64_t fitting_frames(const Backbone& backbone, ImageSize size, std::int64_t most,
                            double room) {
  while (most > 1 && steps_bytes(backbone, size, most) > room) --most;
  return most;
}

ComputeWork compute_by_frames(ComputeJob& job, Backbone& backbone) {
  const NetworkInput& input = job.input;
  const auto passes = backbone.passes(job.taps);
  ComputeWork work;
  work.passes = static_cast<std::int64_t>(passes.size());
  std::atomic<std::int64_t> made{0}, waited_ns{0};
  std::vector<at::Tensor> encoded(passes.size() > 1 ? input.count() : 0);  // for later passes
  for (std::size_t p = 0; p < passes.size(); ++p) {
    backbone.begin(passes[p]);
    const Sink sink = sink_of(job, backbone, passes[p]);
    const auto body = [&](std::size_t place) {
      at::Tensor latents, eps = at::empty({1, input.noise.size()}, at::kFloat);
      const auto begun = Clock::now();
      input.write_noise(place, eps.data_ptr<float>());
      if (p == 0) {
        const at::Tensor pixels =
            at::empty({1, 3, input.recipe.size.height, input.recipe.size.width}, at::kFloat);
        input.write_pixels(place, pixels);
        waited_ns += static_cast<std::int64_t>(1e9 * seconds_since(begun));
        latents = backbone.encode(pixels);
        if (!encoded.empty()) encoded[place] = latents.clone();
        ++made;
      } else {
        latents = encoded[place];
      }
      write_frame(sink, place, backbone.run(latents, eps), 0);
      job.progress.add();
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
  Encoded encoded(passes.size() > 1);
  job.lane.take_times();  // those of a scene that failed are not this one's
  for (std::size_t p = 0; p < passes.size(); ++p) {
    const auto pixels = p == 0 ? std::optional(backbone.pixel_type()) : std::nullopt;
    const Sink sink = sink_of(job, backbone, passes[p]);
    bool begun = false;
    std::size_t first = 0;
    while (first < input.count()) {
      work.batch = batching.size(input.count() - first);
      try {
        if (!begun) job.lane.compute(nullptr, [&] { backbone.begin(passes[p]); });
        begun = true;
        fit_memory(batching, backbone, input.recipe);
        work.batch = batching.size(input.count() - first);
        std::unique_ptr<BatchFeed> feed = std::move(job.feed);
        if (!feed || p > 0 || feed->first() != first || feed->batch() != work.batch)
          feed = std::make_unique<BatchFeed>(input, first, work.batch, pixels);
        const Waited waited{*feed, work.wait_s};
        run_batches(job, backbone, sink, *feed, p == 0, encoded, first);
      } catch (const DeviceMemoryError& error) {
        if (!batching.halve(work.batch)) throw;
        ++work.halvings;
        job.storing.finish();              // gives back what it holds
        empty_cache(input.recipe.device);  // cuBLAS and cuDNN allocate beside LibTorch
        log_warn("{}: goes on with --batch {}", error.what(), batching.size(input.count() - first));
      }
    }
    if (p == 0) work.encoded = static_cast<std::int64_t>(input.count());
  }
  work.on_host = encoded.on_host();
  work.times = job.lane.take_times();
  return work;
}

ComputeWork compute(ComputeJob& job, Backbone& backbone, Batching& batching) {
  if (job.input.recipe.device.is_cuda()) return compute_by_batches(job, backbone, batching);
  return compute_by_frames(job, backbone);
}

}  // namespace vega::extract
