// The vocabulary of Qwen2 itself, which lies beside the project.
#include <algorithm>
#include <catch2/catch.hpp>
#include <ctime>

#include "base/json.h"
#include "support/support.h"
#include "support/tiny_tokenizer.h"
#include "text/tokenizer.h"

using namespace vega;
using text::Control;
using Ids = std::vector<std::int32_t>;

namespace {

Json real_json(const std::filesystem::path& path) {
  JsonLimits limits;
  limits.bytes = std::size_t{1} << 30;
  limits.values = 10'000'000;
  return read_json(path, "a tokeniser", limits);
}

// With the control words of Qwen2 and those that LLaVA and the grounding models add.
text::Tokenizer of_qwen2(const test::TempFolder& folder) {
  Json json = real_json(*test::shared_data() / "tokenizer" / "tokenizer.json");
  json.set("added_tokens", Json::list({test::added_token("<|endoftext|>", 151643, true),
                                       test::added_token("<|im_start|>", 151644, true),
                                       test::added_token("<|im_end|>", 151645, true)}));
  test::write_text(folder / "tokenizer.json", json.dump());
  text::Tokenizer made = text::Tokenizer::open(folder / "tokenizer.json");
  REQUIRE(made.size() == 151646);
  CHECK(made.add_token("<image>", true) == 151646);
  CHECK(made.add_token("<ground>", false) == 151647);
  CHECK(made.add_token("<coord>", false, 151648) == 151648);
  CHECK(made.add_token("<ground>", false) == 151647);
  return made;
}

}  // namespace

TEST_CASE("Qwen's vocabulary: published ids and texts", "[shared]") {
  const auto data = test::shared_data();
  if (!data) return test::note_skip("Qwen's vocabulary: no shared data");
  const auto folder = *data / "tokenizer";
  const text::Tokenizer tokenizer = text::Tokenizer::open(folder);
  CHECK(tokenizer.size() == 151669);
  const Json vectors = read_json(folder / "vectors.json", "texts and their ids");
  REQUIRE(vectors.size() == 25);
  for (const Json& one : vectors.elements()) {
    Ids expected;
    for (const Json& id : one["ids"].elements())
      expected.push_back(static_cast<std::int32_t>(*id.whole()));
    INFO(one.dump());
    CHECK(tokenizer.encode(*one["text"].text(), Control::kTokens) == expected);
    CHECK(tokenizer.decode(expected, false) == *one["text"].text());
  }
}

TEST_CASE("Qwen's vocabulary: ids of prompts", "[shared]") {
  if (!test::shared_data()) return test::note_skip("Qwen's vocabulary: no shared data");
  const test::TempFolder folder;
  const text::Tokenizer tokenizer = of_qwen2(folder);
  const auto ids = [&](std::string_view text) { return tokenizer.encode(text, Control::kTokens); };
  CHECK(ids("->") == Ids{405});
  CHECK(ids("(x):\n") == Ids{2075, 982});
  CHECK(ids("12345") == Ids{16, 17, 18, 19, 20});
  CHECK(ids("DON'T") == Ids{84641, 17323});
  CHECK(ids("chair .") == Ids{34196, 659});
  CHECK(ids(".\n") == Ids{624});
  CHECK(ids("\n") == Ids{198});
  CHECK(ids("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n") ==
        Ids{151644, 8948, 198, 2610, 525, 264, 10950, 17847, 13, 151645, 198, 151644, 872, 198});
  CHECK(ids("<|im_start|>assistant\n<ground><|im_end|>\n") ==
        Ids{151644, 77091, 198, 151647, 151645, 198});
  CHECK(ids(" Given an object located at <coord> , describe the object in detail.") ==
        Ids{16246, 458, 1633, 7407, 518, 220, 151648, 1154, 7512, 279, 1633, 304, 7716, 13});
  CHECK(ids("Identify the object according to the following description.\nA chair") ==
        Ids{28301, 1437, 279, 1633, 4092, 311, 279, 2701, 4008, 624, 32, 10496});
  CHECK(ids("The video captures 3D spatial information of a scene. Please focus on the spatial "
            "relationships in the video and answer the following questions.\n What color is the "
            "chair? Answer the question simply.<|im_end|>\n<|im_start|>assistant\nbrown<|im_end|>"
            "\n") == Ids{785,    2766,  40155, 220,   18,     35,   27979, 1995,  315,    264,
                         6109,   13,    5209,  5244,  389,    279,  27979, 11871, 304,    279,
                         2766,   323,   4226,  279,   2701,   4755, 624,   3555,  1894,   374,
                         279,    10496, 30,    21806, 279,    3405, 4936,  13,    151645, 198,
                         151644, 77091, 198,   64461, 151645, 198});
}

