// The dry run: what it says of outputs and estimates, and that it reads no weight.
#include "extract/audit.h"

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
  std::vector<at::Tensor> run(const at::Tensor&, const at::Tensor&) const override { opened(); }

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
  o.select = "uniform:4";
  return o;
}

Audit look(const FeatureOptions& o, const Backbone& backbone) {
  const Recipe recipe = resolve(o);
  const auto items = gather_items({o.inputs, o.list, o.shard, o.key, o.root}).items;
  return audit_scenes(items, o, recipe, backbone, fs::path(o.out) / tag_of(o, recipe, backbone),
                      ProgressMode::kOff);
}

Audit look(const FeatureOptions& o) {
  return look(o, *make_backbone(backbone_options(o, resolve(o))));
}

const SceneAudit& only(const Audit& audit) {
  REQUIRE(audit.scenes.size() == 1);
  return audit.scenes.front();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

}  // namespace

TEST_CASE("a dry run neither fingerprints nor loads, whatever lies in the output folder") {
  const Bench bench;
  FeatureOptions o = rgb_options(bench, bench.scene("room", 6));
  const Sealed sealed({rgb_tap()});
  CHECK(only(look(o, sealed)).existing.state == OutputState::kAbsent);
  const FeatureReader written = test::run_one(o);
  CHECK(only(look(o, sealed)).existing.state == OutputState::kComplete);
  o.overwrite = true;
  CHECK(only(look(o, sealed)).existing.state == OutputState::kReplaced);
}

TEST_CASE("the state of an output: absent, complete, of another recipe or frames, damaged") {
  const Bench bench;
  const FeatureOptions o = rgb_options(bench, bench.scene("room", 6));
  const Audit before = look(o);
  CHECK(only(before).existing.state == OutputState::kAbsent);
  CHECK(before.exit_code() == 0);
  const fs::path path = test::run_one(o).path();

  const Audit after = look(o);
  CHECK(only(after).existing.state == OutputState::kComplete);
  CHECK(only(after).existing.wanted.empty());
  CHECK(only(after).estimate.output_bytes == 0);
  CHECK(only(after).estimate.seconds == 0);

  FeatureOptions other = o;
  other.view = "stretch";
  const Audit recipe = look(other);
  CHECK(only(recipe).existing.state == OutputState::kOther);
  CHECK_THAT(joined(only(recipe).existing.differences),
             Contains("view: file has mllm, asked stretch"));
  CHECK(recipe.exit_code() == 3);
  other = o;
  other.select = "uniform:3";
  const Audit frames = look(other);
  CHECK_THAT(joined(only(frames).existing.differences), Contains("selected frames"));
  other.overwrite = true;
  CHECK(only(look(other)).existing.state == OutputState::kReplaced);
  CHECK(look(other).exit_code() == 0);

  const auto bytes = test::read_bytes(path);
  test::write_bytes(path, std::span(bytes).first(bytes.size() / 2));
  const Audit damaged = look(o);
  CHECK(only(damaged).existing.state == OutputState::kDamaged);
  CHECK(damaged.exit_code() == 3);
}

TEST_CASE("taps that a file lacks are named, and only they are reckoned with") {
  const Bench bench;
  FeatureOptions o = bench.options(bench.scene("room", 4), "out");
  o.select = "uniform:2";
  o.blocks = "2,4";
  const auto size = fs::file_size(test::run_one(o).path());
  o.blocks = "2,4,7";
  const Audit audit = look(o);
  CHECK(only(audit).existing.state == OutputState::kTapsMissing);
  CHECK(only(audit).existing.wanted == std::vector<std::size_t>{2});
  CHECK(audit.exit_code() == 0);
  // The file is rewritten with the tap that is added.
  const auto estimated = only(audit).estimate.output_bytes;
  const auto real = static_cast<double>(fs::file_size(test::run_one(o).path()));
  CHECK(estimated > static_cast<double>(size));
  CHECK(estimated == Approx(real).epsilon(0.05));
  o.timestep = 500;
  CHECK(only(look(o)).existing.state == OutputState::kTapsMissing);
  o.shift = 3;
  CHECK_THAT(joined(only(look(o)).existing.differences), Contains("shift: file has 5.0, asked 3"));
}

