// The dry run: what it says of outputs and estimates, and that it reads no weight.
#include "extract/dry_run.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "extract_samples.h"
#include "viz/table.h"

using namespace vega;
using namespace vega::extract;
using Catch::Matchers::Contains;
using test::Bench;
namespace fs = std::filesystem;

namespace {

// A network of which nothing but names, taps and cost may be asked.
class Sealed final : public Backbone {
 public:
  explicit Sealed(std::vector<Tap> taps, Cost cost = {}) : taps_(std::move(taps)), cost_(cost) {}
  [[noreturn]] static void opened() { throw std::logic_error("a weight was read"); }

  std::string fingerprint() const override { opened(); }
  std::string name() const override { return "sealed"; }
  const std::vector<Tap>& taps() const override { return taps_; }
  std::int64_t noise_size() const override { return 0; }
  Cost cost() const override { return cost_; }
  void load() override { opened(); }
  std::vector<std::vector<std::size_t>> passes(
      const std::vector<std::size_t>& taps) const override {
    std::map<std::int64_t, std::vector<std::size_t>> by_timestep;
    for (const std::size_t tap : taps) by_timestep[taps_[tap].timestep_asked].push_back(tap);
    std::vector<std::vector<std::size_t>> out;
    for (auto& [timestep, pass] : by_timestep) out.push_back(std::move(pass));
    return out;
  }
  void begin(const std::vector<std::size_t>&) override { opened(); }
  at::Tensor encode(const at::Tensor&) const override { opened(); }
  std::vector<at::Tensor> forward(const at::Tensor&, const at::Tensor&) const override { opened(); }

 private:
  std::vector<Tap> taps_;
  Cost cost_;
};

Tap rgb_tap() {
  Tap tap;
  tap.name = "rgb";
  tap.grid_h = tap.grid_w = 14, tap.channels = 3;
  return tap;
}

std::vector<Tap> grid_of_taps(std::vector<std::int64_t> blocks, std::vector<std::int64_t> times) {
  std::vector<Tap> taps;
  for (const auto t : times) {
    for (const auto b : blocks) {
      Tap tap;
      tap.name = "b" + std::to_string(b) + "_t" + std::to_string(t);
      tap.block = b, tap.timestep_asked = t;
      tap.grid_h = 14, tap.grid_w = 14, tap.channels = 1536;
      taps.push_back(tap);
    }
  }
  return taps;
}

FeatureOptions rgb_options(const Bench& bench, const std::string& input) {
  FeatureOptions o = bench.options(input, "out");
  o.backbone = "rgb", o.model.clear();
  test::set(o, "--select", "uniform:4");
  return o;
}

// What a dry run says.
struct Look {
  RunResult result;
  nlohmann::json report;
  std::string table;

  const nlohmann::json& scene(std::size_t i = 0) const { return report["items"].at(i); }
  std::string state() const { return scene()["existing"].get<std::string>(); }
  std::string first(const char* what) const { return scene()["findings"].at(0).at(what); }
  std::string errors() const {
    std::string out;
    for (const auto& f : scene()["findings"])
      if (f["severity"] == "error") out += f["what"].get<std::string>() + "\n";
    return out;
  }
  double bytes() const { return scene()["forecast"]["output_bytes"]; }
};

Look look(FeatureOptions o, const Recipe& recipe, std::unique_ptr<Backbone> backbone) {
  const test::TempFolder folder;
  if (o.run.report.empty()) o.run.report = (folder / "report.json").string();
  LazyBackbone lazy(std::move(backbone));
  FeatureRun run{recipe,
                 lazy,
                 recipe.folder_of(lazy.known()),
                 ProgressMode::kOff,
                 Batching(recipe.batch, !recipe.batch_auto),
                 DeviceLane(recipe.device)};
  Look out;
  out.result = dry_run_features(gather_items(o.items), o.run, run,
                                {ProgressMode::kOff, {}, [&](auto& text) { out.table += text; }});
  out.report = nlohmann::json::parse(test::read_text(o.run.report));
  return out;
}

Look look(const FeatureOptions& o) {
  const Recipe recipe = resolve(o);
  return look(o, recipe, make_backbone(recipe.backbone_options()));
}

Look look_sealed(const FeatureOptions& o) {
  return look(o, resolve(o), std::make_unique<Sealed>(std::vector<Tap>{rgb_tap()}));
}

}  // namespace

