// Items through the stages of a run.
#include "run/run.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "support/support.h"

namespace vega {
namespace {

using Catch::Contains;

// Writes down what happens; `trouble` throws where it likes.
struct Diary {
  std::mutex mutex;
  std::vector<std::string> lines;
  std::function<void(const std::string& stage, const std::string& key)> trouble;
  std::vector<std::string> complete, not_started;
  std::atomic<int> alive{0};

  void note(const std::string& stage, const std::string& key) {
    {
      const std::lock_guard held(mutex);
      lines.push_back(stage + " " + key);
    }
    if (trouble) trouble(stage, key);
  }
  bool has(const std::string& line) const {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
};

class Entry final : public ItemWork {
 public:
  Entry(Diary& diary, const Item& item) : diary_(diary), key_(item.key) { ++diary_.alive; }
  ~Entry() override { --diary_.alive; }
  void prepare() override { diary_.note("prepare", key_); }
  bool complete() const override {
    const auto& all = diary_.complete;
    return std::find(all.begin(), all.end(), key_) != all.end();
  }
  void compute() override { diary_.note("compute", key_); }
  void finish() override { diary_.note("finish", key_); }
  double wait_s() const override { return 0.25; }
  std::string output() const override { return "out/" + key_; }
  void describe(ItemReport& report) const override {
    const auto& left = diary_.not_started;
    report.outcome = complete() ? Outcome::kComplete
                     : std::find(left.begin(), left.end(), key_) != left.end()
                         ? Outcome::kNotStarted
                         : Outcome::kWritten;
    report.numbers["frames"] = 3;
    report.numbers["rate"] = 0.5;
  }

 private:
  Diary& diary_;
  std::string key_;
};

struct Trial {
  Diary diary;
  std::vector<std::string> manifest;
  RunOptions options;
  ItemList list{{{"a", "in/a"}, {"b", "in/b"}, {"c", "in/c"}, {"d", "in/d"}}};
  RunNotes notes;

