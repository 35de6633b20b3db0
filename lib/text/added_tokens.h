// Control words of a tokeniser ("<|im_end|>"), found in texts as the `tokenizers` package finds
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vega::text {

struct AddedToken {
  std::string text;
  std::int32_t id = 0;
  bool special = false;      // left out of decoded text where asked
  bool normalized = true;    // searched after NFC, in its own NFC
  bool single_word = false;  // not within a word
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
};

// The longest of several texts at a place.
class TextTrie {
 public:
  TextTrie();
  void add(std::string_view text, std::int32_t id);
  // Length and id of the longest text that `text` has at `at`; length 0: none.
  std::pair<std::size_t, std::int32_t> longest(std::string_view text, std::size_t at) const;

 private:
  struct Node {
    std::int32_t child = -1, sibling = -1, id = -1;
    char byte = 0;
  };
  std::int32_t child_of(std::int32_t node, char byte) const;

  std::vector<Node> nodes_;
  std::int32_t first_[256];  // the children of the root
};

class AddedTokens {
 public:
  // Texts longer than this are refused, so that a search stays linear.
  static constexpr std::size_t kLongest = 1024;

  // Puts a token in, or in place of the one with its id and text. `build` follows after the last.
  void put(const AddedToken& token);
  void build();

  const AddedToken* find(std::int32_t id) const;
  std::optional<std::int32_t> id_of(std::string_view text) const;
  // What a token becomes in decoded text; null: no such token.
  const std::string* bytes_of(std::int32_t id) const;
  const std::map<std::int32_t, AddedToken>& all() const { return tokens_; }

  // Gives the parts of a text in order: `word` gets the tokens, `text` the NFC of what lies between
  // them. Tokens with `normalized` false are searched in the text as it is, then the others in the
  // NFC of each part. The longest token that begins first counts.
  void split(std::string_view text, const std::function<void(const AddedToken&)>& word,
             const std::function<void(std::string_view)>& rest) const;

 private:
  void split_by(const TextTrie& trie, std::string_view text,
                const std::function<void(const AddedToken&)>& word,
                const std::function<void(std::string_view)>& rest) const;

  std::map<std::int32_t, AddedToken> tokens_;
  std::map<std::int32_t, std::string> bytes_;
  std::map<std::string, std::int32_t, std::less<>> ids_;
  TextTrie raw_, normalized_;
};

}  // namespace vega::text
