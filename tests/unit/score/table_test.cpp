#include "score/table.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/publish.h"
#include "score/nr3d_table.h"
#include "score/published.h"
#include "score/table_checks.h"
#include "support/support.h"
#include "text/csv.h"

using namespace vega;
using namespace vega::score;

namespace {

std::vector<TableRow> published(std::string_view name) {
  return csv_rows(published_file(name), std::string(name), Origin::kPublished);
}

std::vector<TableRow> foreign(const std::string& csv) {
  return csv_rows(csv, "theirs.csv", Origin::kForeign);
}

Scores table_scores(const std::string& task, const std::string& matcher, std::int64_t n,
                    std::int64_t of, Metrics metrics) {
  Scores out;
  out.task = task;
  out.split = "val";
  out.matcher = matcher;
  out.n = n;
  out.of = of;
  out.metrics = std::move(metrics);
  return out;
}

TableRow scored(const std::string& name, std::vector<Scores> all) {
  TableRow row{.name = name, .origin = Origin::kScored};
  row.scores = std::move(all);
  return row;
}

ScoreValue table_value(double v) { return {.value = v, .low = v - 1, .high = v + 1, .n = 100}; }

const Results::Entry& entry(const Results& results, std::size_t row, std::size_t column) {
  REQUIRE(results.cells.at(row).at(column));
  return *results.cells[row][column];
}

}  // namespace

TEST_CASE("means of ranks have one decimal, half to even") {
  CHECK(mean_rank(41, 4) == "10.2");  // 10.25
  CHECK(mean_rank(43, 4) == "10.8");  // 10.75
  CHECK(mean_rank(25, 2) == "12.5");
  CHECK(mean_rank(37, 3) == "12.3");
  CHECK(mean_rank(38, 3) == "12.7");
  CHECK(mean_rank(7, 7) == "1.0");
  CHECK(mean_rank(39, 20) == "2.0");  // 1.95
  CHECK(mean_rank(37, 20) == "1.8");  // 1.85
}

TEST_CASE("the average rank of all 24 rows of the published table") {
  const auto columns = parse_columns("--columns", "table1");
  CHECK(columns.size() == 9);
  const Results results = rank_results(columns, published("scene_understanding.csv"), 1);
  const auto records = text::read_csv(published_file("scene_understanding.csv"), "published");
  REQUIRE(records.size() == 25);
  REQUIRE(results.rows.size() == 24);
  for (std::size_t r = 0; r < 24; ++r) {
    INFO(results.rows[r].name);
    CHECK(results.average_rank[r] == records[r + 1].fields.back());
  }
  CHECK(results.rows[20].name == "LLaVA-4D");
  CHECK(results.rows[20].extra_data);
  CHECK(results.rows[0].group == "Specialists");
  CHECK(results.rows[8].group == "Generalists");
  // Best and second best of ScanQA EM: LLaVA-3D 30.6 and VEGA-3D 30.4.
  CHECK(entry(results, 19, 7).rank == 1);
  CHECK(entry(results, 23, 7).second);
  CHECK_FALSE(entry(results, 18, 7).second);
}

TEST_CASE("published tables of VSI-Bench, LIBERO and the ablations are read") {
  const auto vsi = published("vsi.csv");
  REQUIRE(vsi.size() == 8);
  CHECK_FALSE(vsi[2].ranked);
  const Column average = parse_column("--columns", "vsi:average");
  CHECK_FALSE(cell_of(vsi[0], average));  // blank: no document states it
  CHECK(cell_of(vsi[7], average)->value == 50.5);
  CHECK(cell_of(vsi[3], parse_column("--columns", "vsi:route planning"))->value == 36.0);
  const auto libero = published("libero.csv");
  REQUIRE(libero.size() == 4);
  CHECK(cell_of(libero[0], parse_column("--columns", "libero:long"))->value == 94.5);
  CHECK_FALSE(cell_of(libero[3], parse_column("--columns", "libero:goal")));
  const auto points = text::read_csv(published_file("ablation.csv"), "ablation.csv");
  CHECK(points.size() == 1 + 11 + 6 + 1);
  CHECK(published_file("no such file").empty());
}

