// The tokeniser of Qwen2 and its relatives: text to ids and back. Byte-level BPE after NFC and the
// split pattern of the tokeniser's file, with added tokens (control words) as the `tokenizers`
// package treats them. docs/language.md says which files are read and what is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vega::text {

class AddedTokens;

// What becomes of control words ("<|im_end|>", "<ground>": the added tokens) within a text.
enum class Control {
  kText,    // they are text like any other: for what users and annotations wrote
  kTokens,  // they become their ids: for prompts of our own, and to repeat the released programs
};

// One tokeniser. Copies are cheap and share the vocabulary; const calls may come from many threads.
class Tokenizer {
 public:
  // Reads a tokenizer.json, or a folder that has one, or a folder with vocab.json and merges.txt.
  // Added tokens come from tokenizer_config.json and added_tokens.json too.
  // Throws InputError (nothing there, or it cannot be read), FormatError (path, key, got, expected,
  // remedy) for a damaged file and for a tokeniser of another kind.
  static Tokenizer open(const std::filesystem::path& path);

  // The ids of a text. The time is linear in its length but for a factor log(n) within one word.
  // Throws InputError when the text is not UTF-8.
  std::vector<std::int32_t> encode(std::string_view text, Control control) const;

  // How many ids of control words encode(text, Control::kTokens) gives. Throws like encode.
  std::size_t count_control(std::string_view text) const;

  // The text of ids. Bytes that are not UTF-8 become U+FFFD, one for each longest piece that could
  // have begun a character. Ids of special tokens are left out where asked.
  // Throws InputError when an id has no token.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special) const;

  // The bytes of one token: "\xe6\x9c" of a part of a character, " the", "<|im_end|>". Throws
  // InputError when the id has no token.
  std::string_view bytes_of(std::int32_t id) const;
  bool is_special(std::int32_t id) const;
  bool has_token(std::int32_t id) const;

  // The id of the token with exactly these bytes (" the", "\n", "<|im_end|>"): of an added token,
  // or else of the vocabulary. Nothing: there is none.
  std::optional<std::int32_t> id_of(std::string_view token) const;

  // One more than the largest id: the rows that an embedding needs.
  std::size_t size() const;

  // Adds a control word and returns its id: `id`, or by default the next one, size(). A word that
  // is an added token already keeps its id. Special words are searched before NFC and left out by
  // decode(..., true); the others are searched after NFC.
  // Throws InputError when the text is empty or not UTF-8, when it has another id already, or the
  // id another token.
  std::int32_t add_token(std::string_view text, bool special,
                         std::optional<std::int32_t> id = std::nullopt);

 private:
  struct Model;
  Tokenizer(std::shared_ptr<const Model> model, std::shared_ptr<const AddedTokens> added);

  std::shared_ptr<const Model> model_;
  std::shared_ptr<const AddedTokens> added_;
};

// Ids in, text out as soon as its characters are complete. All that push and flush return, one
// after the other, is decode() of all ids.
class TokenStream {
 public:
  // The tokeniser must outlive the stream.
  explicit TokenStream(const Tokenizer& tokenizer, bool skip_special = true);

  // The characters that this id completes; may be empty. Throws InputError when the id has no
  // token.
  std::string push(std::int32_t id);

  // At the end: what is left of an incomplete character, as U+FFFD.
  std::string flush();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_;
  std::string pending_;  // at most three bytes that may begin a character
};

}  // namespace vega::text
