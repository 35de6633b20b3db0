#include "viz/paragraph.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace vega;

TEST_CASE("texts wrap at blanks, long words within, and end in an ellipsis") {
  const TextStyle style{{}, 14};
  const auto lines = wrap_text("one two\tthree\nfour five", 60, style, 10);
  CHECK(lines == std::vector<std::string>{"one two", "three", "four five"});
  for (const std::string& text :
       {std::string(5000, 'w'), std::string("\u578b\u6a21\u578b\u6a21\u578b"),
        std::string("a\x1b[31mb \xff\xfe") + std::string(200, ' ')}) {
    const auto some = wrap_text(text, 60, style, 4);
    CHECK(some.size() <= 4);
    for (const std::string& line : some) CHECK(text_width(line, style) <= 60);
  }
  CHECK(wrap_text(std::string(5000, 'w'), 60, style, 4).back().ends_with("\u2026"));
  CHECK(wrap_text("", 60, style, 4).empty());
}
