#include "evaluate/report.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "evaluate/report_cases.h"
#include "evaluate/report_runs.h"
#include "support/support.h"

using namespace vega;
using namespace vega::evaluate;
using Catch::Matchers::Contains;

namespace {

const std::string kHostile =
    "</script><script>alert(\"1\")</script> <img src=x> & '\x1b[31m \u05d0";

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t out = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++out;
  return out;
}

tasks::ScoredQuestion question(const std::string& id, double em) {
  tasks::ScoredQuestion out;
  out.id = id;
  out.scene = "scene0001_00";
  out.type = "what";
  out.question = "question " + id;
  out.texts = {"yes"};
  out.answer.text = "answer " + id;
  out.answer.earned = {em};
  return out;
}

tasks::ScoredFile scored(const std::string& task, std::vector<tasks::ScoredQuestion> questions) {
  tasks::ScoredFile out;
  out.task = task;
  out.title = task == "sqa3d" ? "SQA3D" : "ScanQA";
  out.split = "val";
  out.matcher = "official";
  out.metrics = {{"EM", 100}};
  out.main = {0};
  out.n = out.of = static_cast<std::int64_t>(questions.size());
  out.values = {{"EM", 50, 40, 60, 4, ""},
                {"CIDEr", std::nan(""), std::nan(""), std::nan(""), 0, "<none>"}};
  out.groups = {{"what", {{"EM", 25, 10, 30, 2, ""}}}, {"is", {{"EM", 75, 60, 90, 2, ""}}}};
  out.questions = std::move(questions);
  return out;
}

void make_run(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  test::write_text(folder / "answers.jsonl", "{}\n");
}

}  // namespace

TEST_CASE("a report stands alone, and every text in it stays text") {
  const test::TempFolder folder;
  make_run(folder / "ours/scanqa");
  make_run(folder / "theirs/scanqa");
  make_run(folder / "ours/sqa3d");
  std::vector<tasks::ScoredQuestion> list = {question("1", 100), question("2", 0),
                                             question("3", 0)};
  list[1].question = list[1].answer.text = list[1].type = list[1].id = kHostile;
  list[1].texts = {kHostile};
  std::vector<std::string> read_paths;
  const auto read = [&](const tasks::ScoredSources& sources) {
    CHECK(sources.intervals);
    CHECK(sources.gt_of.at("scanqa") == "gt.json");
    read_paths.push_back(sources.answers.parent_path().filename().string());
    tasks::ScoredFile out = scored(sources.answers.filename().string(), list);
    out.run = Json{{"model", kHostile}};
    out.notes = {kHostile};
    return out;
  };
  ReportVerb options;
  options.inputs = {(folder / "ours").string(), kHostile + "=" + (folder / "theirs").string()};
  options.gt = {"scanqa=gt.json"};
  options.title = kHostile;
  options.out = (folder / "r.html").string();
  Context context;
  context.manifest = [](const std::string&, const std::string&) {};
  CHECK(run_report(options, read, context) == 0);
  CHECK(read_paths == std::vector<std::string>{"ours", "ours", "theirs"});
  const std::string page = test::read_text(folder / "r.html");
  CHECK(occurrences(page, "<script>") == 1);
  CHECK(occurrences(page, "</script>") == 1);
  CHECK(occurrences(page, "<img") == 0);
  CHECK(page.find('\x1b') == page.npos);
  CHECK(page.find("http:") == page.npos);
  CHECK(page.find("https:") == page.npos);
  CHECK(page.find("src=\"") == page.npos);
  CHECK_THAT(page, Contains(">Main metric from, %<") && Contains(">Main metric to, %<"));
  CHECK(occurrences(page, "<article") == 6);  // three questions of two tasks
  CHECK_THAT(page, Contains("&lt;/script&gt;&lt;script&gt;alert(&quot;1&quot;)"));
  CHECK_THAT(page, Contains("<b>50.00</b> <small>[40.00, 60.00]</small>"));
  CHECK_THAT(page, Contains("<small>&lt;none&gt;</small>"));
  CHECK_THAT(page, Contains("No pictures: --scenes DIR was not given"));
  CHECK_THAT(page, Contains("data-scores=\"100.00|100.00\"") && Contains("data-scores=\"0.00|\""));
  CHECK(occurrences(page, "<svg role=\"img\"") == 4);
  // Parts that are open are closed.
  for (const std::string name : {"section", "article", "table", "details", "form", "select", "ul",
                                 "dl", "figure", "svg", "label", "bdi", "div", "main", "header"})
    CHECK(occurrences(page, "<" + name + ">") + occurrences(page, "<" + name + " ") ==
          occurrences(page, "</" + name + ">"));
  // The same command gives the same bytes.
  CHECK(run_report(options, read, context) == 0);
  CHECK(test::read_text(folder / "r.html") == page);

  // A scene that cannot be read costs the pictures of its cases.
  options.sources.scenes = folder.path().string();
  CHECK(run_report(options, read, context) == 4);
  CHECK_THAT(test::read_text(folder / "r.html"),
             Contains("No pictures: ") && Contains("no such file"));

  // Scores of chance are no system's.
  CHECK(page.find("Never trained") == page.npos);
  const auto chance = [&](const tasks::ScoredSources& sources) {
    tasks::ScoredFile out = read(sources);
    if (sources.answers.string().find("theirs") != std::string::npos)
      out.run = Json{{"untrained", true}};
    return out;
  };
  options.inputs[1] = "<b>=" + (folder / "theirs").string();
  CHECK(run_report(options, chance, context) == 4);
  CHECK_THAT(test::read_text(folder / "r.html"),
             Contains("Never trained: <bdi>&lt;b&gt;</bdi>. Such answers are noise"));

  options.out.clear();
  CHECK_THROWS_WITH(run_report(options, read, context), Contains("--out: got nothing"));
  options.out = (folder / "r.txt").string();
  CHECK_THROWS_AS(run_report(options, read, context), UsageError);
  options.out = (folder / "r.html").string();
  options.tokens = (folder / "nowhere").string();
  CHECK_THROWS_WITH(run_report(options, read, context), Contains("--tokens"));
}

