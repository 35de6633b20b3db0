#include "text/tokenizer.h"

#include <catch2/catch.hpp>
#include <thread>

#include "base/error.h"
#include "support/support.h"
#include "support/tiny_tokenizer.h"

using namespace vega;
using text::Control;
using text::Tokenizer;
using Ids = std::vector<std::int32_t>;

namespace {

Tokenizer open(const Json& json) {
  const test::TempFolder folder;
  test::write_text(folder / "tokenizer.json", json.dump());
  return Tokenizer::open(folder / "tokenizer.json");
}

// The words of a text: with whole words as tokens nothing but the split decides.
const test::Pairs kTinyMerges{{"c", "h"}, {"ch", "a"}, {" ", "ch"}, {" ch", "a"},
                              {"a", "b"}, {"b", "c"},  {"a", "bc"}};

}  // namespace

TEST_CASE("tokenizer: merges apply by rank, then from the left") {
  const Tokenizer tokenizer = open(test::tiny_tokenizer(kTinyMerges));
  CHECK(tokenizer.size() == 256 + kTinyMerges.size());
  CHECK(tokenizer.encode("chcha", Control::kText) == Ids{256, 257});
  CHECK(tokenizer.encode(" cha", Control::kText) == Ids{' ', 257});  // "cha" before " ch"
  CHECK(tokenizer.encode("abc", Control::kText) == Ids{260, 'c'});   // "ab" before "bc"
  CHECK(tokenizer.encode("", Control::kText).empty());
  CHECK(tokenizer.decode(tokenizer.encode(" chabc", Control::kText), false) == " chabc");
  CHECK(tokenizer.id_of(" ch") == 258);
  CHECK(tokenizer.id_of("nothing") == std::nullopt);
  CHECK(tokenizer.bytes_of(259) == " cha");
}

TEST_CASE("tokenizer: long words give what short ones give") {
  const Tokenizer tokenizer = open(test::tiny_tokenizer(kTinyMerges));
  for (const std::size_t times : {1, 5, 6, 7, 8, 100, 5000}) {
    std::string word;
    Ids expected;
    for (std::size_t i = 0; i < times; ++i) {
      word += "chaab";
      expected.insert(expected.end(), {257, 260});
    }
    INFO(times);
    CHECK(tokenizer.encode(word, Control::kText) == expected);
    CHECK(tokenizer.encode(word, Control::kText) == expected);  // from the cache
  }
}

TEST_CASE("tokenizer: ignore_merges keeps words that are tokens whole") {
  Json json = test::tiny_tokenizer(kTinyMerges);
  Json model = json["model"];
  model.set("ignore_merges", true);
  json.set("model", model);
  const Tokenizer tokenizer = open(json);
  CHECK(tokenizer.encode("abc", Control::kText) == Ids{262});
  CHECK(tokenizer.encode("abcc", Control::kText) == Ids{260, 'c', 'c'});
}

TEST_CASE("tokenizer: many threads share one") {
  const Tokenizer tokenizer = open(test::tiny_tokenizer(kTinyMerges));
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "cha" + std::to_string(i) + " abc";
  const Ids expected = tokenizer.encode(text, Control::kText);
  std::vector<Ids> got(4);
  std::vector<std::thread> threads;
  for (Ids& one : got) threads.emplace_back([&] { one = tokenizer.encode(text, Control::kText); });
  for (std::thread& thread : threads) thread.join();
  for (const Ids& one : got) CHECK(one == expected);
}

TEST_CASE("tokenizer: control words") {
  Tokenizer tokenizer = open(test::tiny_tokenizer());
  CHECK(tokenizer.add_token("<|end|>", true) == 256);
  CHECK(tokenizer.add_token("<ground>", false, 300) == 300);
  CHECK(tokenizer.add_token("<ground>x", false) == 301);
  CHECK(tokenizer.size() == 302);
  const Tokenizer copy = tokenizer;
  CHECK(tokenizer.add_token("<later>", false) == 302);
  CHECK(copy.size() == 302);
  CHECK(tokenizer.encode("a<|end|><ground>xb<ground>", Control::kTokens) ==
        Ids{'a', 256, 301, 'b', 300});
  CHECK(tokenizer.encode("<|end|>", Control::kText) == Ids{'<', '|', 'e', 'n', 'd', '|', '>'});
  CHECK(tokenizer.count_control("<|end|><ground>x<groun") == 2);
  CHECK(tokenizer.decode(Ids{'a', 256, 300}, true) == "a<ground>");
  CHECK(tokenizer.decode(Ids{'a', 256, 300}, false) == "a<|end|><ground>");
  CHECK(tokenizer.is_special(256));
  CHECK_FALSE(tokenizer.is_special(300));
  CHECK(tokenizer.has_token(300));
  CHECK_FALSE(tokenizer.has_token(299));
  CHECK_FALSE(tokenizer.has_token(-1));

  CHECK_THROWS_AS(tokenizer.add_token("<ground>", false, 299), InputError);  // has another id
  CHECK_THROWS_AS(tokenizer.add_token("<new>", false, 300), InputError);     // of another word
  CHECK_THROWS_AS(tokenizer.add_token("<new>", false, 65), InputError);      // of the vocabulary
  CHECK_THROWS_AS(tokenizer.add_token("", false), InputError);
  CHECK_THROWS_AS(tokenizer.add_token("\xff", false), InputError);
  CHECK_THROWS_AS(tokenizer.add_token("<new>", false, -1), InputError);
  CHECK(tokenizer.add_token("a", false) == 'a');  // the vocabulary has it
}