TEST_CASE("a dry run neither fingerprints nor loads, whatever lies in the output folder") {
  const Bench bench;
  FeatureOptions o = rgb_options(bench, bench.scene("room", 6));
  CHECK(look_sealed(o).state() == "absent");
  const FeatureReader written = test::run_one(o);
  CHECK(look_sealed(o).state() == "complete");
  o.output.overwrite = true;
  CHECK(look_sealed(o).state() == "replaced");
}

TEST_CASE("the state of an output: absent, complete, of another recipe or frames, damaged") {
  const Bench bench;
  const FeatureOptions o = rgb_options(bench, bench.scene("room", 6));
  const Look before = look(o);
  CHECK(before.state() == "absent");
  CHECK(before.result.exit_code == 0);
  const fs::path path = test::run_one(o).path();

  const Look after = look(o);
  CHECK(after.state() == "complete");
  CHECK(after.scene()["taps_to_compute"].empty());
  CHECK(after.bytes() == 0);
  CHECK(after.scene()["forecast"]["seconds"] == 0);

  FeatureOptions other = o;
  test::set(other, "--view", "stretch");
  const Look recipe = look(other);
  CHECK(recipe.state() == "other recipe");
  CHECK_THAT(recipe.errors(), Contains("view: file has mllm, asked stretch"));
  CHECK(recipe.result.exit_code == 3);
  other = o;
  test::set(other, "--select", "uniform:3");
  const Look frames = look(other);
  CHECK_THAT(frames.errors(), Contains("input frames"));
  other.output.overwrite = true;
  CHECK(look(other).state() == "replaced");
  CHECK(look(other).result.exit_code == 0);

  const auto bytes = test::read_bytes(path);
  test::write_bytes(path, std::span(bytes).first(bytes.size() / 2));
  const Look damaged = look(o);
  CHECK(damaged.state() == "damaged");
  CHECK(damaged.result.exit_code == 3);
}

TEST_CASE("taps that a file lacks are named, and only they are reckoned with") {
  const Bench bench;
  FeatureOptions o = bench.options(bench.scene("room", 4), "out");
  test::set(o, "--select", "uniform:2");
  test::set(o, "--blocks", "2,4");
  const auto size = fs::file_size(test::run_one(o).path());
  test::set(o, "--blocks", "2,4,7");
  const Look audit = look(o);
  CHECK(audit.state() == "taps missing");
  CHECK(audit.scene()["taps_to_compute"] == std::vector<std::string>{"b7_t300"});
  CHECK(audit.result.exit_code == 0);
  // The file is rewritten with the tap that is added.
  const auto estimated = audit.bytes();
  const auto real = static_cast<double>(fs::file_size(test::run_one(o).path()));
  CHECK(estimated > static_cast<double>(size));
  CHECK(estimated == Approx(real).epsilon(0.05));
  o.timestep = 500;
  CHECK(look(o).state() == "taps missing");
  o.shift = 3;
  CHECK_THAT(look(o).errors(), Contains("shift: file has 5.0, asked 3"));
}

TEST_CASE("the size of an output is foretold") {
  const Bench bench;
  FeatureOptions o = rgb_options(bench, bench.scene("room", 12));
  test::set(o, "--select", "uniform:10");
  for (const char* store : {"bf16", "fp32"}) {
    for (const bool thumbs : {true, false}) {
      test::set(o, "--store-dtype", store), o.no_thumbs = !thumbs;
      o.output.tag = std::string("t") + store + (thumbs ? "1" : "0");
      const double foretold = look(o).bytes();
      const auto real = static_cast<double>(fs::file_size(test::run_one(o).path()));
      INFO(store << " thumbs " << thumbs);
      // 4 kB for what HDF5 and the attributes take; thumbnails differ in size.
      CHECK(foretold == Approx(real).epsilon(thumbs ? 0.05 : 0).margin(4096));
    }
  }
}

