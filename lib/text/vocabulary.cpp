#include "text/vocabulary.h"

#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "text/written_bytes.h"

namespace vega::text {
namespace {

std::string in_quotes(std::string_view text) { return "'" + printable(text, 60) + "'"; }

bool flag_of(const Json& token, const char* name, bool otherwise, const std::filesystem::path& path,
             const std::string& key) {
  const Json* value = token.find(name);
  if (value == nullptr || value->is_null()) return otherwise;
  const auto flag = value->flag();
  if (!flag) refuse(path, key + "." + name, shown(*value), "true or false");
  return *flag;
}

}  // namespace

void refuse(const std::filesystem::path& path, const std::string& key, const std::string& got,
            const std::string& expected, const std::string& remedy) {
  const std::string where = key.empty() ? path.string() : path.string() + ": " + key;
  throw FormatError(explain(where, got, expected, remedy));
}

std::int64_t read_id(const Json& value, const std::filesystem::path& path, const std::string& key) {
  const auto id = value.whole();
  if (!id || *id < 0 || *id >= kMostIds)
    refuse(path, key, shown(value), "an id from 0 to " + std::to_string(kMostIds - 1));
  return *id;
}

VocabularyReader::VocabularyReader(std::filesystem::path path, std::string key)
    : path_(std::move(path)), key_(std::move(key)) {}

void VocabularyReader::add_token(const std::string& token, const Json& id) {
  const std::string key = (key_.empty() ? "" : key_ + ": ") + in_quotes(token);
  const auto at = static_cast<std::size_t>(read_id(id, path_, key));
  if (token.empty()) refuse(path_, key, "an empty token", "a text");
  if (!is_utf8(token)) refuse(path_, key, "bytes that are not UTF-8", "a text");
  if (at >= tokens_.size()) tokens_.resize(at + 1);
  if (!tokens_[at].empty())
    refuse(path_, key, "id " + std::to_string(at) + ", which another token has",
           "an id for each token");
  tokens_[at] = bytes_of_written(token);
  if (!ids_.emplace(token, static_cast<std::int32_t>(at)).second)
    refuse(path_, key, "the token twice", "an id for each token");
}

std::int32_t VocabularyReader::id_of(std::string_view token, const std::filesystem::path& path,
                                     const std::string& where) const {
  const auto found = ids_.find(std::string(token));
  if (found == ids_.end())
    refuse(path, where, in_quotes(token) + ", which is no token", "two tokens that join to a third",
           "fetch vocabulary and merges of one release");
  return found->second;
}

void VocabularyReader::add_merge(std::string_view left, std::string_view right,
                                 const std::filesystem::path& path, const std::string& where) {
  joined_.assign(left).append(right);
  merges_.push_back(
      {id_of(left, path, where), id_of(right, path, where), id_of(joined_, path, where)});
}

void VocabularyReader::check_bytes() const {
  for (unsigned b = 0; b < 256; ++b) {
    const std::string token(written_byte(static_cast<unsigned char>(b)));
    if (!ids_.contains(token))
      refuse(path_, key_, "no token " + in_quotes(token) + " (byte " + std::to_string(b) + ")",
             "a byte-level vocabulary with all 256 bytes",
             "use the tokeniser of a model of the Qwen2 family");
  }
}

void VocabularyReader::finish(TokenizerParts& parts) {
  parts.tokens = std::move(tokens_);
  parts.merges = std::move(merges_);
}

AddedToken read_added_token(const Json& token, std::int64_t id, const std::filesystem::path& path,
                            const std::string& key) {
  if (!token.is_object()) refuse(path, key, shown(token), "an object that describes a token");
  AddedToken out;
  const std::string* content = token["content"].text();
  if (content == nullptr || content->empty() || content->size() > AddedTokens::kLongest)
    refuse(path, key + ".content", shown(token["content"]),
           "a text of 1 to " + std::to_string(AddedTokens::kLongest) + " bytes");
  out.text = *content;
  out.id = static_cast<std::int32_t>(id);
  out.special = flag_of(token, "special", false, path, key);
  out.normalized = flag_of(token, "normalized", !out.special, path, key);
  out.single_word = flag_of(token, "single_word", false, path, key);
  out.lstrip = flag_of(token, "lstrip", false, path, key);
  out.rstrip = flag_of(token, "rstrip", false, path, key);
  return out;
}

void put_added_token(const AddedToken& token, TokenizerParts& parts,
                     const std::filesystem::path& path, const std::string& key) {
  const std::string is = in_quotes(token.text) + " with id " + std::to_string(token.id);
  const AddedToken* by_id = parts.added.find(token.id);
  const auto by_text = parts.added.id_of(token.text);
  if ((by_id != nullptr && by_id->text != token.text) || (by_text && *by_text != token.id))
    refuse(path, key, is,
           by_text ? "id " + std::to_string(*by_text) + ", which the token has already"
                   : "another id; this is the one of " + in_quotes(by_id->text));
  const auto at = static_cast<std::size_t>(token.id);
  const bool taken = at < parts.tokens.size() && !parts.tokens[at].empty();
  if (taken && parts.tokens[at] != bytes_of_written(token.text))
    refuse(path, key, is, "an id that no token of the vocabulary has");
  parts.added.put(token);
}

}  // namespace vega::text
