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
  CHECK(display_width("\xe4\xb8") == 2);
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