TEST_CASE("tokenizer: control words that take blanks or stand alone") {
  Json json = test::tiny_tokenizer();
  Json words = Json::list();
  const auto add = [&](const char* content, int id, const char* flag) {
    Json one = test::added_token(content, id, true);
    one.set(flag, true);
    words.push(one);
  };
  add("<l>", 256, "lstrip");
  add("<r>", 257, "rstrip");
  add("word", 258, "single_word");
  json.set("added_tokens", words);
  const Tokenizer tokenizer = open(json);
  CHECK(tokenizer.encode("a \u3000<l> b", Control::kTokens) == Ids{'a', 256, ' ', 'b'});
  CHECK(tokenizer.encode("a <r> \n<l>b", Control::kTokens) == Ids{'a', ' ', 257, 256, 'b'});
  CHECK(tokenizer.encode("word", Control::kTokens) == Ids{258});
  CHECK(tokenizer.encode("-word-", Control::kTokens) == Ids{'-', 258, '-'});
  CHECK(tokenizer.encode("swordX", Control::kTokens) == Ids{'s', 'w', 'o', 'r', 'd', 'X'});
  CHECK(tokenizer.count_control("word\u0301 wordy \u24b6word word\u200d") == 0);  // \w follows
}

TEST_CASE("tokenizer: special words before NFC, the others after it") {
  Tokenizer tokenizer = open(test::tiny_tokenizer());
  tokenizer.add_token("<|s|>", true);
  tokenizer.add_token("<n>", false);
  tokenizer.add_token("e\u0301", false);
  CHECK(tokenizer.count_control("<|s|>\u0338") == 1);
  CHECK(tokenizer.count_control("<n>\u0338") == 0);
  CHECK(tokenizer.count_control("\u00e9") == 1);
  CHECK(tokenizer.count_control("e\u0301") == 1);
}

TEST_CASE("tokenizer: what is no text and no id is refused") {
  const Tokenizer tokenizer = open(test::tiny_tokenizer());
  CHECK_THROWS_AS(tokenizer.encode("a\xff", Control::kText), InputError);
  CHECK_THROWS_AS(tokenizer.count_control("a\xc3"), InputError);
  for (const std::int32_t id : {-1, 256, 1 << 30})
    CHECK_THROWS_AS(tokenizer.decode(Ids{'a', id}, true), InputError);
}

TEST_CASE("tokenizer: bytes that are no UTF-8 decode to U+FFFD") {
  const Tokenizer tokenizer = open(test::tiny_tokenizer());
  const auto text = [&](const std::string& bytes) {
    return tokenizer.decode(
        Ids(reinterpret_cast<const unsigned char*>(bytes.data()),
            reinterpret_cast<const unsigned char*>(bytes.data()) + bytes.size()),
        false);
  };
  CHECK(text("\xff") == "\uFFFD");
  CHECK(text("\xe2\x82(") == "\uFFFD(");
  CHECK(text("\xed\xa0\x80") == "\uFFFD\uFFFD\uFFFD");
  CHECK(text("a\xf0\x9f\x99") == "a\uFFFD");
  CHECK(text("\xc0\xaf") == "\uFFFD\uFFFD");
}

TEST_CASE("tokenizer: a stream gives whole characters, and all that decode gives") {
  Tokenizer tokenizer = open(test::tiny_tokenizer());
  const std::int32_t end = tokenizer.add_token("<|end|>", true);
  text::TokenStream stream(tokenizer);
  CHECK(stream.push('a') == "a");
  CHECK(stream.push(0xF0) == "");
  CHECK(stream.push(0x9F) == "");
  CHECK(stream.push(end) == "");
  CHECK(stream.push(0x99) == "");
  CHECK(stream.push(0x82) == "\U0001F642");
  CHECK(stream.push(0xE4) == "");
  CHECK(stream.flush() == "\uFFFD");
  CHECK(stream.flush() == "");
  CHECK_THROWS_AS(stream.push(1000), InputError);
  // Every sequence of three bytes out of those that matter.
  const Ids some{'a',  0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2,
                 0xE0, 0xE1, 0xED, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF};
  int differ = 0;
  for (const auto a : some)
    for (const auto b : some)
      for (const auto c : some)
        for (const auto d : some) {
          text::TokenStream one(tokenizer);
          const Ids ids{a, b, c, d};
          std::string all;
          for (const auto id : ids) all += one.push(id);
          all += one.flush();
          differ += all != tokenizer.decode(ids, true);
        }
  CHECK(differ == 0);
}
