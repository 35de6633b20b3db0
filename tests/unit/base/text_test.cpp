// Byte order marks, blanks and numbers of small text files.
#include "base/text.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "support/support.h"

using namespace vega;
using Catch::Matchers::Contains;

TEST_CASE("a byte order mark is no part of the text, blanks at the ends neither") {
  CHECK(strip_bom("\xef\xbb\xbf"
                  "1 2") == "1 2");
  CHECK(strip_bom("1 2\xef\xbb\xbf") == "1 2\xef\xbb\xbf");
  CHECK(strip_bom("\xef\xbb") == "\xef\xbb");
  CHECK(trim(" \t a b \r\n") == "a b");
  CHECK(trim(" \r\n").empty());
  CHECK(lower("Frame-7.COLOR.Jpg") == "frame-7.color.jpg");
}

TEST_CASE("a word is a number as a whole or not at all") {
  CHECK(parse_double("-1.5e3") == -1500.0);
  CHECK(parse_double("+2") == 2.0);
  CHECK(std::isinf(*parse_double("-inf")));
  CHECK(std::isnan(*parse_double("NaN")));
  for (const char* word : {"", "+", "++1", "1x", "1,5", "one", " 1"})
    CHECK_FALSE(parse_double(word));
}

TEST_CASE("text files: with a mark, in UTF-16, too long, not there") {
  const test::TempFolder folder;
  const auto path = folder / "text.txt";
  test::write_text(path,
                   "\xef\xbb\xbf"
                   "1 2\n");
  CHECK(read_text(path, "numbers") == "1 2\n");
  test::write_text(path, "");
  CHECK(read_text(path, "numbers").empty());
  test::write_text(path, "1234");
  CHECK(read_text(path, "numbers", 4) == "1234");
  CHECK_THROWS_WITH(read_text(path, "numbers", 3), Contains("more than 3 bytes"));
  test::write_text(path,
                   "\xff\xfe"
                   "1");
  CHECK_THROWS_WITH(read_text(path, "numbers"), Contains("UTF-16") && Contains("save it as UTF-8"));
  CHECK_THROWS_WITH(read_text(folder / "none", "16 numbers"),
                    Contains("cannot be read") && Contains("16 numbers"));
  CHECK_THROWS_AS(read_text(folder.path(), "numbers"), InputError);
}