TEST_CASE("columns are named by task, metric, group and matcher") {
  const Column unique = parse_column("--columns", "ScanRefer:acc@0.5/Unique");
  CHECK(unique.text() == "scanrefer:Acc@0.5/unique");
  CHECK(unique.title == "Acc@0.5 unique");
  CHECK(parse_column("--columns", "vsi:object count").id() ==
        parse_column("--columns", "vsi:object_counting").id());
  CHECK(parse_column("--columns", "sqa3d:EM[official]").matcher.empty());
  CHECK(parse_column("--columns", "sqa3d:EM[Refined]").matcher == "refined");
  CHECK(parse_column("--columns", "multi3drefer:F1@0.5[renormalised]").title ==
        "F1@0.5 [renormalised]");
  CHECK(parse_column("--columns", "scanqa:some new metric").metric == "some new metric");
  CHECK(parse_columns("--columns", "vsi,scanqa:EM").size() == 10);
  CHECK(parse_columns("--columns", "scanqa").size() == 8);
  CHECK(parse_columns("--columns", "vsi:average[eleven, strict parser],sqa3d:EM").size() == 2);
  for (const char* text : {"scanqa", "nothing:EM", "scanqa:", "scanqa:EM[PTB", "scanqa:EM[no such]",
                           "scanrefer:/unique"})
    CHECK_THROWS_AS(parse_column("--columns", text), UsageError);
  CHECK_THROWS_WITH(parse_columns("--columns", "tabel1"), Catch::Contains("table1, scanrefer"));
  CHECK_THROWS_WITH(parse_columns("--columns", "scanqa:EM,scanqa:em"), Catch::Contains("twice"));
}

TEST_CASE("every column of every set is of a known form") {
  for (const ColumnSet& set : column_sets())
    CHECK_NOTHROW(parse_columns("--columns", std::string(set.name)));
}

TEST_CASE("a number under another matcher, of a part or of METEOR's other form is not ranked") {
  const auto columns = parse_columns("--columns", "scanqa:CIDEr,sqa3d:EM,scanqa:METEOR");
  std::vector<TableRow> rows = {
      scored("official",
             {table_scores("scanqa", "raw", 4675, 4675,
                           {{"CIDEr", table_value(100)}, {"meteor-1.5", table_value(20)}}),
              table_scores("sqa3d", "official", 3519, 3519, {{"EM", table_value(60)}})}),
      scored("other",
             {table_scores("scanqa", "PTB", 4675, 4675,
                           {{"CIDEr", table_value(110)}, {"meteor-wordnet", table_value(30)}}),
              table_scores("sqa3d", "official", 12, 3519, {{"EM", table_value(90)}})})};
  const Results results = rank_results(columns, rows, 1);
  CHECK(entry(results, 0, 0).rank == 1);
  CHECK(entry(results, 1, 0).rank == 0);
  CHECK(entry(results, 1, 0).cell.notes ==
        std::vector<std::string>{"matcher 'PTB', the column's is 'raw'; not ranked"});
  CHECK(entry(results, 1, 1).rank == 0);
  CHECK(entry(results, 1, 1).cell.n == 12);
  CHECK(entry(results, 0, 2).rank == 1);
  CHECK(entry(results, 1, 2).cell.notes.size() == 2);
  CHECK(results.average_rank[0] == "1.0");
  CHECK(results.average_rank[1].empty());
  const std::string text = results_text(results, {});
  CHECK(text.find("90.0 (12/3519)") != std::string::npos);
  // Where the column asks for it, the official one is marked.
  const Results ptb = rank_results(parse_columns("--columns", "scanqa:CIDEr[PTB]"), rows, 1);
  CHECK(entry(ptb, 0, 0).rank == 0);
  CHECK(entry(ptb, 1, 0).rank == 1);
}

TEST_CASE("of several matchers of one task the column's own counts") {
  const TableRow row =
      scored("a", {table_scores("sqa3d", "refined", 3519, 3519, {{"EM", table_value(70)}}),
                   table_scores("sqa3d", "official", 3519, 3519, {{"EM", table_value(60)}})});
  CHECK(cell_of(row, parse_column("c", "sqa3d:EM"))->value == 60);
  CHECK(cell_of(row, parse_column("c", "sqa3d:EM[refined]"))->value == 70);
  CHECK_FALSE(cell_of(row, parse_column("c", "sqa3d:BLEU-1")));
}

TEST_CASE("groups of the breakdown, and metrics that are groups, are found under their names") {
  Scores refer = table_scores("scanrefer", "official", 9508, 9508, {{"Acc@0.5", table_value(40)}});
  refer.breakdown = {{"unique", {{"Acc@0.25", table_value(80)}, {"Acc@0.5", table_value(70)}}}};
  const TableRow row = scored(
      "a",
      {refer, table_scores("vsi", "official, strict parser", 5130, 5130,
                           {{"average", table_value(50)}, {"object count", table_value(60)}})});
  CHECK(cell_of(row, parse_column("c", "scanrefer:Acc@0.5/unique"))->value == 70);
  CHECK_FALSE(cell_of(row, parse_column("c", "scanrefer:Acc@0.5/multiple")));
  CHECK(cell_of(row, parse_column("c", "vsi:object_counting"))->value == 60);
  CHECK(cell_of(row, parse_column("c", "vsi:object_counting"))->ranked);
}

