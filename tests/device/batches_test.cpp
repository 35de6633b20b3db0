// Batches on their way to the device and back: copies beside the computing, and who waits for whom.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "models/backbone.h"
#include "support/support.h"
#include "unit/extract/extract_trial.h"
#include "watch.h"

using namespace vega;

namespace {

const at::Device kCuda(at::kCUDA, 0);

// Streams beside the default one, 0, numbered as they come: which ones the pool gave is nobody's
// business.
std::string renumbered(const std::string& trace) {
  const std::regex number("stream ([1-9][0-9]*)");
  std::vector<std::string> seen;
  std::string out;
  auto from = trace.cbegin();
  for (std::sregex_iterator at(trace.begin(), trace.end(), number), end; at != end; ++at) {
    const std::string name = (*at)[1];
    auto place = std::find(seen.begin(), seen.end(), name);
    if (place == seen.end()) place = seen.insert(place, name);
    out.append(from, (*at)[1].first).append(std::to_string(place - seen.begin() + 1));
    from = (*at)[1].second;
  }
  return out.append(from, trace.cend());
}

// Copies and waits as they are, what is computed between them as a number of operations.
std::string without_computing(const std::string& trace) {
  std::istringstream in(renumbered(trace));
  std::string out;
  int computed = 0;
  const auto tell = [&] {
    if (computed > 0) out += "(" + std::to_string(computed) + " operations)\n";
    computed = 0;
  };
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("stream ") && line.find("@cpu") == std::string::npos &&
        !line.starts_with("item") && !line.starts_with("_local_scalar_dense")) {
      ++computed;
      continue;
    }
    tell();
    out += line + "\n";
  }
  tell();
  return out;
}

// A made-up Wan model.
std::string tiny_model() {
  static const test::TempFolder folder;
  static const std::string model = [] {
    synth::ModelOptions made;
    made.folder = (folder / "tiny").string(), made.progress = ProgressMode::kOff;
    synth::write_model(made);
    return made.folder;
  }();
  return model;
}

struct Tiny {
  BackboneOptions options;

  Tiny() {
    options.model = tiny_model();
    options.size = {64, 48};
    options.dtype = at::kBFloat16;
    options.blocks = {1};
    options.pool_h = 2, options.pool_w = 2;
  }

  std::unique_ptr<Backbone> backbone(at::Device device) {
    options.device = device;
    auto made = make_backbone(options);
    made->load();
    return made;
  }
};

// Two batches of two frames: their copies and waits are those of the list, and no latents leave the
// device.
void check_copies(const std::string& list, Tiny tiny, const std::vector<std::size_t>& taps) {
  test::Trial trial(4, kCuda);
  trial.batch = 2;
  const auto backbone = tiny.backbone(kCuda);
  int pass = 0;
  test::check_trace(
      list, [&] { trial.run(*backbone, std::to_string(++pass) + ".h5", taps); }, without_computing);
  CHECK(trial.work.on_host == 0);
}

}  // namespace

TEST_CASE("copies of two batches: beside the computing, none between its networks") {
  require_cuda();
  check_copies("batches", Tiny(), {0});
}

TEST_CASE("copies of two batches in two passes: latents stay on the device") {
  require_cuda();
  Tiny tiny;
  tiny.options.timesteps = {300, 500};
  check_copies("sweep", std::move(tiny), {0, 1});
}

TEST_CASE("times of the device: computing and nothing to compute, over batches and scenes") {
  require_cuda();
  Tiny tiny;
  test::Trial trial(5, kCuda);
  trial.batch = 2;
  const auto backbone = tiny.backbone(kCuda);
  trial.run(*backbone, "first.h5", {0});
  const extract::DeviceTimes first = trial.work.times;
  CHECK(first.before == nullptr);
  CHECK(first.busy.size() == 4);  // the pass is begun, three batches
  CHECK(first.busy_s() > 0);
  CHECK(first.idle_s() >= 0);
  trial.run(*backbone, "second.h5", {0});
  const extract::DeviceTimes& second = trial.work.times;
  CHECK(second.before == first.busy.back().second);
  CHECK(second.busy.size() == 4);
  // The file of the first scene was written before the second one came: the device had nothing.
  CHECK(second.idle_s() >
        first.busy.back().second->elapsedTime(*second.busy[0].first) * 1e-3 - 1e-9);
}

TEST_CASE("batches on the device give what frames one by one give, in every pass") {
  require_cuda();
  Tiny tiny;
  tiny.options.timesteps = {300, 500};
  test::Trial trial(5, kCuda);
  const auto backbone = tiny.backbone(kCuda);
  trial.batch = 1;
  const FeatureReader one = trial.run(*backbone, "one.h5", {0, 1});
  for (const std::int64_t batch : {2, 5}) {
    trial.batch = batch;
    const FeatureReader some = trial.run(*backbone, std::to_string(batch) + ".h5", {0, 1});
    for (std::size_t tap = 0; tap < 2; ++tap)
      CHECK(some.read_f32(tap, 0, 5) == one.read_f32(tap, 0, 5));
  }
}
