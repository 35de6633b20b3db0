// Noise, loss and gradients of a step; checkpoints of the state.
#include "train/world/world_step.h"

#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include <cmath>

#include "base/philox.h"
#include "core/tensor.h"
#include "support/support.h"
#include "train/world/world_state.h"

using namespace vega;
using namespace vega::train;

namespace {

WorldRecipe tiny_recipe() {
  WorldRecipe r;
  r.size = {32, 16};
  r.dit.dim = 16, r.dit.layers = 2, r.dit.heads = 2, r.dit.ffn_dim = 32;
  r.dit.text_dim = 16, r.dit.freq_dim = 16;
  r.clips.clips = 3, r.clips.frames = 2, r.micro_batch = 3;
  r.schedule = {ScheduleKind::kConstant, 10, 0};
  r.dtype = DType::kF32;
  return r;
}

// Two walks of four frames, latents of noise.
LatentStore tiny_latents(const WorldRecipe& r) {
  const std::vector<std::size_t> lengths{4, 4};
  LatentStore store(lengths, r.size, true);
  for (std::size_t walk = 0; walk < 2; ++walk)
    for (std::size_t place = 0; place < 4; ++place)
      for (const bool mirrored : {false, true}) {
        std::vector<float> values(16 * 2 * 4);
        noise_v1(1, "latents", static_cast<std::int64_t>(8 * walk + 2 * place + mirrored), values);
        store.put(walk, place, mirrored, float_tensor(values, {16, 2, 4}));
      }
  return store;
}

WorldStepResult step_of(const WorldRecipe& r, WorldState& state, std::int64_t step) {
  static const LatentStore latents = tiny_latents(tiny_recipe());
  const ClipDrawer drawer({4, 4}, r.clips, r.seed);
  state.optimizer().clear_gradients();
  WorldStepResult out = add_gradients(r, state, latents, step, drawer.step(step));
  out.norm = state.optimizer().gradient_norm();
  state.optimizer().step(std::map<std::string, double>{{"model", 1e-2}});
  state.average(step + 1);
  return out;
}

}  // namespace

TEST_CASE("shares of noise are sigmoids of normals, and steps differ") {
  WorldRecipe r = tiny_recipe();
  double sum = 0, squares = 0;
  for (std::int64_t step = 0; step < 50; ++step)
    for (const double share : noise_shares(r, step, 32)) {
      const double n = std::log(share / (1 - share));
      sum += n, squares += n * n;
    }
  CHECK(sum / 1600 == Approx(0.3).margin(0.1));  // four deviations of the mean
  CHECK(std::sqrt(squares / 1600 - sum * sum / 1600 / 1600) == Approx(1).margin(0.08));
  CHECK(noise_shares(r, 3, 4) == noise_shares(r, 3, 4));
  CHECK(noise_shares(r, 3, 4) != noise_shares(r, 4, 4));
  r.seed = 7;
  CHECK(noise_shares(r, 3, 4) != noise_shares(tiny_recipe(), 3, 4));
}

TEST_CASE("the noise of a clip depends on its place in the step, not on the pass or the threads") {
  WorldRecipe r = tiny_recipe();
  const at::Tensor all = clip_noise(r, 5, 0, 3, 2);
  CHECK(all.sizes() == at::IntArrayRef({3, 16, 2, 2, 4}));
  r.threads = 2;
  CHECK(at::equal(all.narrow(0, 1, 2), clip_noise(r, 5, 1, 2, 2)));
  CHECK_FALSE(at::equal(all[0], all[1]));
  CHECK_FALSE(at::equal(all, clip_noise(r, 6, 0, 3, 2)));
}

TEST_CASE("passes of one clip give the loss and the gradients of one pass") {
  WorldRecipe whole = tiny_recipe(), parts = tiny_recipe();
  parts.micro_batch = 1;
  Parameters values = starting_values(whole);
  for (auto& [name, tensor] : values)  // a head of zeros would hide all gradients but its own
    if (name == "head.head.weight") tensor.fill_(0.1).narrow(0, 0, 7).fill_(-0.2);
  WorldState a(whole, values, {}), b(parts, values, {});
  const LatentStore latents = tiny_latents(whole);
  const ClipDrawer drawer({4, 4}, whole.clips, whole.seed);
  for (std::int64_t step = 0; step < 6; ++step) {
    a.optimizer().clear_gradients();
    b.optimizer().clear_gradients();
    const WorldStepResult one = add_gradients(whole, a, latents, step, drawer.step(step)),
                          other = add_gradients(parts, b, latents, step, drawer.step(step));
    CHECK(one.loss == Approx(other.loss).epsilon(1e-5));
    CHECK(a.optimizer().gradient_norm() ==
          Approx(b.optimizer().gradient_norm()).epsilon(1e-5).margin(0));
    CHECK(a.optimizer().gradient_norm() > 0);
    CHECK(one.frames == 6);
    CHECK(one.bad.empty());
  }
}

TEST_CASE("the first loss is that of a network which says nothing") {
  // Its head is zero: the loss is the mean square of noise - latent, both normal.
  const WorldRecipe r = tiny_recipe();
  WorldState state(r, starting_values(r), {});
  CHECK(step_of(r, state, 0).loss == Approx(2).margin(0.4));
}

TEST_CASE("a run that goes on from a checkpoint computes what it would have") {
  WorldRecipe r = tiny_recipe();
  r.optimizer = GENERATE(MatrixRule::kMuon, MatrixRule::kAdamW);
  const Parameters values = starting_values(r);
  const test::TempFolder folder;
  RunFolder run(folder / "run", Json{{"a", 1}});
  WorldState a(r, values, {});
  for (std::int64_t step = 0; step < 3; ++step) step_of(r, a, step);
  a.save(run, 3, Json{{"kind", "world"}});
  WorldState b(r, values, {});
  b.restore(run, *run.newest());
  for (std::int64_t step = 3; step < 5; ++step) {
    const WorldStepResult one = step_of(r, a, step), other = step_of(r, b, step);
    CHECK(one.loss == other.loss);
    CHECK(one.norm == other.norm);
  }
  a.save(run, 5, Json{{"kind", "world"}});
  RunFolder again(folder / "again", Json{{"a", 1}});
  b.save(again, 5, Json{{"kind", "world"}});
  for (const char* content : {"model", "ema", "optimizer"}) {
    const TensorSet one = run.read_tensors(*run.newest(), content),
                    other = again.read_tensors(*again.newest(), content);
    REQUIRE(one.tensors().size() == other.tensors().size());
    CHECK(one.tensors().size() > 20);
    for (const auto& [name, view] : one.tensors())
      CHECK(at::equal(tensor_from(view), tensor_from(*other.find(name))));
  }
}

TEST_CASE("the line of a step") {
  WorldStepResult result;
  result.loss = 1.5, result.norm = 0.25, result.seconds = 2, result.frames = 32;
  result.low.add(1), result.low.add(3);
  const Json line = result.line(7, 2e-3, 1000);
  CHECK(line.dump() ==
        R"({"step":7,"loss":1.5,"loss_by":{"noise < 0.4":2.0,"clips":1.5},"rate":{"model":0.002},)"
        R"("grad_norm":0.25,"frames":32,"frames_per_s":16.0,"seconds":2.0,"memory":1000})");
}
