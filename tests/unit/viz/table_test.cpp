#include "viz/table.h"

#include <catch2/catch.hpp>

#include "base/error.h"

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
  CHECK(table.markdown() ==
        "| a\\|b   |     n |\n"
        "| ------ | ----: |\n"
        "| x      |     1 |\n"
        "| p\\|q r | 12345 |\n");
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