  RunResult run() {
    Context context;
    context.manifest = [this](const std::string& key, const std::string& path) {
      manifest.push_back(key + "=" + path);
    };
    return run_items({.list = list, .options = options, .notes = [this] { return notes; }}, context,
                     [this](const Item& item) { return std::make_unique<Entry>(diary, item); });
  }
};

using Lines = std::vector<std::string>;

TEST_CASE("every item goes through its stages, and the manifest keeps their order") {
  Trial trial;
  trial.diary.complete = {"b", "d"};
  const RunResult result = trial.run();
  CHECK(result.done == 2);
  CHECK(result.complete == 2);
  CHECK(result.exit_code == 0);
  CHECK(trial.manifest == Lines{"a=out/a", "b=out/b", "c=out/c", "d=out/d"});
  CHECK(trial.diary.has("finish c"));
  CHECK_FALSE(trial.diary.has("compute b"));
  CHECK_FALSE(trial.diary.has("finish d"));
  CHECK(trial.diary.alive == 0);
}

TEST_CASE("the next item is prepared, and the last one finished, while one computes") {
  Trial trial;
  // Each compute waits until its neighbours' stages are under way; alone they would never be.
  const auto wait_for = [&](const std::string& line) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(20);
    for (;;) {
      {
        const std::lock_guard held(trial.diary.mutex);
        if (trial.diary.has(line)) return true;
      }
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  std::atomic<int> met{0};
  trial.diary.trouble = [&](const std::string& stage, const std::string& key) {
    if (stage == "compute" && key == "b") met += wait_for("prepare c") && wait_for("finish a");
    if (stage == "compute" && key == "c") met += wait_for("prepare d") && wait_for("finish b");
  };
  trial.run();
  CHECK(met == 2);
}

TEST_CASE("one item's bad input stays its own, in every stage") {
  for (const std::string where : {"prepare", "compute", "finish"}) {
    CAPTURE(where);
    Trial trial;
    trial.diary.trouble = [&](const std::string& stage, const std::string& key) {
      if (stage == where && key == "b") throw FormatError("b is broken");
    };
    const test::TempFolder folder;
    trial.options.report = (folder / "r.json").string();
    const RunResult result = trial.run();
    CHECK(result.done == 3);
    CHECK(result.failed == 1);
    CHECK(result.exit_code == 4);
    CHECK(trial.manifest == Lines{"a=out/a", "c=out/c", "d=out/d"});
    const auto json = nlohmann::json::parse(test::read_text(folder / "r.json"));
    CHECK(json["schema"] == "vega.report/1");
    CHECK(json["state"] == "finished");
    CHECK(json["exit_code"] == 4);
    REQUIRE(json["items"].size() == 4);
    CHECK(json["items"][1]["outcome"] == "failed");
    CHECK(json["items"][1]["error"] == "b is broken");
    CHECK(json["items"][2]["outcome"] == "written");
    CHECK(json["items"][2]["output"] == "out/c");
    CHECK(json["items"][2]["input"] == "in/c");
    CHECK(json["items"][2]["frames"] == 3);
    CHECK(json["items"][2]["rate"] == 0.5);
    CHECK(json["outcomes"]["written"] == 3);
    CHECK(json["compute_wait_s"].get<double>() >= 0.75);
  }
}

TEST_CASE("--fail-fast stops at the first failure, and what is not reached is said") {
  Trial trial;
  trial.diary.trouble = [](const std::string& stage, const std::string& key) {
    if (stage == "compute" && key == "b") throw InputError("b is broken");
  };
  trial.options.fail_fast = true;
  const test::TempFolder folder;
  trial.options.report = (folder / "r.json").string();
  const RunResult result = trial.run();
  CHECK(result.exit_code == 4);
  CHECK(trial.manifest == Lines{"a=out/a"});
  CHECK_FALSE(trial.diary.has("compute c"));
  const auto json = nlohmann::json::parse(test::read_text(folder / "r.json"));
  CHECK(json["items"][3]["outcome"] == "not started");
}

TEST_CASE("an item that says it was not started is neither written nor named") {
  Trial trial;
  trial.diary.not_started = {"b"};
  const RunResult result = trial.run();
  CHECK(result.done == 3);
  CHECK(result.complete + result.failed == 0);
  CHECK(trial.manifest == Lines{"a=out/a", "c=out/c", "d=out/d"});
}

TEST_CASE("errors of the run end it, after what is computed has been written and named") {
  Trial trial;
  trial.diary.trouble = [](const std::string& stage, const std::string& key) {
    if (stage == "compute" && key == "b") throw OutputError("the disk is full");
  };
  const test::TempFolder folder;
  trial.options.report = (folder / "r.json").string();
  CHECK_THROWS_AS(trial.run(), OutputError);
  CHECK(trial.manifest == Lines{"a=out/a"});
  CHECK_FALSE(trial.diary.has("compute c"));
  CHECK(trial.diary.alive == 0);
  const auto json = nlohmann::json::parse(test::read_text(folder / "r.json"));
  CHECK(json["state"] == "stopped");
  CHECK(json["exit_code"] == 6);
  CHECK(json["error"] == "the disk is full");
  CHECK(json["items"][0]["outcome"] == "written");
}

TEST_CASE("a model at fault is nobody's bad input") {
  Trial trial;
  trial.diary.trouble = [](const std::string& stage, const std::string&) {
    if (stage == "compute") throw ModelError("weights are missing");
  };
  CHECK_THROWS_AS(trial.run(), ModelError);
  CHECK(trial.manifest.empty());
}

TEST_CASE("an item alone fails with its own error") {
  Trial trial;
  trial.list.items.resize(1);
  trial.list.alone = true;
  trial.diary.trouble = [](const std::string& stage, const std::string&) {
    if (stage == "finish") throw FormatError("broken");
  };
  CHECK_THROWS_AS(trial.run(), FormatError);
}

TEST_CASE("a dry run prints no manifest, and its report holds findings and forecast") {
  const test::TempFolder folder;
  Trial trial;
  trial.options.report = (folder / "r.json").string();
  trial.options.dry_run = true;
  trial.list.items.resize(2);
  trial.diary.complete = {"a"};
  Findings findings;
  findings.add(Severity::kWarning, "disk", "out", "too small", "another -o", {3});
  trial.notes = {findings.list(), Forecast{.output_bytes = 1e9, .seconds = kUnknownAmount},
                 R"({"machine": {"device": "cpu"}})"};
  CHECK(trial.run().exit_code == 0);
  CHECK(trial.manifest.empty());
  auto json = nlohmann::json::parse(test::read_text(folder / "r.json"));
  CHECK(json["schema"] == "vega.report/1");
  CHECK(json["dry_run"] == true);
  CHECK(json["forecast"]["output_bytes"] == 1000000000);
  CHECK(json["forecast"]["seconds"].is_null());
  CHECK(json["findings"][0]["severity"] == "warning");
  CHECK(json["findings"][0]["frames"][0] == 3);
  CHECK(json["machine"]["device"] == "cpu");
  CHECK(json["items"][0]["outcome"] == "complete already");

  // The failure of a single input is an answer: the report names it, the exit code is that of bad
  // input.
  trial.list.items.resize(1);
  trial.list.alone = true;
  trial.diary.trouble = [](const std::string&, const std::string&) { throw FormatError("broken"); };
  CHECK(trial.run().exit_code == 3);
  json = nlohmann::json::parse(test::read_text(folder / "r.json"));
  CHECK(json["items"][0]["outcome"] == "failed");
}

TEST_CASE("a report that cannot be written is found before any work") {
  Trial trial;
  const test::TempFolder folder;
  test::write_text(folder / "file", "");
  trial.options.report = (folder / "file" / "r.json").string();
  CHECK_THROWS_AS(trial.run(), OutputError);
  CHECK(trial.diary.lines.empty());
}

}  // namespace
}  // namespace vega
