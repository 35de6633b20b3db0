#include "text/tokenizer_file.h"

#include <catch2/catch.hpp>
#include <functional>

#include "base/error.h"
#include "support/support.h"
#include "support/tiny_tokenizer.h"
#include "text/tokenizer.h"
#include "text/written_bytes.h"

using namespace vega;
using text::Control;
using text::Tokenizer;
using Ids = std::vector<std::int32_t>;

namespace {

const test::Pairs kMerges{{"a", "b"}, {"ab", "c"}, {" ", "ab"}};

// The message of the FormatError that a file causes.
std::string refusal(const std::filesystem::path& path) {
  try {
    Tokenizer::open(path);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "no FormatError";
}

// Of a tokenizer.json in which the value at `keys` is another one. A number is an index.
std::string refusal_with(const std::vector<std::string>& keys, const Json& value) {
  const std::function<Json(Json, std::size_t)> changed = [&](Json json, std::size_t depth) -> Json {
    if (depth == keys.size()) return value;
    if (!json.is_list()) {
      json.set(keys[depth], changed(json[keys[depth]], depth + 1));
      return json;
    }
    std::vector<Json> out(json.elements().begin(), json.elements().end());
    const std::size_t index = std::stoul(keys[depth]);
    out.at(index) = changed(out.at(index), depth + 1);
    return Json(out);
  };
  Json json = test::tiny_tokenizer(kMerges);
  json.set("added_tokens", Json::list({test::added_token("<|end|>", 259, true)}));
  const test::TempFolder folder;
  test::write_text(folder / "tokenizer.json", changed(json, 0).dump());
  const std::string message = refusal(folder / "tokenizer.json");
  CHECK_THAT(message, Catch::Contains("tokenizer.json"));
  return message;
}

// A folder with vocab.json and merges.txt.
void write_parts(const test::TempFolder& folder, const std::string& merges) {
  test::write_text(folder / "vocab.json", test::tiny_tokenizer(kMerges)["model"]["vocab"].dump());
  test::write_text(folder / "merges.txt", merges);
}

}  // namespace

TEST_CASE("tokeniser files: merges as pairs, as texts and in merges.txt give equal ids") {
  const test::TempFolder pairs, texts, lines;
  Json json = test::tiny_tokenizer(kMerges);
  test::write_text(texts / "tokenizer.json", json.dump());
  Json list = Json::list();
  std::string plain;
  for (const auto& [left, right] : kMerges) {
    const std::string a = text::written_bytes(left), b = text::written_bytes(right);
    list.push(Json::list({a, b}));
    plain += a + " " + b + "\n";
  }
  Json model = json["model"];
  model.set("merges", list);
  json.set("model", model);
  test::write_text(pairs / "tokenizer.json", json.dump());
  const Ids expected{' ', 257, 256, 'd', 258};
  CHECK(Tokenizer::open(texts.path()).encode(" abcabd ab", Control::kText) == expected);
  CHECK(Tokenizer::open(pairs.path()).encode(" abcabd ab", Control::kText) == expected);
  std::string crlf;
  for (const char c : plain) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  for (const std::string& merges : {plain, "#version: 0.2\n" + plain, plain + "\n", crlf}) {
    write_parts(lines, merges);
    CHECK(Tokenizer::open(lines.path()).encode(" abcabd ab", Control::kText) == expected);
  }
}

TEST_CASE("tokeniser files: what gives other ids is refused with its key") {
  using Catch::Contains;
  const auto check = [](const std::vector<std::string>& keys, const Json& value,
                        const std::string& part) {
    INFO(value.dump());
    CHECK_THAT(refusal_with(keys, value), Contains(part));
  };
  check({"normalizer"}, nullptr, "normalizer");
  check({"normalizer", "type"}, "NFKC", "normalizer.type: got \"NFKC\", expected \"NFC\"");
  check({"pre_tokenizer"}, Json{{"type", "ByteLevel"}}, "a Sequence of Split and ByteLevel");
  const std::string split = "pre_tokenizer.pretokenizers[0]",
                    bytes = "pre_tokenizer.pretokenizers[1]";
  check({"pre_tokenizer", "pretokenizers", "0", "pattern", "Regex"}, "\\s+",
        split + ".pattern.Regex");
  check({"pre_tokenizer", "pretokenizers", "0", "behavior"}, "Removed", split + ".behavior");
  check({"pre_tokenizer", "pretokenizers", "0", "invert"}, true, split + ".invert");
  check({"pre_tokenizer", "pretokenizers", "1", "use_regex"}, true, bytes + ".use_regex");
  check({"pre_tokenizer", "pretokenizers", "1", "add_prefix_space"}, true,
        bytes + ".add_prefix_space");
  check({"post_processor", "type"}, "TemplateProcessing", "post_processor.type");
  check({"decoder", "type"}, "WordPiece", "decoder.type");
  check({"model"}, nullptr, "model: got null");
  check({"model", "type"}, "Unigram", "model.type: got \"Unigram\", expected \"BPE\"");
  check({"model", "dropout"}, 0.1, "model.dropout");
  check({"model", "unk_token"}, "<unk>", "model.unk_token");
  check({"model", "end_of_word_suffix"}, "</w>", "model.end_of_word_suffix");
  check({"model", "byte_fallback"}, true, "model.byte_fallback");
}

TEST_CASE("tokeniser files: damage is refused with its place") {
  using Catch::Contains;
  const auto check = [](const std::vector<std::string>& keys, const Json& value,
                        const std::string& part) {
    INFO(value.dump());
    CHECK_THAT(refusal_with(keys, value), Contains(part));
  };
  check({"model", "vocab"}, Json::list(), "model.vocab: got");
  check({"model", "vocab", "a"}, "97", "model.vocab: 'a': got \"97\", expected an id from 0");
  check({"model", "vocab", "a"}, -1, "model.vocab: 'a'");
  check({"model", "vocab", "a"}, 1 << 30, "model.vocab: 'a'");
  check({"model", "vocab", "a"}, 98, "id 98, which another token has");
  check({"model", "vocab"}, Json{{"a", 0}}, "a byte-level vocabulary with all 256 bytes");
  check({"model", "merges"}, nullptr, "model.merges: got null");
  check({"model", "merges", "1"}, "abc", "model.merges[1]: got \"abc\", expected \"a b\"");
  check({"model", "merges", "1"}, Json::list({"a", "b", "c"}), "model.merges[1]");
  check({"model", "merges", "1"}, "a  b", "model.merges[1]");
  check({"model", "merges", "2"}, "x y", "model.merges[2]: got 'xy', which is no token");
  check({"added_tokens"}, 1, "added_tokens: got 1");
  check({"added_tokens", "0"}, 1, "added_tokens[0]");
  check({"added_tokens", "0", "id"}, nullptr, "added_tokens[0].id");
  check({"added_tokens", "0", "id"}, 65, "an id that no token of the vocabulary has");
  check({"added_tokens", "0", "content"}, "", "added_tokens[0].content");
  check({"added_tokens", "0", "content"}, std::string(2000, 'x'), "added_tokens[0].content");
  check({"added_tokens", "0", "special"}, "yes", "added_tokens[0].special: got \"yes\"");
  check({"added_tokens", "0", "content"}, "ab", "256");

  const test::TempFolder folder;
  const std::string whole = test::tiny_tokenizer(kMerges).dump();
  test::write_text(folder / "tokenizer.json", whole.substr(0, whole.size() / 2));
  CHECK_THAT(refusal(folder / "tokenizer.json"), Contains("breaks at byte"));
  CHECK_THROWS_AS(Tokenizer::open(folder / "nothing.json"), InputError);
  CHECK_THROWS_AS(Tokenizer::open(folder / std::string(300, 'x')), InputError);
  const test::TempFolder empty;
  CHECK_THROWS_AS(Tokenizer::open(empty.path()), InputError);
}

TEST_CASE("tokeniser files: vocab.json beside merges that do not fit, or of another family") {
  using Catch::Contains;
  const test::TempFolder folder;
  write_parts(folder, "a b\nab\n");
  CHECK_THAT(refusal(folder.path()), Contains("merges.txt: line 2"));
  write_parts(folder, "a b\n\nq q\n");
  CHECK_THAT(refusal(folder.path()), Contains("merges.txt: line 3: got 'qq'"));
  write_parts(folder, "a b\n");
  test::write_text(folder / "tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  CHECK_THAT(refusal(folder.path()), Contains("tokenizer_class: got \"GPT2Tokenizer\""));
  test::write_text(folder / "tokenizer_config.json", R"({"tokenizer_class": "Qwen2Tokenizer"})");
  CHECK(Tokenizer::open(folder.path()).size() == 259);
  std::filesystem::remove(folder / "merges.txt");
  CHECK_THROWS_AS(Tokenizer::open(folder.path()), InputError);
}