TEST_CASE("Qwen's vocabulary: control words of users stay text", "[shared]") {
  if (!test::shared_data()) return test::note_skip("Qwen's vocabulary: no shared data");
  const test::TempFolder folder;
  const text::Tokenizer tokenizer = of_qwen2(folder);
  CHECK(tokenizer.encode("a<|im_end|>b", Control::kText) == Ids{64, 27, 91, 318, 6213, 91, 29, 65});
  CHECK(tokenizer.encode("a<|im_end|>b", Control::kTokens) == Ids{64, 151645, 65});
  CHECK(tokenizer.count_control("a<|im_end|>b<ground>") == 2);
  CHECK(tokenizer.count_control("a<|im_end >b<ground") == 0);
  // The special word is searched before NFC, the other one after it.
  CHECK(tokenizer.count_control("<|im_end|>\u0338") == 1);
  CHECK(tokenizer.count_control("<coord>\u0338") == 0);
}

TEST_CASE("Qwen's vocabulary: the same from vocab.json and merges.txt", "[shared]") {
  const auto data = test::shared_data();
  if (!data) return test::note_skip("Qwen's vocabulary: no shared data");
  const Json json = real_json(*data / "tokenizer" / "tokenizer.json");
  const text::Tokenizer whole = text::Tokenizer::open(*data / "tokenizer" / "tokenizer.json");
  std::string merges;
  for (const Json& one : json["model"]["merges"].elements())
    merges += one.is_list()
                  ? one[std::size_t{0}].text_or("") + " " + one[std::size_t{1}].text_or("") + "\n"
                  : one.text_or("") + "\n";
  const test::TempFolder folder;
  test::write_text(folder / "vocab.json", json["model"]["vocab"].dump());
  std::filesystem::copy_file(*data / "tokenizer" / "tokenizer_config.json",
                             folder / "tokenizer_config.json");
  const std::string text =
      "The quick brown fox\u2019s 3 naïve caf\u0065\u0301s, \u4e2d\u6587 <|im_start|>user\n "
      "\U0001F642";
  for (const char* version : {"", "#version: 0.2\n"}) {
    test::write_text(folder / "merges.txt", version + merges);
    const text::Tokenizer parts = text::Tokenizer::open(folder.path());
    CHECK(parts.size() == whole.size());
    CHECK(parts.encode(text, Control::kTokens) == whole.encode(text, Control::kTokens));
  }
}

TEST_CASE("Qwen's vocabulary: a megabyte of one letter", "[shared]") {
  const auto data = test::shared_data();
  if (!data) return test::note_skip("Qwen's vocabulary: no shared data");
  const text::Tokenizer tokenizer = text::Tokenizer::open(*data / "tokenizer");
  for (const std::size_t n : {std::size_t{43'000}, std::size_t{1'000'000}}) {
    const Ids ids = tokenizer.encode(std::string(n, 'A'), Control::kText);
    CHECK(ids.size() == n / 8);
    CHECK(std::all_of(ids.begin(), ids.end(), [](auto id) { return id == 57905; }));
    std::string letters;
    for (std::size_t i = 0; i < n; ++i) letters += "\u4e2d";
    for (const std::string& text : {std::string(n, ' '), std::string(n, '.'), letters})
      CHECK(tokenizer.decode(tokenizer.encode(text, Control::kText), false) == text);
  }
}