TEST_CASE("the size of an output is foretold") {
  const Bench bench;
  FeatureOptions o = rgb_options(bench, bench.scene("room", 12));
  o.select = "uniform:10";
  for (const char* store : {"bf16", "fp32"}) {
    for (const bool thumbs : {true, false}) {
      o.store_dtype = store, o.no_thumbs = !thumbs;
      o.tag = std::string("t") + store + (thumbs ? "1" : "0");
      const double foretold = only(look(o)).estimate.output_bytes;
      const auto real = static_cast<double>(fs::file_size(test::run_one(o).path()));
      INFO(store << " thumbs " << thumbs);
      // 4 kB for what HDF5 and the attributes take; thumbnails differ in size.
      CHECK(foretold == Approx(real).epsilon(thumbs ? 0.05 : 0).margin(4096));
    }
  }
}

TEST_CASE("estimates by hand: bytes, memory, time of a sweep with some taps there") {
  FeatureOptions o;
  o.inputs = {"x"}, o.backbone = "rgb", o.size = "832x480", o.threads = 4;
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

  Forecast e = estimate(work, sample, recipe, network, machine);
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
  e = estimate(work, sample, recipe, network, machine);
  CHECK(e.flops == Approx(10 * (1e12 + 2e12)));
  CHECK(e.output_bytes > 5e6 + tokens / 3);

  // On CUDA resizing hides behind computing. Ten frames, eight at most, are two batches of five.
  machine.cuda = true, machine.workers = 8;
  e = estimate(work, sample, recipe, network, machine);
  CHECK(e.seconds == Approx(10 * 3e12 / 1e12 + 10 * (0.01 + 0.03) / 4));
  CHECK(e.device_bytes > 2e9 + 5 * 1e9);
  CHECK(e.device_bytes < 2e9 + 6 * 1e9);
  // Batches of eight, where that is asked for: the second one is padded.
  o.batch = "8";
  const Recipe eight = resolve(o);
  e = estimate(work, sample, eight, network, machine);
  CHECK(e.seconds == Approx(16 * 3e12 / 1e12 + 10 * (0.01 + 0.03) / 4));
  CHECK(e.device_bytes > 2e9 + 8 * 1e9);

  machine.gemm = kUnknownAmount;
  CHECK(std::isnan(estimate(work, sample, recipe, network, machine).seconds));
  work.taps.clear();
  CHECK(estimate(work, sample, recipe, network, machine).seconds == 0);
}

TEST_CASE("exit codes: all, the only one, some of several") {
  const Bench bench;
  const std::string good = bench.scene("good", 5), bad = bench.scene("bad", 5);
  test::write_text(fs::path(bad) / "00002.jpg", "");
  FeatureOptions o = rgb_options(bench, good);
  o.select = "stride:1";
  CHECK(look(o).exit_code() == 0);
  o.inputs = {bad};
  CHECK(look(o).exit_code() == 3);
  o.inputs = {good, bad, (bench.folder / "nowhere").string()};
  const Audit some = look(o);
  CHECK(some.exit_code() == 4);
  CHECK(some.scenes[0].possible());
  CHECK(some.scenes[1].findings.list().front().frames == std::vector<std::int64_t>{2});
  CHECK(some.scenes[2].findings.count(Severity::kError) == 1);
  o.on_decode_error = "skip";
  o.inputs = {bad};
  const Audit skipped = look(o);
  CHECK(skipped.exit_code() == 0);
  CHECK(only(skipped).rows == 4);
  test::run_one(o);  // leaves the frame out too
  CHECK(only(look(o)).existing.state == OutputState::kComplete);
}