TEST_CASE("scores alone make a report without cases") {
  const test::TempFolder folder;
  test::write_text(folder / "scores.json", "{}");
  ReportVerb options;
  options.inputs = {"x=" + (folder / "scores.json").string()};
  options.out = (folder / "r.html").string();
  Context context;
  context.manifest = [](const std::string&, const std::string&) {};
  const auto read = [](const tasks::ScoredSources&) {
    tasks::ScoredFile out = scored("sqa3d", {});
    out.n = 3, out.of = 10;
    return out;
  };
  CHECK(run_report(options, read, context) == 0);
  const std::string page = test::read_text(folder / "r.html");
  CHECK_THAT(page, Contains("No cases") && Contains("(3/10)") && Contains("3 of 10"));
  CHECK(page.find("<form") == page.npos);

  // Where --gt is of other questions the page says so, and the run has not done what was asked.
  const auto other = [&](const tasks::ScoredSources& sources) {
    tasks::ScoredFile out = read(sources);
    out.no_cases = "gt.json: <other> questions";
    return out;
  };
  CHECK(run_report(options, other, context) == 0);
  options.gt = {"sqa3d=gt.json"};
  CHECK(run_report(options, other, context) == 4);
  CHECK_THAT(test::read_text(folder / "r.html"),
             Contains("no cases: gt.json: &lt;other&gt; questions"));
}

TEST_CASE("runs are named by their folders, or as the user says") {
  const test::TempFolder folder;
  for (const char* name : {"m/sqa3d", "m/scanqa", "m/notes", "other/sqa3d"})
    std::filesystem::create_directories(folder / name);
  make_run(folder / "m/sqa3d");
  make_run(folder / "m/scanqa");
  test::write_text(folder / "other/sqa3d/scores.json", "{}");
  const auto names = [&](const std::vector<std::string>& inputs) {
    std::string out;
    for (const ReportInput& one : report_inputs(inputs))
      out += one.name + ":" + std::filesystem::path(one.path).filename().string() + " ";
    return out;
  };
  CHECK(names({(folder / "m").string()}) == "m:scanqa m:sqa3d ");
  CHECK(names({(folder / "m/sqa3d/").string(), "b=" + (folder / "other").string()}) ==
        "m: b:sqa3d ");
  CHECK(names({(folder / "other/sqa3d/scores.json").string()}) == "other:scores.json ");
  CHECK(names({(folder / "m/sqa3d/answers.jsonl").string()}) == "m:answers.jsonl ");
  // The folder of a benchmark; a checkpoint's name where it tells the runs apart.
  make_run(folder / "bm/answers/nr3d");
  CHECK(names({(folder / "bm").string()}) == "bm:nr3d ");
  test::write_text(folder / "bm/answers/nr3d/run.json", "{\"checkpoint\": \"models/tiny/\"}");
  CHECK(names({(folder / "bm").string()}) == "tiny:nr3d ");
  CHECK(names({(folder / "bm/answers/nr3d/answers.jsonl").string()}) == "tiny:answers.jsonl ");
  CHECK(names({"x=" + (folder / "bm").string()}) == "x:nr3d ");
  make_run(folder / "again/nr3d");
  test::write_text(folder / "again/nr3d/run.json", "{\"checkpoint\": \"other/tiny\"}");
  CHECK(names({(folder / "bm").string(), (folder / "again").string()}) == "bm:nr3d again:nr3d ");
  CHECK_THROWS_WITH(names({(folder / "m/notes").string()}), Contains("answers.jsonl"));
  CHECK_THROWS_WITH(names({"b=/nowhere"}), Contains("/nowhere"));
  CHECK_THROWS_AS(names({}), UsageError);

  const auto read = [](const tasks::ScoredSources&) { return scored("sqa3d", {}); };
  CHECK_THROWS_WITH(read_runs({{"a", "x"}, {"a", "y"}}, {}, read), Contains("second run of sqa3d"));
  CHECK(read_runs({{"a", "x"}, {"b", "y"}}, {}, read).at(0).runs.size() == 2);
  CHECK(truth_files({"scanqa=a=b.json"}).at("scanqa") == "a=b.json");
  for (const char* bad : {"a.json", "scanqa=", "scanner=a.json"})
    CHECK_THROWS_AS(truth_files({bad}), UsageError);
  CHECK_THROWS_AS(truth_files({"scanqa=a", "scanqa=b"}), UsageError);
}

TEST_CASE("cases of a report are the worst ones and some of all others") {
  std::vector<tasks::ScoredQuestion> list;
  for (int i = 0; i < 101; ++i) list.push_back(question(std::to_string(i), 100 - i));
  const tasks::ScoredFile file = scored("sqa3d", list);
  using Places = std::vector<std::size_t>;
  CHECK(report_cases(file, 6) == Places{100, 99, 98, 97, 49, 0});
  CHECK(report_cases(file, 1) == Places{100});
  CHECK(report_cases(file, 0).size() == 101);
  CHECK(report_cases(file, 500).size() == 101);
}