TEST_CASE("tokeniser files: added tokens of the files beside") {
  const test::TempFolder folder;
  write_parts(folder, "a b\n");
  test::write_text(folder / "tokenizer_config.json",
                   R"({"eos_token": "<|end|>", "pad_token": {"content": "<|pad|>"},
                       "added_tokens_decoder": {"260": {"content": "<|end|>", "special": true,
                                                        "rstrip": true}}})");
  test::write_text(folder / "added_tokens.json",
                   R"({"<|end|>": 260, "<|pad|>": 261, "<ground>": 262, "<more>": 263})");
  test::write_text(folder / "special_tokens_map.json",
                   R"({"additional_special_tokens": ["<more>"]})");
  const Tokenizer tokenizer = Tokenizer::open(folder.path());
  CHECK(tokenizer.size() == 264);
  CHECK(tokenizer.encode("<|end|> <|pad|><ground>", Control::kTokens) == Ids{260, 261, 262});
  for (const std::int32_t id : {260, 261, 263}) CHECK(tokenizer.is_special(id));
  CHECK_FALSE(tokenizer.is_special(262));

  // Beside a tokenizer.json, these files add to it, and tokenizer_config.json has the last word.
  Json json = test::tiny_tokenizer(kMerges);
  json.set("added_tokens", Json::list({test::added_token("<|end|>", 260, false)}));
  test::write_text(folder / "tokenizer.json", json.dump());
  const Tokenizer both = Tokenizer::open(folder.path());
  CHECK(both.is_special(260));
  CHECK(both.id_of("<ground>") == 262);
  CHECK(both.encode("<|end|> a", Control::kTokens) == Ids{260, 'a'});
  CHECK_FALSE(Tokenizer::open(folder / "tokenizer.json").is_special(260));

  test::write_text(folder / "added_tokens.json", R"({"<|end|>": 261})");
  CHECK_THAT(refusal(folder.path()), Catch::Contains("added_tokens.json: <|end|>"));
  test::write_text(folder / "added_tokens.json", R"({"<other>": 260})");
  CHECK_THAT(refusal(folder.path()), Catch::Contains("'<|end|>'"));
  test::write_text(folder / "added_tokens.json", R"([])");
  CHECK_THAT(refusal(folder.path()), Catch::Contains("an object of tokens and ids"));
}
