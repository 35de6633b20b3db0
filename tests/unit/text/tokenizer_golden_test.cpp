// Texts of many scripts beside the `tokenizers` package: tests/golden/export_tokenizer.py.
#include <zlib.h>

#include <catch2/catch.hpp>

#include "base/json.h"
#include "support/support.h"
#include "text/char_class.h"
#include "text/nfc.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

using namespace vega;
using text::Control;
using Ids = std::vector<std::int32_t>;

namespace {

Ids ids_of(const Json& list) {
  Ids out;
  for (const Json& id : list.elements()) out.push_back(static_cast<std::int32_t>(*id.whole()));
  return out;
}

struct Sum {
  std::uint64_t count = 0;
  uLong crc = crc32(0, nullptr, 0);
  void add(std::string_view text) {
    ++count;
    crc = crc32(crc, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  }
};

}  // namespace

TEST_CASE("tokenizer: ids and texts of the tokenizers package") {
  const text::Tokenizer tokenizer = text::Tokenizer::open(test::golden("tokenizer/tokenizer.json"));
  const Json cases = read_json(test::golden("tokenizer/cases.json"), "texts and their ids");
  REQUIRE(cases.size() == 130);
  std::size_t with_control = 0;
  for (const Json& one : cases.elements()) {
    INFO(one.dump());
    const std::string& text = *one["text"].text();
    const Ids ids = ids_of(one["ids"]);
    CHECK(tokenizer.encode(text, Control::kTokens) == ids);
    CHECK(tokenizer.decode(ids, false) == one["decoded"].text_or(text));
    CHECK(tokenizer.decode(ids, true) == one["skipped"].text_or(text));
    const Ids as_text = one.contains("as_text") ? ids_of(one["as_text"]) : ids;
    CHECK(tokenizer.encode(text, Control::kText) == as_text);
    CHECK((tokenizer.count_control(text) > 0) == (as_text != ids));
    with_control += as_text != ids;
    text::TokenStream stream(tokenizer, false);
    std::string streamed;
    for (const auto id : ids) streamed += stream.push(id);
    CHECK(streamed + stream.flush() == tokenizer.decode(ids, false));
  }
  CHECK(with_control == 40);
}

TEST_CASE("tokenizer: every character is what the tokenizers package takes it for") {
  const Json expected = read_json(test::golden("tokenizer/classes.json"), "classes of characters");
  const text::CharClasses& classes = text::CharClasses::get();
  const std::pair<const char*, unsigned> kinds[] = {{"letter", text::kLetter},
                                                    {"number", text::kNumber},
                                                    {"space", text::kSpace},
                                                    {"word", text::kWordPart}};
  Sum sums[4], nfc;
  std::string storage;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    const std::string one = text::encode_utf8(std::u32string_view(&c, 1));
    for (std::size_t k = 0; k < 4; ++k)
      if ((classes.of(c) & kinds[k].second) != 0) sums[k].add(one);
    for (const std::string& text :
         {one, "a" + one, one + "\u0323\u0301", "\u0301" + one, "\u0316" + one})
      nfc.add(text::nfc(text, storage));
  }
  for (std::size_t k = 0; k < 4; ++k) {
    INFO(kinds[k].first);
    CHECK(sums[k].count == expected[kinds[k].first]["count"].count());
    CHECK(sums[k].crc == expected[kinds[k].first]["crc32"].count());
  }
  CHECK(nfc.count == expected["nfc"]["count"].count());
  CHECK(nfc.crc == expected["nfc"]["crc32"].count());
}
