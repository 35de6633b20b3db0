// tokenizer.json of the `tokenizers` package.
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/json.h"
#include "text/pretokenize.h"
#include "text/tokenizer_file.h"

namespace vega::text {
namespace {

constexpr const char* kRemedy = "use the tokeniser of a model of the Qwen2 family";

class JsonReader {
 public:
  explicit JsonReader(const std::filesystem::path& path) : path_(path) {}

  // Throws FormatError unless the value is one of `allowed`.
  void expect(const Json& value, const std::string& key,
              std::initializer_list<Json> allowed) const {
    std::string expected;
    for (const Json& one : allowed) {
      if (value == one) return;
      expected += (expected.empty() ? "" : " or ") + one.dump();
    }
    refuse(path_, key, shown(value), expected, kRemedy);
  }

  // The elements of a Sequence under `list`, or the value itself.
  static std::span<const Json> sequence(const Json& value, std::string_view list) {
    if (value["type"] == Json("Sequence")) return value[list].elements();
    return {&value, 1};
  }

  void normalizer(const Json& value) const {
    const auto steps = sequence(value, "normalizers");
    if (steps.size() != 1) refuse(path_, "normalizer", shown(value), "NFC alone", kRemedy);
    expect(steps[0]["type"], "normalizer.type", {"NFC"});
  }

  std::size_t pre_tokenizer(const Json& value) const {
    const auto steps = sequence(value, "pretokenizers");
    if (steps.size() != 2)
      refuse(path_, "pre_tokenizer", shown(value), "a Sequence of Split and ByteLevel", kRemedy);
    expect(steps[0]["type"], "pre_tokenizer.pretokenizers[0].type", {"Split"});
    expect(steps[0]["behavior"], "pre_tokenizer.pretokenizers[0].behavior", {"Isolated"});
    expect(steps[0]["invert"], "pre_tokenizer.pretokenizers[0].invert", {false});
    expect(steps[1]["type"], "pre_tokenizer.pretokenizers[1].type", {"ByteLevel"});
    expect(steps[1]["add_prefix_space"], "pre_tokenizer.pretokenizers[1].add_prefix_space",
           {false});
    expect(steps[1]["use_regex"], "pre_tokenizer.pretokenizers[1].use_regex", {false});
    return digits(steps[0]["pattern"]["Regex"]);
  }

  std::size_t digits(const Json& pattern) const {
    for (const std::size_t digits : {1, 3})
      if (pattern == Json(split_pattern(digits))) return digits;
    refuse(path_, "pre_tokenizer.pretokenizers[0].pattern.Regex", shown(pattern),
           "the pattern of Qwen2, which is \"" + split_pattern(1) + "\"", kRemedy);
  }

  void model(const Json& value, TokenizerParts& parts) const {
    if (!value.is_object()) refuse(path_, "model", shown(value), "an object with type BPE");
    expect(value["type"], "model.type", {"BPE"});
    expect(value["dropout"], "model.dropout", {nullptr, 0});
    expect(value["unk_token"], "model.unk_token", {nullptr});
    for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"})
      expect(value[affix], std::string("model.") + affix, {nullptr, ""});
    expect(value["byte_fallback"], "model.byte_fallback", {nullptr, false});
    expect(value["ignore_merges"], "model.ignore_merges", {nullptr, false, true});
    parts.whole_words = value["ignore_merges"].flag().value_or(false);
    VocabularyReader reader(path_, "model.vocab");
    if (!value["vocab"].is_object())
      refuse(path_, "model.vocab", shown(value["vocab"]), "an object of tokens and ids");
    for (const JsonMember& token : value["vocab"].members())
      reader.add_token(token.name, token.value);
    reader.check_bytes();
    if (!value["merges"].is_list())
      refuse(path_, "model.merges", shown(value["merges"]), "a list of pairs");
    std::size_t index = 0;
    for (const Json& one : value["merges"].elements()) merge(one, index++, reader);
    reader.finish(parts);
  }

  // "a b" or ["a", "b"].
  void merge(const Json& value, std::size_t index, VocabularyReader& reader) const {
    const std::string where = "model.merges[" + std::to_string(index) + "]";
    std::string_view left, right;
    if (const std::string* text = value.text()) {
      const std::size_t blank = text->find(' ');
      if (blank != text->npos) {
        left = std::string_view(*text).substr(0, blank);
        right = std::string_view(*text).substr(blank + 1);
      }
    } else if (value.size() == 2 && value[std::size_t{0}].text() != nullptr &&
               value[std::size_t{1}].text() != nullptr) {
      left = *value[std::size_t{0}].text();
      right = *value[std::size_t{1}].text();
    }
    if (left.empty() || right.empty() || right.find(' ') != right.npos)
      refuse(path_, where, shown(value), R"("a b" or ["a", "b"])");
    reader.add_merge(left, right, path_, where);
  }

  void added_tokens(const Json& value, TokenizerParts& parts) const {
    if (!value.is_null() && !value.is_list())
      refuse(path_, "added_tokens", shown(value), "a list of tokens");
    std::size_t index = 0;
    for (const Json& token : value.elements()) {
      const std::string key = "added_tokens[" + std::to_string(index++) + "]";
      const std::int64_t id = read_id(token["id"], path_, key + ".id");
      put_added_token(read_added_token(token, id, path_, key), parts, path_, key);
    }
  }

 private:
  const std::filesystem::path& path_;
};

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& path) {
  JsonLimits limits;
  limits.bytes = std::size_t{64} << 20;
  limits.values = 4'000'000;
  const Json json = read_json(path, "a tokenizer.json of the tokenizers package", limits);
  const JsonReader reader(path);
  TokenizerParts parts;
  reader.model(json["model"], parts);
  reader.normalizer(json["normalizer"]);
  parts.digits = reader.pre_tokenizer(json["pre_tokenizer"]);
  reader.expect(json["post_processor"]["type"], "post_processor.type", {nullptr, "ByteLevel"});
  reader.expect(json["decoder"]["type"], "decoder.type", {nullptr, "ByteLevel"});
  reader.added_tokens(json["added_tokens"], parts);
  return parts;
}

}  // namespace vega::text
