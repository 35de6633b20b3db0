#include "extract/compute.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "extract/prefetch.h"
#include "media/view.h"

namespace vega::extract {
namespace {

// Pixels (3, H, W) and noise of one frame, written in place.
void prepare(const Job& job, std::size_t place, float* pixels, float* eps) {
  const SignedImage seen =
      apply_view(job.cache.image(place), job.recipe.view, job.recipe.size, job.depth);
  std::copy(seen.chw.begin(), seen.chw.end(), pixels);
  if (job.noise.size() > 0) {
    job.noise.fill(job.source.frames[job.chosen.frames[place]].id,
                   {eps, static_cast<std::size_t>(job.noise.size())});
  }
}

// What cannot be stored as a finite number is an error, not a feature.
void check_values(const Job& job, std::size_t place, std::size_t tap,
                  std::span<const float> values) {
  const float most = job.recipe.store == DType::kF16 ? 65504.0F : 3.38e38F;
  for (const float value : values) {
    if (std::abs(value) <= most) continue;
    const std::int64_t id = job.source.frames[job.chosen.frames[place]].id;
    throw InputError(
        explain("frame " + std::to_string(id) + ", tap " + std::to_string(tap),
                "the value " + std::to_string(value),
                "finite " + std::string(name_of(job.recipe.store)) + " numbers",
                "try --store-dtype fp32 and --dtype fp32; else the weights are broken"));
  }
}

void put(const Job& job, std::size_t place, const std::vector<at::Tensor>& out, std::int64_t n) {
  for (std::size_t tap = 0; tap < job.taps.size(); ++tap) {
    const at::Tensor one = out[job.taps[tap]][n].contiguous();
    const std::span values(one.const_data_ptr<float>(), static_cast<std::size_t>(one.numel()));
    check_values(job, place, tap, values);
    for (const std::size_t row : job.chosen.rows[place]) job.writer.put_f32(tap, row, values);
  }
  job.progress.add();
}

// CPU: one frame a worker, one intra-op thread each; bits do not depend on the number of workers.
void compute_on_cpu(const Job& job, const Backbone& backbone) {
  const auto body = [&](std::size_t place) {
    at::Tensor pixels =
        at::empty({1, 3, job.recipe.size.height, job.recipe.size.width}, at::kFloat);
    at::Tensor eps = at::empty({1, job.noise.size()}, at::kFloat);
    prepare(job, place, pixels.data_ptr<float>(), eps.data_ptr<float>());
    put(job, place, backbone.run(pixels, eps), 0);
  };
  parallel_for(job.chosen.frames.size(), job.recipe.threads, body, [] { at::set_num_threads(1); });
}

// CUDA: workers prepare batches ahead of the device; the last batch is padded so that every batch
// has one size.
void compute_on_cuda(const Job& job, const Backbone& backbone) {
  const auto total = job.chosen.frames.size();
  const auto batch = static_cast<std::size_t>(job.recipe.batch);
  struct Batch {
    at::Tensor pixels, eps;
  };
  const auto make = [&](std::size_t index) {
    const auto n = static_cast<std::int64_t>(batch);
    Batch made{at::zeros({n, 3, job.recipe.size.height, job.recipe.size.width}, at::kFloat),
               at::zeros({n, job.noise.size()}, at::kFloat)};
    const auto frame = static_cast<std::size_t>(made.pixels.stride(0));
    for (std::size_t i = 0; i < batch && index * batch + i < total; ++i) {
      prepare(job, index * batch + i, made.pixels.data_ptr<float>() + i * frame,
              made.eps.data_ptr<float>() + i * static_cast<std::size_t>(job.noise.size()));
    }
    return made;
  };
  Prefetch<Batch> batches((total + batch - 1) / batch, std::min(job.recipe.threads, 8), make);
  for (std::size_t first = 0; first < total; first += batch) {
    check_stop();
    const Batch now = batches.next();
    const std::vector<at::Tensor> out = backbone.run(now.pixels, now.eps);
    for (std::size_t i = 0; i < batch && first + i < total; ++i)
      put(job, first + i, out, static_cast<std::int64_t>(i));
  }
}

}  // namespace

void compute(const Job& job, const Backbone& backbone) {
  if (job.recipe.device.is_cuda())
    compute_on_cuda(job, backbone);
  else
    compute_on_cpu(job, backbone);
}

}  // namespace vega::extract
