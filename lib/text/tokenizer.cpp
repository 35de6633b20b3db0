#include "text/tokenizer.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/nfc.h"
#include "text/pretokenize.h"
#include "text/tokenizer_file.h"
#include "text/unicode.h"
#include "text/written_bytes.h"

namespace vega::text {
namespace {

// UTF-8 that may be broken, as UTF-8.
std::string repaired(std::string_view bytes) {
  return is_utf8(bytes) ? std::string(bytes) : encode_utf8(decode_utf8(bytes));
}

// How many bytes at the end begin a character that later bytes may complete: 0 to 3.
std::size_t incomplete_end(std::string_view bytes) {
  for (std::size_t n = 1; n <= std::min<std::size_t>(3, bytes.size()); ++n) {
    const std::string_view end = bytes.substr(bytes.size() - n);
    const auto first = static_cast<unsigned char>(end[0]);
    if (first < 0x80) return 0;
    if (first < 0xC0) continue;  // within a character
    // Whole, broken, or only cut: what completes with some more bytes is cut.
    for (const char* more :
         {"\x80", "\xBF", "\x80\x80", "\xBF\x80", "\x80\x80\x80", "\xBF\x80\x80"})
      if (is_utf8(std::string(end) + more)) return n;
    return 0;
  }
  return 0;
}

[[noreturn]] void refuse_id(std::int32_t id, std::size_t size) {
  throw InputError(explain("tokeniser", "id " + std::to_string(id),
                           "ids that have a token, below " + std::to_string(size),
                           "use the tokeniser of the model that gave the ids"));
}

void check_text(std::string_view text) {
  if (!is_utf8(text))
    throw InputError(explain("tokeniser", "a text that is not UTF-8: '" + printable(text, 60) + "'",
                             "UTF-8", "convert the text"));
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) / 4)
    throw InputError(explain("tokeniser", "a text of " + std::to_string(text.size()) + " bytes",
                             "at most 512 MB", "split the text"));
}

}  // namespace

struct Tokenizer::Model {
  Bpe bpe;
  std::size_t digits;
};

Tokenizer::Tokenizer(std::shared_ptr<const Model> model, std::shared_ptr<const AddedTokens> added)
    : model_(std::move(model)), added_(std::move(added)) {}

Tokenizer Tokenizer::open(const std::filesystem::path& path) {
  TokenizerParts parts = read_tokenizer(path);
  auto added = std::make_shared<AddedTokens>(std::move(parts.added));
  added->build();
  std::shared_ptr<const Model> model(
      new Model{Bpe(std::move(parts.tokens), parts.merges, parts.whole_words), parts.digits});
  for (const auto& [id, token] : added->all()) {
    const auto known = model->bpe.id_of(bytes_of_written(token.text));
    if (known && *known != id)
      refuse(path, "added token '" + printable(token.text, 60) + "'", "id " + std::to_string(id),
             "its id in the vocabulary, " + std::to_string(*known));
  }
  return {model, added};
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, Control control) const {
  check_text(text);
  std::vector<std::int32_t> out;
  out.reserve(text.size() / 3);
  const auto worker = model_->bpe.worker();
  const auto encode_text = [&](std::string_view part) {
    WordSplitter words(part, model_->digits);
    for (std::string_view word = words.next(); !word.empty(); word = words.next())
      model_->bpe.encode(word, *worker, out);
  };
  if (control == Control::kText) {
    std::string storage;
    encode_text(nfc(text, storage));
  } else {
    added_->split(
        text, [&](const AddedToken& token) { out.push_back(token.id); }, encode_text);
  }
  return out;
}

std::size_t Tokenizer::count_control(std::string_view text) const {
  check_text(text);
  std::size_t count = 0;
  added_->split(
      text, [&](const AddedToken&) { ++count; }, [](std::string_view) {});
  return count;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::string bytes;
  for (const std::int32_t id : ids) {
    const std::string_view token = bytes_of(id);
    if (!skip_special || !is_special(id)) bytes.append(token);
  }
  return repaired(bytes);
}

std::string_view Tokenizer::bytes_of(std::int32_t id) const {
  if (!has_token(id)) refuse_id(id, size());
  const std::string* bytes = added_->bytes_of(id);
  return bytes != nullptr ? *bytes : model_->bpe.bytes_of(id);
}

bool Tokenizer::has_token(std::int32_t id) const {
  if (added_->find(id) != nullptr) return true;
  return id >= 0 && static_cast<std::size_t>(id) < model_->bpe.size() &&
         !model_->bpe.bytes_of(id).empty();
}

bool Tokenizer::is_special(std::int32_t id) const {
  const AddedToken* token = added_->find(id);
  return token != nullptr && token->special;
}

std::optional<std::int32_t> Tokenizer::id_of(std::string_view token) const {
  if (const auto id = added_->id_of(token)) return id;
  return model_->bpe.id_of(token);
}

std::size_t Tokenizer::size() const {
  std::size_t size = model_->bpe.size();
  if (!added_->all().empty())
    size = std::max(size, static_cast<std::size_t>(added_->all().rbegin()->first) + 1);
  return size;
}

std::int32_t Tokenizer::add_token(std::string_view text, bool special,
                                  std::optional<std::int32_t> id) {
  const auto refused = [&](const std::string& got, const std::string& expected) {
    throw InputError(explain("tokeniser: control word '" + printable(text, 60) + "'", got, expected,
                             "give every control word an id of its own"));
  };
  if (text.empty() || text.size() > AddedTokens::kLongest || !is_utf8(text))
    refused("a text of " + std::to_string(text.size()) + " bytes",
            "1 to " + std::to_string(AddedTokens::kLongest) + " bytes of UTF-8");
  if (const auto known = added_->id_of(text)) {
    if (id && *id != *known)
      refused("id " + std::to_string(*id), "its id " + std::to_string(*known));
    return *known;
  }
  AddedToken token;
  token.text = text;
  token.special = special;
  token.normalized = !special;
  const auto in_vocabulary = model_->bpe.id_of(bytes_of_written(text));
  token.id = id ? *id : in_vocabulary.value_or(static_cast<std::int32_t>(size()));
  if (token.id < 0 || token.id >= kMostIds)
    refused("id " + std::to_string(token.id), "an id from 0 to " + std::to_string(kMostIds - 1));
  if (in_vocabulary && *in_vocabulary != token.id)
    refused("id " + std::to_string(token.id),
            "its id in the vocabulary, " + std::to_string(*in_vocabulary));
  if (!in_vocabulary && has_token(token.id))
    refused("id " + std::to_string(token.id),
            "an id that '" + printable(bytes_of(token.id), 60) + "' does not have");
  auto added = std::make_shared<AddedTokens>(*added_);
  added->put(token);
  added->build();
  added_ = std::move(added);
  return token.id;
}

TokenStream::TokenStream(const Tokenizer& tokenizer, bool skip_special)
    : tokenizer_(tokenizer), skip_special_(skip_special) {}

std::string TokenStream::push(std::int32_t id) {
  const std::string_view token = tokenizer_.bytes_of(id);
  if (skip_special_ && tokenizer_.is_special(id)) return {};
  pending_.append(token);
  const std::size_t kept = incomplete_end(pending_);
  const std::string_view ready = std::string_view(pending_).substr(0, pending_.size() - kept);
  std::string out = repaired(ready);
  pending_.erase(0, ready.size());
  return out;
}

std::string TokenStream::flush() {
  std::string out = repaired(pending_);
  pending_.clear();
  return out;
}

}  // namespace vega::text
