#include "score/plot.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <locale>

#include "base/error.h"
#include "base/publish.h"
#include "base/text.h"
#include "score/plot_data.h"
#include "score/scores_file.h"
#include "support/support.h"

using namespace vega;
using namespace vega::score;
using namespace vega::test;
namespace fs = std::filesystem;

namespace {

Scores scores(const std::string& task, const std::string& matcher, const std::string& metric,
              double value) {
  Scores out;
  out.task = task, out.split = "val", out.matcher = matcher, out.n = out.of = 100;
  out.metrics = {{metric, {.value = value, .low = value - 1, .high = value + 2, .n = 100}}};
  return out;
}

std::string write_scores(const fs::path& path, const Scores& scores) {
  publish_file(path, scores_text(scores));
  return path.string();
}

std::string write(const fs::path& path, const std::string& text) {
  publish_file(path, text);
  return path.string();
}

template <typename Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

struct Output {
  std::string text;
  Context context() {
    Context out;
    out.print = [this](const std::string& more) { text += more; };
    return out;
  }
};

}  // namespace

TEST_CASE("points of a CSV: named columns, comments, blank places") {
  const auto points = csv_points(
      "# where from\nvalue,x,series,low,high\n55.6,0.1,ours,54,57\n51.7,,base,,\n", "p.csv");
  REQUIRE(points.size() == 2);
  CHECK((points[0].series == "ours" && points[0].x == "0.1" && points[0].value == 55.6));
  CHECK((points[0].low == 54 && points[0].high == 57));
  CHECK((points[1].x.empty() && std::isnan(points[1].low)));
  const auto message = [](const std::string& text) {
    return message_of([&] { csv_points(text, "p.csv"); });
  };
  CHECK_THAT(message("series,x\na,1\n"), Catch::Contains("p.csv:1: got no column 'value'"));
  CHECK_THAT(message("series,x,value\na,1,2\na,1,2;5\n"),
             Catch::Contains("p.csv:3: value: got '2;5'"));
  CHECK_THAT(message("series,x,value\na,1\n"), Catch::Contains("p.csv:2: got 2 fields"));
  CHECK_THAT(message("series,x,value,low,high\na,1,5,6,7\n"), Catch::Contains("p.csv:2"));
  CHECK_THAT(message("series,x,value\n"), Catch::Contains("no line of numbers"));
}

TEST_CASE("an ablation shows the published points beside one's own") {
  Curves plot = ablation_curves({});
  REQUIRE(plot.series.size() == 2);
  CHECK(plot.series[0].name == "VEGA-3D (published)");
  CHECK(plot.series[0].points.size() == 11);
  CHECK((plot.series[0].points[3].x == 0.3 && plot.series[0].points[3].y == 56.2));
  CHECK((plot.series[1].points.front().x == 0 && plot.series[1].points.back().x == 1));
  CHECK(plot.series[1].points.front().y == 51.7);
  CHECK(plot.y_label == "ScanRefer Acc@0.5 (%)");

  const TempFolder folder;
  PlotOptions options{.vary = Vary::kLayer};
  for (const int layer : {20, 10})
    options.inputs.push_back(
        std::to_string(layer) + "=" +
        write_scores(folder / std::to_string(layer) / "s.json",
                     scores("scanrefer", "official", "Acc@0.5", 50 + layer / 10.0)));
  options.inputs.push_back(
      "other:15=" +
      write_scores(folder / "o.json", scores("scanrefer", "official", "Acc@0.5", 49)));
  options.inputs.push_back(write(folder / "p.csv", "series,x,value\ncsv,12,53\n"));
  plot = ablation_curves(options);
  REQUIRE(plot.series.size() == 5);  // published, csv, scored, other, baseline
  CHECK(plot.series[0].points.size() == 6);
  CHECK(plot.series[1].name == "csv");
  CHECK(plot.series[2].name == "scored");
  CHECK((plot.series[2].points[0].x == 10 && plot.series[2].points[0].y == 51));
  CHECK((plot.series[2].points[1].low == 51 && plot.series[2].points[1].high == 54));
  CHECK(plot.series[3].name == "other");
  CHECK(!plot.series[4].markers);

  options.published = false;
  options.columns = "sqa3d:EM";
  CHECK_THAT(message_of([&] { ablation_curves(options); }),
             Catch::Contains("no number for sqa3d:EM"));
  options.columns = "";
  options.inputs[0].replace(0, 2, "add");
  CHECK_THAT(message_of([&] { ablation_curves(options); }),
             Catch::Contains("'add', expected a number"));
  options.vary = Vary::kFusion;
  plot = ablation_curves(options);
  CHECK(plot.categories.size() == 4);
  CHECK(!plot.series[0].joined);
}

TEST_CASE("changes are percent of the baseline's number, or points") {
  const Bars paper = delta_bars({});
  REQUIRE(paper.series.size() == 2);
  CHECK(paper.series[0].points[0].y == -5.5);
  CHECK(paper.categories[4] == "Scan2Cap BLEU-4");
  PlotOptions options{.rows = "VEGA-3D, Video-3D LLM", .baseline = "Video-3D LLM"};
  Bars bars = delta_bars(options);
  REQUIRE(bars.series.size() == 1);
  CHECK(bars.series[0].points[0].y == Approx(100 * (63.2 / 58.1 - 1)));
  options.points = true;
  bars = delta_bars(options);
  // The gains that the paper states.
  const double gains[] = {5.1, 4.5, 2.8, 2.4, -0.6, 0.9, 4.2, 0.3, 2.7};
  for (std::size_t k = 0; k < 9; ++k) CHECK(bars.series[0].points[k].y == Approx(gains[k]));
  CHECK(bars.note == "against Video-3D LLM");
  options.baseline = "none";
  CHECK_THAT(message_of([&] { delta_bars(options); }), Catch::Contains("'none'"));
  options.rows = "no such row";
  CHECK_THAT(message_of([&] { delta_bars(options); }), Catch::Contains("no such row"));
}

