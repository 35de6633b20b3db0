#include "text/unicode.h"

#include <catch2/catch.hpp>

using namespace vega::text;

TEST_CASE("UTF-8 there and back") {
  const std::string text = "a \u00e9 \u4e2d \U0001F642";
  CHECK(encode_utf8(decode_utf8(text)) == text);
}

TEST_CASE("broken UTF-8 becomes U+FFFD as Python's errors='replace' makes it") {
  // python3 -c "print(ascii(b'...'.decode('utf8', 'replace')))"
  CHECK(decode_utf8("\xff") == U"\uFFFD");
  CHECK(decode_utf8("\xc3(") == U"\uFFFD(");
  CHECK(decode_utf8("\xe2\x82") == U"\uFFFD");
  CHECK(decode_utf8("\xe2\x82(") == U"\uFFFD(");
  CHECK(decode_utf8("\xed\xa0\x80") == U"\uFFFD\uFFFD\uFFFD");
  CHECK(decode_utf8("\xf0\x9f\x99") == U"\uFFFD");
  CHECK(decode_utf8("\xc0\xaf") == U"\uFFFD\uFFFD");
}

TEST_CASE("lower case beyond ASCII") {
  CHECK(lower("\u00c9COLE \u0130stanbul") == "\u00e9cole i\u0307stanbul");
  CHECK(lower("\u039f\u0394\u039f\u03a3 \u03a3") == "\u03bf\u03b4\u03bf\u03c2 \u03c3");
}

TEST_CASE("Java's hash of a string") {
  CHECK(java_hash(U"hello") == 99162322);
  CHECK(java_hash(U"to") == java_hash(U"v1"));
  CHECK(java_hash(U"an") == java_hash(U"c0"));
  CHECK(java_hash(U"") == 0);
  CHECK(java_hash(U"\U0001F642") == 31 * 0xD83D + 0xDE42);  // two UTF-16 units
}

TEST_CASE(
    "capitalized is Python's str.capitalize where a letter has a long title form or a sigma ends a "
    "word") {
  CHECK(capitalized("\u1f80A") == "\u1f88a");
  CHECK(capitalized("\u0149A") == "\u02bcNa");
  CHECK(capitalized("\u1fb7A") == "\u0391\u0342\u0345a");
  CHECK(capitalized("\ufb17A") == "\u0544\u056da");
  CHECK(capitalized("A\u00aa\u03a3") == "A\u00aa\u03c2");
  CHECK(capitalized("A\u2160\u03a3") == "A\u2170\u03c2");
  CHECK(capitalized("A\u03a3\uff1ab") == "A\u03c3\uff1ab");
  CHECK(capitalized("\u03a3") == "\u03a3");
}

TEST_CASE("unicode: the first letter in title form, the others in lower case, as Python has it") {
  CHECK(capitalized("the TV On the left") == "The tv on the left");
  CHECK(capitalized("") == "");
  CHECK(capitalized("\u00c9COLE") == "\u00c9cole");
  CHECK(capitalized("\u00df\u00c4") == "Ss\u00e4");  // sharp s
  CHECK(capitalized("\u01c4x") == "\u01c5x");        // DZ with caron has a title form
  CHECK(capitalized("A\u03a3") == "A\u03c2");        // final sigma
  CHECK(capitalized("\u0130I") == "\u0130i");        // dotted I stays in front
  CHECK(capitalized(" Two") == " two");
}
