// The device half of computing, driven by backbones on the CPU: batches made ahead, memory that is
// short.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <limits>
#include <string>

#include "base/error.h"
#include "extract/compute.h"
#include "extract_trial.h"

using namespace vega;
using namespace vega::extract;
using test::Trial;

namespace {

// Two taps, "double" and "triple" of each pixel mean, in a pass each; batches above `most` do not
// fit.
class Small : public Backbone {
 public:
  explicit Small(std::int64_t most) : most_(most) {
    for (const char* name : {"b2_t100", "b3_t200"}) {
      Tap tap;
      tap.name = name;
      tap.grid_h = tap.grid_w = 1, tap.channels = 3;
      taps_.push_back(tap);
    }
  }
  std::string fingerprint() const override { return ""; }
  std::string name() const override { return "small"; }
  const std::vector<Tap>& taps() const override { return taps_; }
  std::int64_t noise_size() const override { return 4; }
  void load() override {}
  std::vector<std::vector<std::size_t>> passes(
      const std::vector<std::size_t>& taps) const override {
    std::vector<std::vector<std::size_t>> out;
    for (const std::size_t tap : taps) out.push_back({tap});
    return out;
  }
  void begin(const std::vector<std::size_t>& pass) override { now_ = pass.front(); }
  at::Tensor encode(const at::Tensor& pixels) const override {
    check(pixels.size(0));
    encoded_ += pixels.size(0);
    return pixels.mean({2, 3});
  }
  std::vector<at::Tensor> forward(const at::Tensor& encoded, const at::Tensor& eps) const override {
    check(encoded.size(0));
    sizes_.push_back(encoded.size(0));
    const at::Tensor sum = encoded * (now_ == 0 ? 2.0F : 3.0F) + eps.sum(1, true);
    return {sum.reshape({encoded.size(0), 1, 1, 3})};
  }
  const std::vector<std::int64_t>& sizes() const { return sizes_; }

 private:
  void check(std::int64_t n) const {
    if (n > most_) throw DeviceMemoryError("toy: out of memory");
  }
  std::int64_t most_;
  std::vector<Tap> taps_;
  std::size_t now_ = 0;
  mutable std::int64_t encoded_ = 0;
  mutable std::vector<std::int64_t> sizes_;
};

void check_equal(const FeatureReader& a, const FeatureReader& b) {
  REQUIRE(a.taps().size() == b.taps().size());
  for (std::size_t tap = 0; tap < a.taps().size(); ++tap)
    CHECK(a.read_f32(tap, 0, 7) == b.read_f32(tap, 0, 7));
}

}  // namespace

TEST_CASE("frames are shared out evenly, unless the user chose the number") {
  const Batching automatic(32, false), chosen(13, true);
  const auto sizes = [&](const Batching& batching) {
    std::vector<std::int64_t> out;
    for (const std::size_t frames : {1, 7, 31, 32, 33, 64, 65, 100})
      out.push_back(batching.size(frames));
    return out;
  };
  CHECK(sizes(automatic) == std::vector<std::int64_t>{1, 7, 31, 32, 17, 32, 22, 25});
  CHECK(sizes(chosen) == std::vector<std::int64_t>(8, 13));
  for (std::size_t frames = 1; frames < 300; ++frames) {  // less than a frame of padding a batch
    const auto size = static_cast<std::size_t>(automatic.size(frames));
    const std::size_t batches = (frames + size - 1) / size;
    CHECK(size <= 32);
    CHECK(batches == (frames + 31) / 32);
    CHECK(batches * size - frames < batches);
  }
}

TEST_CASE("a batch is 16 or 8 frames where they fit, else what fits; it never grows") {
  for (const auto& [fitting, most] :
       {std::pair{500, 16}, {16, 16}, {15, 8}, {8, 8}, {7, 7}, {1, 1}, {0, 1}}) {
    Batching batching(16, false);
    CHECK_FALSE(batching.fitted());
    batching.fit(fitting);
    CHECK(batching.size(0) == most);
    batching.fit(500);
    CHECK(batching.size(0) == most);
  }
  Batching chosen(40, true);
  chosen.fit(3);
  CHECK(chosen.size(0) == 40);
  CHECK_FALSE(chosen.halve(40));
}

TEST_CASE("steps take what the backbone says, and frames, noise and results beside it") {
  const Trial trial;
  const Small backbone(100);
  const ImageSize size = trial.recipe.size;
  // Of the two steps that are not stored: float32 pixels, four numbers of noise, three of a result.
  const double frame = 2 * 4.0 * (3 * size.width * size.height + 4 + 3);
  CHECK(steps_bytes(backbone, size, 5) == 5 * frame);
  CHECK(fitting_frames(backbone, size, 16, 7.5 * frame) == 7);
  CHECK(fitting_frames(backbone, size, 16, 1e12) == 16);
  CHECK(fitting_frames(backbone, size, 16, 0) == 1);
}

TEST_CASE("batches give what frames one by one give; the last one is padded to one size") {
  Trial trial;
  Small one(100), many(100);
  trial.batch = 0;
  const FeatureReader single = trial.run(one, "single.h5", {0, 1});
  CHECK(trial.work.encoded == 7);
  CHECK(trial.work.passes == 2);
  trial.batch = 4;
  const FeatureReader batched = trial.run(many, "batched.h5", {0, 1});
  check_equal(single, batched);
  CHECK(many.sizes() == std::vector<std::int64_t>{4, 4, 4, 4});
  CHECK(trial.work.encoded == 7);
  CHECK(trial.work.halvings == 0);
  // The writer's order need not be the backbone's.
  const FeatureReader turned = trial.run(many, "turned.h5", {1, 0});
  CHECK(turned.read_f32(turned.tap_index("b2_t100"), 0, 7) ==
        single.read_f32(single.tap_index("b2_t100"), 0, 7));
}

