#include "models/qwen2/step_graph.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "models/qwen2/generate.h"
#include "qwen2_samples.h"
#include "support/cuda.h"

using namespace vega;
using namespace vega::test;

namespace {

const at::Device kCuda(at::kCUDA, 0);
constexpr const char* kSteps = "Qwen2's steps";

Ids some_ids(std::size_t count, std::int64_t vocab) {
  Ids ids(count);
  for (std::size_t n = 0; n < count; ++n)
    ids[n] = static_cast<std::int64_t>(n * n * 31 + n * 7 + 5) % vocab;
  return ids;
}

// Hidden states of `steps` steps of caches, and the same tokens given to forward() one by one,
// which takes no graph.
void compare_steps(const qwen2::Decoder& model, std::vector<KvCache>& caches, int steps) {
  std::vector<KvCache*> growing;
  std::vector<KvCache> alone;
  for (KvCache& cache : caches) {
    growing.push_back(&cache);
    alone.push_back(cache.fork());
  }
  for (int step = 0; step < steps; ++step) {
    const Ids ids = some_ids(caches.size() + static_cast<std::size_t>(step), model.config().vocab);
    const at::Tensor embeddings = model.embed(std::span(ids).last(caches.size()));
    std::vector<std::int64_t> places;
    for (const KvCache& cache : caches) places.push_back(cache.length());
    at::Tensor positions = at::tensor(places, at::kLong);
    if (model.config().three_components()) positions = positions.expand({3, positions.size(0)});
    const at::Tensor out = model.step(embeddings, positions, growing);
    for (std::size_t n = 0; n < caches.size(); ++n) {
      CAPTURE(step, n, caches[n].length());
      const auto row = static_cast<std::int64_t>(n);
      const at::Tensor one =
          model.forward(embeddings.narrow(0, row, 1), positions.narrow(-1, row, 1), alone[n]);
      CHECK(at::equal(out.narrow(0, row, 1).cpu(), one.cpu()));
      CHECK(caches[n].length() == alone[n].length());
    }
  }
}

KvCache read_model(const qwen2::Decoder& model, std::size_t count, std::int64_t room) {
  return qwen2_cache(model, some_ids(count, model.config().vocab), room);
}

}  // namespace

TEST_CASE("steps on CUDA: recorded ones give the bits of plain ones, whatever changes", "[cuda]") {
  if (!has_cuda(kSteps)) return;
  for (const char* name : {"half_b", "odd", "three"}) {
    CAPTURE(name);
    const Qwen2Sample sample(name);
    const qwen2::Decoder model = sample.decoder(at::kFloat, kCuda);
    std::vector<KvCache> caches;
    caches.push_back(read_model(model, 11, 12));  // its chunk is full after the first step
    compare_steps(model, caches, 5);
    caches.push_back(read_model(model, 126, 140));  // crosses a block of the kernel
    caches.push_back(read_model(model, 3, 40));
    compare_steps(model, caches, 4);
    caches.erase(caches.begin());  // another number of rows within the same recording
    compare_steps(model, caches, 4);
    // More chunks than the table has room for.
    for (int n = 0; n < 6; ++n) {
      caches[0] = caches[0].fork();
      compare_steps(model, caches, 2);
    }
  }
}

TEST_CASE("steps on CUDA: more tokens than a recording has room for", "[cuda]") {
  if (!has_cuda(kSteps)) return;
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder(at::kFloat, kCuda);
  std::vector<KvCache> caches;
  caches.push_back(read_model(model, 1021, 1100));
  compare_steps(model, caches, 6);
}

TEST_CASE("steps on CUDA: answers are the CPU's in float32", "[cuda]") {
  if (!has_cuda(kSteps)) return;
  for (const char* name : {"half_b", "seven_b", "three"}) {
    CAPTURE(name);
    const Qwen2Sample sample(name);
    const qwen2::Decoder here = sample.decoder(), there = sample.decoder(at::kFloat, kCuda);
    qwen2::GenerationConfig config;
    config.max_new_tokens = 10;
    config.stop_ids = {3, 17, 120, 300};
    const Ids ids = numbers_of(sample.notes()["prompt"]);
    std::vector<qwen2::Prompt> prompts(5);
    for (std::size_t n = 0; n < prompts.size(); ++n)
      prompts[n].ids = {ids.begin() + static_cast<std::ptrdiff_t>(n), ids.end()};
    const auto want = qwen2::generate(here, prompts, config);
    for (int again = 0; again < 2; ++again) {  // the second time everything is recorded
      const auto got = qwen2::generate(there, prompts, config);
      for (std::size_t n = 0; n < prompts.size(); ++n) {
        CAPTURE(again, n);
        CHECK(got[n].ids == want[n].ids);
        CHECK(got[n].stop_id == want[n].stop_id);
      }
    }
  }
}

// The variable is the host emulation's; a GPU records all the same.
TEST_CASE("steps on CUDA: where a recording is refused they run plainly", "[cuda]") {
  if (!has_cuda(kSteps)) return;
  setenv("VEGA_DEVICE_REFUSE_CAPTURE", "1", 1);
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder(at::kFloat, kCuda);
  std::vector<KvCache> caches;
  caches.push_back(read_model(model, 5, 40));
  caches.push_back(read_model(model, 9, 40));
  compare_steps(model, caches, 4);
  unsetenv("VEGA_DEVICE_REFUSE_CAPTURE");
}

TEST_CASE("steps on CUDA: bfloat16 keeps the bar in every step", "[cuda]") {
  if (!has_cuda(kSteps)) return;
  const Qwen2Sample sample("half_b");
  const qwen2::Decoder half = sample.decoder(at::kBFloat16, kCuda), whole = sample.decoder();
  KvCache mine = read_model(half, 30, 50), theirs = read_model(whole, 30, 50);
  for (std::int64_t step = 0; step < 6; ++step) {
    const Ids ids{7 * step + 1};
    const at::Tensor place = at::tensor({30 + step}, at::kLong);
    KvCache* const caches[] = {&mine};
    const at::Tensor got = half.logits(half.step(half.embed(ids), place, caches)).cpu();
    const at::Tensor want = whole.logits(whole.forward(whole.embed(ids), place, theirs));
    CHECK(((got - want).norm() / want.norm()).item<double>() < 2e-2);
  }
}
