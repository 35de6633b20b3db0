#include "viz/table.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/json.h"

using namespace vega;

TEST_CASE("width on a terminal") {
  CHECK(display_width("") == 0);
  CHECK(display_width("kitchen") == 7);
  CHECK(display_width("K\u00fcche") == 5);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("\u4e2d\u6587") == 4);
  CHECK(display_width("\U0001F600!") == 3);
  CHECK(display_width("a\xff"
                      "b") == 3);
  CHECK(display_width("\xe4\xb8") == 1);
}

TEST_CASE("columns are aligned, line ends are bare") {
  Table table({{"scene"}, {"frames", Align::kRight}, {"note"}});
  table.add_row({"K\u00fcche", "32", ""});
  table.add_row({"\u4e2d\u6587 room", "1250", "two\nlines"});
  table.add_rule();
  table.add_row({"all", "1282", "x"});
  CHECK(table.text() ==
        "scene      frames  note\n"
        "─────────  ──────  ─────────\n"
        "K\u00fcche          32\n"
        "\u4e2d\u6587 room    1250  two lines\n"
        "─────────  ──────  ─────────\n"
        "all          1282  x\n");
}

TEST_CASE("Markdown") {
  Table table({{"a|b"}, {"n", Align::kRight}});
  CHECK(table.empty());
  table.add_rule();
  CHECK(table.empty());
  table.add_row({"x", "1"});
  table.add_row({"p|q\tr", "12345"});
  CHECK(!table.empty());
  CHECK(table.write(TableFormat::kMarkdown) ==
        "| a\\|b | n |\n"
        "| --- | --: |\n"
        "| x | 1 |\n"
        "| p\\|q r | 12345 |\n");
}

TEST_CASE("CSV and JSON have every byte and no mark") {
  Table table({{"a|b"}, {"n", Align::kRight}});
  table.add_row({"x,\"y\"\n", "1"});
  table.add_rule();
  table.add_row({"-", "2.50"});
  table.mark_best(2, 1);
  table.add_footnote(0, 0, "why");
  CHECK(table.write(TableFormat::kCsv) == "a|b,n\n\"x,\"\"y\"\"\n\",1\n-,2.50\n");
  const auto json = parse_json(table.write(TableFormat::kJson));
  REQUIRE(json);
  REQUIRE(json->size() == 2);
  CHECK((*json)[0]["a|b"].text_or("") == "x,\"y\"\n");
  CHECK((*json)[0]["n"].whole() == 1);
  CHECK((*json)[1]["a|b"].is_null());
  CHECK((*json)[1]["n"].number() == 2.5);
}

TEST_CASE("best values and footnotes") {
  Table table({{"model"}, {"score", Align::kRight}});
  table.add_row({"one", "61.2"});
  table.add_row({"two", "59.8"});
  table.mark_best(0, 1);
  table.add_footnote(0, 0, "as published");
  table.add_footnote(1, 0, "measured here");
  table.add_footnote(1, 1, "as published");
  CHECK(table.text() ==
        "model       score\n"
        "───────  ────────\n"
        "one [1]     61.2*\n"
        "two [2]  59.8 [1]\n"
        "[1] as published\n"
        "[2] measured here\n");
  CHECK(table.write(TableFormat::kMarkdown) ==
        "| model | score |\n"
        "| --- | --: |\n"
        "| one [1] | **61.2** |\n"
        "| two [2] | 59.8 [1] |\n"
        "\n"
        "[1] as published  \n"
        "[2] measured here  \n");
}

TEST_CASE("some columns of a table") {
  Table table({{"a"}, {"b", Align::kRight}, {"c"}});
  table.add_row({"1", "2", "3"});
  const std::vector<std::string> titles = {"c", "b", "none"};
  const Table some = table.with_columns(titles);
  REQUIRE(some.columns().size() == 2);
  CHECK(some.columns()[0].align == Align::kRight);
  CHECK(some.rows() == std::vector<std::vector<std::string>>{{"2", "3"}});
}

TEST_CASE("a table without rows has its titles") {
  CHECK(Table({{"one"}, {"two"}}).text() == "one  two\n───  ───\n");
}

TEST_CASE("a row has one cell a column") {
  Table table({{"a"}, {"b"}});
  CHECK_THROWS_AS(table.add_row({"1"}), InputError);
  CHECK_THROWS_AS(table.add_row({}), InputError);
  CHECK_THROWS_AS(table.add_row({"1", "2", "3"}), InputError);
}