TEST_CASE("one worker and many make the same batches, whatever their size") {
  Trial trial;
  Small one(100);
  trial.batch = 0;
  const FeatureReader single = trial.run(one, "single.h5", {0, 1});
  for (const std::int64_t batch : {1, 2, 3, 5, 7, 32}) {
    for (const int threads : {1, 8}) {
      Small many(100);
      trial.batch = batch, trial.recipe.threads = threads;
      const std::string name = std::to_string(batch) + "_" + std::to_string(threads) + ".h5";
      check_equal(single, trial.run(many, name, {0, 1}));
    }
  }
}

TEST_CASE("--batch auto halves until it fits, loses nothing, and says so") {
  Trial trial;
  Small plenty(100), tight(3), tighter(2);
  const FeatureReader whole = trial.run(plenty, "whole.h5", {0, 1});
  trial.batch = 16;
  check_equal(whole, trial.run(tight, "halved.h5", {0, 1}));
  CHECK(trial.most == 3);  // of 7
  CHECK(trial.work.halvings == 1);
  CHECK(trial.work.batch == 3);
  check_equal(whole, trial.run(tighter, "twice.h5", {0, 1}));
  CHECK(trial.most == 1);
  CHECK(trial.work.halvings == 2);
  Small none(0);
  CHECK_THROWS_AS(trial.run(none, "none.h5", {0}), DeviceMemoryError);
  CHECK_FALSE(std::filesystem::exists(trial.folder / "none.h5"));
}

TEST_CASE("a batch that was asked for by number is not changed") {
  Trial trial;
  test::set(trial.options, "--batch", "4");
  const int threads = trial.recipe.threads;
  trial.recipe = resolve(trial.options);
  trial.recipe.threads = threads;
  Small tight(3);
  CHECK_THROWS_AS(trial.run(tight, "x.h5", {0}), DeviceMemoryError);
}

TEST_CASE("memory that runs short while a pass begins halves the batch too") {
  class Begins final : public Small {
   public:
    Begins() : Small(100) {}
    void begin(const std::vector<std::size_t>& pass) override {
      if (++begun_ == 2) throw DeviceMemoryError("toy: while folding");
      Small::begin(pass);
    }
    int begun() const { return begun_; }

   private:
    int begun_ = 0;
  };
  Trial trial;
  Small plenty(100);
  Begins begins;
  const FeatureReader whole = trial.run(plenty, "whole.h5", {0, 1});
  check_equal(whole, trial.run(begins, "begins.h5", {0, 1}));
  CHECK(begins.begun() == 3);
  CHECK(trial.work.halvings == 1);
  CHECK(begins.sizes() == std::vector<std::int64_t>{4, 4, 2, 2, 2, 2});
}

TEST_CASE("memory that runs short in a later pass costs only that pass") {
  class Later final : public Backbone {
   public:
    Later() : inner_(100) {}
    std::string fingerprint() const override { return ""; }
    std::string name() const override { return "later"; }
    const std::vector<Tap>& taps() const override { return inner_.taps(); }
    std::int64_t noise_size() const override { return 4; }
    void load() override {}
    std::vector<std::vector<std::size_t>> passes(const std::vector<std::size_t>& t) const override {
      return inner_.passes(t);
    }
    void begin(const std::vector<std::size_t>& pass) override { inner_.begin(pass), ++begun_; }
    at::Tensor encode(const at::Tensor& pixels) const override { return inner_.encode(pixels); }
    std::vector<at::Tensor> forward(const at::Tensor& x, const at::Tensor& eps) const override {
      if (begun_ == 2 && ++runs_ == 2 && x.size(0) == 4) throw DeviceMemoryError("toy");
      return inner_.forward(x, eps);
    }

   private:
    Small inner_;
    int begun_ = 0;
    mutable int runs_ = 0;
  };
  Trial trial;
  Small plenty(100);
  Later later;
  const FeatureReader whole = trial.run(plenty, "whole.h5", {0, 1});
  check_equal(whole, trial.run(later, "later.h5", {0, 1}));
  CHECK(trial.work.halvings == 1);
  CHECK(trial.work.batch == 2);
}

TEST_CASE("a value that cannot be stored ends the scene behind the device, and no file stays") {
  class Broken final : public Small {
   public:
    Broken() : Small(100) {}
    std::vector<at::Tensor> forward(const at::Tensor& x, const at::Tensor& eps) const override {
      std::vector<at::Tensor> out = Small::forward(x, eps);
      if (sizes().size() == 2) out[0][1].fill_(std::numeric_limits<float>::infinity());
      return out;
    }
  };
  for (const std::int64_t batch : {2, 4}) {
    Trial trial;
    Broken broken;
    trial.batch = batch;
    const std::string frame = "frame " + std::to_string(batch + 1);
    CHECK_THROWS_WITH(trial.run(broken, "x.h5", {0}), Catch::Contains(frame) &&
                                                          Catch::Contains("b2_t100") &&
                                                          Catch::Contains("finite"));
    CHECK_FALSE(std::filesystem::exists(trial.folder / "x.h5"));
  }
}