TEST_CASE("estimates by hand: bytes, memory, time of a sweep with some taps there") {
  FeatureOptions o;
  o.items.inputs = {"x"}, o.backbone = "rgb", test::set(o, "--size", "832x480"), o.run.threads = 4;
  const Recipe recipe = resolve(o);
  const Cost cost{
      .once_flops = 1e12, .pass_flops = 6e12, .weight_bytes = 2e9, .activation_bytes = 1e9};
  const Sealed network(grid_of_taps({10, 20}, {100, 300, 500}), cost);
  Machine machine;
  machine.workers = 4, machine.gemm = 2e12, machine.efficiency = 0.5, machine.host_used = 1e8;
  FrameSample sample;
  sample.decode = 0.01, sample.view = 0.02, sample.thumb = 0.03, sample.thumb_bytes = 1e4;
  sample.size = {640, 480}, sample.encoded_bytes = 1e5;
  Workload work{.frames = 10, .rows = 12, .taps = {0, 1, 2, 3, 4, 5}};

  Forecast e = forecast_features(work, sample, recipe, network, machine);
  CHECK(e.flops == 10 * 7e12);
  // Ten frames on four workers take three rounds.
  CHECK(e.seconds == Approx(12 * 7e12 / 1e12 + 10 * (0.01 + 0.02 + 0.03) / 4));
  const double tokens = 6 * 12 * 14 * 14 * 1536 * 2.0;
  CHECK(e.output_bytes > tokens + 12 * 1e4);
  CHECK(e.output_bytes < tokens + 12 * 1e4 + 12 * 1000 + 1e5);
  // The process, pictures, weights, four frames on their way with their pixels.
  const double pixels = 3.0 * 832 * 480 * 4;
  CHECK(e.host_bytes ==
        Approx(1e8 + 10 * (1e5 + 3.0 * 640 * 480 + 1e4) + 2e9 + 4 * (1e9 + pixels)));
  CHECK(e.device_bytes == 0);

  // One timestep of three is left: a third of the passes, the VAE as before.
  work.taps = {2, 3};
  work.existing_bytes = 5e6;
  e = forecast_features(work, sample, recipe, network, machine);
  CHECK(e.flops == Approx(10 * (1e12 + 2e12)));
  CHECK(e.output_bytes > 5e6 + tokens / 3);

  // On CUDA resizing hides behind computing. Ten frames, eight at most, are two batches of five.
  machine.cuda = true, machine.workers = 8;
  e = forecast_features(work, sample, recipe, network, machine);
  CHECK(e.seconds == Approx(10 * 3e12 / 1e12 + 10 * (0.01 + 0.03) / 4));
  CHECK(e.device_bytes > 2e9 + 5 * 1e9);
  CHECK(e.device_bytes < 2e9 + 6 * 1e9);
  // Batches of eight, where that is asked for: the second one is padded.
  o.device.batch = 8;
  const Recipe eight = resolve(o);
  e = forecast_features(work, sample, eight, network, machine);
  CHECK(e.seconds == Approx(16 * 3e12 / 1e12 + 10 * (0.01 + 0.03) / 4));
  CHECK(e.device_bytes > 2e9 + 8 * 1e9);

  machine.gemm = kUnknownAmount;
  CHECK(std::isnan(forecast_features(work, sample, recipe, network, machine).seconds));
  work.taps.clear();
  CHECK(forecast_features(work, sample, recipe, network, machine).seconds == 0);
}

TEST_CASE("exit codes: all, the only one, some of several") {
  const Bench bench;
  const std::string good = bench.scene("good", 5), bad = bench.scene("bad", 5);
  test::write_text(fs::path(bad) / "00002.jpg", "");
  FeatureOptions o = rgb_options(bench, good);
  test::set(o, "--select", "stride:1");
  CHECK(look(o).result.exit_code == 0);
  o.items.inputs = {bad};
  CHECK(look(o).result.exit_code == 3);
  o.items.inputs = {good, bad, (bench.folder / "nowhere").string()};
  const Look some = look(o);
  CHECK(some.result.exit_code == 4);
  CHECK(some.scene(0)["outcome"] == "not started");
  CHECK(some.scene(1)["findings"][0]["frames"] == std::vector<std::int64_t>{2});
  CHECK(some.scene(2)["findings"].size() == 1);
  test::set(o, "--on-decode-error", "skip");
  o.items.inputs = {bad};
  const Look skipped = look(o);
  CHECK(skipped.result.exit_code == 0);
  CHECK(skipped.scene()["frames"]["rows"] == 4);
  test::run_one(o);  // leaves the frame out too
  CHECK(look(o).state() == "complete");
}