TEST_CASE("equal numbers share the better rank, as they are shown") {
  const auto rows = foreign("name,sqa3d:EM\na,60.04\nb,60.0\nc,61\nd,59\n");
  const auto columns = parse_columns("--columns", "sqa3d:EM");
  const Results results = rank_results(columns, rows, 1);
  CHECK(entry(results, 2, 0).rank == 1);
  CHECK(entry(results, 0, 0).rank == 2);
  CHECK(entry(results, 1, 0).rank == 2);
  CHECK(entry(results, 0, 0).second);
  CHECK(entry(results, 1, 0).second);
  CHECK(entry(results, 3, 0).rank == 4);
  CHECK(entry(rank_results(columns, rows, 2), 1, 0).rank == 3);
}

TEST_CASE("an overall value that its groups cannot make is marked") {
  const auto note = [](const std::string& csv, const std::string& column,
                       std::vector<TableRow> more = {}) {
    std::vector<TableRow> rows = foreign(csv);
    for (TableRow& row : more) rows.push_back(std::move(row));
    mark_impossible(rows);
    const auto cell = cell_of(rows.front(), parse_column("c", column));
    REQUIRE(cell);
    CHECK(cell->ranked == cell->notes.empty());
    return cell->notes.empty() ? "" : cell->notes.front();
  };
  const std::string head =
      "name,scanrefer:Acc@0.5/unique,scanrefer:Acc@0.5/multiple,scanrefer:Acc@0.5\n";
  // Three unique ones with two hits, seven multiple ones with two hits.
  CHECK(note(head + "a,66.7,28.6,40.0\n", "scanrefer:Acc@0.5") == "");
  CHECK_THAT(note(head + "a,66.7,28.6,70.0\n", "scanrefer:Acc@0.5"),
             Catch::Contains("not between"));
  CHECK_THAT(note(head + "a,66.7,28.6,28.4\n", "scanrefer:Acc@0.5"),
             Catch::Contains("not between"));
  CHECK(note(head + "a,66.7,28.6,28.5\n", "scanrefer:Acc@0.5") == "");  // rounding may hide it
  CHECK(note(head + "a,66.7,28.6,47.7\n", "scanrefer:Acc@0.5") == "");  // the counts are not known
  // A complete score file tells the counts.
  Scores mine = table_scores("scanrefer", "official", 10, 10, {{"Acc@0.5", table_value(40)}});
  mine.breakdown = {{"unique", {{"Acc@0.5", table_value(70)}}},
                    {"multiple", {{"Acc@0.5", table_value(30)}}}};
  mine.breakdown[0].second[0].second.n = 3;
  mine.breakdown[1].second[0].second.n = 7;
  CHECK_THAT(note(head + "a,66.7,28.6,47.7\n", "scanrefer:Acc@0.5", {scored("mine", {mine})}),
             Catch::Contains("47.7 is not what its groups give, 40.0"));
  CHECK(note(head + "a,66.7,28.6,40.0\n", "scanrefer:Acc@0.5", {scored("mine", {mine})}) == "");
  // A part's rounding alone.
  CHECK(note(head + "a,66.7,28.6,40.1\n", "scanrefer:Acc@0.5", {scored("mine", {mine})}) == "");
  // SQA3D's counts are published.
  const std::string sqa =
      "name,sqa3d:EM/what,sqa3d:EM/is,sqa3d:EM/how,sqa3d:EM/can,sqa3d:EM/which,sqa3d:EM/"
      "others,sqa3d:EM\n";
  CHECK(note(sqa + "a,50.0,70.0,60.0,65.0,55.0,58.0,58.3\n", "sqa3d:EM") == "");
  CHECK_THAT(note(sqa + "a,50.0,70.0,60.0,65.0,55.0,58.0,58.8\n", "sqa3d:EM"),
             Catch::Contains("give, 58.3"));
  // Whole numbers hide up to half a point each.
  CHECK(note(sqa + "a,50,70,60,65,55,58,58.8\n", "sqa3d:EM") == "");
  // LIBERO averages its suites; with one missing nothing can be said.
  const std::string libero =
      "name,libero:spatial,libero:object,libero:goal,libero:long,libero:average\n";
  CHECK(note(libero + "a,97.6,98.4,97.9,94.5,97.1\n", "libero:average") == "");
  CHECK_THAT(note(libero + "a,97.6,98.4,97.9,94.5,97.6\n", "libero:average"),
             Catch::Contains("97.1"));
  CHECK(note(libero + "a,97.6,,97.9,94.5,99\n", "libero:average") == "");
}

