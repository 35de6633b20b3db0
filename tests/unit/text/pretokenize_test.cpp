#include "text/pretokenize.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "ref/split_ref.h"
#include "text/char_class.h"
#include "text/nfc.h"
#include "text/unicode.h"

using namespace vega;
using namespace vega::text;
using Words = std::vector<std::string_view>;

namespace {

Words split(std::string_view text, std::size_t digits = 1) {
  Words out;
  WordSplitter words(text, digits);
  for (auto word = words.next(); !word.empty(); word = words.next()) out.push_back(word);
  return out;
}

std::string one(char32_t c) { return encode_utf8(std::u32string_view(&c, 1)); }

}  // namespace

TEST_CASE("split pattern: words by hand") {
  CHECK(split("").empty());
  CHECK(split("DON'T we'll") == Words{"DON", "'T", " we", "'ll"});
  CHECK(split("'sx'x '") == Words{"'s", "x", "'x", " '"});
  CHECK(split("'\u017fx") == Words{"'\u017f", "x"});  // the long s is an s where case is ignored
  CHECK(split("a1234") == Words{"a", "1", "2", "3", "4"});
  CHECK(split("a1234", 3) == Words{"a", "123", "4"});
  CHECK(split("(x):\n y") == Words{"(x", "):\n", " y"});
  CHECK(split("a   b") == Words{"a", "  ", " b"});
  CHECK(split("a  \n \n  b") == Words{"a", "  \n \n", " ", " b"});
  CHECK(split("a   ") == Words{"a", "   "});
  CHECK(split("a\u3000b\u3000\u3000") == Words{"a", "\u3000b", "\u3000\u3000"});
  CHECK(split("\u180e!") == Words{"\u180e!"});  // no white space any more
}

TEST_CASE("split pattern: white space is White_Space, which PCRE2's \\s is not") {
  const test::PatternRef own("^" + test::with_white_space("\\s") + "$"), theirs("^\\s$");
  std::u32string only_theirs;
  int differ = 0, count = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    const bool space = (CharClasses::get().of(c) & kSpace) != 0;
    count += space;
    differ += space != own.matches(one(c));
    if (c != '\n' && theirs.matches(one(c)) && !space) only_theirs.push_back(c);
  }
  CHECK(count == 25);
  CHECK(differ == 0);
  CHECK(only_theirs == U"\u180e");
}

TEST_CASE("split pattern: as PCRE2 matches it, on 40,000 texts") {
  std::mt19937_64 random(3);
  std::vector<std::u32string> pools{U"abcSTDMLREVE'\u017f",
                                    U"'''  sStTdDmMlLreRvVE",
                                    U" \n\r\t",
                                    U"0123 9\u0663\u00bd\u2167",
                                    U".,!?(){}<>|-+\u2026",
                                    U"\u4e2d\u6587\u3042\uac00\u0431\u03b1\u05d0\u0627\u0e01",
                                    U"\U0001F642\u200d\ufe0f\U0001F3FD\u0301\u0323\u20dd",
                                    U"\u00a0\u0085\u1680\u180e\u2000\u200a\u200b\u2028\u2029\u202f"
                                    U"\u205f\u2060\u3000\ufeff\x1c\x1f\v\f"};
  for (const std::size_t digits : {1, 3}) {
    const test::PatternRef reference(test::with_white_space(split_pattern(digits)));
    int differ = 0;
    for (int round = 0; round < 20000; ++round) {
      std::u32string points;
      for (std::uint64_t n = random() % 24; n > 0; --n) {
        const std::u32string& pool = pools[random() % pools.size()];
        points.append(1 + random() % (random() % 8 == 0 ? 6 : 1), pool[random() % pool.size()]);
      }
      const std::string text = encode_utf8(points);
      if (split(text, digits) != reference.split(text) && differ++ < 3) {
        INFO(text);
        CHECK(split(text, digits) == reference.split(text));
      }
    }
    CHECK(differ == 0);
  }
}

TEST_CASE("NFC leaves text alone that has it, and sorts a megabyte of marks") {
  std::string storage;
  const std::string plain = "a \u00e9 \u4e2d \uac00 \U0001F642";
  CHECK(nfc(plain, storage).data() == plain.data());
  CHECK(nfc("e\u0301 \u1112\u1161\u11ab \u212b", storage) == "\u00e9 \ud55c \u00c5");
  CHECK(nfc("a\u0301\u0323", storage) == "\u1ea1\u0301");
  std::string marks, sorted = "b";
  for (int i = 0; i < 250'000; ++i) marks += "\u0301\u0323";
  for (const char* mark : {"\u0323", "\u0301"})
    for (int i = 0; i < 250'000; ++i) sorted += mark;
  CHECK(
      (nfc("b" + marks, storage) == "\u1e05" + sorted.substr(1 + 2)));  // b and the first dot join
}
