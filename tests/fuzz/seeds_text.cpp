// Seeds of the tokeniser's files. The first byte chooses the file: tests/fuzz/tokenizer.cpp.
#include <stdexcept>

#include "fuzz/seeds.h"
#include "text/bpe_trainer.h"

namespace vega::fuzz {

void add_tokenizer_seeds(const SeedFolder& seeds) {
  const auto add = [&](const std::string& name, char kind, const std::string& text) {
    seeds.add("tokenizer", name, std::string(1, kind) + text);
  };
  const std::string lesson = "a chair by the window";
  const text::TrainedBpe trained = text::train_bpe(std::span(&lesson, 1), 260);
  const auto id = static_cast<std::int32_t>(trained.tokens.size());
  const text::AddedToken end{"<|end|>", id, true, false, false, true, true};
  const std::string good = text::tokenizer_json(trained, std::span(&end, 1));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string out = good;
    const std::size_t at = out.find(from);
    if (at == out.npos) throw std::logic_error("no " + from + " in a tokenizer.json");
    return out.replace(at, from.size(), to);
  };
  add("ok-json", '\0', good);
  add("bad-cut", '\0', good.substr(0, good.size() / 2));
  add("bad-normalizer", '\0', with("NFC", "NFKC"));
  add("bad-pattern", '\0', with("\\\\p{N}", "\\\\p{N}+"));
  add("bad-prefix", '\0', with("\"add_prefix_space\": false", "\"add_prefix_space\": true"));
  add("bad-id", '\0', with("\"!\": 0", "\"!\": 4294967296"));
  add("bad-id-twice", '\0', with("\"!\": 0", "\"!\": 1"));
  add("bad-byte", '\0', with("\"!\": 0,", ""));
  add("bad-merge", '\0', with("\"merges\": [", "\"merges\": [\"a\","));
  add("bad-added", '\0', with("\"content\": \"<|end|>\"", "\"content\": \"\""));
  add("bad-empty", '\0', "{}");
  add("ok-merges", '\1', "#version: 0.2\nc h\na i\n");
  add("ok-no-merges", '\1', "");
  add("bad-line", '\1', "a b c\n");
  add("bad-token", '\1', "a \u4e2d\n");
  add("ok-config", '\2',
      R"({"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder": {"400": {"content": "<a>", "special": false, "single_word": true}}})");
  add("bad-config-id", '\2', R"({"added_tokens_decoder": {"x": {"content": "<a>"}}})");
  add("bad-config-list", '\2', R"({"added_tokens_decoder": [1]})");
  add("ok-added", '\3', R"({"<ground>": 400, "<coord>": 401})");
  add("bad-added-id", '\3', R"({"<ground>": -1})");
  add("bad-added-taken", '\3', R"({"<ground>": 5})");
  add("ok-text", '\4', "don't 12 \u4e2d\u6587 e\u0301\u0323 \u1112\u1161\u11ab\r\n\u3000 <|end|>");
  add("bad-text", '\4', "a\xff");
}

}  // namespace vega::fuzz