TEST_CASE("a fraction among percents is marked, unless the file states its unit") {
  const auto cider = [](const std::string& csv) {
    std::vector<TableRow> rows = published("scene_understanding.csv");
    const std::size_t first = rows.size();
    for (TableRow& row : foreign(csv)) rows.push_back(std::move(row));
    mark_impossible(rows);
    return *cell_of(rows.at(first), parse_column("c", "scanqa:CIDEr"));
  };
  const Cell fraction = cider("name,scanrefer:Acc@0.5,scanqa:CIDEr\ntheirs,51.7,0.838\n");
  CHECK_FALSE(fraction.ranked);
  CHECK_THAT(fraction.notes.at(0), Catch::Contains("0.838 looks like a fraction among percents"));
  CHECK_FALSE(cider("name,scanqa:CIDEr\ntheirs,1.063\n").ranked);  // CIDEr may pass 1
  CHECK(cider("name,scanqa:CIDEr\ntheirs,10.6\n").ranked);
  const Cell stated = cider("name,unit,scanqa:CIDEr\ntheirs,fraction,0.838\n");
  CHECK(stated.ranked);
  CHECK(stated.value == Approx(83.8));
  CHECK(cider("name,unit,scanqa:CIDEr\ntheirs,percent,0.838\n").ranked);
}

TEST_CASE("CSV files of other systems: faults have a line and a column") {
  const auto refused = [](const std::string& csv, const std::string& what) {
    CHECK_THROWS_AS(foreign(csv), FormatError);
    CHECK_THROWS_WITH(foreign(csv), Catch::Contains(what));
  };
  refused("", "theirs.csv");
  refused("name,scanqa:EM\n", "a line of names alone");
  refused("system;scanqa:EM\na;1\n", "no column 'name' but 'system;scanqa:EM'");
  refused("name,unit,scanqa:EM\na,fraction,30%\n", "got '30%'");
  refused("name,scanqa:EM\na,\"58,1\"\n",
          "theirs.csv:2: scanqa:EM: got '58,1', expected a number with a decimal point");
  refused("# from a paper\nname,scanqa:EM\na,30.1,5\n", "theirs.csv:3: got 3 fields, expected 2");
  refused("name,scanqa:EM\na,nan\n", "expected a number");
  refused("name,scanqa:EM\na,-1\n", "expected 0 to 100 percent");
  refused("name,scanqa:EM\na,101\n", "expected 0 to 100 percent");
  refused("name,unit,scanqa:EM\na,fraction,30\n", "expected 0 to 1");
  refused("name,scanqa:EM,scanqa:EM\na,1,2\n", "twice");
  refused("name,frobnication\na,1\n", "theirs.csv:1");
  refused("name,scanqa:EM\n,1\n", "theirs.csv:2: name");
  refused("name,extra_data\na,perhaps\n", "yes or no");
  refused("name,unit\na,permille\n", "percent or fraction");
  refused(
      "name,scanqa:EM\nK\xfc"
      "che,30\n",
      "not UTF-8");
  refused("name,scanqa:EM\na,30 (12/)\n", "a number (n/N)");
  refused("name,scanqa:EM\na,30 (12/12)\n", "a number (n/N)");
  CHECK(foreign("name,scanqa:CIDEr\na,106.3\n").size() == 1);
  CHECK(foreign("name,scanqa:EM\na,30.1 %\n").at(0).cells.at("scanqa:EM").value == Approx(30.1));
  // A byte order mark, CRLF, blanks and dashes for nothing.
  const auto rows =
      foreign("\xef\xbb\xbf# x\r\nname, scanqa:EM ,sqa3d:EM\r\n\"a, b\", 30.1 ,-\r\nc,,\u2013\r\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].name == "a, b");
  CHECK(cell_of(rows[0], parse_column("c", "scanqa:EM"))->value == 30.1);
  CHECK_FALSE(cell_of(rows[0], parse_column("c", "sqa3d:EM")));
  CHECK(rows[1].cells.empty());
}

TEST_CASE("a foreign row under a matcher of its own is marked in the official column") {
  const auto rows = foreign("name,sqa3d:EM[refined]\na,70\n");
  const auto cell = cell_of(rows[0], parse_column("c", "sqa3d:EM"));
  REQUIRE(cell);
  CHECK_FALSE(cell->ranked);
  CHECK_THAT(cell->notes.at(0), Catch::Contains("matcher 'refined', the column's is 'official'"));
  CHECK(cell_of(rows[0], parse_column("c", "sqa3d:EM[refined]"))->ranked);
}

TEST_CASE("score files become rows by name or by folder") {
  const test::TempFolder dir;
  const auto write = [&](const std::string& name, const Scores& one) {
    const std::filesystem::path path = dir.path() / name;
    publish_file(path, scores_text(one));
    return path.string();
  };
  const std::string a =
      write("run a/scanqa.json", table_scores("scanqa", "raw", 5, 5, {{"EM", table_value(20)}}));
  const std::string b =
      write("run a/sqa3d.json", table_scores("sqa3d", "official", 5, 5, {{"EM", table_value(50)}}));
  publish_file(dir.path() / "run a/run.json", std::string_view("{\"schema\": \"other\"}\n"));
  const std::string folder = (dir.path() / "run a").string();
  for (const std::vector<std::string>& inputs :
       {std::vector<std::string>{folder}, std::vector<std::string>{a, b}}) {
    const auto rows = score_rows(inputs);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].name == "run a");
    CHECK(rows[0].scores.size() == 2);
  }
  const std::vector<std::string> named = {"x y=" + a, "z=" + b};
  CHECK(score_rows(named).size() == 2);
  CHECK(score_rows(named)[0].name == "x y");
  const std::vector<std::string> twice = {"x=" + a, "x=" + a};
  CHECK_THROWS_WITH(score_rows(twice), Catch::Contains("a second score of scanqa in row 'x'"));
  const std::vector<std::string> missing = {"x=" + folder + "/none.json"};
  CHECK_THROWS_AS(score_rows(missing), InputError);
  const std::vector<std::string> nameless = {"=" + a};
  CHECK_THROWS_AS(score_rows(nameless), UsageError);
}