TEST_CASE("selections and noise that a scene cannot serve are findings") {
  const Bench bench;
  const std::string room = bench.scene("room", 5);
  FeatureOptions o = rgb_options(bench, room);
  test::write_text(bench.folder / "ids", "1\n77\n");
  o.select = "list:" + (bench.folder / "ids").string();
  const Audit list = look(o);
  CHECK(list.exit_code() == 3);
  CHECK_THAT(only(list).findings.list().front().what, Contains("frame 77"));
  o.select = "fps:2";
  CHECK_THAT(only(look(o)).findings.list().front().what, Contains("time stamp"));
  o.select = "uniform:4", o.candidates = "every:7";
  CHECK(only(look(o)).candidates == 1);
  CHECK(only(look(o)).rows == 4);
  CHECK(only(look(o)).selected == 1);

  FeatureOptions wan = bench.options(room, "out");
  StoredNoise noise;
  noise.header.key = "noise";
  noise.id = {0, 1, 2};
  noise.height = 6, noise.width = 8;
  noise.eps.resize(3 * 16 * 6 * 8);
  write_noise(bench.folder / "noise.h5", noise);
  wan.noise = "stored:" + (bench.folder / "noise.h5").string();
  wan.select = "stride:1";
  CHECK_THAT(only(look(wan)).findings.list().front().topic, Contains("noise"));
}

TEST_CASE("the table is narrow and tells every fault; the JSON holds the same") {
  const Bench bench;
  const std::string good = bench.scene("good", 5), bad = bench.scene("bad", 5);
  test::write_text(fs::path(bad) / "00001.txt", "-inf -inf -inf -inf\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
  test::write_text(fs::path(bad) / "00002.jpg", "");
  FeatureOptions o = rgb_options(bench, good);
  o.inputs = {good, bad};
  o.select = "stride:1";
  o.report = (bench.folder / "audit.json").string();
  const Recipe recipe = resolve(o);
  const Sealed sealed({rgb_tap()}, {.once_flops = 1e9, .pass_flops = 1e9});
  std::string table;
  const RunResult report =
      publish_audit(audit_scenes(gather_items({o.inputs, o.list, o.shard, o.key, o.root}).items, o,
                                 recipe, sealed, bench.folder / "out" / "t", ProgressMode::kOff),
                    o.report, {ProgressMode::kOff, {}, [&](const auto& text) { table += text; }});
  INFO(table);
  CHECK(report.exit_code == 4);
  CHECK(report.failed == 1);
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

  const auto bytes = test::read_bytes(o.report);
  const auto json =
      nlohmann::json::parse(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  CHECK(json["schema"] == "vega.audit/1");
  CHECK(json["exit_code"] == 4);
  CHECK(json["impossible"] == 1);
  CHECK(json["taps"] == std::vector<std::string>{"rgb"});
  CHECK(json["machine"]["gemm_flop_per_s"] > 1e7);
  const auto& scene = json["scenes"][1];
  CHECK(scene["key"] == "bad");
  CHECK(scene["possible"] == false);
  CHECK(scene["frames"] ==
        nlohmann::json{{"found", 5}, {"usable", 4}, {"used", 4}, {"rows", 4}, {"decoded", 3}});
  CHECK(scene["findings"][0]["severity"] == "error");
  CHECK(scene["findings"][0]["frames"] == std::vector<int>{2});
  CHECK(scene["output"]["state"] == "absent");
  CHECK(json["scenes"][0]["estimate"]["flop"] == 5 * 2e9);
}

TEST_CASE("without the device the audit goes on and leaves the time open") {
  const Bench bench;
  FeatureOptions o = bench.options(bench.scene("room", 3), "out");
  o.select = "uniform:2";
  Recipe recipe = resolve(o);
  recipe.device = at::Device(at::kCUDA, 63);
  o.device = "cuda:63";
  const Sealed sealed(grid_of_taps({3}, {300}), {.once_flops = 1, .pass_flops = 1});
  const Audit audit =
      audit_scenes(gather_items({o.inputs, o.list, o.shard, o.key, o.root}).items, o, recipe,
                   sealed, bench.folder / "out" / "t", ProgressMode::kOff);
  CHECK(audit.exit_code() == 0);
  REQUIRE(audit.findings.list().size() == 1);
  CHECK(audit.findings.list().front().topic == "device");
  CHECK_THAT(audit_table(audit), Contains("Time: not known") && Contains("GPU"));
  CHECK(nlohmann::json::parse(audit_json(audit))["scenes"][0]["estimate"]["seconds"].is_null());
}