TEST_CASE("bars and radar leave out columns without a number and keep gaps") {
  const TempFolder folder;
  PlotOptions options{
      .inputs = {"ours=" + write_scores(folder / "a.json", scores("sqa3d", "official", "EM", 60)),
                 write(folder / "t.csv", "name,sqa3d:EM,scanqa:EM\nthem,58.5,30\n")}};
  const Bars bars = score_bars(options);
  CHECK(bars.categories == std::vector<std::string>{"ScanQA EM", "SQA3D EM"});
  REQUIRE(bars.series.size() == 2);
  CHECK(bars.series[0].name == "them");
  CHECK(std::isnan(bars.series[1].points[0].y));
  CHECK((bars.series[1].points[1].low == 59 && bars.series[1].points[1].high == 62));
  CHECK(bars.note.empty());
  options.rows = "ScanRefer";
  options.columns = "sqa3d:EM,scanqa:EM";  // it has neither
  CHECK(score_bars(options).series.size() == 2);
  options.columns.clear();
  options.rows = "VEGA-3D";
  CHECK(score_radar(options).axes.size() == 9);
  Scores part = scores("sqa3d", "official", "EM", 60);
  part.n = 12;
  write_scores(folder / "a.json", part);
  CHECK(score_bars(options).note == "incomplete: ours 12/100");
  options.rows.clear();
  options.baseline = "them";
  CHECK(delta_bars(options).note == "against them; incomplete: ours 12/100");
  CHECK_THAT(message_of([] { score_bars({}); }), Catch::Contains("nothing to draw"));
}

TEST_CASE("correlation joins correspondence and scores by name") {
  const TempFolder folder;
  PlotOptions options;
  const double x[] = {0.96, 0.71, 0.88}, y[] = {61, 52, 57};
  for (int i = 0; i < 3; ++i) {
    const std::string name = "m" + std::to_string(i);
    options.inputs.push_back(
        name + "=" +
        write(folder / (name + ".json"),
              R"({"schema": "vega.correspondence/1", "metrics": {"multi_view": {"mean": )" +
                  std::to_string(x[i]) + R"(}, "auc": {"mean": 0.8}}})"));
    options.inputs.push_back(
        name + "=" +
        write_scores(folder / name / "s.json", scores("sqa3d", "official", "EM", y[i])));
  }
  const Correlation found = score_correlation(options);
  CHECK(found.x == std::vector<double>{96, 71, 88});
  CHECK(found.y == std::vector<double>{61, 52, 57});
  CHECK(found.plot.series[0].points[1].label == "m1");
  CHECK(found.plot.y_label == "SQA3D EM (%)");
  options.metric = "auc";
  CHECK(score_correlation(options).x[0] == 0.8);
  options.metric = "none";
  CHECK_THAT(message_of([&] { score_correlation(options); }), Catch::Contains("no 'none'"));
  options.metric = "multi_view";
  options.inputs.pop_back();
  CHECK_THAT(message_of([&] { score_correlation(options); }), Catch::Contains("m2"));
  options.inputs = {write(folder / "c.csv", "name,match (%),EM (%)\na,90,50\nb,80,40\n")};
  CHECK(score_correlation(options).plot.x_label == "match (%)");
}

TEST_CASE("plot writes SVG, PDF and PNG, the same bytes under every locale") {
  const TempFolder folder;
  const std::string points =
      write(folder / "c.csv", "name,x (%),y (%)\na,90.5,50.25\nβ,80.5,40\nc,70,41\n");
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale();
  std::string first[2];
  for (int pass = 0; pass < 2; ++pass) {
    if (pass == 1) std::locale::global(std::locale(before, new Comma));
    for (const char* ending : {".svg", ".pdf", ".png"}) {
      PlotOptions options{.inputs = {"correlation", points},
                          .out = (folder / ("p" + std::string(ending))).string(),
                          .dpi = 100};
      Output output;
      run_plot(options, output.context());
      CHECK(output.text == "Pearson 0.810, Spearman 0.500 (n = 3)\n");
      const auto bytes = read_bytes(options.out);
      first[pass].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  std::locale::global(before);
  CHECK(first[0].size() > 5000);
  CHECK(first[0] == first[1]);
}

TEST_CASE("plot refuses what it cannot draw before it writes") {
  const TempFolder folder;
  const auto message = [](PlotOptions options) {
    return message_of([&] { run_plot(options, Output().context()); });
  };
  CHECK_THAT(message({}), Catch::Contains("no kind"));
  CHECK_THAT(message({.inputs = {"pie"}}),
             Catch::Contains("ablation, delta, correlation, radar, bars"));
  CHECK_THAT(message({.inputs = {"delta"}}), Catch::Contains("no -o"));
  const std::string out = (folder / "x.pdf").string();
  CHECK_THAT(message({.inputs = {"delta"}, .out = (folder / "x.jpeg").string()}),
             Catch::Contains(".svg, .pdf or .png"));
  CHECK_THAT(message({.inputs = {"correlation"}, .out = out}), Catch::Contains("no point"));
  CHECK_THAT(message({.inputs = {"bars", "none.json"}, .out = out}), Catch::Contains("none.json"));
  CHECK(fs::is_empty(fs::path(out).parent_path()));
}
