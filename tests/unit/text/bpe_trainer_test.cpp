#include "text/bpe_trainer.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/error.h"
#include "support/support.h"
#include "text/tokenizer.h"

using namespace vega;
using namespace vega::text;
using Texts = std::vector<std::string>;

namespace {

std::vector<std::string> learnt(const TrainedBpe& trained) {
  return {trained.tokens.begin() + 256, trained.tokens.end()};
}

}  // namespace

TEST_CASE("a trained BPE merges what stands most often, then what has the smaller ids") {
  // "ab" stands in 5 places. Then " ab" and "abc" stand in 3 each; the blank has a smaller id than
  // "ab". That leaves "xy", "zw" and " abc" in 2 places each, and "abc" without the blank in one.
  const Texts texts{"ab ab", "abc abc abc", "xy", "xy", "zw", "zw"};
  const TrainedBpe trained = train_bpe(texts, 1000);
  CHECK(learnt(trained) == Texts{"ab", " ab", "xy", "zw", " abc"});
  CHECK(train_bpe(texts, 258).tokens.size() == 258);
  CHECK(learnt(train_bpe(texts, 257)) == Texts{"ab"});
}

TEST_CASE("a trained BPE does not depend on the order of the texts") {
  Texts texts{"the chair by the window", "a brown chair", "the window",
              "na\u00efve caf\u00e9s, 12 of 12!"};
  const TrainedBpe first = train_bpe(texts, 300);
  std::reverse(texts.begin(), texts.end());
  const TrainedBpe second = train_bpe(texts, 300);
  CHECK(first.tokens == second.tokens);
  CHECK(tokenizer_json(first, {}) == tokenizer_json(second, {}));
}

TEST_CASE("bytes have the ids that Qwen's vocabulary gives them") {
  const TrainedBpe trained = train_bpe({}, 1000);
  REQUIRE(trained.tokens.size() == 256);
  CHECK(trained.tokens[0] == "!");
  CHECK(trained.tokens[64] == "a");
  CHECK(trained.tokens[198] == "\n");
  CHECK(trained.tokens[220] == " ");
}

TEST_CASE("a trained BPE is written and read again") {
  const Texts texts{"the chair by the window", "the brown chair", "the window and the door"};
  const TrainedBpe trained = train_bpe(texts, 280);
  const auto first = static_cast<std::int32_t>(trained.tokens.size());
  const test::TempFolder folder;
  write_tokenizer_json(folder / "tokenizer.json", trained,
                       std::vector<AddedToken>{{"<|im_end|>", first, true, false},
                                               {"<ground>", first + 1, false, true}});
  const Tokenizer tokenizer = Tokenizer::open(folder.path());
  CHECK(tokenizer.size() == trained.tokens.size() + 2);
  CHECK(tokenizer.id_of("<ground>") == first + 1);
  CHECK(tokenizer.is_special(first));
  CHECK_FALSE(tokenizer.is_special(first + 1));
  for (const std::string& text : texts) {
    const auto ids = tokenizer.encode(text, Control::kText);
    CHECK(ids.size() < text.size());
    CHECK(tokenizer.decode(ids, false) == text);
  }
}

TEST_CASE("what a BPE cannot be trained on is refused") {
  CHECK_THROWS_AS(train_bpe(Texts{"a"}, 255), InputError);
  CHECK_THROWS_AS(train_bpe(Texts{"a"}, std::size_t{1} << 23), InputError);
  CHECK_THROWS_AS(train_bpe(Texts{"\xff"}, 256), InputError);
  const TrainedBpe trained = train_bpe(Texts{"a"}, 256);
  const std::vector<AddedToken> gap{{"<a>", 257, false, true}}, empty{{"", 256, false, true}};
  CHECK_THROWS_AS(tokenizer_json(trained, gap), InputError);
  CHECK_THROWS_AS(tokenizer_json(trained, empty), InputError);
}