TEST_CASE("tables come back from their own CSV, and names stay as they are") {
  const std::string name = "vega_3d 50% A&B #1 {x} ~^\\ $";
  std::vector<TableRow> rows = foreign("name,extra_data,sqa3d:EM\n\"" + name + "\",yes,61.25\n");
  rows.push_back(scored(
      "mine", {table_scores("sqa3d", "official", 12, 3519, {{"EM", table_value(60.123456789)}})}));
  const Results results = rank_results(parse_columns("--columns", "sqa3d:EM"), rows, 1);
  TableOptions options;
  options.format = TableFormat::kCsv;
  const auto back = foreign(results_text(results, options));
  REQUIRE(back.size() == 2);
  CHECK(back[0].name == name);
  CHECK(back[0].extra_data);
  const auto part = cell_of(back[1], parse_column("c", "sqa3d:EM"));
  CHECK(part->value == 60.123456789);
  CHECK(part->of == 3519);
  CHECK_FALSE(part->ranked);
  // A number under another matcher comes back under that one.
  const auto other = rank_results(parse_columns("--columns", "sqa3d:EM"),
                                  foreign("name,sqa3d:EM[refined]\na,70\n"), 1);
  const auto again = foreign(results_text(other, options));
  CHECK(cell_of(again[0], parse_column("c", "sqa3d:EM[refined]"))->ranked);
  CHECK_FALSE(cell_of(again[0], parse_column("c", "sqa3d:EM"))->ranked);
  options.format = TableFormat::kJson;
  const auto json = parse_json(results_text(results, options));
  REQUIRE(json);
  CHECK((*json)["rows"][0]["name"].text_or("") == name);
  CHECK((*json)["rows"][1]["cells"]["sqa3d:EM"]["of"].whole() == 3519);
  CHECK((*json)["rows"][1]["cells"]["sqa3d:EM"]["rank"].is_null());
  CHECK((*json)["rows"][0]["cells"]["sqa3d:EM"]["lo"].is_null());
  options.format = TableFormat::kLatex;
  CHECK_THAT(results_text(results, options),
             Catch::Contains("vega\\_3d 50\\% A\\&B \\#1 \\{x\\} \\textasciitilde{}"));
  options.format = TableFormat::kText;
  options.intervals = true;
  CHECK_THAT(results_text(results, options), Catch::Contains("60.1 [59.1, 61.1] (12/3519)"));
}