namespace {

Table results() {
  Table table({{"Method"},
               {"Acc@0.25", Align::kRight, "ScanRefer"},
               {"Acc@0.5", Align::kRight, "ScanRefer"},
               {"EM", Align::kRight, "SQA3D"},
               {"Rank", Align::kRight}});
  table.add_section("Specialists");
  table.add_row({"ScanRefer", "37.3", "24.3", "-", "2.0"});
  table.add_section("Mine");
  table.add_row({"[a] 100% x_1", "63.2", "56.2", "61.3", "1.0"});
  table.mark_best(3, 1);
  table.mark_second(1, 1);
  table.add_footnote(3, 3, "n & m");
  table.add_note("Percent.");
  return table;
}

}  // namespace

TEST_CASE("headings stand above the columns that they join, sections above their rows") {
  CHECK(results().text() ==
        "              ScanRefer          SQA3D\n"
        "Method        Acc@0.25  Acc@0.5        EM  Rank\n"
        "────────────  ────────  ───────  ────────  ────\n"
        "Specialists\n"
        "ScanRefer        37.3^     24.3         -   2.0\n"
        "────────────  ────────  ───────  ────────  ────\n"
        "Mine\n"
        "[a] 100% x_1     63.2*     56.2  61.3 [1]   1.0\n"
        "[1] n & m\n"
        "Percent.\n");
  CHECK(results().write(TableFormat::kMarkdown) ==
        "| Method | ScanRefer Acc@0.25 | ScanRefer Acc@0.5 | SQA3D EM | Rank |\n"
        "| --- | --: | --: | --: | --: |\n"
        "| **Specialists** | | | | |\n"
        "| ScanRefer | *37.3* | 24.3 | - | 2.0 |\n"
        "| **Mine** | | | | |\n"
        "| \\[a\\] 100% x_1 | **63.2** | 56.2 | 61.3 [1] | 1.0 |\n"
        "\n[1] n \\& m  \nPercent.  \n");
  CHECK(results().write(TableFormat::kLatex) ==
        "% \\usepackage{booktabs}\n"
        "\\begin{tabular}{lrrrr}\n"
        "\\toprule\n"
        " & \\multicolumn{2}{c}{ScanRefer} & \\multicolumn{1}{c}{SQA3D} &  \\\\\n"
        "\\cmidrule(lr){2-3}\\cmidrule(lr){4-4}\n"
        "Method & Acc@0.25 & Acc@0.5 & EM & Rank \\\\\n"
        "\\midrule\n"
        "\\multicolumn{5}{l}{\\textit{Specialists}} \\\\\n"
        "ScanRefer & \\underline{37.3} & 24.3 & -- & 2.0 \\\\\n"
        "\\midrule\n"
        "\\multicolumn{5}{l}{\\textit{Mine}} \\\\\n"
        "{[}a{]} 100\\% x\\_1 & \\textbf{63.2} & 56.2 & 61.3\\textsuperscript{1} & 1.0 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\n\\smallskip\n{\\footnotesize\n"
        "\\textsuperscript{1} n \\& m\\par\n"
        "Percent.\\par\n}\n");
  CHECK(results().write(TableFormat::kCsv) ==
        "Method,ScanRefer Acc@0.25,ScanRefer Acc@0.5,SQA3D EM,Rank\n"
        "ScanRefer,37.3,24.3,-,2.0\n"
        "[a] 100% x_1,63.2,56.2,61.3,1.0\n");
}

TEST_CASE("a heading that is wider than its columns makes them wider") {
  Table table({{"a"}, {"EM", Align::kRight, "a long heading"}, {"b"}});
  table.add_row({"x", "1", "y"});
  CHECK(table.text() ==
        "   a long heading\n"
        "a              EM  b\n"
        "─  ──────────────  ─\n"
        "x               1  y\n");
}

TEST_CASE("what Markdown and LaTeX would read as commands is shown as it is") {
  const std::string name = "vega_3d 50% A&B #1 {x} ~^\\ $";
  CHECK(markdown_text(name) == "vega_3d 50% A\\&B \\#1 {x} \\~^\\\\ \\$");
  CHECK(latex_text(name) ==
        "vega\\_3d 50\\% A\\&B \\#1 \\{x\\} "
        "\\textasciitilde{}\\textasciicircum{}\\textbackslash{} \\$");
  CHECK(markdown_text("_a_ **b** `c` <i>|") == "\\_a\\_ \\*\\*b\\*\\* \\`c\\` \\<i\\>\\|");
  CHECK(latex_text("*[x] a--b\tc\x01") == "{*}{[}x{]} a-{}-b c ");
}

TEST_CASE("LaTeX names the characters that pdflatex lacks") {
  Table table({{"Method"}});
  table.add_row({"K\u00fcche"});
  CHECK(table.write(TableFormat::kLatex).find("xelatex") == std::string::npos);
  table.add_row({"\u6a21 \u03b2"});
  CHECK(table.write(TableFormat::kLatex).find("has: U+03B2 U+6A21\n") != std::string::npos);
}