TEST_CASE("selections and noise that a scene cannot serve are findings") {
  const Bench bench;
  const std::string room = bench.scene("room", 5);
  FeatureOptions o = rgb_options(bench, room);
  test::write_text(bench.folder / "ids", "1\n77\n");
  test::set(o, "--select", "list:" + (bench.folder / "ids").string());
  const Look list = look(o);
  CHECK(list.result.exit_code == 3);
  CHECK_THAT(list.first("what"), Contains("frame 77"));
  test::set(o, "--select", "fps:2");
  CHECK_THAT(look(o).first("what"), Contains("time stamp"));
  test::set(o, "--select", "uniform:4"), test::set(o, "--candidates", "every:7");
  CHECK(look(o).scene()["frames"]["usable"] == 1);
  CHECK(look(o).scene()["frames"]["rows"] == 4);
  CHECK(look(o).scene()["frames"]["used"] == 1);

  FeatureOptions wan = bench.options(room, "out");
  StoredNoise noise;
  noise.header.key = "noise";
  noise.id = {0, 1, 2};
  noise.height = 6, noise.width = 8;
  noise.eps.resize(3 * 16 * 6 * 8);
  write_noise(bench.folder / "noise.h5", noise);
  test::set(wan, "--noise", "stored:" + (bench.folder / "noise.h5").string());
  test::set(wan, "--select", "stride:1");
  CHECK_THAT(look(wan).first("topic"), Contains("noise"));
}

TEST_CASE("the table is narrow and tells every fault; the JSON holds the same") {
  const Bench bench;
  const std::string good = bench.scene("good", 5), bad = bench.scene("bad", 5);
  test::write_text(fs::path(bad) / "00001.txt", "-inf -inf -inf -inf\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
  test::write_text(fs::path(bad) / "00002.jpg", "");
  FeatureOptions o = rgb_options(bench, good);
  o.items.inputs = {good, bad};
  test::set(o, "--select", "stride:1");
  o.run.report = (bench.folder / "audit.json").string();
  const Look all = look(o, resolve(o),
                        std::make_unique<Sealed>(std::vector<Tap>{rgb_tap()},
                                                 Cost{.once_flops = 1e9, .pass_flops = 1e9}));
  const std::string& table = all.table;
  INFO(table);
  CHECK(all.result.exit_code == 4);
  CHECK(all.result.failed == 1);
  CHECK_THAT(table, Contains("good ") && Contains("bad ") && Contains("1 error") &&
                        Contains("frame 1: 1 of 5 frames have a pose that is infinite") &&
                        Contains("00002.jpg: got an empty file") && Contains("1 of 2 fail") &&
                        Contains("GFLOP/s"));
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    const bool path = line.find(bench.folder.path().string()) != std::string::npos;
    CHECK((path || display_width(line) <= 118));
  }

  const auto& json = all.report;
  CHECK(json["schema"] == "vega.report/1");
  CHECK(json["dry_run"] == true);
  CHECK(json["exit_code"] == 4);
  CHECK(json["outcomes"] == nlohmann::json{{"failed", 1}, {"not started", 1}});
  CHECK(json["taps"] == std::vector<std::string>{"rgb"});
  CHECK(json["machine"]["gemm_flop_per_s"] > 1e7);
  const auto& scene = json["items"][1];
  CHECK(scene["key"] == "bad");
  CHECK(scene["outcome"] == "failed");
  CHECK(scene["frames"] ==
        nlohmann::json{{"found", 5}, {"usable", 4}, {"used", 4}, {"rows", 4}, {"decoded", 3}});
  CHECK(scene["findings"][0]["severity"] == "error");
  CHECK(scene["findings"][0]["frames"] == std::vector<int>{2});
  CHECK(scene["existing"] == "absent");
  CHECK(json["items"][0]["forecast"]["flop"] == 5 * 2e9);
  CHECK(json["forecast"]["flop"] == 5 * 2e9);
}

TEST_CASE("without the device the audit goes on and leaves the time open") {
  const Bench bench;
  FeatureOptions o = bench.options(bench.scene("room", 3), "out");
  test::set(o, "--select", "uniform:2");
  Recipe recipe = resolve(o);
  recipe.device = at::Device(at::kCUDA, 63);
  const Look open = look(
      o, recipe,
      std::make_unique<Sealed>(grid_of_taps({3}, {300}), Cost{.once_flops = 1, .pass_flops = 1}));
  CHECK(open.result.exit_code == 0);
  REQUIRE(open.report["findings"].size() == 1);
  CHECK(open.report["findings"][0]["topic"] == "device");
  CHECK_THAT(open.table, Contains("Time: not known") && Contains("GPU"));
  CHECK(open.scene()["forecast"]["seconds"].is_null());
}
